"""Core's own SAMPLERs (ComfyUI 0.33.0) under rising sigmas: which come back, and which must be refused.

Half of them silently return garbage: NaN, the clean clip, or noise with a plausible std that has nothing to
do with the clip. tests/host/test_host_core_samplers.py runs every one that ComfyUI has and fails if the list
here is not what it finds, so a new ComfyUI cannot widen it unseen.
"""

from ...unsampling import UnsamplingError
from .core import CORE
from .fields import Kind

# samplers of other kinds have neither
SAMPLER = Kind(CORE, "comfy.samplers:KSAMPLER", own=("sampler_function", "extra_options"))
PREFIX = "core "
INVERTIBLE = ("euler", "heun", "dpm_2", "dpmpp_2m", "ipndm", "deis", "res_multistep")


def solver_name(sampler) -> str:
    """How a record names a core SAMPLER that can be run backwards.

    Raises: UnsamplingError for every other one, naming what to use instead.
    """
    function = SAMPLER.read(sampler, "sampler_function")
    name = getattr(function, "__name__", type(sampler).__name__)
    name = name.removeprefix("sample_").removesuffix("_function")
    cure = f"choose one of {', '.join(INVERTIBLE)}, or disconnect sampler and use this node's solver"
    if name not in INVERTIBLE:
        raise UnsamplingError(f"sampler {name} cannot be run backwards; {cure}")
    options = SAMPLER.read(sampler, "extra_options") or {}
    if options.get("s_churn") or options.get("eta"):
        raise UnsamplingError(
            f"sampler {name} has options of its own (such as s_churn) that add noise; {cure}"
        )
    return PREFIX + name


def is_core(solver: str) -> bool:
    """Whether a record's solver is a core SAMPLER."""
    return solver.startswith(PREFIX)

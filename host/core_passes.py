"""The two passes with a core SAMPLER in place of our solver: no record, so not exact."""

import torch
from torch import Tensor

from ..unsampling import Inversion, UnsamplingError, schedules
from ..unsampling.progress import to_resample
from . import acting, sampling
from .counted import CountedSampler
from .packs import core, core_samplers
from .repeats import Repeats
from .run import NOISE, PREVIEW, Run
from .told import Told


def refuse_settings(settings: dict[str, float]) -> None:
    """Raises: UnsamplingError for one above 0, since all need a record; direct below 0 is none here."""
    for name, value in settings.items():
        if value > 0:
            raise UnsamplingError(
                f"{name} above 0 needs a record, which a core sampler does not keep; set it to 0, or unsample"
                " with this pack's solver"
            )


def rise(
    rising: Run,
    falling: Tensor,
    start: int,
    sampler,
    mask: Tensor | None,
    sigma_min: float,
    seen: Repeats,
    told: str = "",
) -> tuple[Tensor, Inversion]:
    """Up with a core SAMPLER. told: what the user should know before the first model call.

    Raises: UnsamplingError for a SAMPLER that does not come back, and for a mask.
    """
    name = core_samplers.solver_name(sampler)
    if mask is not None:
        raise UnsamplingError(
            "latent_image carries a noise mask, which a core sampler cannot keep; disconnect sampler"
        )
    sigmas = schedules.reverse(falling[start:], sigma_min)
    counted = CountedSampler(sampler, seen)
    coming = f"unsampling with {name}, {len(sigmas) - 1} steps, as many to resample"
    rising.say(Told(coming, "unsampling") + told + PREVIEW)
    then = to_resample(len(sigmas) - 1, core.guidance(rising.guider) != 1)
    steps = rising.timed(lambda *_: None, "step", then, NOISE)  # not its model calls
    noise = sampling.run(rising.guider, rising.samples, sigmas, counted, len(sigmas) - 1, steps)
    return noise, Inversion(torch.empty(0), falling, name, start, calls=counted.calls)


def fall(falling: Run, inversion: Inversion, sampler, structure: float | Tensor, remark: str = "") -> Tensor:
    """Down with the same one. remark: what there is to say already.

    Raises: UnsamplingError without a sampler, and for settings that need a record.
    """
    if sampler is None:
        raise UnsamplingError(
            f"noise was made with {inversion.solver}; connect the same SAMPLER (Noiseless"
            " Resampler (Advanced)), or unsample with this pack's solver"
        )
    if torch.as_tensor(structure).max() > 0:
        raise UnsamplingError(
            "structure above 0 needs a record, which a core sampler does not keep; set it"
            " to 0, or unsample with this pack's solver"
        )
    sigmas, counted = inversion.sigmas[inversion.start :], CountedSampler(sampler)
    steps = falling.timed(lambda *_: None, "step")
    clip = sampling.run(falling.guider, falling.samples, sigmas, counted, len(sigmas) - 1, steps)
    done = f"resampled with {inversion.solver} in {counted.calls} model calls"
    told = Told(done, f"resampled in {counted.calls} model calls")
    falling.done(told, remark, acting.on_guider(falling.guider))
    return clip

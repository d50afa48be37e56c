"""What a MODEL and its guider are, read from ComfyUI's own objects."""

from math import inf

import comfy.model_base
import comfy.model_sampling
import comfy.samplers
import comfyui_version
from torch import Tensor

from ..unsampling import UnsamplingError, __version__, curves, schedules
from . import experts
from .facts import Family
from .packs import animatediff_settings, core
from .record import digest

# a sigma_max that only schedules with zero terminal SNR have: theirs is 4519, AnimateDiff's widest 66
NO_SIGNAL = 1000
# How far above the model's highest sigma a schedule may begin: published tables and typed numbers are
# rounded. A flow model's is 1, to a rounding of float32.
SLACK, FLOW_SLACK = 1.01, 1.0001


def cfg_guider(model, positive, negative, cfg: float) -> comfy.samplers.CFGGuider:
    """The guider that core's SamplerCustom makes: the MODEL as given; at cfg 1 the negative is not asked."""
    cfg = curves.one_number(cfg, "cfg")
    if not 0 <= cfg < inf:
        raise UnsamplingError(f"cfg is {cfg:g}; set it to 0 or above (1 switches guidance off)")
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(positive, negative)
    guider.set_cfg(cfg)
    return guider


def is_plain(guider) -> bool:
    """Whether this is core's guider itself, of which cfg and conditions tell everything."""
    return type(guider) is comfy.samplers.CFGGuider


def cfg_of(guider) -> float:
    """The guidance of a guider; of one that has two or changes it, the higher: any above 1 leaves the
    Gaussian."""
    custom = animatediff_settings.highest_cfg(guider.model_patcher)
    # other guiders mix their answers themselves, past AnimateDiff-Evolved's function
    if custom is not None and type(guider).predict_noise is comfy.samplers.CFGGuider.predict_noise:
        return custom
    return core.guidance(guider)


def is_flow(model) -> bool:
    """Whether the clip fades as the noise rises."""
    return isinstance(model.get_model_object("model_sampling"), comfy.model_sampling.CONST)


def family(model) -> Family:
    """What noise of this MODEL depends on. Patches, hooks and LoRA are not part of it: they are the edit."""
    sampling = model.get_model_object("model_sampling")
    parents = [c.__name__ for c in type(sampling).__mro__ if c.__module__ == "comfy.model_sampling"]
    low, high = float(sampling.sigma_min), float(sampling.sigma_max)
    table = f"{low:.4g} to {high:.4g} ({digest(sampling.sigmas)})"
    latent_format = type(model.get_model_object("latent_format")).__name__
    return Family(type(model.model).__name__, latent_format, "+".join(parents), table, high, is_flow(model))


def info(guider) -> dict[str, str]:
    """For a report: which prompts, how many patched weights, which versions."""
    prompts = {
        f"prompt {name}": digest(*(c["cross_attn"] for c in conds if "cross_attn" in c))
        for name, conds in core.conditions(guider).items()
    }
    patched = [str(len(one.model_patcher.patches)) for one in experts.each(guider)]
    return {
        **prompts,
        "patched weights": " and ".join(patched),
        "unsampling": __version__,
        "comfyui": comfyui_version.__version__,
    }


def is_digest(name: str) -> bool:
    """Whether a name of info() has a digest, which tells people nothing."""
    return name == "source" or name.startswith("prompt ")


def is_above(model, sigma: float) -> bool:
    """Whether a schedule that begins at this sigma asks the MODEL above the highest that it knows."""
    top = float(model.get_model_object("model_sampling").sigma_max)
    return sigma > (max(top, 1.0) * FLOW_SLACK if is_flow(model) else top * SLACK)


def schedulers(model) -> str:
    """The nodes that make a schedule for this MODEL, in words."""
    if is_flow(model):
        return "Basic Scheduler with this model"
    if _own_table(model) is not None:
        return "AYS Scheduler (auto) or Basic Scheduler with this model"
    return f"Basic Scheduler with this model ({_scheduler(model)})"


def ays(model, chosen: str, steps: int, denoise: float) -> Tensor:
    """The schedule of the AYS table that was chosen, or for "auto" that was made for models of this kind.

    model: None where none is connected.
    Raises: UnsamplingError as ays_table(), and for a schedule that begins above what the MODEL knows.
    """
    table = ays_table(model, chosen)
    sigmas = schedules.ays(table, steps, denoise)
    if model is not None and is_above(model, float(sigmas[0])):
        top = float(model.get_model_object("model_sampling").sigma_max)
        cure = (
            "set model_type to auto" if _own_table(model) not in (None, table) else f"use {schedulers(model)}"
        )
        raise UnsamplingError(
            f"the table of {table} starts at sigma {sigmas[0]:.4g}, but the model, a"
            f" {type(model.model).__name__}, knows noise up to {top:.4g} only; {cure}"
        )
    return sigmas


def ays_table(model, chosen: str) -> str:
    """The name of the AYS table that was chosen, or for "auto" that was made for models of this kind.

    model: None where none is connected.
    Raises: UnsamplingError where there is none, and for flow models whatever was chosen.
    """
    if model is not None and is_flow(model):
        raise UnsamplingError(
            f"model is a {type(model.model).__name__}, a flow model, whose noise ends at"
            " 1 and for which no AYS table exists; use Basic Scheduler with the model's own"
            " scheduler (simple)"
        )
    if chosen != "auto":
        return chosen
    if model is None:
        raise UnsamplingError(
            "model_type is auto but no model is connected; connect the model, or choose SD1, SDXL or SVD"
        )
    table = _own_table(model)
    if table is None:
        top = float(model.get_model_object("model_sampling").sigma_max)
        raise UnsamplingError(
            f"model is a {type(model.model).__name__} with sigmas up to {top:.4g}, for which no AYS"
            " table exists; use Basic Scheduler with the model's own scheduler (simple or"
            " normal, for EDM karras), or choose a table by hand"
        )
    return table


def _own_table(model) -> str | None:
    """The AYS table that was made for models of this kind, if any."""
    base, sampling = model.model, model.get_model_object("model_sampling")
    # the tables were made for the eps models' own noise: not for EDM, nor for noise without any signal left
    discrete = isinstance(sampling, comfy.model_sampling.ModelSamplingDiscrete)
    discrete = discrete and float(sampling.sigma_max) < NO_SIGNAL
    if isinstance(base, comfy.model_base.SVD_img2vid):
        return "SVD"
    if discrete and isinstance(base, comfy.model_base.SDXL | comfy.model_base.SDXLRefiner):
        return "SDXL"
    if discrete and type(model.get_model_object("latent_format")).__name__ == "SD15":
        return "SD1"
    return None


def _scheduler(model) -> str:
    """The entry of Basic Scheduler that suits the MODEL."""
    sampling = model.get_model_object("model_sampling")
    return "simple" if isinstance(sampling, comfy.model_sampling.ModelSamplingDiscrete) else "karras"


def sigma_min(model) -> float:
    """The lowest sigma that the MODEL knows."""
    return float(model.get_model_object("model_sampling").sigma_min)


def levels(model) -> int:
    """How many sigmas the MODEL knows: 1000 as a rule, 50 or so for one that was distilled like LCM."""
    return len(model.get_model_object("model_sampling").sigmas)


def channels(model) -> int:
    """How many channels a latent of this MODEL has."""
    return core.LATENT_FORMAT.read(model.get_model_object("latent_format"), "latent_channels")

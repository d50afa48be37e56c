"""What makes one GUIDER of two MODELs, or refuses two that do not belong together."""

from math import isfinite

from ..unsampling import UnsamplingError, curves
from . import models
from .experts import Experts, in_float32
from .packs import core_experts, run_state

AS_HIGH = -1.0  # of low_cfg: the same as cfg
TOGETHER = (
    "connect two models that were trained for one schedule: Wan 2.2's high-noise and low-noise one, or SDXL"
    " and its refiner"
)


def pair(
    high_model,
    low_model,
    positive,
    negative,
    cfg: float,
    border: float,
    low_positive=None,
    low_negative=None,
    low_cfg: float = AS_HIGH,
) -> Experts:
    """The guider of two experts.

    border: the sigma from which up high_model is asked. low_positive, low_negative: None for the same as the
    other's. low_cfg: -1 for the same.
    Raises: UnsamplingError for models of two kinds, and for settings that do not fit.
    """
    _check_models(high_model, low_model)
    low_cfg = curves.one_number(low_cfg, "low_cfg")
    if low_positive is None or (low_negative is None and (cfg if low_cfg == AS_HIGH else low_cfg) != 1):
        _check_texts(high_model, low_model)
    if low_cfg != AS_HIGH and not 0 <= low_cfg < float("inf"):
        raise UnsamplingError(f"low_cfg is {low_cfg:g}; set it to 0 or above, or to -1 for the same as cfg")
    high = models.cfg_guider(high_model, positive, negative, cfg)
    low = models.cfg_guider(
        low_model,
        positive if low_positive is None else low_positive,
        negative if low_negative is None else low_negative,
        cfg if low_cfg == AS_HIGH else low_cfg,
    )
    return Experts((high, low), _border(border))


def _border(border: float) -> float:
    border = curves.one_number(border, "border")
    if not (isfinite(border) and border > 0):
        raise UnsamplingError(
            f"border is {border:g}; set it to a sigma above 0: 0.875 for Wan 2.2 text-to-video, 0.9 for"
            " image-to-video"
        )
    return in_float32(border)


def _check_models(high, low) -> None:
    for name, model in (("high_model", high), ("low_model", low)):
        if not run_state.is_patcher(model):
            raise UnsamplingError(
                f"{name} is no MODEL but a {type(model).__name__}; an expert is one model, and there are two"
            )
    kinds = [f"a {type(model.model).__name__}" for model in (high, low)]
    flow = [models.is_flow(model) for model in (high, low)]
    if flow[0] != flow[1]:
        told = [f"{kind}, {'a' if one else 'no'} flow model" for kind, one in zip(kinds, flow, strict=True)]
        raise UnsamplingError(
            f"high_model is {told[0]}, and low_model is {told[1]}: one sigma is another noise to each;"
            f" {TOGETHER}"
        )
    formats = [type(model.get_model_object("latent_format")).__name__ for model in (high, low)]
    if formats[0] != formats[1] or models.channels(high) != models.channels(low):
        raise UnsamplingError(
            f"high_model is {kinds[0]} with latents of the format {formats[0]}, and low_model is {kinds[1]}"
            f" with {formats[1]}: one cannot go on with what the other leaves; {TOGETHER}"
        )


def _check_texts(high, low) -> None:
    """Raises: UnsamplingError for two models that read texts of other widths, given one text."""
    widths = [core_experts.text_width(model) for model in (high, low)]
    if None not in widths and widths[0] != widths[1]:
        raise UnsamplingError(
            f"low_model ({type(low.model).__name__}) reads texts of {widths[1]} numbers a token, high_model"
            f" ({type(high.model).__name__}) of {widths[0]}; encode the prompts with low_model's own CLIP"
            " too, and connect them to low_positive and low_negative"
        )

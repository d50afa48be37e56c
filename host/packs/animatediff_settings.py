"""Sample Settings that AnimateDiff-Evolved (read at 1.5.7) left on a MODEL: read, never changed."""

import torch

from ...unsampling import UnsamplingError
from .animatediff import ADE, SETTINGS, SETTINGS_KEY
from .fields import Kind

ITERATIONS = Kind(ADE, "animatediff.sample_settings:IterationOptions", ("iterations",))
FREE_INIT = Kind(ADE, "animatediff.sample_settings:FreeInitOptions", ("apply_to_1st_iter",))
INJECTION = Kind(ADE, "animatediff.sample_settings:NoisedImageToInjectGroup", ("is_empty",))
CFG_GROUP = Kind(
    ADE,
    "animatediff.sample_settings:CustomCFGKeyframeGroup",
    ("keyframes", "reset", "prepare_current_keyframe", "_previous_t"),
)
CFG_KEYFRAME = Kind(ADE, "animatediff.sample_settings:CustomCFGKeyframe", ("cfg_multival",))


def refuse_changing(model) -> None:
    """Refuses sample settings that re-noise or replace the latent during sampling.

    Noise types and noise layers need no check: AnimateDiff-Evolved leaves noise alone that is all zero, and
    ours is.
    """
    settings = model.get_attachment(SETTINGS_KEY.name)
    if settings is None:
        return
    culprit = None
    if _samples_again(SETTINGS.read(settings, "iteration_opts")):
        culprit = "iteration_opts samples again or adds noise (FreeInit)"
    elif SETTINGS.read(settings, "noise_calibration") is not None:
        culprit = "noise calibration replaces the noise"
    elif not INJECTION.read(SETTINGS.read(settings, "image_injection"), "is_empty")():
        culprit = "image_inject replaces the latent half way"
    if culprit is not None:
        raise UnsamplingError(
            f"model has AnimateDiff sample settings whose {culprit}; disconnect it from Sample Settings"
        )


def _samples_again(iterations) -> bool:
    if ITERATIONS.read(iterations, "iterations") > 1:
        return True
    # whatever else its options are by name, they are taken for FreeInit's: a new class is not passed unseen
    plain = type(iterations).__name__ == ITERATIONS.kind
    return not plain and bool(FREE_INIT.read(iterations, "apply_to_1st_iter"))


def highest_cfg(model) -> float | None:
    """The highest guidance of its Custom CFG, which takes the place of a guider's own; None without one."""
    values = [torch.as_tensor(value) for value in guidances(model)]
    return max(float(value.max()) for value in values) if values else None


def guidances(model) -> list:
    """The guidance of each keyframe of its Custom CFG, a number or a tensor; empty without one."""
    settings = model.get_attachment(SETTINGS_KEY.name)
    group = None if settings is None else SETTINGS.read(settings, "custom_cfg")
    frames = [] if group is None else CFG_GROUP.read(group, "keyframes")
    return [CFG_KEYFRAME.read(frame, "cfg_multival") for frame in frames]

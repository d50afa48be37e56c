"""Sample Settings that AnimateDiff-Evolved left on a MODEL, read from its attachment, never changed."""

import torch

from ...unsampling import UnsamplingError


def refuse_changing(model) -> None:
    """Refuses sample settings that re-noise or replace the latent during sampling.

    Noise types and noise layers need no check: AnimateDiff-Evolved leaves noise alone that is all zero, and
    ours is.
    """
    settings = model.get_attachment("ADE_sample_settings")
    if settings is None:
        return
    culprit = None
    iterations = settings.iteration_opts
    if iterations.iterations > 1 or getattr(iterations, "apply_to_1st_iter", False):
        culprit = "iteration_opts samples again or adds noise (FreeInit)"
    elif settings.noise_calibration is not None:
        culprit = "noise calibration replaces the noise"
    elif not settings.image_injection.is_empty():
        culprit = "image_inject replaces the latent half way"
    if culprit is not None:
        raise UnsamplingError(
            f"model has AnimateDiff sample settings whose {culprit}; disconnect it from Sample Settings"
        )


def custom_cfg(model) -> float | None:
    """The highest guidance of its Custom CFG, which takes the place of a guider's own; None without one."""
    settings = model.get_attachment("ADE_sample_settings")
    if settings is None or settings.custom_cfg is None:
        return None
    return max(float(torch.as_tensor(frame.cfg_multival).max()) for frame in settings.custom_cfg.keyframes)

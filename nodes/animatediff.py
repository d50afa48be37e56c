"""What AnimateDiff-Evolved (and core's context windows) left on a MODEL, read from its attachments, never
changed."""

from ..unsampling import UnsamplingError

ADE_FIELDS = ("context_schedule", "context_length", "context_stride", "context_overlap", "closed_loop",
              "fuse_method", "use_on_equal_length", "start_percent", "guarantee_steps")
CORE_FIELDS = ("context_length", "context_stride", "context_overlap", "closed_loop", "dim")


def windows(model, frames: int) -> str:
    """The context windows that a clip of that many frames is cut into, as text; empty where it is not cut."""
    found = []
    params = model.get_attachment("ADE_params")
    if params is not None:
        found += [_text(options, ADE_FIELDS) for options in params.context_options.contexts
                  if options.context_length is not None and frames > options.context_length]
    handler = model.model_options.get("context_handler")
    if handler is not None and frames > handler.context_length:
        names = f"{handler.context_schedule.name} {handler.fuse_method.name}"
        found.append(f"{names} {_text(handler, CORE_FIELDS)}")
    return "; ".join(found)


def _text(options, fields: tuple[str, ...]) -> str:
    values = {name.removeprefix("context_"): getattr(options, name) for name in fields}
    return ", ".join(f"{name} {value}" for name, value in values.items() if value is not None)


def refuse_changing_settings(model) -> None:
    """Refuses sample settings that re-noise or replace the latent during sampling.

    Noise types and noise layers need no check: AnimateDiff-Evolved leaves noise alone that is all zero, and
    ours is.
    """
    settings = model.get_attachment("ADE_sample_settings")
    if settings is None:
        return
    culprit = None
    if settings.iteration_opts.iterations > 1:
        culprit = "iteration_opts (FreeInit) adds noise and samples again"
    elif settings.noise_calibration is not None:
        culprit = "noise calibration replaces the noise"
    elif not settings.image_injection.is_empty():
        culprit = "image_inject replaces the latent half way"
    if culprit is not None:
        raise UnsamplingError(f"model has AnimateDiff sample settings whose {culprit}; disconnect it from"
                              " Sample Settings")

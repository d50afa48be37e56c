"""What AnimateDiff-Evolved (and core's context windows) left on a MODEL, read from its attachments, never
changed."""

from ..unsampling import UnsamplingError

ADE_FIELDS = ("context_schedule", "context_length", "context_stride", "context_overlap", "closed_loop",
              "fuse_method", "use_on_equal_length", "start_percent", "guarantee_steps")
CORE_FIELDS = ("context_length", "context_stride", "context_overlap", "closed_loop", "dim",
               "cond_retain_index_list", "latent_retain_index_list", "split_conds_to_windows",
               "causal_window_fix")  # of which older ComfyUIs do not have all


def windows(model, frames: int) -> str:
    """The context windows that a clip of that many frames is cut into, as text; empty where it is not cut."""
    found = []
    params = model.get_attachment("ADE_params")
    for options in () if params is None else params.context_options.contexts:
        length, views = options.context_length, options.view_options
        if length is not None and frames > length:
            found.append(_text(options, ADE_FIELDS))
        if views is not None and min(frames, length or frames) > views.context_length:
            found.append(f"views of {_text(views, ADE_FIELDS)}")
    handler = model.model_options.get("context_handler")
    if handler is not None and frames > handler.context_length:
        names = f"{handler.context_schedule.name} {handler.fuse_method.name}"
        found.append(f"{names} {_text(handler, CORE_FIELDS)}")
    return "; ".join(found)


def _text(options, fields: tuple[str, ...]) -> str:
    values = {name.removeprefix("context_"): getattr(options, name, None) for name in fields}
    return ", ".join(f"{name} {value}" for name, value in values.items() if value not in (None, []))


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

"""Context windows in force on a MODEL: AnimateDiff-Evolved's, the views inside them, and core's. Read from
what they left on it, never changed."""

from collections.abc import Iterator

from ..unsampling import UnsamplingError

# schedules whose windows lie elsewhere at another step; "uniform" is AnimateDiff-Evolved's old looped one
LOOPED = ("looped_uniform", "uniform")
MOVING = ("standard_uniform", *LOOPED)
# one window over the whole clip, for the views in it to do all the work
VIEWS_ONLY = "view_as_context"

ADE_FIELDS = ("context_schedule", "context_length", "context_stride", "context_overlap", "closed_loop",
              "fuse_method", "start_percent", "guarantee_steps")
CORE_FIELDS = ("context_length", "context_stride", "context_overlap", "closed_loop", "dim",
               "cond_retain_index_list", "latent_retain_index_list", "split_conds_to_windows",
               "causal_window_fix")  # of which older ComfyUIs do not have all


def told(model, shape: tuple[int, ...]) -> str:
    """The windows that latents of that shape are cut into, as text to compare; empty where it is whole."""
    return "; ".join(_text(kind, options) for kind, options in in_force(model, shape))


def check_overlap(model, shape: tuple[int, ...]) -> None:
    """Raises: UnsamplingError if windows overlap so much that they never get on, for latents of that shape.

    The hosts' own answers are a range() without a step, or windows that leave every frame out.
    """
    for kind, options in in_force(model, shape):
        length, overlap = options.context_length, options.context_overlap
        if overlap is not None and overlap >= length:
            what, widget = ("views", "view") if kind == "views" else ("context windows", "context")
            raise UnsamplingError(f"model has {what} of {length} frames that overlap by {overlap};"
                                  f" set {widget}_overlap below {length}")


def refuse_moving(model, shape: tuple[int, ...]) -> None:
    """For core's samplers: while sigma rises their steps count up, and the host places windows by them.

    Raises: UnsamplingError if such windows cut latents of that shape.
    """
    for kind, options in in_force(model, shape):
        name = _schedule(options)
        if name in MOVING:
            what = "views" if kind == "views" else "context windows"
            raise UnsamplingError(f"model has {what} that move from step to step ({name}), which a core"
                                  " sampler meets in another order on its way up; use Standard Static,"
                                  " or disconnect sampler")


def in_force(model, shape: tuple[int, ...]) -> Iterator[tuple[str, object]]:
    """Kind ("ade", "views", "core") and options of all windows that latents of that shape are cut into."""
    params = model.get_attachment("ADE_params")
    contexts, frames = [] if params is None else params.context_options.contexts, shape[0]
    # the first one decides for all of them, and where it is not used their views are not either
    if contexts and _used(contexts[0], frames):
        for context in contexts:
            if _cuts(context, frames):
                yield "ade", context
            views, window = context.view_options, min(frames, _length(context, frames))
            if views is not None and _used(views, window) and _cuts(views, window):
                yield "views", views
    handler = model.model_options.get("context_handler")
    if handler is not None and len(shape) > handler.dim and shape[handler.dim] > handler.context_length:
        yield "core", handler


def _used(options, frames: int) -> bool:
    """Whether AnimateDiff-Evolved turns to these options at all."""
    length = _length(options, frames)
    return frames > length or (frames == length and bool(options.use_on_equal_length))


def _cuts(options, frames: int) -> bool:
    """Whether options in use give anything but one window of all frames in their order, at every step."""
    length = _length(options, frames)
    return frames > length or (frames == length and _schedule(options) in LOOPED)


def _length(options, frames: int) -> int:
    if _schedule(options) == VIEWS_ONLY:
        return frames  # its own is the clip's of the last run
    return frames + 1 if options.context_length is None else options.context_length


def _schedule(options) -> str:
    schedule = options.context_schedule
    return getattr(schedule, "name", schedule)


def _text(kind: str, options) -> str:
    fields = CORE_FIELDS if kind == "core" else ADE_FIELDS
    values = {name.removeprefix("context_"): getattr(options, name, None) for name in fields}
    text = ", ".join(f"{name} {value}" for name, value in values.items() if value not in (None, []))
    if kind == "core":
        return f"{_schedule(options)} {options.fuse_method.name} {text}"
    return f"views of {text}" if kind == "views" else text

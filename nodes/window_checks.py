"""Context windows that a pass cannot work with: AnimateDiff-Evolved's and core's. Read from a MODEL, never
changed."""

from collections.abc import Iterator

from ..unsampling import UnsamplingError

# schedules whose windows lie elsewhere at another step; the last is an old one of AnimateDiff-Evolved
MOVING = ("standard_uniform", "looped_uniform", "uniform")


def check_overlap(model, shape: tuple[int, ...]) -> None:
    """Raises: UnsamplingError if windows overlap so much that they never get on, for latents of that shape.

    The hosts' own answers are a range() without a step, or windows that leave every frame out.
    """
    for options, frames in _windows(model, shape):
        length, overlap = options.context_length, options.context_overlap
        if length is not None and overlap is not None and overlap >= length and frames > length:
            raise UnsamplingError(f"model has context windows of {length} frames that overlap by {overlap};"
                                  f" set context_overlap below {length}")


def refuse_moving(model, shape: tuple[int, ...]) -> None:
    """For core's samplers: while sigma rises their steps count up, and the host places windows by them.

    Raises: UnsamplingError if such windows cut latents of that shape.
    """
    for options, frames in _windows(model, shape):
        schedule, length = options.context_schedule, options.context_length
        name = getattr(schedule, "name", schedule)
        if name in MOVING and length is not None and frames > length:
            raise UnsamplingError(f"model has context windows that move from step to step ({name}), which a"
                                  " core sampler meets in another order on its way up; use Standard Static,"
                                  " or disconnect sampler")


def _windows(model, shape: tuple[int, ...]) -> Iterator:
    params = model.get_attachment("ADE_params")
    contexts = [] if params is None else params.context_options.contexts
    for context in contexts:
        yield context, shape[0]
        if context.view_options is not None:
            yield context.view_options, context.context_length or shape[0]
    handler = model.model_options.get("context_handler")
    if handler is not None and len(shape) > handler.dim:
        yield handler, shape[handler.dim]

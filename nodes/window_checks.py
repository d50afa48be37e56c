"""Context windows that a pass cannot work with. Read from a MODEL, never changed."""

import copy
import sys

from ..unsampling import UnsamplingError
from .context_windows import LOOPED, VIEWS_ONLY, Windows, in_force, taking_turns

MOVING = ("standard_uniform", LOOPED)  # their windows lie elsewhere at another step
CHOPPED = ("batched", "svd_extension")  # side by side, the last one as short as it comes


def check(model, shape: tuple[int, ...], steps: range) -> None:
    """Refuses windows that the hosts answer with an error, a wrong one, or frames that no window has.

    steps: those of the schedule that the pass takes.
    Raises: UnsamplingError naming what to set, before any model call.
    """
    for windows in in_force(model, shape):
        _check_overlap(windows)
        _check_fuse(windows)
        _check_stride(windows, range(len(steps)) if windows.kind == "core" else steps)
    if _norms_by_windows(model):
        for windows in taking_turns(model, shape):
            _check_norms(windows)


def refuse_moving(model, shape: tuple[int, ...]) -> None:
    """For core's samplers: while sigma rises their steps count up, and the host places windows by them.

    Raises: UnsamplingError if such windows cut latents of that shape.
    """
    for windows in in_force(model, shape):
        if windows.schedule in MOVING:
            raise UnsamplingError(f"model has {_name(windows)} that move from step to step"
                                  f" ({windows.schedule}), which a core sampler meets in another order on"
                                  " its way up; use Standard Static, or disconnect sampler")


def _check_overlap(windows: Windows) -> None:
    """The hosts' own answers are a range() without a step, or windows that leave every frame out."""
    length, overlap = windows.options.context_length, windows.options.context_overlap
    if windows.schedule not in CHOPPED and overlap is not None and overlap >= length:
        cure = f"set {_widget(windows)}_overlap below {length}"
        if _of_video(windows):
            cure = "set context_overlap lower (nodes for video models count the clip's frames)"
        raise UnsamplingError(f"model has {_name(windows)} of {length} {_unit(windows)} that overlap by"
                              f" {overlap}; {cure}")


def _check_fuse(windows: Windows) -> None:
    """overlap-linear writes a ramp as long as the overlap into every window that has a neighbour."""
    length, overlap = windows.options.context_length, windows.options.context_overlap
    if windows.fuse_method != "overlap-linear" or windows.frames == length:
        return
    longest = (windows.frames % length or length) if windows.schedule in CHOPPED else length - 1
    if 0 < overlap <= longest:
        return
    cure = f", or an overlap from 1 to {longest}" if longest and not _of_video(windows) else ""
    raise UnsamplingError(f"model has {_name(windows)} of {length} {_unit(windows)} whose fuse_method"
                          f" overlap-linear has no room for its ramp (overlap {overlap}); choose another"
                          f" fuse_method{cure}")


def _check_stride(windows: Windows, steps: range) -> None:
    """Standard Uniform windows of stride 2 and more are shifted to the clip's end as if of stride 1: some end
    behind it, or leave a frame to no window, which becomes NaN. Of context keyframes nobody knows yet which
    steps they get; NaN ends those."""
    if windows.schedule != "standard_uniform" or windows.options.context_stride < 2 or not windows.alone:
        return
    for step in steps:
        frames = {frame for window in _placed(windows, step) for frame in window}
        if frames != set(range(windows.frames)):
            raise UnsamplingError(f"model has {_name(windows)} of stride {windows.options.context_stride}"
                                  f" that do not fit {windows.frames} {_unit(windows)} at step {step + 1};"
                                  f" set {_widget(windows)}_stride to 1")


def _placed(windows: Windows, step: int) -> list[list[int]]:
    """The windows of a step, as the host itself places them."""
    options = copy.copy(windows.options)
    if windows.kind == "core":
        options._step = step
        return options.context_schedule.func(windows.frames, options, {})
    options._step = step  # not by its setter, which sets the original's views, too
    return sys.modules[type(options).__module__].get_context_windows(windows.frames, options)


def _check_norms(windows: Windows) -> None:
    """The norms of some motion models take as many frames together as a window has, whatever it holds: of a
    shorter one they divide by zero, or mix it with the negative's."""
    if windows.kind != "ade" or windows.schedule == VIEWS_ONLY:
        return
    length, frames = windows.options.context_length, windows.frames
    if length > frames:
        raise UnsamplingError(f"model has a context keyframe of {length} frames, which this motion model"
                              f" cannot work with in a clip of {frames}; set its context_length to {frames}")
    if windows.schedule in CHOPPED and frames % length:
        raise UnsamplingError(f"model has context windows side by side ({windows.schedule}) of {length}"
                              f" frames, of which {frames} frames leave {frames % length} over, too few for"
                              " this motion model; use Standard Static, or a context_length that divides"
                              f" {frames}")


def _norms_by_windows(model) -> bool:
    """As AnimateDiff-Evolved decides it: see inject_functions in its sampling.py."""
    motion = model.additional_models.get("ADE", [])
    if not motion:
        return False
    info, proper = motion[0].model.mm_info, model.get_attachment("ADE_params").apply_v2_properly
    return info.mm_format == "PIA" or info.mm_version == "v1" or (info.mm_version == "v2" and not proper)


def _name(windows: Windows) -> str:
    return "views" if windows.kind == "views" else "context windows"


def _unit(windows: Windows) -> str:
    return "latent frames" if _of_video(windows) else "frames"


def _of_video(windows: Windows) -> bool:
    """Whether a latent frame holds several of the clip, by which the nodes for video models count."""
    return windows.kind == "core" and windows.options.dim == 2


def _widget(windows: Windows) -> str:
    return "view" if windows.kind == "views" else "context"

"""Context windows that a pass cannot work with. Read from a MODEL, never changed."""

import copy
import sys
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from ..unsampling import UnsamplingError
from .windows import LOOPED, VIEWS_ONLY, Windows, in_force, keyframes, of_core, taking_turns

MOVING = ("standard_uniform", LOOPED)  # their windows lie elsewhere at another step
EVEN = ("delayed reverse sawtooth", "pyramid-sigma", "pyramid-sigma inverse")  # ways to fuse
CHOPPED = ("batched", "svd_extension")  # side by side, the last one as short as it comes


def check(model, shape: tuple[int, ...], falling: Tensor, start: int = 0) -> None:
    """Refuses windows that the hosts answer with an error, a wrong one, or frames that no window has.

    falling: the schedule, of which the pass takes what begins at `start`. Context keyframes that get no step
        of it may be what they like.
    Raises: UnsamplingError naming what to set, before any model call.
    """
    _check_axis(of_core(model), shape)
    turns, norms = _turns(model, falling, start), _norms_by_windows(model)
    for windows in taking_turns(model, shape):
        # core counts the steps of the pass
        steps = range(len(falling) - 1 - start) if windows.kind == "core" else turns[windows.keyframe]
        if not steps:
            continue
        if windows.cuts:
            _check_overlap(windows)
            _check_fuse(windows)
            _check_stride(windows, steps)
        if norms:
            _check_norms(windows)


def refuse_moving(model, shape: tuple[int, ...]) -> None:
    """For core's samplers: while sigma rises their steps count up, and the host places windows by them.

    Raises: UnsamplingError if such windows cut latents of that shape.
    """
    for windows in in_force(model, shape):
        if windows.schedule in MOVING:
            raise UnsamplingError(
                f"model has {_name(windows)} that move from step to step"
                f" ({windows.schedule}), which a core sampler meets in another order on"
                " its way up; use Standard Static, or disconnect sampler"
            )


def _check_overlap(windows: Windows) -> None:
    """The hosts' own answers are a range() without a step, or windows that leave every frame out."""
    length, overlap = windows.options.context_length, windows.options.context_overlap
    if windows.schedule not in CHOPPED and overlap is not None and overlap >= length:
        cure = f"set {_widget(windows)}_overlap below {length}"
        if _of_video(windows):
            cure = (
                f"set context_overlap to less than {length} latent frames (Wan's and LTXV's nodes count"
                " the clip's frames)"
            )
        raise UnsamplingError(
            f"model has {_name(windows)} of {length} {_unit(windows)} that overlap by {overlap}; {cure}"
        )


def _check_axis(handler, shape: tuple[int, ...]) -> None:
    """Core's windows lie along an axis that the user numbers."""
    if handler is not None and handler.dim >= len(shape):
        raise UnsamplingError(
            f"model has context windows along dim {handler.dim}, but the latent has"
            f" {len(shape)} dimensions; set dim to {2 if len(shape) == 5 else 0}"
        )


def _check_fuse(windows: Windows) -> None:
    """Some of AnimateDiff-Evolved's methods have weights for an even number of frames only, and
    overlap-linear writes a ramp as long as the overlap into every window that has a neighbour."""
    length, overlap = windows.options.context_length, windows.options.context_overlap
    if length % 2 and windows.fuse_method.lstrip("\N{MICROSCOPE}") in EVEN:
        raise UnsamplingError(
            f"model has {_name(windows)} of {length} frames whose fuse_method"
            f" {windows.fuse_method} works with an even number of them only; choose"
            f" another fuse_method, or an even {_widget(windows)}_length"
        )
    if windows.fuse_method != "overlap-linear" or windows.frames == length:
        return
    longest = (windows.frames % length or length) if windows.schedule in CHOPPED else length - 1
    if 0 < overlap <= longest:
        return
    cure = f", or an overlap from 1 to {longest}" if longest and not _of_video(windows) else ""
    raise UnsamplingError(
        f"model has {_name(windows)} of {length} {_unit(windows)} whose fuse_method"
        f" overlap-linear has no room for its ramp (overlap {overlap}); choose another"
        f" fuse_method{cure}"
    )


def _check_stride(windows: Windows, steps: Sequence[int]) -> None:
    """Standard Uniform windows of stride 2 and more are shifted to the clip's end as if of stride 1: some end
    behind it, or leave a frame to no window, which becomes NaN."""
    if windows.schedule != "standard_uniform" or windows.options.context_stride < 2:
        return
    for step in steps:
        frames = {frame for window in _placed(windows, step) for frame in window}
        if frames != set(range(windows.frames)):
            raise UnsamplingError(
                f"model has {_name(windows)} of stride {windows.options.context_stride}"
                f" that do not fit {windows.frames} {_unit(windows)} at step {step + 1};"
                f" set {_widget(windows)}_stride to 1"
            )


def _turns(model, falling: Tensor, start: int) -> list[list[int]]:
    """For each context keyframe the steps of this schedule, from `start` on, in which a model call may meet
    it, as AnimateDiff-Evolved itself moves on. A solver may ask the model anywhere in a step: between its two
    sigmas other keyframes may begin."""
    contexts, sampling = keyframes(model), model.get_model_object("model_sampling")
    turns, passed = [[] for _ in contexts], falling[start:]
    if not contexts:
        return turns
    replay, options = type(model.get_attachment("ADE_params").context_options)(), {"sample_sigmas": passed}
    for context in map(copy.copy, contexts):
        context.start_t = sampling.percent_to_sigma(context.start_percent)
        replay.add(context)
    starts = passed.new_tensor([context.start_t for context in replay.contexts])
    for step, (sigma, following) in enumerate(pairwise(passed), start):
        inside = starts[(following < starts) & (starts < sigma)]
        met = set()
        for asked in (sigma, *inside):
            trial = copy.copy(replay)
            trial.prepare_current_context(asked[None], options)
            met.add(trial._current_index)
        for keyframe in met:
            turns[keyframe].append(step)
        replay.prepare_current_context(sigma[None], options)
    return turns


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
        raise UnsamplingError(
            f"model has a context keyframe of {length} frames, which this motion model"
            f" cannot work with in a clip of {frames}; set its context_length to {frames}"
        )
    if windows.schedule in CHOPPED and frames % length:
        raise UnsamplingError(
            f"model has context windows side by side ({windows.schedule}) of {length}"
            f" frames, of which {frames} frames leave {frames % length} over, too few for"
            " this motion model; use Standard Static, or a context_length that divides"
            f" {frames}"
        )


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

"""AnimateDiff-Evolved's context windows, the views in them, and what works across windows (read at 1.5.7)."""

import copy
import hashlib
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from torch import Tensor

from ...unsampling import UnsamplingError
from ..windows import LOOPED, VIEWS_ONLY, Windows, described
from . import animatediff as ade
from .animatediff import ADE, COMPARED, CONTEXT, CONTEXT_GROUP, EXTRAS
from .core import SIGMAS_KEY
from .fields import Key, Kind

WINDOWS_FUNCTION = Key(ADE, "animatediff.context", "get_context_windows")
_KEYFRAME = ("mult", "orig_mult_multival", "start_percent", "guarantee_steps", "inherit_missing")
# what its extras are made of, but for where they stand
SETTINGS = (
    Kind(
        ADE,
        "animatediff.context_extras:ContextRef",
        ("start_percent", "end_percent", "_strength_multival", "tune", "mode", "keyframe"),
    ),
    Kind(
        ADE,
        "animatediff.context_extras:ContextRefTune",
        (
            "attn_style_fidelity",
            "attn_ref_weight",
            "attn_strength",
            "adain_style_fidelity",
            "adain_ref_weight",
            "adain_strength",
        ),
    ),
    Kind(ADE, "animatediff.context_extras:ContextRefMode", ("mode", "sliding_width", "indexes")),
    Kind(ADE, "animatediff.context_extras:ContextRefKeyframeGroup", ("keyframes",)),
    Kind(
        ADE,
        "animatediff.context_extras:ContextRefKeyframe",
        (*_KEYFRAME, "orig_tune_replace", "orig_mode_replace"),
    ),
    ade.REUSE,
    Kind(ADE, "animatediff.context_extras:NaiveReuseKeyframeGroup", ("keyframes",)),
    Kind(ADE, "animatediff.context_extras:NaiveReuseKeyframe", _KEYFRAME),
)
_BY_NAME = {kind.kind: kind for kind in SETTINGS}


def windows(model, frames: int) -> Iterator[Windows]:
    """All windows that so many frames meet, context keyframes that leave them whole among them."""
    contexts = ade.contexts(model)
    # the first one decides for all of them, and where it is not used their views are not either
    if not contexts or not _used(contexts[0], frames):
        return
    for place, context in enumerate(contexts):
        yield _windows("ade", context, frames, place)
        views, window = CONTEXT.read(context, "view_options"), min(frames, _length(context, frames))
        if views is not None and _used(views, window) and _cuts(views, window):
            yield _windows("views", views, window, place)


def extras(model) -> list[str]:
    """A name for each of the MODEL's context extras (ContextRef, NaiveReuse) and its settings."""
    group = CONTEXT_GROUP.read(ade.context_group(model), "extras")
    if others := EXTRAS.others(group):
        raise EXTRAS.refuse(f"context extras ({', '.join(sorted(others))})")
    return [
        f"{name} {hashlib.blake2b(repr(_plain(extra)).encode(), digest_size=4).hexdigest()}"
        for name, extra in EXTRAS.values(group).items()
        if extra is not None
    ]


def turns(model, falling: Tensor, start: int) -> list[list[int]]:
    """For each context keyframe the steps of this schedule, from `start` on, in which a model call may meet
    it, as AnimateDiff-Evolved itself moves on. A solver may ask the model anywhere in a step: between its two
    sigmas other keyframes may begin."""
    contexts, sampling = ade.contexts(model), model.get_model_object("model_sampling")
    met, passed = [[] for _ in contexts], falling[start:]
    if not contexts:
        return met
    replay, options = type(ade.context_group(model))(), {SIGMAS_KEY.name: passed}
    for context in map(copy.copy, contexts):
        CONTEXT.write(context, "start_t", sampling.percent_to_sigma(CONTEXT.read(context, "start_percent")))
        CONTEXT_GROUP.read(replay, "add")(context)
    in_order = CONTEXT_GROUP.read(replay, "contexts")
    starts = passed.new_tensor([CONTEXT.read(context, "start_t") for context in in_order])
    for step, (sigma, following) in enumerate(pairwise(passed), start):
        inside = starts[(following < starts) & (starts < sigma)]
        for keyframe in {_current(copy.copy(replay), asked, options) for asked in (sigma, *inside)}:
            met[keyframe].append(step)
        _current(replay, sigma, options)
    return met


def _current(replay, sigma: Tensor, options: dict) -> int:
    """Moves on to this sigma; the keyframe that is then in force."""
    CONTEXT_GROUP.read(replay, "prepare_current_context")(sigma[None], options)
    return CONTEXT_GROUP.read(replay, "_current_index")


def _windows(kind: str, options, frames: int, place: int) -> Windows:
    cuts = kind == "views" or _cuts(options, frames)
    name = ("views" if kind == "views" else "windows") if cuts else "whole"
    fields = COMPARED if cuts else ("start_percent", "guarantee_steps")
    return Windows(
        kind,
        CONTEXT.read(options, "context_schedule"),
        CONTEXT.read(options, "fuse_method"),
        CONTEXT.read(options, "context_length"),
        CONTEXT.read(options, "context_stride"),
        CONTEXT.read(options, "context_overlap"),
        frames,
        described(name, {field: CONTEXT.read(options, field) for field in fields}),
        lambda step: _placed(options, frames, step),
        cuts,
        place,
    )


def _placed(options, frames: int, step: int) -> list[list[int]]:
    """The windows of a step, as AnimateDiff-Evolved places them."""
    options = copy.copy(options)
    CONTEXT.write(options, "_step", step)  # not by its setter, which sets the original's views, too
    return WINDOWS_FUNCTION.function(sys.modules[type(options).__module__])(frames, options)


def _used(options, frames: int) -> bool:
    """Whether AnimateDiff-Evolved turns to these options at all."""
    length = _length(options, frames)
    return frames > length or (frames == length and bool(CONTEXT.read(options, "use_on_equal_length")))


def _cuts(options, frames: int) -> bool:
    """Whether options in use give anything but one window of all frames in their order, at every step."""
    length = _length(options, frames)
    return frames > length or (frames == length and CONTEXT.read(options, "context_schedule") == LOOPED)


def _length(options, frames: int) -> int:
    if CONTEXT.read(options, "context_schedule") == VIEWS_ONLY:
        return frames  # its own is the clip's of the last run
    length = CONTEXT.read(options, "context_length")
    return frames + 1 if length is None else length


def _plain(value) -> Any:
    """Settings as something whose repr is the same for the same settings."""
    if isinstance(value, Tensor):
        return tuple(value.shape), hashlib.blake2b(value.cpu().float().contiguous().numpy().data).hexdigest()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, set):
        return sorted(value)
    if isinstance(value, (bool, int, float, str)) or value is None:
        return value
    kind = _BY_NAME.get(type(value).__name__)
    if kind is None:
        raise UnsamplingError(
            f"{ADE.name} has context settings that this pack does not know ({type(value).__name__}, not in"
            f" {ADE.name} {ADE.version}), in which the two passes could differ unseen; update this pack, or"
            " disconnect them"
        )
    return {name: _plain(one) for name, one in kind.values(value).items()}

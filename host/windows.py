"""Context windows in force on a MODEL: AnimateDiff-Evolved's, the views inside them, and core's. Read from
what they left on it, never changed."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

ADE_FIELDS = (
    "context_schedule",
    "context_length",
    "context_stride",
    "context_overlap",
    "closed_loop",
    "fuse_method",
    "start_percent",
    "guarantee_steps",
)
CORE_FIELDS = (
    "context_length",
    "context_stride",
    "context_overlap",
    "closed_loop",
    "dim",
    "cond_retain_index_list",
    "latent_retain_index_list",
    "split_conds_to_windows",
    "causal_window_fix",
)  # of which older ComfyUIs do not have all
# what the extras of AnimateDiff-Evolved, their modes and keyframes are made of, but for where they stand
EXTRAS = ("context_ref", "naive_reuse")
EXTRA_FIELDS = (
    "start_percent",
    "end_percent",
    "weighted_mean",
    "orig_multival",
    "_strength_multival",
    "tune",
    "mode",
    "sliding_width",
    "indexes",
    "keyframe",
    "keyframes",
    "mult",
    "orig_mult_multival",
    "orig_tune_replace",
    "orig_mode_replace",
    "guarantee_steps",
    "inherit_missing",
    "attn_style_fidelity",
    "attn_ref_weight",
    "attn_strength",
    "adain_style_fidelity",
    "adain_ref_weight",
    "adain_strength",
)
# one window over the whole clip, for the views in it to do all the work
VIEWS_ONLY = "view_as_context"
LOOPED = "looped_uniform"


@dataclass(frozen=True)
class Windows:
    """Settings of windows for this many frames; kind: "ade", "views" (inside a window) or "core".

    cuts: whether they cut them, at any step. A context keyframe that leaves the clip whole has its turn, too.
    keyframe: their place among AnimateDiff-Evolved's context keyframes, which take turns.
    """

    kind: str
    options: Any
    frames: int
    cuts: bool = True
    keyframe: int = 0

    @property
    def schedule(self) -> str:
        return _schedule(self.options)

    @property
    def fuse_method(self) -> str:
        fuse = self.options.fuse_method
        return getattr(fuse, "name", fuse)


def in_force(model, shape: tuple[int, ...]) -> list[Windows]:
    """All windows that latents of that shape are cut into."""
    return [found for found in taking_turns(model, shape) if found.cuts]


def told(model, shape: tuple[int, ...]) -> str:
    """The windows that latents of that shape are cut into, as text to compare; empty where it is whole."""
    found = list(taking_turns(model, shape))
    if not any(one.cuts for one in found):
        return ""
    extras = _extras(model) if any(one.kind == "ade" for one in found) else []
    return "; ".join([*map(_text, found), *extras])


def taking_turns(model, shape: tuple[int, ...]) -> Iterator[Windows]:
    """All windows that latents of that shape meet, context keyframes that leave them whole among them."""
    contexts, frames = keyframes(model), shape[0]
    # the first one decides for all of them, and where it is not used their views are not either
    if contexts and _used(contexts[0], frames):
        for place, context in enumerate(contexts):
            yield Windows("ade", context, frames, _cuts(context, frames), place)
            views, window = context.view_options, min(frames, _length(context, frames))
            if views is not None and _used(views, window) and _cuts(views, window):
                yield Windows("views", views, window, keyframe=place)
    handler = of_core(model)
    if handler is not None and len(shape) > handler.dim and shape[handler.dim] > handler.context_length:
        yield Windows("core", handler, shape[handler.dim])


def keyframes(model) -> list:
    """AnimateDiff-Evolved's context keyframes on this MODEL, in their order."""
    params = model.get_attachment("ADE_params")
    return [] if params is None else params.context_options.contexts


def of_core(model):
    """Core's context handler on this MODEL, if there is one."""
    return model.model_options.get("context_handler")


def _used(options, frames: int) -> bool:
    """Whether AnimateDiff-Evolved turns to these options at all."""
    length = _length(options, frames)
    return frames > length or (frames == length and bool(options.use_on_equal_length))


def _cuts(options, frames: int) -> bool:
    """Whether options in use give anything but one window of all frames in their order, at every step."""
    length = _length(options, frames)
    return frames > length or (frames == length and _schedule(options) == LOOPED)


def _length(options, frames: int) -> int:
    if _schedule(options) == VIEWS_ONLY:
        return frames  # its own is the clip's of the last run
    return frames + 1 if options.context_length is None else options.context_length


def _schedule(options) -> str:
    schedule = options.context_schedule
    return getattr(schedule, "name", schedule)


def _text(found: Windows) -> str:
    if not found.cuts:
        return _fields("whole", found.options, ("start_percent", "guarantee_steps"))
    if found.kind == "core":
        return _fields(f"{found.schedule} {found.fuse_method}", found.options, CORE_FIELDS)
    return _fields("views" if found.kind == "views" else "windows", found.options, ADE_FIELDS)


def _fields(name: str, options, fields: tuple[str, ...]) -> str:
    values = {field.removeprefix("context_"): getattr(options, field, None) for field in fields}
    given = [f"{key} {value}" for key, value in values.items() if value not in (None, [])]
    return f"{name}: {', '.join(given)}"


def _extras(model) -> list[str]:
    """A name for each of AnimateDiff-Evolved's context extras and its settings."""
    extras = model.get_attachment("ADE_params").context_options.extras
    found = {name: getattr(extras, name, None) for name in EXTRAS}
    return [
        f"{name} {hashlib.blake2b(repr(_plain(extra)).encode(), digest_size=4).hexdigest()}"
        for name, extra in found.items()
        if extra is not None
    ]


def _plain(value) -> Any:
    """Settings as something whose repr is the same for the same settings."""
    if isinstance(value, Tensor):
        return tuple(value.shape), hashlib.blake2b(value.cpu().float().contiguous().numpy()).hexdigest()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, set):
        return sorted(value)
    known = [name for name in EXTRA_FIELDS if name in getattr(value, "__dict__", {})]
    return {name: _plain(getattr(value, name)) for name in known} if known else value

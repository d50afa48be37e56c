"""ComfyUI_IPAdapter_plus, read at 2.0.0 (26 February 2025): what its adapters have for each frame of a clip.

They lie on the MODEL, in the place of its cross attention. ComfyUI gives them no frames: they take the first
pictures for whatever is in hand, but in AnimateDiff-Evolved's context windows, of which that pack tells them.
In our passes they are told of ComfyUI's in the same way.
"""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from ..cuts import Cut
from . import animatediff, core
from .fields import Key, Kind, Project

IPADAPTER = Project("ComfyUI_IPAdapter_plus", "2.0.0", optional=True)
# what stands in the place of an attention, and in it the settings of one adapter or more
ADAPTERS = Kind(IPADAPTER, "CrossAttentionPatch:Attn2Replace", ("kwargs", "callback"))
CLONED = Kind(IPADAPTER, "CrossAttentionPatch:Attn2Replace", ("multigpu_kwargs",))  # the same for other GPUs
REPLACED_KEY = Key(core.CORE, "comfy.model_patcher", "patches_replace")
# where AnimateDiff-Evolved says which frames are in hand, and where core has its window
FRAMES_KEY = Key(animatediff.ADE, "animatediff.sampling", "ad_params")
WINDOW_KEY = Key(core.CORE, "comfy.context_windows", "context_window")
WINDOW = Kind(
    core.CORE,
    "comfy.context_windows:IndexListContextWindow",
    ("index_list", "total_frames"),
    optional=("causal_anchor_index",),  # a frame before the window's own
)


def cut(guider, of: Cut):
    """A copy of the guider whose MODEL's adapters have the pictures, weights and masks of a part; itself
    where nothing is another."""
    return _changed(guider, partial(_adapters, of=of))


def in_windows(guider):
    """A copy of the guider whose MODEL's adapters take the pictures of the frames that core's context windows
    have in hand; itself where it has no adapter."""
    return _changed(guider, _told_of_windows)


def _places(guider) -> dict[str, dict]:
    """What stands in the place of the MODEL's attentions; empty for a guider of another pack that does not
    tell, since it may ask its model in its own way."""
    options = getattr(guider, "model_options", None)
    given = options.get("transformer_options", {}) if isinstance(options, dict) else {}
    return given.get(REPLACED_KEY.name, {})


def _changed(guider, change: Callable):
    """A copy of the guider with what change() makes of each adapter on its MODEL; itself where nothing is
    another."""
    places = _places(guider)
    found = {name: _replaced(patches, change) for name, patches in places.items()}
    if all(found[name] is patches for name, patches in places.items()):
        return guider
    options = guider.model_options
    inner = options["transformer_options"] | {REPLACED_KEY.name: found}
    made = copy.copy(guider)
    made.model_options = options | {"transformer_options": inner}
    return made


def _replaced(patches: dict, change: Callable) -> dict:
    found = {place: change(one) if ADAPTERS.made(one) else one for place, one in patches.items()}
    return patches if all(found[place] is patch for place, patch in patches.items()) else found


def _told_of_windows(patch):
    made = copy.copy(patch)
    ADAPTERS.write(made, "callback", [partial(_in_hand, one) for one in ADAPTERS.read(patch, "callback")])
    return made


def _in_hand(adapter: Callable, out, q, k, v, extra_options: dict, **settings):
    """The adapter's answer, told which frames are in hand where a window of core's cuts them."""
    window = extra_options.get(WINDOW_KEY.name)
    told = extra_options.get(FRAMES_KEY.name)
    if window is not None and (told is None or told["sub_idxs"] is None):
        anchor = WINDOW.read(window, "causal_anchor_index")
        frames = [] if anchor is None else [anchor]
        frames += WINDOW.read(window, "index_list")
        whole = WINDOW.read(window, "total_frames")
        extra_options = extra_options | {FRAMES_KEY.name: {"sub_idxs": frames, "full_length": whole}}
    return adapter(out, q, k, v, extra_options, **settings)


def _adapters(patch, of: Cut):
    given = ADAPTERS.read(patch, "kwargs")
    found = [{name: _part(value, of) for name, value in one.items()} for one in given]
    pairs = [(new[name], old[name]) for new, old in zip(found, given, strict=True) for name in old]
    if all(new is old for new, old in pairs):
        return patch
    made = copy.copy(patch)
    ADAPTERS.write(made, "kwargs", found)
    if CLONED.has(made, "multigpu_kwargs"):
        CLONED.write(made, "multigpu_kwargs", {})
    return made


def _part(value: Any, of: Cut) -> Any:
    """The pack repeats the last picture, weight and mask up to the end of the clip."""
    if isinstance(value, Tensor):
        return of.repeating(value)
    if not isinstance(value, dict) or not any(isinstance(one, Tensor) for one in value.values()):
        return value
    found = {key: _part(one, of) for key, one in value.items()}
    return value if all(found[key] is one for key, one in value.items()) else found

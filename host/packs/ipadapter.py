"""ComfyUI_IPAdapter_plus, read at 2.0.0 (26 February 2025): what its adapters have for each frame of a clip.

They lie on the MODEL, in the place of its cross attention. ComfyUI gives them no frames: they take the first
pictures for whatever is in hand, but for AnimateDiff-Evolved's context windows.
"""

import copy
from typing import Any

from torch import Tensor

from ..cuts import Cut
from . import core
from .fields import Key, Kind, Project

IPADAPTER = Project("ComfyUI_IPAdapter_plus", "2.0.0", optional=True)
# what stands in the place of an attention, and in it the settings of one adapter or more
ADAPTERS = Kind(IPADAPTER, "CrossAttentionPatch:Attn2Replace", ("kwargs",))
CLONED = Kind(IPADAPTER, "CrossAttentionPatch:Attn2Replace", ("multigpu_kwargs",))  # the same for other GPUs
REPLACED_KEY = Key(core.CORE, "comfy.model_patcher", "patches_replace")


def cut(guider, of: Cut):
    """A copy of the guider whose MODEL's adapters have the pictures, weights and masks of a part; itself
    where nothing is another."""
    places = _places(guider)
    found = {name: _replaced(patches, of) for name, patches in places.items()}
    if all(found[name] is patches for name, patches in places.items()):
        return guider
    options = guider.model_options
    inner = options["transformer_options"] | {REPLACED_KEY.name: found}
    made = copy.copy(guider)
    made.model_options = options | {"transformer_options": inner}
    return made


def has_pictures(guider) -> bool:
    """Whether an adapter on the guider's MODEL has more than one picture, for a frame each."""
    patches = (one for found in _places(guider).values() for one in found.values())
    given = (one for patch in patches if ADAPTERS.made(patch) for one in ADAPTERS.read(patch, "kwargs"))
    return any(isinstance(one.get("cond"), Tensor) and len(one["cond"]) > 1 for one in given)


def _places(guider) -> dict[str, dict]:
    """What stands in the place of the MODEL's attentions; empty for a guider of another pack that does not
    tell, since it may ask its model in its own way."""
    options = getattr(guider, "model_options", None)
    given = options.get("transformer_options", {}) if isinstance(options, dict) else {}
    return given.get(REPLACED_KEY.name, {})


def _replaced(patches: dict, of: Cut) -> dict:
    found = {place: _adapters(patch, of) for place, patch in patches.items()}
    return patches if all(found[place] is patch for place, patch in patches.items()) else found


def _adapters(patch, of: Cut):
    if not ADAPTERS.made(patch):
        return patch
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

"""What conditions have for each frame of a clip, and when they act: prompts, masks, the pictures of
ControlNets.

ComfyUI gives them to the frames in hand from the first on, whichever frames of the clip those are.
"""

import copy
from typing import Any

from torch import Tensor

from ..cursors import each
from ..cuts import Cut
from . import advanced_controlnet_frames, core
from .fields import Key, Kind

CONTROL = Kind(
    core.CORE, "comfy.controlnet:ControlNet", ("cond_hint_original", "copy", "previous_controlnet")
)
# of a condition before it is sampled with
START_KEYS = (
    Key(core.CORE, "comfy.samplers", "start_percent"),
    Key(core.CORE, "comfy.samplers", "clip_start_percent"),
)
END_KEYS = (
    Key(core.CORE, "comfy.samplers", "end_percent"),
    Key(core.CORE, "comfy.samplers", "clip_end_percent"),
)
PICTURES_KEY = Key(core.CORE, "comfy.model_base", "concat_latent_image")
GUIDANCE_KEY = Key(core.CORE, "comfy.model_base", "guidance")


def with_conditions(guider, cut: Cut):
    """A copy of the guider of whose conditions each tensor is cut, and the pictures of their ControlNets;
    itself where it does not tell its conditions."""
    given = core.conditions(guider)
    if not given:
        return guider
    made = copy.copy(guider)
    conds = {name: [_condition(cond, cut) for cond in conds] for name, conds in given.items()}
    core.GUIDER.write(made, "original_conds", conds)
    return made


def of_other_length(conds: dict[str, list[dict]], samples: Tensor) -> int | None:
    """How many latent frames the conditions have beside the clip's, where these are not as many; None where
    they are, and where there are none. Not every model reads them."""
    given = [cond.get(PICTURES_KEY.name) for cond in each(conds)]
    counts = {one.shape[2] for one in given if isinstance(one, Tensor) and one.ndim == samples.ndim == 5}
    return next(iter(counts - {samples.shape[2]}), None)


def _condition(cond: dict, cut: Cut) -> dict:
    return {key: _part(key, value, cut) for key, value in cond.items()}


def _part(key: str, value: Any, cut: Cut) -> Any:
    if key == core.CONTROL_KEY.name:
        return _control(value, cut)
    return cut(value) if isinstance(value, Tensor) else value


def _control(control, cut: Cut):
    """A ControlNet with those before it, copied where there is something to cut."""
    if control is None:
        return None
    before, hint = (CONTROL.read(control, name) for name in ("previous_controlnet", "cond_hint_original"))
    found = (_control(before, cut), cut(hint) if isinstance(hint, Tensor) else hint)
    theirs = advanced_controlnet_frames.cut(control, cut)
    if found[0] is before and found[1] is hint and not theirs:
        return control
    made = CONTROL.read(control, "copy")()
    CONTROL.write(made, "previous_controlnet", found[0])
    CONTROL.write(made, "cond_hint_original", found[1])
    advanced_controlnet_frames.put(made, theirs)
    return made


def prompts(cond: dict) -> int:
    """How many prompts a condition has."""
    found = cond.get("cross_attn")
    return len(found) if isinstance(found, Tensor) and found.ndim else 1


def own_guidance(conditions: dict[str, list[dict]]) -> list[str]:
    """Its name, where a guider's conditions carry the guidance of a model with one built in; else none."""
    found = any(GUIDANCE_KEY.name in cond for cond in each(conditions))
    return [GUIDANCE_KEY.name] if found else []


def acts(cond: dict, sampling, sigma: float) -> bool:
    """Whether a condition has a say at a sigma. sampling: the MODEL's."""
    starts, ends = ([cond[key.name] for key in keys if key.name in cond] for keys in (START_KEYS, END_KEYS))
    begun = not starts or sigma <= sampling.percent_to_sigma(max(starts))
    return begun and (not ends or sigma >= sampling.percent_to_sigma(min(ends)))

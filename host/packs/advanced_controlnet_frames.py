"""What a ControlNet of Advanced-ControlNet (read at 1.5.8) has for each frame of a clip: its masks, latent
keyframes, which are a strength for a frame each, and the masks of weights."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..cuts import Cut
from .advanced_controlnet import ACN, ADVANCED, GROUP, KEYFRAMES, chained, is_ours
from .fields import Kind

MASKED = Kind(
    ACN,
    "adv_control.control:ControlNetAdvanced",
    ("mask_cond_hint_original", "latent_keyframe_override", "weights_override"),
)
FRAME = Kind(
    ACN, "adv_control.utils:TimestepKeyframe", ("mask_hint_orig", "latent_keyframes", "control_weights")
)
LATENTS = Kind(ACN, "adv_control.utils:LatentKeyframeGroup", ("keyframes",))
LATENT = Kind(ACN, "adv_control.utils:LatentKeyframe", ("batch_index", "strength"))
WEIGHTS = Kind(ACN, "adv_control.utils:ControlWeights", ("weight_mask",))
SPARSE = Kind(ACN, "adv_control.control:SparseCtrlAdvanced", ("sparse_settings",))
NONE = float("inf")  # of a frame without a keyframe


def cut(control, of: Cut) -> dict[str, Any]:
    """What is another for the frames of a part, by field; empty where nothing is, and for core's own."""
    if not is_ours(control):
        return {}
    how = {
        "mask_cond_hint_original": _mask,
        "latent_keyframe_override": _latents,
        "weights_override": _weights,
    }
    return _others(MASKED, control, how, of) | _others(ADVANCED, control, {KEYFRAMES: _group}, of)


def put(control, fields: dict[str, Any]) -> None:
    """Gives a copy of the ControlNet what cut() found."""
    fields = dict(fields)
    if KEYFRAMES in fields:
        ADVANCED.read(control, "set_timestep_keyframes")(fields.pop(KEYFRAMES))
    for field, value in fields.items():
        MASKED.write(control, field, value)


def has_keyframes(conds: dict[str, list[dict]]) -> bool:
    """Whether a ControlNet has latent keyframes."""
    return any(map(_has_keyframes, filter(is_ours, chained(conds))))


def has_sparse(conds: dict[str, list[dict]]) -> bool:
    """Whether a ControlNet is a SparseCtrl, which places its pictures by the number of frames in hand."""
    return any(map(SPARSE.made, chained(conds)))


def _has_keyframes(control) -> bool:
    frames = GROUP.read(ADVANCED.read(control, KEYFRAMES), "keyframes")
    given = [FRAME.read(frame, "latent_keyframes") for frame in frames]
    return any(one is not None for one in (MASKED.read(control, "latent_keyframe_override"), *given))


def _others(kind: Kind, thing, how: dict[str, Callable], of: Cut) -> dict[str, Any]:
    """The fields that are others, each by its function; None stays None."""
    given = {field: kind.read(thing, field) for field in how}
    found = {field: how[field](value, of) for field, value in given.items() if value is not None}
    return {field: value for field, value in found.items() if value is not given[field]}


def _copied(kind: Kind, thing, how: dict[str, Callable], of: Cut):
    """A copy with the fields that are others; the thing itself where none is."""
    fields = _others(kind, thing, how, of)
    made = copy.copy(thing) if fields else thing
    for field, value in fields.items():
        kind.write(made, field, value)
    return made


def _mask(mask, of: Cut):
    return of(mask) if isinstance(mask, Tensor) else mask


def _weights(weights, of: Cut):
    return _copied(WEIGHTS, weights, {"weight_mask": _mask}, of)


def _group(group, of: Cut):
    """Timestep keyframes, in another list where one of them is another."""
    how = {"mask_hint_orig": _mask, "latent_keyframes": _latents, "control_weights": _weights}
    frames = GROUP.read(group, "keyframes")
    found = [_copied(FRAME, frame, how, of) for frame in frames]
    if all(new is old for new, old in zip(found, frames, strict=True)):
        return group
    made = copy.copy(group)
    GROUP.write(made, "keyframes", found)
    return made


def _latents(group, of: Cut):
    """Latent keyframes by the places of the frames in hand. They count the frames of the whole clip, those
    below 0 from its end; frames beyond it have no meaning."""
    frames = LATENTS.read(group, "keyframes")
    strengths = torch.full((of.whole,), NONE, dtype=torch.float64)
    for frame in frames:
        place = LATENT.read(frame, "batch_index")
        if -of.whole <= place < of.whole:
            strengths[place] = LATENT.read(frame, "strength")
    found = enumerate(of.take(strengths).tolist())
    made = copy.copy(group)
    LATENTS.write(made, "keyframes", [_latent(frames[0], *one) for one in found if one[1] != NONE])
    return made


def _latent(like, place: int, strength: float):
    made = copy.copy(like)
    LATENT.write(made, "batch_index", place)
    LATENT.write(made, "strength", strength)
    return made

"""Whether two passes ask a model under the same settings, as far as that can be known for certain.

MODEL, ControlNets, hooks and whatever else has no value of its own count as the same only if they are the
same objects. So what is called the same is, and what is called another may still be the same.
"""

import uuid
import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..unsampling.change import Change
from . import experts, models
from .packs import core
from .record import Fit, LatentRecord, digest


@dataclass(frozen=True, eq=False)
class Likeness:
    """A guider's MODEL, cfg and conditions, without holding on to any of them."""

    model: Any
    guider: Any
    conditions: Any

    def same(self, other: "Likeness") -> bool:
        """Whether a pass with the other guider asks what a pass with this one asked."""
        mine, theirs = ((one.model, one.guider, one.conditions) for one in (self, other))
        return mine == theirs


def of(guider) -> Likeness:
    """The likeness of a guider."""
    every = experts.each(guider)
    return Likeness(
        [_seen(one.model_patcher) for one in every],
        [core.guidance(one) if models.is_plain(one) else _seen(one) for one in every]
        + [experts.border_of(guider)],
        _seen(core.conditions(guider)),
    )


def repeats(guider, carried: LatentRecord | None, fit: Fit, fidelity: float | Tensor) -> bool:
    """Whether a falling pass asks what the unsampling asked, as long as the answers are the same."""
    if carried is None or carried.likeness is None or fit.change is not Change.NONE:
        return False
    return float(torch.as_tensor(fidelity).min()) == 1 and carried.likeness.same(of(guider))


class _Place:
    """An object as the one that it is. Equal to itself alone, and to nothing once it is gone."""

    def __init__(self, thing: Any):
        try:
            self.thing = weakref.ref(thing)
        except TypeError:  # what cannot be referred to weakly is like nothing else
            self.thing = lambda: None

    def __eq__(self, other: object) -> bool:
        mine = self.thing()
        return isinstance(other, _Place) and mine is not None and mine is other.thing()


def _seen(value: Any) -> Any:
    """A value that can be compared: numbers, text and tensors by what they hold, objects by which they are.
    A UUID is a name that ComfyUI gives a condition anew for each guider."""
    if isinstance(value, uuid.UUID):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Tensor):
        return tuple(value.shape), str(value.dtype), digest(value)
    if isinstance(value, dict):
        return {str(key): _seen(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_seen(one) for one in value]
    return _Place(value)

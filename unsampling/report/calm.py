"""How much a result flickers where its source stands still: there, whatever moves is flicker.

Clips are (frames, 3, height, width) from 0 to 1, and small.
"""

import torch
from torch import Tensor
from torch.nn import functional

from .places import WIDE, blurred

CALM = 0.02  # by how much a place may change under the blur from frame to frame and still stand still
AROUND = 5  # pixels: the square in which nothing may move
FEW = 0.03  # of all places and frames: fewer calm ones tell nothing


def flicker(source: Tensor, result: Tensor, cut: Tensor) -> float:
    """Deviation of the middle one of all calm places from where its neighbours in time lead, as white noise,
    beyond the same of the source. cut (frames - 2,): which second differences lie across one. nan where the
    source hardly stands still anywhere."""
    calm = _calm(source) & ~cut[:, None, None]
    if calm.double().mean() < FEW:
        return torch.nan
    ours, theirs = (_energy(clip)[calm].median() for clip in (source, result))
    return float((theirs - ours).clamp(min=0).sqrt())


def _calm(source: Tensor) -> Tensor:
    """Where nothing moves between a frame and both its neighbours, (frames - 2, height, width)."""
    steps = blurred(source, WIDE).diff(dim=0).square().mean(1)
    around = functional.max_pool2d(steps[:, None], AROUND, 1, AROUND // 2)[:, 0]
    return torch.maximum(around[1:], around[:-1]).sqrt() < CALM


def _energy(clip: Tensor) -> Tensor:
    """The variance of white noise that gives the same second differences, (frames - 2, height, width)."""
    return clip.diff(n=2, dim=0).square().mean(1) / 6

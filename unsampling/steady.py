"""What keeps an edit steady in time at no model call: the layout of each answer's edit is evened out from
frame to frame.

The edit is what an answer has beyond the source's own answer. What the source does in time stays as it is,
and without an edit nothing is done (docs/exactness.md#steady).
"""

import torch
from torch import Tensor

from .hold import Adjust, layout, unchanged

TIMES = 8  # each lets an edit reach one frame further, both ways
# How far the source's layout may change at a place, over its own strength, until the edit there is evened out
# to a third: the edit moves with what it is an edit of.
MOVED = 0.1
CUT = 0.5  # such a change of a whole frame is a cut: two pictures that have nothing in common have 1


def steadying(source: Tensor, amount: float) -> Adjust:
    """Evens out the layout of each answer's edit from frame to frame, by that amount (0 to 1), wherever the
    source's own layout stays.

    source: (frames, channels, height, width), the frames of one clip, or (batch, channels, frames, height,
    width).
    """
    axis = 0 if source.ndim == 4 else 2
    if amount == 0 or source.shape[axis] == 1:
        return unchanged
    links = _links(source, axis)

    def adjust(denoised: Tensor, recorded: Tensor) -> Tensor:
        edit = layout(denoised - recorded.to(denoised))
        return denoised + amount * (_evened(edit, links, axis) - edit)

    return adjust


def _links(source: Tensor, axis: int) -> Tensor:
    """How much of an edit two neighbouring frames share at each place: 1 where the source's layout stays, 0
    at a cut. Of one channel, and one frame fewer than the source."""
    picture = layout(source)
    picture = picture - picture.mean((axis, -2, -1), keepdim=True)
    strength = picture.square().mean((1, -2, -1), keepdim=True)
    count = source.shape[axis] - 1
    strength = strength.narrow(axis, 0, count) + strength.narrow(axis, 1, count)
    moved = picture.diff(dim=axis).square().mean(1, keepdim=True) / strength.clamp(min=1e-12)
    return torch.where(moved.mean((-2, -1), keepdim=True) < CUT, torch.exp(-moved / MOVED), 0.0)


def _evened(edit: Tensor, links: Tensor, axis: int) -> Tensor:
    """The edit after TIMES rounds in which neighbouring frames exchange a quarter of their difference, times
    their link: the binomial filter where all links are 1. What is the same in all frames stays."""
    edit, count = edit.clone(), links.shape[axis]
    for _ in range(TIMES):
        share = edit.diff(dim=axis).mul_(links).div_(4)
        edit.narrow(axis, 0, count).add_(share)
        edit.narrow(axis, 1, count).sub_(share)
    return edit

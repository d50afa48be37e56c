"""What a restyled clip does in time beside the truth: its flicker, its colour frame by frame, its windows.

Clips are [frames,3,height,width] from -1 to 1. Colours are told from black to white: 1 is all of that way.
"""

from __future__ import annotations

import torch
from torch import Tensor

from demo import model
from unsampling.report import scenes


def flicker(clip: Tensor, truth: Tensor) -> float:
    """What changes from frame to frame and should not: rms of the change of (clip - truth) over that of the
    truth. 0 is right, and a clip that stands still has 1."""
    return float((clip.double() - truth.double()).diff(dim=0).norm() / truth.double().diff(dim=0).norm())


def movement(clip: Tensor, truth: Tensor) -> float:
    """How much changes from frame to frame, over how much should; 1 is right, and says nothing of where."""
    return float(clip.double().diff(dim=0).norm() / truth.double().diff(dim=0).norm())


def tints(clip: Tensor, truth: Tensor) -> Tensor:
    """[frames,3]: how far the mean colour of each frame is from the truth's."""
    return (clip.double() - truth.double()).mean((2, 3)) / 2


def tone(off: Tensor) -> float:
    """Root mean square of the tints, over frames and colours."""
    return float(off.square().mean().sqrt())


def drift(off: Tensor) -> float:
    """How far the tints go from the first frame to the last, along the straight line nearest to them."""
    return float(slope(off).square().mean().sqrt())


def slope(colours: Tensor, scene: Tensor | None = None) -> Tensor:
    """How far [frames,channels] go over the whole clip, by the line of least squares, [channels]: one slope,
    in each scene from another height. scene [frames]: the number of each frame's; None is one."""
    place = torch.linspace(-0.5, 0.5, len(colours), dtype=colours.dtype)
    if scene is not None:
        place = scenes.centred(place, scene)
    return place @ colours / place.square().sum()


def jump(off: Tensor) -> float | None:
    """By how much the tints' mean step is larger where a window begins or ends than elsewhere; None for a
    clip of one window."""
    at = borders(len(off))
    if not at.any():
        return None
    steps = off.diff(dim=0).square().mean(1).sqrt()
    return float(steps[at].mean() - steps[~at].mean())


def borders(frames: int) -> Tensor:
    """[frames - 1]: whether a window begins or ends between this frame and the next."""
    ends = {end for window in model.windows(frames) for end in (window.start, window.stop)} - {0, frames}
    at = torch.zeros(frames - 1, dtype=torch.bool)
    at[[end - 1 for end in sorted(ends)]] = True
    return at

"""Where a clip cuts from one scene to another, so that no cut is taken for a fault.

Clips are (frames, 3, height, width) from 0 to 1, and small.
"""

import torch
from torch import Tensor
from torch.nn import functional

PATCHES, FINER = 4, 8  # each way, for steps and for likeness: what moves inside a patch is no cut
# Of 180 clips of the demo's world, with grain, none has a step of all three; of 1080 joined from two, four
# have none where they are joined; a light that flickers at random, by 10 to 30 percent, has one in 300 steps.
BEYOND = 2.0  # times what is ordinary around
LEAST = 0.05
FLAT = 0.05  # of all places together: less than one level of 255 in each
ALIKE = 0.8  # correlation of the places of two frames: with more, only the light has changed
LIKE = 2  # steps each way that may go on with one: beside a cut the nearest is the cut
NEAR, USUAL = 4, 0.75  # steps each way that tell what is ordinary, and which quantile of theirs does


def cuts(clip: Tensor) -> Tensor:
    """Which steps from frame to frame are cuts, (frames - 1,): to another picture, by a change far beyond
    those around it, that no motion and no slow light goes on with. One frame of black is two. Dissolves are
    none."""
    sudden = _sudden(clip)
    around = torch.stack([_around(sudden, step) for step in range(len(sudden))])
    return (sudden > LEAST) & (sudden > BEYOND * around) & (_likeness(clip) < ALIKE)


def numbers(at: Tensor) -> Tensor:
    """The scene that each frame belongs to, (frames,) from 0, by the cuts (frames - 1,)."""
    return torch.cat([torch.zeros(1, dtype=torch.long), at.long().cumsum(0)])


def centred(values: Tensor, scene: Tensor) -> Tensor:
    """Values (frames, ...) less their mean over their own scene."""
    parts = values.clone()
    for number in scene.unique():
        parts[scene == number] -= values[scene == number].mean(0)
    return parts


def _sudden(clip: Tensor) -> Tensor:
    """How far each step is from the most alike of its neighbours, (frames - 1,)."""
    steps = functional.adaptive_avg_pool2d(clip, PATCHES).double().flatten(1).diff(dim=0)
    nearest = torch.full((len(steps),), torch.inf, dtype=steps.dtype)
    for away in range(1, min(LIKE, len(steps) - 1) + 1):
        apart = (steps[away:] - steps[:-away]).square().mean(1).sqrt()
        nearest[away:] = torch.minimum(nearest[away:], apart)
        nearest[:-away] = torch.minimum(nearest[:-away], apart)
    return nearest


def _around(sudden: Tensor, step: int) -> Tensor:
    """What is ordinary among its neighbours, itself left out."""
    near = torch.cat([sudden[max(0, step - NEAR) : step], sudden[step + 1 : step + 1 + NEAR]])
    return near.quantile(USUAL)


def _likeness(clip: Tensor) -> Tensor:
    """Correlation of each frame's places with the next one's, (frames - 1,); 0 where a frame is flat."""
    places = functional.adaptive_avg_pool2d(clip, FINER).double().flatten(2)
    flat = functional.normalize((places - places.mean(2, keepdim=True)).flatten(1), eps=FLAT)
    return (flat[1:] * flat[:-1]).sum(1)

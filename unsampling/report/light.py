"""How bright the light of a clip is, frame by frame, whatever moves in it.

Clips are (frames, 3, height, width) from 0 to 1, and small.
"""

import torch
from torch import Tensor

from .places import blurred

WIDTH, STRIDE = 2.5, 2  # pixels: the blur under which a step is explained, and how far its places stand apart
ROUNDS, LEAST = 8, 1e-3  # of weighing; the residual below which no place weighs more
RIDGE = 1e-9
DARK = 1 / 255  # brightness below which a place counts as that, and its light as no lower
FAR = 5.5  # log: the light goes no farther than from DARK to white, up or down
MOST = 1.99  # that a step gains of the mean of both its frames: from DARK to white


def light(clip: Tensor, scene: Tensor) -> Tensor:
    """The light of each frame, (frames,), 1 in the clip's rms. scene (frames,): the number of each frame's.

    Each step is explained by a gain of the light together with a shift and a zoom of the whole picture, by
    least absolute deviations, so that neither a camera that moves nor things that do are taken for a light
    (generalised image motion of Negahdaripour 1998). Across a cut the mean of the frames says it.
    """
    means = of_means(clip)
    gains = torch.where(scene.diff() == 0, _gains(clip), means[1:] / means[:-1])
    along = torch.cat([torch.zeros_like(gains[:1]), gains.log().cumsum(0)]).clamp(-FAR, FAR).exp()
    return _scaled(along)


def of_means(clip: Tensor) -> Tensor:
    """The same by the mean of each frame, whatever moves through it."""
    return _scaled(clip.mean((1, 2, 3)).double().clamp(min=DARK))


def _scaled(values: Tensor) -> Tensor:
    """To 1 in their rms."""
    return values / values.square().mean().sqrt()


def _gains(clip: Tensor) -> Tensor:
    """Of each step, (frames - 1,)."""
    bright = blurred(clip.mean(1, keepdim=True), WIDTH)[:, 0].double().clamp(min=DARK)
    causes, steps = _causes((bright[1:] + bright[:-1]) / 2), _places(bright.diff(dim=0))
    weights = torch.ones_like(steps)
    for _ in range(ROUNDS):
        weighed = (causes * weights[..., None]).transpose(1, 2)
        gram = weighed @ causes
        ridge = RIDGE * (1 + gram.diagonal(dim1=1, dim2=2).sum(1))[:, None, None]
        found = torch.linalg.solve(gram + ridge * torch.eye(4, dtype=gram.dtype), weighed @ steps[..., None])
        weights = 1 / ((steps - (causes @ found)[..., 0]).abs() + LEAST)
    gained = found[:, 0, 0].clamp(-MOST, MOST)
    return (1 + gained / 2) / (1 - gained / 2)


def _causes(between: Tensor) -> Tensor:
    """What a gain, a shift each way and a zoom would change at each place, (steps, places, 4)."""
    y, x = (torch.linspace(-1, 1, size, dtype=between.dtype) for size in between.shape[1:])
    down, right = torch.gradient(between, dim=(1, 2))
    zoom = right * x * len(x) / 2 + down * y[:, None] * len(y) / 2
    return torch.stack([_places(cause) for cause in (between, right, down, zoom)], 2)


def _places(values: Tensor) -> Tensor:
    """Away from the border, (steps, places)."""
    return values[:, 1:-1:STRIDE, 1:-1:STRIDE].flatten(1)

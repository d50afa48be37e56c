"""How far the colours of a result drift over the clip, the content held: a shape that leaves the picture, or
is bright where the source's is dark, moves the mean colour and is no drift.

Clips are (frames, 3, height, width) from 0 to 1, and small.
"""

import torch
from torch import Tensor
from torch.nn import functional

from . import places

WIDTH, STRIDE = 1.0, 2  # pixels: the blur under which places are held, and how far these stand apart
DARK = 0.02  # brightness of a place below which it counts as that


def drift(source: Tensor, result: Tensor, scene: Tensor) -> tuple[Tensor, Tensor]:
    """By how much each frame's mean colour goes beyond the source's, (frames, 3), each scene from a height of
    its own, and how far that goes over the whole clip, (3,), by one slope. scene (frames,): the number of
    each frame's.

    What a place's colour has beyond the source's is explained by a polynomial of the source's colours and
    edges at that place, together with the slope: of the colours as they are, or of what takes its share of
    the frame's light, such as a light that fades; whichever leaves less of a slope.
    """
    known, wanted = (places.around(clip, WIDTH, STRIDE) for clip in (source, result))
    beyond = (wanted - known)[..., :3]
    light = _light(known, scene)
    ways = [_held(known, beyond, scene, lit) for lit in (torch.ones_like(light), light)]
    return min(ways, key=lambda way: float(way[1].norm()))


def _light(known: Tensor, scene: Tensor) -> Tensor:
    """How bright each frame's light is, (frames,): the middle one of what places gain or lose from frame to
    frame, which things that move do not change; across a cut, what the mean gains."""
    bright = known[..., :3].mean(2).clamp(min=DARK)
    gains = (bright[1:] / bright[:-1]).median(1).values
    means = bright.mean(1)
    gains = torch.where(scene.diff() == 0, gains, means[1:] / means[:-1])
    return means[0] * torch.cat([torch.ones_like(gains[:1]), gains.cumprod(0)])


def _held(known: Tensor, wanted: Tensor, scene: Tensor, light: Tensor) -> tuple[Tensor, Tensor]:
    """By least squares of known (frames, places, 4) and of what each frame has of its own."""
    known = known / light[:, None, None]
    spread = known.std((0, 1)).clamp(min=places.FLAT)
    terms = places.terms((known - known.mean((0, 1))) / spread)[:, 1:].unflatten(0, known.shape[:2])
    terms = terms * light[:, None, None]
    line = torch.linspace(-0.5, 0.5, len(light), dtype=light.dtype)
    heights = functional.one_hot(scene).to(light)
    frames = torch.cat([line[:, None], heights], 1) * light[:, None]
    sizes = [terms.shape[2], 1, heights.shape[1]]
    factors, slope, height = _solved(terms, frames, wanted).split(sizes)
    left = wanted.mean(1) - terms.mean(1) @ factors - frames[:, 1:] @ height
    return left, slope[0] * light.mean()


def _solved(terms: Tensor, frames: Tensor, wanted: Tensor) -> Tensor:
    """Factors of terms (frames, places, T) and of each frame's (frames, F) that give wanted (frames, places,
    3), by normal equations, (T + F, 3)."""
    count, flat = terms.shape[1], terms.flatten(0, 1)
    inside = flat.T @ flat + places.RIDGE * len(flat) * torch.eye(terms.shape[2], dtype=terms.dtype)
    across = terms.sum(1).T @ frames
    left = torch.cat(
        [torch.cat([inside, across], 1), torch.cat([across.T, count * frames.T @ frames], 1)],
    )
    right = torch.cat([flat.T @ wanted.flatten(0, 1), frames.T @ wanted.sum(1)])
    return torch.linalg.lstsq(left, right, driver="gelsd").solution

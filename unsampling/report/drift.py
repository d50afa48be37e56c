"""How far the colours of a result drift over the clip, the content held: a shape that leaves the picture, or
is bright where the source's is dark, moves the mean colour and is no drift.

Clips are (frames, 3, height, width) from 0 to 1, and small.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from . import light, places

WIDTH, STRIDE = 1.0, 2  # pixels: the blur under which places are held, and how far these stand apart
STEADY = 1.15  # the light's largest over its least up to which it stands
CHUNK = 16  # frames whose terms are there at a time


def drift(source: Tensor, result: Tensor, scene: Tensor) -> tuple[Tensor, Tensor]:
    """By how much each frame's mean colour goes beyond what the look makes of the source's, (frames, 3), each
    scene from a height of its own, and how far that goes over the whole clip, (3,), by one slope. scene
    (frames,): the number of each frame's.

    What a place's colour has beyond the source's is explained by a polynomial of the source's colours and
    edges at that place, together with the slope: of the colours as they are, or of what takes its share of
    the light, such as a light that fades. Both are of whichever leaves less of a slope.
    """
    known, wanted = (places.around(clip, WIDTH, STRIDE) for clip in (source, result))
    beyond, lit = (wanted - known)[..., :3], light.light(source, scene)
    ways = [torch.ones_like(lit)]
    if lit.max() > STEADY * lit.min():
        ways += [lit, light.of_means(source)]
    return min((_held(known, beyond, scene, way) for way in ways), key=lambda held: float(held[1].norm()))


def _held(known: Tensor, wanted: Tensor, scene: Tensor, lit: Tensor) -> tuple[Tensor, Tensor]:
    """By least squares of known (frames, places, 4) and of what each frame has of its own, in normal
    equations."""
    line = torch.linspace(-0.5, 0.5, len(lit), dtype=lit.dtype)
    frames = torch.cat([line[:, None], functional.one_hot(scene).to(lit)], 1) * lit[:, None]
    count, sums, grams, products = known.shape[1], [], [], []
    for terms, colours in zip(_terms(known, lit), wanted.split(CHUNK), strict=True):
        flat = terms.flatten(0, 1)
        grams.append(flat.T @ flat)
        products.append(flat.T @ colours.flatten(0, 1))
        sums.append(terms.sum(1))
    total = torch.cat(sums)
    ridge = places.RIDGE * known[..., 0].numel() * torch.eye(total.shape[1], dtype=lit.dtype)
    inside = torch.stack(grams).sum(0) + ridge
    across = total.T @ frames
    left = torch.cat([torch.cat([inside, across], 1), torch.cat([across.T, count * frames.T @ frames], 1)])
    right = torch.cat([torch.stack(products).sum(0), frames.T @ wanted.sum(1)])
    solved = torch.linalg.lstsq(left, right, driver="gelsd").solution
    factors, slope, heights = solved.split([total.shape[1], 1, frames.shape[1] - 1])
    left_over = wanted.mean(1) - total @ factors / count - frames[:, 1:] @ heights
    return left_over, slope[0] * lit.mean()


def _terms(known: Tensor, lit: Tensor) -> Iterator[Tensor]:
    """The polynomial of all places, some frames at a time, (frames, places, terms)."""
    known = known / lit[:, None, None]
    middle, spread = known.mean((0, 1)), known.std((0, 1)).clamp(min=places.FLAT)
    for part, how in zip(known.split(CHUNK), lit.split(CHUNK), strict=True):
        terms = places.terms((part - middle) / spread)[:, 1:]
        yield terms.unflatten(0, part.shape[:2]) * how[:, None, None]

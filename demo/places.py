"""How far the shapes of a clip are from their places: normalised cross-correlation with the true picture.

Clips are [frames,3,height,width] from -1 to 1, as demo.world renders them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

import torch
from torch import Tensor
from torch.nn import functional

from unsampling.video import lightness

from . import world
from .world import Content

REACH = 12  # pixels that a shape is looked for away from its true place, each way
LOST = 3.0  # pixels beyond which a shape counts as lost
VISIBLE = 0.5  # share of a shape that must be seen for it to be looked for


def distances(clip: Tensor, of: Content, styles: Sequence[str], seen: Tensor | None = None) -> Tensor:
    """How far each visible shape of each frame is from its true place, in pixels, in one list."""
    away = displacements(clip, of, styles, seen).norm(dim=2).T.flatten()
    return away[~away.isnan()]


def displacements(clip: Tensor, of: Content, styles: Sequence[str], seen: Tensor | None = None) -> Tensor:
    """[frames,shapes,2]: how far down and right of its true place each shape is found, nan where unseen.

    A shape is looked for where it correlates best with itself in any of the styles, or in the first of them
    with its lightness turned round, as a restyle across lightness may leave it: a clip halfway between two
    looks must not lose points for its own. The place is found in the true picture in the same way, so that
    what the method is off by counts for nothing. seen: what visible() says, where it is known already.
    """
    truths = [world.render(of, style, len(clip)) for style in styles]
    truths.append(turned(truths[0]))
    places = world.positions(of, len(clip)) * world.SIZE
    seen = visible(of, len(clip)) if seen is None else seen
    away = torch.full_like(places, torch.nan, dtype=torch.float64)
    for frame, i in seen.nonzero().tolist():
        half = ceil(of.shapes[i].radius * world.SIZE) + 2
        found = _displacement(clip[frame], [truth[frame] for truth in truths], places[frame, i], half)
        away[frame, i] = torch.tensor(found, dtype=torch.float64)
    return away


def visible(of: Content, frames: int = world.FRAMES) -> Tensor:
    """[frames,shapes]: whether at least half of the shape is seen, nearer shapes being in front."""
    seen, nearer = [], torch.zeros(())
    for shape in reversed(of.shapes):
        whole = world.scene(replace(of, shapes=(shape,)), frames).inside
        seen.append((whole * (1 - nearer)).sum((1, 2, 3)) >= VISIBLE * whole.sum((1, 2, 3)))
        nearer = torch.maximum(nearer, whole)
    return torch.stack(seen[::-1], 1)


def turned(clip: Tensor) -> Tensor:
    """The clip with its lightness turned round, hues kept."""
    return lightness.turned((clip.movedim(1, -1) + 1) / 2).movedim(-1, 1) * 2 - 1


def _displacement(frame: Tensor, truths: Sequence[Tensor], place: Tensor, half: int) -> tuple[float, float]:
    x, y = (int(v) for v in place)
    box = max(0, y - half), y + half + 1, max(0, x - half), x + half + 1
    patches = [truth[:, box[0] : box[1], box[2] : box[3]].double() for truth in truths]
    alike = _alike(_around(frame, box, REACH), torch.stack(patches))
    best, row, column = (int(i) for i in torch.unravel_index(alike.argmax(), alike.shape))
    own = _alike(_around(truths[best], box, 1), patches[best][None])[0]
    peak, own_peak = _peak(alike[best], row, column), _peak(own, 1, 1)
    return peak[0] - REACH - (own_peak[0] - 1), peak[1] - REACH - (own_peak[1] - 1)


def _around(frame: Tensor, box: tuple[int, int, int, int], reach: int) -> Tensor:
    """The picture in the box and `reach` pixels more each way, the border repeated."""
    wide = functional.pad(frame[None].double(), [reach] * 4, mode="replicate")[0]
    return wide[:, box[0] : box[1] + 2 * reach, box[2] : box[3] + 2 * reach]


def _peak(alike: Tensor, row: int, column: int) -> tuple[float, float]:
    """The peak between the pixels: the tops of the parabolas through it and its neighbours."""
    return row + _top(alike[:, column], row), column + _top(alike[row], column)


def _top(values: Tensor, i: int) -> float:
    if not 0 < i < len(values) - 1:
        return 0.0
    before, here, after = values[i - 1 : i + 2].tolist()
    bend = 2 * here - before - after
    return 0.0 if bend <= 0 else max(-0.5, min(0.5, (after - before) / (2 * bend)))


def _alike(wide: Tensor, patches: Tensor) -> Tensor:
    """[patches,places,places]: normalised cross-correlation of each patch [3,height,width] with all places
    of the picture, colours together, each without its mean."""
    height, width = patches.shape[2:]
    patches = patches - patches.mean((2, 3), keepdim=True)
    sums = wide.cumsum(1).cumsum(2), wide.square().cumsum(1).cumsum(2)
    total, squares = (_boxes(x, height, width) for x in sums)
    energy = (squares - total.square() / (height * width)).sum(0).clamp(min=1e-9 * height * width)
    products = functional.conv2d(wide[None], patches)[0]
    return products / (energy * patches.square().sum((1, 2, 3))[:, None, None]).sqrt()


def _boxes(sums: Tensor, height: int, width: int) -> Tensor:
    """The sum over the box at each place, from the running sums (Crow 1984)."""
    sums = functional.pad(sums, [1, 0, 1, 0])
    rows = sums[:, height:] - sums[:, :-height]
    return rows[..., width:] - rows[..., :-width]

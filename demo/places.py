"""How far the shapes of a clip are from their places: normalised cross-correlation with the true picture,
whatever they look like.

Clips are [frames,3,height,width] from -1 to 1, as demo.world renders them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from math import ceil

import torch
from torch import Tensor
from torch.nn import functional

from unsampling.video import lightness

from . import world
from .world import Content

REACH = 12  # pixels that a shape is looked for away from its true place, each way
LOST = 3.0  # pixels beyond which a shape counts as lost
ALIKE = 1e-6  # looks that differ by less are one
VISIBLE = 0.5  # share of a shape that must be seen for it to be looked for


def distances(clip: Tensor, of: Content, styles: Sequence[str], seen: Tensor | None = None) -> Tensor:
    """How far each visible shape of each frame is from its true place, in pixels, in one list."""
    away = displacements(clip, of, styles, seen).norm(dim=2).T.flatten()
    return away[~away.isnan()]


def displacements(clip: Tensor, of: Content, styles: Sequence[str], seen: Tensor | None = None) -> Tensor:
    """[frames,shapes,2]: how far down and right of its true place each shape is found, nan where unseen.

    A shape is looked for where it correlates best with itself in a mixture of looks: of the styles, and of
    the first of them with its lightness turned round, as a restyle across lightness may leave it. A clip
    between two looks must not lose points for its own. The place is found in the true picture in the same
    way, so that what the method is off by counts for nothing. seen: what visible() says, where it is known.
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
    patches = torch.stack([truth[:, box[0] : box[1], box[2] : box[3]].double() for truth in truths])
    alike = _alike(_around(frame, box, REACH), patches)
    likeness, weights = _best_mixtures(alike, patches)
    row, column = (int(i) for i in torch.unravel_index(likeness.argmax(), likeness.shape))
    mixture = weights[:, row, column]
    strengths = _centred(patches).flatten(1).norm(dim=1).clamp(min=1e-12)
    picture = torch.einsum("l,lchw->chw", mixture / strengths, torch.stack(list(truths)).double())
    own = _alike(_around(picture, box, 1), picture[None, :, box[0] : box[1], box[2] : box[3]])[0]
    peak = _peak(torch.einsum("l,lhw->hw", mixture, alike), row, column)
    own_peak = _peak(own, 1, 1)
    return peak[0] - REACH - (own_peak[0] - 1), peak[1] - REACH - (own_peak[1] - 1)


def _best_mixtures(alike: Tensor, patches: Tensor) -> tuple[Tensor, Tensor]:
    """How alike each place is to the mixture of the patches that is most like it, and what that is made of:
    weights, none of them negative, of the patches at one strength.

    alike: [patches,places,places], of each patch alone. Returns: [places,places] and [patches,places,places].
    """
    flat = functional.normalize(_centred(patches).flatten(1), dim=1)
    gram = flat @ flat.T
    best, which = alike.max(0)
    weights = functional.one_hot(which, len(alike)).movedim(-1, 0).to(alike)
    for size in range(2, len(alike) + 1):
        for some in map(list, combinations(range(len(alike)), size)):
            # least squares, kept where no weight is negative: one of these is the best of all mixtures
            inverse = torch.linalg.pinv(gram[some][:, some], rtol=ALIKE, hermitian=True)
            mixed = torch.einsum("ij,jhw->ihw", inverse, alike[some])
            likeness = (mixed * alike[some]).sum(0).clamp(min=0).sqrt()
            better = (mixed >= 0).all(0) & (likeness > best)
            best = torch.where(better, likeness, best)
            weights = torch.where(
                better, torch.zeros_like(weights).index_copy(0, torch.tensor(some), mixed), weights
            )
    return best, weights


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
    patches = _centred(patches)
    sums = wide.cumsum(1).cumsum(2), wide.square().cumsum(1).cumsum(2)
    total, squares = (_boxes(x, height, width) for x in sums)
    energy = (squares - total.square() / (height * width)).sum(0).clamp(min=1e-9 * height * width)
    products = functional.conv2d(wide[None], patches)[0]
    return products / (energy * patches.square().sum((1, 2, 3))[:, None, None]).sqrt()


def _centred(patches: Tensor) -> Tensor:
    """Each colour of each patch without its mean."""
    return patches - patches.mean((2, 3), keepdim=True)


def _boxes(sums: Tensor, height: int, width: int) -> Tensor:
    """The sum over the box at each place, from the running sums (Crow 1984)."""
    sums = functional.pad(sums, [1, 0, 1, 0])
    rows = sums[:, height:] - sums[:, :-height]
    return rows[..., width:] - rows[..., :-width]

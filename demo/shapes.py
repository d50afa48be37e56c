"""How much of each shape is drawn at its place in the target's look: neither an empty picture nor a ghost of
the source has any of it.

Clips are [frames,3,height,width] from -1 to 1, as demo.world renders them.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from statistics import mean

import torch
from torch import Tensor

from . import world
from .places import turned
from .world import Content, Shape

SMALL = 1e-4  # of the truth: what is smaller explains nothing


def drawn(clip: Tensor, of: Content, source: str, target: str, seen: Tensor) -> float:
    """Mean over the shapes; 1 for the truth, 0 for what has no part of it: the source, with its lightness
    turned round too, the target style without the shape, its empty page, or any mixture of these.

    seen: [frames,shapes], the frames in which a shape counts.
    """
    frames = len(clip)
    truth, ghost = (world.render(of, style, frames) for style in (target, source))
    cheats = [ghost, turned(ghost), empty_page(of, target, frames)]
    places, shares = world.positions(of, frames) * world.SIZE, []
    for i in (i for i in range(len(of.shapes)) if seen[:, i].any()):
        gone = world.render(replace(of, shapes=of.shapes[:i] + of.shapes[i + 1 :]), target, frames)
        patches = [_patches(x, of.shapes[i], places[:, i], seen[:, i]) for x in (clip, truth, gone, *cheats)]
        shares.append(_share(patches[0], patches[1], patches[2:]))
    return min(1.0, max(0.0, mean(shares))) if shares else 0.0


def empty_page(of: Content, style: str, frames: int) -> Tensor:
    """The style's own texture: what it makes of a scene with no shapes, all of its mean colour."""
    scene = world.scene(of, frames)
    colour = scene.colour.mean((2, 3), keepdim=True).expand_as(scene.colour)
    far, nothing = torch.full_like(scene.distance, world.SIZE), torch.zeros_like(scene.inside)
    return world.drawing(style)(world.Scene(colour, colour, far, nothing)).clamp(0, 1) * 2 - 1


def _patches(clip: Tensor, shape: Shape, places: Tensor, seen: Tensor) -> Tensor:
    """All that lies around the shape in the frames in which it is seen, in one list; each colour of each
    frame without its mean."""
    half, parts = ceil(shape.radius * world.SIZE) + 2, []
    for i in seen.nonzero().flatten().tolist():
        x, y = (int(v) for v in places[i])
        patch = clip[i, :, max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1].double()
        parts.append((patch - patch.mean((1, 2), keepdim=True)).flatten())
    return torch.cat(parts)


def _share(found: Tensor, truth: Tensor, cheats: list[Tensor]) -> float:
    """How much of what only the truth has is found: the truth beyond its best mixture of the cheats is the
    unit. Too much contrast is no more than all of it, too little is less."""
    size = truth.norm()
    span = torch.stack([cheat / cheat.norm() for cheat in cheats if cheat.norm() > SMALL * size], 1)
    own = truth - span @ (torch.linalg.pinv(span.T @ span, rtol=SMALL**2, hermitian=True) @ (span.T @ truth))
    return float(found @ own / (own @ own) / (found.norm() / size).clamp(min=1))

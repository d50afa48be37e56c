"""Results as a restyle may go wrong, from the known truth: several faults at once, each of any strength.

Clips from number OLD on may also boil, and be cut from one scene to another: by draws of their own, so that
all else of every clip is as before there were these two.

Clips are [frames,3,height,width] from -1 to 1. All is drawn from the number of the clip.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import pi

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.style_transfer.ways import Transfer
from demo import world
from demo.world import Content, Shape

FRAMES = 2 * world.FRAMES
WINDOWS = (8, 12, 16)
LEAST = 6  # frames of a scene
FIRST_SEED, APART = 6200, 13
OLD = 240  # clips whose numbers are smaller have no cut and do not boil
LIKELY, LIKELY_STEPS = 0.3, 0.6  # that a clip has each fault; the same for steps between windows
SPECK = Shape("disc", (0.5, 0.5, 0.5), 0.01, (0.5, 0.5), (0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0))

Random = np.random.Generator


@dataclass(frozen=True)
class Case:
    """One result beside its source; name says what was done."""

    name: str
    of: Content
    styles: tuple[str, str]  # of the source, of the target
    result: Tensor
    seed: int
    borders: tuple[int, ...] = ()  # the first frames of later windows
    fade: float = 0.0  # how much darker the clip itself grows, as a share of its light
    then: tuple[Content, int] | None = None  # the scene after a cut, and its first frame
    unsteady: Tensor = field(default_factory=lambda: torch.zeros(()))  # what was added anew to each frame

    @property
    def source(self) -> Tensor:
        """As it was filmed."""
        return world.filmed(self._drawn(self.styles[0]), self.seed)

    @property
    def truth(self) -> Tensor:
        return self._drawn(self.styles[1])

    @property
    def scene(self) -> Tensor:
        """The number of each frame's scene, (frames,)."""
        return (torch.arange(len(self.result)) >= (self.then[1] if self.then else len(self.result))).long()

    def _drawn(self, style: str) -> Tensor:
        return faded(joined(self.of, self.then, style, len(self.result)), self.fade)


def joined(of: Content, then: tuple[Content, int] | None, style: str, frames: int) -> Tensor:
    """The scene, and from its first frame on the one after it."""
    clip = world.render(of, style, frames)
    return (
        clip
        if then is None
        else torch.cat([clip[: then[1]], world.render(then[0], style, frames)[then[1] :]])
    )


def faded(clip: Tensor, by: float) -> Tensor:
    """The clip growing darker from first to last frame."""
    light = 1 - by * torch.linspace(0, 1, len(clip))[:, None, None, None]
    return (clip + 1) * light - 1


def case(index: int) -> Case:
    """The result of that number, with the faults that chance gives it: what is drawn, then the drawing."""
    random, more, transfer = np.random.default_rng(index), np.random.default_rng((index, 1)), Transfer(index)
    seed = world.HELD_OUT[(FIRST_SEED + APART * index) % len(world.HELD_OUT)]
    window = int(random.choice(WINDOWS))
    of, names = world.content(seed), [name for name in FAULTS if random.random() < LIKELY]
    styles, then, boils = (transfer.source, transfer.target), *_more(index, more)
    clip = _drawn(of, names, random, styles)
    if then is not None:
        clip = torch.cat([clip[: then[1]], _drawn(then[0], names, more, styles)[then[1] :]])
        names = [*names, "cut"]
    clip, unsteady = _added(clip, names, random)
    if boils:
        names, boil = [*names, boiling.__name__], boiling(clip, more)
        clip, unsteady = clip + boil, unsteady + boil
    if random.random() < LIKELY_STEPS:
        names, clip = [*names, stepping.__name__], stepping(clip, random, window)
    borders, fade = tuple(range(window, FRAMES, window)), _fade(random)
    result, steady = (faded(x, fade).clamp(-1, 1) for x in (clip, clip - unsteady))
    name = " + ".join(names) or "the truth"
    return Case(name, of, styles, result, seed, borders, fade, then, result - steady)


def _more(index: int, more: Random) -> tuple[tuple[Content, int] | None, bool]:
    """The scene after a cut with its first frame, if there is one, and whether the clip boils."""
    if index < OLD:
        return None, False
    cut, boils = (more.random() < LIKELY for _ in range(2))
    then = (
        world.content(int(more.integers(world.HELD_OUT.stop))),
        int(more.integers(LEAST, FRAMES - LEAST + 1)),
    )
    return then if cut else None, bool(boils)


def _drawn(of: Content, names: list[str], random: Random, styles: tuple[str, str]) -> Tensor:
    """A scene with its faults."""
    drawn = of
    for name in [name for name in DRAWN if name in names]:
        drawn = DRAWN[name](drawn, random)
    clip = world.render(drawn, styles[1], FRAMES)
    for name in [name for name in SEEN if name in names]:
        clip = SEEN[name](clip, random, of, styles)
    return clip


def _added(clip: Tensor, names: list[str], random: Random) -> tuple[Tensor, Tensor]:
    """The clip with what goes through all its scenes, and what of that is new in each frame."""
    unsteady = torch.zeros_like(clip)
    for name in [name for name in ADDED if name in names]:
        changed = ADDED[name](clip, random)
        unsteady = unsteady if name == drifting.__name__ else unsteady + changed - clip
        clip = changed
    return clip, unsteady


def _fade(random: Random) -> float:
    """No fault: the light of some clips changes, and that of the truth with it."""
    return float(random.uniform(0.1, 0.6)) if random.random() < LIKELY else 0.0


def _some(of: Content, random: Random, change: Callable[[Shape], Shape]) -> Content:
    """Changes one shape at least, each other one by the toss of a coin."""
    sure = random.integers(len(of.shapes))
    shapes = [change(s) if i == sure or random.random() < 0.5 else s for i, s in enumerate(of.shapes)]
    return replace(of, shapes=tuple(shapes))


def moved(of: Content, random: Random) -> Content:
    """Shapes stand elsewhere, by up to ten pixels each way."""

    def change(shape: Shape) -> Shape:
        x, y = (float(v) for v in random.uniform(-10, 10, 2) / world.SIZE)
        return replace(shape, start=(shape.start[0] + x, shape.start[1] + y))

    return _some(of, random, change)


def otherwise(of: Content, random: Random) -> Content:
    """Shapes go other ways: another velocity, up to half of the picture a clip apart."""

    def change(shape: Shape) -> Shape:
        x, y = (float(v) for v in random.uniform(-0.5, 0.5, 2))
        return replace(shape, velocity=(shape.velocity[0] + x, shape.velocity[1] + y))

    return _some(of, random, change)


def wobbling(of: Content, random: Random) -> Content:
    """Shapes tremble about their way, by up to four pixels, three to seven times in sixteen frames."""

    def change(shape: Shape) -> Shape:
        reach = random.uniform(0.5, 4) / world.SIZE
        return replace(shape, loop=(reach, random.uniform(3, 7), random.uniform(0, 2 * pi)))

    return _some(of, random, change)


def dropped(of: Content, random: Random) -> Content:
    """One shape is missing."""
    gone = int(random.integers(len(of.shapes)))
    return replace(of, shapes=tuple(s for i, s in enumerate(of.shapes) if i != gone) or (SPECK,))


def exchanged(of: Content, random: Random) -> Content:
    """Some shapes are another clip's."""
    others = world.content(int(random.integers(world.HELD_OUT.stop))).shapes
    return _some(of, random, lambda shape: others[int(random.integers(len(others)))])


def ghost(clip: Tensor, random: Random, of: Content, styles: tuple[str, str]) -> Tensor:
    """The source shines through, or is all that there is."""
    return torch.lerp(clip, world.render(of, styles[0], len(clip)), float(random.uniform(0.1, 1.0)))


def emptied(clip: Tensor, random: Random, of: Content, styles: tuple[str, str]) -> Tensor:
    """The shapes fade."""
    empty = world.render(replace(of, shapes=(SPECK,)), styles[1], len(clip))
    return torch.lerp(clip, empty, float(random.uniform(0.2, 1.0)))


def blurred(clip: Tensor, random: Random, of: Content, styles: tuple[str, str]) -> Tensor:
    return world._blurred(clip, float(random.uniform(0.4, 2.5)))


def frame_jitter(clip: Tensor, random: Random) -> Tensor:
    """Every frame has a tint and a brightness of its own."""
    size = np.exp(random.uniform(np.log(0.01), np.log(0.2)))
    return clip + torch.from_numpy(random.normal(0, size, (len(clip), 3, 1, 1))).float()


def patch_jitter(clip: Tensor, random: Random) -> Tensor:
    """In every frame other places are brighter or darker."""
    size, places = np.exp(random.uniform(np.log(0.02), np.log(0.4))), int(random.choice([4, 8, 16]))
    field = torch.from_numpy(random.normal(0, size, (len(clip), 3, places, places))).float()
    return clip + functional.interpolate(field, clip.shape[2:], mode="bilinear")


def boiling(clip: Tensor, random: Random) -> Tensor:
    """Texture that is another in every frame, of blobs of one to four pixels; what it adds."""
    size, blob = np.exp(random.uniform(np.log(0.01), np.log(0.4))), int(random.choice([1, 2, 4]))
    field = random.normal(0, size, (len(clip), 3, world.SIZE // blob, world.SIZE // blob))
    return torch.from_numpy(field).float().repeat_interleave(blob, -1).repeat_interleave(blob, -2)


def drifting(clip: Tensor, random: Random) -> Tensor:
    """The colours move one way all through the clip."""
    size = np.exp(random.uniform(np.log(0.02), np.log(0.5)))
    way = torch.from_numpy(random.normal(0, size, (1, 3, 1, 1))).float()
    return clip + torch.linspace(-0.5, 0.5, len(clip))[:, None, None, None] * way


def stepping(clip: Tensor, random: Random, window: int) -> Tensor:
    """Each window has colours of its own."""
    size = np.exp(random.uniform(np.log(0.01), np.log(0.3)))
    levels = torch.from_numpy(random.normal(0, size, (len(clip) // window + 1, 3, 1, 1))).float()
    return clip + levels[torch.arange(len(clip)) // window]


DRAWN = {f.__name__: f for f in (moved, otherwise, wobbling, dropped, exchanged)}
SEEN = {f.__name__: f for f in (emptied, blurred, ghost)}
ADDED = {f.__name__: f for f in (frame_jitter, patch_jitter, drifting)}
FAULTS = (*DRAWN, *SEEN, *ADDED)

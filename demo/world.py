"""A world whose right answers are known: moving shapes, each clip drawn in any of several styles.

What happens (a Content) comes from a seed and knows nothing of how it is drawn, so the same seed in another
style is the true answer of a style transfer. Lengths are in heights of the picture, times in clips.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, sin
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

FRAMES, SIZE = 16, 64
HELD_OUT = range(10_000)  # seeds that no training sees
KINDS = ("disc", "box", "triangle", "star", "ring", "cross")
GRAIN = 0.025  # standard deviation
MARGIN = 0.14  # how near the centre of a shape may come to the border


@dataclass(frozen=True)
class Shape:
    """One moving thing: start + velocity * t, folded at the borders, with a loop of its own on top."""

    kind: str
    colour: tuple[float, float, float]
    radius: float
    start: tuple[float, float]
    velocity: tuple[float, float]
    loop: tuple[float, float, float]  # radius, turns a clip, phase
    angle: tuple[float, float]  # at the start, and turned over the clip


@dataclass(frozen=True)
class Content:
    """What happens in a clip: shapes from far to near, in front of a background that drifts."""

    shapes: tuple[Shape, ...]
    ground: tuple[tuple[float, float, float], tuple[float, float, float]]  # its colours, top and bottom
    pattern: str
    wavelength: float
    drift: tuple[float, float]


class Scene(NamedTuple):
    """A drawn Content before it has a style. All from 0 to 1 but the distance, which is in pixels.

    colour, line: [frames,3,height,width], line being the colour of the nearest outline;
    distance: [frames,1,height,width] to the nearest visible outline; inside: 1 on shapes, 0 on the ground.
    """

    colour: Tensor
    line: Tensor
    distance: Tensor
    inside: Tensor


def content(seed: int) -> Content:
    """The Content of that seed: two to four shapes, any kinds, sizes, paths and colours."""
    random = np.random.default_rng(seed)
    hue = random.random()
    count = int(random.integers(2, 5))
    shapes = tuple(_shape(random, hue + (i + random.uniform(-0.3, 0.3)) / count) for i in range(count))
    tint = random.random()
    top, bottom = (_colour(tint, random.uniform(0.05, 0.25), random.uniform(0.8, 1.0)) for _ in range(2))
    pattern = str(random.choice(["plain", "stripes", "checks"]))
    turn, speed = random.uniform(0, 2 * pi), random.uniform(0.0, 0.35)
    return Content(
        shapes, (top, bottom), pattern, random.uniform(0.2, 0.4), (speed * cos(turn), speed * sin(turn))
    )


def positions(of: Content, frames: int = FRAMES) -> Tensor:
    """Where the middle of each shape is, [frames,shapes,2] as x, y in heights of the picture."""
    t = torch.arange(frames) / FRAMES
    return torch.stack([_path(shape, of.drift, t) for shape in of.shapes], 1)


def render(of: Content, style: str, frames: int = FRAMES, size: int = SIZE) -> Tensor:
    """The clip in a style, [frames,3,size,size] float32 from -1 to 1."""
    return drawing(style)(scene(of, frames, size)).clamp(0, 1) * 2 - 1


def drawing(style: str) -> Callable[[Scene], Tensor]:
    """How a style draws a scene, the unseen ones too."""
    return STYLES.get(style) or UNSEEN[style]


def filmed(clip: Tensor, seed: int) -> Tensor:
    """The clip with the grain that a camera would leave on it.

    A picture without any is no likely one at the schedule's lowest sigma: the model sees nothing to make
    noise of, and what unsampling finds is too weak, by two thirds for a mosaic.
    """
    random = torch.Generator().manual_seed(seed)
    return clip + GRAIN * torch.randn(clip.shape, generator=random)


def scene(of: Content, frames: int = FRAMES, size: int = SIZE) -> Scene:
    """The clip before it has a style."""
    y, x = torch.meshgrid(*[(torch.arange(size) + 0.5) / size] * 2, indexing="ij")
    colour = _ground(of, frames, x, y)
    line = colour.clone()
    distance = torch.full((frames, 1, size, size), float(size))
    inside = torch.zeros(frames, 1, size, size)
    t = torch.arange(frames) / FRAMES
    for shape, centre in zip(of.shapes, positions(of, frames).unbind(1), strict=True):
        signed = _signed_distance(shape, x - centre[:, :1, None], y - centre[:, 1:, None], t) * size
        signed = signed[:, None]
        paint = torch.tensor(shape.colour)[:, None, None]
        cover = (0.5 - signed).clamp(0, 1)
        colour = torch.lerp(colour, paint.expand_as(colour), cover)
        line = torch.where(signed < distance, paint, line)
        distance = torch.where(signed < 0, -signed, torch.minimum(distance, signed))
        inside = torch.maximum(inside, cover)
    return Scene(colour, line, distance, inside)


def flat(drawn: Scene) -> Tensor:
    """Flat colours, no outlines."""
    return drawn.colour


def ink(drawn: Scene) -> Tensor:
    """Dark outlines and pale tints on paper."""
    paper = torch.tensor([0.97, 0.95, 0.90])[:, None, None]
    pen = torch.tensor([0.07, 0.06, 0.12])[:, None, None]
    return torch.lerp(torch.lerp(paper, drawn.colour, 0.3), pen, (1.7 - drawn.distance).clamp(0, 1))


def halftone(drawn: Scene) -> Tensor:
    """Dots of ink on cream paper, larger where it is darker."""
    paper = torch.tensor([0.98, 0.94, 0.84])[:, None, None]
    y, x = _pixels(drawn.colour)
    screen = 0.5 + 0.25 * (torch.cos(pi * (x + y) / 3) + torch.cos(pi * (x - y) / 3))
    darkness = 1 - drawn.colour.amin(1, keepdim=True)
    dot = torch.sigmoid(7 * (1.1 * darkness + 0.05 - screen))
    return torch.lerp(paper, drawn.colour * 0.75, dot)


def watercolour(drawn: Scene) -> Tensor:
    """Washed, bleeding colours with darker rims, on grained paper."""
    wash = _blurred(drawn.colour, 1.4)
    grain = _paper(drawn.colour)
    rim = 0.3 * torch.exp(-(_blurred(drawn.distance.clamp(max=6), 0.8) / 1.3).square())
    return (0.25 + 0.75 * wash) * (1 - rim) * (1 - 0.14 * grain)


def neon(drawn: Scene) -> Tensor:
    """Glowing outlines on the dark."""
    tube = torch.exp(-(drawn.distance / 1.1).square())
    glow = 0.45 * torch.exp(-drawn.distance / 3.5)
    bright = drawn.line / drawn.line.amax(1, keepdim=True)
    dark = 0.05 + 0.07 * drawn.colour + 0.15 * drawn.inside * drawn.colour
    return dark + bright * glow + (0.3 + 0.7 * bright) * tube


def mosaic(drawn: Scene) -> Tensor:
    """Square tiles of one colour with dark joints."""
    tile = 4
    tiles = functional.avg_pool2d(drawn.colour, tile)
    tiles = (tiles * 1.15 - 0.12).repeat_interleave(tile, -1).repeat_interleave(tile, -2)
    y, x = _pixels(drawn.colour)
    joint = ((x % tile == 0) | (y % tile == 0)).float()
    return tiles * (1 - 0.4 * joint)


def blueprint(drawn: Scene) -> Tensor:
    """Pale lines on dark blue, each shape washed with a little of its colour."""
    ground = torch.tensor([0.06, 0.13, 0.34])[:, None, None]
    pen = torch.tensor([0.86, 0.92, 1.0])[:, None, None]
    washed = ground * (0.7 + 0.3 * drawn.colour) + 0.25 * drawn.inside * drawn.colour
    return torch.lerp(washed, pen, 0.9 * (1.6 - drawn.distance).clamp(0, 1))


STYLES: dict[str, Callable[[Scene], Tensor]] = {
    "flat": flat,
    "ink": ink,
    "halftone": halftone,
    "watercolour": watercolour,
    "neon": neon,
    "mosaic": mosaic,
}
STYLE_NAMES = tuple(STYLES)
UNSEEN: dict[str, Callable[[Scene], Tensor]] = {"blueprint": blueprint}  # by no training, no judge


def _shape(random: np.random.Generator, hue: float) -> Shape:
    turn, speed = random.uniform(0, 2 * pi), random.uniform(0.1, 0.8)
    return Shape(
        str(random.choice(KINDS)),
        _colour(hue, random.uniform(0.6, 1.0), random.uniform(0.5, 0.9)),
        random.uniform(0.12, 0.23),
        (random.uniform(MARGIN, 1 - MARGIN), random.uniform(MARGIN, 1 - MARGIN)),
        (speed * cos(turn), speed * sin(turn)),
        (float(random.choice([0.0, 0.08, 0.14])), random.uniform(0.5, 1.5), random.uniform(0, 2 * pi)),
        (random.uniform(0, 2 * pi), random.uniform(-pi, pi)),
    )


def _colour(hue: float, saturation: float, value: float) -> tuple[float, float, float]:
    """HSV as RGB; hue in turns, any number."""
    k = (np.array([5, 3, 1]) + hue * 6) % 6
    return tuple(float(v) for v in value * (1 - saturation * np.clip(np.minimum(k, 4 - k), 0, 1)))


def _path(shape: Shape, drift: tuple[float, float], t: Tensor) -> Tensor:
    """[frames,2]: along the velocity and the camera's drift, folded back at the margins, with the loop."""
    reach, turns, phase = shape.loop
    line = torch.tensor(shape.start) + (torch.tensor(shape.velocity) + torch.tensor(drift)) * t[:, None]
    turn = 2 * pi * turns * t + phase
    line = line + reach * torch.stack([turn.cos(), turn.sin()], 1)
    span = 1 - 2 * MARGIN
    return MARGIN + span - ((line - MARGIN) % (2 * span) - span).abs()


def _signed_distance(shape: Shape, x: Tensor, y: Tensor, t: Tensor) -> Tensor:
    """[frames,height,width]: distance to the outline, negative inside, in heights of the picture."""
    angle = (shape.angle[0] + shape.angle[1] * t)[:, None, None]
    u = (angle.cos() * x + angle.sin() * y) / shape.radius
    v = (angle.cos() * y - angle.sin() * x) / shape.radius
    return _OUTLINES[shape.kind](u, v) * shape.radius


def _disc(u: Tensor, v: Tensor) -> Tensor:
    return torch.hypot(u, v) - 0.9


def _box(u: Tensor, v: Tensor, width: float = 0.78, height: float = 0.78) -> Tensor:
    across, along = u.abs() - width, v.abs() - height
    return torch.hypot(across.clamp(min=0), along.clamp(min=0)) + torch.maximum(across, along).clamp(max=0)


def _ring(u: Tensor, v: Tensor) -> Tensor:
    return (torch.hypot(u, v) - 0.7).abs() - 0.27


def _cross(u: Tensor, v: Tensor) -> Tensor:
    return torch.minimum(_box(u, v, 1.0, 0.33), _box(u, v, 0.33, 1.0))


def _triangle(u: Tensor, v: Tensor) -> Tensor:
    """Distance to the nearest of three sides' lines: exact inside, a little short beyond the corners."""
    sides = [cos(a) * u + sin(a) * v for a in (pi / 2, pi / 2 + 2 * pi / 3, pi / 2 + 4 * pi / 3)]
    return torch.stack(sides).amax(0) - 0.55


def _star(u: Tensor, v: Tensor) -> Tensor:
    """Five points: the plane folded to one tenth, the distance to one side's line; short beyond the tips."""
    fold = (torch.atan2(v, u) + pi / 5) % (2 * pi / 5) - pi / 5
    radius = torch.hypot(u, v)
    across, along = radius * torch.sin(fold.abs()), radius * torch.cos(fold)
    notch, tip = torch.tensor([0.48 * cos(pi / 5), 0.48 * sin(pi / 5)]), torch.tensor([1.05, 0.0])
    side = notch - tip
    normal = torch.stack([side[1], -side[0]]) / side.norm()
    return torch.maximum((along - 1.05) * normal[0] + across * normal[1], radius - 1.05)


_OUTLINES = {"disc": _disc, "box": _box, "triangle": _triangle, "star": _star, "ring": _ring, "cross": _cross}


def _ground(of: Content, frames: int, x: Tensor, y: Tensor) -> Tensor:
    """[frames,3,height,width]: a ramp from one colour to the other under a faint pattern that drifts."""
    top, bottom = (torch.tensor(colour)[:, None, None] for colour in of.ground)
    t = torch.arange(frames)[:, None, None] / FRAMES
    u = torch.cos(2 * pi * (x - of.drift[0] * t) / of.wavelength)
    v = torch.cos(2 * pi * (y - of.drift[1] * t) / of.wavelength)
    wave = {"plain": torch.zeros_like(u), "stripes": u, "checks": u * v}[of.pattern]
    shade = 1 - 0.09 * (1 + torch.tanh(3 * wave))
    return torch.lerp(top, bottom, y) * shade[:, None]


def _pixels(picture: Tensor) -> tuple[Tensor, Tensor]:
    height, width = picture.shape[-2:]
    return torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")


def _blurred(picture: Tensor, width: float) -> Tensor:
    """A Gaussian blur, the border repeated."""
    reach = int(3 * width + 0.5)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / width).square())
    kernel = (kernel / kernel.sum()).expand(picture.shape[1], 1, 1, -1)
    wide = functional.pad(picture, [reach] * 4, mode="replicate")
    rows = functional.conv2d(wide, kernel, groups=picture.shape[1])
    return functional.conv2d(rows, kernel.transpose(2, 3), groups=picture.shape[1])


def _paper(picture: Tensor) -> Tensor:
    """The grain of the paper, [height,width] from 0 to 1, always the same: it does not move with the clip."""
    y, x = _pixels(picture)
    coarse = torch.sin(x * 0.9 + 1.7 * torch.sin(y * 0.6)) * torch.sin(y * 1.1 + 1.3 * torch.sin(x * 0.5))
    return 0.5 + 0.5 * coarse

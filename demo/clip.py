"""The clip that the demo works on: one of the world's, or a user's fitted to the model."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from . import world
from .video import read_video, write_video

FPS = Fraction(8)
ENLARGED = 4  # pixels of a file for one of the model's, so that H.264 halving the colours costs nothing
MOST_FRAMES = 64
DECODED = 512 * 512  # pixels of a frame that are kept while reading: 50 MB at MOST_FRAMES
UNIT, SHORTEST = 8, 16  # the model halves 4x4 patches once, so sides are multiples of 8


class Clip(NamedTuple):
    """A clip as the model sees it, [frames,3,height,width] from -1 to 1.

    content: what happens in it, where that is known. note: what was left out, "" if nothing.
    """

    x: Tensor
    fps: Fraction
    title: str
    content: world.Content | None = None
    note: str = ""

    def in_style(self, style: str) -> Tensor | None:
        """The true answer of a style transfer, where the world knows it."""
        return None if self.content is None else world.render(self.content, style, len(self.x))


def built_in(path: Path, seed: int, style: str, frames: int) -> Clip:
    """The world's clip of that seed, written to a file and read back as a user's would be."""
    content = world.content(seed)
    write_video(path, enlarged(world.filmed(world.render(content, style, frames), seed)), FPS)
    title = f"held-out clip {seed} of the world, {style}"
    return of_file(path, frames)._replace(content=content, title=title)


def of_file(path: Path, frames: int | None = None) -> Clip:
    """The first frames of a video, no more of it being decoded than is used.

    Raises: VideoError for a file that cannot be used.
    """
    limit = frames or MOST_FRAMES
    pictures, fps = read_video(path, first=limit + 1, most_pixels=DECODED)
    note = ""
    if len(pictures) > limit and frames is None:
        note = f"{path.name} has more than {limit} frames; the first {limit} are used, or --frames of them."
    return Clip(fitted(pictures[:limit]), fps, path.name, note=note)


def fitted(pictures: np.ndarray) -> Tensor:
    """uint8 [F,H,W,3] as the model wants them: cut to its nearest shape about the middle, then averaged."""
    tall, wide = pictures.shape[1:3]
    height, width = model_size(tall, wide)
    scale = min(tall / height, wide / width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (tall - rows) // 2, (wide - columns) // 2
    cropped = torch.from_numpy(pictures[:, top : top + rows, left : left + columns].copy())
    small = [
        functional.interpolate(frame[None].float(), (height, width), mode="area")
        for frame in cropped.permute(0, 3, 1, 2)
    ]
    return torch.cat(small) / 127.5 - 1


def model_size(tall: int, wide: int) -> tuple[int, int]:
    """Height and width in multiples of 8, at most 64x64 pixels in all, that lose least of such a picture."""
    sides = range(SHORTEST, world.SIZE**2 // SHORTEST + 1, UNIT)
    sizes = [(h, w) for h in sides for w in sides if h * w <= world.SIZE**2]

    def loss(size: tuple[int, int]) -> float:
        shape = size[1] * tall / (size[0] * wide)
        cut = 1 - min(shape, 1 / shape)
        return 2 * cut - size[0] * size[1] / world.SIZE**2  # of two evils, the smaller picture

    return min(sizes, key=loss)


def enlarged(x: Tensor) -> np.ndarray:
    """A clip from -1 to 1 as uint8 [F,H,W,3], each pixel a square of ENLARGED."""
    pixels = ((x.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    return pixels.repeat(ENLARGED, 1).repeat(ENLARGED, 2)

"""A grid of clips beside each other, each with a label below it, as frames that stay frames of a video."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isqrt

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn.functional import interpolate

GROUND, TEXT = "#1f2329", "#f2f4f7"
GAP = 8  # pixels around a cell
LINES = 3  # of a label at most
CHUNK = 16  # frames that are scaled at a time


@dataclass(frozen=True)
class Layout:
    """Where the cells are. width, height: of a clip in its cell, in pixels. strip: height of its label."""

    count: int
    columns: int
    width: int
    height: int
    strip: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the whole in pixels, both even, as video files want it."""
        rows = ceil(self.count / self.columns)
        high, wide = rows * (self.height + self.strip + GAP) + GAP, self.columns * (self.width + GAP) + GAP
        return high + high % 2, wide + wide % 2

    def corner(self, cell: int) -> tuple[int, int]:
        """The row and column of pixels where a cell begins."""
        row, column = divmod(cell, self.columns)
        return GAP + row * (self.height + self.strip + GAP), GAP + column * (self.width + GAP)


def columns_of(count: int, wanted: int) -> int:
    """How many cells a row has; with 0 wanted about as many as there are rows."""
    return min(wanted, count) if wanted > 0 else isqrt(count - 1) + 1


class Sheet:
    """All cells as one clip [frames, height, width, 3], which is filled cell by cell."""

    def __init__(self, labels: Sequence[str], columns: int, frames: int, width: int, height: int):
        """width, height: of a clip in its cell."""
        lines = [wrapped(label, width) for label in labels]
        strip = max(map(len, lines)) * _line_height(width) + GAP
        self.layout = Layout(len(labels), columns_of(len(labels), columns), width, height, strip)
        self.frames = torch.empty(frames, *self.layout.size, 3)
        self.frames[:] = _picture(*self.layout.size)[None]
        for cell, one in enumerate(lines):
            self._put(cell, self.layout.height, _picture(strip, width, one)[None])

    def fill(self, cell: int, clip: Tensor) -> None:
        """Puts a clip [frames, height, width, 3 or 4] into its cell, scaled."""
        for first in range(0, len(clip), CHUNK):
            part = scaled(clip[first : first + CHUNK, ..., :3], self.layout.width, self.layout.height)
            self._put(cell, 0, part, first)

    def _put(self, cell: int, below: int, pictures: Tensor, first: int = 0) -> None:
        top, left = self.layout.corner(cell)
        high, wide = pictures.shape[1:3]
        last = first + len(pictures) if len(pictures) > 1 or below == 0 else None
        self.frames[first:last, top + below : top + below + high, left : left + wide] = pictures


def scaled(pictures: Tensor, width: int, height: int) -> Tensor:
    """Pictures [frames, height, width, 3] at that size."""
    pictures = pictures.to("cpu", torch.float32)
    if tuple(pictures.shape[1:3]) == (height, width):
        return pictures
    seen = pictures.movedim(-1, 1)
    made = interpolate(seen, (height, width), mode="bilinear", align_corners=False, antialias=True)
    return made.movedim(1, -1).clamp(0, 1)


def wrapped(label: str, width: int) -> list[str]:
    """The label in lines that fit that many pixels, the last one cut where there are more than LINES."""
    font, lines = _font(width), [""]
    for word in label.split():
        for piece in _pieces(word, font, width):
            longer = f"{lines[-1]} {piece}".strip()
            if font.getlength(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(piece)
    if len(lines) <= LINES:
        return lines
    last = f"{lines[LINES - 1]} ..."
    while font.getlength(last) > width and len(last) > 4:
        last = f"{last[:-5]} ..."
    return [*lines[: LINES - 1], last]


def _pieces(word: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    """A word in pieces that fit a line each."""
    pieces = [""]
    for letter in word:
        if pieces[-1] and font.getlength(pieces[-1] + letter) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _picture(height: int, width: int, lines: Sequence[str] = ()) -> Tensor:
    """A ground with lines of text on it, [height, width, 3]."""
    image = Image.new("RGB", (width, height), GROUND)
    pen = ImageDraw.Draw(image)
    for i, line in enumerate(lines):
        pen.text((0, GAP // 2 + i * _line_height(width)), line, TEXT, _font(width))
    return torch.from_numpy(np.asarray(image).astype(np.float32) / 255)


def _font(width: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, of a size that goes with the cell's width."""
    return ImageFont.load_default(_size(width))


def _size(width: int) -> int:
    return max(12, min(32, width // 18))


def _line_height(width: int) -> int:
    return ceil(_size(width) * 1.3)

"""What the pictures of the help pages are drawn with: cells in rows, each with a few plain words, and bars.

A help panel of ComfyUI is 280 pixels wide until a user draws it wider, and the pictures are 800: letters of
LETTERS are 11 pixels high there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

WIDTH, GAP, LETTERS, LINE = 800, 16, 31, 37  # pixels
GROUND, CARD, TEXT, DIM = "#1f2329", "#2a2f37", "#f2f4f7", "#c3c9d2"
COLOURS = ("#63b3ff", "#ffb454", "#62d292", "#ff86a8")
LARGEST = 40_000  # bytes of a picture
QUALITIES = (90, 82, 74, 66, 58, 50, 42, 34)


@dataclass(frozen=True)
class Cell:
    """A picture uint8 [height,width,3] with words under it. arrow: whether one leads to it from its left."""

    words: str
    picture: np.ndarray
    arrow: bool = False


@dataclass(frozen=True)
class Bar:
    """A line of a bar chart: words before it, parts of it, and words after it."""

    words: str
    parts: Sequence[float]
    value: str


def bytes_of(picture: Tensor) -> np.ndarray:
    """A picture [3,height,width] from -1 to 1 as uint8 [height,width,3]."""
    return ((picture.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()


def of_image(picture: Tensor) -> np.ndarray:
    """One frame of an IMAGE, [height,width,3] from 0 to 1, as uint8."""
    return (picture.clamp(0, 1) * 255).round().byte().numpy()


def noise(x: Tensor) -> np.ndarray:
    """Noise [3,height,width] with its std at a fifth of black to white."""
    return bytes_of(x / x.std() * 0.4)


def ground(height: int, width: int) -> np.ndarray:
    """A picture with nothing on it."""
    return np.asarray(Image.new("RGB", (width, height), GROUND)).copy()


def strip(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures of one height beside each other as one."""
    between = ground(pictures[0].shape[0], pictures[0].shape[1] // 24)
    return np.concatenate([part for picture in pictures for part in (between, picture)][1:], 1)


def cells(rows: Sequence[Sequence[Cell]]) -> Image.Image:
    """Rows of cells, the cells of a row of one width."""
    drawn = [_row(row) for row in rows]
    whole = Image.new("RGB", (WIDTH, sum(row.height for row in drawn) + GAP // 2), GROUND)
    top = 0
    for row in drawn:
        whole.paste(row, (0, top))
        top += row.height
    return whole


def bars(title: str, lines: Sequence[Bar], legend: Sequence[str] = ()) -> Image.Image:
    """A bar chart; each part of a bar has its colour, which the legend names."""
    most = max(sum(line.parts) for line in lines)
    tall = GAP + 2 * LINE * len(lines) + LINE + (LINE if title else 0) + LINE * len(legend)
    image = Image.new("RGB", (WIDTH, tall), GROUND)
    pen, top = ImageDraw.Draw(image), GAP
    if title:
        pen.text((GAP, top), title, TEXT, font())
        top += LINE + 4
    for line in lines:
        pen.text((GAP, top), line.words, DIM, font())
        pen.text((WIDTH - GAP, top), line.value, TEXT, font(), anchor="ra")
        _bar(pen, line.parts, most, top + LINE)
        top += 2 * LINE
    for words, colour in zip(legend, COLOURS, strict=False):
        pen.rectangle((GAP, top + 8, GAP + 22, top + 30), colour)
        pen.text((GAP + 32, top), words, TEXT, font())
        top += LINE
    return image.crop((0, 0, WIDTH, top + GAP))


def font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own."""
    return ImageFont.load_default(LETTERS)


def save(image: Image.Image, path: Path) -> None:
    """Write it as WebP, as well as LARGEST bytes allow: large pixels and plain areas without a loss.

    Raises: ValueError where nothing is small enough.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for how in ({"lossless": True}, *({"quality": quality} for quality in QUALITIES)):
        image.save(path, "WEBP", method=6, **how)
        if path.stat().st_size <= LARGEST:
            return
    raise ValueError(f"{path} has {path.stat().st_size} bytes, more than {LARGEST}")


def enlarged(picture: np.ndarray, width: int) -> Image.Image:
    """The picture at that width; a small one keeps its pixels as squares, as far as they fit."""
    height = round(picture.shape[0] * width / picture.shape[1])
    kind = Image.Resampling.NEAREST if width >= 2 * picture.shape[1] else Image.Resampling.LANCZOS
    return Image.fromarray(np.ascontiguousarray(picture)).resize((width, height), kind)


def _row(row: Sequence[Cell]) -> Image.Image:
    wide = (WIDTH - GAP * (len(row) + 1)) // len(row)
    pictures = [enlarged(cell.picture, wide) for cell in row]
    words = [_wrapped(cell.words, wide) for cell in row]
    high, lines = max(picture.height for picture in pictures), max(map(len, words))
    image = Image.new("RGB", (WIDTH, GAP + high + 6 + LINE * lines), GROUND)
    pen = ImageDraw.Draw(image)
    for i, (cell, picture) in enumerate(zip(row, pictures, strict=True)):
        left = GAP + i * (wide + GAP)
        image.paste(picture, (left, GAP))
        for j, line in enumerate(words[i]):
            pen.text((left, GAP + high + 4 + j * LINE), line, TEXT, font())
        if cell.arrow:
            _arrow(pen, left - GAP // 2, GAP + high // 2)
    return image


def _wrapped(words: str, width: int) -> list[str]:
    lines: list[str] = []
    for part in words.split("\n") if words else []:
        lines.append("")
        for word in part.split():
            longer = f"{lines[-1]} {word}".strip()
            if font().getlength(longer) <= width or not lines[-1]:
                lines[-1] = longer
            else:
                lines.append(word)
    return lines


def _arrow(pen: ImageDraw.ImageDraw, x: int, y: int) -> None:
    """A disc with an arrow to the right on it."""
    pen.ellipse((x - 24, y - 24, x + 24, y + 24), GROUND, TEXT, 2)
    pen.line((x - 12, y, x + 6, y), TEXT, 5)
    pen.polygon([(x + 14, y), (x + 2, y - 10), (x + 2, y + 10)], TEXT)


def _bar(pen: ImageDraw.ImageDraw, parts: Sequence[float], most: float, top: int) -> None:
    left = float(GAP)
    for part, colour in zip(parts, COLOURS, strict=False):
        right = left + part / most * (WIDTH - 2 * GAP)
        pen.rectangle((round(left), top + 2, max(round(left), round(right) - 1), top + LINE - 10), colour)
        left = right


def middle(clip: Tensor) -> Tensor:
    """The middle frame of a clip."""
    return clip[len(clip) // 2]


def evenly(count: int, shown: int) -> list[int]:
    """So many indices from the first to the last."""
    return torch.linspace(0, count - 1, shown).round().int().tolist()

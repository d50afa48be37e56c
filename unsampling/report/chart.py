"""A chart of a few small panels under a heading, drawn with Pillow: readable at the size of a node, the same
bytes for the same numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

WIDTH, HEIGHT, HEAD, GAP, SMOOTH = 1024, 640, 88, 12, 2  # pixels; lines are drawn SMOOTH times as large
GROUND, CARD, GRID, TEXT, DIM = "#1f2329", "#2a2f37", "#474e59", "#f2f4f7", "#c3c9d2"
BLUE, ORANGE, GREEN, PINK = "#63b3ff", "#ffb454", "#62d292", "#ff86a8"
BAND = "#2f4f3f"
DOTS = 32  # on a line, at most
HEADING_SIZE, TITLE_SIZE, LABEL_SIZE, SMALLEST = 32, 31, 28, 19
Ticks = Sequence[tuple[float, str]]  # where on the axis, and the label


@dataclass(frozen=True)
class Series:
    """Values over 0, 1, 2, ... as a line, or as bars; where one is nan there is none."""

    label: str
    values: np.ndarray
    colour: str
    bars: bool = False


@dataclass(frozen=True)
class Panel:
    """One panel. The y axis goes from low to high; values in the band are good."""

    title: str
    series: list[Series]
    low: float
    high: float
    y_ticks: Ticks
    x_ticks: Ticks
    log: bool = False
    band: tuple[float, float] | None = None
    marks: Sequence[float] = ()  # where on the x axis something is marked

    def height(self, value: np.ndarray | float) -> np.ndarray:
        """Where values stand between low (0) and high (1), kept inside."""
        low, high = self.low, self.high
        value = np.clip(np.asarray(value, dtype=float), low, high)
        if self.log:
            low, high, value = np.log10(low), np.log10(high), np.log10(value)
        return (value - low) / (high - low)


@dataclass(frozen=True)
class Gallery:
    """A panel of pictures, uint8 (height, width, 3): pairs side by side, each with its label below."""

    title: str
    pairs: Sequence[tuple[str, np.ndarray, np.ndarray]]


def draw(heading: str, detail: str, good: bool, panels: Sequence[Panel | Gallery]) -> np.ndarray:
    """Three or four panels under a heading with a line below it, (HEIGHT, WIDTH, 3) uint8."""
    image = Image.new("RGB", (WIDTH * SMOOTH, HEIGHT * SMOOTH), GROUND)
    pen = ImageDraw.Draw(image)
    _box(pen, (GAP, GAP, GAP + 10, HEAD - GAP), GREEN if good else ORANGE)
    _write_fitted(pen, GAP + 26, 32, heading, TEXT, HEADING_SIZE)
    _write_fitted(pen, GAP + 26, 65, detail, DIM, LABEL_SIZE)
    wide, tall = (WIDTH - 3 * GAP) // 2, (HEIGHT - HEAD - 2 * GAP) // 2
    for i, panel in enumerate(panels):
        alone = i % 2 == 0 and i + 1 == len(panels)
        x, y = GAP + (i % 2) * (wide + GAP), HEAD + (i // 2) * (tall + GAP)
        across = 2 * wide + GAP if alone else wide
        if isinstance(panel, Gallery):
            _gallery(image, pen, panel, x, y, across, tall)
        else:
            _panel(pen, panel, x, y, across, tall)
    return np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))


def panels_of(drawn: Tensor) -> Tensor:
    """Charts (..., HEIGHT, WIDTH, 3) without their heading, for who has the verdict in words beside them."""
    return drawn[..., HEAD - GAP :, :, :]


def _write_fitted(pen: ImageDraw.ImageDraw, x: float, y: float, text: str, colour: str, size: int) -> None:
    """A line as large as it fits, but readable: cut where it would have to be smaller."""
    room = (WIDTH - x - GAP) * SMOOTH
    while size > SMALLEST and _font(size).getlength(text) > room:
        size -= 1
    while _font(size).getlength(text) > room:
        text = text.removesuffix(" ...").rsplit(" ", 1)[0] + " ..."
    _write(pen, x, y, text, colour, size, "lm")


def _panel(pen: ImageDraw.ImageDraw, panel: Panel, x: int, y: int, wide: int, tall: int) -> None:
    pen.rounded_rectangle(_scaled(x, y, x + wide, y + tall), 8 * SMOOTH, CARD)
    _write(pen, x + 16, y + 24, panel.title, TEXT, TITLE_SIZE, "lm")
    _legend(pen, panel, x + wide - 16, y + 24)
    left, top, right, bottom = x + 98, y + 52, x + wide - 24, y + tall - 38
    _axes(pen, panel, left, top, right, bottom)
    for series in panel.series:
        (_bars if series.bars else _line)(pen, panel, series, left, top, right, bottom)


def _gallery(
    image: Image.Image, pen: ImageDraw.ImageDraw, gallery: Gallery, x: int, y: int, wide: int, tall: int
) -> None:
    """As many pairs as there is room for, evenly spread."""
    pen.rounded_rectangle(_scaled(x, y, x + wide, y + tall), 8 * SMOOTH, CARD)
    _write(pen, x + 16, y + 24, gallery.title, TEXT, TITLE_SIZE, "lm")
    high = tall - 94
    widths = [high * picture.shape[1] / picture.shape[0] for _, picture, _ in gallery.pairs]
    needed = np.cumsum([2 * width + 2 * GAP for width in widths])
    count = max(1, int((needed <= wide).sum()))
    for i, (label, *pictures) in enumerate(gallery.pairs[:count]):
        middle, width = x + wide * (i + 0.5) / count, min(widths[i], (wide / count - 2 * GAP) / 2)
        for left, picture in zip((middle - width - 2, middle + 2), pictures, strict=True):
            size = round(width * SMOOTH), high * SMOOTH
            shown = Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS)
            image.paste(shown, (round(left * SMOOTH), (y + 50) * SMOOTH))
        _write(pen, middle, y + tall - 22, label, DIM, LABEL_SIZE, "mm")


def _legend(pen: ImageDraw.ImageDraw, panel: Panel, right: float, middle: float) -> None:
    """The series' names in their colours, from the right; a lone series needs none."""
    for series in reversed(panel.series if len(panel.series) > 1 else []):
        _write(pen, right, middle, series.label, series.colour, LABEL_SIZE, "rm")
        right -= _font(LABEL_SIZE).getlength(series.label) / SMOOTH + 16


def _axes(pen: ImageDraw.ImageDraw, panel: Panel, left: int, top: int, right: int, bottom: int) -> None:
    if panel.band is not None:
        low, high = (bottom - float(panel.height(edge)) * (bottom - top) for edge in panel.band)
        _box(pen, (left, high, right, low), BAND)
    for value, label in panel.y_ticks:
        y = bottom - float(panel.height(value)) * (bottom - top)
        _box(pen, (left, y - 0.5, right, y + 0.5), GRID)
        _write(pen, left - 10, y, label, DIM, LABEL_SIZE, "rm")
    for where in panel.marks:
        x = _across(panel, where, left, right)
        _box(pen, (x - 1, top, x + 1, bottom), ORANGE)
    for where, label in panel.x_ticks:
        x = _across(panel, where, left, right)
        half = _font(LABEL_SIZE).getlength(label) / SMOOTH / 2
        _write(pen, min(max(x, left + half), right + 18 - half), bottom + 19, label, DIM, LABEL_SIZE, "mm")


def _across(panel: Panel, index: float, left: int, right: int) -> float:
    """Each value has a column of its own; points stand in its middle."""
    return left + (index + 0.5) / len(panel.series[0].values) * (right - left)


def _line(
    pen: ImageDraw.ImageDraw, panel: Panel, series: Series, left: int, top: int, right: int, bottom: int
) -> None:
    xs = [_across(panel, i, left, right) for i in range(len(series.values))]
    ys = bottom - panel.height(series.values) * (bottom - top)
    points = [(float(x) * SMOOTH, float(y) * SMOOTH) for x, y in zip(xs, ys, strict=True)]
    there = np.isfinite(ys)
    for i, (start, end) in enumerate(pairwise(points)):
        if there[i : i + 2].all():
            pen.line((start, end), series.colour, 3 * SMOOTH)
    few = len(points) <= DOTS and not any(other.bars for other in panel.series)
    for i, (x, y) in enumerate(points):
        alone = not there[max(0, i - 1) : i].any() and not there[i + 1 : i + 2].any()
        if there[i] and (few or alone):  # a line of one point would not be seen
            pen.ellipse((x - 5 * SMOOTH, y - 5 * SMOOTH, x + 5 * SMOOTH, y + 5 * SMOOTH), series.colour)


def _bars(
    pen: ImageDraw.ImageDraw, panel: Panel, series: Series, left: int, top: int, right: int, bottom: int
) -> None:
    half = 0.4 * (right - left) / len(series.values)
    heights = panel.height(series.values) * (bottom - top)
    for i, height in enumerate(heights):
        middle = _across(panel, i, left, right)
        if height > 0:
            _box(pen, (middle - half, bottom - height, middle + half, bottom), series.colour)


def _box(pen: ImageDraw.ImageDraw, corners: tuple[float, ...], colour: str) -> None:
    pen.rectangle(_scaled(*corners), colour)


def _write(
    pen: ImageDraw.ImageDraw, x: float, y: float, text: str, colour: str, size: int, anchor: str
) -> None:
    pen.text((float(x) * SMOOTH, float(y) * SMOOTH), text, colour, _font(size), anchor)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font: no file of this machine, so every machine draws the same."""
    return ImageFont.load_default(size * SMOOTH)


def _scaled(*corners: float) -> tuple[float, ...]:
    return tuple(float(corner) * SMOOTH for corner in corners)

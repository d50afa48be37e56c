"""Pictures to judge by: labelled clips side by side, and a contact sheet of a few frames of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

BACKGROUND, INK = (24, 24, 28), (235, 235, 235)
STRIP = 24  # pixels for a label
SHOWN = 4  # frames of a clip on a contact sheet

Panels = Mapping[str, np.ndarray]  # clips [F,H,W,3], all of one shape, by the name to show


def side_by_side(columns: Sequence[Panels]) -> np.ndarray:
    """The clips in columns, each under its name."""
    grid = zip_longest(*([_headed(name, clip) for name, clip in column.items()] for column in columns))
    return _joined(grid)


def contact_sheet(path: Path, rows: Sequence[Panels]) -> None:
    """A PNG of half the size, a few frames of each clip from the first to the last, the clips in rows."""
    grid = ([_headed(name, _strip(clip)) for name, clip in row.items()] for row in rows)
    Image.fromarray(_joined(zip(*zip_longest(*grid), strict=True))[0]).save(path)


def _joined(grid) -> np.ndarray:
    """One clip of rows of clips; where there is none, background."""
    rows = [list(row) for row in grid]
    like = next(clip for clip in rows[0] if clip is not None)
    blank = np.broadcast_to(np.array(BACKGROUND, np.uint8), like.shape)
    whole = ([blank if clip is None else clip for clip in row] for row in rows)
    return np.concatenate([np.concatenate(row, 2) for row in whole], 1)


def _strip(clip: np.ndarray) -> np.ndarray:
    """A few frames next to each other at half the size, as a clip of one frame."""
    chosen = np.linspace(0, len(clip) - 1, min(len(clip), SHOWN)).round().astype(int)
    return np.concatenate(list(clip[chosen, ::2, ::2]), 1)[None]


def _headed(name: str, clip: np.ndarray) -> np.ndarray:
    label = Image.new("RGB", (clip.shape[2], STRIP), BACKGROUND)
    ImageDraw.Draw(label).text((8, 3), name, INK, ImageFont.load_default(15))
    return np.concatenate([np.broadcast_to(np.asarray(label), (len(clip), STRIP, clip.shape[2], 3)), clip], 1)

"""Pictures to judge by: labelled clips side by side, and a contact sheet of a few frames of each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

BACKGROUND, INK = (24, 24, 28), (235, 235, 235)
STRIP = 24  # pixels for a label
COLUMNS = 4


def side_by_side(panels: Mapping[str, np.ndarray]) -> np.ndarray:
    """The clips [F,H,W,3] in a row, each under its name."""
    return np.concatenate([_headed(name, clip) for name, clip in panels.items()], 2)


def contact_sheet(path: Path, panels: Mapping[str, np.ndarray]) -> None:
    """A PNG with a row a clip and a few frames across it, from the first to the last."""
    rows = [np.concatenate(list(_headed(name, clip[_evenly(len(clip))])), 1) for name, clip in panels.items()]
    Image.fromarray(np.concatenate(rows, 0)).save(path)


def _evenly(frames: int) -> np.ndarray:
    return np.linspace(0, frames - 1, min(frames, COLUMNS)).round().astype(int)


def _headed(name: str, clip: np.ndarray) -> np.ndarray:
    label = Image.new("RGB", (clip.shape[2], STRIP), BACKGROUND)
    ImageDraw.Draw(label).text((8, 3), name, INK, ImageFont.load_default(15))
    return np.concatenate([np.broadcast_to(np.asarray(label), (len(clip), STRIP, clip.shape[2], 3)), clip], 1)

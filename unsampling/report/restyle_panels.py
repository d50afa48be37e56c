"""The three panels of a restyling's chart."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from . import chart, restyle_verdict, scenes
from .restyle import RestyleFigures

NARROWEST = 5.0  # percent that the colours' axis has each way at least
TALL = 340  # pixels of a picture in the chart, before it is made smooth


def panels(figures: RestyleFigures, source: Tensor, result: Tensor) -> list[chart.Panel | chart.Gallery]:
    """What is kept per frame, the colours per frame, and the worst frames of source and result."""
    return [_kept(figures), _colours(figures), _worst(figures, source, result)]


def _kept(figures: RestyleFigures) -> chart.Panel:
    structure = figures.structure.numpy()
    shown = [chart.Series("structure", structure, chart.BLUE)]
    if not figures.still:
        shown.append(chart.Series("motion", figures.motion.numpy(), chart.ORANGE))
    ticks = [(value, f"{value:g}") for value in (0.0, 0.5, 1.0)]
    band = (restyle_verdict.KEPT, 1.0)
    return chart.Panel("kept", shown, 0.0, 1.0, ticks, _ticks(len(structure)), band=band)


def _colours(figures: RestyleFigures) -> chart.Panel:
    values = 100 * scenes.centred(figures.colours, scenes.numbers(figures.cuts)).numpy()
    reach = 5 * math.ceil(max(NARROWEST, float(np.abs(values).max())) / 5)
    colours = (("red", chart.PINK), ("green", chart.GREEN), ("blue", chart.BLUE))
    shown = [chart.Series(name, values[:, i], colour) for i, (name, colour) in enumerate(colours)]
    ticks = [(-reach, f"{-reach} %"), (0.0, "0"), (reach, f"{reach} %")]
    jumps = restyle_verdict.jumping(figures).nonzero().flatten().tolist()
    marks = [frame - 0.5 for frame in jumps]
    return chart.Panel("colours", shown, -reach, reach, ticks, _ticks(len(values)), marks=marks)


def _worst(figures: RestyleFigures, source: Tensor, result: Tensor) -> chart.Gallery:
    shown = [
        (f"frame {frame}: {what}", _picture(source[frame]), _picture(result[frame]))
        for frame, what in restyle_verdict.worst_frames(figures)
    ]
    return chart.Gallery("worst frames: source, result", shown)


def _picture(image: Tensor) -> np.ndarray:
    """An image from 0 to 1 as uint8 with three channels, not much larger than it is drawn."""
    coarse = max(1, min(image.shape[:2]) // TALL)
    small = image[::coarse, ::coarse, :3].float().cpu().clamp(0, 1)
    return (small * 255).round().to(torch.uint8).expand(-1, -1, 3).numpy()


def _ticks(count: int) -> Sequence[tuple[float, str]]:
    return [(0, "frame 0"), (count - 1, str(count - 1))]

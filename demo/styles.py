"""Conditions for the demo's denoiser: the clip as it is, and looks for it, each a mixture of colours.

The sampling ODE carries the noise of a pixel to the component that stands where the pixel stood among the
clip's colours: dark stays dark, red moves to what is nearest to red. So a look is a palette, and where the
weights follow a screen of dots or lines, it is a print.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, log, pi, radians, sin

import torch
from torch import Tensor

from .denoiser import Mixture, fit

LUMA = (0.299, 0.587, 0.114)
SPREAD = 0.05  # how far the film grain of the clip may move a printed colour
MOST_COLOURS = 12_000
SCREEN_COLOURS = 512


def source(clip: Tensor) -> Mixture:
    """The clip's own colours. The floor keeps grain from being blown up to a pattern by a wider look."""
    return fit(_colours(clip, MOST_COLOURS), 10, floor=0.05)


def poster(clip: Tensor) -> Mixture:
    """Six flat colours, the clip's own ones made stronger."""
    own = fit(_colours(clip, MOST_COLOURS), 6)
    grey = _luma(own.means)[:, None]
    strong = (grey + 1.5 * (own.means - grey)) * 1.05
    return Mixture(own.log_weights, strong.clamp(-0.95, 0.95), _round(6, 0.06))


def night(clip: Tensor) -> Mixture:
    return _ramp(clip, "02030c 070d2b 0d2050 1d4279 4d86ad bfe3e6", 8)


def thermal(clip: Tensor) -> Mixture:
    return _ramp(clip, "000004 1b0c41 4a0c6b 781c6d a52c60 cf4446 ed6925 fb9b06 f7d13d fcffa4", 10)


def comic(clip: Tensor) -> Mixture:
    """Eight printed colours on paper, in three screens of dots at a printer's angles, one a channel."""
    period = max(5.0, clip.shape[-2] / 36)
    dots = torch.stack([_dots(clip, period, angle) for angle in (15, 75, 45)])
    inks = _hex("1a1a22 2b3f9e 1c8a4d 1fa3d8 d8322e d8327f f7d21e f8f3e4")
    return Mixture(_printed(_colours(clip, SCREEN_COLOURS), dots), inks, _round(8, SPREAD))


def engraving(clip: Tensor) -> Mixture:
    """Dark ink on paper, in wavy lines that swell with the shadows."""
    period = max(4.0, clip.shape[-2] / 54)
    y, x = _places(clip)
    phase = (y + 0.35 * x + 0.6 * period * torch.sin(x / (8 * period))) / period
    lines = 2 * (2 * (phase - phase.floor()) - 1).abs() - 1
    shades = _luma(_colours(clip, SCREEN_COLOURS))[:, None]
    return Mixture(_printed(shades, lines[None]), _hex("14233f f4ead2"), _round(2, SPREAD))


STYLES: dict[str, Callable[[Tensor], Mixture]] = {
    "poster": poster, "comic": comic, "engraving": engraving, "night": night, "thermal": thermal}


def _colours(clip: Tensor, most: int) -> Tensor:
    """Up to `most` colours [N,3], evenly spread over the clip [frames,3,height,width]."""
    every = clip.movedim(1, -1).reshape(-1, 3)
    return every[torch.linspace(0, len(every) - 1, min(most, len(every))).long()]


def _luma(colours: Tensor) -> Tensor:
    return colours @ colours.new_tensor(LUMA)


def _hex(colours: str) -> Tensor:
    """Colours [K,3] from -1 to 1."""
    return torch.tensor([list(bytes.fromhex(c)) for c in colours.split()]) / 127.5 - 1


def _round(count: int, spread: float) -> Tensor:
    return spread**2 * torch.eye(3).repeat(count, 1, 1)


def _ramp(clip: Tensor, stops: str, count: int) -> Mixture:
    """The clip's own range of light, along a line of colours from dark to bright."""
    levels = torch.quantile(_luma(_colours(clip, MOST_COLOURS)), (torch.arange(count) + 0.5) / count)
    line = _hex(stops)
    position = ((levels + 1) / 2).clamp(0, 1) * (len(line) - 1)
    means = torch.lerp(line[position.floor().long()], line[position.ceil().long()], position.frac()[:, None])
    return Mixture(torch.full((count, 1, 1), -log(count)), means, _round(count, 0.1))


def _places(clip: Tensor) -> tuple[Tensor, Tensor]:
    height, width = clip.shape[-2:]
    return torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")


def _dots(clip: Tensor, period: float, angle: float) -> Tensor:
    """A screen of dots [height,width], its values spread evenly over -1 to 1."""
    y, x = _places(clip)
    turn = 2 * pi / period
    along = turn * (cos(radians(angle)) * x + sin(radians(angle)) * y)
    across = turn * (cos(radians(angle)) * y - sin(radians(angle)) * x)
    rank = (along.cos() + across.cos()).flatten().argsort().argsort().view_as(x)
    return 2 * (rank + 0.5) / rank.numel() - 1


def _printed(colours: Tensor, screens: Tensor) -> Tensor:
    """log weights [2^C,height,width]: the share of the clip's colours [N,C] that prints as each ink.

    A channel prints bright where it exceeds its screen [C,height,width]; the inks count in binary, first
    channel first.
    """
    channels = len(screens)
    digit = 2 ** torch.arange(channels - 1, -1, -1)[:, None]
    rows = []
    for row in screens.unbind(1):
        ink = ((colours[:, :, None] > row) * digit).sum(1)
        rows.append(torch.stack([(ink == k).float().mean(0) for k in range(2**channels)]))
    share = torch.stack(rows, 1) + 0.002  # no ink is ever impossible
    return (share / share.sum(0)).log()

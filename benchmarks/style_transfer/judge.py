"""The judge of benchmarks.style_transfer: taught on true clips, it says what style a clip looks to be in.

Clips are [frames,3,height,width] from -1 to 1, as demo.world renders them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from demo import world

LESSONS, LESSON_FRAMES = 60, 4  # clips of each style that the judge has seen, and their frames
NOISE = 0.06  # standard deviation of the noise in a third of them
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True, eq=False)
class Judge:
    """Tells the style of a clip: the nearest of the styles' mean looks, in the lessons' common spread."""

    centres: Tensor  # [styles,features], whitened
    whiten: Tensor

    def __call__(self, clip: Tensor) -> str:
        away = (looks(clip) @ self.whiten - self.centres).square().sum(1)
        return world.STYLE_NAMES[int(away.argmin())]


def judge(clip: Tensor) -> str:
    """The style that the clip looks to be in."""
    return taught()(clip)


@cache
def taught() -> Judge:
    """The judge, from clips out of the range that training uses (linear discriminant of Fisher 1936)."""
    seeds = range(world.HELD_OUT.stop, world.HELD_OUT.stop + LESSONS)
    seen = torch.stack(
        [
            torch.cat(
                [_lessons(world.render(world.content(seed), style, LESSON_FRAMES), seed) for seed in seeds]
            )
            for style in world.STYLE_NAMES
        ]
    )
    centres = seen.mean(1)
    spread = (seen - centres[:, None]).flatten(0, 1)
    covariance = spread.T @ spread / len(spread)
    noise = covariance.diagonal().mean() * torch.eye(len(covariance), dtype=torch.float64)
    values, vectors = torch.linalg.eigh(covariance + noise)
    whiten = vectors / values.sqrt()
    return Judge(centres @ whiten, whiten)


def _lessons(clip: Tensor, seed: int) -> Tensor:
    """The looks of a clip as it is, a little soft and a little noisy, as what models draw may be."""
    soft = functional.avg_pool2d(functional.pad(clip, [0, 1, 0, 1], mode="replicate"), 2, stride=1)
    noise = torch.randn(clip.shape, generator=torch.Generator().manual_seed(seed))
    return torch.stack([looks(x) for x in (clip, torch.lerp(clip, soft, 0.5), clip + NOISE * noise)])


def looks(clip: Tensor) -> Tensor:
    """Statistics that know no place: what colours, edges and wavelengths the frames are made of."""
    picture = (clip.double().clamp(-1, 1) + 1) / 2
    luma = torch.einsum("fchw,c->fhw", picture, torch.tensor(LUMA, dtype=torch.float64))
    edges = torch.hypot(luma[:, 1:, :-1] - luma[:, :-1, :-1], luma[:, :-1, 1:] - luma[:, :-1, :-1])
    chroma = picture.amax(1) - picture.amin(1)
    histograms = [
        _histogram(values, bins)
        for values, bins in ((luma, 16), (chroma, 8), (edges.sqrt().clamp(max=1), 12))
    ]
    return torch.cat([*histograms, _wavelengths(luma)])


def _histogram(values: Tensor, bins: int) -> Tensor:
    """Roots of the shares (Hellinger), so that rare values count too."""
    return (torch.histc(values, bins, 0, 1) / values.numel()).sqrt()


def _wavelengths(luma: Tensor) -> Tensor:
    """Roots of the shares of the energy by frequency, in eight rings of three directions each: along the
    pixels, diagonal, and between."""
    energy = torch.fft.fft2(luma - luma.mean((1, 2), keepdim=True)).abs().square().mean(0)
    y, x = (torch.fft.fftfreq(n).abs() for n in energy.shape)
    ring = (torch.hypot(y[:, None], x[None]) * 16).clamp(max=7).long()
    turn = (torch.atan2(y[:, None], x[None]) * 8 / torch.pi + 0.5).long()  # 0 and 4 lie along the pixels
    sector = torch.tensor([0, 1, 2, 1, 0])[turn]
    shares = torch.zeros(24, dtype=torch.float64)
    shares.index_add_(0, (ring * 3 + sector).flatten(), energy.flatten())
    return (shares / energy.sum().clamp(min=1e-12)).sqrt()

"""Pictures of which everything is known: the exact denoiser, the noise that a picture comes from, its edits.

A picture is an orthonormal Haar pyramid. The coarsest level is one of a few layouts, the
three details of each place and level one of a few textures, all Gaussian around their means, from strong and
coarse down to weak and fine. A prompt is the weights of the textures; the layouts are common to all. So a
model has something to decide at every noise level, and a restyled picture keeps its layout.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from benchmarks.solvers.schedules import SIGMA_MAX, SIGMA_MIN

Denoise = Callable[[Tensor, float, int], Tensor]

SIZE, COARSEST = 16, 4
PROMPTS = 4
SOURCE, OTHER = 0, 1
LAYOUTS, TEXTURES = 48, 10
# How far apart the means are and how far pictures lie from a mean, for the layout and each level, coarse to
# fine. Sharp: pictures that a model decides between at once, as trained models do. Smooth: they overlap.
SHARP = ((2.8, 0.6), (1.2, 0.25), (0.3, 0.05))
SMOOTH = ((2.8, 1.4), (1.2, 0.6), (0.4, 0.2))
OPINION = 1.5  # how much the prompts differ in the textures that they like


@dataclass(frozen=True, eq=False)
class Part:
    """Coefficients that decide together: `groups` groups of columns, each one of the same few Gaussians.

    means: (components, coefficients); std: of every component; weights: (prompts, components).
    """

    columns: slice
    groups: int
    means: Tensor
    std: float
    weights: Tensor


@dataclass(frozen=True, eq=False)
class Pyramid:
    """A world of one-channel pictures. basis: (coefficients, pixels), orthonormal rows, coarse to fine."""

    basis: Tensor
    parts: tuple[Part, ...]

    def to(self, dtype: torch.dtype) -> "Pyramid":
        parts = tuple(
            Part(p.columns, p.groups, p.means.to(dtype), p.std, p.weights.to(dtype)) for p in self.parts
        )
        return Pyramid(self.basis.to(dtype), parts)


def pyramid(spreads: tuple[tuple[float, float], ...] = SHARP, seed: int = 0) -> Pyramid:
    """The world of that seed, in float64."""
    random = torch.Generator().manual_seed(seed)
    parts, start = [], 0
    for level, (spread, std) in enumerate(spreads):
        groups = 1 if level == 0 else (COARSEST * 2 ** (level - 1)) ** 2
        width, count = (COARSEST**2, LAYOUTS) if level == 0 else (3, TEXTURES)
        opinion = 0.0 if level == 0 else OPINION
        means = spread * torch.randn(count, width, generator=random, dtype=torch.float64)
        liking = opinion * torch.randn(PROMPTS, count, generator=random, dtype=torch.float64)
        parts.append(Part(slice(start, start + groups * width), groups, means, std, liking.softmax(1)))
        start += groups * width
    return Pyramid(_haar(SIZE), tuple(parts))


def pictures(world: Pyramid, frames: int, seed: int = 1, prompt: int = SOURCE) -> Tensor:
    """Pictures of that prompt, (frames, 1, height, width) in float32."""
    random = torch.Generator().manual_seed(seed)
    drawn = []
    for part in world.parts:
        chosen = part.weights[prompt].multinomial(frames * part.groups, True, generator=random)
        spread = torch.randn(len(chosen), part.means.shape[1], generator=random, dtype=torch.float64)
        drawn.append((part.means[chosen] + part.std * spread).reshape(frames, -1))
    return (torch.cat(drawn, 1) @ world.basis).reshape(frames, 1, SIZE, SIZE).float()


def finest(world: Pyramid, x: Tensor) -> Tensor:
    """The coefficients of the finest level."""
    return (x.flatten(1).double() @ world.basis.T)[:, world.parts[-1].columns]


def network(world: Pyramid, prompt: int, cfg: float, dtype: torch.dtype | None = None) -> Denoise:
    """(x, sigma, step) -> the noise in x as ComfyUI's eps models predict it, guidance inside.

    dtype: half precision, to which the network's input, scaled to variance 1, and its prediction are rounded;
    None rounds nothing. Below the lowest
    sigma of its table it is asked as if at that sigma, also as in ComfyUI.
    """
    worlds = {precision: world.to(precision) for precision in (torch.float32, torch.float64)}

    def rounded(x: Tensor) -> Tensor:
        return x if dtype is None else x.to(dtype).to(x.dtype)

    def predict(x: Tensor, sigma: float, step: int) -> Tensor:
        level = max(sigma, SIGMA_MIN)
        seen = rounded(x / math.sqrt(sigma**2 + 1)) * math.sqrt(level**2 + 1)
        return rounded((seen - _expectation(worlds[x.dtype], prompt, cfg, seen, level)) / level)

    return predict


def denoiser(world: Pyramid, prompt: int, cfg: float = 1.0, dtype: torch.dtype | None = None) -> Denoise:
    """The same as a denoiser: D = x - sigma * eps, never rounded itself."""
    predict = network(world, prompt, cfg, dtype)
    return lambda x, sigma, step: x - sigma * predict(x, sigma, step)


def unsteady(denoise: Denoise, amount: float, seed: int) -> Denoise:
    """The same model, never twice the same: each predicted noise is off by `amount` of its own size."""
    random = torch.Generator().manual_seed(seed)

    def disturbed(x: Tensor, sigma: float, step: int) -> Tensor:
        denoised = denoise(x, sigma, step)
        size = amount * ((x - denoised) / sigma).square().mean().sqrt()
        return denoised + sigma * size * torch.randn(x.shape, generator=random, dtype=x.dtype)

    return disturbed


def true_path(predict: Denoise, x: Tensor, up: bool, steps: int) -> Tensor:
    """The sampling ODE dx/dsigma = eps itself, from sigma 0 to the highest or back.

    Runge-Kutta of order 4 in float64, on a grid even in log sigma and, below the lowest sigma that the model
    knows, on an even one of its own.
    """
    low = SIGMA_MIN * torch.arange(steps // 8, dtype=torch.float64) / (steps // 8)
    high = torch.linspace(math.log(SIGMA_MIN), math.log(SIGMA_MAX), steps + 1, dtype=torch.float64).exp()
    rising = torch.cat([low, high])
    x = x.double()
    for here, there in pairwise((rising if up else rising.flip(0)).tolist()):
        h, middle = there - here, (here + there) / 2
        k1 = predict(x, here, 0)
        k2 = predict(x + h / 2 * k1, middle, 0)
        k3 = predict(x + h / 2 * k2, middle, 0)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + predict(x + h * k3, there, 0))
    return x


def _expectation(world: Pyramid, prompt: int, cfg: float, x: Tensor, sigma: float) -> Tensor:
    """E[x0 | x0 + sigma * noise = x], at cfg above 1 guided away from all prompts together."""
    seen = x.flatten(1) @ world.basis.T
    answer = torch.cat([_posterior(p, prompt, cfg, seen[:, p.columns], sigma) for p in world.parts], 1)
    return (answer @ world.basis).view_as(x)


def _posterior(part: Part, prompt: int, cfg: float, y: Tensor, sigma: float) -> Tensor:
    """The posterior mean of a mixture of Gaussians with one std between them (softmax of Gaussians)."""
    prior = part.std**2
    variance = prior + sigma**2
    groups = y.reshape(-1, part.means.shape[1])
    size = part.means.square().sum(1) / 2
    likely = (groups @ part.means.T - size) / variance
    share = (likely + part.weights[prompt].log()).softmax(1)
    if cfg != 1.0:
        without = (likely + part.weights.mean(0).log()).softmax(1)
        share = without + cfg * (share - without)
    mean = share @ part.means
    return (mean + prior / variance * (groups - mean)).reshape(y.shape)


def _haar(size: int) -> Tensor:
    """The orthonormal Haar pyramid of size x size pixels as a matrix, details of a place side by side."""
    planes, details = torch.eye(size**2, dtype=torch.float64).reshape(-1, size, size), []
    while planes.shape[1] > COARSEST:
        a, b, c, d = (planes[:, i::2, j::2] for i in (0, 1) for j in (0, 1))
        three = torch.stack([a - b + c - d, a + b - c - d, a - b - c + d], 3) / 2
        details.insert(0, three.flatten(1))
        planes = (a + b + c + d) / 2
    return torch.cat([planes.flatten(1), *details], 1).T.contiguous()

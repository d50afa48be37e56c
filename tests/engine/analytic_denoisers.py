"""Denoisers whose right answer is known, and wrappers that make them as imperfect as a real model.

The clips are independent Gaussian mixtures, one per coefficient of a cosine transform over the frames, slow
motion strong and frame-to-frame detail weak. A prompt is the weights of the mixture, so another prompt means
other clips from the same world, and the best denoiser is a formula (softmax of Gaussians).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from unsampling import solvers

Denoise = Callable[[Tensor, float, int], Tensor]
Prompt = tuple[float, ...]

SOURCE: Prompt = (0.80, 0.15, 0.05)
OTHER: Prompt = (0.10, 0.20, 0.70)
EMPTY: Prompt = (1 / 3, 1 / 3, 1 / 3)

IMAGES = (8, 4, 5, 6)
VIDEO = (1, 4, 8, 5, 6)


@dataclass(frozen=True)
class World:
    """What clips exist. means: (components, *coefficients), std: (*coefficients), basis: (frames, frames)."""

    means: Tensor
    std: Tensor
    basis: Tensor
    axis: int
    flow: bool


def world(shape: tuple[int, ...] = IMAGES, flow: bool = False, seed: int = 0) -> World:
    """A world of clips of that shape, (frames, c, h, w) or (batch, c, frames, h, w), eps or flow."""
    axis = 0 if len(shape) == 4 else 2
    frames = shape[axis]
    coefficients = (frames, *(size for i, size in enumerate(shape) if i != axis))
    scale = (1.5 / (1 + torch.arange(frames, dtype=torch.float64))).reshape(-1, *[1] * (len(shape) - 1))
    random = torch.Generator().manual_seed(seed)
    means = torch.randn(len(SOURCE), *coefficients, generator=random, dtype=torch.float64) * scale
    return World(means, (0.3 * scale).expand(coefficients), _cosines(frames), axis, flow)


def clip(place: World, prompt: Prompt = SOURCE, seed: int = 1) -> Tensor:
    """A clip of that world, float32."""
    random = torch.Generator().manual_seed(seed)
    coefficients = place.std.shape
    chosen = torch.multinomial(torch.tensor(prompt), place.std.numel(), replacement=True, generator=random)
    means = place.means.gather(0, chosen.reshape(1, *coefficients))[0]
    drawn = means + place.std * torch.randn(coefficients, generator=random, dtype=torch.float64)
    return _turn(drawn, place.basis).movedim(0, place.axis).float().contiguous()


def denoiser(place: World, prompt: Prompt = SOURCE, cfg: float = 1.0) -> Denoise:
    """The exact denoiser of that prompt, with classifier-free guidance against the empty prompt inside."""

    def denoise(x: Tensor, sigma: float, step: int) -> Tensor:
        with_prompt = _expectation(place, prompt, x, sigma)
        if cfg == 1.0:
            return with_prompt
        without = _expectation(place, EMPTY, x, sigma)
        return without + cfg * (with_prompt - without)

    return denoise


def _expectation(place: World, prompt: Prompt, x: Tensor, sigma: float) -> Tensor:
    """E[x0 | x] for x = alpha * x0 + sigma * noise."""
    alpha = 1 - sigma if place.flow else 1.0
    means, prior = place.means.to(x.dtype), place.std.to(x.dtype) ** 2
    turned = _turn(x.movedim(place.axis, 0), place.basis.to(x.dtype).T)
    variance = alpha**2 * prior + sigma**2
    misses = turned - alpha * means
    weights = torch.tensor(prompt, dtype=x.dtype).log().reshape(-1, *[1] * x.ndim)
    belief = (weights - misses**2 / (2 * variance)).softmax(0)
    answer = (belief * (means + alpha * prior / variance * misses)).sum(0)
    return _turn(answer, place.basis.to(x.dtype)).movedim(0, place.axis)


def _cosines(count: int) -> Tensor:
    """The orthonormal cosine transform: (time, frequency)."""
    time, frequency = torch.meshgrid(*[torch.arange(count, dtype=torch.float64)] * 2, indexing="ij")
    cosines = torch.cos(math.pi * (time + 0.5) * frequency / count) * math.sqrt(2 / count)
    cosines[:, 0] = math.sqrt(1 / count)
    return cosines


def _turn(x: Tensor, matrix: Tensor) -> Tensor:
    """matrix @ x over the first axis; a plain sum, whose bits do not depend on a BLAS library."""
    return (matrix.reshape(*matrix.shape, *[1] * (x.ndim - 1)) * x).sum(1)


def linear(variance: float, flow: bool = False) -> Denoise:
    """The denoiser of one Gaussian of that variance around 0."""

    def denoise(x: Tensor, sigma: float, step: int) -> Tensor:
        alpha = 1 - sigma if flow else 1.0
        return x * (alpha * variance / (alpha**2 * variance + sigma**2))

    return denoise


def linear_flow_map(variance: float, start: float, end: float, flow: bool = False) -> float:
    """What the sampling ODE multiplies x by on its way from sigma `start` to `end` with linear(variance)."""

    def std(sigma: float) -> float:
        return math.sqrt((1 - sigma if flow else 1.0) ** 2 * variance + sigma**2)

    return std(end) / std(start)


def in_half(denoise: Denoise, dtype: torch.dtype, flow: bool = False) -> Denoise:
    """The same model in half precision: rounds its input, scaled as in the host, and its prediction."""

    def rounded(x: Tensor, sigma: float, step: int) -> Tensor:
        scale = 1.0 if flow else 1 / math.sqrt(sigma**2 + 1)
        seen = (x * scale).to(dtype).to(x.dtype) / scale
        predicted = ((seen - denoise(seen, sigma, step)) / sigma).to(dtype).to(x.dtype)
        return x - sigma * predicted

    return rounded


def noisy(denoise: Denoise, amount: float, seed: int) -> Denoise:
    """The same model, never twice the same: each predicted noise is off by `amount` of its own size."""
    random = torch.Generator().manual_seed(seed)

    def unsteady(x: Tensor, sigma: float, step: int) -> Tensor:
        predicted = (x - denoise(x, sigma, step)) / sigma
        error = torch.randn(x.shape, generator=random, dtype=x.dtype) * predicted.square().mean().sqrt()
        return x - sigma * (predicted + amount * error)

    return unsteady


def windowed(denoise: Denoise, axis: int = 0) -> Denoise:
    """A stand-in for context windows that move with the step: answers depend on the place in a window."""

    def moving(x: Tensor, sigma: float, step: int) -> Tensor:
        place = torch.arange(x.shape[axis], dtype=x.dtype) + 3 * step
        gain = 1 + 0.05 * torch.cos(2 * math.pi * place / 7)
        return denoise(x, sigma, step) * gain.reshape(*[-1 if i == axis else 1 for i in range(x.ndim)])

    return moving


@dataclass(frozen=True)
class Call:
    x: Tensor
    sigma: float
    step: int
    answer: Tensor


@dataclass
class Spy:
    """Passes questions on to the denoiser and keeps them, with its answers."""

    denoise: Denoise
    calls: list[Call] = field(default_factory=list)

    def __call__(self, x: Tensor, sigma: float, step: int) -> Tensor:
        answer = self.denoise(x, sigma, step)
        self.calls.append(Call(x.clone(), sigma, step, answer))
        return answer

    @property
    def steps(self) -> list[int]:
        return [call.step for call in self.calls]


def questions(up: Spy, solver: str) -> dict[tuple[float, int], Tensor]:
    """The latents by sigma and step that a rising pass asked about and a falling one may ask about again: for
    a pair of one stage all but the first."""
    first = 1 if solvers.pair(solver).stages == 1 else 0
    return {(call.sigma, call.step): call.x for call in up.calls[first:]}


def relative(x: Tensor, expected: Tensor) -> float:
    """Size of the difference, relative to what was expected (root mean square)."""
    return float((x.double() - expected.double()).norm() / expected.double().norm())

"""What a way of unsampling does to pictures whose true noise and true edits are known."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from benchmarks.solvers import distributions
from benchmarks.solvers.distributions import OTHER, SOURCE, Denoise
from benchmarks.solvers.ways import Counted, Way, noise_of, record_bytes

HALVES = {"float32": None, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Passes:
    """Figures of one way. Errors are relative to the truth, over all frames; worst is the worst frame's."""

    round_trip: float
    worst: float
    noise_error: float
    noise_std: float  # over the true noise's
    neighbours: float  # correlation of pixels side by side
    calls: tuple[int, int]
    record: float  # bytes of the record per byte of the latent


@dataclass(frozen=True)
class Edit:
    """Error and worst frame's error of an edit, and its energy in the finest level over the true edit's."""

    error: float
    worst: float
    band: float


class Scene:
    """Pictures of a world, with the sampling ODE's own noise and edits as the truth."""

    def __init__(self, spreads: tuple[tuple[float, float], ...], frames: int, truth_steps: int):
        self.world, self.truth_steps = distributions.pyramid(spreads), truth_steps
        self.pictures = distributions.pictures(self.world, frames)
        self.true_noise, self.true_edit = cache(self._true_noise), cache(self._true_edit)

    def source(self, cfg: float = 1.0, dtype: str = "float32") -> Denoise:
        return distributions.denoiser(self.world, SOURCE, cfg, HALVES[dtype])

    def other(self, cfg: float = 1.0, dtype: str = "float32") -> Denoise:
        return distributions.denoiser(self.world, OTHER, cfg, HALVES[dtype])

    def doubt(self) -> float:
        """The error of the truth itself: its difference from one found in steps twice as long."""
        noise, edit = (
            self.true_path(prompt, x, up, self.truth_steps // 2)
            for prompt, x, up in ((SOURCE, self.pictures, True), (OTHER, self.true_noise(1.0), False))
        )
        return max(relative(noise, self.true_noise(1.0)), relative(edit, self.true_edit(1.0)))

    def true_path(self, prompt: int, x: Tensor, up: bool, steps: int, cfg: float = 1.0) -> Tensor:
        return distributions.true_path(distributions.network(self.world, prompt, cfg), x, up, steps)

    def _true_noise(self, cfg: float) -> Tensor:
        return self.true_path(SOURCE, self.pictures, True, self.truth_steps, cfg)

    def _true_edit(self, cfg: float) -> Tensor:
        """The pictures with the other prompt at that cfg, from the noise found at cfg 1."""
        return self.true_path(OTHER, self.true_noise(1.0), False, self.truth_steps, cfg)


def passes(
    way: Way,
    scene: Scene,
    sigmas: Tensor,
    cfg: float = 1.0,
    dtype: str = "float32",
    denoise: Denoise | None = None,
) -> tuple[Passes, Any]:
    """Up and down with the pictures' own prompt at that cfg; the figures, and the state at the top.

    denoise: what to ask instead of the scene's own denoiser.
    """
    counted = Counted(denoise or scene.source(cfg, dtype))
    state = way.rise(counted, scene.pictures, sigmas)
    rising = counted.count
    back = way.fall(counted, state, sigmas)
    noise, truth = noise_of(state).double(), scene.true_noise(cfg)
    figures = Passes(
        relative(back, scene.pictures),
        worst(back, scene.pictures),
        relative(noise, truth),
        float(noise.std() / truth.std()),
        neighbours(noise),
        (rising, counted.count - rising),
        record_bytes(state) / scene.pictures.nbytes,
    )
    return figures, state


def edit(
    way: Way, scene: Scene, sigmas: Tensor, state: Any, cfg: float = 1.0, dtype: str = "float32"
) -> Edit:
    """Down with the other prompt at that cfg, from what passes() at cfg 1 found."""
    x, truth = way.fall(scene.other(cfg, dtype), state, sigmas), scene.true_edit(cfg)
    energy, true_energy = (float(distributions.finest(scene.world, y).square().sum()) for y in (x, truth))
    return Edit(relative(x, truth), worst(x, truth), energy / true_energy)


def relative(x: Tensor, truth: Tensor) -> float:
    """Size of the difference over the size of the truth (root mean square)."""
    return float((x.double() - truth.double()).norm() / truth.double().norm())


def worst(x: Tensor, truth: Tensor) -> float:
    return max(relative(*frame) for frame in zip(x, truth, strict=True))


def neighbours(x: Tensor) -> float:
    """Correlation of pixels side by side, in both directions together."""
    x = x - x.mean()
    products = torch.cat([(x[..., 1:] * x[..., :-1]).flatten(), (x[..., 1:, :] * x[..., :-1, :]).flatten()])
    return float(products.mean() / x.square().mean())

"""The ways to unsample a picture and grow it again that the tables compare: ours, and core's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.solvers.distributions import Denoise
from unsampling import Inversion, resample, solvers, unsample

FLIPPED_ZERO = 0.0001  # what core's FlipSigmas puts in the place of sigma 0


@dataclass(frozen=True)
class Way:
    """rise: (denoise, x0, sigmas) -> state, whatever fall: (denoise, state, sigmas) -> picture needs."""

    name: str
    record: str
    rise: Callable[[Denoise, Tensor, Tensor], Any]
    fall: Callable[[Denoise, Any, Tensor], Tensor]

    @property
    def exact(self) -> bool:
        return self.record in ("full", "half")


class Counted:
    """A denoiser that counts its calls."""

    def __init__(self, denoise: Denoise):
        self.denoise, self.count = denoise, 0

    def __call__(self, x: Tensor, sigma: float, step: int) -> Tensor:
        self.count += 1
        return self.denoise(x, sigma, step)


def noise_of(state: Inversion | Tensor) -> Tensor:
    return state.noise if isinstance(state, Inversion) else state


def record_bytes(state: Inversion | Tensor) -> int:
    return state.nbytes if isinstance(state, Inversion) else 0


def every_way() -> list[Way]:
    recorded = [_ours(name, record) for name in solvers.recorded() for record in ("full", "half", "none")]
    plain = [_ours(name, "none") for name in solvers.PAIRS if name not in solvers.recorded()]
    return [*recorded, *plain, *(_core(s) for s in (euler, dpmpp_2m, heun))]


def way(name: str, record: str) -> Way:
    return next(w for w in every_way() if (w.name, w.record) == (name, record))


def _ours(solver: str, record: str) -> Way:
    setting = {"full": True, "half": "half", "none": False}[record]
    return Way(
        solver,
        record,
        lambda denoise, x0, sigmas: unsample(denoise, x0, sigmas, solver, setting),
        lambda denoise, inversion, sigmas: resample(denoise, inversion),
    )


def _core(sampler: Callable[[Denoise, Tensor, Tensor], Tensor]) -> Way:
    return Way(
        f"core {sampler.__name__}",
        "-",
        lambda denoise, x0, sigmas: sampler(denoise, x0, _flip_sigmas(sigmas)),
        sampler,
    )


def _flip_sigmas(sigmas: Tensor) -> Tensor:
    rising = sigmas.flip(0)
    return torch.cat([rising.new_tensor([float(rising[0]) or FLIPPED_ZERO]), rising[1:]])


# ComfyUI's sample_euler, sample_dpmpp_2m and sample_heun without their random options (Karras et al. 2022; Lu
# et al. 2022), which its custom samplers run along whatever sigmas they are given.


def euler(denoise: Denoise, x: Tensor, sigmas: Tensor) -> Tensor:
    for i in range(len(sigmas) - 1):
        x = x + _slope(denoise, x, sigmas[i], i) * (sigmas[i + 1] - sigmas[i])
    return x


def heun(denoise: Denoise, x: Tensor, sigmas: Tensor) -> Tensor:
    for i in range(len(sigmas) - 1):
        step, slope = sigmas[i + 1] - sigmas[i], _slope(denoise, x, sigmas[i], i)
        if sigmas[i + 1] > 0:
            slope = (slope + _slope(denoise, x + slope * step, sigmas[i + 1], i)) / 2
        x = x + slope * step
    return x


def dpmpp_2m(denoise: Denoise, x: Tensor, sigmas: Tensor) -> Tensor:
    times, old = sigmas.log().neg(), None
    for i in range(len(sigmas) - 1):
        denoised = denoise(x, float(sigmas[i]), i)
        h, used = times[i + 1] - times[i], denoised
        if old is not None and sigmas[i + 1] > 0:
            r = (times[i] - times[i - 1]) / h
            used = (1 + 1 / (2 * r)) * denoised - (1 / (2 * r)) * old
        x = (times[i + 1].neg().exp() / times[i].neg().exp()) * x - (-h).expm1() * used
        old = denoised
    return x


def _slope(denoise: Denoise, x: Tensor, sigma: Tensor, step: int) -> Tensor:
    return (x - denoise(x, float(sigma), step)) / sigma

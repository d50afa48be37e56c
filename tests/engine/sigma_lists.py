"""Falling schedules of the kinds that users connect, AYS apart, which the engine makes itself."""

import torch
from torch import Tensor


def karras(steps: int, high: float = 14.6146, low: float = 0.0292, zero: bool = True) -> Tensor:
    """Karras et al. 2022, eq. 5, rho 7."""
    ramp = torch.linspace(0, 1, steps if zero else steps + 1, dtype=torch.float64)
    sigmas = (high ** (1 / 7) + ramp * (low ** (1 / 7) - high ** (1 / 7))) ** 7
    return _ended(sigmas, zero)


def normal(steps: int, zero: bool = True) -> Tensor:
    """Equal steps in the timesteps of SD 1.5, as core's "normal" takes them."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    kept = (1 - betas).cumprod(0)
    timesteps = torch.linspace(999, 0, steps if zero else steps + 1).round().long()
    return _ended(((1 - kept) / kept).sqrt()[timesteps], zero)


def flow(steps: int, shift: float = 3.0, high: float = 1.0, low: float = 0.0) -> Tensor:
    """Times of a flow model, from exactly 1 unless told otherwise."""
    time = torch.linspace(high, low, steps + 1, dtype=torch.float64)
    return (shift * time / (1 + (shift - 1) * time)).float()


def _ended(sigmas: Tensor, zero: bool) -> Tensor:
    return (torch.cat([sigmas, sigmas.new_zeros(1)]) if zero else sigmas).float()

"""SD1.5's noise levels and the schedules that ComfyUI makes of them, computed in the same way."""

import math

import torch
from torch import Tensor

from unsampling import schedules


def _table() -> Tensor:
    """The sigmas of SD1.5's 1000 timesteps: linear beta schedule (linear in the root), rising, float64."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    alphas_cumprod = (1 - betas).cumprod(0)
    return ((1 - alphas_cumprod) / alphas_cumprod).sqrt()


TABLE, LOGS = _table().float(), _table().log().float()
SIGMA_MIN, SIGMA_MAX = float(TABLE[0]), float(TABLE[-1])


def ays(steps: int) -> Tensor:
    """Align Your Steps for SD1.5, the engine's own (the same bits as ComfyUI's)."""
    return schedules.ays("SD1", steps)


def karras(steps: int, high: float = SIGMA_MAX, rho: float = 7.0) -> Tensor:
    """Karras et al. 2022, eq. 5."""
    high, low = high ** (1 / rho), SIGMA_MIN ** (1 / rho)
    return _ended((high + torch.linspace(0, 1, steps) * (low - high)) ** rho)


def normal(steps: int) -> Tensor:
    """Even in timesteps, linear in log sigma between those of the table."""
    timesteps = torch.linspace(len(TABLE) - 1, 0, steps)
    part = timesteps.frac()
    return _ended(((1 - part) * LOGS[timesteps.floor().long()] + part * LOGS[timesteps.ceil().long()]).exp())


def beta(steps: int, shape: float = 0.6) -> Tensor:
    """Timesteps at even quantiles of a symmetric beta distribution (Lee et al. 2024, arXiv 2407.12173)."""
    quantiles = [beta_quantile(1 - i / steps, shape) * (len(TABLE) - 1) for i in range(steps)]
    return _ended(TABLE[list(dict.fromkeys(round(q) for q in quantiles))])


def beta_quantile(share: float, shape: float) -> float:
    """Where Beta(shape, shape) has that share of its mass below: bisection on the power series of its CDF."""
    if share == 0.5:  # to the bit: rounded to a timestep it is a tie
        return 0.5
    if share > 0.5:
        return 1 - beta_quantile(1 - share, shape)
    low, high = 0.0, 0.5
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _beta_cdf(middle, shape) < share else (low, middle)
    return (low + high) / 2


def _beta_cdf(x: float, shape: float) -> float:
    """x^a * sum of (1 - a)_k / k! * x^k / (a + k), over B(a, a); quick for x up to 1/2."""
    total, factor = 0.0, 1.0
    for k in range(80):
        total += factor * x**k / (shape + k)
        factor *= (1 - shape + k) / (k + 1)
    return x**shape * total * math.gamma(2 * shape) / math.gamma(shape) ** 2


def _ended(sigmas: Tensor) -> Tensor:
    return torch.cat([sigmas, sigmas.new_zeros(1)])


ALL = {"AYS": ays, "karras": karras, "normal": normal, "beta": beta}

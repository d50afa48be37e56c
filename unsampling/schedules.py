"""Noise schedules: 1-D float32 tensors of falling sigmas, the last usually 0.

For eps, v and EDM models sigma is the noise scale in x = x0 + sigma * eps, for flow models the time in
x = (1 - sigma) * x0 + sigma * eps. Nothing here depends on which.
"""

from math import isfinite

import numpy as np
import torch
from torch import Tensor

from .errors import Cause, UnsamplingError

# Align Your Steps (Sabour et al. 2024, arXiv 2404.14507), the authors' published 10-step tables.
AYS_TABLES: dict[str, tuple[float, ...]] = {
    "SD1": (
        14.6146412293,
        6.4745760956,
        3.8636745985,
        2.6946151520,
        1.8841921177,
        1.3943805092,
        0.9642583904,
        0.6523686016,
        0.3977456272,
        0.1515232662,
        0.0291671582,
    ),
    "SDXL": (
        14.6146412293,
        6.3184485287,
        3.7681790315,
        2.1811480769,
        1.3405244945,
        0.8620721141,
        0.5550693289,
        0.3798540708,
        0.2332364134,
        0.1114188177,
        0.0291671582,
    ),
    "SVD": (700.00, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002),
}


NEAREST_TO_ZERO = 1e-6


def ays(model_type: str, steps: int, denoise: float = 1.0) -> Tensor:
    """The Align Your Steps schedule of `steps` steps, log-linear between the table's entries, the last entry
    0.

    `denoise` below 1 keeps the lower part: round(steps * denoise) steps, as ComfyUI's own AYS node does.

    Returns: (round(steps * denoise) + 1,) float32, falling.
    Raises: UnsamplingError for a table that does not exist, or for settings that leave no step.
    """
    if model_type not in AYS_TABLES:
        raise UnsamplingError(
            f"model_type {model_type!r} has no AYS table; choose one of {', '.join(AYS_TABLES)}"
        )
    if not isfinite(denoise):
        raise UnsamplingError(f"denoise is {denoise:g}; set it above 0 and up to 1, the whole schedule")
    count = round(steps * denoise) if denoise < 1.0 else steps
    if count < 1:
        raise UnsamplingError(f"steps {steps} with denoise {denoise:g} leaves no step; raise either")
    sigmas = _log_linear(AYS_TABLES[model_type], steps + 1)[-(count + 1) :]
    sigmas[-1] = 0.0
    return torch.from_numpy(sigmas).float()


def _log_linear(table: tuple[float, ...], count: int) -> np.ndarray:
    """`count` values along the table, linear in log sigma; the table itself where the count is its own."""
    if count == len(table):
        return np.array(table)
    # interpolated from the low end, as the authors' script does, so that every bit agrees with it
    rising = np.log(table[::-1])
    return np.exp(np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(table)), rising))[::-1].copy()


def check_falling(sigmas: Tensor) -> Tensor:
    """The schedule as a 1-D float32 CPU tensor, once it is known to fall strictly from a finite sigma to >=
    0.

    Raises: UnsamplingError that says what is wrong.
    """
    sigmas = torch.as_tensor(sigmas).detach().to("cpu", torch.float32).clone()
    if sigmas.ndim != 1:
        raise UnsamplingError(f"sigmas has shape {tuple(sigmas.shape)}", Cause.SIGMAS_NOT_A_LIST)
    if sigmas.numel() == 0:
        raise UnsamplingError("sigmas is empty", Cause.SIGMAS_EMPTY)
    if sigmas.numel() == 1:
        raise UnsamplingError(f"sigmas has one entry ({sigmas[0]:g}), which is no step", Cause.SIGMAS_SINGLE)
    if not torch.isfinite(sigmas).all():
        raise UnsamplingError("sigmas holds a NaN or an infinite value", Cause.SIGMAS_IRREGULAR)
    steps = sigmas.diff()
    if (steps > 0).all():
        raise UnsamplingError(f"sigmas rises from {sigmas[0]:g} to {sigmas[-1]:g}", Cause.SIGMAS_RISING)
    if not (steps < 0).all():
        at = int((steps >= 0).nonzero()[0])
        raise UnsamplingError(
            f"sigmas does not fall at entry {at}: {sigmas[at]:g} is followed by {sigmas[at + 1]:g}",
            Cause.SIGMAS_IRREGULAR,
        )
    if sigmas[-1] < 0 or 0 < sigmas[-1] < NEAREST_TO_ZERO:
        side = "below 0" if sigmas[-1] < 0 else "too near 0 to divide by"
        raise UnsamplingError(f"sigmas ends {side}, at {sigmas[-1]:g}", Cause.SIGMAS_END)
    return sigmas


def reverse(sigmas: Tensor, sigma_min: float) -> Tensor:
    """The schedule turned round for a sampler that walks upwards and evaluates where it stands.

    A zero cannot be evaluated (the velocity is (x - denoised) / sigma), so it becomes the lowest sigma that
    the model knows, or half the next one where that is smaller. FlipSigmas' fixed 0.0001 costs accuracy in
    float32 and destroys the step with a half-precision model.

    Returns: rising sigmas of the same length, the first above 0.
    """
    rising = check_falling(sigmas).flip(0)
    if rising[0] == 0:
        half = float(rising[1]) / 2
        rising[0] = min(sigma_min, half) if sigma_min > 0 else half
    return rising


def start_index(sigmas: Tensor, end: float) -> int:
    """The index in the falling schedule where a clip unsampled up to the fraction `end` of its steps stands.

    Raises: UnsamplingError unless 0 < end <= 1.
    """
    if not 0.0 < end <= 1.0:
        raise UnsamplingError(f"end is {end:g}; set it above 0 (almost the source) and up to 1 (full noise)")
    steps = len(sigmas) - 1
    return steps - max(1, round(steps * end))

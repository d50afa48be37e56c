"""The two passes, and the record that ties them together.

A record keeps the source and what the model answered on the way up, nothing else: the same solver fed with
those answers walks the same way again, bit for bit and without a model call, and yields every state and
evaluation point that the falling pass needs. That is steps + 3 latents at most, in main memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from . import schedules, solvers
from .errors import UnsamplingError
from .solvers.evaluation import Callback, Denoise, ModelCalls, replay


@dataclass(frozen=True, eq=False)
class Inversion:
    """A clip turned into noise, and how that was done.

    noise: the latent at sigmas[start], in the model's sampling space.
    sigmas: the whole falling schedule; start is 0 after a full unsampling.
    source, outputs: the record (None and empty without one).
    calls: model calls made (NFE). info: what the caller wants to travel along (cfg, model, prompts).
    """

    noise: Tensor
    sigmas: Tensor
    solver: str
    start: int = 0
    source: Tensor | None = None
    outputs: tuple[Tensor, ...] = ()
    calls: int = 0
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def recorded(self) -> bool:
        return self.source is not None

    @property
    def steps(self) -> int:
        """Steps between the noise and the end of the schedule."""
        return len(self.sigmas) - 1 - self.start

    @property
    def nbytes(self) -> int:
        """Bytes of the record, the noise itself not counted."""
        return sum(t.nbytes for t in (self.source, *self.outputs) if t is not None)


def calls_rising(solver: str, steps: int, record: bool) -> int:
    """Model calls of an unsampling over that many steps."""
    return solvers.pair(solver).calls_rising(steps, record)


def calls_falling(inversion: Inversion, structure: float = 0.0) -> int:
    """Model calls of a resampling."""
    skipped = _skipped(inversion, structure)
    left = inversion.steps - skipped
    return solvers.pair(inversion.solver).calls_falling(left, skipped == 0) if left else 0


@torch.no_grad()
def unsample(denoise: Denoise, x0: Tensor, sigmas: Tensor, solver: str = solvers.DEFAULT, record: bool = True,
             end: float = 1.0, callback: Callback | None = None,
             info: Mapping[str, Any] | None = None) -> Inversion:
    """Turns a clip into the noise that represents it: the sampling ODE from sigmas[-1] up.

    denoise: (x, sigma, step) -> denoised, cfg inside; step is an index into the falling schedule.
    x0: (frames, channels, height, width) or (batch, channels, frames, height, width), in sampling space.
    sigmas: the falling schedule that the resampling will use; `end` is the fraction of its steps to climb.
    callback: called after each model call with (call, calls, sigma, x, denoised), call counted from 1.

    Raises: UnsamplingError for input that cannot be unsampled, before any model call, and at the first NaN of
    the model.
    """
    sigmas = schedules.check_falling(sigmas)
    method = solvers.pair(solver)
    start = schedules.start_index(sigmas, end)
    x = check_latent(x0, "x0")
    part = sigmas[start:]
    evaluate = ModelCalls(denoise, method.calls_rising(len(part) - 1, record), callback, keep=record)
    noise = method.rise(evaluate, x, part, start, record)
    source = x.detach().to("cpu", copy=True) if record else None
    outputs = tuple(evaluate.outputs)
    return Inversion(noise, sigmas, solver, start, source, outputs, evaluate.count, dict(info or {}))


@torch.no_grad()
def resample(denoise: Denoise, inversion: Inversion, structure: float = 0.0, fidelity: float = 1.0,
             callback: Callback | None = None) -> Tensor:
    """Grows a clip from unsampled noise: the sampling ODE back down, with nothing random in it.

    structure: 0 to 1, how far down the recorded way to start: 0 from the noise, 1 the source itself. Costs no
        model call.
    fidelity: how much of the record's correction to apply: 1 returns the source exactly under the source's
        own settings, 0 is the plain solver. Without a record there is nothing to apply.

    Returns: the clip in sampling space, shape, device and float type of inversion.noise.
    Raises: UnsamplingError for settings that do not fit, before any model call, and at the first NaN of the
    model.
    """
    method = solvers.pair(inversion.solver)
    x = check_latent(inversion.noise, "noise")
    check_fraction("fidelity", fidelity)
    skipped = _skipped(inversion, structure)
    part = inversion.sigmas[inversion.start:]
    evaluate = ModelCalls(denoise, calls_falling(inversion, structure), callback)
    if not inversion.recorded:
        return method.fall(evaluate, x, part, inversion.start)
    if skipped == inversion.steps:
        return inversion.source.to(x.device, x.dtype, copy=True)
    source = inversion.source.to(x.device, x.dtype)
    known = method.walk_again(replay(inversion.outputs, x.device), source, part, inversion.start)
    if skipped:
        x = method.state(known, part, skipped, x.device)
    return method.fall_recorded(evaluate, x, part, inversion.start, known, skipped, fidelity)


@torch.no_grad()
def misses(inversion: Inversion) -> list[Tensor]:
    """By how much the plain solver would miss the recorded way at each falling step, without a model call.

    Returns: inversion.steps tensors of the latent's shape, the first at the noise.
    Raises: UnsamplingError without a record.
    """
    if not inversion.recorded:
        raise UnsamplingError("the inversion has no record to compare with; switch record on in the Unsampler")
    method = solvers.pair(inversion.solver)
    part = inversion.sigmas[inversion.start:]
    answers = replay(inversion.outputs, inversion.source.device)
    return method.misses(method.walk_again(answers, inversion.source, part, inversion.start), part)


def check_latent(x: Tensor, name: str) -> Tensor:
    """The latent in float32 at least, once it is known to hold finite values.

    Raises: UnsamplingError for an empty latent, one of a wrong rank, or one with NaN.
    """
    if x.ndim not in (4, 5):
        raise UnsamplingError(f"{name} has shape {tuple(x.shape)}; a latent is (frames, channels, height,"
                              " width) or (batch, channels, frames, height, width)")
    if x.numel() == 0:
        raise UnsamplingError(f"{name} is empty, shape {tuple(x.shape)}; encode at least one frame")
    if not torch.isfinite(x).all():
        raise UnsamplingError(f"{name} holds NaN or infinite values; check the VAE that encoded it (a"
                              " half-precision VAE overflows on some clips: try --fp32-vae)")
    return x if x.dtype == torch.float64 else x.float()


def check_fraction(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise UnsamplingError(f"{name} is {value:g}; set it between 0 and 1")


def _skipped(inversion: Inversion, structure: float) -> int:
    """Steps to leave out at the top for that much structure."""
    check_fraction("structure", structure)
    if structure > 0 and not inversion.recorded:
        raise UnsamplingError("structure above 0 needs the record of the unsampling; switch record on in"
                              " the Unsampler, or lower its end instead")
    return round(structure * inversion.steps)

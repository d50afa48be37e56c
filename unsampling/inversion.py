"""The two passes, and the record that ties them together (docs/exactness.md#record).

A record keeps the source and what the model answered on the way up, nothing else: the same solver fed with
those answers walks the same way again, bit for bit and without a model call, and yields every state and
evaluation point that the falling pass needs. For a pair of one call a step that is steps + 3 latents at most,
in main memory or wherever the caller's `store` puts them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from . import schedules, solvers
from .checks import check_fraction, check_latent, check_mask, per_frame
from .errors import Cause, UnsamplingError
from .solvers.evaluation import Callback, Denoise, ModelCalls, Outside, Store, in_memory


@dataclass(frozen=True, eq=False)
class Record:
    """What an unsampling leaves behind for an exact resampling.

    outputs: what the model answered on the way up, in the order of the calls.
    half: whether model outputs were, and will be, rounded to float16, so that the record takes half the
        memory (docs/exactness.md#half).
    mask: 1 where the clip may be restyled, 0 where the source stays; broadcasts to the latent. None is all 1.
    """

    source: Tensor
    outputs: tuple[Tensor, ...]
    half: bool = False
    mask: Tensor | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of source and outputs."""
        return sum(t.nbytes for t in (self.source, *self.outputs))


@dataclass(frozen=True, eq=False)
class Inversion:
    """A clip turned into noise, and how that was done.

    noise: the latent at sigmas[start], in the model's sampling space.
    sigmas: the whole falling schedule; start is 0 after a full unsampling.
    record: what makes the resampling exact, structure and masks possible; None if it was not asked for.
    calls: model calls made (NFE). info: what the caller wants to travel along.
    """

    noise: Tensor
    sigmas: Tensor
    solver: str
    start: int = 0
    record: Record | None = None
    calls: int = 0
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def recorded(self) -> bool:
        return self.record is not None

    @property
    def steps(self) -> int:
        """Steps between the noise and the end of the schedule."""
        return len(self.sigmas) - 1 - self.start

    @property
    def nbytes(self) -> int:
        """Bytes of the record, the noise itself not counted."""
        return 0 if self.record is None else self.record.nbytes


def calls_rising(solver: str, sigmas: Tensor, record: bool | str = True, end: float = 1.0) -> int:
    """Model calls that unsample() will make with these settings."""
    method = solvers.pair(solver)
    part = sigmas[schedules.start_index(sigmas, end) :]
    return method.calls_rising(part, bool(record) and solver in solvers.recorded())


def calls_falling(inversion: Inversion, structure: float | Tensor = 0.0) -> int:
    """Model calls that resample() will make with these settings."""
    start = min(_starts(inversion, structure))
    part = inversion.sigmas[inversion.start + start :]
    return solvers.pair(inversion.solver).calls_falling(part, start == 0) if len(part) > 1 else 0


@torch.no_grad()
def unsample(
    denoise: Denoise,
    x0: Tensor,
    sigmas: Tensor,
    solver: str = solvers.DEFAULT,
    record: bool | str = True,
    end: float = 1.0,
    callback: Callback | None = None,
    mask: Tensor | None = None,
    info: Mapping[str, Any] | None = None,
    store: Store = in_memory,
) -> Inversion:
    """Turns a clip into the noise that represents it: the sampling ODE from sigmas[-1] up.

    denoise: (x, sigma, step) -> denoised, cfg inside; step is an index into the falling schedule.
    x0: (frames, channels, height, width) or (batch, channels, frames, height, width), in sampling space.
    sigmas: the falling schedule that the resampling will use; `end` is the fraction of its steps to climb.
    record: True keeps what an exact resampling needs, "half" the same in half the memory by rounding the
        model's outputs to float16 in both passes, False nothing. The solver ees25 keeps nothing whatever is
        asked.
    callback: called after each model call with (call, calls, sigma, x, denoised), call counted from 1.
    mask: where the resampling may change the clip (1) and where not (0); values between cross-fade the
        results.
    store: puts each tensor of the record away, for example into a file of its own, and returns it from there.

    Raises: UnsamplingError for input that cannot be unsampled, before any model call, and at the model's
    first NaN.
    """
    sigmas = schedules.check_falling(sigmas)
    method = solvers.pair(solver)
    if record not in (True, False, "half"):
        raise UnsamplingError(f"record is {record!r}; set it to True, 'half' or False")
    start = schedules.start_index(sigmas, end)
    x = check_latent(x0, "x0")
    recording = bool(record) and solver in solvers.recorded()
    half = recording and record == "half"
    mask = None if mask is None else check_mask(mask, x, recording)
    part = sigmas[start:]
    evaluate = ModelCalls(
        denoise, method.calls_rising(part, recording), callback, store if recording else None, half
    )
    noise = method.rise(evaluate, x, part, start, recording)
    past = Record(store(x), tuple(evaluate.outputs), half, mask) if recording else None
    return Inversion(noise, sigmas, solver, start, past, evaluate.count, dict(info or {}))


@torch.no_grad()
def resample(
    denoise: Denoise,
    inversion: Inversion,
    structure: float | Tensor = 0.0,
    fidelity: float | Tensor = 1.0,
    callback: Callback | None = None,
    store: Store = in_memory,
) -> Tensor:
    """Grows a clip from unsampled noise: the sampling ODE back down, with nothing random in it.

    structure: 0 to 1, how far down the source's own walk to start: 0 from the noise, 1 the source itself.
        Costs no call. A tensor gives each frame its own start; frames that start later stay on that walk
        until then, where the others see them.
    fidelity: how much of the record's correction to apply: 1 returns the source exactly under the source's
        own settings, 0 is the plain solver. Without a record there is nothing to apply. A tensor gives each
        frame its own.
    store: as in unsample(), for the walk of the rising pass, which is made again first: one tensor
        for each call of a step.

    Returns: the clip in sampling space, shape, device and float type of inversion.noise.
    Raises: UnsamplingError for settings that do not fit, before any model call, and at the model's first NaN.
    """
    x = check_latent(inversion.noise, "noise")
    starts = per_frame("structure", _starts(inversion, structure), x)
    start, fidelity = int(starts.min()), _fidelity(fidelity, x)
    part, offset = inversion.sigmas[inversion.start :], inversion.start
    record, calls = inversion.record, calls_falling(inversion, structure)
    if record is None:
        return solvers.pair(inversion.solver).fall(ModelCalls(denoise, calls, callback), x, part, offset)
    if record.source.shape != x.shape:
        raise UnsamplingError(
            f"noise has shape {tuple(x.shape)}, its record"
            f" {tuple(record.source.shape)}; use the noise as unsample() returned it"
        )
    method = solvers.recorded_pair(inversion.solver)
    evaluate = ModelCalls(denoise, calls, callback, half=record.half)
    source = record.source.to(x.device, x.dtype, copy=True)
    if start == inversion.steps:
        return source
    walk = method.walk_again(record.outputs, source, part, offset, store)
    if start:
        x = method.state(walk, part, start, x.device)
    mask = None if record.mask is None else record.mask.to(x.device).expand_as(x)
    x = method.fall_recorded(evaluate, x, part, offset, walk, start, fidelity, _outside(mask, starts))
    return keep_outside(torch.where(starts == inversion.steps, source, x), source, mask)


def _outside(mask: Tensor | None, starts: Tensor) -> Outside:
    """Where a step keeps to the source's walk: outside the mask, and in the frames that start below it."""
    unmasked = None if mask is None else mask == 0
    first, last = int(starts.min()), int(starts.max())

    def outside(step: int) -> Tensor | None:
        if first == last or step >= last:
            return unmasked
        return starts > step if unmasked is None else unmasked | (starts > step)

    return outside


def keep_outside(x: Tensor, source: Tensor, mask: Tensor | None) -> Tensor:
    """x where the mask is 1, the source where it is 0, to the bit; a cross-fade between
    (docs/exactness.md#mask)."""
    if mask is None:
        return x
    faded = source + mask * (x - source)
    return torch.where(mask == 0, source, torch.where(mask == 1, x, faded))


@torch.no_grad()
def misses(inversion: Inversion) -> list[Tensor]:
    """By how much the plain solver would miss the recorded points at each falling step, without a model call.

    Returns: inversion.steps tensors of the latent's shape, the first at the noise.
    Raises: UnsamplingError without a record.
    """
    record = inversion.record
    if record is None:
        raise UnsamplingError("the inversion has no record to compare with", Cause.NO_RECORD)
    method = solvers.recorded_pair(inversion.solver)
    part = inversion.sigmas[inversion.start :]
    walk = method.walk_again(record.outputs, record.source, part, inversion.start, in_memory)
    return method.misses(walk, part)


def _fidelity(fidelity: float | Tensor, x: Tensor) -> float | Tensor:
    check_fraction("fidelity", fidelity)
    return per_frame("fidelity", fidelity.to(x), x) if isinstance(fidelity, Tensor) else fidelity


def _starts(inversion: Inversion, structure: float | Tensor) -> list[int]:
    """Steps below the noise at which a pass with that much structure starts: one number, or one a frame
    (docs/exactness.md#structure)."""
    check_fraction("structure", structure)
    fractions = structure.tolist() if isinstance(structure, Tensor) else [structure]
    if max(fractions, default=0) > 0 and not inversion.recorded:
        raise UnsamplingError(
            "structure above 0 needs the record of the unsampling", Cause.STRUCTURE_WITHOUT_RECORD
        )
    return [round(fraction * inversion.steps) for fraction in fractions]

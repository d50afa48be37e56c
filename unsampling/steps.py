"""Which steps of the schedule a pass takes, from the fractions that a user sets."""

from math import ceil, floor

import torch
from torch import Tensor

from .checks import check_fraction
from .errors import Cause, UnsamplingError
from .record import Inversion
from .solvers.evaluation import Share

# of 1: what two decimals of a fraction, as a widget has them, leave open
ROUNDED = 0.005


def starts(inversion: Inversion, structure: float | Tensor, direct: float | None) -> list[int]:
    """Steps of the schedule in which a pass with that much structure starts: one number, or one a frame."""
    return [floor(place) for place in places(inversion, structure, direct)]


def places(inversion: Inversion, structure: float | Tensor, direct: float | None) -> list[float]:
    """Where a pass with that much structure starts, in steps of the schedule: one number, or one a frame.
    Parts of a step are starts inside it (docs/exactness.md#structure). A direct path begins at the top of the
    schedule, any other at the noise."""
    check_fraction("structure", structure)
    fractions = structure.tolist() if isinstance(structure, Tensor) else [structure]
    if max(fractions, default=0) > 0 and not inversion.recorded:
        raise UnsamplingError(
            "structure above 0 needs the record of the unsampling", Cause.STRUCTURE_WITHOUT_RECORD
        )
    top = 0 if of_path(inversion, direct) else inversion.start
    count = len(inversion.sigmas) - 1 - top
    return [top + _place(fraction, count) for fraction in fractions]


def _place(fraction: float, count: int) -> float:
    """A share of so many steps, in steps: whole ones where two decimals of the fraction say no more, but none
    or all of them for a fraction of 0 or 1 alone."""
    exact = fraction * count
    whole = round(exact)
    near = abs(exact - whole) <= ROUNDED * count
    return whole if near and (0 < whole < count or fraction in (0, 1)) else exact


def path(inversion: Inversion, structure: float | Tensor, direct: float | None) -> range:
    """The steps of the direct path; empty where there is none."""
    first, stop = min(starts(inversion, structure, direct)), of_path(inversion, direct)
    return range(first, stop) if first < stop else range(inversion.start, inversion.start)


def of_path(inversion: Inversion, direct: float | None) -> int:
    """How many steps from the top of the schedule the direct path takes."""
    kept = inversion.direct_steps
    if direct is None:
        return kept
    steps = _fraction_of_steps(inversion.sigmas, inversion.start, direct)
    if steps > kept:
        raise UnsamplingError(
            f"direct is {direct:g}, {steps} steps, and the record has the source's answers for {kept}",
            Cause.DIRECT_NOT_KEPT,
        )
    _check_reach(inversion.sigmas, inversion.start, steps)
    return steps


def asked(sigmas: Tensor, start: int, direct: float | None, recording: bool) -> int | None:
    """Steps for which the source is to be asked at fresh noise; None where the record will tell."""
    if direct is None:
        return None if recording else 0
    steps = _fraction_of_steps(sigmas, start, direct)
    if steps and not recording:
        raise UnsamplingError(
            "direct above 0 needs the record of the unsampling", Cause.DIRECT_WITHOUT_RECORD
        )
    _check_reach(sigmas, start, steps)
    return steps


def _fraction_of_steps(sigmas: Tensor, start: int, direct: float) -> int:
    """A share of the steps as their number, at least one above 0; a half counts up where the noise begins."""
    check_fraction("direct", direct)
    exact = direct * (len(sigmas) - 1)
    steps = max(1, round(exact)) if direct > 0 else 0
    return start if 0 < steps < start <= exact + 0.5 + 1e-6 else steps


def _check_reach(sigmas: Tensor, start: int, steps: int) -> None:
    """Raises: UnsamplingError for a direct path that ends above the noise: no record leads on from there."""
    if 0 < steps < start:
        enough = ceil(1000 * start / (len(sigmas) - 1)) / 1000
        raise UnsamplingError(
            f"direct reaches step {steps}, the noise lies at step {start}; set direct to at least {enough:g},"
            " to 0, or raise end"
        )


def shares(mask: Tensor | None, starts: Tensor) -> Share:
    """Which share of the edit a step keeps: none outside the mask and in the frames that start below it, and
    what is left of the step that a frame starts in.

    starts: where the frames start, or all of them, in steps; broadcasts to the latent.
    """
    unmasked = None if mask is None else mask > 0
    frames = starts.flatten().tolist()
    last, inside = max(frames), {floor(place) for place in frames if place != floor(place)}

    def share(step: int) -> Tensor | None:
        if step >= last:
            return unmasked
        left = (step + 1 - starts).clamp(0, 1) if step in inside else starts <= step
        return left if unmasked is None else left * unmasked

    return share


def keep_outside(x: Tensor, source: Tensor, mask: Tensor | None) -> Tensor:
    """x where the mask is 1, the source where it is 0, to the bit; a cross-fade between
    (docs/exactness.md#mask)."""
    if mask is None:
        return x
    faded = source + mask * (x - source)
    return torch.where(mask == 0, source, torch.where(mask == 1, x, faded))

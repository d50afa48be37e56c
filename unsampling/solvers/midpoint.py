"""midpoint: second order with one call a step, the velocity of the last midpoint re-used to reach the next.

The step is FireFlow's (docs/exactness.md#midpoint), but for the step that ends at sigma 0: see LAST_POINT.
Exact form: the falling update of the state is the inverse of the rising one if the model is asked at the same
point, so the falling pass is pulled onto the recorded points (docs/exactness.md#exact).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .evaluation import Course, Evaluate, Store, correct, replay, velocity

# Where a step from sigma to 0 asks the model, as a fraction of sigma. The middle leaves noise in detail that
# is fainter than sigma, most with few steps and a high cfg; the end of the step, a final denoise, smooths
# detail away and makes the noise too strong: docs/exactness.md#last-point.
LAST_POINT = 0.6
LAST_POINT_OF_FEW = 0.75  # with few steps, which leave a last sigma above LONG: AYS with 10 steps or fewer
LONG = 0.15

order = 2
stages = 1


@dataclass(frozen=True)
class Walk:
    """The rising pass walked again, in falling order: where the model was asked, and what it answered there.

    The points lie where `store` puts them, the rest in main memory whatever the device of the walk; the
    answers are the record's own tensors. `top` is the answer at the noise itself.
    """

    source: Tensor
    noise: Tensor
    points: list[Tensor]
    denoised: list[Tensor]
    top: Tensor


def calls_rising(sigmas: Tensor, recording: bool) -> int:
    """Model calls of rise(): one a step, the start-up call, and the answer at the noise for a record."""
    return len(sigmas) + int(recording)


def calls_falling(sigmas: Tensor, at_top: bool) -> int:
    """Model calls of a falling pass: one a step, and at the noise itself a start-up call."""
    return len(sigmas) - 1 + int(at_top)


def _point(sigmas: Tensor, i: int) -> Tensor:
    """The sigma at which step i asks the model: its middle, but above it in a step that ends at 0."""
    if sigmas[i + 1] > 0:
        return (sigmas[i] + sigmas[i + 1]) / 2
    return sigmas[i] * (LAST_POINT_OF_FEW if sigmas[i] > LONG else LAST_POINT)


def _move(x: Tensor, velocity: Tensor, here: Tensor, there: Tensor) -> Tensor:
    """x + velocity * (there - here) in two separate roundings, so that CPU and GPU agree to the bit."""
    return x + velocity * (there - here).to(x.device)


def rise(
    evaluate: Evaluate,
    x: Tensor,
    sigmas: Tensor,
    offset: int,
    recording: bool,
    remember: Callable[[Tensor], None] | None = None,
) -> Tensor:
    """Walks from x at sigmas[-1] up to sigmas[0] and returns the state there; `remember` is given each
    midpoint that the model is asked at.

    The start-up call is made in the middle of the first step if that step leaves sigma 0, never near 0: the
    model knows no such sigma and half precision has no digits left there.
    """
    last = len(sigmas) - 2
    at = sigmas[-1] if sigmas[-1] > 0 else sigmas[last] / 2
    v = velocity(x, evaluate(x, at, offset + last), at)
    for i in range(last, -1, -1):
        at = _point(sigmas, i)
        y = _move(x, v, sigmas[i + 1], at)
        if remember is not None:
            remember(y)
        v = velocity(y, evaluate(y, at, offset + i), at)
        x = _move(x, v, sigmas[i + 1], sigmas[i])
    if recording:
        evaluate(x, sigmas[0], offset)
    return x


def walk_again(outputs: tuple[Tensor, ...], x: Tensor, sigmas: Tensor, offset: int, store: Store) -> Walk:
    """The rising pass of a recorded unsampling, from what the model answered then."""
    points: list[Tensor] = []
    noise = rise(replay(outputs), x, sigmas, offset, True, lambda y: points.insert(0, store(y)))
    top, *denoised = outputs[:0:-1]  # falling order, without the start-up call
    return Walk(x.to("cpu"), noise.to("cpu"), points, denoised, top)


def fall(evaluate: Evaluate, x: Tensor, sigmas: Tensor, offset: int) -> Tensor:
    """Walks from x at sigmas[0] down to sigmas[-1]: the plain solver."""
    v = velocity(x, evaluate(x, sigmas[0], offset), sigmas[0])
    for i in range(len(sigmas) - 1):
        at = _point(sigmas, i)
        y = _move(x, v, sigmas[i], at)
        v = velocity(y, evaluate(y, at, offset + i), at)
        x = _move(x, v, sigmas[i], sigmas[i + 1])
    return x


def _source_velocity(walk: Walk, sigmas: Tensor, i: int, device: torch.device) -> Tensor:
    """The source's own velocity in step i; at -1 the one at the noise."""
    point, denoised, sigma = walk.noise, walk.top, sigmas[0]
    if i >= 0:
        point, denoised, sigma = walk.points[i], walk.denoised[i], _point(sigmas, i)
    return velocity(point.to(device), denoised.to(device, point.dtype), sigma)


def state(walk: Walk, sigmas: Tensor, start: int, device: torch.device) -> Tensor:
    """The state at sigmas[start] on the way down the recorded velocities, without a model call."""
    x = walk.noise.to(device)
    for i in range(start):
        x = _move(x, _source_velocity(walk, sigmas, i, device), sigmas[i], sigmas[i + 1])
    return x


def fall_recorded(
    evaluate: Evaluate, x: Tensor, sigmas: Tensor, offset: int, walk: Walk, course: Course
) -> Tensor:
    """Walks down from x at the course's start through the recorded points, exact at fidelity 1.

    source_x is the same walk on the source's own velocities: what is left between the two is the edit.
    """
    start = course.start
    source_x = state(walk, sigmas, start, x.device)
    x = course.begin(x, source_x)
    v = source_v = _source_velocity(walk, sigmas, start - 1, x.device)
    if course.edit_velocity is not None:
        v = source_v + course.edit_velocity
    elif start == 0:
        v = velocity(x, course.adjust(evaluate(x, sigmas[0], offset), walk.top), sigmas[0])
    for i in range(start, len(sigmas) - 1):
        at, recorded = _point(sigmas, i), walk.points[i]
        y, source_y = _move(x, v, sigmas[i], at), _move(source_x, source_v, sigmas[i], at)
        y = course.pinned(correct(y, source_y, recorded, course.fidelity), recorded, offset + i, at)
        v = velocity(y, course.adjust(evaluate(y, at, offset + i), walk.denoised[i]), at)
        source_v = _source_velocity(walk, sigmas, i, x.device)
        source_x = _move(source_x, source_v, sigmas[i], sigmas[i + 1])
        x = course.pinned(_move(x, v, sigmas[i], sigmas[i + 1]), source_x, offset + i, sigmas[i + 1])
    return correct(x, source_x, walk.source, course.fidelity)


def misses(walk: Walk, sigmas: Tensor) -> list[Tensor]:
    """For each falling step, by how much the plain solver would miss the recorded point on the source."""
    errors, x = [], walk.noise
    v = _source_velocity(walk, sigmas, -1, x.device)
    for i in range(len(sigmas) - 1):
        errors.append(walk.points[i] - _move(x, v, sigmas[i], _point(sigmas, i)))
        v = _source_velocity(walk, sigmas, i, x.device)
        x = _move(x, v, sigmas[i], sigmas[i + 1])
    return errors

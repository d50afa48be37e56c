"""ees25: three calls a step, the most accurate pair per step without any memory (not per call: midpoint is).

An explicit and effectively symmetric Runge-Kutta step: going there and back returns to the start up to O(h^6)
(Shmelev et al. 2025; docs/exactness.md#ees25). Nothing is recorded, so nothing is exact.
"""

from torch import Tensor

from .evaluation import Evaluate, velocity

# the family's member with parameter 1/10, in sigma
NODES = (0.0, 1 / 3, 5 / 6)
STAGES = ((), (1 / 3,), (-5 / 48, 15 / 16))
WEIGHTS = (1 / 10, 1 / 2, 2 / 5)

order = 2
stages = 3


def calls_rising(sigmas: Tensor, recording: bool) -> int:
    """Model calls of rise(): the step that touches sigma 0 needs two."""
    return stages * (len(sigmas) - 1) - int(sigmas[-1] == 0)


def calls_falling(sigmas: Tensor, at_top: bool) -> int:
    """Model calls of fall()."""
    return calls_rising(sigmas, False)


def rise(evaluate: Evaluate, x: Tensor, sigmas: Tensor, offset: int, recording: bool = False) -> Tensor:
    """Walks from x at sigmas[-1] up to sigmas[0]."""
    for i in range(len(sigmas) - 2, -1, -1):
        x = _step(evaluate, x, sigmas[i + 1], sigmas[i], offset + i)
    return x


def fall(evaluate: Evaluate, x: Tensor, sigmas: Tensor, offset: int) -> Tensor:
    """Walks from x at sigmas[0] down to sigmas[-1]."""
    for i in range(len(sigmas) - 1):
        x = _step(evaluate, x, sigmas[i], sigmas[i + 1], offset + i)
    return x


def _step(evaluate: Evaluate, x: Tensor, here: Tensor, there: Tensor, label: int) -> Tensor:
    if here == 0 or there == 0:
        return _midpoint_step(evaluate, x, here, there, label)
    h, velocities = there - here, []
    for node, row in zip(NODES, STAGES, strict=True):
        y, sigma = _along(x, h, row, velocities), here + node * h
        velocities.append(velocity(y, evaluate(y, sigma, label), sigma))
    return _along(x, h, WEIGHTS, velocities)


def _midpoint_step(evaluate: Evaluate, x: Tensor, here: Tensor, there: Tensor, label: int) -> Tensor:
    """The step that touches sigma 0, where the model cannot be asked: an ordinary midpoint step, two
    calls."""
    middle = (here + there) / 2
    at = middle if here == 0 else here
    y = _along(x, middle - here, (1.0,), [velocity(x, evaluate(x, at, label), at)])
    return _along(x, there - here, (1.0,), [velocity(y, evaluate(y, middle, label), middle)])


def _along(x: Tensor, h: Tensor, weights: tuple[float, ...], velocities: list[Tensor]) -> Tensor:
    for weight, v in zip(weights, velocities, strict=True):
        x = x + v * (weight * h).to(x.device)
    return x

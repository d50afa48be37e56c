"""euler: first order, one call a step. The guide's own solver; the plain pair loses 5 to 80 percent of the
clip."""

from torch import Tensor

from .evaluation import velocity
from .single_call import Point, SingleCall


def step(x: Tensor, point: Point, previous: Point | None, here: Tensor, there: Tensor) -> Tensor:
    """One Euler step of dx/dsigma from sigma `here` to `there` (docs/exactness.md#euler)."""
    dt = (there - here).to(x.device)
    return x + velocity(x, point.denoised, point.sigma) * dt


PAIR = SingleCall(step, order=1)

"""dpmpp_2m: second order in log sigma, one call a step. Steady with few steps and at high cfg."""

from torch import Tensor

from . import euler
from .single_call import Point, SingleCall

# A last step so much shorter than this one tells nothing of the curve: extrapolating it multiplies rounding
# errors.
SHORTEST = 1e-3


def _sigma(t: Tensor) -> Tensor:
    return t.neg().exp()


def _t(sigma: Tensor) -> Tensor:
    return sigma.log().neg()


def step(x: Tensor, point: Point, previous: Point | None, here: Tensor, there: Tensor) -> Tensor:
    """One DPM-Solver++(2M) step, upwards as well as downwards (docs/exactness.md#dpmpp-2m).

    In t = -log sigma, h = t_there - t_here, r = h_last / h. First order without a history and into sigma 0.
    Out of sigma 0 there is no t: that first step is Euler's, with the velocity taken where the model was
    asked. The operations are those of ComfyUI's sample_dpmpp_2m, in its order, for equal bits.
    """
    if here == 0:
        return euler.step(x, point, previous, here, there)
    here, there = here.to(x.device), there.to(x.device)
    t, t_next = _t(here), _t(there)
    h = t_next - t
    blend = point.denoised
    if previous is not None and there != 0:
        r = (t - _t(previous.sigma.to(x.device))) / h
        if r > SHORTEST:
            blend = (1 + 1 / (2 * r)) * point.denoised - (1 / (2 * r)) * previous.denoised
    return (_sigma(t_next) / _sigma(t)) * x - (-h).expm1() * blend


PAIR = SingleCall(step, order=2)

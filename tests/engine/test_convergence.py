"""Order of convergence of the plain pairs on a problem with a known solution: one Gaussian."""

import math

import pytest
import sigma_lists
import torch
from analytic_denoisers import linear, linear_flow_map

from unsampling import resample, solvers, unsample
from unsampling.inversion import Inversion

ORDERS = {name: pair.order for name, pair in solvers.PAIRS.items()}
VARIANCE = 0.6
PROBLEMS = {
    "eps": (False, lambda steps: sigma_lists.karras(steps, high=10.0, low=0.1, zero=False)),
    "flow": (True, lambda steps: sigma_lists.flow(steps, shift=1.0, low=0.1)),
}
X = torch.linspace(-2, 2, 24, dtype=torch.float64).reshape(2, 3, 2, 2)


def test_orders_are_those_of_the_papers():
    assert ORDERS.items() >= {"euler": 1, "dpmpp_2m": 2, "midpoint": 2, "ees25": 2}.items()


def measured_order(error):
    """From 80 to 160 steps: enough for the leading term, and still above float32's rounding of the sigmas."""
    return math.log2(error(80) / error(160))


@pytest.mark.parametrize("solver", ORDERS)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_order_of_the_rising_pass(solver, problem):
    flow, schedule = PROBLEMS[problem]

    def error(steps):
        sigmas = schedule(steps)
        truth = X * linear_flow_map(VARIANCE, float(sigmas[-1]), float(sigmas[0]), flow)
        return float((unsample(linear(VARIANCE, flow), X, sigmas, solver, record=False).noise - truth).norm())

    assert measured_order(error) == pytest.approx(ORDERS[solver], abs=0.15)


@pytest.mark.parametrize("solver", ORDERS)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_order_of_the_falling_pass(solver, problem):
    flow, schedule = PROBLEMS[problem]

    def error(steps):
        sigmas = schedule(steps)
        truth = X * linear_flow_map(VARIANCE, float(sigmas[0]), float(sigmas[-1]), flow)
        return float((resample(linear(VARIANCE, flow), Inversion(X, sigmas, solver)) - truth).norm())

    assert measured_order(error) == pytest.approx(ORDERS[solver], abs=0.15)


@pytest.mark.parametrize("solver", solvers.recorded())
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("structure", [0.0, 0.5])
def test_order_of_an_edit_through_the_record(solver, problem, structure):
    """Up as one Gaussian, down as a wider one: neither record nor lower start may cost an order."""
    flow, schedule = PROBLEMS[problem]

    def error(steps):
        sigmas = schedule(steps)
        low, high = float(sigmas[-1]), float(sigmas[int(structure * steps)])
        noise = X * linear_flow_map(VARIANCE, low, high, flow)
        truth = noise * linear_flow_map(4 * VARIANCE, high, low, flow)
        inversion = unsample(linear(VARIANCE, flow), X, sigmas, solver)
        return float((resample(linear(4 * VARIANCE, flow), inversion, structure) - truth).norm())

    assert measured_order(error) > ORDERS[solver] - 0.2

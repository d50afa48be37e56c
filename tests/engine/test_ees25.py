"""ees25: no record, yet the way back misses the start by a high power of the step only."""

import math

import pytest
import sigma_lists
import torch
from analytic_denoisers import Spy, clip, denoiser, linear, linear_flow_map, relative, world

from unsampling import UnsamplingError, resample, schedules, unsample
from unsampling.inversion import Inversion, calls_falling, calls_rising

X = torch.linspace(-2, 2, 24, dtype=torch.float64).reshape(2, 3, 2, 2)
VARIANCE = 0.6
PROBLEMS = {
    "eps": (False, lambda steps: sigma_lists.karras(steps, high=10.0, low=0.1, zero=False)),
    "flow": (True, lambda steps: sigma_lists.flow(steps, shift=1.0, low=0.1)),
}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_each_pass_is_of_order_2(problem):
    flow, schedule = PROBLEMS[problem]
    denoise = linear(VARIANCE, flow)

    def errors(steps):
        sigmas = schedule(steps)
        gain = linear_flow_map(VARIANCE, float(sigmas[-1]), float(sigmas[0]), flow)
        up = unsample(denoise, X, sigmas, "ees25").noise
        down = resample(denoise, Inversion(X, sigmas, "ees25"))
        return float((up - X * gain).norm()), float((down - X / gain).norm())

    for coarse, fine in zip(errors(20), errors(40), strict=True):
        assert math.log2(coarse / fine) == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_there_and_back_is_of_order_5(problem):
    flow, schedule = PROBLEMS[problem]
    denoise = linear(VARIANCE, flow)

    def error(steps):
        return relative(resample(denoise, unsample(denoise, X, schedule(steps), "ees25")), X)

    assert math.log2(error(5) / error(10)) > 4.5


def test_it_beats_the_plain_midpoint_step_for_step():
    place = world()
    x0, denoise = clip(place), denoiser(place)
    sigmas = sigma_lists.karras(16, low=0.03, zero=False)
    loss = {
        solver: relative(resample(denoise, unsample(denoise, x0, sigmas, solver, False)), x0)
        for solver in ("ees25", "midpoint")
    }
    assert loss["ees25"] < loss["midpoint"] / 2


@pytest.mark.parametrize("zero", [True, False])
@pytest.mark.parametrize("end", [0.5, 1.0])
def test_calls_and_steps(zero, end):
    place = world()
    up, down = Spy(denoiser(place)), Spy(denoiser(place))
    sigmas = sigma_lists.karras(8, zero=zero)
    inversion = unsample(up, clip(place), sigmas, "ees25", end=end)
    resample(down, inversion)
    per_step = [3] * 7 + [2 if zero else 3]
    labels = [i for i in range(inversion.start, 8) for _ in range(per_step[i])]
    assert down.steps == labels and up.steps == labels[::-1]
    assert inversion.calls == len(labels)
    assert calls_rising("ees25", sigmas, True, end) == calls_falling(inversion) == len(labels)
    lowest = sigmas[-2] / 2 if zero else sigmas[-1]
    assert min(call.sigma for call in up.calls + down.calls) >= float(lowest) * 0.999


@pytest.mark.parametrize("record", [True, False, "half"])
def test_it_keeps_nothing(record):
    place = world()
    x0, denoise = clip(place), denoiser(place)
    inversion = unsample(denoise, x0, schedules.ays("SD1", 8), "ees25", record)
    plain = unsample(denoise, x0, schedules.ays("SD1", 8), "ees25", False)
    assert not inversion.recorded and inversion.nbytes == 0 and torch.equal(inversion.noise, plain.noise)
    with pytest.raises(UnsamplingError, match="structure above 0 needs the record"):
        resample(denoise, inversion, structure=0.5)


def test_flow_from_time_1():
    place = world(flow=True)
    x0, denoise = clip(place), denoiser(place)
    assert relative(resample(denoise, unsample(denoise, x0, sigma_lists.flow(16), "ees25")), x0) < 0.1

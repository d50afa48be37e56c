"""How often the model is asked, at which sigma and with which step: both passes ask the same questions."""

import pytest
import sigma_lists
import torch
from analytic_denoisers import SOURCE, Spy, clip, denoiser, questions, world

from unsampling import resample, schedules, solvers, unsample
from unsampling.inversion import Inversion, calls_falling, calls_rising

PAIRS, SOLVERS = list(solvers.PAIRS), solvers.recorded()
STEPS = (1, 2, 3, 8, 16)


def scene():
    place = world()
    return clip(place), Spy(denoiser(place, SOURCE, 3.0)), Spy(denoiser(place, SOURCE, 3.0))


@pytest.mark.parametrize("solver", PAIRS)
@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("end", [0.4, 1.0])
def test_calls_are_few_and_known_beforehand(solver, record, steps, end):
    x0, up, down = scene()
    schedule = sigma_lists.karras(steps)
    inversion = unsample(up, x0, schedule, solver, record, end)
    resample(down, inversion)
    climbed, stages = inversion.steps, solvers.pair(solver).stages
    assert climbed == max(1, round(steps * end))
    assert (
        len(up.calls)
        == inversion.calls
        == calls_rising(solver, schedule, record, end)
        <= stages * climbed + 2
    )
    assert len(down.calls) == calls_falling(inversion) <= stages * climbed + 1


@pytest.mark.parametrize(
    ("solver", "record", "up", "down"),
    [
        ("midpoint", True, 18, 17),
        ("midpoint", False, 17, 17),
        *((solver, record, 16 + record, 16) for solver in ("dpmpp_2m", "euler") for record in (True, False)),
        ("ees25", False, 47, 47),
    ],
)
def test_calls_of_16_steps(solver, record, up, down):
    sigmas = schedules.ays("SD1", 16)
    assert calls_rising(solver, sigmas, record) == up
    assert calls_falling(Inversion(torch.empty(0), sigmas, solver)) == down


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("structure", [0.01, 0.3, 0.5, 0.9, 1.0])
def test_structure_saves_the_calls_of_the_steps_it_skips(solver, structure):
    x0, up, down = scene()
    sigmas = sigma_lists.karras(16)
    inversion = unsample(up, x0, sigmas, solver)
    resample(down, inversion, structure)
    skipped = int(structure * 16)  # a start inside a step asks in that step
    left = 16 - skipped
    assert len(down.calls) == calls_falling(inversion, structure)
    assert left <= len(down.calls) <= (solvers.pair(solver).stages * left + 1 if left else 0)
    if left:
        assert sigmas[skipped + 1] < down.calls[0].sigma <= sigmas[skipped]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("zero", [True, False])
@pytest.mark.parametrize("end", [0.6, 1.0])
@pytest.mark.parametrize("structure", [0.0, 0.5])
def test_every_question_of_a_recorded_way_down_was_asked_on_the_way_up(solver, steps, zero, end, structure):
    """The same latent, sigma and step to the bit: then a model that repeats itself gives the same answers."""
    x0, up, down = scene()
    inversion = unsample(up, x0, sigma_lists.karras(steps, zero=zero), solver, end=end)
    resample(down, inversion, structure)
    asked = questions(up, solver)
    for call in down.calls:
        assert torch.equal(call.x, asked[call.sigma, call.step])


@pytest.mark.parametrize("solver", ["dpmpp_2m", "euler"])
@pytest.mark.parametrize("start", [0, 3])
def test_steps_and_sigmas_of_the_single_call_pairs(solver, start):
    sigmas = sigma_lists.karras(8)
    end, last = 1 - start / 8, 7
    x0, up, down = scene()
    plain = unsample(up, x0, sigmas, solver, record=False, end=end)
    resample(down, plain)
    lowest = float(sigmas[last] / 2)
    assert up.steps == list(range(last, start - 1, -1))
    assert [call.sigma for call in up.calls] == [lowest, *sigmas[start + 1 : 8].flip(0).tolist()]
    assert down.steps == list(range(start, 8))
    assert [call.sigma for call in down.calls] == sigmas[start:8].tolist()

    x0, up, _ = scene()
    unsample(up, x0, sigmas, solver, end=end)
    assert up.steps == [last, *range(last, start - 1, -1)]
    assert [call.sigma for call in up.calls] == [lowest, *sigmas[start:8].flip(0).tolist()]


@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize("start", [0, 3])
@pytest.mark.parametrize(
    ("sigmas", "last_point"),
    [(sigma_lists.karras(8), 0.6), (schedules.ays("SD1", 8), 0.75)],
    ids=["karras", "ays"],
)
def test_steps_and_sigmas_of_midpoint(record, start, sigmas, last_point):
    points = [*((sigmas[:-2] + sigmas[1:-1]) / 2).tolist(), float(sigmas[-2] * last_point)]
    first = float(sigmas[-2] / 2)
    x0, up, down = scene()
    inversion = unsample(up, x0, sigmas, "midpoint", record, 1 - start / 8)
    resample(down, inversion)
    top = [float(sigmas[start])]
    assert up.steps == [7, *range(7, start - 1, -1), *([start] if record else [])]
    assert [call.sigma for call in up.calls] == [first, *points[start:][::-1], *(top if record else [])]
    assert down.steps == [start, *range(start, 8)]
    assert [call.sigma for call in down.calls] == top + points[start:]


@pytest.mark.parametrize("solver", PAIRS)
@pytest.mark.parametrize("record", [True, False])
def test_the_model_is_never_asked_near_sigma_0(solver, record):
    x0, up, down = scene()
    sigmas = sigma_lists.normal(12)
    resample(down, unsample(up, x0, sigmas, solver, record))
    assert min(call.sigma for call in up.calls + down.calls) >= float(sigmas[-2]) / 2


@pytest.mark.parametrize("solver", PAIRS)
@pytest.mark.parametrize("record", [True, False])
def test_each_call_is_reported_after_it_with_what_was_asked_and_answered(solver, record):
    x0, up, down = scene()
    told_up, told_down = [], []
    inversion = unsample(up, x0, sigma_lists.karras(6), solver, record, callback=listener(up, told_up))
    resample(down, inversion, callback=listener(down, told_down))
    for spy, told in ((up, told_up), (down, told_down)):
        total = len(spy.calls)
        assert [report[:2] for report in told] == [(i + 1, total) for i in range(total)]
        for (_, _, sigma, x, denoised), call in zip(told, spy.calls, strict=True):
            assert sigma == call.sigma and torch.equal(x, call.x) and torch.equal(denoised, call.answer)


def listener(spy, told):
    def tell(*report):
        assert len(spy.calls) == len(told) + 1
        told.append(report)

    return tell


@pytest.mark.parametrize("solver", PAIRS)
@pytest.mark.parametrize("at", [1, 4])
def test_a_callback_that_raises_stops_within_one_call(solver, at):
    class Cancelled(Exception):
        pass

    def cancel(call, *_):
        if call == at:
            raise Cancelled

    x0, up, down = scene()
    inversion = unsample(denoiser(world()), x0, sigma_lists.karras(6), solver)
    with pytest.raises(Cancelled):
        unsample(up, x0, sigma_lists.karras(6), solver, callback=cancel)
    with pytest.raises(Cancelled):
        resample(down, inversion, callback=cancel)
    assert len(up.calls) == len(down.calls) == at


@pytest.mark.parametrize("solver", PAIRS)
def test_the_model_gets_plain_numbers_and_makes_no_gradient(solver):
    def denoise(x, sigma, step):
        assert type(sigma) is float and type(step) is int and x.dtype == torch.float32
        assert not torch.is_grad_enabled()
        return (x * weight).to(torch.float16)

    weight = torch.tensor(0.5, requires_grad=True)
    x0 = clip(world()).requires_grad_()
    result = resample(denoise, unsample(denoise, x0, sigma_lists.karras(5), solver))
    assert result.dtype == torch.float32 and not result.requires_grad

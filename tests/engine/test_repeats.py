"""One question is asked again on the way up, and the answers of the way down are compared with the record."""

import pytest
import sigma_lists
import torch
from analytic_denoisers import OTHER, SOURCE, Spy, clip, denoiser, world

from unsampling import resample, schedules, solvers, unsample
from unsampling.direct import BARE_CALLS
from unsampling.inversion import calls_rising
from unsampling.repeats import asked_again

PLACE = world()
AYS = schedules.ays("SD1", 16)


class Compared(list):
    """How far each pair of answers lies apart."""

    def __call__(self, sigma, first, later):
        self.append(float((first - later).abs().max()) / sigma)


@pytest.mark.parametrize("solver", solvers.PAIRS)
@pytest.mark.parametrize("record", [True, False, "half"])
@pytest.mark.parametrize("steps", [1, 2, 3, 8, 16])
def test_one_call_more_asks_what_was_asked(solver, record, steps):
    schedule, seen, up = sigma_lists.karras(steps), Compared(), Spy(denoiser(PLACE, SOURCE, 3.0))
    plain = unsample(denoiser(PLACE, SOURCE, 3.0), clip(PLACE), schedule, solver, record)
    inversion = unsample(up, clip(PLACE), schedule, solver, record, compare=seen)
    assert seen == [0.0]
    assert len(up.calls) == inversion.calls == plain.calls + 1
    assert inversion.calls == calls_rising(solver, schedule, record, repeated=True)
    assert torch.equal(inversion.noise, plain.noise)
    last = up.calls[-1]
    again = [
        call
        for call in up.calls[:-1]
        if (call.sigma, call.step) == (last.sigma, last.step) and torch.equal(call.x, last.x)
    ]
    assert len(again) == 1
    if inversion.recorded:
        assert len(inversion.record.outputs) == len(plain.record.outputs)
        assert all(map(torch.equal, inversion.record.outputs, plain.record.outputs))


@pytest.mark.parametrize("solver", solvers.PAIRS)
@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize("direct", [0.0, 0.5])
def test_a_preview_is_never_of_the_question_that_is_asked_again(solver, record, direct):
    shown, up = [], Spy(denoiser(PLACE, SOURCE))
    direct = direct if record and solver in solvers.recorded() else 0.0
    how = {"direct": direct, "compare": Compared()}
    unsample(up, clip(PLACE), AYS, solver, record, callback=lambda *told: shown.append(told[3:]), **how)
    at = calls_rising(solver, AYS, record, repeated=True)
    before, again = shown[at - 2 : at]
    assert all(map(torch.equal, before, again)) and not torch.equal(up.calls[at - 1].x, again[0])
    own = [call for number, call in enumerate(up.calls, 1) if number != at]
    assert all(torch.equal(call.x, x) for call, (x, _) in zip(own, shown[: at - 1] + shown[at:], strict=True))


@pytest.mark.parametrize("direct", [None, 0.4, 1.0])
def test_the_direct_path_is_asked_after_it(direct):
    seen, calls = Compared(), []
    inversion = unsample(
        denoiser(PLACE, SOURCE), clip(PLACE), AYS, direct=direct, compare=seen,
        callback=lambda *told: calls.append(told[:2]),
    )  # fmt: skip
    assert seen == [0.0] and inversion.direct_steps > 0
    assert inversion.calls == 19 + inversion.direct_steps + BARE_CALLS == len(calls) == calls[-1][1]
    assert [call for call, _ in calls] == list(range(1, len(calls) + 1))


@pytest.mark.parametrize("solver", solvers.recorded())
@pytest.mark.parametrize("how", [{}, {"direct": 0.5}, {"structure": 0.5}, {"hold": 0.5}])
def test_every_answer_of_the_way_back_is_compared(solver, how):
    model, direct = denoiser(PLACE, SOURCE, 3.0), how.get("direct", 0.0)
    inversion = unsample(model, clip(PLACE), AYS, solver, direct=direct)
    seen, down = Compared(), Spy(model)
    assert torch.equal(resample(down, inversion, compare=seen, **how), clip(PLACE))
    # of the answers to noise alone their mean is recorded
    answers = len(down.calls) - (BARE_CALLS - 1 if inversion.direct_steps else 0)
    assert seen == [0.0] * answers
    resample(denoiser(PLACE, OTHER, 3.0), inversion, compare=seen, **how)
    assert len(seen) == 2 * answers and all(off > 0 for off in seen[answers:])


@pytest.mark.parametrize("call", range(BARE_CALLS))
def test_an_answer_to_noise_alone_that_is_another_is_seen(call):
    model, count = denoiser(PLACE, SOURCE, 3.0), iter(range(100))
    inversion, seen = unsample(model, clip(PLACE), AYS, direct=0.5), Compared()

    def off(x, sigma, step):
        return model(x, sigma, step) + (next(count) == call)

    resample(off, inversion, compare=seen)
    assert seen[0] > 0


@pytest.mark.parametrize("calls", range(1, 120))
def test_the_question_lies_in_the_lower_half_at_a_distance_that_no_short_interval_divides(calls):
    which = asked_again(calls)
    assert 1 <= which <= calls
    distance = calls + 1 - which
    if calls >= 6:
        assert distance >= 5 and all(distance % interval for interval in (2, 3, 4))
        assert 0.1 < which / calls < 0.6

"""Two models that share a schedule: sigma alone says which answers, and each is needed in one run."""

import itertools

import pytest
import sigma_lists
import torch
from analytic_denoisers import IMAGES, OTHER, SOURCE, VIDEO, clip, denoiser, world

from unsampling import resample, schedules, solvers, steps, takes, unsample
from unsampling.inversion import calls_rising
from unsampling.start import shows_through

AYS = schedules.ays("SD1", 16)


class Experts:
    """A denoiser of two; `asked` says which answered, and at which sigma."""

    def __init__(self, high, low, border):
        self.high, self.low, self.border, self.asked = high, low, border, []

    def __call__(self, x, sigma, step):
        high = sigma >= self.border
        self.asked.append(("high" if high else "low", sigma))
        return (self.high if high else self.low)(x, sigma, step)

    @property
    def runs(self):
        return [name for name, _ in itertools.groupby(self.asked, lambda call: call[0])]


def scene(border, flow=False):
    shape = VIDEO if flow else IMAGES
    ours, theirs = world(shape, flow), world(shape, flow, seed=7)
    pair = Experts(denoiser(theirs, SOURCE), denoiser(ours, SOURCE), border)
    edit = Experts(denoiser(theirs, OTHER), denoiser(ours, OTHER), border)
    return clip(ours), pair, edit


def ignore(sigma, first, later):
    """A comparison that minds nothing."""


@pytest.mark.parametrize("solver", solvers.PAIRS)
@pytest.mark.parametrize("border", [0.02, 0.3, 3.0, 14.0])
@pytest.mark.parametrize("record", [True, "half", False])
@pytest.mark.parametrize("direct", [0.0, 0.25, 1.0, None])
def test_each_is_needed_in_one_run_and_nothing_else_changes(solver, border, record, direct):
    recorded = bool(record) and solver in solvers.recorded()
    direct = direct if recorded else 0.0
    x0, pair, _ = scene(border)
    shows = shows_through(x0, AYS[0], False)
    most = calls_rising(solver, AYS, record, direct=direct, repeated=True, shows=shows)
    plain = unsample(pair, x0, AYS, solver, record, direct=direct)
    pair.asked.clear()
    ordered = unsample(pair, x0, AYS, solver, record, direct=direct, border=border, compare=ignore)
    # no call is made below 0.02; without the answer at the noise a plain pass may end below 14
    assert pair.runs == ["low", "high"] or (border, pair.runs) in ((0.02, ["high"]), (14.0, ["low"]))
    assert len(pair.asked) == ordered.calls <= most
    assert direct is None or ordered.calls == most
    assert torch.equal(ordered.noise, plain.noise)
    if not recorded:
        return
    assert all(map(torch.equal, ordered.record.outputs, plain.record.outputs))
    assert ordered.direct_steps == plain.direct_steps
    if plain.direct_steps:
        assert all(map(torch.equal, ordered.record.direct.all_answers, plain.record.direct.all_answers))
        assert shows and ordered.record.direct.bare is not None


@pytest.mark.parametrize("solver", solvers.recorded())
@pytest.mark.parametrize("flow", [False, True], ids=["eps", "flow"])
@pytest.mark.parametrize("direct", [0.0, 0.6, None])
@pytest.mark.parametrize("end", [1.0, 0.5])
def test_the_way_back_is_exact_asks_the_same_and_changes_once(solver, flow, direct, end):
    sigmas, border = (sigma_lists.flow(12), 0.6) if flow else (AYS, 2.0)
    x0, pair, edit = scene(border, flow)
    made = unsample(pair, x0, sigmas, solver, direct=direct, border=border, flow=flow, end=end)
    up = list(pair.asked)
    pair.asked.clear()
    assert torch.equal(resample(pair, made, flow=flow), x0)
    assert set(pair.asked) <= set(up)
    assert pair.runs in (["high", "low"], ["low"])
    for structure in (0.0, 0.3, 0.9):
        edit.asked.clear()
        assert not torch.equal(resample(edit, made, structure, flow=flow), x0)
        assert edit.runs in (["high", "low"], ["low"])


@pytest.mark.parametrize("border", [0.5, 3.0, 14.0, 100.0])
@pytest.mark.parametrize("structure", [0.0, 0.3])
def test_a_take_needs_each_in_one_run(border, structure):
    """Its question about noise alone is one of the top, too."""
    x0, pair, _ = scene(border)
    made = unsample(pair, x0, AYS, direct=1.0, border=border)
    path = steps.path(made, structure, None)
    pair.asked.clear()
    takes.vary(pair, made, 1, path)
    assert len(pair.asked) == takes.calls(made, path)
    assert pair.runs == (["low"] if border == 100.0 else ["high", "low"])


@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize("solver", solvers.PAIRS)
@pytest.mark.parametrize("border", [1e-4, 0.3, 10.0, 14.5, 100.0])
def test_the_question_that_is_asked_again_is_one_of_the_last_model(solver, record, border):
    x0, pair, _ = scene(border)
    compared = []
    unsample(pair, x0, AYS, solver, record, border=border, compare=lambda *told: compared.append(told))
    assert pair.asked[-1][0] == pair.asked[-2][0] == ("low" if "high" not in pair.runs else "high")
    assert pair.asked[-1] in pair.asked[:-1]
    assert [torch.equal(first, later) for _, first, later in compared] == [True]


def test_the_answers_that_a_short_path_turns_out_not_to_need_are_left_out():
    """The low model's own answers lie far from the source, the high one's near it."""
    x0, pair, _ = scene(1.0)
    pair.high = lambda x, sigma, step: x0 if sigma < 3 else torch.zeros_like(x0)
    pair.low = lambda x, sigma, step: torch.zeros_like(x0)
    plain = unsample(pair, x0, AYS, direct=None)
    ordered = unsample(pair, x0, AYS, direct=None, border=1.0)
    assert 0 < ordered.direct_steps == plain.direct_steps < 16
    assert ordered.calls > plain.calls
    assert torch.equal(resample(pair, ordered), x0)

"""Other takes of one restyle: the source asked anew at other fresh noise, and nothing else made again."""

import pytest
import sigma_lists
import torch
from analytic_denoisers import IMAGES, OTHER, VIDEO, Spy, clip, denoiser, world

from unsampling import UnsamplingError, resample, schedules, solvers, steps, unsample
from unsampling.direct import BARE_CALLS
from unsampling.mirror import Mirror
from unsampling.takes import calls, vary

AYS = schedules.ays("SD1", 8)
HIGH = sigma_lists.karras(8, high=250.0)  # the clip does not show through the noise at its top


def scene(shape=IMAGES, solver="midpoint", record=True, direct=0.6, flow=False, sigmas=AYS):
    place = world(shape, flow)
    x0, source = clip(place), denoiser(place)
    sigmas = torch.linspace(1, 0, 9) if flow else sigmas
    made = unsample(source, x0, sigmas, solver, record, direct=direct, flow=flow)
    return x0, source, denoiser(place, OTHER), made


@pytest.mark.parametrize("solver", solvers.recorded())
@pytest.mark.parametrize("shape", [IMAGES, VIDEO])
@pytest.mark.parametrize(
    ("record", "direct", "flow"), [(True, 0.6, False), ("half", None, False), (True, 1.0, True)]
)
def test_each_take_is_exact_on_the_source_and_another_restyle(solver, shape, record, direct, flow):
    x0, source, other, made = scene(shape, solver, record, direct, flow)
    path = steps.path(made, 0.0, None)
    assert path
    takes = [made, *(vary(source, made, n, path) for n in (1, 2))]
    assert all(torch.equal(resample(source, take), x0) for take in takes)
    restyles = [resample(other, take) for take in takes]
    for i in range(3):
        assert not torch.allclose(restyles[i], restyles[i - 1], atol=1e-3)


@pytest.mark.parametrize("sigmas, shows", [(AYS, True), (HIGH, False)], ids=["shows", "high"])
def test_a_take_costs_a_call_for_each_step_that_it_walks_and_the_questions_at_the_top(sigmas, shows):
    """Where the clip shows through: two of noise alone, and the top step's if the path starts below it."""
    _, source, other, made = scene(sigmas=sigmas)
    for structure, first in ((0.0, 0), (0.25, 2)):
        path, spy = steps.path(made, structure, None), Spy(source)
        take = vary(spy, made, 1, path)
        assert path == range(first, 5)
        at_top = (BARE_CALLS + (first > 0)) * shows
        assert spy.steps == [0] * at_top + list(path)
        assert len(spy.calls) == calls(made, path) == at_top + len(path)
        assert torch.equal(resample(source, take, structure), resample(source, made, structure))
        assert not torch.equal(resample(other, take, structure), resample(other, made, structure))


@pytest.mark.parametrize("structure", [0.0, 0.25])
def test_a_take_through_the_mirror_asks_of_its_path_alone(structure):
    """It begins with no questions at the top, so none are answered for it."""
    x0, source, other, made = scene()
    path, spy = steps.path(made, structure, None), Spy(source)
    take = vary(spy, made, 1, path, turned=True)
    assert spy.steps == list(path) and len(path) == calls(made, path, turned=True)
    assert torch.equal(resample(source, take, structure), x0)
    mirror, full = Mirror(torch.tensor([0.5, -0.5, 0.5, 0.5]), 0.3), vary(source, made, 1, path)
    mirrored = {"mirror": mirror, "turn": True}
    assert torch.equal(
        resample(other, take, structure, **mirrored), resample(other, full, structure, **mirrored)
    )


def test_the_same_take_is_the_same_and_the_first_one_is_untouched():
    _, source, other, made = scene()
    path, before = steps.path(made, 0.0, None), resample(other, made)
    first, again = (resample(other, vary(source, made, 7, path)) for _ in range(2))
    assert torch.equal(first, again) and torch.equal(resample(other, made), before)


def test_frames_of_a_clip_have_the_noise_of_their_places_in_each_take():
    _, _, _, made = scene()
    fresh = made.record.direct.varied(3)
    source = made.record.source
    part = torch.stack([fresh.noised(source, AYS[2], 2)[i] for i in (1, 3)])
    cut = type(fresh)(fresh.answers, fresh.seed, (1, 3), fresh.flow)
    assert torch.equal(cut.noised(source[[1, 3]], AYS[2], 2), part)


def test_without_a_path_there_is_nothing_to_ask():
    _, source, _, made = scene(direct=0.0)
    spy = Spy(source)
    assert vary(spy, made, 1, range(0)) is made and not spy.calls


def test_a_model_that_fails_is_named():
    _, _, _, made = scene()
    with pytest.raises(UnsamplingError, match="NaN"):
        vary(lambda x, sigma, step: x * float("nan"), made, 1, steps.path(made, 0.0, None))

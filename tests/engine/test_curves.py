"""structure and fidelity per frame: each frame as if the clip had its setting, where frames do not see each
other."""

import pytest
import torch
from analytic_denoisers import OTHER, VIDEO, Spy, clip, denoiser, questions, world
from hypothesis import given, settings
from hypothesis import strategies as st

from unsampling import UnsamplingError, resample, schedules, solvers, unsample
from unsampling.inversion import calls_falling

SOLVERS = solvers.recorded()
SIGMAS = schedules.ays("SD1", 10)
RAMP = torch.tensor([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0, 0.2])
fractions = st.lists(st.floats(0, 1), min_size=8, max_size=8).map(torch.tensor)


def own(x, sigma, step):
    """Frames on their own: the mean of a point -1 or 1 seen through noise."""
    return torch.tanh(x / (0.1 + sigma**2))


def other(x, sigma, step):
    return 0.3 + 0.6 * torch.tanh(1.5 * x / (0.1 + sigma**2))


def scene():
    return clip(world())


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("number", [0.0, 0.4, 1.0])
def test_the_same_number_for_each_frame_is_that_number(solver, number):
    inversion = unsample(own, scene(), SIGMAS, solver)
    curve = torch.full((8,), number)
    expected = resample(other, inversion, number, number)
    assert torch.equal(resample(other, inversion, curve, number), expected)
    assert torch.allclose(resample(other, inversion, number, curve), expected, atol=1e-6)
    assert calls_falling(inversion, curve) == calls_falling(inversion, number)


def test_without_a_history_each_frame_has_its_own_structure_exactly():
    inversion = unsample(own, scene(), SIGMAS, "euler")
    result = resample(other, inversion, RAMP)
    for i, structure in enumerate(RAMP.tolist()):
        assert torch.equal(result[i], resample(other, inversion, structure)[i])


@pytest.mark.parametrize("solver", SOLVERS)
def test_each_frame_comes_near_its_own_structure(solver):
    inversion = unsample(own, scene(), SIGMAS, solver)
    result, from_source = resample(other, inversion, RAMP), []
    for i, structure in enumerate(RAMP.tolist()):
        alone = resample(other, inversion, structure)[i]
        assert (result[i] - alone).abs().max() < 0.15
        from_source.append(float((result[i] - inversion.record.source[i]).square().mean()))
    assert from_source[6] == 0
    assert from_source[0] > from_source[3] > from_source[5] > 0


@pytest.mark.parametrize("solver", SOLVERS)
def test_each_frame_has_its_own_fidelity(solver):
    inversion = unsample(own, scene(), SIGMAS, solver)
    result = resample(other, inversion, 0.0, RAMP)
    for i, fidelity in enumerate(RAMP.tolist()):
        assert torch.allclose(result[i], resample(other, inversion, 0.0, fidelity)[i], atol=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_model_sees_late_frames_on_the_recorded_way(solver):
    up, down = Spy(own), Spy(other)
    inversion = unsample(up, scene(), SIGMAS, solver)
    resample(down, inversion, torch.tensor([0.0, *[0.5] * 7]), 0.0)
    asked = questions(up, solver)
    early = [call for call in down.calls if call.step < 5 and call.sigma != float(SIGMAS[0])]
    assert len(early) >= 4
    for call in early:
        assert torch.equal(call.x[1:], asked[call.sigma, call.step][1:])
        assert not torch.equal(call.x[0], asked[call.sigma, call.step][0])


@pytest.mark.parametrize("shape", [(8, 4, 5, 6), VIDEO])
@settings(max_examples=15, deadline=None)
@given(structure=fractions, fidelity=fractions, solver=st.sampled_from(SOLVERS))
def test_any_curves_stay_finite_and_the_round_trip_is_exact_at_fidelity_1(shape, structure, fidelity, solver):
    place = world(shape)
    x0, denoise, edit = clip(place), denoiser(place), denoiser(place, OTHER, 2.0)
    inversion = unsample(denoise, x0, SIGMAS, solver)
    assert torch.equal(resample(denoise, inversion, structure), x0)
    result = resample(edit, inversion, structure, fidelity)
    axis = 0 if len(shape) == 4 else 2
    assert torch.isfinite(result).all()
    for i in (structure == 1).nonzero()[:, 0].tolist():
        assert torch.equal(result.select(axis, i), x0.select(axis, i))


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_mask_and_a_curve_hold_together(solver):
    left = torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]).reshape(1, 1, 1, 6)
    x0 = scene()
    masked, free = (unsample(own, x0, SIGMAS, solver, mask=mask) for mask in (left, None))
    result = resample(other, masked, RAMP)
    assert torch.equal(result[..., :3], x0[..., :3])
    assert torch.equal(result[..., 3:], resample(other, free, RAMP)[..., 3:])


@pytest.mark.parametrize(
    ("settings_", "words"),
    [
        ({"structure": torch.zeros(3)}, "structure has 3 values for 8 frames"),
        ({"fidelity": torch.ones(9)}, "fidelity has 9 values for 8 frames"),
        ({"structure": torch.tensor([0.0] * 7 + [1.2])}, r"structure is 1\.2; set it between 0 and 1"),
        ({"fidelity": torch.tensor([float("nan")] * 8)}, "fidelity is nan; set it between 0 and 1"),
        ({"structure": torch.zeros(0)}, "structure has 0 values for 8 frames"),
    ],
)
def test_curves_that_do_not_fit_are_refused_before_the_first_call(settings_, words):
    inversion, asked = unsample(own, scene(), SIGMAS), Spy(other)
    with pytest.raises(UnsamplingError, match=words):
        resample(asked, inversion, **settings_)
    assert asked.calls == []


def test_a_curve_needs_the_record():
    inversion = unsample(own, scene(), SIGMAS, record=False)
    assert torch.isfinite(resample(other, inversion, torch.zeros(8))).all()
    with pytest.raises(UnsamplingError, match="structure above 0 needs the record"):
        resample(other, inversion, RAMP)

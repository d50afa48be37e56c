"""A mask: the source to the bit where it is 0, the edit where it is 1, a cross-fade between.

The worlds of these tests have no ties across the picture, only over time, so that a mask over the picture
must leave the edit beside it as it would have been without one.
"""

import pytest
import torch
from analytic_denoisers import OTHER, Spy, clip, denoiser, questions, world

from unsampling import UnsamplingError, resample, schedules, solvers, unsample

SOLVERS = solvers.recorded()
SIGMAS = schedules.ays("SD1", 12)
LEFT = torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]).reshape(1, 1, 1, 6)


def scene():
    place = world()
    return clip(place), denoiser(place), denoiser(place, OTHER, 3.0)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("structure", [0.0, 0.4])
@pytest.mark.parametrize("fidelity", [0.0, 0.5, 1.0])
def test_a_mask_divides_the_source_from_the_edit(solver, structure, fidelity):
    x0, denoise, edit = scene()
    masked, free = (unsample(denoise, x0, SIGMAS, solver, mask=mask) for mask in (LEFT, None))
    result = resample(edit, masked, structure, fidelity)
    assert torch.equal(result[..., :3], x0[..., :3])
    assert torch.equal(result[..., 3:], resample(edit, free, structure, fidelity)[..., 3:])
    assert not torch.allclose(result[..., 3:], x0[..., 3:], atol=0.1)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_model_sees_the_sources_own_way_outside_the_mask(solver):
    x0, denoise, edit = scene()
    up, down = Spy(denoise), Spy(edit)
    inversion = unsample(up, x0, SIGMAS, solver, mask=LEFT)
    resample(down, inversion, fidelity=0.5)
    asked = questions(up, solver)
    for call in down.calls:
        assert torch.equal(call.x[..., :3], asked[call.sigma, call.step][..., :3])


@pytest.mark.parametrize("solver", SOLVERS)
def test_grey_is_a_cross_fade_of_source_and_edit(solver):
    x0, denoise, edit = scene()
    grey = torch.full((8, 1, 1, 1), 0.25)
    faded, free = (unsample(denoise, x0, SIGMAS, solver, mask=mask) for mask in (grey, None))
    expected = 0.75 * x0 + 0.25 * resample(edit, free)
    assert torch.allclose(resample(edit, faded), expected, atol=1e-5)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_the_round_trip_is_exact_under_any_mask(solver, value):
    x0, denoise, _ = scene()
    inversion = unsample(denoise, x0, SIGMAS, solver, mask=torch.full((1, 1, 1, 1), value))
    assert torch.equal(resample(denoise, inversion), x0)


def test_the_mask_is_a_copy():
    x0, denoise, edit = scene()
    mask = LEFT.clone()
    inversion = unsample(denoise, x0, SIGMAS, mask=mask)
    mask.fill_(1.0)
    assert torch.equal(resample(edit, inversion)[..., :3], x0[..., :3])


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (
            torch.ones(1, 1, 5, 7),
            r"mask has shape \(1, 1, 5, 7\), which does not fit a latent of \(8, 4, 5, 6\)",
        ),
        (torch.ones(3, 1, 5, 6), "which does not fit"),
        (torch.full((1, 1, 5, 6), 1.1), "mask has values outside 0 to 1"),
        (torch.full((1, 1, 5, 6), -0.1), "mask has values outside 0 to 1"),
        (torch.full((1, 1, 5, 6), float("nan")), "mask has values outside 0 to 1"),
    ],
)
def test_masks_that_do_not_fit_are_refused_before_the_first_call(mask, words):
    with pytest.raises(UnsamplingError, match=words):
        unsample(never, clip(world()), SIGMAS, mask=mask)


@pytest.mark.parametrize(("solver", "record"), [(name, name not in SOLVERS) for name in solvers.PAIRS])
def test_a_mask_needs_a_record(solver, record):
    with pytest.raises(UnsamplingError, match="a mask needs the record"):
        unsample(never, clip(world()), SIGMAS, solver, record, mask=LEFT)


def never(x, sigma, step):
    raise AssertionError("the model was called before the refusal")

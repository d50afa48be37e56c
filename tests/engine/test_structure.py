"""A start inside a step: structure acts between whole steps, and a list over the clip has no stairs."""

from itertools import pairwise

import pytest
import sigma_lists
import torch
from analytic_denoisers import IMAGES, OTHER, VIDEO, Spy, clip, denoiser, relative, world
from test_mix import made_over

from unsampling import resample, schedules, solvers, unsample
from unsampling import steps as steps_module
from unsampling.inversion import calls_falling

SOLVERS = solvers.recorded()
FEW = schedules.ays("SD1", 4)
BETWEEN = [0.0, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.97, 1.0]
FREE = torch.tensor([[0.0, 0.0, 1.0, 1.0, 0.5, 1.0]]).expand(5, 6)[None, None]


def scene(shape=IMAGES, flow=False):
    place = world(shape, flow)
    return clip(place), denoiser(place), denoiser(place, OTHER)


@pytest.mark.parametrize("flow", [False, True])
@pytest.mark.parametrize("direct", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("solver", SOLVERS)
def test_four_steps_have_every_degree_of_structure(solver, direct, flow):
    x0, denoise, edit = scene(flow=flow)
    sigmas = sigma_lists.flow(4) if flow else FEW
    inversion = unsample(denoise, x0, sigmas, solver, direct=direct, flow=flow)
    far = [relative(resample(edit, inversion, value, flow=flow), x0) for value in BETWEEN]
    assert far == sorted(far, reverse=True) and len(set(far)) == len(far)
    assert far[-1] == 0
    # no jump: of all, the largest part between two values is that of a tenth
    assert max(a - b for a, b in pairwise(far)) < 0.35 * far[0]


@pytest.mark.parametrize("shape", [IMAGES, VIDEO])
@pytest.mark.parametrize("record", [True, "half"])
@pytest.mark.parametrize("structure", [0.03, 0.1, 0.6, 0.97, "ramp"])
@pytest.mark.parametrize("direct", [0.0, 0.5])
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_round_trip_is_exact_from_inside_a_step(solver, direct, structure, record, shape):
    x0, denoise, _ = scene(shape)
    if structure == "ramp":
        structure = torch.linspace(0, 1, x0.shape[2] if x0.ndim == 5 else len(x0))
    for mask in (None, torch.rand(x0.shape[-2:])[None, None]):
        mask = mask if mask is None or x0.ndim == 4 else mask[None]
        inversion = unsample(denoise, x0, FEW, solver, record, mask=mask, direct=direct)
        assert torch.equal(resample(denoise, inversion, structure), x0)


@pytest.mark.parametrize("left", [0.8, 0.4, 0.04])
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_edit_of_the_last_step_is_what_is_left_of_it(solver, left):
    x0, denoise, edit = scene()
    inversion = unsample(denoise, x0, FEW, solver)
    whole, part = resample(edit, inversion, 0.75), resample(edit, inversion, 1 - left / 4)
    assert torch.allclose(part - x0, left * (whole - x0), atol=1e-5)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_ramp_over_the_clip_has_no_stairs(solver):
    """Frames that are equal, so that their numbers alone tell them apart."""

    def own(x, sigma, step):
        return torch.tanh(x / (0.1 + sigma**2))

    def other(x, sigma, step):
        return 0.3 + 0.6 * torch.tanh(1.5 * x / (0.1 + sigma**2))

    x0 = clip(world())[:1].expand(16, -1, -1, -1).contiguous()
    inversion = unsample(own, x0, FEW, solver)
    result = resample(other, inversion, torch.linspace(0, 1, 16))
    far = (result - x0).square().mean((1, 2, 3)).sqrt()
    assert far[-1] == 0 and len(set(far.tolist())) == 16
    assert float((far[:-1] - far[1:]).max()) < 0.25 * float(far[0])


@pytest.mark.parametrize("solver", SOLVERS)
def test_outside_the_mask_the_source_stays(solver):
    x0, denoise, edit = scene()
    inversion = unsample(denoise, x0, FEW, solver, mask=FREE, direct=0.5)
    for structure in (0.1, 0.6, torch.linspace(0, 1, len(x0))):
        result = resample(edit, inversion, structure)
        assert torch.equal(result[..., :2], x0[..., :2])
        assert (result - x0)[0, ..., 2:].abs().max() > 0.01


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("structure", [0.1, 0.3, 0.6])
def test_it_asks_in_the_step_that_it_starts_in_and_below(solver, structure):
    x0, denoise, edit = scene()
    inversion, seen = unsample(denoise, x0, FEW, solver), Spy(edit)
    resample(seen, inversion, structure)
    assert {call.step for call in seen.calls} == set(range(int(structure * 4), 4))
    assert len(seen.calls) == calls_falling(inversion, structure)


@pytest.mark.parametrize(
    ("fraction", "count", "place"),
    [
        (0.25, 4, 1),
        (0.33, 3, 1),  # a widget's two decimals
        (0.67, 3, 2),
        (0.1, 4, 0.4),
        (0.01, 4, 0.04),
        (0.001, 4, 0.004),  # none of it is lost
        (0.999, 4, 3.996),
        (0.1, 16, 1.6),
        (0.3, 10, 3),
        (0.0, 4, 0),
        (1.0, 4, 4),
    ],
)
def test_where_a_fraction_of_the_steps_is(fraction, count, place):
    x0, denoise, _ = scene()
    inversion = unsample(denoise, x0, sigma_lists.karras(count), "euler")
    found = steps_module.places(inversion, fraction, 0.0)
    assert found == [pytest.approx(place)]
    assert (found[0] == int(found[0])) == (place == int(place))


@pytest.mark.parametrize("structure", [0.1, 0.3, 0.55])
@pytest.mark.parametrize("solver", SOLVERS)
def test_mixed_noise_keeps_what_was_mixed_in_between_two_whole_starts(solver, structure):
    """Fresh noise in it makes another take from wherever it starts, none of it at no share."""
    x0, denoise, edit = scene()
    inversion = unsample(denoise, x0, FEW, solver)
    plain = resample(edit, inversion, structure)
    changes = [
        relative(resample(edit, made_over(inversion, x0, amount), structure), plain)
        for amount in (0.0, 1e-6, 1e-3, 0.3)
    ]
    assert changes[0] < 1e-6 and changes[1] < 0.01 < changes[3] and changes == sorted(changes)


@pytest.mark.parametrize("solver", SOLVERS)
def test_mixed_noise_does_not_fade_where_little_is_left_of_a_step(solver):
    x0, denoise, edit = scene()
    inversion = unsample(denoise, x0, FEW, solver)
    mixed = made_over(inversion, x0, 0.3)
    before, at = (
        relative(resample(edit, mixed, value), resample(edit, inversion, value)) for value in (0.49, 0.5)
    )
    assert abs(before - at) < 0.25 * at

"""A recorded pair returns the source exactly, whatever the schedule, cfg, precision or shape."""

import pytest
import sigma_lists
import torch
from analytic_denoisers import IMAGES, VIDEO, clip, denoiser, in_half, noisy, relative, windowed, world
from plain_solvers import flipped_euler

from unsampling import resample, schedules, solvers, unsample

EXACT = 1e-6
SOLVERS = solvers.recorded()
SCHEDULES = {
    "ays 8": schedules.ays("SD1", 8),
    "ays 16": schedules.ays("SD1", 16),
    "ays 50": schedules.ays("SDXL", 50),
    "ays svd": schedules.ays("SVD", 25),
    "karras": sigma_lists.karras(20),
    "normal": sigma_lists.normal(16),
    "not to zero": sigma_lists.karras(16, zero=False),
    "zero snr": sigma_lists.karras(16, high=4518.0),
    "one step": torch.tensor([5.0, 0.0]),
    "flow": sigma_lists.flow(16),
    "flow, few": sigma_lists.flow(4, shift=1.0),
    "flow, not to zero": sigma_lists.flow(20, low=0.05),
}


def round_trip(denoise, x0, sigmas, solver, end=1.0, structure=0.0):
    return resample(denoise, unsample(denoise, x0, sigmas, solver, end=end), structure=structure)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("cfg", [1.0, 3.0, 7.5])
@pytest.mark.parametrize("name", SCHEDULES)
def test_recorded_round_trip_is_exact(solver, cfg, name):
    place = world(flow=name.startswith("flow"))
    x0 = clip(place)
    assert relative(round_trip(denoiser(place, cfg=cfg), x0, SCHEDULES[name], solver), x0) <= EXACT


@pytest.mark.parametrize("solver", SOLVERS)
def test_what_comes_back_is_the_very_bits_of_the_source(solver):
    place = world()
    x0 = clip(place)
    assert torch.equal(round_trip(denoiser(place, cfg=7.5), x0, SCHEDULES["ays 16"], solver), x0)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("cfg", [1.0, 7.5])
@pytest.mark.parametrize("name", ["ays 16", "zero snr", "flow"])
def test_exact_with_a_model_in_half_precision(solver, dtype, cfg, name):
    place = world(flow=name == "flow")
    x0 = clip(place)
    model = in_half(denoiser(place, cfg=cfg), dtype, place.flow)
    assert relative(round_trip(model, x0, SCHEDULES[name], solver), x0) <= EXACT


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", ["ays 16", "normal", "flow", "not to zero"])
@pytest.mark.parametrize("end", [0.3, 0.5, 0.9])
def test_exact_for_a_clip_unsampled_part_of_the_way(solver, name, end):
    place = world(flow=name == "flow")
    x0 = clip(place)
    denoise = windowed(denoiser(place, cfg=3.0))
    assert relative(round_trip(denoise, x0, SCHEDULES[name], solver, end=end), x0) <= EXACT


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("structure", [0.0, 0.1, 0.35, 0.7, 0.97, 1.0])
@pytest.mark.parametrize("end", [0.6, 1.0])
def test_exact_from_lower_on_the_recorded_way(solver, structure, end):
    place = world()
    x0 = clip(place)
    denoise = windowed(denoiser(place, cfg=3.0))
    assert relative(round_trip(denoise, x0, SCHEDULES["ays 16"], solver, end, structure), x0) <= EXACT


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", [IMAGES, VIDEO, (1, 4, 1, 1), (2, 3, 5, 4, 3)], ids=str)
@pytest.mark.parametrize("flow", [False, True], ids=["eps", "flow"])
def test_exact_for_images_and_for_video_latents(solver, shape, flow):
    place = world(shape, flow)
    x0 = clip(place)
    back = round_trip(denoiser(place, cfg=3.0), x0, SCHEDULES["flow" if flow else "ays 16"], solver)
    assert back.shape == x0.shape and relative(back, x0) <= EXACT


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", [IMAGES, VIDEO], ids=["images", "video"])
def test_exact_when_the_model_depends_on_the_step(solver, shape):
    place = world(shape)
    x0 = clip(place)
    denoise = windowed(denoiser(place), axis=place.axis)
    assert relative(round_trip(denoise, x0, SCHEDULES["ays 16"], solver), x0) <= EXACT


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_exact_for_any_float_type_of_the_latent(solver, dtype):
    place = world()
    x0 = clip(place).to(dtype)
    back = round_trip(denoiser(place), x0, SCHEDULES["ays 16"], solver)
    assert back.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert relative(back, x0) <= EXACT


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", ["ays 16", "normal", "flow"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_model_that_is_never_twice_the_same_costs_little(solver, name, seed):
    """Algebraically reversible solvers amplify such errors 10 to 900 times; a recorded pair must not."""
    place = world(flow=name == "flow")
    x0, exact = clip(place), denoiser(place)
    inversion = unsample(noisy(exact, 1e-3, 10 * seed), x0, SCHEDULES[name], solver)
    assert relative(resample(noisy(exact, 1e-3, 10 * seed + 1), inversion), x0) <= 2e-3


@pytest.mark.parametrize("seed", range(4))
def test_midpoint_without_a_record_loses_a_quarter_of_what_flipped_euler_loses(seed):
    place = world(seed=seed)
    x0, sigmas = clip(place, seed=seed), SCHEDULES["ays 16"]
    denoise = denoiser(place)
    back = resample(denoise, unsample(denoise, x0, sigmas, record=False))
    assert relative(back, x0) <= relative(flipped_euler(denoise, x0, sigmas), x0) / 4


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_record_is_what_makes_it_exact(solver):
    place = world()
    x0, denoise = clip(place), denoiser(place)
    inversion = unsample(denoise, x0, SCHEDULES["ays 16"], solver)
    without = unsample(denoise, x0, SCHEDULES["ays 16"], solver, record=False)
    missed = relative(resample(denoise, without), x0)
    halfway = relative(resample(denoise, inversion, fidelity=0.5), x0)
    assert missed > 1e-3
    assert 0.2 * missed < halfway < 0.8 * missed


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "sigmas",
    [
        [100.00001, 100.0, 10.0, 1.0, 0.0],
        [14.6146, 5.0000005, 5.0, 0.5, 0.0],
        [14.6146, 5.0000005, 5.0, 0.5],
        [4518.0, 4517.9995, 100.0, 1.0, 0.0],
        [1.0, 0.99999994, 0.5, 0.0],
    ],
    ids=str,
)
@pytest.mark.parametrize("record", [True, False])
def test_neighbours_that_float32_can_hardly_tell_apart_do_no_harm(solver, sigmas, record):
    """They fall strictly, so they are accepted, though their logarithms may be equal."""
    place = world()
    x0, denoise = clip(place), denoiser(place)
    inversion = unsample(denoise, x0, torch.tensor(sigmas), solver, record)
    back = resample(denoise, inversion)
    assert torch.isfinite(inversion.noise).all() and torch.isfinite(back).all()
    assert relative(back, x0) <= (EXACT if record else 1.0)

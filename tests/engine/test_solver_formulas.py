"""The plain pairs are the published formulas: euler and dpmpp_2m k-diffusion's, midpoint FireFlow's."""

import plain_solvers
import pytest
import sigma_lists
import torch
from analytic_denoisers import OTHER, SOURCE, clip, denoiser, relative, world

from unsampling import resample, schedules, solvers, unsample

ABOVE_ZERO = {
    "ays from 0.0001": torch.cat([schedules.ays("SD1", 16)[:-1], torch.tensor([0.0001])]),
    "karras from 0.03": sigma_lists.karras(20, low=0.03, zero=False),
    "normal": sigma_lists.normal(12, zero=False),
    "zero snr": sigma_lists.karras(10, high=4518.0, zero=False),
    "flow": sigma_lists.flow(16, low=0.03),
    "flow, below 1": sigma_lists.flow(9, high=0.9, low=0.001),
}
TO_ZERO = {
    "ays": schedules.ays("SD1", 16),
    "karras": sigma_lists.karras(8),
    "zero snr": sigma_lists.karras(10, high=4518.0),
    "flow": sigma_lists.flow(16),
}
K_DIFFUSION = {"euler": plain_solvers.euler, "dpmpp_2m": plain_solvers.dpmpp_2m}


def scene(name):
    place = world(flow=name.startswith("flow"))
    return clip(place), denoiser(place, SOURCE, 3.0), denoiser(place, OTHER, 2.0)


@pytest.mark.parametrize("name", ABOVE_ZERO)
@pytest.mark.parametrize("solver", K_DIFFUSION)
@pytest.mark.parametrize("record", [True, False])
def test_rising_pass_is_k_diffusions_bit_for_bit(solver, name, record):
    x0, denoise, _ = scene(name)
    sigmas = ABOVE_ZERO[name]
    ours = unsample(denoise, x0, sigmas, solver, record=record).noise
    assert torch.equal(ours, K_DIFFUSION[solver](denoise, x0, sigmas.flip(0)))


@pytest.mark.parametrize("name", [*ABOVE_ZERO, *(f"{name} to 0" for name in TO_ZERO)])
@pytest.mark.parametrize("solver", K_DIFFUSION)
def test_falling_pass_is_k_diffusions_bit_for_bit(solver, name):
    x0, denoise, edit = scene(name)
    sigmas = TO_ZERO[name.removesuffix(" to 0")] if name.endswith(" to 0") else ABOVE_ZERO[name]
    noise = unsample(denoise, x0, sigmas, solver, record=False)
    assert torch.equal(resample(edit, noise), K_DIFFUSION[solver](edit, noise.noise, sigmas))


@pytest.mark.parametrize("end", [0.25, 0.5])
@pytest.mark.parametrize("solver", K_DIFFUSION)
def test_a_part_of_the_way_is_the_lower_part_of_the_schedule(solver, end):
    x0, denoise, edit = scene("karras from 0.03")
    sigmas = ABOVE_ZERO["karras from 0.03"]
    part = sigmas[-(int(20 * end) + 1) :]
    noise = unsample(denoise, x0, sigmas, solver, record=False, end=end)
    assert torch.equal(noise.noise, K_DIFFUSION[solver](denoise, x0, part.flip(0)))
    assert torch.equal(resample(edit, noise), K_DIFFUSION[solver](edit, noise.noise, part))


@pytest.mark.parametrize("name", [*ABOVE_ZERO, *(f"{name} to 0" for name in TO_ZERO)])
def test_midpoint_is_fireflows_step_both_ways(name):
    x0, denoise, edit = scene(name)
    x0 = x0.double()
    sigmas = TO_ZERO[name.removesuffix(" to 0")] if name.endswith(" to 0") else ABOVE_ZERO[name]
    noise = unsample(denoise, x0, sigmas, "midpoint", record=False)
    up = plain_solvers.midpoint_up(denoise, x0, sigmas.tolist())
    down = plain_solvers.midpoint_down(edit, noise.noise, sigmas.tolist())
    assert relative(noise.noise, up) < 3e-6 and relative(resample(edit, noise), down) < 3e-6


@pytest.mark.parametrize("solver", ["euler", "dpmpp_2m"])
def test_out_of_sigma_0_is_one_euler_step_with_the_velocity_of_half_the_next_sigma(solver):
    x0, denoise, _ = scene("ays")
    sigma = torch.tensor(0.4)
    velocity = (x0 - denoise(x0, float(sigma / 2), 0)) / (sigma / 2)
    noise = unsample(denoise, x0, torch.tensor([0.4, 0.0]), solver, record=False).noise
    assert torch.equal(noise, x0 + velocity * sigma)


@pytest.mark.parametrize("solver", solvers.PAIRS)
@pytest.mark.parametrize("record", [True, False])
def test_flow_from_time_1_needs_no_clamp(solver, record):
    """The host's own path divides by 1 - sigma."""
    x0, denoise, edit = scene("flow")
    sigmas = sigma_lists.flow(16)
    assert sigmas[0] == 1.0
    inversion = unsample(denoise, x0, sigmas, solver, record=record)
    clamped = torch.cat([torch.tensor([0.9999]), sigmas[1:]])
    near = unsample(denoise, x0, clamped, solver, record=record)
    assert relative(inversion.noise, near.noise) < 1e-3
    assert relative(resample(edit, inversion), resample(edit, near)) < 1e-3


@pytest.mark.parametrize("solver", solvers.PAIRS)
@pytest.mark.parametrize("flow", [False, True], ids=["eps", "flow"])
def test_the_latent_is_not_rescaled(solver, flow):
    """A model that finds nothing to remove leaves every latent as it is, at every sigma."""
    sigmas = sigma_lists.flow(8) if flow else schedules.ays("SD1", 8)
    x0 = clip(world(flow=flow))
    inversion = unsample(lambda x, sigma, step: x.clone(), x0, sigmas, solver)
    assert relative(inversion.noise, x0) < 1e-6

"""Resampling with another prompt: near the ideal edit, no blow-up at high cfg, no pull toward the source."""

from functools import cache

import pytest
import torch
from analytic_denoisers import OTHER, SOURCE, clip, denoiser, relative, windowed, world
from plain_solvers import true_path

from unsampling import resample, schedules, solvers, unsample

SOLVERS = solvers.recorded()
SIGMAS = schedules.ays("SD1", 16)
TOP, NEAR_ZERO = float(SIGMAS[0]), 1e-3


@cache
def scene(seed, cfg=1.0):
    """(clip, its denoiser, the other prompt's denoiser, the ideal edit).

    The ideal is the sampling ODE itself, up with the clip's own prompt and down with the other.
    """
    place = world(seed=seed)
    x0, denoise, edit = clip(place, seed=seed + 1), denoiser(place, SOURCE), denoiser(place, OTHER, cfg)
    noise = true_path(denoise, x0, NEAR_ZERO, TOP)
    return x0, denoise, edit, true_path(edit, noise, TOP, NEAR_ZERO)


def flicker(x):
    """Energy from frame to frame, which is where the mixtures have least of it."""
    return float(x.diff(dim=0).square().mean())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cfg", [1.0, 7.5])
def test_another_prompt_does_not_blow_up_the_finest_detail(seed, cfg):
    x0, denoise, edit, ideal = scene(seed, cfg)
    assert flicker(resample(edit, unsample(denoise, x0, SIGMAS))) == pytest.approx(flicker(ideal), rel=0.15)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cfg", [1.0, 3.0, 7.5])
@pytest.mark.parametrize("fidelity", [0.0, 1.0])
def test_midpoint_edits_near_the_ideal(seed, cfg, fidelity):
    x0, denoise, edit, ideal = scene(seed, cfg)
    assert relative(ideal, x0) > 0.9
    assert relative(resample(edit, unsample(denoise, x0, SIGMAS), fidelity=fidelity), ideal) < 0.08


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("cfg", [1.0, 3.0, 7.5])
@pytest.mark.parametrize("seed", range(2))
def test_recording_does_not_pull_an_edit_toward_the_source(solver, cfg, seed):
    x0, denoise, edit, ideal = scene(seed, cfg)
    inversion = unsample(denoise, x0, SIGMAS, solver)
    recorded, plain = resample(edit, inversion), resample(edit, inversion, fidelity=0.0)
    assert pull(recorded, ideal, x0) <= pull(plain, ideal, x0) + 0.01
    assert relative(recorded, ideal) <= 1.1 * relative(plain, ideal) + 0.015


def pull(x, ideal, source):
    """How much of the way from the ideal edit back to the source x has gone."""
    way = source.double() - ideal
    return float(((x.double() - ideal) * way).sum() / way.square().sum())


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("end", [0.5, 1.0])
def test_fidelity_0_is_the_plain_solver_bit_for_bit(solver, end):
    x0, denoise, edit, _ = scene(0, 3.0)
    recorded, plain = (unsample(denoise, x0, SIGMAS, solver, record, end) for record in (True, False))
    assert torch.equal(recorded.noise, plain.noise)
    edit = windowed(edit)
    assert torch.equal(resample(edit, recorded, fidelity=0.0), resample(edit, plain))


@pytest.mark.parametrize("solver", SOLVERS)
def test_structure_moves_an_edit_from_free_to_the_source(solver):
    x0, denoise, edit, _ = scene(0, 3.0)
    inversion = unsample(denoise, x0, SIGMAS, solver)
    distance = [relative(resample(edit, inversion, structure), x0) for structure in (0, 0.25, 0.5, 0.75, 1)]
    assert distance == sorted(distance, reverse=True)
    assert distance[0] > 0.3 and distance[-1] == 0.0


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("cfg", [1.0, 3.0])
@pytest.mark.parametrize("fidelity", [0.0, 1.0])
def test_structure_edits_as_well_as_unsampling_less_far(solver, cfg, fidelity):
    """Both start from the same point; the recorded way to it must not lend its prompt to the way down."""
    x0, denoise, edit, _ = scene(0, cfg)
    there = float(SIGMAS[8])
    ideal = true_path(edit, true_path(denoise, x0, NEAR_ZERO, there), there, NEAR_ZERO)
    lower = resample(edit, unsample(denoise, x0, SIGMAS, solver), 0.5, fidelity)
    shorter = resample(edit, unsample(denoise, x0, SIGMAS, solver, end=0.5), fidelity=fidelity)
    assert relative(lower, ideal) <= 2 * relative(shorter, ideal)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_change_made_to_the_noise_is_carried_down_to_the_clip(solver):
    """The record does not undo what was done to the noise in between."""
    x0, denoise, _, _ = scene(0)
    inversion = unsample(denoise, x0, SIGMAS, solver)
    inversion.noise.add_(0.1 * TOP * torch.randn(x0.shape, generator=torch.Generator().manual_seed(5)))
    truth = true_path(
        denoise,
        true_path(denoise, x0, NEAR_ZERO, TOP)
        + inversion.noise
        - unsample(denoise, x0, SIGMAS, solver).noise,
        TOP,
        NEAR_ZERO,
    )
    moved = relative(truth, x0)
    assert moved > 0.05
    assert relative(resample(denoise, inversion), truth) < 0.5 * moved

"""record="half": model outputs rounded to float16 in both passes, for a record of half the size."""

from dataclasses import replace

import pytest
import sigma_lists
import torch
from analytic_denoisers import OTHER, clip, denoiser, relative, world

from unsampling import UnsamplingError, resample, schedules, solvers, unsample

SOLVERS = solvers.recorded()
SIGMAS = schedules.ays("SD1", 16)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("cfg", [1.0, 7.5])
@pytest.mark.parametrize("flow", [False, True], ids=["eps", "flow"])
@pytest.mark.parametrize("structure", [0.0, 0.5])
def test_a_half_record_is_as_exact(solver, cfg, flow, structure):
    place = world(flow=flow)
    x0, denoise = clip(place), denoiser(place, cfg=cfg)
    inversion = unsample(denoise, x0, sigma_lists.flow(16) if flow else SIGMAS, solver, "half")
    assert relative(resample(denoise, inversion, structure), x0) <= 1e-6


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_half_record_takes_half_the_memory(solver):
    place = world()
    x0, denoise = clip(place), denoiser(place)
    half, full = (unsample(denoise, x0, SIGMAS, solver, record) for record in ("half", True))
    assert half.nbytes - x0.nbytes == (full.nbytes - x0.nbytes) // 2
    assert half.calls == full.calls
    assert 0 < relative(half.noise, full.noise) < 2e-3


@pytest.mark.parametrize("solver", SOLVERS)
def test_edits_are_the_same_to_half_precision(solver):
    place = world()
    x0, denoise, edit = clip(place), denoiser(place), denoiser(place, OTHER, 2.0)
    half, full = (unsample(denoise, x0, SIGMAS, solver, record) for record in ("half", True))
    assert 0 < relative(resample(edit, half), resample(edit, full)) < 1e-2


@pytest.mark.parametrize("solver", SOLVERS)
def test_at_fidelity_0_it_is_the_plain_solver_on_rounded_answers(solver):
    place = world()
    edit = denoiser(place, OTHER, 2.0)
    half = unsample(denoiser(place), clip(place), SIGMAS, solver, "half")
    plain = replace(half, record=None)

    def rounded(x, sigma, step):
        return edit(x, sigma, step).half().to(x.dtype)

    result = resample(edit, half, fidelity=0.0)
    assert torch.equal(result, resample(rounded, plain))
    assert not torch.equal(result, resample(edit, plain))


@pytest.mark.parametrize("record", ["float8", 2, None])
def test_other_records_are_refused(record):
    place = world()
    with pytest.raises(UnsamplingError, match=r"record is .*; set it to True, 'half' or False"):
        unsample(denoiser(place), clip(place), SIGMAS, record=record)

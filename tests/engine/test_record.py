"""The record: how much it holds, that it holds nobody else's tensors, and that nothing else is changed."""

import pytest
import sigma_lists
import torch
from analytic_denoisers import IMAGES, SOURCE, VIDEO, Spy, clip, denoiser, world

from unsampling import UnsamplingError, resample, solvers, unsample
from unsampling.inversion import Inversion, Record, misses

PAIRS, SOLVERS = list(solvers.PAIRS), solvers.recorded()
SIGMAS = sigma_lists.karras(8)


def scene(shape=IMAGES):
    place = world(shape)
    return clip(place), denoiser(place, SOURCE, 3.0)


def tensors(inversion):
    return [inversion.noise, inversion.sigmas, inversion.record.source, *inversion.record.outputs]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 16, 50])
@pytest.mark.parametrize("shape", [IMAGES, VIDEO], ids=["images", "video"])
def test_a_record_is_at_most_steps_plus_3_latents(solver, steps, shape):
    x0, denoise = scene(shape)
    inversion, calls = (
        unsample(denoise, x0, sigma_lists.karras(steps), solver),
        solvers.pair(solver).stages * steps,
    )
    held = sum(t.untyped_storage().nbytes() for t in (inversion.record.source, *inversion.record.outputs))
    assert inversion.recorded and inversion.nbytes == held <= (calls + 3) * x0.nbytes
    if steps >= 3:
        assert held <= 2 * calls * x0.nbytes


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_record_of_a_part_of_the_way_is_that_much_smaller(solver):
    x0, denoise = scene()
    inversion = unsample(denoise, x0, SIGMAS, solver, end=0.5)
    assert inversion.steps == inversion.start == 4
    assert inversion.nbytes <= (4 * solvers.pair(solver).stages + 3) * x0.nbytes


@pytest.mark.parametrize("solver", PAIRS)
def test_without_a_record_nothing_is_kept(solver):
    x0, denoise = scene()
    inversion = unsample(denoise, x0, SIGMAS, solver, record=False)
    assert not inversion.recorded and inversion.nbytes == 0
    assert inversion.record is None


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("record", [True, False])
def test_an_inversion_says_what_was_done(solver, record):
    x0, denoise = scene()
    info = {"cfg": 3.0}
    inversion = unsample(denoise, x0, SIGMAS, solver, record, end=0.75, info=info)
    info["cfg"] = 5.0
    assert (inversion.solver, inversion.start, inversion.steps, inversion.recorded) == (solver, 2, 6, record)
    assert torch.equal(inversion.sigmas, SIGMAS)
    assert inversion.info == {"cfg": 3.0}


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_record_lies_in_main_memory_and_shares_it_with_nobody(solver):
    x0, denoise = scene()
    spy, sigmas = Spy(denoise), SIGMAS.clone()
    inversion = unsample(spy, x0, sigmas, solver)
    expected = resample(denoise, inversion, fidelity=0.7)
    assert {t.device.type for t in tensors(inversion)} == {"cpu"}
    places = [t.untyped_storage().data_ptr() for t in tensors(inversion)]
    assert len(set(places)) == len(places)
    for tensor in (x0, sigmas, *(call.answer for call in spy.calls)):
        tensor.fill_(1e9)
    assert torch.equal(resample(denoise, inversion, fidelity=0.7), expected)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("structure", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("fidelity", [0.0, 0.5, 1.0])
def test_resampling_leaves_the_inversion_as_it_was(solver, structure, fidelity):
    x0, denoise = scene()
    inversion = unsample(denoise, x0, SIGMAS, solver)
    before = [t.clone() for t in tensors(inversion)]
    resample(denoise, inversion, structure, fidelity).fill_(1e9)
    assert all(torch.equal(a, b) for a, b in zip(before, tensors(inversion), strict=True))


@pytest.mark.parametrize("solver", PAIRS)
@pytest.mark.parametrize("record", [True, False])
def test_unsampling_leaves_its_inputs_as_they_were(solver, record):
    x0, denoise = scene()
    sigmas, x0_before = SIGMAS.clone(), x0.clone()
    unsample(denoise, x0, sigmas, solver, record).noise.fill_(1e9)
    assert torch.equal(x0, x0_before) and torch.equal(sigmas, SIGMAS)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_same_inputs_give_the_same_bits(solver):
    first, second = (unsample(denoise, x0, SIGMAS, solver) for x0, denoise in (scene(), scene()))
    assert all(torch.equal(a, b) for a, b in zip(tensors(first), tensors(second), strict=True))
    edit = denoiser(world(), (0.2, 0.2, 0.6), 2.0)
    results = [resample(edit, inversion, fidelity=0.9) for inversion in (first, second, first)]
    assert torch.equal(results[0], results[1]) and torch.equal(results[0], results[2])


@pytest.mark.parametrize("solver", PAIRS)
def test_recording_does_not_change_the_noise(solver):
    x0, denoise = scene()
    noises = [unsample(denoise, x0, SIGMAS, solver, record).noise for record in (True, False)]
    assert torch.equal(*noises)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_record_put_together_again_from_its_parts_is_as_exact(solver):
    """What a file will hold: noise, sigmas, solver, start, source and outputs are all there is."""
    x0, denoise = scene()
    made = unsample(denoise, x0, SIGMAS, solver, end=0.75)
    noise, sigmas, source, *outputs = (t.clone() for t in tensors(made))
    assert torch.equal(
        resample(denoise, Inversion(noise, sigmas, solver, 2, Record(source, tuple(outputs)))), x0
    )


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_latent_that_is_a_view_is_recorded_alone(solver):
    """A slice of a long video must not keep the whole of it alive."""
    place = world()
    whole = torch.stack([clip(place), clip(place, seed=2)], dim=-1)
    inversion = unsample(denoiser(place), whole[..., 1], SIGMAS, solver)
    assert inversion.record.source.untyped_storage().nbytes() == whole.nbytes // 2
    assert torch.equal(resample(denoiser(place), inversion), whole[..., 1])


@pytest.mark.parametrize("solver", SOLVERS)
def test_misses_are_what_the_plain_solver_loses_at_each_step(solver):
    x0, denoise = scene()
    inversion = unsample(denoise, x0, SIGMAS, solver)
    missed = misses(inversion)
    assert len(missed) == inversion.steps and all(m.abs().max() > 0 for m in missed)
    with pytest.raises(UnsamplingError, match="no record"):
        misses(unsample(denoise, x0, SIGMAS, solver, record=False))


def test_eulers_misses_put_back_step_by_step_return_the_source():
    x0, denoise = scene()
    inversion = unsample(denoise, x0, SIGMAS, "euler")
    x = inversion.noise
    for i, missed in enumerate(misses(inversion)):
        x = x + (x - denoise(x, float(SIGMAS[i]), i)) / SIGMAS[i] * (SIGMAS[i + 1] - SIGMAS[i]) + missed
    assert torch.allclose(x, x0, atol=1e-4)

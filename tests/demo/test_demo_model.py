"""The demo's model: its preconditioning, guidance and windows, and the weights that ship."""

import pytest
import torch
from safetensors import safe_open

from demo import model, world
from unsampling import resample, solvers, unsample

MOST_BYTES = 16_000_000


@pytest.fixture(scope="module")
def unet():
    return model.load()


@pytest.fixture(scope="module")
def clip():
    return world.render(world.content(0), "flat")


def noisy(clip, sigma, seed=0):
    return clip + sigma * torch.randn(clip.shape, generator=torch.Generator().manual_seed(seed))


def test_the_weights_are_small_and_all_there(unet):
    assert model.WEIGHTS.stat().st_size <= MOST_BYTES
    with safe_open(model.WEIGHTS, "pt") as file:
        assert set(file.keys()) == set(model.build().state_dict())
    assert all(torch.isfinite(weight).all() for weight in unet.state_dict().values())
    assert not unet.training


def test_saving_and_loading_is_what_ships(unet, tmp_path):
    model.save(unet, tmp_path / "weights.safetensors")
    assert (tmp_path / "weights.safetensors").read_bytes() == model.WEIGHTS.read_bytes()


@pytest.mark.parametrize("style", world.STYLE_NAMES)
def test_it_has_learnt_to_denoise_clips_it_never_saw(unet, style):
    denoise, clips = model.denoiser(unet, style), [world.render(world.content(i), style) for i in (50, 51)]
    for sigma, left in ((0.2, 0.75), (0.6, 0.4), (2.0, 0.2)):
        errors = [(denoise(noisy(clip, sigma), sigma, 0) - clip).square().mean().sqrt() for clip in clips]
        assert max(errors) < left * sigma


@pytest.mark.parametrize("style", world.STYLE_NAMES)
def test_the_right_style_denoises_best(unet, style):
    clips = [world.render(world.content(seed), style) for seed in (60, 61, 62)]
    errors = {
        name: sum(
            float((model.denoiser(unet, name)(noisy(clip, 4.0), 4.0, 0) - clip).square().mean())
            for clip in clips
        )
        for name in world.STYLE_NAMES
    }
    assert min(errors, key=errors.get) == style


def test_grain_makes_the_noise_as_strong_as_it_should_be(unet):
    """A clip without any is too clean for the model: nothing grows out of nothing."""
    clip, sigmas = world.render(world.content(3), "mosaic"), model.schedule(8)
    clean, filmed = (
        float(unsample(model.denoiser(unet, "mosaic"), x, sigmas, record=False).noise.std())
        / float(sigmas[0])
        for x in (clip, world.filmed(clip, 3))
    )
    assert 0.8 < filmed < 1.3
    assert clean < 0.8 * filmed


def test_guidance_is_the_formula(unet, clip):
    x = noisy(clip, 1.0)
    with_style, without = model.denoiser(unet, "ink")(x, 1.0, 0), model.denoiser(unet, None)(x, 1.0, 0)
    guided = model.denoiser(unet, "ink", 3.0)(x, 1.0, 0)
    torch.testing.assert_close(guided, without + 3 * (with_style - without), rtol=1e-3, atol=1e-3)
    assert (with_style - without).abs().max() > 0.05
    assert torch.equal(model.denoiser(unet, None, 3.0)(x, 1.0, 0), without)


def test_without_noise_the_answer_is_the_input(unet, clip):
    assert (model.denoiser(unet, "flat")(clip, 1e-3, 0) - clip).abs().max() < 0.01


@pytest.mark.parametrize(
    ("frames", "starts"),
    [(1, [0]), (16, [0]), (17, [0, 1]), (26, [0, 10]), (27, [0, 10, 11]), (64, [0, 10, 20, 30, 40, 48])],
)
def test_windows_cover_every_frame(frames, starts):
    found = model.windows(frames)
    assert [window.start for window in found] == starts
    assert {i for window in found for i in window} == set(range(frames))
    assert all(len(window) == min(frames, world.FRAMES) for window in found)


def test_windows_answer_what_a_call_of_their_own_would(unet):
    clip = torch.cat([world.render(world.content(seed), "flat") for seed in (0, 1)])[:20]
    denoise, x = model.denoiser(unet, "flat"), noisy(clip, 0.5)
    whole = denoise(x, 0.5, 0)
    first, last = denoise(x[:16], 0.5, 0), denoise(x[4:], 0.5, 0)
    assert torch.allclose(whole[:4], first[:4], atol=1e-5)
    assert torch.allclose(whole[16:], last[12:], atol=1e-5)
    place = torch.arange(1.0, 17)
    weight = torch.minimum(place, place.flip(0))
    ours, theirs = weight[9], weight[5]  # frame 9 in the first window and in the one from 4
    mixed = (ours * first[9] + theirs * last[5]) / (ours + theirs)
    assert torch.allclose(whole[9], mixed, atol=1e-5)


def test_the_frames_of_a_clip_see_each_other(unet, clip):
    denoise, x = model.denoiser(unet, "flat"), noisy(clip, 1.0)
    alone = torch.cat([denoise(frame[None], 1.0, 0) for frame in x])
    together = denoise(x, 1.0, 0)
    assert (together - clip).square().mean() < 0.8 * (alone - clip).square().mean()


@pytest.mark.parametrize("solver", solvers.recorded())
def test_a_recorded_round_trip_through_it_is_exact(unet, clip, solver):
    denoise = model.denoiser(unet, "flat")
    inversion = unsample(denoise, clip, model.schedule(4), solver)
    error = (resample(denoise, inversion) - clip).norm() / clip.norm()
    assert error < 1e-6

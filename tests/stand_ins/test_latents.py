"""What a LATENT must be for a pass, and noise that no Unsampler made."""

from types import SimpleNamespace

import pytest
import torch

from unsampling_pack.host import latents
from unsampling_pack.unsampling import UnsamplingError, solvers
from unsampling_pack.unsampling.errors import Cause

CLIP = torch.linspace(-2, 2, 3 * 4 * 5 * 6).reshape(3, 4, 5, 6)
FALLING = torch.tensor([8.0, 2.0, 0.5])


def spoilt(value: float) -> torch.Tensor:
    clip = CLIP.clone()
    clip[1, 2, 0, 3] = value
    return clip


@pytest.mark.parametrize("samples", [CLIP, CLIP[:1], CLIP.half(), CLIP.double(), CLIP.movedim(0, 1)[None]])
def test_a_clip_is_taken_in_float32_at_least(samples):
    found = latents.clip({"samples": samples}, samples.shape[1], "latent_image")
    assert torch.equal(found, samples.to(found.dtype))
    assert found.dtype == (torch.float64 if samples.dtype == torch.float64 else torch.float32)


@pytest.mark.parametrize(
    "samples, channels, words",
    [
        (
            torch.zeros(3, 4, 5, 6),
            4,
            "noise is empty (all zeros, as Empty Latent Image makes it); connect a VAE",
        ),
        (CLIP[:0], 4, "noise is empty, shape (0, 4, 5, 6)"),
        (spoilt(float("nan")), 4, "noise holds NaN or infinite values"),
        (spoilt(float("inf")), 4, "noise holds NaN or infinite values"),
        (CLIP, 16, "noise has 4 channels, the model works on 16; use the VAE and the model of one family"),
        (CLIP[:, :1], 4, "noise has 1 channels, the model works on 4"),
        (CLIP[0], 4, "noise has shape (4, 5, 6); a latent is (frames, channels, height, width) or"),
        (
            SimpleNamespace(is_nested=True),
            4,
            "noise packs several latents in one (video with audio); connect",
        ),
    ],
)
def test_what_is_no_clip_for_the_model(samples, channels, words):
    with pytest.raises(UnsamplingError) as refusal:
        latents.clip({"samples": samples}, channels, "noise")
    assert str(refusal.value).startswith(words)


@pytest.mark.parametrize(
    "sigmas, words",
    [
        (None, "noise carries no record of an unsampling: .* made elsewhere, also sigmas$"),
        (torch.tensor([0.5, 2.0, 8.0]), r"sigmas rises from 0\.5 to 8"),
        (torch.tensor([8.0]), "sigmas has one entry"),
        (torch.tensor([8.0, 8.0, 1.0]), "sigmas does not fall at entry 0"),
    ],
)
def test_noise_from_elsewhere_needs_a_schedule_that_falls(sigmas, words):
    with pytest.raises(UnsamplingError, match=words):
        latents.schedule_from_elsewhere(sigmas)


@pytest.mark.parametrize("sigmas", [[8.0, 2.0, 0.5], [1.0, 0.0], [14.6, 3.0, 1.0, 0.0]])
def test_a_schedule_for_noise_from_elsewhere(sigmas):
    assert latents.schedule_from_elsewhere(torch.tensor(sigmas)).tolist() == pytest.approx(sigmas)


def noise(std: float) -> torch.Tensor:
    values = torch.randn(3, 4, 16, 16, generator=torch.Generator().manual_seed(3))
    return values / values.std() * std


@pytest.mark.parametrize(
    "std, is_refused", [(8.0, False), (3.3, False), (3.1, True), (1.0, True), (0.0, True)]
)
def test_noise_must_be_about_as_strong_as_its_first_sigma(std, is_refused):
    if not is_refused:
        latents.strong_enough(noise(std), FALLING)
        return
    words = rf"its std is {std:.3g} where sigmas starts at 8; connect unsampled noise, not an image"
    with pytest.raises(UnsamplingError, match=words):
        latents.strong_enough(noise(std), FALLING)


@pytest.mark.parametrize(
    "solver, expected", [("auto", solvers.DEFAULT), ("euler", "euler"), ("ees25", "ees25")]
)
def test_noise_from_elsewhere_has_no_record(solver, expected):
    inversion = latents.noise_from_elsewhere(noise(8.0), FALLING, solver)
    assert inversion.solver == expected and inversion.record is None and inversion.noise.numel() == 0
    assert torch.equal(inversion.sigmas, FALLING)
    with pytest.raises(UnsamplingError, match="noise is not noise of this schedule"):
        latents.noise_from_elsewhere(noise(1.0), FALLING, solver)


# variance of noise and source, sigma, flow, ratio of the stds where it is told
@pytest.mark.parametrize(
    "variance, source, sigma, flow, ratio",
    [
        (65.0, 1.0, 8.0, False, None),
        (4 * 65.0 * 0.99, 1.0, 8.0, False, None),
        (4 * 65.0 * 1.01, 1.0, 8.0, False, "2"),
        (65.0 / 4 * 0.99, 1.0, 8.0, False, "0.5"),
        (65.0 / 4 * 1.01, 1.0, 8.0, False, None),
        (9 * 65.0, 1.0, 8.0, False, "3"),
        (0.0, 1.0, 8.0, False, "0"),
        # a flow model's clip fades: at sigma 1 nothing of its variance of 100 is left
        (1.0, 100.0, 1.0, True, None),
        (1.0, 100.0, 1.0, False, "0.0995"),
        (0.25 * 100 + 0.25, 100.0, 0.5, True, None),
        (float("nan"), 1.0, 8.0, False, "nan"),
    ],
)
def test_a_remark_on_noise_that_is_far_too_weak_or_strong(variance, source, sigma, flow, ratio):
    found = latents.strange_strength(variance, source, sigma, flow)
    shown = None if ratio is None else float(ratio)
    expected = f", but the noise has {shown:.2g} times the strength it should have" if ratio else ""
    assert found.startswith(expected) and bool(found) == (ratio is not None)


def test_an_empty_latent_has_a_cure_for_the_nodes_to_add():
    with pytest.raises(UnsamplingError) as refusal:
        latents.clip({"samples": CLIP[:0]}, 4, "noise")
    assert refusal.value.cause is Cause.LATENT_EMPTY


@pytest.mark.parametrize("scale", [1.0, 0.18215, 3.0])
@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (1, 4, 3, 5, 6), (2, 4, 3, 5, 6)])
def test_the_variance_of_entries_in_sampling_space(scale, shape):
    latent_format = SimpleNamespace(process_in=lambda x: x * scale)
    samples = torch.randn(shape, generator=torch.Generator().manual_seed(1)) + 4
    expected = sum(float((scale * entry.double()).var(correction=0)) for entry in samples) / len(samples)
    assert latents.variance(latent_format, samples) == pytest.approx(expected, rel=1e-5)

"""What a LATENT must be for a pass, and noise that no Exact Unsampler made."""

from types import SimpleNamespace

import pytest
import torch

from unsampling_pack.host import latents
from unsampling_pack.unsampling import UnsamplingError, solvers
from unsampling_pack.unsampling.errors import Cause

CLIP = torch.linspace(-2, 2, 3 * 4 * 5 * 6).reshape(3, 4, 5, 6)
FALLING = torch.tensor([8.0, 2.0, 0.5])
NO_RECORD = "noise carries no record of an unsampling: it is a plain latent"


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
    ("latent", "what"),
    [
        ({}, "missing"),
        ({"samples": None}, "missing"),
        ({"samples": [CLIP]}, "a list"),
        ({"samples": CLIP.numpy()}, "a ndarray"),
        ({"samples": CLIP.to_sparse()}, "a sparse_coo tensor of float32 and shape (3, 4, 5, 6)"),
        ({"samples": CLIP[:0].to_sparse()}, "a sparse_coo tensor of float32 and shape (0, 4, 5, 6)"),
        ({"samples": CLIP.to(torch.complex64)}, "a tensor of complex64 and shape (3, 4, 5, 6)"),
    ],
)
def test_samples_that_are_no_plain_numbers(latent, what):
    with pytest.raises(UnsamplingError) as refusal:
        latents.clip(latent, 4, "latent_image")
    assert str(refusal.value).startswith(
        f"latent_image has samples that are {what}, not plain numbers; connect"
    )


@pytest.mark.parametrize(
    "dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.bfloat16, torch.uint8, torch.int64, torch.bool]
)
def test_numbers_of_any_kind_are_taken(dtype):
    found = latents.clip({"samples": CLIP.to(dtype)}, 4, "noise")
    assert found.dtype == torch.float32 and torch.equal(found, CLIP.to(dtype).float())


@pytest.mark.parametrize("shape", [(1, 4, 3, 5, 6), (2, 4, 1, 5, 6)])
def test_a_video_latent_is_not_for_a_model_of_frames(shape):
    words = r"noise is a video model's latent, of shape \(.*\), and the model works on \(frames, channels"
    with pytest.raises(UnsamplingError, match=words):
        latents.clip({"samples": torch.ones(shape)}, 4, "noise", False)
    for told in (True, None):
        assert latents.clip({"samples": torch.ones(shape)}, 4, "noise", told).shape == shape


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
        latents.schedule_from_elsewhere(sigmas, NO_RECORD)


@pytest.mark.parametrize("sigmas", [[8.0, 2.0, 0.5], [1.0, 0.0], [14.6, 3.0, 1.0, 0.0]])
def test_a_schedule_for_noise_from_elsewhere(sigmas):
    assert latents.schedule_from_elsewhere(torch.tensor(sigmas), NO_RECORD).tolist() == pytest.approx(sigmas)


def noise(std: float) -> torch.Tensor:
    values = torch.randn(3, 4, 16, 16, generator=torch.Generator().manual_seed(3))
    return values / values.std() * std


@pytest.mark.parametrize(
    "std, is_refused", [(8.0, False), (3.3, False), (3.1, True), (1.0, True), (0.0, True)]
)
def test_noise_must_be_about_as_strong_as_its_first_sigma(std, is_refused):
    if not is_refused:
        latents.check_strength(noise(std), FALLING)
        return
    words = rf"its std is {std:.3g} where sigmas starts at 8; connect unsampled noise, not an image"
    with pytest.raises(UnsamplingError, match=words):
        latents.check_strength(noise(std), FALLING)


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


# std of the strongest frame where the noise was made with 8, or that is not known, and the schedule's top
@pytest.mark.parametrize(
    ("std", "made", "top", "words"),
    [
        (
            80.0,
            8.0,
            8.0,
            "its std is 80 where sigmas starts at 8, and the Exact Unsampler made 8; connect it as it was",
        ),
        (21.0, 8.0, 8.0, "its std is 21"),
        (19.0, 8.0, 8.0, ""),
        (19.0, 24.0, 8.0, ""),  # it was that strong
        (2.0, 2.0, 8.0, ""),  # or that weak, of a render
        (0.7, 2.0, 8.0, "its std is 0.7 where sigmas starts at 8; connect unsampled noise, not an image"),
        (80.0, None, 8.0, "its std is 80 where sigmas starts at 8; connect it as it was"),
        (30.0, None, 8.0, ""),
        (10.0, None, 1.0, ""),  # a strong clip at a low sigma
        (146.0, None, 14.6, "its std is 146"),
        (25.0, None, 1.0, "its std is 25"),
    ],
)
@pytest.mark.parametrize("shape", [(3, 4, 8, 8), (1, 4, 3, 8, 8)])
def test_noise_may_be_neither_much_weaker_nor_much_stronger_than_it_was_made(shape, std, made, top, words):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    x = x / x.std() * std
    x = x * (std / latents.strength(x) if std > top else 1)
    if not words:
        latents.check_strength(x, torch.tensor([top, 0.0]), made)
        return
    with pytest.raises(UnsamplingError) as refusal:
        latents.check_strength(x, torch.tensor([top, 0.0]), made)
    assert words in str(refusal.value)


def test_one_frame_of_many_that_is_too_strong_is_seen():
    x = torch.randn(32, 4, 8, 8, generator=torch.Generator().manual_seed(1)) * 8
    x[3] *= 10
    with pytest.raises(UnsamplingError, match="noise is too strong for this schedule"):
        latents.check_strength(x, FALLING, 8.0)


@pytest.mark.parametrize(
    "std, sigma, strong", [(1.0, 1.0, False), (10.0, 1.0, True), (3.0, 1.0, False), (10.0, 0.3, False)]
)
def test_a_flow_models_clip_fades_under_its_noise(std, sigma, strong):
    x, sigmas = noise(std), torch.tensor([sigma, 0.0])
    latents.check_strength(x, sigmas)
    if not strong:
        latents.check_strength(x, sigmas, flow=True)
        return
    with pytest.raises(UnsamplingError, match="noise is too strong"):
        latents.noise_from_elsewhere(x, sigmas, "euler", flow=True)

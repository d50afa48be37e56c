"""Refusals: one clear sentence, before the first model call; and a stop at the first NaN of the model."""

from dataclasses import replace

import pytest
import sigma_lists
import torch
from analytic_denoisers import IMAGES, Spy, clip, denoiser, world

from unsampling import UnsamplingError, resample, solvers, unsample
from unsampling_pack.unsampling import UnsamplingError as PackError

PAIRS = list(solvers.PAIRS)
SIGMAS = sigma_lists.karras(6)
NAN, INF = float("nan"), float("inf")


def never(x, sigma, step):
    raise AssertionError("the model was called before the refusal")


def broken(value):
    x = clip(world())
    x[3, 1, 2, 0] = value
    return x


BAD_UNSAMPLING = {
    "unknown solver": ({"solver": "lcm"}, f"solver 'lcm' is unknown; choose one of {', '.join(PAIRS)}"),
    "no sigmas": ({"sigmas": torch.empty(0)}, "sigmas is empty$"),
    "one sigma": ({"sigmas": torch.tensor([1.0])}, "sigmas has one entry"),
    "rising": ({"sigmas": SIGMAS.flip(0)}, "sigmas rises from 0 to 14.6146$"),
    "equal": ({"sigmas": torch.tensor([2.0, 1.0, 1.0, 0.0])}, "sigmas does not fall at entry 1"),
    "nan sigma": ({"sigmas": torch.tensor([2.0, NAN, 0.0])}, "sigmas holds a NaN"),
    "negative sigma": ({"sigmas": torch.tensor([2.0, 1.0, -1.0])}, "sigmas ends below 0"),
    "end 0": ({"end": 0.0}, "end is 0; set it above 0"),
    "end negative": ({"end": -0.5}, "end is -0.5; set it above 0"),
    "end above 1": ({"end": 1.01}, "end is 1.01; set it above 0"),
    "end nan": ({"end": NAN}, "end is nan; set it above 0"),
    "three axes": ({"x0": torch.zeros(4, 8, 8)}, r"x0 has shape \(4, 8, 8\); a latent is"),
    "six axes": ({"x0": torch.zeros(1, 1, 4, 2, 2, 2)}, "a latent is"),
    "no frames": ({"x0": torch.zeros(0, 4, 8, 8)}, r"x0 is empty, shape \(0, 4, 8, 8\)$"),
    "nan latent": ({"x0": broken(NAN)}, "x0 holds NaN or infinite values$"),
    "infinite latent": ({"x0": broken(-INF)}, "x0 holds NaN or infinite values$"),
}


@pytest.mark.parametrize("name", BAD_UNSAMPLING)
def test_unsampling_refuses_before_the_first_call(name):
    changed, words = BAD_UNSAMPLING[name]
    with pytest.raises(UnsamplingError, match=words) as refusal:
        unsample(never, **{"x0": clip(world()), "sigmas": SIGMAS, **changed})
    assert one_sentence(refusal)


BAD_RESAMPLING = {
    "fidelity": ({"fidelity": 1.5}, "fidelity is 1.5; set it between 0 and 1"),
    "fidelity negative": ({"fidelity": -0.1}, "fidelity is -0.1"),
    "fidelity nan": ({"fidelity": NAN}, "fidelity is nan"),
    "structure": ({"structure": 1.2}, "structure is 1.2; set it between 0 and 1"),
    "structure negative": ({"structure": -0.2}, "structure is -0.2"),
    "structure nan": ({"structure": NAN}, "structure is nan"),
}


@pytest.mark.parametrize("solver", PAIRS)
@pytest.mark.parametrize("name", BAD_RESAMPLING)
@pytest.mark.parametrize("record", [True, False])
def test_resampling_refuses_before_the_first_call(solver, name, record):
    changed, words = BAD_RESAMPLING[name]
    inversion = unsample(denoiser(world()), clip(world()), SIGMAS, solver, record)
    with pytest.raises(UnsamplingError, match=words) as refusal:
        resample(never, inversion, **changed)
    assert one_sentence(refusal)


@pytest.mark.parametrize("solver", PAIRS)
def test_structure_needs_a_record(solver):
    inversion = unsample(denoiser(world()), clip(world()), SIGMAS, solver, record=False)
    with pytest.raises(
        UnsamplingError, match=r"structure above 0 needs the record of the unsampling$"
    ) as refusal:
        resample(never, inversion, structure=0.5)
    assert one_sentence(refusal)


@pytest.mark.parametrize("solver", PAIRS)
@pytest.mark.parametrize(
    ("noise", "words"),
    [
        (broken(NAN), "noise holds NaN"),
        (torch.zeros(4, 4), r"noise has shape \(4, 4\)"),
        (torch.zeros(0, 4, 5, 6), "noise is empty"),
    ],
)
def test_noise_that_was_broken_in_between_is_refused(solver, noise, words):
    inversion = unsample(denoiser(world()), clip(world()), SIGMAS, solver)
    with pytest.raises(UnsamplingError, match=words):
        resample(never, replace(inversion, noise=noise))


@pytest.mark.parametrize("solver", PAIRS)
@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("at", range(1, 9))
@pytest.mark.parametrize("recorded", [True, False])
def test_the_first_nan_of_the_model_stops_both_passes_at_that_call(solver, value, at, recorded):
    x0, denoise = clip(world()), denoiser(world())
    inversion = unsample(denoise, x0, SIGMAS, solver, recorded)
    for run in (
        lambda model: unsample(model, x0, SIGMAS, solver, recorded),
        lambda model: resample(model, inversion),
    ):
        healthy, spy = Spy(denoise), Spy(spoiled(denoise, value, at))
        run(healthy)
        calls = len(healthy.calls)
        if at > calls:
            continue
        with pytest.raises(UnsamplingError) as stop:
            run(spy)
        assert len(spy.calls) == at
        place = f"model call {at} of {calls} (step {spy.steps[-1] + 1}, sigma {spy.calls[-1].sigma:.4g})"
        assert str(stop.value).endswith(f"{place}, frame 3") and one_sentence(stop)


def spoiled(denoise, value, at):
    calls = []

    def spoil(x, sigma, step):
        calls.append(step)
        answer = denoise(x, sigma, step)
        if len(calls) == at:
            answer[3, 0, 0, 0] = value
        return answer

    return spoil


def test_many_broken_frames_are_not_all_named():
    def denoise(x, sigma, step):
        return x * NAN

    x0 = clip(world((30, *IMAGES[1:])))
    with pytest.raises(UnsamplingError, match=r"frame 0, 1, 2, 3, 4, 5, 6, 7 and more$"):
        unsample(denoise, x0, SIGMAS)


def test_a_broken_frame_of_a_video_latent_is_named_by_its_frame():
    def denoise(x, sigma, step):
        answer = x.clone()
        answer[0, 1, 2] = NAN
        return answer

    with pytest.raises(UnsamplingError, match=r"frame 2$"):
        unsample(denoise, torch.randn(1, 4, 5, 3, 3), SIGMAS)


def one_sentence(error):
    text = str(error.value)
    return "\n" not in text and text.isascii() and len(text) < 250 and not text.endswith(".")


def test_noise_that_lost_frames_is_not_stretched_over_the_record():
    clip, sigmas = torch.randn(4, 2, 3, 3), torch.tensor([2.0, 1.0, 0.0])
    inversion = unsample(lambda x, sigma, step: 0.5 * x, clip, sigmas)
    for frames in (1, 3):
        with pytest.raises(UnsamplingError, match=r"noise has shape .* its record \(4, 2, 3, 3\)"):
            resample(lambda x, sigma, step: 0.5 * x, replace(inversion, noise=inversion.noise[:frames]))


def test_the_error_is_named_without_a_path_however_comfyui_imports_the_pack():
    assert f"{PackError.__module__}.{PackError.__qualname__}" == "unsampling.UnsamplingError"
    assert PackError is not UnsamplingError

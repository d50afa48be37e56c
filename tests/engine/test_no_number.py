"""NaN and infinity, which links can bring where a widget cannot, are refused by the setting's name."""

from functools import partial
from math import inf, nan

import pytest
import torch
from analytic_denoisers import SOURCE, clip, denoiser, world

from unsampling import UnsamplingError, resample, schedules, unsample
from unsampling.video import edges, footage

SIGMAS = torch.tensor([4.0, 1.0, 0.0])
WORLD = world((2, 1, 4, 4))
DENOISE = denoiser(WORLD, SOURCE)


def canny(name: str, value: float):
    thresholds = {"low_threshold": 0.1, "high_threshold": 0.3} | {name: value}
    edges.canny(torch.zeros(1, 4, 4, 3), **thresholds, device=torch.device("cpu"), tick=lambda: None)


SETTINGS = {
    "megapixels": lambda value: footage.Wanted(value, 8, 1, 0).size(4, 4),
    "denoise": lambda value: schedules.ays("SD1", 4, value),
    "low_threshold": partial(canny, "low_threshold"),
    "high_threshold": partial(canny, "high_threshold"),
    "end": lambda value: unsample(DENOISE, clip(WORLD), SIGMAS, end=value),
    "direct": lambda value: unsample(DENOISE, clip(WORLD), SIGMAS, direct=value),
    "structure": lambda value: resample(DENOISE, unsample(DENOISE, clip(WORLD), SIGMAS), structure=value),
    "fidelity": lambda value: resample(DENOISE, unsample(DENOISE, clip(WORLD), SIGMAS), fidelity=value),
    "hold": lambda value: resample(DENOISE, unsample(DENOISE, clip(WORLD), SIGMAS), hold=value),
}


@pytest.mark.parametrize("value", [nan, inf, -inf])
@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_no_number_is_refused_by_its_name(name, value):
    with pytest.raises(UnsamplingError, match=f"^{name} is {value:g}; set"):
        SETTINGS[name](value)


@pytest.mark.parametrize("megapixels", [0.0, -1.0])
def test_a_clip_has_some_size(megapixels):
    with pytest.raises(UnsamplingError, match=f"megapixels is {megapixels:g}; set it above 0"):
        footage.Wanted(megapixels, 8, 1, 0).size(48, 64)

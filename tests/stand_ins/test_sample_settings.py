"""Sample settings of AnimateDiff-Evolved that would change a latent, and the guidance that it takes over."""

import animatediff_objects as ade
import comfy_objects as core
import pytest
import torch

from unsampling_pack.host.packs import animatediff_settings
from unsampling_pack.unsampling import UnsamplingError


class NewOptions(ade.IterationOptions):
    """A class that AnimateDiff-Evolved 1.5.7 does not have."""


def model(**fields) -> core.Model:
    return core.Model(settings=ade.SampleSettings(**fields))


def test_without_sample_settings_there_is_nothing_to_refuse():
    animatediff_settings.refuse_changing(core.Model())
    assert animatediff_settings.highest_cfg(core.Model()) is None


@pytest.mark.parametrize(
    "iterations, is_refused",
    [
        (ade.IterationOptions(1), False),
        (ade.IterationOptions(2), True),
        (ade.FreeInitOptions(1), False),
        (ade.FreeInitOptions(3), True),
        (ade.FreeInitOptions(1, apply_to_1st_iter=True), True),
    ],
)
def test_iterations_that_sample_again_or_add_noise(iterations, is_refused):
    if not is_refused:
        animatediff_settings.refuse_changing(model(iteration_opts=iterations))
        return
    words = r"sample settings whose iteration_opts .* \(FreeInit\); disconnect it from Sample Settings"
    with pytest.raises(UnsamplingError, match=words):
        animatediff_settings.refuse_changing(model(iteration_opts=iterations))


def test_options_of_a_class_that_is_not_known_are_not_taken_for_harmless():
    with pytest.raises(UnsamplingError, match="its FreeInitOptions, but has no apply_to_1st"):
        animatediff_settings.refuse_changing(model(iteration_opts=NewOptions(1)))


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"noise_calibration": object()}, "whose noise calibration replaces the noise; disconnect it"),
        ({"image_injection": ade.NoisedImageToInjectGroup(1)}, "whose image_inject replaces the latent half"),
        ({"image_injection": ade.NoisedImageToInjectGroup(1, 2)}, "whose image_inject replaces"),
    ],
)
def test_settings_that_replace_noise_or_latent(fields, words):
    with pytest.raises(UnsamplingError, match=words):
        animatediff_settings.refuse_changing(model(**fields))


@pytest.mark.parametrize(
    "values, highest",
    [((1.0,), 1.0), ((3.0, 7.5, 2.0), 7.5), ((torch.tensor([[1.0, 9.0]]), 2.0), 9.0), ((0.5, 0.25), 0.5)],
)
def test_custom_cfg_counts_by_its_highest_value(values, highest):
    group = ade.CustomCFGKeyframeGroup(*(ade.CustomCFGKeyframe(value) for value in values))
    assert animatediff_settings.highest_cfg(model(custom_cfg=group)) == highest


def test_settings_are_only_read():
    fields = {"iteration_opts": ade.FreeInitOptions(1), "custom_cfg": ade.CustomCFGKeyframeGroup()}
    settings = ade.SampleSettings(**fields)
    before = dict(vars(settings))
    animatediff_settings.refuse_changing(core.Model(settings=settings))
    assert vars(settings) == before and vars(fields["iteration_opts"])["iterations"] == 1

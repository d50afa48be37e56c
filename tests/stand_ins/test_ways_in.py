"""Every way in asks whether its MODEL can be worked with, before it asks the model anything.

What is refused is tested in test_admission.py and test_latent_record.py; here, that each of the six ways gets
there with what it knows: its direction, its schedule, who samples, and the noise's record.
"""

from types import ModuleType

import animatediff_objects as ade
import comfy_objects as core
import pytest
import torch

from unsampling_pack.unsampling import Inversion, UnsamplingError

FALLING = torch.tensor([14.6, 3.0, 0.5, 0.0])
CLIP = torch.randn(8, 4, 3, 3, generator=torch.Generator().manual_seed(1))
NOISE = CLIP * 14.6


class Asked(AssertionError):
    """The model is called, or the run is handed to ComfyUI: the MODEL was admitted."""


class Guider(core.CFGGuider):
    """A guider that tells when it is asked."""

    def sample(self, *given, **named):
        raise Asked

    def __call__(self, *given, **named):
        raise Asked


class Ways:
    """The ways in; each takes the MODEL, and the one that the noise was made with.

    start: the step of the schedule that a pass goes up to, or down from; the Inversion Sampler knows none.
    """

    def __init__(self, admission: ModuleType, passes: ModuleType, sampling: ModuleType):
        self._admission, self._passes, self._sampling = admission, passes, sampling
        self.falling, self.start = FALLING, 0

    def own_up(self, model, other) -> None:
        self.up(model)

    def core_up(self, model, other) -> None:
        self.up(model, core.KSAMPLER("euler"))

    def own_down(self, model, other) -> None:
        self.down(model, self.noise(other, "midpoint"))

    def core_down(self, model, other) -> None:
        self.down(model, self.noise(other, "core euler"), core.KSAMPLER("euler"))

    def up(self, model, sampler=None) -> None:
        end = 1 - self.start / (len(self.falling) - 1)
        clip = {"samples": CLIP}
        self._passes.unsample(Guider(model), clip, self.falling, "midpoint", end, "full", None, sampler)

    def down(self, model, noise: dict, sampler=None, sigmas=None) -> None:
        self._passes.resample(Guider(model), noise, sigmas, "auto", 0.0, 1.0, None, sampler)

    def plain_up(self, model, other) -> None:
        self.plain(model, rising=True)

    def plain_down(self, model, other) -> None:
        self.plain(model, rising=False)

    def plain(self, model, rising: bool, **changes) -> None:
        """The Inversion Sampler, as core's guider calls it."""
        options = {"transformer_options": {"sample_sigmas": self.falling} | started(model)}
        given = {
            "model_wrap": Guider(model),
            "sigmas": self.falling,
            "extra_args": {"model_options": options, "seed": 0},
            "callback": None,
            "noise": torch.zeros_like(CLIP),
            "latent_image": CLIP if rising else NOISE,
            "disable_pbar": True,
        }
        self._sampling.plain_sampler("midpoint", rising).sample(**given | changes)

    def noise(self, model, solver: str) -> dict:
        """A LATENT of noise that was made with this MODEL."""
        facts = self._admission.admit(core.CFGGuider(model), tuple(CLIP.shape), self.falling, rising=True)
        inversion = Inversion(torch.empty(0), self.falling, solver, self.start)
        return self._passes.record.noise_latent({}, NOISE, inversion, facts, None)


@pytest.fixture
def ways(admission, passes, sampling) -> Ways:
    return Ways(admission, passes, sampling)


def started(model) -> dict:
    """What AnimateDiff-Evolved puts into a run of a MODEL that it made."""
    params = model.get_attachment("ADE_params")
    if params is None:
        return {}
    return {"ADGS": ade.AnimateDiffGlobalState(params, ade.SampleSettings())}


def evolved(schedule: str = "standard_static", length: int = 4) -> core.Model:
    return core.Model(ade.InjectionParams(ade.ContextOptions(schedule, length)))


def momentum() -> core.Model:
    """Core's Adaptive Projected Guidance, which is known by what its function closes over."""
    running_avg, momentum = 0.0, -0.5

    def pre_cfg_function(args):
        return running_avg, momentum

    return core.Model(options={"sampler_pre_cfg_function": [pre_cfg_function]})


def cached() -> core.Model:
    return core.Model(transformer_options={"easycache": core.Foreign(name="LazyCache")})


def flow() -> core.Model:
    return core.Model(model_sampling=core.sampling(core.CONST, highest=1.0))


def iterating() -> core.Model:
    return core.Model(settings=ade.SampleSettings(iteration_opts=ade.IterationOptions(2)))


WAYS = ("own_up", "own_down", "core_up", "core_down", "plain_up", "plain_down")
UP = ("own_up", "core_up", "plain_up")
BY_CORE, WITH_RECORD = ("core_up", "core_down"), ("own_down", "core_down")
ALIKE = None  # the noise was made with the same MODEL
# the MODEL, the one that the noise was made with, the ways that refuse it, and a part of the sentence
MODELS = {
    "nothing": (core.Model, ALIKE, (), ""),
    "a cache": (cached, core.Model, WAYS, "model has LazyCache, which skips model calls"),
    "sample settings": (iterating, core.Model, WAYS, "whose iteration_opts samples again"),
    "momentum": (momentum, core.Model, UP, "Adaptive Projected Guidance with momentum"),
    "moving windows": (
        lambda: evolved("looped_uniform"),
        ALIKE,
        BY_CORE,
        "model has context windows that move from step to step (looped_uniform)",
    ),
    "windows that stay": (evolved, ALIKE, (), ""),
    "other windows": (
        lambda: evolved(length=6),
        evolved,
        WITH_RECORD,
        "model cuts the clip into other context windows than the Exact Unsampler's did (windows:",
    ),
    "windows that the noise had not": (
        evolved,
        core.Model,
        WITH_RECORD,
        "model cuts the clip into other context windows than the Exact Unsampler's did (windows:",
    ),
    "another family": (
        lambda: core.Model(model=core.SDXL()),
        core.Model,
        WITH_RECORD,
        "model differs from the one the noise was unsampled with: model SDXL, not BaseModel",
    ),
}


def refusal(way, *given) -> str:
    with pytest.raises(UnsamplingError) as refused:
        way(*given)
    return str(refused.value)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MODELS)
def test_each_way_in_refuses_what_spoils_it_and_asks_nothing_before(ways, name, way):
    make, other, refusing, words = MODELS[name]
    models = make(), (other or make)()
    if way not in refusing:
        with pytest.raises(Asked):
            getattr(ways, way)(*models)
        return
    assert words in refusal(getattr(ways, way), *models)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("field", ["context_length", "fuse_method", "start_percent"])
def test_each_way_in_misses_a_context_field_that_was_renamed(ways, monkeypatch, way, field):
    model, other = evolved(), core.Model()
    monkeypatch.setattr(ade.ContextOptions, "gone", frozenset({field}))
    words = f"AnimateDiff-Evolved has no {field} in its ContextOptions any more"
    assert words in refusal(getattr(ways, way), model, other)


@pytest.mark.parametrize("way", WAYS)
def test_a_flow_model_is_refused_where_core_samples_or_the_schedule_is_not_its_own(ways, way):
    words = "sigmas starts at 14.6, but the model is a flow model"
    assert words in refusal(getattr(ways, way), flow(), core.Model())
    ways.falling = torch.tensor([1.0, 0.5, 0.0])
    if way in BY_CORE:
        assert "model is a flow model, whose latent core's" in refusal(getattr(ways, way), flow(), flow())
        return
    with pytest.raises(Asked):
        getattr(ways, way)(flow(), flow())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("top", [100.0, 700.0, 1e20])
@pytest.mark.parametrize("highest", [14.6, 25.1, 80.0])
def test_each_way_in_refuses_noise_above_what_the_model_knows(ways, way, top, highest):
    model = core.Model(model_sampling=core.sampling(core.EPS, highest=highest))
    ways.falling = torch.tensor([top, 3.0, 0.5, 0.0])
    words = f"sigmas starts at {top:.4g}, but the model knows noise up to {highest:.4g} only; use Basic"
    # the noise of a record is of the same model, so it begins no higher
    given = core.Model(model_sampling=core.sampling(core.EPS, highest=1e30)) if way in WITH_RECORD else model
    assert words in refusal(getattr(ways, way), model, given)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("start", [0, 1])
def test_the_windows_of_those_steps_are_asked_that_the_pass_has(ways, way, start):
    """The stand-ins' windows of stride 2 leave out every second frame at every step."""
    ways.start = start
    model = core.Model(ade.InjectionParams(ade.ContextOptions("standard_uniform", 4, context_stride=2)))
    first = 1 if way.startswith("plain") else start + 1
    assert f"do not fit 8 frames at step {first};" in refusal(getattr(ways, way), model, core.Model())


@pytest.mark.parametrize("way", WITH_RECORD)
@pytest.mark.parametrize("frames", [slice(4), slice(2, 7), slice(None, None, 3)])
def test_a_slice_of_the_noise_is_compared_by_the_windows_of_the_whole(ways, way, frames):
    """In a clip of 4 frames or fewer these windows would cut nothing."""
    noise = ways.noise

    def sliced(model, solver: str) -> dict:
        whole = noise(model, solver)
        return {**whole, "samples": whole["samples"][frames]}

    ways.noise = sliced
    with pytest.raises(Asked):
        getattr(ways, way)(evolved(), evolved())
    words = "other context windows than the Exact Unsampler's did (none, not windows:"
    assert words in refusal(getattr(ways, way), core.Model(), evolved())


@pytest.mark.parametrize("sampler, solver", [("heun", "core euler"), ("euler", "midpoint")])
def test_another_solver_than_the_records_is_refused(ways, sampler, solver):
    noise = ways.noise(core.Model(), solver)
    words = f"solver is core {sampler}, but the noise was made with {solver};"
    assert words in refusal(ways.down, core.Model(), noise, core.KSAMPLER(sampler))


@pytest.mark.parametrize("solver, sampler", [("midpoint", None), ("core euler", core.KSAMPLER("euler"))])
def test_another_schedule_than_the_records_is_refused(ways, solver, sampler):
    noise, sigmas = ways.noise(core.Model(), solver), torch.tensor([14.6, 2.0, 0.0])
    words = "sigmas (2 steps from 14.6) differ from those the noise was made with (3 steps from 14.6)"
    assert words in refusal(ways.down, core.Model(), noise, sampler, sigmas)


def test_noise_from_elsewhere_has_nothing_to_be_compared_with_but_is_asked_for_all_else(ways):
    noise = {"samples": NOISE}
    assert "model has LazyCache" in refusal(ways.down, cached(), noise, None, FALLING)
    model = evolved()
    with pytest.raises(Asked):
        ways.down(model, noise, None, FALLING)


@pytest.mark.parametrize("rising", [True, False])
def test_the_inversion_sampler_names_itself_and_takes_either_order_up(ways, rising):
    node = f"Inversion Sampler ({'unsample' if rising else 'resample'}): "
    assert refusal(ways.plain, cached(), rising).startswith(f"{node}model has LazyCache")
    with pytest.raises(Asked if rising else UnsamplingError):
        ways.plain(core.Model(), rising, sigmas=FALLING.flip(0))


@pytest.mark.parametrize("rising", [True, False])
@pytest.mark.parametrize(
    "change, words",
    [
        ({"noise": torch.ones_like(CLIP)}, "noise was added; switch add_noise off"),
        ({"denoise_mask": torch.ones_like(CLIP)}, "the latent carries a noise mask"),
    ],
)
def test_the_inversion_sampler_refuses_what_core_hands_it(ways, change, words, rising):
    with pytest.raises(UnsamplingError, match=words):
        ways.plain(core.Model(), rising, **change)


@pytest.mark.parametrize("foreign", [{"seed": 1}, "a text", None, [1, 2]])
def test_another_packs_entry_of_our_name_is_no_record(ways, foreign):
    latent = {"samples": CLIP, "unsampling": foreign}
    with pytest.raises(Asked):
        ways._passes.unsample(Guider(core.Model()), latent, FALLING, "midpoint", 1.0, "full", None)
    kind = type(foreign).__name__
    words = f"noise carries no record of an unsampling: its entry unsampling is another pack's, a {kind};"
    noise = latent | {"samples": NOISE}
    assert words in refusal(ways.down, core.Model(), noise)
    with pytest.raises(Asked):
        ways.down(core.Model(), noise, None, FALLING)


@pytest.mark.parametrize(
    "factor, words", [(10.0, "noise is too strong"), (0.01, "noise is not noise of this")]
)
@pytest.mark.parametrize("known", [True, False])
def test_noise_of_another_strength_is_refused(ways, factor, words, known):
    noise = ways.noise(core.Model(), "midpoint")
    noise = noise if known else {"samples": NOISE}
    sigmas = None if known else FALLING
    assert words in refusal(ways.down, core.Model(), noise | {"samples": NOISE * factor}, None, sigmas)
    with pytest.raises(Asked):
        ways.down(core.Model(), noise | {"samples": NOISE * 1.1}, None, sigmas)


@pytest.mark.parametrize("name", ["end", "direct"])
@pytest.mark.parametrize("value", [[0.5, 1.0], torch.ones(8), float("nan")])
def test_an_unsampling_has_one_number_for_the_whole_clip(passes, name, value):
    settings = {"end": 1.0, "recording": "full", "node_id": None} | {name: value}
    with pytest.raises(UnsamplingError, match=f"{name} is (2 numbers|8 numbers|NaN)"):
        passes.unsample(Guider(core.Model()), {"samples": CLIP}, FALLING, "midpoint", **settings)


@pytest.mark.parametrize("name", ["direct", "hold", "steady"])
@pytest.mark.parametrize("value", [[0.5, 1.0], torch.ones(8), float("nan")])
def test_a_resampling_has_one_number_for_the_whole_clip(passes, name, value):
    with pytest.raises(UnsamplingError, match=f"{name} is (2 numbers|8 numbers|NaN)"):
        passes.resample(
            Guider(core.Model()), {"samples": NOISE}, FALLING, "auto", 0.0, 1.0, None, **{name: value}
        )

"""Two experts on plain objects: who is asked, in which order guiders run, what is moved and missed."""

from types import SimpleNamespace

import comfy_objects as core
import pytest
import torch
from foreign import Foreign

from unsampling_pack.unsampling import UnsamplingError

FALLING = torch.tensor([14.6, 7.0, 3.0, 1.0, 0.3, 0.0])


class Guider:
    """Samples as core's guiders do, and tells of it."""

    def __init__(self, name: str, told: list):
        self.name, self.told, self.model_patcher, self.cfg = name, told, Patcher(name), 1.0
        self.original_conds = {"positive": [{"of": name}], "negative": []}

    def sample(self, noise, latent_image, sampler, sigmas, **more):
        self.told.append(f"{self.name} begins")
        try:
            options = {"transformer_options": {"sample_sigmas": sigmas}, "own": self.name}
            extra = {"model_options": options, "seed": 0}
            return sampler.sample(self, sigmas, extra, more["callback"], noise, latent_image)
        finally:
            self.told.append(f"{self.name} ends")

    def __call__(self, x, sigma, model_options, seed):
        self.told.append((self.name, round(float(sigma), 3), model_options["own"]))
        return 0.5 * x


class Patcher:
    """A MODEL of a network; one of the same name is its clone."""

    load_device = "the device"

    def __init__(self, network: str):
        self.network = network

    def is_clone(self, other) -> bool:
        return self.network == other.network


class ModelPatcher(Foreign, Patcher):
    """With fields that can be renamed."""

    def __init__(self, network: str, *others: "ModelPatcher", device: str = "the device"):
        super().__init__(network=network)
        self.is_clone, self.load_device = lambda other: network == other.network, device
        self.get_additional_models_with_key = {"multigpu": list(others)}.get


class LoadedModel(Foreign):
    def __init__(self, model: Patcher):
        super().__init__(model=model)


class Walk:
    """A SAMPLER that asks down, or up, a schedule."""

    def __init__(self, *sigmas: float):
        self.sigmas = sigmas

    def sample(self, model_wrap, sigmas, extra_args, callback, noise, latent_image):
        x = latent_image
        for number, sigma in enumerate(self.sigmas):
            x = model_wrap(x, torch.tensor([sigma]), **extra_args)
            if callback is not None:
                callback(number, x, x, len(self.sigmas))
        return x + model_wrap.model_patcher.load_device.count("d")


@pytest.fixture
def pair(experts, monkeypatch):
    """Two guiders at a border of 2, and what they tell."""
    told: list = []
    monkeypatch.setattr(
        experts.core_experts, "make_way", lambda one, other: told.append(f"no {other.network}")
    )
    return experts.Experts((Guider("high", told), Guider("low", told)), 2.0), told


def run(pair, *sigmas: float, callback=None) -> torch.Tensor:
    clip = torch.ones(1, 4, 2, 2)
    return pair.sample(0 * clip, clip, Walk(*sigmas), torch.tensor(sigmas), callback=callback)


def test_the_expert_is_that_of_the_sigma_and_each_guider_samples_once(pair):
    pair, told = pair
    seen = []
    out = run(pair, 14.6, 2.0, 1.9, 0.3, callback=lambda number, *_: seen.append(number))
    assert told == [
        *("no low", "high begins", ("high", 14.6, "high"), ("high", 2.0, "high"), "high ends"),
        *("no high", "low begins", ("low", 1.9, "low"), ("low", 0.3, "low"), "low ends"),
    ]
    assert torch.equal(out, torch.full((1, 4, 2, 2), 0.5**4 + 1)) and seen == [0, 1, 2, 3]


@pytest.mark.parametrize("sigmas, begun", [((0.1, 1.0, 5.0), "low"), ((3.0, 9.0), "high"), ((1.5,), "low")])
def test_it_begins_with_the_one_that_is_asked_first_and_needs_no_other(pair, sigmas, begun):
    pair, told = pair
    run(pair, *sigmas)
    begins = [one.split()[0] for one in told if isinstance(one, str) and one.endswith("begins")]
    assert begins[0] == begun and len(begins) == len({pair.of(sigma) for sigma in sigmas})


@pytest.mark.parametrize(
    "sigmas, never",
    [
        ((14.6, 3.0, 0.0), "low-noise"),  # the last sigma above 0 counts
        ((0.1, 1.0), "high-noise"),  # rising, as core's FlipSigmas makes them
        ((14.6, 1.0), None),
        ((5.0, 1.0, 0.0), None),
    ],
)
def test_in_cores_own_nodes_it_says_itself_who_is_never_asked(pair, experts, monkeypatch, sigmas, never):
    """Passes of ours say so themselves, and run it."""
    said: list[str] = []
    monkeypatch.setattr(experts.screen, "running_node", lambda: "7")
    monkeypatch.setattr(experts.screen, "say", lambda node, text: said.append(f"{node}{text}"))
    pair, clip, asked = pair[0], torch.ones(1, 4, 2, 2), [sigma for sigma in sigmas if sigma > 0]
    pair.sample(0 * clip, clip, Walk(*asked), torch.tensor(sigmas))
    begin = f"7Experts by Sigma; the {never} model is never asked: border 2 lies"
    assert [text.startswith(begin) for text in said] == [True] * (never is not None)
    pair.run(0 * clip, clip, Walk(*asked), torch.tensor(sigmas))
    assert len(said) == (never is not None)


def test_a_sampler_that_goes_to_and_fro_has_more_turns(pair):
    pair, told = pair
    run(pair, 3.0, 1.0, 3.0, 1.0)
    assert [one for one in told if isinstance(one, str) and one.endswith("begins")] == [
        *("high begins", "low begins", "high begins", "low begins")
    ]


@pytest.mark.parametrize("where", [14.6, 0.3])
def test_an_error_in_a_call_ends_the_guiders_run_and_comes_out(pair, monkeypatch, where):
    pair, told = pair
    asked = Guider.__call__

    def failing(self, x, sigma, model_options, seed):
        if float(sigma) == pytest.approx(where):
            raise KeyError("out of memory")
        return asked(self, x, sigma, model_options, seed)

    monkeypatch.setattr(Guider, "__call__", failing)
    with pytest.raises(KeyError, match="out of memory"):
        run(pair, 14.6, 0.3)
    assert told[-1] == ("high ends" if where == 14.6 else "low ends")


def test_a_guider_that_does_not_call_its_sampler_is_refused(pair, monkeypatch):
    pair, _ = pair
    monkeypatch.setattr(Guider, "sample", lambda self, noise, latent, *given, **more: latent)
    with pytest.raises(
        UnsamplingError, match="the high-noise model carries something that samples in its own"
    ):
        run(pair, 14.6, 0.3)


def test_what_a_sampler_sets_goes_on_top_of_each_guiders_options(pair, monkeypatch):
    pair, _ = pair
    seen = []

    class Guided(Walk):
        def sample(self, model_wrap, sigmas, extra_args, *more):
            options = {**extra_args["model_options"], "after": ["the sampler's"], "new": 1}
            return super().sample(model_wrap, sigmas, {**extra_args, "model_options": options}, *more)

    def asked(self, x, sigma, model_options, seed):
        seen.append((self.name, model_options["own"], model_options["after"], model_options["new"]))
        return x

    monkeypatch.setattr(Guider, "__call__", asked)
    sample = Guider.sample

    def with_options(self, noise, latent, sampler, *given, **more):
        class Adding:
            def sample(self, wrap, sigmas, extra_args, *rest):
                extra_args["model_options"]["after"] = ["the guider's"]
                return sampler.sample(wrap, sigmas, extra_args, *rest)

        return sample(self, noise, latent, Adding(), *given, **more)

    monkeypatch.setattr(Guider, "sample", with_options)
    clip = torch.ones(1, 4, 2, 2)
    pair.sample(clip, clip, Guided(3.0, 1.0), torch.tensor([3.0, 1.0]))
    both = ["the guider's", "the sampler's"]
    assert seen == [("high", "high", both, 1), ("low", "low", both, 1)]


def test_conditions_and_guidance_are_those_of_both(pair, experts):
    pair, _ = pair
    pair.guiders[1].cfg = 3.0
    assert pair.cfg == 3.0
    assert pair.original_conds["low-noise positive"] == [{"of": "low"}]
    assert pair.original_conds["positive"] == [{"of": "high"}]
    assert experts.each(pair) == pair.guiders and experts.border_of(pair) == 2.0
    assert experts.each(pair.guiders[0]) == (pair.guiders[0],) and experts.border_of(pair.guiders[0]) == 0.0


@pytest.mark.parametrize(
    "border, words",
    [
        (2.0, ""),
        (15.0, "high-noise model is never asked"),
        (0.15, "low-noise model is never asked"),
        (0.16, ""),  # a pass asks from the middle of the step to 0 up
    ],
)
def test_a_border_outside_the_schedule_is_told(experts, border, words):
    pair = experts.Experts((None, None), border)
    told = experts.remark(pair, FALLING)
    assert told == "" if not words else words in told and "which go from 14.6 to 0.3" in told
    assert experts.remark(SimpleNamespace(), FALLING) == ""


def test_a_sampler_of_cores_asks_at_the_sigmas_alone(experts):
    pair = experts.Experts((None, None), 0.3)
    assert "low-noise model is never asked" in experts.remark(pair, FALLING, last_step=False)


def test_a_step_of_an_expert(experts):
    pair = experts.Experts((None, None), 2.0)
    steps = [experts.first_step(pair, number, FALLING, start) for start in (0, 2, 3) for number in (0, 1)]
    assert steps == [0, 3, 2, 3, 4, 3]


def model(kind: type = core.SDXL, width: int = 2048, **more) -> core.Model:
    made = type("ModelPatcher", (core.Model,), {})(model=kind(), **more)
    made.model.model_config = SimpleNamespace(unet_config={"context_dim": width})
    return made


FLOW = {"model_sampling": core.sampling(core.CONST), "latent_format": core.Wan21()}
WAN = {"latent_format": core.Wan21()}


@pytest.mark.parametrize(
    "high, low, words",
    [
        (
            model(),
            model(**FLOW),
            "high_model is a SDXL, no flow model, and low_model is a SDXL, a flow model",
        ),
        (model(), model(**WAN), "latents of the format SD15, and low_model is a SDXL with Wan21"),
        (model(), SimpleNamespace(), "low_model is no MODEL but a SimpleNamespace"),
        (
            model(),
            model(core.SDXLRefiner, 1280),
            r"low_model (SDXLRefiner) reads texts of 1280 numbers a token",
        ),
    ],
)
def test_two_that_do_not_belong_together(expert_pairs, high, low, words):
    with pytest.raises(UnsamplingError) as refused:
        expert_pairs.pair(high, low, [], [], 1.0, 0.5)
    assert words in str(refused.value) and str(refused.value).count("; ") == 1


def test_texts_of_their_own_and_other_guidance(expert_pairs):
    high, low = model(), model(core.SDXLRefiner, 1280)
    found = expert_pairs.pair(high, low, ["a"], ["b"], 2.0, 0.5, ["c"], ["d"], 1.5)
    assert [one.cfg for one in found.guiders] == [2.0, 1.5]
    assert [one.original_conds["positive"] for one in found.guiders] == [["a"], ["c"]]
    # at cfg 1 the negative is not asked
    assert expert_pairs.pair(high, low, ["a"], ["b"], 1.0, 0.5, ["c"]).guiders[1].cfg == 1.0


@pytest.mark.parametrize("border", [0.0, -1.0, float("nan"), float("inf")])
def test_a_border_is_a_sigma(expert_pairs, border):
    with pytest.raises(UnsamplingError, match="border is "):
        expert_pairs.pair(model(), model(), [], [], 1.0, border)


def test_a_border_is_a_float32_as_sigmas_are(expert_pairs):
    pair = expert_pairs.pair(model(), model(), [], [], 1.0, 0.9)
    assert pair.of(float(torch.tensor(0.9))) == 0 and float(torch.tensor(0.9)) < 0.9


def loaded(core_experts, monkeypatch, *patchers) -> list:
    """What is freed when these are on the device."""
    freed: list = []
    kept = [LoadedModel(one) for one in patchers]
    management = SimpleNamespace(
        current_loaded_models=kept,
        free_memory=lambda amount, device, keep: freed.extend(one.model for one in kept if one not in keep),
    )
    monkeypatch.setattr(core_experts, "management", management)
    return freed


def test_the_other_expert_alone_is_taken_off_the_device(core_experts, monkeypatch):
    high, low, vae, clone = (ModelPatcher(name) for name in ("high", "low", "vae", "low"))
    freed = loaded(core_experts, monkeypatch, high, low, vae, clone)
    core_experts.make_way(high, low)
    assert freed == [low, clone]
    freed.clear()
    core_experts.make_way(low, clone)  # of one network: nothing to move
    assert freed == []


def test_what_the_other_expert_has_on_other_devices_goes_as_well(core_experts, monkeypatch):
    """Core's MultiGPU CFG Split makes a network more for each GPU."""
    high, split = ModelPatcher("high"), ModelPatcher("low's second", device="another device")
    low = ModelPatcher("low", split)
    freed = loaded(core_experts, monkeypatch, high, low, split)
    core_experts.make_way(high, low)
    assert freed == [low, split]
    freed.clear()
    core_experts.make_way(low, high)
    assert freed == [high]


@pytest.mark.parametrize("field", ["is_clone", "load_device", "get_additional_models_with_key"])
def test_a_patchers_field_that_was_renamed_is_missed(core_experts, monkeypatch, field):
    high, low = ModelPatcher("high"), ModelPatcher("low")
    loaded(core_experts, monkeypatch, high, low)
    monkeypatch.setattr(ModelPatcher, "gone", frozenset({field}))
    with pytest.raises(UnsamplingError, match=f"ComfyUI has no {field} in its ModelPatcher any more"):
        core_experts.make_way(high, low)


def test_a_loaded_models_field_that_was_renamed_is_missed(core_experts, monkeypatch):
    high, low = ModelPatcher("high"), ModelPatcher("low")
    loaded(core_experts, monkeypatch, high, low)
    monkeypatch.setattr(LoadedModel, "gone", frozenset({"model"}))
    with pytest.raises(UnsamplingError, match="ComfyUI has no model in its LoadedModel any more"):
        core_experts.make_way(high, low)


def test_facts_of_a_pair_name_both(admission, expert_pairs, models):
    high, low = core.Model(), core.Model(model_sampling=core.sampling(core.EPS, highest=20.0))
    handler = core.IndexListContextHandler("standard_static")
    cut = core.Model(handler=handler)
    shape = (8, 4, 3, 3)
    for one, other in ((high, low), (low, high), (cut, high)):
        guiders = tuple(models.cfg_guider(each, [], [], 1.0) for each in (one, other))
        pair = expert_pairs.Experts(guiders, 2.0)
        facts = admission.admit(pair, shape, FALLING, rising=True)
        alone = admission.admit(guiders[0], shape, FALLING, rising=True)
        assert "below sigma 2" in facts.family.experts and not alone.family.experts
        assert alone.family.differs(facts.family)[0] == "experts"
        assert facts.guidance == (1.0, 1.0) and alone.guidance == 1.0
        assert (one is cut) == ("high-noise: " in facts.windows and "low-noise: none" in facts.windows)


def test_what_one_of_them_cannot_do_is_named_by_its_side(admission, expert_pairs, models):
    plain, cached = core.Model(), core.Model(transformer_options={"rel_l1_thresh": 0.4})
    for number, side in enumerate(("high-noise", "low-noise")):
        order = (cached, plain) if number == 0 else (plain, cached)
        pair = expert_pairs.Experts(tuple(models.cfg_guider(one, [], [], 1.0) for one in order), 2.0)
        with pytest.raises(UnsamplingError, match=f"^{side} model has TeaCache"):
            admission.admit(pair, (8, 4, 3, 3), FALLING, rising=True)

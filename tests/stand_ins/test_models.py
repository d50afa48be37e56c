"""What noise of a MODEL depends on, its guidance, and the table of steps that was made for it."""

import animatediff_objects as ade
import comfy_objects as core
import numpy as np
import pytest
import torch

from unsampling_pack.unsampling import UnsamplingError

DISCRETE = (core.EPS, core.ModelSamplingDiscrete)


class Dual(core.CFGGuider):
    """A guider of two guidances (core's DualCFGGuider), which mixes the answers itself."""

    def __init__(self, model, cfg1: float, cfg2: float):
        super().__init__(model)
        self.cfg1, self.cfg2 = cfg1, cfg2

    def predict_noise(self):
        raise NotImplementedError


class Basic:
    """A guider without guidance."""

    def __init__(self, model):
        self.model_patcher = model

    def predict_noise(self):
        raise NotImplementedError


def with_custom_cfg(*values: float) -> core.Model:
    group = ade.CustomCFGKeyframeGroup(*map(ade.CustomCFGKeyframe, values))
    return core.Model(settings=ade.SampleSettings(custom_cfg=group))


@pytest.mark.parametrize(
    "guider, cfg",
    [
        (core.CFGGuider(core.Model(), cfg=7.5), 7.5),
        (core.CFGGuider(with_custom_cfg(2.0, 9.0), cfg=7.5), 9.0),
        (core.CFGGuider(with_custom_cfg(1.0), cfg=7.5), 1.0),
        (Dual(core.Model(), 3.0, 5.0), 5.0),
        (Dual(core.Model(), 3.0, 1.0), 3.0),
        (Dual(with_custom_cfg(9.0), 3.0, 1.0), 3.0),
        (Basic(core.Model()), 1.0),
    ],
)
def test_the_guidance_is_the_highest_that_takes_part(models, guider, cfg):
    assert models.cfg_of(guider) == cfg


@pytest.mark.parametrize("cfg", [0.0, 1.0, 8.0])
def test_a_guider_as_core_makes_it(models, cfg):
    guider = models.cfg_guider(core.Model(), ["positive"], ["negative"], cfg)
    assert (guider.original_conds["positive"], guider.cfg) == (["positive"], cfg)


@pytest.mark.parametrize("cfg", [torch.tensor(7.5), [7.5], np.float32(7.5)])
def test_a_guidance_of_another_kind_of_number_is_a_number(models, cfg):
    made = models.cfg_guider(core.Model(), ["positive"], ["negative"], cfg)
    assert isinstance(made.cfg, float) and made.cfg == 7.5


@pytest.mark.parametrize(
    ("cfg", "words"),
    [
        ([1.0, 2.0], "cfg is 2 numbers"),
        (torch.ones(8), "cfg is 8 numbers"),
        (np.array(["x"]), "cfg is a ndarray with str in it"),
        (float("nan"), r"cfg is NaN \(not a number\)"),
    ],
)
def test_no_guidance_per_frame(models, cfg, words):
    with pytest.raises(UnsamplingError, match=words):
        models.cfg_guider(core.Model(), [], [], cfg)


@pytest.mark.parametrize(
    "cfg, said", [(-1.0, "-1"), (-0.01, "-0.01"), (float("inf"), "inf"), (10**400, "inf")]
)
def test_no_guidance_below_0_or_without_end(models, cfg, said):
    with pytest.raises(UnsamplingError, match=f"cfg is {said}; set it to 0 or above"):
        models.cfg_guider(core.Model(), [], [], cfg)


@pytest.mark.parametrize(
    "change, name",
    [
        ({"model": core.SDXL()}, "model"),
        ({"latent_format": core.Wan21()}, "latent_format"),
        ({"model_sampling": core.sampling(core.EPS)}, "sampling"),
        ({"model_sampling": core.sampling(*DISCRETE, highest=25.0)}, "sigma_table"),
    ],
)
def test_noise_of_another_family_is_told_by_its_first_difference(models, change, name):
    ours, theirs = models.family(core.Model()), models.family(core.Model(**change))
    ours.check(models.family(core.Model()))
    with pytest.raises(UnsamplingError, match=f"model differs from the one .* with: {name} "):
        ours.check(theirs)


def test_sigmas_of_the_same_ends_may_differ(models):
    curved = core.sampling(*DISCRETE)
    curved.sigmas = curved.sigmas**2
    ours, theirs = (
        models.family(core.Model(model_sampling=one)) for one in (core.sampling(*DISCRETE), curved)
    )
    assert ours.sigma_table.split(" (")[0] == theirs.sigma_table.split(" (")[0]
    assert ours.sigma_table != theirs.sigma_table


@pytest.mark.parametrize(
    "parents, flow", [(DISCRETE, False), ((core.CONST,), True), ((core.EPS, core.CONST), True)]
)
def test_a_flow_model(models, parents, flow):
    model = core.Model(model_sampling=core.sampling(*parents))
    assert models.is_flow(model) == models.family(model).flow == flow


@pytest.mark.parametrize(
    "model, table",
    [
        (core.Model(), "SD1"),
        (core.Model(model=core.SDXL()), "SDXL"),
        (core.Model(model=core.SDXLRefiner()), "SDXL"),
        (core.Model(model=core.SVD_img2vid(), model_sampling=core.sampling(core.EPS, highest=700.0)), "SVD"),
    ],
)
def test_the_table_for_a_kind_of_model(models, model, table):
    assert models.ays_table(model, "auto") == table
    assert models.ays_table(model, "SDXL") == models.ays_table(None, "SDXL") == "SDXL"


@pytest.mark.parametrize(
    "model, chosen, words",
    [
        (None, "auto", "model_type is auto but no model is connected"),
        (core.Model(model_sampling=core.sampling(core.CONST)), "SD1", "a flow model, whose noise ends at 1"),
        (
            core.Model(model_sampling=core.sampling(*DISCRETE, highest=4519.0)),
            "auto",
            "sigmas up to 4519, for",
        ),
        (
            core.Model(model=core.SDXL(), model_sampling=core.sampling(core.EPS)),
            "auto",
            "a SDXL with sigmas up",
        ),
        (core.Model(latent_format=core.Wan21()), "auto", "a BaseModel with sigmas up to 14.6, for which no"),
    ],
)
def test_models_without_a_table(models, model, chosen, words):
    with pytest.raises(UnsamplingError, match=words):
        models.ays_table(model, chosen)


EDM = core.sampling(core.EPS, highest=80.0)
KINDS = {
    "SD1.5": (core.Model(), 14.6, "AYS Scheduler (auto) or Basic Scheduler with this model"),
    "AnimateDiff": (
        core.Model(model_sampling=core.sampling(*DISCRETE, highest=25.1)),
        25.1,
        "AYS Scheduler (auto) or Basic Scheduler with this model",
    ),
    "no signal": (
        core.Model(model_sampling=core.sampling(*DISCRETE, highest=4519.0)),
        4519.0,
        "Basic Scheduler with this model (simple)",
    ),
    "EDM": (core.Model(model_sampling=EDM), 80.0, "Basic Scheduler with this model (karras)"),
    "SVD": (
        core.Model(model=core.SVD_img2vid(), model_sampling=core.sampling(core.EPS, highest=700.0)),
        700.0,
        "AYS Scheduler (auto) or Basic Scheduler with this model",
    ),
    "flow": (
        core.Model(model_sampling=core.sampling(core.CONST, highest=0.99999994)),
        1.0,
        "Basic Scheduler with this model",
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_schedule_may_begin_at_the_models_top_and_a_rounding_above(models, name):
    model, top, scheduler = KINDS[name]
    slack = 1.00005 if name == "flow" else 1.005
    assert not any(models.is_above(model, sigma) for sigma in (top / 2, top, top * slack))
    assert all(models.is_above(model, sigma) for sigma in (top * 1.02, top * 7, 1e20))
    assert models.schedulers(model) == scheduler


@pytest.mark.parametrize(
    ("name", "chosen", "denoise", "words"),
    [
        ("SD1.5", "SVD", 1.0, "the table of SVD starts at sigma 700, but the model, a BaseModel, knows noise"
         " up to 14.6 only; set model_type to auto"),
        ("AnimateDiff", "SVD", 0.9, "starts at sigma 54.5"),
        ("EDM", "SVD", 1.0, "up to 80 only; use Basic Scheduler with this model (karras)"),
        ("SD1.5", "SVD", 0.5, None),  # begins at 1.8
        ("no signal", "SVD", 1.0, None),
        ("EDM", "SD1", 1.0, None),
        ("SVD", "auto", 1.0, None),
        ("SD1.5", "SDXL", 1.0, None),
        (None, "SVD", 1.0, None),
    ],
)  # fmt: skip
def test_an_ays_table_that_starts_above_the_connected_model(models, name, chosen, denoise, words):
    model = None if name is None else KINDS[name][0]
    if words is None:
        assert len(models.ays(model, chosen, 10, denoise)) == 10 * denoise + 1
        return
    with pytest.raises(UnsamplingError) as refusal:
        models.ays(model, chosen, 10, denoise)
    assert words in str(refusal.value)


def test_a_model_whose_own_table_starts_above_it_has_core_s_scheduler(models):
    lowered = core.sampling(core.EPS, highest=100.0)
    model = core.Model(model=core.SVD_img2vid(), model_sampling=lowered)
    with pytest.raises(UnsamplingError, match=r"table of SVD starts at sigma 700.* 100 only; use .*Basic"):
        models.ays(model, "auto", 10, 1.0)


@pytest.mark.parametrize("patches", [0, 1, 3])
def test_what_a_report_tells_of_a_guider(models, patches):
    model = core.Model()
    model.patches = dict.fromkeys(range(patches))
    prompts = {"positive": [{"cross_attn": torch.ones(2)}, {}], "negative": [{"cross_attn": torch.zeros(2)}]}
    found = models.info(core.CFGGuider(model, prompts))
    assert found["patched weights"] == str(patches) and found["comfyui"] == "0.33.0"
    assert found["prompt positive"] != found["prompt negative"]
    assert models.info(core.CFGGuider(model, prompts)) == found


@pytest.mark.parametrize("lowest", [0.03, 0.002, 0.5])
def test_the_lowest_sigma(models, lowest):
    model = core.Model(model_sampling=core.sampling(*DISCRETE, lowest=lowest))
    assert models.sigma_min(model) == pytest.approx(lowest)

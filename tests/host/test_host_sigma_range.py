"""No model is asked above the noise that it knows: refused in both passes, by the model's own sampling."""

import pytest
import torch
from host_passes import Bench
from test_host_refusals import refused

# what is put on the model, and the highest sigma that it then knows
KINDS = {
    "SD1.5": (None, {}, 14.6146),
    "v": ("ModelSamplingDiscrete", {"sampling": "v_prediction", "zsnr": False}, 14.6146),
    "lcm": ("ModelSamplingDiscrete", {"sampling": "lcm", "zsnr": False}, 14.6146),
    "no signal left": ("ModelSamplingDiscrete", {"sampling": "v_prediction", "zsnr": True}, 4518.76),
    "EDM": (
        "ModelSamplingContinuousEDM",
        {"sampling": "edm_playground_v2.5", "sigma_max": 80.0, "sigma_min": 0.002},
        80.0,
    ),
    "wider EDM": (
        "ModelSamplingContinuousEDM",
        {"sampling": "eps", "sigma_max": 120.0, "sigma_min": 0.002},
        120.0,
    ),
    "continuous v": (
        "ModelSamplingContinuousV",
        {"sampling": "v_prediction", "sigma_max": 500.0, "sigma_min": 0.03},
        500.0,
    ),
    "cascade": ("ModelSamplingStableCascade", {"shift": 2.0}, 99.995),
    "flow": ("ModelSamplingSD3", {"shift": 3.0}, 1.0),
    "flux": ("ModelSamplingFlux", {"max_shift": 1.15, "base_shift": 0.5, "width": 512, "height": 512}, 1.0),
    "AnimateDiff": ("ADE_UseEvolvedSampling", {"beta_schedule": "sqrt_linear (AnimateDiff)"}, 25.146),
    "AnimateLCM": ("ADE_UseEvolvedSampling", {"beta_schedule": "lcm >> sqrt_linear"}, 25.146),
    "AnimateDiff-SDXL": ("ADE_UseEvolvedSampling", {"beta_schedule": "linear (AnimateDiff-SDXL)"}, 65.9),
}
BELOW = [0.5, 0.2, 0.0]


def of_kind(comfy, name: str, purpose: str) -> tuple[Bench, float]:
    bench = Bench.set_up(comfy, f"range-{purpose}-{name}")
    node, given, top = KINDS[name]
    if node is not None:
        bench.model = bench.graph.add(node, model=bench.model, **given)
    return bench, top


@pytest.mark.parametrize("name", KINDS)
def test_up_to_its_own_top_a_model_comes_back_exactly(comfy, name):
    bench, top = of_kind(comfy, name, "top")
    basic = bench.graph.add("BasicScheduler", model=bench.model, scheduler="normal", steps=6, denoise=1.0)
    found = bench.run(
        own=bench.resample(bench.unsample(basic)),
        typed=bench.resample(bench.unsample(bench.sigmas([top, *BELOW]))),
    )
    assert bench.error(found["own"]) < 1e-5 and bench.error(found["typed"]) < 1e-5


@pytest.mark.parametrize(
    ("name", "above"), [*((name, 1.5) for name in KINDS), ("SD1.5", 1e19), ("flow", 1e19)]
)
def test_above_it_the_unsampler_names_the_top_and_the_scheduler(comfy, name, above):
    bench, top = of_kind(comfy, name, f"above-{above:g}")
    shown = f"{top:.4g}" if top > 1000 else f"{top:.3g}"
    words = "whose noise goes up to 1" if top == 1 else f"knows noise up to {shown}"
    sigmas = bench.sigmas([top * above, *BELOW])
    refused(
        bench, bench.unsample(sigmas), "Exact Unsampler: sigmas starts at", words, "Basic Scheduler with this"
    )


@pytest.mark.parametrize("name", ["SD1.5", "EDM", "cascade"])
def test_the_resampler_and_cores_samplers_are_as_careful(comfy, name):
    bench, top = of_kind(comfy, name, "down")
    stored = comfy.put_latent(f"{bench.log}-noise", samples=torch.randn(4, 4, 8, 8) * top * 7 / 0.18215)
    noise = bench.graph.add("UNSTest_LoadLatent", file=stored)
    sigmas = bench.sigmas([top * 7, *BELOW])
    refused(
        bench, bench.resample(noise, sigmas=sigmas), "Noiseless Resampler: sigmas starts at", "knows noise"
    )
    bench, _ = of_kind(comfy, name, "plain")
    sampler = bench.custom(bench.latent, "unsample", bench.sigmas([top * 7, *BELOW]))
    refused(bench, sampler, "Inversion Sampler (unsample): sigmas starts at", "knows noise")


@pytest.mark.parametrize(("name", "cure"), [("SD1.5", "set model_type to auto"), ("EDM", "(karras)")])
def test_the_ays_node_gives_no_table_that_starts_above_the_model(comfy, name, cure):
    bench, _ = of_kind(comfy, name, "ays")
    ays = bench.graph.add("UNS_AYSScheduler", model_type="SVD", steps=8, denoise=1.0, model=bench.model)
    words = (
        "AYS Scheduler: the table of SVD starts at sigma 700, but the model, a BaseModel, knows noise",
        cure,
    )
    refused(bench, bench.unsample(ays), *words)


@pytest.mark.parametrize("node", ["AlignYourStepsScheduler", "UNS_AYSScheduler"])
def test_the_tables_that_fit_go_on(comfy, node):
    """Core's node takes no model: its table of SVD is seen where it is used."""
    bench, _ = of_kind(comfy, "SD1.5", f"tables-{node}")
    tables = {name: bench.graph.add(node, model_type=name, steps=8, denoise=1.0) for name in ("SD1", "SDXL")}
    found = bench.run(**{name: bench.resample(bench.unsample(one)) for name, one in tables.items()})
    assert all(bench.error(clip) < 1e-6 for clip in found.values())
    bench, _ = of_kind(comfy, "SD1.5", f"other-{node}")
    other = bench.graph.add(node, model_type="SVD", steps=8, denoise=1.0)
    refused(bench, bench.unsample(other), "sigmas starts at 700", "use AYS Scheduler (auto) or Basic")

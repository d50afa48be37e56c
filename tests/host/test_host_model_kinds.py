"""Models that predict something else than eps: v, v with zero terminal SNR, EDM, and SVD's own network."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from host_graphs import Graph
from host_trips import Trip, clip

from tools.client import RunError

# name -> (node that sets the sampling, its widgets, a scheduler, the top of its schedule, AYS's answer)
KINDS = {
    "v": ("ModelSamplingDiscrete", {"sampling": "v_prediction", "zsnr": False}, "simple", 14.61, "SD1"),
    "v-zsnr": ("ModelSamplingDiscrete", {"sampling": "v_prediction", "zsnr": True}, "simple", 4519, None),
    "eps-zsnr": ("ModelSamplingDiscrete", {"sampling": "eps", "zsnr": True}, "normal", 4519, None),
    "x0": ("ModelSamplingDiscrete", {"sampling": "x0", "zsnr": False}, "normal", 14.61, "SD1"),
    "edm": (
        "ModelSamplingContinuousEDM",
        {"sampling": "edm", "sigma_max": 80.0, "sigma_min": 0.002},
        "karras",
        80.0,
        None,
    ),
    "edm-v": (
        "ModelSamplingContinuousEDM",
        {"sampling": "v_prediction", "sigma_max": 700.0, "sigma_min": 0.002},
        "karras",
        700.0,
        None,
    ),
    "playground": (
        "ModelSamplingContinuousEDM",
        {"sampling": "edm_playground_v2.5", "sigma_max": 80.0, "sigma_min": 0.002},
        "karras",
        80.0,
        None,
    ),
    "continuous-v": (
        "ModelSamplingContinuousV",
        {"sampling": "v_prediction", "sigma_max": 500.0, "sigma_min": 0.03},
        "normal",
        500.0,
        None,
    ),
}


def one_level(comfy, kind: str) -> tuple[Graph, object]:
    graph, (node, widgets, *_) = Graph(), KINDS[kind]
    base = graph.add("CheckpointLoaderSimple", ckpt_name=comfy.model("one_level"))
    return graph, graph.add(node, model=base, **widgets)


@pytest.mark.parametrize("direct", [0.0, 0.5])
@pytest.mark.parametrize(
    ("kind", "solver"), [(kind, "midpoint") for kind in KINDS] + [("v-zsnr", "dpmpp_2m")]
)
def test_a_random_checkpoint_goes_up_and_comes_back(comfy, kind, solver, direct):
    graph, model = one_level(comfy, kind)
    scheduler, top = KINDS[kind][2:4]
    sigmas = graph.add("BasicScheduler", model=model, scheduler=scheduler, steps=8, denoise=1.0)
    condition = partial(graph.add, "UNSTest_Conditioning")
    name = f"kind-{kind}-{solver}-{direct:g}"
    Trip(comfy, name, graph, model, condition, sigmas, solver, clip(), direct).check(top)


@pytest.mark.parametrize("kind", KINDS)
def test_ays_knows_its_table_or_names_the_scheduler_to_use(comfy, kind):
    graph, model = one_level(comfy, kind)
    auto = graph.add("UNS_AYSScheduler", model_type="auto", steps=10, denoise=1.0, model=model)
    graph.save(f"ays-{kind}", sigmas=auto)
    table, top = KINDS[kind][4], KINDS[kind][3]
    if table is None:
        sentence = rf"model is a BaseModel with sigmas up to {top:.4g}.* no AYS table exists; use Basic Sch"
        with pytest.raises(RunError, match=sentence):
            comfy.run(graph.prompt)
        return
    wanted = graph.add("UNS_AYSScheduler", model_type=table, steps=10, denoise=1.0)
    graph.save(f"ays-{kind}-wanted", sigmas=wanted)
    comfy.run(graph.prompt)
    found, wanted = (comfy.tensors(name)["sigmas"] for name in (f"ays-{kind}", f"ays-{kind}-wanted"))
    assert torch.equal(found, wanted)


@pytest.mark.parametrize("solver", ["midpoint", "dpmpp_2m"])
def test_svd_through_its_own_loader_goes_up_to_sigma_700_and_comes_back(comfy, solver):
    graph = Graph()
    model = graph.add("UNETLoader", unet_name=comfy.model("svd"), weight_dtype="default")
    sigmas = graph.add("UNS_AYSScheduler", model_type="auto", steps=8, denoise=1.0, model=model)
    condition = partial(graph.add, "UNSTest_VideoConditioning")
    Trip(comfy, f"svd-{solver}", graph, model, condition, sigmas, solver, clip()).check(700.0)
    assert "model_type V_PREDICTION_EDM" in comfy.log_text()

"""Models that predict something else than eps: v, v with zero terminal SNR, EDM, and SVD's own network."""
from __future__ import annotations

import pytest
import torch
from host_graphs import Graph

from tools.comfy_client import RunError

EXACT = 1e-6
SCALE = 0.18215
# name -> (node that sets the sampling, its widgets, a scheduler, the top of its schedule, AYS's answer)
KINDS = {
    "v": ("ModelSamplingDiscrete", {"sampling": "v_prediction", "zsnr": False}, "simple", 14.61, "SD1"),
    "v-zsnr": ("ModelSamplingDiscrete", {"sampling": "v_prediction", "zsnr": True}, "simple", 4519, None),
    "eps-zsnr": ("ModelSamplingDiscrete", {"sampling": "eps", "zsnr": True}, "normal", 4519, None),
    "x0": ("ModelSamplingDiscrete", {"sampling": "x0", "zsnr": False}, "normal", 14.61, "SD1"),
    "edm": ("ModelSamplingContinuousEDM", {"sampling": "edm", "sigma_max": 80.0, "sigma_min": 0.002},
            "karras", 80.0, None),
    "edm-v": ("ModelSamplingContinuousEDM",
              {"sampling": "v_prediction", "sigma_max": 700.0, "sigma_min": 0.002}, "karras", 700.0, None),
    "playground": ("ModelSamplingContinuousEDM",
                   {"sampling": "edm_playground_v2.5", "sigma_max": 80.0, "sigma_min": 0.002}, "karras",
                   80.0, None),
    "continuous-v": ("ModelSamplingContinuousV",
                     {"sampling": "v_prediction", "sigma_max": 500.0, "sigma_min": 0.03}, "normal", 500.0,
                     None),
}


def clip(frames: int = 4) -> torch.Tensor:
    """Latents like an encoded video's, in the VAE's scale: frames that drift apart."""
    noise = torch.randn(frames + 1, 4, 8, 8, generator=torch.Generator().manual_seed(5))
    return (noise[:1] + 0.3 * noise[1:]) * 0.8 / SCALE


class Trip:
    """A clip's way up and down through a MODEL, and up and down to another prompt."""

    def __init__(self, comfy, name: str, graph: Graph, model, condition: str, sigmas, solver: str):
        self.comfy, self.name, self.source = comfy, name, clip()
        latent = graph.add("UNSTest_LoadLatent", file=comfy.put_latent(f"{name}-clip", samples=self.source))
        first, other, empty = (graph.add(condition, value=value) for value in (1.0, -2.0, 0.0))
        noise = graph.add("UNS_Unsampler", model=model, positive=first, negative=empty, latent_image=latent,
                          sigmas=sigmas, cfg=1.0, solver=solver)
        down = {key: graph.add("UNS_NoiselessResampler", model=model, positive=positive, negative=empty,
                               noise=noise, cfg=cfg, structure=0.0)
                for key, positive, cfg in (("back", first, 1.0), ("edit", other, 2.0))}
        graph.save(f"{name}-sigmas", sigmas=sigmas)
        for key, node in ({"noise": noise} | down).items():
            graph.save(f"{name}-{key}", latent=node)
        comfy.run(graph.prompt)

    def __getitem__(self, key: str) -> torch.Tensor:
        return self.comfy.tensors(f"{self.name}-{key}")["samples"]

    def check(self, top: float) -> None:
        """Up to the top, finite, back exactly, and elsewhere with another prompt."""
        sigmas = self.comfy.tensors(f"{self.name}-sigmas")["sigmas"]
        assert float(sigmas[0]) == pytest.approx(top, rel=2e-3)
        size = self.source.norm()
        assert all(self[key].isfinite().all() for key in ("noise", "back", "edit"))
        assert (self["back"] - self.source).norm() < EXACT * size
        assert (self["noise"] - self.source).norm() > size
        assert (self["edit"] - self.source).norm() > 1e-3 * size


def one_level(comfy, kind: str) -> tuple[Graph, object]:
    graph, (node, widgets, *_) = Graph(), KINDS[kind]
    base = graph.add("CheckpointLoaderSimple", ckpt_name=comfy.model("one_level"))
    return graph, graph.add(node, model=base, **widgets)


@pytest.mark.parametrize(("kind", "solver"),
                         [(kind, "midpoint") for kind in KINDS] + [("v-zsnr", "dpmpp_2m")])
def test_a_random_checkpoint_goes_up_and_comes_back(comfy, kind, solver):
    graph, model = one_level(comfy, kind)
    scheduler, top = KINDS[kind][2:4]
    sigmas = graph.add("BasicScheduler", model=model, scheduler=scheduler, steps=8, denoise=1.0)
    Trip(comfy, f"kind-{kind}-{solver}", graph, model, "UNSTest_Conditioning", sigmas, solver).check(top)


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
    trip = Trip(comfy, f"svd-{solver}", graph, model, "UNSTest_VideoConditioning", sigmas, solver)
    trip.check(700.0)
    assert "model_type V_PREDICTION_EDM" in comfy.log_text()

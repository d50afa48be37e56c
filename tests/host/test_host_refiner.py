"""SDXL and its refiner as a pair: two text widths, two shapes of what is read beside the text, random weights
in the layouts that ComfyUI's loader knows them by."""

from __future__ import annotations

import pytest
from family_models import family_model
from host_graphs import Graph, Node
from host_trips import EXACT, clip
from test_host_expert_pairs import refusal

BORDER = 0.57  # the refiner's is the last fifth of the noise levels
SIZES = {"width": 64, "height": 64}
PLACES = {"crop_w": 0, "crop_h": 0, "target_width": 64, "target_height": 64}


class Refined:
    """SDXL and its refiner in their real layouts, each watched, with the texts that core's nodes make."""

    def __init__(self, comfy, name: str):
        self.comfy, self.name, self.graph, self.source = comfy, name, Graph(), clip(1)
        (comfy.output_dir / f"{name}.jsonl").unlink(missing_ok=True)
        self.high, self.low = (
            self.expert(*one) for one in (("high", "sdxl_narrow"), ("low", "sdxl_refiner"))
        )
        self.clips = {width: self.graph.add("UNSTest_DrawnText", width=width) for width in (2048, 1280)}

    def expert(self, name: str, kind: str) -> Node:
        file = family_model(self.comfy.models_dir, kind)
        loaded = self.graph.add("CheckpointLoaderSimple", ckpt_name=file)
        return self.graph.add("UNSTest_WatchedExpert", model=loaded, name=name, log=self.name)

    def base_text(self, text: str) -> Node:
        both = {"text_g": text, "text_l": text, "clip": self.clips[2048]}
        return self.graph.add("CLIPTextEncodeSDXL", **both, **SIZES, **PLACES)

    def refiner_text(self, text: str, ascore: float) -> Node:
        given = {"text": text, "ascore": ascore, "clip": self.clips[1280]}
        return self.graph.add("CLIPTextEncodeSDXLRefiner", **given, **SIZES)

    def guider(self, text: str, cfg: float = 1.0, ascore: float = 6.0, own: bool = True) -> Node:
        given = {"high_model": self.high, "low_model": self.low, "cfg": cfg, "border": BORDER}
        sides = {"positive": self.base_text(text), "negative": self.base_text("blurry")}
        if own:
            sides |= {
                "low_positive": self.refiner_text(text, ascore),
                "low_negative": self.refiner_text("blurry", 2.5),
            }
        return self.graph.add("UNS_ExpertsBySigma", **given, **sides)

    def up(self, guider: Node, **more) -> Node:
        latent = self.comfy.put_latent(f"{self.name}-clip", samples=self.source)
        given = {
            "latent_image": self.graph.add("UNSTest_LoadLatent", file=latent),
            "sigmas": self.graph.add("UNS_AYSScheduler", model_type="SDXL", steps=6, denoise=1.0),
        }
        return self.graph.add("UNS_UnsamplerAdvanced", guider=guider, **given, **more)

    def down(self, noise: Node, guider: Node) -> Node:
        return self.graph.add("UNS_NoiselessResamplerAdvanced", guider=guider, noise=noise, structure=0.0)


@pytest.mark.parametrize("solver, record", [("midpoint", "full"), ("dpmpp_2m", "half")])
def test_sdxl_and_its_refiner_come_back_with_the_texts_of_each(comfy, solver, record):
    """What the refiner reads beside a text, the score, counts as well."""
    pair = Refined(comfy, f"refiner-{solver}")
    noise = pair.up(pair.guider("a street"), solver=solver, record=record, direct=0.4)
    ways = {
        "back": pair.guider("a street"),
        "score": pair.guider("a street", ascore=2.0),
        "edit": pair.guider("an ink drawing", cfg=2.0),
    }
    for name, guider in ways.items():
        pair.graph.save(f"refiner-{name}", latent=pair.down(noise, guider))
    comfy.run(pair.graph.prompt)
    found = {name: comfy.tensors(f"refiner-{name}")["samples"] for name in ways}
    moved = {name: float((x - pair.source).norm() / pair.source.norm()) for name, x in found.items()}
    assert moved["back"] < EXACT < 1e-5 < moved["score"] < moved["edit"]
    calls = [one for one in comfy.calls(pair.name) if one["event"] == "call"]
    assert {one["expert"] for one in calls} == {"high", "low"}
    assert all((one["sigma"] > BORDER) == (one["expert"] == "high") for one in calls)


def test_the_bases_texts_alone_do_not_do_for_the_refiner(comfy):
    pair = Refined(comfy, "refiner-alone")
    told = refusal(comfy, pair.graph, pair.up(pair.guider("a street", own=False), solver="midpoint"))
    assert told.startswith("Experts by Sigma: low_model (SDXLRefiner) reads texts of 1280 numbers a token")
    assert "high_model (SDXL) of 2048;" in told
    assert "encode the prompts with low_model's own CLIP too" in told

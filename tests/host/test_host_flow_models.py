"""Flow models of the kinds that ComfyUI samples natively, small and with random weights, through their own
loader: up to sigma 1, back, and to another prompt. Wan has its workflow's own test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial

import pytest
import torch
from family_models import family_model
from host_graphs import Graph, Node
from host_trips import Trip, clip

STEPS = 6


@dataclass(frozen=True)
class Kind:
    """A kind of flow model: the name the loader gives it, the node that shifts it, and its inputs."""

    found_as: str
    shift: tuple[str, dict]
    reads: dict  # what else than the text is in its CONDITIONING
    channels: int = 16
    scale: float = 1.0  # of its latents over the VAE's
    video: bool = False


KINDS = {
    "sd3": Kind("SD3", ("ModelSamplingSD3", {"shift": 1.5}), {"pooled": 128}, scale=1.5305),
    "flux": Kind(
        "Flux",
        ("ModelSamplingFlux", {"max_shift": 2.0, "base_shift": 0.5, "width": 512, "height": 768}),
        {"pooled": 128, "settings": json.dumps({"guidance": 2.5})},
        scale=0.3611,
    ),
    "hunyuan_video": Kind(
        "HunyuanVideo",
        ("ModelSamplingSD3", {"shift": 3.0}),
        {"pooled": 768, "settings": json.dumps({"guidance": 4.0})},
        scale=0.476986,
        video=True,
    ),
    "ltxv": Kind(
        "LTXV",
        ("ModelSamplingLTXV", {"max_shift": 1.5, "base_shift": 0.7}),
        {"padding": 3, "settings": json.dumps({"frame_rate": 24})},
        channels=128,
        video=True,
    ),
}


def source(kind: Kind) -> torch.Tensor:
    """Frames as a batch of pictures, or as one video of rank 5."""
    frames = clip(3, kind.channels, 8, 12, kind.scale)
    return frames.movedim(0, 1)[None] if kind.video else frames


def schedule(graph: Graph, model: Node) -> Node:
    return graph.add("BasicScheduler", model=model, scheduler="simple", steps=STEPS, denoise=1.0)


def trip(comfy, name: str, shifted: bool, solver: str, direct: float = 0.0) -> Trip:
    """There and back through one kind, on its own sampling or behind its node; saves its own schedule too."""
    graph, kind = Graph(), KINDS[name]
    file = family_model(comfy.models_dir, name)
    model = loaded = graph.add("UNETLoader", unet_name=file, weight_dtype="default")
    if shifted:
        node, widgets = kind.shift
        model = graph.add(node, model=loaded, **widgets)
    graph.save(f"flow-{name}-own", sigmas=schedule(graph, loaded))
    condition = partial(graph.add, "UNSTest_TokensConditioning", tokens=10, width=256, **kind.reads)
    return Trip(
        comfy,
        f"flow-{name}-{shifted}-{solver}-{direct:g}",
        graph,
        model,
        condition,
        schedule(graph, model),
        solver,
        source(kind),
        direct,
    )


@pytest.mark.parametrize("solver", ["midpoint", "dpmpp_2m"])
@pytest.mark.parametrize("shifted", [False, True], ids=["own shift", "another shift"])
@pytest.mark.parametrize("name", KINDS)
def test_up_to_sigma_1_and_back(comfy, name, shifted, solver):
    found = trip(comfy, name, shifted, solver)
    found.check(1.0)
    assert f"Requested to load {KINDS[name].found_as}\n" in comfy.log_text()
    # LTXV's own shift makes of 1 the float below it
    assert 1 - float(found.sigmas[0]) in (0, 2**-24) and len(found.sigmas) == STEPS + 1
    own = comfy.tensors(f"flow-{name}-own")["sigmas"]
    assert torch.equal(own, found.sigmas) != shifted


@pytest.mark.parametrize("name", KINDS)
def test_a_direct_path_comes_back_too(comfy, name):
    trip(comfy, name, False, "midpoint", 0.5).check(1.0)

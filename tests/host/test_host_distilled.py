"""Models for few steps: LCM, AnimateLCM, SDXL-Lightning, AnimateDiff-Lightning, LightX2V and CausVid on Wan.

Random weights, and LoRA of random weights in the formats that those files have, through the real loaders."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pytest
import torch
from family_models import family_model, host_layouts
from host_graphs import Graph, Node
from host_session import HostSession
from host_trips import Trip, clip
from safetensors.torch import save_file

RANK = 4
# SD's blocks in the names that diffusers gives them, as far as each small UNet has attention there
DIFFUSERS = {
    "one_level": {
        "input_blocks.1.1": "down_blocks.0.attentions.0",
        "middle_block.1": "mid_block.attentions.0",
    },
    "sdxl": {"input_blocks.7.1": "down_blocks.2.attentions.0", "middle_block.1": "mid_block.attentions.0"},
}
# a motion model needs a UNet as wide as SD1.5's: it has the same first and middle places
DIFFUSERS["sd15"] = DIFFUSERS["one_level"]
FRAMES = 2  # of a clip for a motion model


def pair(name: str, shape: list[int], down: str, up: str, seed: int) -> dict[str, torch.Tensor]:
    """The two factors of a LoRA that changes a weight by a fifth or so of its size."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = shape
    return {
        f"{name}.{down}.weight": torch.randn(RANK, columns, generator=generator) / columns**0.5,
        f"{name}.{up}.weight": torch.randn(rows, RANK, generator=generator) * 0.1,
    }


def sd_lora(comfy: HostSession, model: str) -> dict[str, torch.Tensor]:
    """LCM-LoRA's, AnimateLCM's and SDXL-Lightning's format: kohya's names of diffusers' modules."""
    names = {"one_level": "unet_one_level", "sd15": "unet"}
    layout = host_layouts()[model] if model == "sdxl" else comfy.shelf.layouts[names[model]]
    weights: dict[str, torch.Tensor] = {}
    for ours, theirs in DIFFUSERS[model].items():
        for key, shape in layout.items():
            if key.startswith(f"{ours}.transformer_blocks") and "attn" in key and len(shape) == 2:
                place = key.removeprefix(ours).removesuffix(".weight")
                name = f"lora_unet_{theirs}{place}".replace(".", "_")
                weights |= pair(name, shape, "lora_down", "lora_up", len(weights))
                weights[f"{name}.alpha"] = torch.tensor(float(RANK))
    assert weights
    return weights


def wan_lora(down: str, up: str, differences: bool) -> dict[str, torch.Tensor]:
    """LightX2V's or CausVid's format; the former has differences of biases and norms, too."""
    weights: dict[str, torch.Tensor] = {}
    for key, shape in host_layouts()["wan"].items():
        name = f"diffusion_model.{key.rpartition('.')[0]}"
        if key.startswith("blocks.") and key.endswith(".weight") and len(shape) == 2:
            weights |= pair(name, shape, down, up, len(weights))
            if differences:
                weights[f"{name}.diff_b"] = torch.full(shape[:1], 0.01)
        elif differences and key.endswith("norm_q.weight"):
            weights[f"{name}.diff"] = torch.full(shape, 0.05)
    return weights


@dataclass(frozen=True)
class Kind:
    """A model for few steps: its model and LoRA, the node behind them, and how it is sampled.

    motion: its motion model, a kind of tiny_models.KINDS.
    """

    model: str
    lora: str = "sd"
    behind: tuple[tuple[str, dict], ...] = ()
    scheduler: str = "sgm_uniform"
    steps: int = 4
    solver: str = "midpoint"
    motion: str = ""


LCM = ("ModelSamplingDiscrete", {"sampling": "lcm", "zsnr": False})
X0 = ("ModelSamplingDiscrete", {"sampling": "x0", "zsnr": False})
SHIFT = ("ModelSamplingSD3", {"shift": 5.0})


def evolved(schedule: str) -> tuple[str, dict]:
    return "ADE_UseEvolvedSampling", {"beta_schedule": schedule}


KINDS = {
    "LCM": Kind("one_level", behind=(LCM,)),
    "LCM in one step": Kind("one_level", behind=(LCM,), steps=1, solver="dpmpp_2m"),
    "AnimateLCM": Kind("one_level", behind=(evolved("lcm >> sqrt_linear"),), solver="dpmpp_2m"),
    "AnimateLCM, lcm": Kind("one_level", behind=(evolved("lcm"),)),
    "AnimateLCM, 100 timesteps": Kind("one_level", behind=(evolved("lcm[100_ots]"),), steps=6),
    "AnimateDiff-Lightning": Kind("one_level", "", (evolved("sqrt_linear (AnimateDiff)"),), solver="euler"),
    "AnimateLCM, averaged": Kind("one_level", behind=(evolved("lcm avg(sqrt_linear,linear)"),)),
    "AnimateDiff-Lightning's motion model": Kind(
        "sd15", "", (evolved("sqrt_linear (AnimateDiff)"),), solver="euler", motion="motion"
    ),
    "AnimateLCM's motion model": Kind(
        "sd15", behind=(evolved("autoselect"),), solver="dpmpp_2m", motion="animatelcm"
    ),
    "SDXL-Lightning": Kind("sdxl"),
    "SDXL-Lightning in one step": Kind("sdxl", behind=(X0,), steps=1, solver="euler"),
    "LightX2V": Kind("wan", "LightX2V", (SHIFT,), scheduler="simple"),
    "CausVid": Kind("wan", "CausVid", (SHIFT,), scheduler="beta", steps=8, solver="dpmpp_2m"),
}


def lora_of(comfy: HostSession, kind: Kind) -> str:
    """The file's name, written when first asked for."""
    name = f"uns_{kind.lora}_{kind.model}.safetensors"
    path = comfy.models_dir / "loras" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = {
            "sd": partial(sd_lora, comfy, kind.model),
            "LightX2V": partial(wan_lora, "lora_down", "lora_up", True),
            "CausVid": partial(wan_lora, "lora_A", "lora_B", False),
        }
        save_file(made[kind.lora](), str(path))
    return name


def loaded(comfy: HostSession, graph: Graph, kind: Kind) -> Node:
    if kind.model == "wan":
        file = family_model(comfy.models_dir, "wan")
        model = graph.add("UNETLoader", unet_name=file, weight_dtype="default")
    else:
        file = family_model(comfy.models_dir, "sdxl") if kind.model == "sdxl" else comfy.model(kind.model)
        model = graph.add("CheckpointLoaderSimple", ckpt_name=file)
    if kind.lora:
        given = {"lora_name": lora_of(comfy, kind), "strength_model": 1.0}
        model = graph.add("LoraLoaderModelOnly", model=model, **given)
    more = {"m_models": with_motion(comfy, graph, kind)} if kind.motion else {}
    for node, given in kind.behind:
        model = graph.add(node, model=model, **given, **more)
    return model


def with_motion(comfy: HostSession, graph: Graph, kind: Kind) -> Node:
    loaded = graph.add("ADE_LoadAnimateDiffModel", model_name=comfy.model(kind.motion))
    return graph.add("ADE_ApplyAnimateDiffModelSimple", motion_model=loaded)


def condition(graph: Graph, kind: Kind, value: float) -> Node:
    if kind.model == "wan":
        return graph.add("UNSTest_TokensConditioning", value=value, tokens=10, width=768)
    if kind.model == "sdxl":
        return graph.add("UNSTest_TokensConditioning", value=value, tokens=10, width=2048, pooled=1280)
    return graph.add("UNSTest_Conditioning", value=value)


@pytest.mark.parametrize("name", KINDS)
def test_it_comes_back_with_its_lora_and_its_few_steps(comfy, name):
    kind, graph = KINDS[name], Graph()
    wan, frames = clip(3, 16, 8, 12, 1.0).movedim(0, 1)[None], FRAMES if kind.motion else 1
    source = wan if kind.model == "wan" else clip(frames)
    before, model = len(comfy.log_text()), loaded(comfy, graph, kind)
    sigmas = graph.add("BasicScheduler", model=model, scheduler=kind.scheduler, steps=kind.steps, denoise=1.0)
    ask = partial(condition, graph, kind)
    # AnimateDiff's motion models ask for the whole UNet, which takes seconds a call
    less = {"direct": 0.0, "edit": False} if kind.motion else {"direct": 0.5}
    trip = Trip(comfy, f"few-{name}", graph, model, ask, sigmas, kind.solver, source, **less)
    assert len(trip.sigmas) == kind.steps + 1
    trip.check(float(trip.sigmas[0]))
    said = comfy.log_text()[before:]
    assert "lora key not loaded" not in said
    if kind.motion:
        name = comfy.model(kind.motion)
        assert f"its motion model {name} was trained on 16" in said
        assert ("[Autoselect]: 'lcm' beta_schedule for" in said) == ("autoselect" in str(kind.behind))

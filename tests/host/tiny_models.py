"""Model files in the real formats with random weights: the host's own loaders take them, answers are finite.

No host code is copied: keys and shapes come from the host's own classes, by the support node ModelLayouts.
Only the motion module, which has a few repeating keys, is written out here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

Layout = dict[str, list[int]]
# A prime number of values: no two rows of a weight then hold the same repeated block.
BLOCK = 1_000_003
FRAMES = 32
MOTION_CHANNELS = {"down_blocks": (320, 640, 1280, 1280), "up_blocks": (1280, 1280, 640, 320)}
FIXED = {"vae_scale": 0.18215, "vae_shift": 0.0}


def motion_layout() -> Layout:
    """AnimateDiff's v2 motion module for SD1.5: two modules a down block, three an up block, one amid."""
    layout = _motion_module("mid_block.motion_modules.0", 1280)
    for blocks, count in (("down_blocks", 2), ("up_blocks", 3)):
        for i, channels in enumerate(MOTION_CHANNELS[blocks]):
            for j in range(count):
                layout |= _motion_module(f"{blocks}.{i}.motion_modules.{j}", channels)
    return layout


def animatelcm_layout() -> Layout:
    """AnimateLCM's for SD1.5: AnimateDiff's v2 layout without positions, by which its loader knows it."""
    return {key: shape for key, shape in motion_layout().items() if "pos_encoder" not in key}


def _motion_module(prefix: str, c: int) -> Layout:
    block = "transformer_blocks.0."
    weights = {
        "proj_in": [c, c],
        "proj_out": [c, c],
        f"{block}ff.net.0.proj": [8 * c, c],
        f"{block}ff.net.2": [c, 4 * c],
    }
    norms = ["norm", f"{block}ff_norm", f"{block}norms.0", f"{block}norms.1"]
    layout = {}
    for i in (0, 1):
        attention = f"{block}attention_blocks.{i}."
        layout |= {f"{attention}to_{part}.weight": [c, c] for part in "qkv"}
        layout[f"{attention}pos_encoder.pe"] = [1, FRAMES, c]
        weights[f"{attention}to_out.0"] = [c, c]
    for name, shape in weights.items():
        layout |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name in norms:
        layout |= {f"{name}.weight": [c], f"{name}.bias": [c]}
    return {f"{prefix}.temporal_transformer.{key}": shape for key, shape in layout.items()}


def random_weights(layout: Layout, seed: int) -> dict[str, Tensor]:
    """Weights in float16 that keep a signal's size: 1/sqrt(fan in), norms 1, biases 0."""
    block = torch.randn(BLOCK, generator=torch.Generator().manual_seed(seed)).half()
    weights, offset = {}, 0
    for key, shape in layout.items():
        weights[key] = _weight(key, shape, block, offset)
        offset = (offset + 7919) % BLOCK
    return weights


def _weight(key: str, shape: list[int], block: Tensor, offset: int) -> Tensor:
    name = key.rsplit(".", 1)[-1]
    if name in FIXED:
        return torch.tensor(FIXED[name])
    if name == "pe":
        return _positions(*shape[1:])
    if len(shape) < 2:
        return torch.full(shape, float(name == "weight"), dtype=torch.float16)
    repeats = -(-(offset + math.prod(shape)) // BLOCK)
    values = block.repeat(repeats)[offset : offset + math.prod(shape)]
    return values.mul_(1 / math.sqrt(math.prod(shape[1:]))).reshape(shape)


def _positions(frames: int, channels: int) -> Tensor:
    """The sine and cosine positions every motion module ships."""
    frequency = torch.exp(torch.arange(0, channels, 2) * (-math.log(1e4) / channels))
    angle = torch.arange(frames)[:, None] * frequency
    return torch.stack([angle.sin(), angle.cos()], dim=-1).reshape(1, frames, channels).half()


def checkpoint(unet: Layout, layouts: dict[str, Layout]) -> Layout:
    """A whole checkpoint: UNet, text encoder and VAE under the prefixes of the SD1.5 format."""
    parts = {
        "model.diffusion_model": unet,
        "first_stage_model": layouts["vae"],
        "cond_stage_model.transformer": layouts["clip"],
    }
    return {f"{prefix}.{key}": shape for prefix, layout in parts.items() for key, shape in layout.items()}


# kind -> (folder of models/, file name, layout)
KINDS: dict[str, tuple[str, str, Callable[[dict[str, Layout]], Layout]]] = {
    "one_level": (
        "checkpoints",
        "uns_one_level.safetensors",
        lambda all_: checkpoint(all_["unet_one_level"], all_),
    ),
    "sd15": ("checkpoints", "uns_sd15.safetensors", lambda all_: checkpoint(all_["unet"], all_)),
    "controlnet": (
        "controlnet",
        "uns_control.safetensors",
        lambda all_: {f"control_model.{key}": shape for key, shape in all_["controlnet"].items()},
    ),
    "vae": ("vae", "uns_vae.safetensors", lambda all_: all_["vae"]),
    "motion": ("animatediff_models", "uns_mm_v2.safetensors", lambda all_: motion_layout()),
    "narrow": ("checkpoints", "uns_narrow.safetensors", lambda all_: checkpoint(all_["unet_narrow"], all_)),
    "svd": ("diffusion_models", "uns_svd.safetensors", lambda all_: all_["unet_svd"]),
    "svd_checkpoint": (
        "checkpoints",
        "uns_svd_checkpoint.safetensors",
        lambda all_: checkpoint(all_["unet_svd"], all_),
    ),
    "wide_text": ("diffusion_models", "uns_wide_text.safetensors", lambda all_: all_["unet_wide_text"]),
    "controlnet_one_level": (
        "controlnet",
        "uns_control_one_level.safetensors",
        lambda all_: {f"control_model.{key}": shape for key, shape in all_["controlnet_one_level"].items()},
    ),
    "animatelcm": (
        "animatediff_models",
        "uns_AnimateLCM_sd15_t2v.ckpt",
        lambda all_: animatelcm_layout(),
    ),
}


class ModelShelf:
    """A models folder that fills as tests ask; `seconds` says what each file cost."""

    def __init__(self, folder: Path, ask_layouts: Callable[[], dict[str, Layout]]):
        self.folder, self.ask_layouts = folder, ask_layouts
        self.layouts: dict[str, Layout] | None = None
        self.seconds: dict[str, float] = {}
        for name in {kind[0] for kind in KINDS.values()}:
            (folder / name).mkdir(parents=True, exist_ok=True)

    def file(self, kind: str) -> str:
        """The widget value that names a model of this kind; it is built if nobody asked before."""
        folder, name, layout = KINDS[kind]
        if kind not in self.seconds:
            start = time.monotonic()
            if self.layouts is None:
                self.layouts = self.ask_layouts()
            weights = random_weights(layout(self.layouts), seed=list(KINDS).index(kind))
            write = torch.save if name.endswith(".ckpt") else save_file
            write(weights, str(self.folder / folder / name))
            self.seconds[kind] = time.monotonic() - start
        return name

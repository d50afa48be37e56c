"""SDXL, HotshotXL, AnimateDiff-SDXL and flow models' files in the real formats with random weights.

As in tiny_models, shapes come from the host's own classes; only CLIP-G's and the motion modules' few
repeating keys are written out. Flow models are small: depth, widths and the width of the text are the file's.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from tiny_models import Layout, random_weights
from torch import Tensor

from tools.dev.find_comfy import find_host, host_python

HERE = Path(__file__).parent
CHANNELS = (320, 640, 1280)  # of SDXL's three levels
HOTSHOT_FRAMES = 24
CLIP_G = {"width": 1280, "layers": 32, "tokens": 49408, "places": 77}
# Read by the loader like the rest of the configuration: a text of SD1.5's width instead of umt5's.
WAN_CONFIG = {"config": json.dumps({"transformer": {"text_dim": 768}})}
LTXV_SIZES = {"num_attention_heads": 2, "attention_head_dim": 64, "caption_channels": 256}
# 4 pixels a patch and three halvings: 32 in space, 8 in time
LTXV_VAE = {
    "_class_name": "CausalVideoAutoencoder",
    "dims": 3,
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 128,
    "blocks": [
        ["res_x", 1],
        ["compress_all", 1],
        ["compress_all", 1],
        ["compress_all", 1],
        ["res_x", 1],
    ],
    "encoder_base_channels": 16,
    "decoder_base_channels": 16,
    "norm_layer": "pixel_norm",
    "patch_size": 4,
    "latent_log_var": "uniform",
    "causal_decoder": False,
    "timestep_conditioning": True,  # as since 0.9.1: what is decoded gets drawn noise
}
LTXV_CONFIG = {"config": json.dumps({"transformer": LTXV_SIZES, "vae": LTXV_VAE})}


@cache
def host_layouts() -> dict[str, Layout]:
    """What family_layouts.py finds in the host."""
    host = find_host()
    command = [str(host_python(host)), str(HERE / "family_layouts.py"), json.dumps(LTXV_VAE)]
    environment = os.environ | {"PYTHONPATH": str(host), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=host, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"family_layouts.py ended with code {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def motion_module(prefix: str, c: int) -> Layout:
    """One temporal transformer, in the keys that AnimateDiff and HotshotXL share."""
    block = "transformer_blocks.0."
    biased = {
        "proj_in": [c, c],
        "proj_out": [c, c],
        f"{block}ff.net.0.proj": [8 * c, c],
        f"{block}ff.net.2": [c, 4 * c],
        "norm": [c],
        f"{block}ff_norm": [c],
        f"{block}norms.0": [c],
        f"{block}norms.1": [c],
    }
    layout: Layout = {}
    for i in (0, 1):
        attention = f"{block}attention_blocks.{i}."
        layout |= {f"{attention}to_{part}.weight": [c, c] for part in "qkv"}
        layout[f"{attention}pos_encoder.pe"] = [1, HOTSHOT_FRAMES, c]
        biased[f"{attention}to_out.0"] = [c, c]
    for name, shape in biased.items():
        layout |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return {f"{prefix}.{key}": shape for key, shape in layout.items()}


def sdxl_motion(name: str) -> Layout:
    """Two modules a down block, three an up block, none amid; `name` is what the format calls a module."""
    layout: Layout = {}
    for blocks, count, channels in (("down_blocks", 2, CHANNELS), ("up_blocks", 3, CHANNELS[::-1])):
        for i, c in enumerate(channels):
            for j in range(count):
                layout |= motion_module(f"{blocks}.{i}.{name.format(j)}", c)
    return layout


def hotshot() -> dict[str, Tensor]:
    """HotshotXL's file: its own names for a module and for its positions."""
    weights = random_weights(sdxl_motion("temporal_attentions.{}"), seed=21)
    return {
        key.replace("pos_encoder.pe", "pos_encoder.positional_encoding"): tensor
        for key, tensor in weights.items()
    }


def animatediff_sdxl() -> dict[str, Tensor]:
    """AnimateDiff-SDXL's file."""
    return random_weights(sdxl_motion("motion_modules.{}.temporal_transformer"), seed=22)


def clip_g() -> Layout:
    """SDXL's second text encoder, in the keys of its checkpoints."""
    width = CLIP_G["width"]
    layout: Layout = {
        "positional_embedding": [CLIP_G["places"], width],
        "text_projection": [width, width],
        "token_embedding.weight": [CLIP_G["tokens"], width],
        "ln_final.weight": [width],
        "ln_final.bias": [width],
    }
    for i in range(CLIP_G["layers"]):
        block = f"transformer.resblocks.{i}."
        layout |= {
            f"{block}attn.in_proj_weight": [3 * width, width],
            f"{block}attn.in_proj_bias": [3 * width],
        }
        for name, shape in (
            ("ln_1", [width]),
            ("ln_2", [width]),
            ("attn.out_proj", [width, width]),
            ("mlp.c_fc", [4 * width, width]),
            ("mlp.c_proj", [width, 4 * width]),
        ):
            layout |= {f"{block}{name}.weight": shape, f"{block}{name}.bias": shape[:1]}
    return layout


def sdxl() -> dict[str, Tensor]:
    """A whole SDXL checkpoint: UNet, both text encoders and the small VAE."""
    layouts = host_layouts()
    parts = {
        "model.diffusion_model": layouts["sdxl"],
        "first_stage_model": layouts["vae"],
        "conditioner.embedders.0.transformer": layouts["clip"],
        "conditioner.embedders.1.model": clip_g(),
    }
    return random_weights(prefixed(parts), seed=20)


def canny_sdxl() -> dict[str, Tensor]:
    """A ControlNet for SDXL of the middle size."""
    return random_weights(prefixed({"control_model": host_layouts()["canny_sdxl"]}), seed=23)


def without_text(unet: str, vae: str, seed: int, place: str = "first_stage_model") -> dict[str, Tensor]:
    """A checkpoint of a network and its VAE; `place` is the prefix of the VAE's keys."""
    layouts = host_layouts()
    parts = {"model.diffusion_model": layouts[unet], place: layouts[vae]}
    return random_weights(prefixed(parts), seed)


def ltxv_checkpoint() -> dict[str, Tensor]:
    """LTXV's network and its VAE in one file."""
    weights = without_text("ltxv", "ltxv_vae", 29, "vae")
    name = "vae.per_channel_statistics.std-of-means"  # what latents are divided by
    return weights | {name: torch.ones_like(weights[name])}


def wan_lora() -> dict[str, Tensor]:
    """A LoRA for one layer that every small Wan has."""
    layer = "diffusion_model.blocks.0.self_attn.q"
    return random_weights({f"{layer}.lora_up.weight": [256, 2], f"{layer}.lora_down.weight": [2, 256]}, 30)


def prefixed(parts: dict[str, Layout]) -> Layout:
    """One layout of several, each under its prefix."""
    return {f"{prefix}.{key}": shape for prefix, layout in parts.items() for key, shape in layout.items()}


def whole_model(name: str, seed: int) -> dict[str, Tensor]:
    """A file that is one of the host's model classes and nothing more."""
    return random_weights(host_layouts()[name], seed)


# kind -> (folder of models/, its weights, the file's metadata)
KINDS: dict[str, tuple[str, Callable[[], dict[str, Tensor]], dict[str, str] | None]] = {
    "sdxl": ("checkpoints", sdxl, None),
    "hotshot": ("animatediff_models", hotshot, None),
    "animatediff_sdxl": ("animatediff_models", animatediff_sdxl, None),
    "canny_sdxl": ("controlnet", canny_sdxl, None),
    "wan_lora": ("loras", wan_lora, None),
    "wan_vae": ("vae", partial(whole_model, "wan_vae", 25), None),
    "sd3": ("diffusion_models", partial(whole_model, "sd3", 26), None),
    "flux": ("diffusion_models", partial(whole_model, "flux", 27), None),
    "hunyuan_video": ("diffusion_models", partial(whole_model, "hunyuan_video", 28), None),
    "ltxv": ("diffusion_models", partial(whole_model, "ltxv", 29), LTXV_CONFIG),
    "ltxv_checkpoint": ("checkpoints", ltxv_checkpoint, LTXV_CONFIG),
    "sdxl_narrow": ("checkpoints", partial(without_text, "sdxl_narrow", "vae", 36), None),
    "sdxl_refiner": ("checkpoints", partial(without_text, "sdxl_refiner", "vae", 37), None),
    "sd3_checkpoint": ("checkpoints", partial(without_text, "sd3", "vae_16", 38), None),
    "flux_fill": ("diffusion_models", partial(whole_model, "flux_fill", 52), None),
    "flux_schnell": ("checkpoints", partial(without_text, "flux_schnell", "vae_16", 53, "vae"), None),
    "hunyuan_15": ("diffusion_models", partial(whole_model, "hunyuan_15", 54), None),
    "video_vae_32": ("vae", partial(whole_model, "video_vae_32", 55), None),
    "vae_16": ("vae", partial(whole_model, "vae_16", 39), None),
    "video_vae_16": ("vae", partial(whole_model, "video_vae_16", 40), None),
    "video_vae_48": ("vae", partial(whole_model, "video_vae_48", 41), None),
}
# the seeds of Wan's kinds; the low-noise expert of a pair has another
WANS = {
    "wan": (24, 34),
    "wan_5b": (42,),
    "wan_5b_fun": (43,),
    "wan_5b_inpaint": (56,),
    "wan_camera": (57,),
    "wan_flf": (44,),
    "wan_fun": (45,),
    "wan_i2v": (46,),
    "wan_vace": (47,),
    "wan22_fun": (48, 49),
    "wan22_i2v": (50, 51),
}
KINDS |= {
    name: ("diffusion_models", partial(whole_model, kind, seed), WAN_CONFIG)
    for kind, seeds in WANS.items()
    for name, seed in zip((kind, f"{kind}_low"), seeds, strict=False)
}


def family_model(models: Path, kind: str) -> str:
    """The widget value that names a model of this kind in that models folder; built when first asked for."""
    folder, weights, metadata = KINDS[kind]
    path = models / folder / f"uns_{kind}.safetensors"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(weights(), str(path), metadata=metadata)
    return path.name

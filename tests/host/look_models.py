"""An IP-Adapter and its CLIP vision model in the real formats with random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from tiny_models import Layout, random_weights
from torch import Tensor

TOKENS, TEXT = 4, 768  # of a plain IP-Adapter for SD1.5: what a picture becomes, as wide as a text's
# the cross attentions of an SD1.5 UNet in the adapter's order: down, up, then amid
PLACES = 16
VIT_H = {"width": 1280, "layers": 32, "inner": 5120, "patches": 16 * 16, "patch": 14, "out": 1024}


def adapter_layout(embeds: int, width: int = 320) -> Layout:
    """A plain IP-Adapter; `width` of the UNet's attention, `embeds` of the picture's embedding."""
    layout: Layout = {
        "image_proj.proj.weight": [TOKENS * TEXT, embeds],
        "image_proj.proj.bias": [TOKENS * TEXT],
        "image_proj.norm.weight": [TEXT],
        "image_proj.norm.bias": [TEXT],
    }
    for place in range(PLACES):
        for part in "kv":
            layout[f"ip_adapter.{2 * place + 1}.to_{part}_ip.weight"] = [width, TEXT]
    return layout


def vision_layout(sizes: dict[str, int]) -> Layout:
    """CLIP's vision model in the keys of its files."""
    width, inner, model = sizes["width"], sizes["inner"], "vision_model."
    layout: Layout = {
        f"{model}embeddings.class_embedding": [width],
        f"{model}embeddings.patch_embedding.weight": [width, 3, sizes["patch"], sizes["patch"]],
        f"{model}embeddings.position_embedding.weight": [sizes["patches"] + 1, width],
        "visual_projection.weight": [sizes["out"], width],
    }
    shapes = {f"{model}{norm}": [width] for norm in ("pre_layrnorm", "post_layernorm")}
    for i in range(sizes["layers"]):
        layer = f"{model}encoder.layers.{i}."
        shapes |= {f"{layer}self_attn.{part}_proj": [width, width] for part in ("q", "k", "v", "out")}
        shapes |= {f"{layer}layer_norm{j}": [width] for j in (1, 2)}
        shapes |= {f"{layer}mlp.fc1": [inner, width], f"{layer}mlp.fc2": [width, inner]}
    for name, shape in shapes.items():
        layout |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return layout


def adapter(models: Path, embeds: int = VIT_H["out"]) -> str:
    """The file name of an IP-Adapter; built when first asked for."""
    return _file(
        models / "ipadapter" / f"uns_adapter_{embeds}.safetensors", lambda: adapter_layout(embeds), 41
    )


def vision(models: Path) -> str:
    """The same of ViT-H, at its real size: ComfyUI's loader fixes it."""
    return _file(models / "clip_vision" / "uns_vit_h.safetensors", lambda: vision_layout(VIT_H), 42)


def _file(path: Path, layout, seed: int) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(_louder(random_weights(layout(), seed)), str(path))
    return path.name


def _louder(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The adapter's values three times as large, so that two pictures are told apart by little noise."""
    return {key: 3 * x if ".to_v_ip." in key else x.to(torch.float16) for key, x in weights.items()}

"""MODELs of the host's own classes with random weights, which cost what trained ones cost."""

from __future__ import annotations

COMMON = {
    "image_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "model_channels": 320,
    "use_spatial_transformer": True,
    "legacy": False,
    "transformer_depth_middle": 1,
}
XL = COMMON | {
    "num_res_blocks": [2] * 3,
    "channel_mult": [1, 2, 4],
    "context_dim": 2048,
    "num_head_channels": 64,
    "num_heads": -1,
    "use_linear_in_transformer": True,
    "adm_in_channels": 2816,
    "num_classes": "sequential",
    "use_temporal_attention": False,
}
UNETS = {
    "SD15": COMMON
    | {
        "num_res_blocks": [2] * 4,
        "channel_mult": [1, 2, 4, 4],
        "transformer_depth": [1] * 6 + [0] * 2,
        "transformer_depth_output": [1] * 9 + [0] * 3,
        "context_dim": 768,
        "num_heads": 8,
        "use_linear_in_transformer": False,
        "adm_in_channels": None,
    },
    "SDXL": XL
    | {
        "transformer_depth": [0, 0, 2, 2, 10, 10],
        "transformer_depth_middle": 10,
        "transformer_depth_output": [0, 0, 0, 2, 2, 2, 10, 10, 10],
    },
    # SDXL's family at a third of the size
    "Segmind_Vega": XL
    | {
        "transformer_depth": [0, 0, 1, 1, 2, 2],
        "transformer_depth_middle": -1,
        "transformer_depth_output": [0, 0, 0, 1, 1, 1, 2, 2, 2],
    },
}


def random_model(kind: str, config: dict, dtype):
    """A MODEL of one of the host's kinds ("SD15", "SDXL") with that UNet configuration and random weights."""
    import comfy.model_management
    import comfy.model_patcher
    import comfy.supported_models
    import torch

    settings = getattr(comfy.supported_models, kind)(config | {"dtype": dtype})
    settings.set_inference_dtype(dtype, None)
    device = comfy.model_management.get_torch_device()
    model = settings.get_model({}, "", device=torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    for name, weight in model.diffusion_model.named_parameters():
        if weight.ndim > 1:
            weight.data = torch.randn(weight.shape, generator=generator).to(dtype) / weight[0].numel() ** 0.5
        else:
            weight.data = torch.full(weight.shape, float(name.endswith("weight")), dtype=dtype)
    return comfy.model_patcher.ModelPatcher(model, load_device=device, offload_device=torch.device("cpu"))


def narrow_sd15():
    """A MODEL of SD1.5's kind, narrow."""
    import torch

    config = {
        "image_size": 32,
        "in_channels": 4,
        "out_channels": 4,
        "model_channels": 64,
        "num_res_blocks": [1, 1],
        "channel_mult": [1, 2],
        "transformer_depth": [1, 1],
        "transformer_depth_output": [1, 1, 1, 1],
        "transformer_depth_middle": 1,
        "context_dim": 768,
        "num_heads": 8,
        "use_spatial_transformer": True,
        "legacy": False,
        "adm_in_channels": None,
        "use_linear_in_transformer": False,
    }
    return random_model("SD15", config, torch.float32)

"""Key and shape of every tensor of the host's own model classes, built on the meta device at no cost."""

from __future__ import annotations

import comfy.cldm.cldm
import comfy.ops
import comfy.sd1_clip
import comfy.taesd.taesd
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

COMMON = {
    "image_size": 32,
    "in_channels": 4,
    "model_channels": 320,
    "context_dim": 768,
    "num_heads": 8,
    "legacy": False,
    "use_spatial_transformer": True,
    "transformer_depth_middle": 1,
    "device": "meta",
    "operations": comfy.ops.disable_weight_init,
}
FULL = {
    **COMMON,
    "num_res_blocks": [2] * 4,
    "channel_mult": [1, 2, 4, 4],
    "transformer_depth": [1] * 6 + [0] * 2,
}
# SD1.5's blocks, each as narrow as its first: what AnimateDiff finds its places in, at a tenth of the size
NARROW = {**COMMON, "num_res_blocks": [2] * 4, "channel_mult": [1] * 4, "transformer_depth": [1] + [0] * 7}
# SVD's, as narrow: the loader knows it by its temporal blocks, image latents beside the noise, and context
SVD = {
    **NARROW,
    "in_channels": 8,
    "transformer_depth": [1] * 6 + [0] * 2,
    "context_dim": 1024,
    "num_heads": -1,
    "num_head_channels": 64,
    "adm_in_channels": 768,
    "num_classes": "sequential",
    "use_linear_in_transformer": True,
    "use_temporal_attention": True,
    "use_temporal_resblock": True,
    "extra_ff_mix_layer": True,
    "use_spatial_context": True,
    "merge_strategy": "learned_with_images",
    "merge_factor": 0.0,
    "video_kernel_size": [3, 1, 1],
    "disable_temporal_crossattention": False,
}
ONE_LEVEL = {**COMMON, "num_res_blocks": [1], "channel_mult": [1], "transformer_depth": [1]}

# as small, of SD2's family: its text is wider, its latents are SD1.5's
WIDE_TEXT = {**ONE_LEVEL, "context_dim": 1024, "use_linear_in_transformer": True}


def layouts() -> dict[str, dict[str, list[int]]]:
    """Both UNets, the ControlNet, the text encoder and the small VAE of the SD1.5 family."""
    models = {
        "unet_one_level": UNetModel(**ONE_LEVEL, out_channels=4, transformer_depth_output=[1] * 2),
        "unet_wide_text": UNetModel(**WIDE_TEXT, out_channels=4, transformer_depth_output=[1] * 2),
        "unet": UNetModel(**FULL, out_channels=4, transformer_depth_output=[1] * 9 + [0] * 3),
        "unet_narrow": UNetModel(**NARROW, out_channels=4, transformer_depth_output=[1] + [0] * 11),
        "unet_svd": UNetModel(**SVD, out_channels=4, transformer_depth_output=[1] * 9 + [0] * 3),
        "controlnet_one_level": comfy.cldm.cldm.ControlNet(**ONE_LEVEL, hint_channels=3),
        "controlnet": comfy.cldm.cldm.ControlNet(**FULL, hint_channels=3),
        "clip": comfy.sd1_clip.SDClipModel(device="meta").transformer,
        "vae": comfy.taesd.taesd.TAESD(),
    }
    return {
        name: {key: list(tensor.shape) for key, tensor in model.state_dict().items()}
        for name, model in models.items()
    }

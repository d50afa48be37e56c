"""Keys and shapes of SDXL's and flow models' classes, as JSON: run by the host's own python in its folder.

Meta device, so it costs only the import. The SDXL UNet is Segmind Vega's, the smallest of the family that
AnimateDiff finds all of its places in; its way up has no attention, which the loader reads from the file.
Of the flow models' sizes the loader reads depth and widths from the file and fixes the width of a head, so
narrow ones have one or two.
"""

from __future__ import annotations

import json
import sys

import comfy.options

LTXV_VAE = json.loads(sys.argv[1])
sys.argv = [sys.argv[0], "--cpu"]  # the host reads its options when its modules are imported
comfy.options.enable_args_parsing()

import comfy.cldm.cldm  # noqa: E402  (the options first)
import comfy.ldm.flux.model  # noqa: E402
import comfy.ldm.hunyuan_video.model  # noqa: E402
import comfy.ldm.lightricks.model  # noqa: E402
import comfy.ldm.lightricks.vae.causal_video_autoencoder  # noqa: E402
import comfy.ldm.modules.diffusionmodules.mmdit  # noqa: E402
import comfy.ldm.wan.model  # noqa: E402
import comfy.ldm.wan.vae  # noqa: E402
import comfy.ops  # noqa: E402
import comfy.sd1_clip  # noqa: E402
import comfy.taesd.taehv  # noqa: E402
import comfy.taesd.taesd  # noqa: E402
import torch  # noqa: E402
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel  # noqa: E402

META = {"device": "meta", "operations": comfy.ops.disable_weight_init}
SDXL = {
    **META,
    "image_size": 32,
    "in_channels": 4,
    "model_channels": 320,
    "num_res_blocks": [2, 2, 2],
    "channel_mult": [1, 2, 4],
    "num_classes": "sequential",
    "adm_in_channels": 2816,
    "context_dim": 2048,
    "num_heads": -1,
    "num_head_channels": 64,
    "use_spatial_transformer": True,
    "use_linear_in_transformer": True,
    "legacy": False,
}
VEGA = {**SDXL, "transformer_depth": [0, 0, 1, 1, 2, 2], "transformer_depth_middle": -1}
# The base's and the refiner's blocks, each as narrow as its first.
NARROW = {**VEGA, "channel_mult": [1] * 3}
REFINER = {
    **SDXL,
    "model_channels": 384,
    "num_res_blocks": [2] * 4,
    "channel_mult": [1] * 4,
    "adm_in_channels": 2560,
    "context_dim": 1280,
    "transformer_depth": [0, 0, 4, 4, 4, 4, 0, 0],
    "transformer_depth_middle": 4,
}
CANNY_MID = {**SDXL, "transformer_depth": [0, 0, 0, 0, 1, 1], "transformer_depth_middle": 1}
WAN = {
    "in_dim": 16,
    "out_dim": 16,
    "dim": 256,
    "ffn_dim": 512,
    "num_heads": 2,
    "num_layers": 2,
    "text_dim": 768,
    "freq_dim": 256,
}
# What the loader tells Wan's kinds by: the channels beside the noise, and what reads a picture or a control.
WANS = {
    "wan": {},
    "wan_5b": {"in_dim": 48, "out_dim": 48},
    "wan_5b_fun": {"in_dim": 148, "out_dim": 48, "in_dim_ref_conv": 48},
    "wan_flf": {"in_dim": 36, "model_type": "i2v", "flf_pos_embed_token_number": 514},
    "wan_5b_inpaint": {"in_dim": 100, "out_dim": 48},
    "wan_fun": {"in_dim": 48, "model_type": "i2v"},
    "wan_i2v": {"in_dim": 36, "model_type": "i2v"},
    "wan22_fun": {"in_dim": 52, "in_dim_ref_conv": 16},
    "wan22_i2v": {"in_dim": 36},
}
CAMERA = {"in_dim": 32, "model_type": "camera"}
VACE = {"vace_layers": 2, "vace_in_dim": 96}
# SD3.5's way: normed queries and keys, a second attention in the first block. As many heads as blocks.
SD3 = {
    "in_channels": 16,
    "out_channels": 16,
    "patch_size": 2,
    "input_size": None,
    "depth": 2,
    "adm_in_channels": 128,
    "num_patches": 64,
    "pos_embed_max_size": 8,
    "qk_norm": "rms",
    "x_block_self_attn_layers": [0],
    "context_embedder_config": {
        "target": "torch.nn.Linear",
        "params": {"in_features": 256, "out_features": 128},
    },
}
FLUX_LIKE = {
    "in_channels": 16,
    "out_channels": 16,
    "context_in_dim": 256,
    "hidden_size": 128,
    "mlp_ratio": 4.0,
    "num_heads": 1,
    "depth": 1,
    "depth_single_blocks": 1,
    "axes_dim": [16, 56, 56],
    "qkv_bias": True,
    "guidance_embed": True,
}
FLUX = {**FLUX_LIKE, "vec_in_dim": 128, "patch_size": 2, "theta": 10000, "txt_ids_dims": []}
HUNYUAN_VIDEO = {
    **FLUX_LIKE,
    "vec_in_dim": 768,
    "patch_size": [1, 2, 2],
    "theta": 256,
    "byt5": False,
    "meanflow": False,
    "use_cond_type_embedding": False,
    "vision_in_dim": None,
    "meanflow_sum": False,
}
HUNYUAN_15 = {
    **HUNYUAN_VIDEO,
    "in_channels": 65,
    "out_channels": 32,
    "patch_size": [1, 1, 1],
    "vec_in_dim": None,
    "guidance_embed": False,
    "byt5": True,
    "use_cond_type_embedding": True,
    "vision_in_dim": 1152,
    "meanflow_sum": True,
}
LTXV = {
    "num_attention_heads": 2,
    "attention_head_dim": 64,
    "cross_attention_dim": 128,
    "caption_channels": 256,
    "num_layers": 2,
}
WAN_VAE = {
    "dim": 8,
    "z_dim": 16,
    "dim_mult": [1, 2, 4, 4],
    "num_res_blocks": 2,
    "attn_scales": [],
    "temperal_downsample": [False, True, True],
    "dropout": 0.0,
}


def main() -> None:
    """Print them. argv[1] is the configuration of LTXV's VAE, which its file brings along."""
    with torch.device("meta"):
        models = {name: comfy.ldm.wan.model.WanModel(**WAN | more, **META) for name, more in WANS.items()} | {
            "sdxl": UNetModel(**VEGA, out_channels=4, transformer_depth_output=[0] * 9),
            "canny_sdxl": comfy.cldm.cldm.ControlNet(**CANNY_MID, hint_channels=3),
            "clip": comfy.sd1_clip.SDClipModel(device="meta").transformer,
            "vae": comfy.taesd.taesd.TAESD(),
            "sd3": comfy.ldm.modules.diffusionmodules.mmdit.MMDiT(**SD3, **META),
            "flux": comfy.ldm.flux.model.Flux(**FLUX, **META),
            "hunyuan_video": comfy.ldm.hunyuan_video.model.HunyuanVideo(**HUNYUAN_VIDEO, **META),
            "ltxv": comfy.ldm.lightricks.model.LTXVModel(**LTXV, **META),
            "sdxl_narrow": UNetModel(**NARROW, out_channels=4, transformer_depth_output=[0] * 9),
            "sdxl_refiner": UNetModel(**REFINER, out_channels=4, transformer_depth_output=[0] * 12),
            "vae_16": comfy.taesd.taesd.TAESD(latent_channels=16),
            "video_vae_16": comfy.taesd.taehv.TAEHV(latent_channels=16),
            "video_vae_48": comfy.taesd.taehv.TAEHV(latent_channels=48),
            "ltxv_vae": comfy.ldm.lightricks.vae.causal_video_autoencoder.VideoVAE(config=LTXV_VAE),
            "flux_fill": comfy.ldm.flux.model.Flux(**FLUX | {"in_channels": 96}, **META),
            "flux_schnell": comfy.ldm.flux.model.Flux(**FLUX | {"guidance_embed": False}, **META),
            "hunyuan_15": comfy.ldm.hunyuan_video.model.HunyuanVideo(**HUNYUAN_15, **META),
            "video_vae_32": comfy.taesd.taehv.TAEHV(latent_channels=32),
            "wan_camera": comfy.ldm.wan.model.CameraWanModel(**WAN | CAMERA, **META),
            "wan_vace": comfy.ldm.wan.model.VaceWanModel(**WAN, **VACE, **META),
            "wan_vae": comfy.ldm.wan.vae.WanVAE(**WAN_VAE),
        }
    print(
        json.dumps(
            {
                name: {key: list(tensor.shape) for key, tensor in model.state_dict().items()}
                for name, model in models.items()
            }
        )
    )


if __name__ == "__main__":
    main()

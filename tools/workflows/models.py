"""The files our workflows name: models to download, the clip and the picture of the user, and the packs."""

from pathlib import Path

import tomllib

from tools.workflows.graph import Pack

ROOT = Path(__file__).resolve().parents[2]
OUR_PACK = "unsampling"
CLIP = "your_clip.mp4"
MASK_CLIP = "your_mask.mp4"  # white where the clip may change
NOISE = "unsampling/noise_00001_.safetensors [output]"  # what Save Noise writes first
LOOK = "your_look.png"  # whose look the clip takes
PICTURE = "example.png"  # ComfyUI ships it in its input folder
Model = dict[str, str]


def hugging_face(repository: str, name: str, directory: str, folder: str = "") -> Model:
    """A model file as the frontend's download dialog wants it; `folder` is its path inside the repository."""
    url = f"https://huggingface.co/{repository}/resolve/main/{folder}{name}"
    return {"name": name, "url": url, "directory": directory}


SD15 = hugging_face(
    "Comfy-Org/stable-diffusion-v1-5-archive", "v1-5-pruned-emaonly-fp16.safetensors", "checkpoints"
)
SD15_VAE = hugging_face(
    "stabilityai/sd-vae-ft-mse-original", "vae-ft-mse-840000-ema-pruned.safetensors", "vae"
)
SD15_MOTION = hugging_face("guoyww/animatediff", "v3_sd15_mm.ckpt", "animatediff_models")
SD15_CANNY = hugging_face(
    "comfyanonymous/ControlNet-v1-1_fp16_safetensors",
    "control_v11p_sd15_canny_fp16.safetensors",
    "controlnet",
)

IPADAPTER = hugging_face("h94/IP-Adapter", "ip-adapter-plus_sd15.safetensors", "ipadapter", "models/")
# The pack that reads it knows it by this name; the file there is called model.safetensors.
CLIP_VISION: Model = {
    "name": "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors",
    "url": "https://huggingface.co/h94/IP-Adapter/resolve/main/models/image_encoder/model.safetensors",
    "directory": "clip_vision",
}

SDXL = hugging_face("stabilityai/stable-diffusion-xl-base-1.0", "sd_xl_base_1.0.safetensors", "checkpoints")
SDXL_VAE = hugging_face("stabilityai/sdxl-vae", "sdxl_vae.safetensors", "vae")
HOTSHOT = hugging_face("hotshotco/Hotshot-XL", "hsxl_temporal_layers.f16.safetensors", "animatediff_models")
SDXL_MOTION = hugging_face("guoyww/animatediff", "mm_sdxl_v10_beta.ckpt", "animatediff_models")
SDXL_CANNY = hugging_face(
    "lllyasviel/sd_control_collection", "diffusers_xl_canny_mid.safetensors", "controlnet"
)

WAN_FILES = "Comfy-Org/Wan_2.1_ComfyUI_repackaged"
WAN = hugging_face(
    WAN_FILES, "wan2.1_t2v_1.3B_fp16.safetensors", "diffusion_models", "split_files/diffusion_models/"
)
WAN22_FILES = "Comfy-Org/Wan_2.2_ComfyUI_Repackaged"
WAN22_HIGH, WAN22_LOW = (
    hugging_face(
        WAN22_FILES,
        f"wan2.2_t2v_{noise}_noise_14B_fp8_scaled.safetensors",
        "diffusion_models",
        "split_files/diffusion_models/",
    )
    for noise in ("high", "low")
)
WAN_TEXT = hugging_face(
    WAN_FILES, "umt5_xxl_fp8_e4m3fn_scaled.safetensors", "text_encoders", "split_files/text_encoders/"
)
WAN_VAE = hugging_face(WAN_FILES, "wan_2.1_vae.safetensors", "vae", "split_files/vae/")

WAN_VACE = hugging_face(
    WAN_FILES, "wan2.1_vace_1.3B_fp16.safetensors", "diffusion_models", "split_files/diffusion_models/"
)

LTXV = hugging_face("Lightricks/LTX-Video", "ltx-video-2b-v0.9.5.safetensors", "checkpoints")
T5 = hugging_face("comfyanonymous/flux_text_encoders", "t5xxl_fp16.safetensors", "text_encoders")

HUNYUAN_FILES = "Comfy-Org/HunyuanVideo_repackaged"
HUNYUAN = hugging_face(
    HUNYUAN_FILES,
    "hunyuan_video_t2v_720p_bf16.safetensors",
    "diffusion_models",
    "split_files/diffusion_models/",
)
CLIP_L, LLAMA = (
    hugging_face(HUNYUAN_FILES, name, "text_encoders", "split_files/text_encoders/")
    for name in ("clip_l.safetensors", "llava_llama3_fp8_scaled.safetensors")
)
HUNYUAN_VAE = hugging_face(HUNYUAN_FILES, "hunyuan_video_vae_bf16.safetensors", "vae", "split_files/vae/")


# Size and licence, as the files' pages on Hugging Face and ComfyUI-Manager's list of models say.
FACTS: dict[str, tuple[str, ...]] = {
    SD15["name"]: ("2.13 GB", "CreativeML OpenRAIL-M"),
    SD15_VAE["name"]: ("335 MB", "MIT"),
    SD15_MOTION["name"]: ("1.67 GB", "Apache-2.0"),
    SD15_CANNY["name"]: ("723 MB", "licence: see the page"),
    IPADAPTER["name"]: ("98 MB", "Apache-2.0"),
    CLIP_VISION["name"]: ("2.53 GB", "Apache-2.0", "save it under this name"),
    SDXL["name"]: ("6.94 GB", "OpenRAIL++-M"),
    SDXL_VAE["name"]: ("335 MB", "MIT"),
    HOTSHOT["name"]: ("475 MB", "OpenRAIL++"),
    SDXL_MOTION["name"]: ("950 MB", "Apache-2.0"),
    SDXL_CANNY["name"]: ("size and licence: see the page",),
    WAN["name"]: ("2.84 GB", "Apache-2.0"),
    WAN22_HIGH["name"]: ("14.3 GB", "Apache-2.0"),
    WAN22_LOW["name"]: ("14.3 GB", "Apache-2.0"),
    WAN_VACE["name"]: ("4.31 GB", "Apache-2.0"),
    WAN_TEXT["name"]: ("6.74 GB", "Apache-2.0"),
    WAN_VAE["name"]: ("254 MB", "Apache-2.0"),
    LTXV["name"]: ("6.34 GB", "licence: see the page"),
    T5["name"]: ("9.79 GB", "Apache-2.0"),
    HUNYUAN["name"]: ("25.6 GB", "licence: see the page"),
    CLIP_L["name"]: ("246 MB", "licence: see the page"),
    LLAMA["name"]: ("9.09 GB", "licence: see the page"),
    HUNYUAN_VAE["name"]: ("493 MB", "licence: see the page"),
}


def table(*models: Model) -> str:
    """The models as a table in Markdown: file with its link; folder, size and licence."""
    head = "| file | folder, size, licence |\n|---|---|\n"
    rows = [
        f"| [{model['name']}]({model['url']}) | {', '.join((model['directory'], *FACTS[model['name']]))} |\n"
        for model in models
    ]
    return head + "".join(rows)


def names(*models: Model) -> list[str]:
    """Their file names."""
    return [model["name"] for model in models]


# Combos that list files of the recording machine, and the names that they show instead.
FILE_COMBOS = {
    ("CheckpointLoaderSimple", "ckpt_name"): names(SD15, SDXL, LTXV),
    ("VAELoader", "vae_name"): names(SD15_VAE, SDXL_VAE, WAN_VAE, HUNYUAN_VAE),
    ("ADE_LoadAnimateDiffModel", "model_name"): names(SD15_MOTION, HOTSHOT, SDXL_MOTION),
    ("ACN_ControlNetLoaderAdvanced", "cnet"): names(SD15_CANNY, SDXL_CANNY),
    ("UNETLoader", "unet_name"): names(WAN, WAN22_HIGH, WAN22_LOW, WAN_VACE, HUNYUAN),
    ("CLIPLoader", "clip_name"): names(WAN_TEXT, T5),
    ("DualCLIPLoader", "clip_name1"): names(CLIP_L),
    ("DualCLIPLoader", "clip_name2"): names(LLAMA),
    ("LoadVideo", "file"): [CLIP, MASK_CLIP],
    ("VHS_LoadVideo", "video"): [CLIP],
    ("LoadImage", "image"): [PICTURE, LOOK],
    ("IPAdapterModelLoader", "ipadapter_file"): names(IPADAPTER),
    ("CLIPVisionLoader", "clip_name"): names(CLIP_VISION),
    ("UNS_LoadNoise", "file"): [NOISE],
}


def packs() -> dict[str, Pack]:
    """The pack of a node by the first part of its python_module, in lower case."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    core = Pack("comfy-core", "0.33.0")
    return {
        "nodes": core,
        "comfy_extras": core,
        OUR_PACK: Pack(OUR_PACK, version),
        "comfyui-animatediff-evolved": Pack("comfyui-animatediff-evolved", "1.5.7"),
        "comfyui-advanced-controlnet": Pack("comfyui-advanced-controlnet", "1.5.8"),
        "comfyui_ipadapter_plus": Pack("comfyui_ipadapter_plus", "2.0.0"),
        "comfyui-videohelpersuite": Pack("comfyui-videohelpersuite", "1.7.9"),
    }

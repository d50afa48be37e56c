"""ComfyUI's own template files, as prompts on small models, with our two nodes in the place of each sampler.

The files come from the wheel comfyui-workflow-templates-json and are not in this repository. What stands in:
a small random model for each file that a graph names (FILES), drawn numbers for what text encoders and ViT-H
answer (TEXTS, UNSTest_DrawnVision), small sizes and few steps. All else in a graph is the file's: patches,
LoRA, switches, conditioning nodes, cfg and schedule.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from family_models import KINDS, family_model
from host_session import HostSession

from tools.client.browser_nodes import KNOWN
from tools.client.graph_to_prompt import graph_to_prompt

PACKAGE = "comfyui_workflow_templates_json"
Prompt = dict[str, dict]
# 64 fits every family, LTXV's 32 and the UNets' four levels; 9 frames fit Wan's 4n+1 and LTXV's 8n+1
STEPS, WIDTH, HEIGHT, FRAMES = 4, 64, 64, 9


@dataclass(frozen=True)
class Text:
    """What a text encoder gives: numbers a token, numbers of the pooled text, hidden tokens."""

    width: int
    pooled: int = 0
    padding: int = 0
    tokens: int = 12


# A file that a graph names -> the kind of family_models.KINDS, or of tiny_models.KINDS, in its place
FILES = {
    "Wan21_CausVid_14B_T2V_lora_rank32.safetensors": "wan_lora",
    "ae.safetensors": "vae_16",
    "flux1-dev.safetensors": "flux",
    "flux1-fill-dev.safetensors": "flux_fill",
    "flux1-schnell-fp8.safetensors": "flux_schnell",
    "hunyuan_video_t2v_720p_bf16.safetensors": "hunyuan_video",
    "hunyuan_video_vae_bf16.safetensors": "video_vae_16",
    "hunyuanvideo1.5_720p_t2v_fp16.safetensors": "hunyuan_15",
    "hunyuanvideo15_vae_fp16.safetensors": "video_vae_32",
    "ltx-video-2b-v0.9.5.safetensors": "ltxv_checkpoint",
    "ltx-video-2b-v0.9.safetensors": "ltxv_checkpoint",
    "sd3.5_large_fp8_scaled.safetensors": "sd3_checkpoint",
    "sd_xl_base_1.0.safetensors": "sdxl_narrow",
    "sd_xl_refiner_1.0.safetensors": "sdxl_refiner",
    "sd_xl_turbo_1.0_fp16.safetensors": "sdxl_narrow",
    "svd_xt.safetensors": "svd_checkpoint",
    "wan2.1_flf2v_720p_14B_fp16.safetensors": "wan_flf",
    "wan2.1_fun_camera_v1.1_1.3B_bf16.safetensors": "wan_camera",
    "wan2.1_fun_control_1.3B_bf16.safetensors": "wan_fun",
    "wan2.1_fun_inp_1.3B_bf16.safetensors": "wan_i2v",
    "wan2.1_i2v_480p_14B_fp16.safetensors": "wan_i2v",
    "wan2.1_t2v_1.3B_fp16.safetensors": "wan",
    "wan2.1_vace_1.3B_fp16.safetensors": "wan_vace",
    "wan2.1_vace_14B_fp16.safetensors": "wan_vace",
    "wan2.2_fun_control_5B_bf16.safetensors": "wan_5b_fun",
    "wan2.2_fun_control_high_noise_14B_fp8_scaled.safetensors": "wan22_fun",
    "wan2.2_fun_control_low_noise_14B_fp8_scaled.safetensors": "wan22_fun_low",
    "wan2.2_fun_inpaint_5B_bf16.safetensors": "wan_5b_inpaint",
    "wan2.2_i2v_high_noise_14B_fp8_scaled.safetensors": "wan22_i2v",
    "wan2.2_i2v_low_noise_14B_fp8_scaled.safetensors": "wan22_i2v_low",
    "wan2.2_i2v_lightx2v_4steps_lora_v1_high_noise.safetensors": "wan_lora",
    "wan2.2_i2v_lightx2v_4steps_lora_v1_low_noise.safetensors": "wan_lora",
    "wan2.2_t2v_high_noise_14B_fp8_scaled.safetensors": "wan",
    "wan2.2_t2v_low_noise_14B_fp8_scaled.safetensors": "wan_low",
    "wan2.2_t2v_lightx2v_4steps_lora_v1.1_high_noise.safetensors": "wan_lora",
    "wan2.2_t2v_lightx2v_4steps_lora_v1.1_low_noise.safetensors": "wan_lora",
    "wan2.2_ti2v_5B_fp16.safetensors": "wan_5b",
    "wan2.2_vae.safetensors": "video_vae_48",
    "wan_2.1_vae.safetensors": "wan_vae",
}
WAN_TEXT, SDXL_TEXT, FLUX_LIKE_TEXT = Text(768), Text(2048, 1280, tokens=77), Text(256, 128)
# The file, or the type of a text encoder's loader -> the text that its model reads
TEXTS = {
    "flux": FLUX_LIKE_TEXT,
    "flux1-schnell-fp8.safetensors": FLUX_LIKE_TEXT,
    "hunyuan_video": Text(256, 768),
    "hunyuan_video_15": Text(256, 768),
    "ltxv": Text(256, padding=3),
    "sd3.5_large_fp8_scaled.safetensors": FLUX_LIKE_TEXT,
    "sd_xl_base_1.0.safetensors": SDXL_TEXT,
    "sd_xl_turbo_1.0_fp16.safetensors": SDXL_TEXT,
    "sd_xl_refiner_1.0.safetensors": Text(1280, 1280, tokens=77),
    "wan": WAN_TEXT,
}
TEXT = "UNSTest_TokensConditioning"
SOURCE, TARGET, NEGATIVE = 1.0, -2.0, 0.0  # what stands for a text


def missing() -> str | None:
    """Why these graphs cannot be had here, in one sentence; None when they can."""
    if importlib.util.find_spec(PACKAGE) is None:
        name = PACKAGE.replace("_", "-")
        return f"{name} is not installed: `make setup` brings ComfyUI's own template files"
    return None


def version() -> str:
    """Of the wheel."""
    return importlib.metadata.version(PACKAGE)


def workflow(name: str) -> dict:
    """A template's file as it is."""
    spec = importlib.util.find_spec(PACKAGE)
    folder = Path(spec.submodule_search_locations[0]) / "templates"
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def needs(comfy: HostSession, name: str) -> None:
    """Skips the test on a ComfyUI that is older than a node of the graph."""
    whole = workflow(name)
    inner = (whole.get("definitions") or {}).get("subgraphs") or []
    types = {node["type"] for graph in (whole, *inner) for node in graph["nodes"]}
    for kind in sorted(types - KNOWN - {one["id"] for one in inner}):
        comfy.needs(kind)


def small_prompt(comfy: HostSession, name: str, media: Callable[[str], str], steps: int = STEPS) -> Prompt:
    """A template's prompt on small models; `media` gives the uploaded file for the one that a graph names."""
    prompt = graph_to_prompt(workflow(name), comfy.object_info)
    for node in prompt.values():
        sizes = SIZES | {"steps": steps}
        node["inputs"] |= {key: size for key, size in sizes.items() if key in node["inputs"]}
    on_small_models(comfy, prompt, media)
    return prompt


def on_small_models(comfy: HostSession, prompt: Prompt, media: Callable[[str], str]) -> None:
    """Small files in the place of those that the prompt names, and nothing of text encoders."""
    draw_texts(prompt)
    draw_vision(prompt)
    for node in prompt.values():
        node["inputs"] = {key: small(comfy, key, value, media) for key, value in node["inputs"].items()}


SIZES = {
    "height": HEIGHT,
    "length": FRAMES,
    "video_frames": 3,  # SVD's UNet asks far more of a CPU
    "width": WIDTH,
    # which blocks SkipLayerGuidanceDiT skips: the small ones have two
    "double_layers": "0",
    "single_layers": "0",
}
MEDIA = (".jpg", ".mp4", ".png", ".webp")


def small(comfy: HostSession, key: str, value: object, media: Callable[[str], str]) -> object:
    """The value of an input that names a file, for what stands in its place."""
    if isinstance(value, str) and value.endswith(".safetensors"):
        kind = FILES[value]
        return family_model(comfy.models_dir, kind) if kind in KINDS else comfy.model(kind)
    if key in ("image", "file") and isinstance(value, str) and value.endswith(MEDIA):
        return media(value)
    return value


# ---- what stands for encoders


def draw_texts(prompt: Prompt) -> None:
    """Drawn numbers in place of each text, and no text encoder."""
    for id, node in prompt.items():
        if node["class_type"] == "CLIPTextEncode":
            text = text_of(prompt, node["inputs"]["clip"])
            value = NEGATIVE if is_negative(prompt, id) else SOURCE
            inputs = {"value": value, "tokens": text.tokens, "width": text.width}
            inputs |= {"pooled": text.pooled} if text.pooled else {}
            inputs |= {"padding": text.padding} if text.padding else {}
            node |= {"class_type": TEXT, "inputs": inputs}
    for node in prompt.values():
        if node["class_type"] == "LoraLoader":  # without its half for the text encoder
            node["class_type"] = "LoraLoaderModelOnly"
            node["inputs"] = {k: v for k, v in node["inputs"].items() if k not in ("clip", "strength_clip")}
    drop(prompt, "CLIPLoader", "DualCLIPLoader")


def text_of(prompt: Prompt, clip: list) -> Text:
    """What comes of the text encoder behind a link, through LoRA."""
    inputs = prompt[clip[0]]["inputs"]
    if "clip" in inputs:
        return text_of(prompt, inputs["clip"])
    return TEXTS[inputs["type"] if "type" in inputs else inputs["ckpt_name"]]


def is_negative(prompt: Prompt, text: str) -> bool:
    """Whether a node takes this text as its negative one."""
    return any(node["inputs"].get("negative") == [text, 0] for node in prompt.values())


def draw_vision(prompt: Prompt) -> None:
    """Drawn answers in place of ViT-H, also of the one in SVD's checkpoint."""
    images = [id for id, node in prompt.items() if node["class_type"] == "ImageOnlyCheckpointLoader"]
    loaders = [id for id, node in prompt.items() if node["class_type"] == "CLIPVisionLoader"]
    for id in loaders:
        prompt[id] |= {"class_type": "UNSTest_DrawnVision", "inputs": {}}
    for id in images:
        prompt[f"{id} vision"] = {"class_type": "UNSTest_DrawnVision", "inputs": {}}
        relink(prompt, [id, 1], [f"{id} vision", 0])


def drop(prompt: Prompt, *classes: str) -> None:
    """Without these nodes, which nothing asks any more."""
    for id in [id for id, node in prompt.items() if node["class_type"] in classes]:
        del prompt[id]


def relink(prompt: Prompt, old: list, new: list) -> None:
    """Whatever hung on the one output hangs on the other."""
    for node in prompt.values():
        node["inputs"] |= {key: new for key, value in node["inputs"].items() if value == old}


# ---- our nodes in the place of samplers

SAMPLERS = ("KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced")
PLAIN = ("UNS_Unsampler", "UNS_NoiselessResampler")
ADVANCED = ("UNS_UnsamplerAdvanced", "UNS_NoiselessResamplerAdvanced")


def put_our_nodes(prompt: Prompt, border: float | None) -> list[str]:
    """Exact Unsampler and Noiseless Resampler in the place of each sampler; the ids that these had.

    border: of a pair of experts, which two samplers in a row become. The graph goes on with a new look.
    """
    samplers = {id: node["inputs"] for id, node in prompt.items() if node["class_type"] in SAMPLERS}
    pairs = {id: inputs["latent_image"][0] for id, inputs in samplers.items() if border}
    pairs = {low: high for low, high in pairs.items() if high in samplers}
    for id, inputs in samplers.items():
        if id in pairs:
            high = samplers[pairs[id]]
            put(prompt, id, experts(prompt, f"{id} experts", high, inputs, border), high)
        elif id not in pairs.values():
            asked = ("guider",) if "guider" in inputs else ("model", "positive", "negative", "cfg")
            put(prompt, id, {key: inputs[key] for key in asked}, inputs)
    for high in pairs.values():
        del prompt[high]
    return [id for id in samplers if id not in pairs.values()]


def experts(prompt: Prompt, id: str, high: dict, low: dict, border: float) -> dict:
    """The guider of a pair, as the nodes' input."""
    inputs = {key: high[key] for key in ("positive", "negative", "cfg")} | {"border": border}
    inputs |= {"high_model": high["model"], "low_model": low["model"]}
    inputs |= {f"low_{key}": low[key] for key in ("positive", "negative")}
    return {"guider": add(prompt, id, "UNS_ExpertsBySigma", inputs)}


def put(prompt: Prompt, id: str, asked: dict, sampler: dict) -> None:
    """Our nodes for one sampler: up from a clip of the shape of its latent, back, and to a new look."""
    up, down = ADVANCED if "guider" in asked else PLAIN
    clip = add(prompt, f"{id} source", "UNSTest_ClipLike", {"latent": sampler["latent_image"]})
    rising = {"latent_image": clip, "sigmas": schedule(prompt, id, sampler), "solver": "midpoint"}
    noise = add(prompt, f"{id} noise", up, asked | rising)
    add(prompt, f"{id} back", down, asked | {"noise": noise, "structure": 0.0})
    other = {key: retold(prompt, value) for key, value in asked.items()}
    prompt[id] = {"class_type": down, "inputs": other | {"noise": noise, "structure": 0.0}}
    relink(prompt, [id, 1], [id, 0])  # denoised_output of core's custom samplers


def schedule(prompt: Prompt, id: str, sampler: dict) -> list:
    """The sampler's own: its link, or what a KSampler makes of its widgets."""
    if "sigmas" in sampler:
        return sampler["sigmas"]
    inputs = {key: sampler[key] for key in ("model", "scheduler", "steps")} | {"denoise": 1.0}
    return add(prompt, f"{id} schedule", "BasicScheduler", inputs)


def add(prompt: Prompt, id: str, class_type: str, inputs: dict) -> list:
    """A node more; its first output."""
    prompt[id] = {"class_type": class_type, "inputs": inputs}
    return [id, 0]


def retold(prompt: Prompt, value: object) -> object:
    """The same input with another text: what lies between the text and here is there a second time."""
    if not isinstance(value, list) or not told(prompt, value[0]):
        return value
    id, output = value
    if f"{id} target" not in prompt:
        node = prompt[id]
        inputs = {key: retold(prompt, inner) for key, inner in node["inputs"].items()}
        inputs |= {"value": TARGET} if node["class_type"] == TEXT else {}
        add(prompt, f"{id} target", node["class_type"], inputs)
    return [f"{id} target", output]


def told(prompt: Prompt, id: str) -> bool:
    """Whether something of this node comes of the source's text."""
    node = prompt[id]
    if node["class_type"] == TEXT:
        return node["inputs"]["value"] == SOURCE
    return any(isinstance(value, list) and told(prompt, value[0]) for value in node["inputs"].values())


def watch(prompt: Prompt, name: str, sampler: str) -> None:
    """Keep the clip, its noise, what came back and the new look for `comfy.tensors(name-part)`."""
    for part in ("source", "noise", "back", "edit"):
        latent = [sampler if part == "edit" else f"{sampler} {part}", 0]
        add(prompt, f"{name} {part}", "UNSTest_SaveTensors", {"name": f"{name}-{part}", "latent": latent})

"""Writes workflows/*.json from the descriptions below: `python tools/build_workflows.py`.

The recorded /object_info of tests/data tells which slots and widgets each node type has. After a node
changes, record it again with tools/record_object_info.py, then run this.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import workflow_notes as notes  # noqa: E402  (the root must be on the path first)
from tools.workflow_graph import Graph, Node, Pack  # noqa: E402
from tools.workflow_layout import Area, place  # noqa: E402

OBJECT_INFO = ROOT / "tests" / "data" / "object_info.json"
OUR_PACK = "unsampling"
CLIP = "your_clip.mp4"
PICTURE = "example.png"  # ComfyUI ships it in its input folder



def hugging_face(repository: str, name: str, directory: str) -> dict[str, str]:
    """A model file as the frontend's download dialog wants it."""
    url = f"https://huggingface.co/{repository}/resolve/main/{name}"
    return {"name": name, "url": url, "directory": directory}


CHECKPOINT = hugging_face("Comfy-Org/stable-diffusion-v1-5-archive", "v1-5-pruned-emaonly-fp16.safetensors",
                          "checkpoints")
VAE = hugging_face("stabilityai/sd-vae-ft-mse-original", "vae-ft-mse-840000-ema-pruned.safetensors", "vae")
MOTION = hugging_face("guoyww/animatediff", "v3_sd15_mm.ckpt", "animatediff_models")
CANNY = hugging_face("comfyanonymous/ControlNet-v1-1_fp16_safetensors",
                     "control_v11p_sd15_canny_fp16.safetensors", "controlnet")

# Combos that list files of the recording machine, and the one name each shows instead.
FILE_COMBOS = {
    ("CheckpointLoaderSimple", "ckpt_name"): CHECKPOINT["name"],
    ("VAELoader", "vae_name"): VAE["name"],
    ("ADE_LoadAnimateDiffModel", "model_name"): MOTION["name"],
    ("ACN_ControlNetLoaderAdvanced", "cnet"): CANNY["name"],
    ("LoadVideo", "file"): CLIP,
    ("LoadImage", "image"): PICTURE,
}

BLUE, PURPLE, GREEN = "#3f789e", "#8A5FA8", "#3f7d4f"
POSITIVE = {"color": "#232", "bgcolor": "#353"}
NEGATIVE = {"color": "#322", "bgcolor": "#533"}
OURS = {"color": "#323", "bgcolor": "#535"}


def packs() -> dict[str, Pack]:
    """The pack of a node by the first part of its python_module, in lower case."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    core = Pack("comfy-core", "0.33.0")
    return {"nodes": core, "comfy_extras": core, OUR_PACK: Pack(OUR_PACK, version),
            "comfyui-animatediff-evolved": Pack("comfyui-animatediff-evolved", "1.5.7"),
            "comfyui-advanced-controlnet": Pack("comfyui-advanced-controlnet", "1.5.8")}


def prompt(graph: Graph, title: str, clip: object, text: str, colors: dict | None = None) -> Node:
    """One titled prompt."""
    return graph.add("CLIPTextEncode", title, colors=colors, clip=clip, text=text)


def unsampling_animatediff_sd15(info: dict) -> dict:
    """A clip through AnimateDiff: unsample with the target prompt, resample with a weak ControlNet."""
    g = Graph(info, packs())
    start = g.note("Start here", notes.START)
    sdxl = g.note("From SD1.5 to SDXL", notes.SDXL)

    video = g.add("LoadVideo", file=CLIP)
    trim = g.add("Video Slice", video=video["VIDEO"], duration=2.0)
    parts = g.add("GetVideoComponents", video=trim["VIDEO"])
    frames = g.add("ImageScaleToTotalPixels", image=parts["images"], upscale_method="area", megapixels=0.35,
                   resolution_steps=8)

    base = g.add("CheckpointLoaderSimple", models=[CHECKPOINT], ckpt_name=CHECKPOINT["name"])
    vae = g.add("VAELoader", models=[VAE], vae_name=VAE["name"])
    control = g.add("ACN_ControlNetLoaderAdvanced", "Load ControlNet", models=[CANNY], cnet=CANNY["name"])
    loader = g.add("ADE_LoadAnimateDiffModel", "Load AnimateDiff Model", models=[MOTION],
                   model_name=MOTION["name"])
    motion = g.add("ADE_ApplyAnimateDiffModelSimple", "Apply AnimateDiff Model",
                   motion_model=loader["MOTION_MODEL"])
    windows = g.add("ADE_StandardStaticContextOptions", "Context Options (Standard Static)",
                    context_length=16, context_overlap=4)
    model = g.add("ADE_UseEvolvedSampling", "Use Evolved Sampling", model=base["MODEL"],
                  m_models=motion["M_MODELS"], context_options=windows["CONTEXT_OPTS"],
                  beta_schedule="autoselect")

    target = prompt(g, "Target prompt", base["CLIP"], "oil painting of a person walking through a city, "
                    "thick brush strokes, warm evening light, highly detailed", POSITIVE)
    negative = prompt(g, "Negative prompt", base["CLIP"], "blurry, low quality, deformed, watermark, text",
                      NEGATIVE)
    source = prompt(g, "Source description (optional)", base["CLIP"],
                    "a video of a person walking through a city")
    empty = prompt(g, "Empty prompt (optional)", base["CLIP"], "")

    latent = g.add("VAEEncode", pixels=frames["IMAGE"], vae=vae["VAE"])
    steps = g.add("UNS_AYSScheduler", colors=OURS, model_type="auto", steps=16, model=model["MODEL"])
    noise = g.add("UNS_Unsampler", colors=OURS, model=model["MODEL"], positive=target["CONDITIONING"],
                  negative=negative["CONDITIONING"], latent_image=latent["LATENT"], sigmas=steps["SIGMAS"],
                  cfg=1.0)
    which = g.note("Which prompt unsamples?", notes.PROMPTS)

    edges = g.add("Canny", image=frames["IMAGE"], low_threshold=0.1, high_threshold=0.3)
    hint = g.add("ACN_AdvancedControlNetApply_v2", "Apply ControlNet (weak, early steps)",
                 positive=target["CONDITIONING"], negative=negative["CONDITIONING"],
                 control_net=control["CONTROL_NET"], image=edges["IMAGE"], strength=0.4, end_percent=0.4)
    result = g.add("UNS_NoiselessResampler", colors=OURS, model=model["MODEL"], positive=hint["positive"],
                   negative=hint["negative"], noise=noise["noise"], cfg=2.0)
    tuning = g.note("Too close or too far?", notes.TUNING)

    images = g.add("VAEDecode", samples=result["latent"], vae=vae["VAE"])
    clip = g.add("CreateVideo", images=images["IMAGE"], audio=parts["audio"], fps=parts["fps"])
    save = g.add("SaveVideo", video=clip["VIDEO"], filename_prefix="video/unsampling")

    place(g, [
        Area("Read me", GREEN, [start, sdxl], width=400, heights={start.id: 560, sdxl.id: 300}),
        Area("1 Source video", BLUE, [video, trim, parts, frames]),
        Area("2 Models", BLUE, [base, vae, control, loader, motion, windows, model], width=380),
        Area("3 Prompts", BLUE, [target, negative, source, empty]),
        Area("4 Unsample", PURPLE, [latent, steps, noise, which], heights={which.id: 440}),
        Area("5 Resample", PURPLE, [edges, hint, result, tuning], heights={tuning.id: 360}),
        Area("6 Result", BLUE, [images, clip, save], heights={save.id: 420}),
    ])
    return g.to_json()


def unsample_resample_image(info: dict) -> dict:
    """One picture there and back: the smallest graph that shows what unsampling is."""
    g = Graph(info, packs())
    text = g.note("Start here", notes.IMAGE)
    base = g.add("CheckpointLoaderSimple", models=[CHECKPOINT], ckpt_name=CHECKPOINT["name"])
    picture = g.add("LoadImage", image=PICTURE)
    pixels = g.add("ImageScaleToTotalPixels", image=picture["IMAGE"], upscale_method="area", megapixels=0.26,
                   resolution_steps=8)
    target = prompt(g, "Target prompt", base["CLIP"], "oil painting of a landscape", POSITIVE)
    negative = prompt(g, "Negative prompt", base["CLIP"], "blurry, low quality, watermark, text", NEGATIVE)
    source = prompt(g, "Source description (optional)", base["CLIP"], "photo of a landscape, natural light")
    latent = g.add("VAEEncode", pixels=pixels["IMAGE"], vae=base["VAE"])
    steps = g.add("UNS_AYSScheduler", colors=OURS, model_type="auto", steps=16, model=base["MODEL"])
    both = {"model": base["MODEL"], "positive": target["CONDITIONING"], "negative": negative["CONDITIONING"]}
    noise = g.add("UNS_Unsampler", colors=OURS, **both, latent_image=latent["LATENT"], sigmas=steps["SIGMAS"],
                  cfg=1.0)
    result = g.add("UNS_NoiselessResampler", colors=OURS, **both, noise=noise["noise"], cfg=1.0)
    image = g.add("VAEDecode", samples=result["latent"], vae=base["VAE"])
    save = g.add("SaveImage", images=image["IMAGE"], filename_prefix="unsampling")
    place(g, [
        Area("Read me", GREEN, [text], width=400, heights={text.id: 440}),
        Area("1 Source and model", BLUE, [picture, pixels, base]),
        Area("2 Prompts", BLUE, [target, negative, source]),
        Area("3 Unsample", PURPLE, [latent, steps, noise]),
        Area("4 Resample", PURPLE, [result, image, save], heights={save.id: 320}),
    ])
    return g.to_json()


WORKFLOWS: dict[str, Callable[[dict], dict]] = {
    "unsampling_animatediff_sd15": unsampling_animatediff_sd15,
    "unsample_resample_image": unsample_resample_image,
}


def build(object_info: dict | None = None) -> dict[str, str]:
    """The text of every workflow file by its base name."""
    info = object_info or json.loads(OBJECT_INFO.read_text(encoding="utf-8"))
    return {name: json.dumps(describe(info), indent=2) + "\n" for name, describe in WORKFLOWS.items()}


def main() -> None:
    """Write the files."""
    for name, text in build().items():
        path = ROOT / "workflows" / f"{name}.json"
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)} ({len(text) // 1024} KiB)")


if __name__ == "__main__":
    main()

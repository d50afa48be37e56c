"""The prompts of the workflow files, as the frontend queues them, and what host tests change in them."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import torch
from family_models import family_model
from host_session import HostSession
from PIL import Image
from torch import Tensor

from demo.video import pan_over_photograph, read_video, write_video

PROMPTS = Path(__file__).parents[2] / "api"


def committed_prompt(name: str) -> dict:
    """A workflow's prompt, which the browser tests compare with what the frontend makes of the file."""
    return json.loads((PROMPTS / f"{name}.json").read_text(encoding="utf-8"))


def the(prompt: dict, class_type: str) -> dict:
    """The inputs of the one node of that type."""
    found = [node["inputs"] for node in prompt.values() if node["class_type"] == class_type]
    assert len(found) == 1, f"{len(found)} nodes of type {class_type}"
    return found[0]


def node_id(prompt: dict, class_type: str) -> str:
    """The id of the first node of that type."""
    return next(key for key, node in prompt.items() if node["class_type"] == class_type)


def without_big_models(prompt: dict) -> dict:
    """The same graph with neither motion model nor ControlNet, which only fit the full SD1.5 UNet."""
    gone = {
        "ACN_ControlNetLoaderAdvanced",
        "ACN_AdvancedControlNetApply_v2",
        "ADE_LoadAnimateDiffModel",
        "ADE_ApplyAnimateDiffModelSimple",
        "UNS_CannyEdges",
    }
    control = the(prompt, "ACN_AdvancedControlNetApply_v2")
    resampler = the(prompt, "UNS_NoiselessResampler")
    resampler["positive"], resampler["negative"] = control["positive"], control["negative"]
    the(prompt, "ADE_UseEvolvedSampling").pop("m_models")
    return {key: node for key, node in prompt.items() if node["class_type"] not in gone}


def on_small_picture(comfy: HostSession, prompt: dict, folder: Path) -> None:
    """Gives a prompt for one picture a small picture, a small model, and two steps."""
    picture = folder / "picture.png"
    Image.fromarray(pan_over_photograph(1, 96, 128)[0]).save(picture)
    the(prompt, "LoadImage")["image"] = comfy.client.upload(picture)
    the(prompt, "CheckpointLoaderSimple")["ckpt_name"] = comfy.model("one_level")
    the(prompt, "ImageScaleToTotalPixels")["megapixels"] = 0.02
    the(prompt, "UNS_AYSScheduler")["steps"] = 2


def on_small_sd15(
    comfy: HostSession, prompt: dict, folder: Path, checkpoint: str = "one_level", frames: int = 4
) -> None:
    """Gives a prompt for SD1.5 a short clip, a small UNet without a motion model, a small VAE, and two
    steps."""
    clip = folder / "short.mp4"
    write_video(clip, pan_over_photograph(frames, 67, 101), Fraction(8))
    the(prompt, "LoadVideo")["file"] = comfy.client.upload(clip)
    the(prompt, "CheckpointLoaderSimple")["ckpt_name"] = comfy.model(checkpoint)
    the(prompt, "VAELoader")["vae_name"] = comfy.model("vae")
    the(prompt, "UNS_VideoFrames")["megapixels"] = 0.01
    the(prompt, "UNS_AYSScheduler")["steps"] = 2
    the(prompt, "ADE_UseEvolvedSampling").pop("m_models")
    for key in [key for key, node in prompt.items() if "AnimateDiffModel" in node["class_type"]]:
        del prompt[key]


def restyled_twice(comfy: HostSession, prompt: dict, name: str, folder: Path) -> tuple[Tensor, ...]:
    """Noise, restyled clip and source of a prompt that is run twice: to the same bits, with a frame of video
    for each of the clip's, at its rate."""
    source = the(prompt, "UNS_Unsampler")["latent_image"][0]
    save_latent(prompt, f"{name}-source", source)
    runs = []
    for _ in range(2):
        watch(prompt, name)
        entry = comfy.run(prompt)
        runs.append([comfy.tensors(f"{name}-{part}")["samples"] for part in ("noise", "clip", "source")])
        film, fps = read_video(saved_video(comfy, entry, folder))
        assert len(film) == len(runs[0][2]) and fps == 8
    assert all(torch.equal(first, again) for first, again in zip(*runs, strict=True))
    assert all(tensor.isfinite().all() for tensor in runs[0])
    return tuple(runs[0])


def on_small_wan(comfy: HostSession, prompt: dict, clip: Path) -> None:
    """Gives a Wan prompt a clip, a small VAE, a small size and four steps; its transformers are the caller's.

    umt5 has 5.7 billion weights: the text encoder is SD1.5's, whose width the small transformers' files
    ask for.
    """
    the(prompt, "LoadVideo")["file"] = comfy.client.upload(clip)
    the(prompt, "VAELoader")["vae_name"] = family_model(comfy.models_dir, "wan_vae")
    text = node_id(prompt, "CLIPLoader")
    prompt[text] = {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": comfy.model("one_level")}}
    for node in prompt.values():
        if node["class_type"] == "CLIPTextEncode":
            node["inputs"]["clip"] = [text, 1]
    the(prompt, "UNS_VideoFrames")["megapixels"] = 0.01
    the(prompt, "BasicScheduler")["steps"] = 4


def save_latent(prompt: dict, name: str, node: str) -> None:
    """Keep a node's LATENT for `comfy.tensors(name)`."""
    prompt[f"save-{name}"] = {
        "class_type": "UNSTest_SaveTensors",
        "inputs": {"name": name, "latent": [node, 0]},
    }


def watch(prompt: dict, name: str) -> None:
    """Saves the noise and the restyled latents beside the video, and has both passes run whatever is
    cached."""
    unsampler = the(prompt, "UNS_Unsampler")
    if unsampler["latent_image"][0] != "again":
        prompt["again"] = {"class_type": "UNSTest_Again", "inputs": {"latent": unsampler["latent_image"]}}
        unsampler["latent_image"] = ["again", 0]
    for part, class_type in (("noise", "UNS_Unsampler"), ("clip", "UNS_NoiselessResampler")):
        inputs = {"name": f"{name}-{part}", "latent": [node_id(prompt, class_type), 0]}
        prompt[f"watch-{part}"] = {"class_type": "UNSTest_SaveTensors", "inputs": inputs}


def come_back(prompt: dict, name: str) -> None:
    """Resamples with the source's own prompt and cfg too, and keeps `name`-source and `name`-back."""
    unsampler = the(prompt, "UNS_Unsampler")
    same = {key: unsampler[key] for key in ("model", "positive", "negative", "cfg")}
    inputs = the(prompt, "UNS_NoiselessResampler") | same
    prompt["back"] = {"class_type": "UNS_NoiselessResampler", "inputs": inputs}
    save_latent(prompt, f"{name}-back", "back")
    save_latent(prompt, f"{name}-source", unsampler["latent_image"][0])


def round_trip_error(comfy: HostSession, name: str) -> float:
    """How far what came back is from the source, over the source's size."""
    back, source = (comfy.tensors(f"{name}-{part}")["samples"] for part in ("back", "source"))
    return float((back - source).norm() / source.norm())


def saved_video(comfy: HostSession, entry: dict, folder: Path) -> Path:
    """The one video that a run saved, downloaded."""
    items = [item for item in comfy.client.outputs(entry) if item["filename"].endswith(".mp4")]
    assert len(items) == 1
    return Path(comfy.client.download(items[0], folder))

"""The templates of LTXV, HunyuanVideo and Wan 2.1 VACE on a real server: small models in the real formats
with random weights. Nothing here says how a picture looks."""

from __future__ import annotations

from fractions import Fraction

import official_graphs as official
import pytest
import torch
from host_prompts import committed_prompt, node_id, save_latent, the
from host_trips import EXACT

from demo.video import pan_over_photograph, write_video
from tools.client import RunError

LTXV, HUNYUAN, VACE = "unsampling_ltxv_video", "unsampling_hunyuan_video", "unsampling_wan_vace"
UP, DOWN = "UNS_Unsampler", "UNS_NoiselessResampler"
TEXT = ("guider", "model", "positive", "negative", "cfg")  # what a pass is asked with


def passes(prompt: dict) -> tuple[str, str]:
    """The ids of both samplers."""
    found = {node["class_type"].removesuffix("Advanced"): id for id, node in prompt.items()}
    return found[UP], found[DOWN]


def lowered(comfy, name: str, folder, frames: int, take: str = "") -> dict:
    """The committed prompt on small models, a short clip, a small size and four steps, to be run anew; it
    keeps clip, noise, new look and way back for `comfy.tensors(name-part)`."""
    film = folder / f"{frames}.mp4"
    write_video(film, pan_over_photograph(frames, 67, 101), Fraction(16))
    prompt, sent = committed_prompt(name), comfy.client.upload(film)
    official.on_small_models(comfy, prompt, lambda _: sent)
    for node in prompt.values():
        node["inputs"] |= {"steps": 4} if "steps" in node["inputs"] else {}
        if node["_meta"]["title"] == "Target: the new look":
            node["inputs"]["value"] = official.TARGET
    the(prompt, "UNS_VideoFrames")["megapixels"] = 0.01
    up, down = passes(prompt)
    rising, falling = prompt[up]["inputs"], prompt[down]["inputs"]
    prompt["again"] = {"class_type": "UNSTest_Again", "inputs": {"latent": rising["latent_image"]}}
    rising["latent_image"] = ["again", 0]
    asked = {key: rising[key] for key in TEXT if key in rising}
    prompt["back"] = prompt[down] | {"inputs": falling | asked}
    for part, node in (("source", "again"), ("noise", up), ("edit", down), ("back", "back")):
        save_latent(prompt, f"{name}{take}-{part}", node)
    images = {"name": f"{name}{take}-images", "images": [node_id(prompt, "UNS_FirstFrames"), 0]}
    prompt["save images"] = {"class_type": "UNSTest_SaveTensors", "inputs": images}
    return prompt


def made(comfy, name: str, part: str) -> torch.Tensor:
    return comfy.tensors(f"{name}-{part}")["images" if part == "images" else "samples"]


def check(comfy, name: str) -> None:
    """The clip comes back, and goes elsewhere with another text."""
    source, noise, edit, back = (made(comfy, name, part) for part in ("source", "noise", "edit", "back"))
    assert all(one.shape == source.shape and one.isfinite().all() for one in (noise, edit, back))
    error, up, other = (float((one - source).norm() / source.norm()) for one in (back, noise, edit))
    assert error < EXACT
    assert up > 0.5 and other > 1e-3


# LTXV's latent holds 1 + 8 frames, the others' 1 + 4
@pytest.mark.parametrize(
    ("name", "frames", "latents"),
    [(LTXV, 1, 1), (LTXV, 9, 2), (LTXV, 12, 3), (HUNYUAN, 1, 1), (HUNYUAN, 6, 3), (VACE, 7, 3)],
)
def test_as_many_frames_come_out_as_went_in_and_the_clip_comes_back(comfy, tmp_path, name, frames, latents):
    comfy.run(lowered(comfy, name, tmp_path, frames))
    images, source = made(comfy, name, "images"), made(comfy, name, "source")
    assert len(images) == frames and images.isfinite().all()
    multiple = 32 if name == LTXV else 16
    assert [side % multiple for side in images.shape[1:3]] == [0, 0]
    assert source.shape[2] in (latents, latents + 1)  # all frames are in, and at most one latent more
    check(comfy, name)


@pytest.mark.parametrize("name", [LTXV, HUNYUAN, VACE])
def test_the_same_again_gives_the_same_bytes(comfy, tmp_path, name):
    for take in ("-one", "-other"):
        comfy.run(lowered(comfy, name, tmp_path, 5, take))
    for part in ("noise", "edit", "back", "images"):
        one, other = (made(comfy, f"{name}{take}", part) for take in ("-one", "-other"))
        assert torch.equal(one, other), part
    assert made(comfy, f"{name}-one", "images").std() > 0.001


def test_vaces_strength_changes_the_new_look_and_not_the_way_back(comfy, tmp_path):
    looks = []
    for strength in (0.4, 0.0, 0.8):
        prompt = lowered(comfy, VACE, tmp_path, 1)
        the(prompt, "WanVaceToVideo")["strength"] = strength
        comfy.run(prompt)
        check(comfy, VACE)
        looks.append(made(comfy, VACE, "edit"))
    assert all(not torch.allclose(looks[0], other, atol=1e-3) for other in looks[1:])


def test_vaces_reference_wants_its_frame_before_the_clip(comfy, tmp_path):
    """A latent frame more than the clip has: without it a sentence, with it the clip comes back."""
    prompt = lowered(comfy, VACE, tmp_path, 7)
    frames, vace = node_id(prompt, "UNS_VideoFrames"), the(prompt, "WanVaceToVideo")
    one = {"image": [frames, 0], "batch_index": 0, "length": 1}
    prompt["picture"] = {"class_type": "ImageFromBatch", "inputs": one}
    vace["reference_image"] = ["picture", 0]
    told = "VACE's video of 4 latent frames, and the clip has 3: .*LatentConcat, -t"
    with pytest.raises(RunError, match=told):
        comfy.run(prompt)
    encoded = {"pixels": ["picture", 0], "vae": vace["vae"]}
    prompt["encoded"] = {"class_type": "VAEEncode", "inputs": encoded}
    again = prompt["again"]["inputs"]
    both = {"samples1": again["latent"], "samples2": ["encoded", 0], "dim": "-t"}
    prompt["both"] = {"class_type": "LatentConcat", "inputs": both}
    again["latent"] = ["both", 0]
    edit = [passes(committed_prompt(VACE))[1], 0]
    official.relink(prompt, edit, ["trimmed", 0])
    cut = {"samples": edit, "trim_amount": 1}
    prompt["trimmed"] = {"class_type": "TrimVideoLatent", "inputs": cut}
    comfy.run(prompt)
    assert made(comfy, VACE, "source").shape[2] == 4 and len(made(comfy, VACE, "images")) == 7
    source, back = (made(comfy, VACE, part) for part in ("source", "back"))
    assert float((back - source).norm() / source.norm()) < EXACT


def test_vaces_edges_go_with_the_windows(comfy, tmp_path):
    """Core's windows, 5 frames long on a clip of 9: each sees its part of the control video."""
    prompt = lowered(comfy, VACE, tmp_path, 9)
    shift = node_id(prompt, "ModelSamplingSD3")
    windows = {
        "model": [shift, 0],
        "context_length": 5,
        "context_overlap": 4,
        "context_stride": 1,
        "context_schedule": "standard_uniform",
        "closed_loop": False,
        "fuse_method": "pyramid",
        "freenoise": False,
        "retain_first_frame": False,
        "split_conds_to_windows": False,
    }
    official.relink(prompt, [shift, 0], ["windows", 0])
    prompt["windows"] = {"class_type": "WanContextWindowsManual", "inputs": windows}
    comfy.run(prompt)
    assert "Using context windows" in comfy.log_text()
    assert len(made(comfy, VACE, "images")) == 9
    check(comfy, VACE)

"""The Wan workflow, a flow model's, on a real server: Wan's transformer and VAE in the real formats, small
and with random weights. Nothing here says how a picture looks."""

from fractions import Fraction

import pytest
import torch
from family_models import family_model
from host_prompts import (
    come_back,
    committed_prompt,
    node_id,
    on_small_wan,
    round_trip_error,
    saved_video,
    the,
    watch,
)

from demo.video import pan_over_photograph, read_video, write_video
from tools.client import ClientError

WAN = "unsampling_wan_video"


def lowered(comfy, clip, prompt: dict | None = None) -> dict:
    """The workflow's prompt, or an earlier one, with other models, clip, size and number of steps."""
    prompt = committed_prompt(WAN) if prompt is None else prompt
    on_small_wan(comfy, prompt, clip)
    the(prompt, "UNETLoader")["unet_name"] = family_model(comfy.models_dir, "wan")
    return prompt


def short_clip(folder, frames: int):
    path = folder / f"{frames}.mp4"
    write_video(path, pan_over_photograph(frames, 67, 101), Fraction(16))
    return path


@pytest.mark.parametrize("frames", [1, 4, 6, 11])
def test_as_many_frames_come_out_as_went_in_and_the_clip_comes_back(comfy, tmp_path, frames):
    prompt = lowered(comfy, short_clip(tmp_path, frames))
    watch(prompt, "wan")
    come_back(prompt, "wan")
    entry = comfy.run(prompt)
    found, fps = read_video(saved_video(comfy, entry, tmp_path))
    assert len(found) == frames
    assert fps == 16
    noise, restyled = (comfy.tensors(f"wan-{part}")["samples"] for part in ("noise", "clip"))
    latents = -(-(frames - 1) // 4) + 1  # what holds every frame, and at most one latent more
    assert noise.shape[:2] == (1, 16) and noise.shape[2] in (latents, latents + 1)
    assert restyled.shape == noise.shape
    assert noise.isfinite().all() and restyled.isfinite().all()
    assert round_trip_error(comfy, "wan") < 1e-6


def test_longer_clips_come_back_through_cores_windows(comfy, tmp_path):
    """What the note says: Wan Context Windows behind the shift, here 9 frames long on a clip of 17."""
    prompt = lowered(comfy, short_clip(tmp_path, 17))
    shift = node_id(prompt, "ModelSamplingSD3")
    windows = {
        "model": [shift, 0],
        "context_length": 9,
        "context_overlap": 4,
        "context_stride": 1,
        "context_schedule": "standard_uniform",
        "closed_loop": False,
        "fuse_method": "pyramid",
        "freenoise": True,
        "retain_first_frame": False,
        "split_conds_to_windows": False,
    }
    for node in prompt.values():
        if node["inputs"].get("model") == [shift, 0]:
            node["inputs"]["model"] = ["windows", 0]
    prompt["windows"] = {"class_type": "WanContextWindowsManual", "inputs": windows}
    watch(prompt, "wan-long")
    come_back(prompt, "wan-long")
    entry = comfy.run(prompt)
    found, _ = read_video(saved_video(comfy, entry, tmp_path))
    assert len(found) == 17
    assert "Context window" in comfy.log_text()
    assert round_trip_error(comfy, "wan-long") < 1e-6


def test_the_schedule_begins_at_1_and_the_noise_is_not_the_source(comfy, tmp_path):
    prompt = lowered(comfy, short_clip(tmp_path, 5))
    watch(prompt, "wan-one")
    come_back(prompt, "wan-one")
    prompt["sigmas"] = {
        "class_type": "UNSTest_SaveTensors",
        "inputs": {"name": "wan-sigmas", "sigmas": [node_id(prompt, "BasicScheduler"), 0]},
    }
    comfy.run(prompt)
    sigmas = comfy.tensors("wan-sigmas")["sigmas"]
    assert float(sigmas[0]) == 1.0 and float(sigmas[-1]) == 0.0
    noise, source = (comfy.tensors(f"wan-one-{part}")["samples"] for part in ("noise", "source"))
    assert not torch.allclose(noise, source, atol=0.1)


def test_ays_refuses_a_flow_model_and_names_the_scheduler(comfy, tmp_path):
    prompt = lowered(comfy, short_clip(tmp_path, 1))
    schedule = node_id(prompt, "BasicScheduler")
    model = the(prompt, "BasicScheduler")["model"]
    inputs = {"model_type": "auto", "steps": 4, "denoise": 1.0, "model": model}
    prompt[schedule] = {"class_type": "UNS_AYSScheduler", "inputs": inputs}
    with pytest.raises(ClientError, match="no AYS table exists; use Basic Scheduler"):
        comfy.run(prompt)

"""The SDXL workflows on a real server: the smallest UNet of that family, both text encoders, a ControlNet and
motion modules in the real formats, with random weights. Nothing here says how a picture looks."""

from fractions import Fraction

import pytest
from family_models import family_model
from host_prompts import come_back, committed_prompt, node_id, round_trip_error, saved_video, the, watch

from demo.video import pan_over_photograph, read_video, write_video
from tools.client import RunError

HOTSHOT, ANIMATEDIFF = "unsampling_hotshotxl", "unsampling_animatediff_sdxl"


def lowered(comfy, name: str, motion: str, clip, steps: int = 1, prompt: dict | None = None) -> dict:
    """The workflow's prompt, or an earlier one, with other models, clip, size and number of steps; nothing
    else."""
    prompt = committed_prompt(name) if prompt is None else prompt
    models = comfy.models_dir
    the(prompt, "LoadVideo")["file"] = comfy.client.upload(clip)
    the(prompt, "Video Slice")["duration"] = 3
    the(prompt, "CheckpointLoaderSimple")["ckpt_name"] = family_model(models, "sdxl")
    the(prompt, "VAELoader")["vae_name"] = comfy.model("vae")
    the(prompt, "ADE_LoadAnimateDiffModel")["model_name"] = family_model(models, motion)
    the(prompt, "ACN_ControlNetLoaderAdvanced")["cnet"] = family_model(models, "canny_sdxl")
    frames = [node_id(prompt, "UNS_VideoFrames"), 0]  # 0.01 megapixels are still too many here
    for node in prompt.values():
        node["inputs"] |= {key: ["small", 0] for key, value in node["inputs"].items() if value == frames}
    inputs = {"image": frames, "upscale_method": "area", "width": 32, "height": 32, "crop": "disabled"}
    prompt["small"] = {"class_type": "ImageScale", "inputs": inputs}
    the(prompt, "UNS_AYSScheduler")["steps"] = steps
    return prompt


# more frames than Hotshot's windows of 8, and fewer
@pytest.mark.parametrize(
    ("name", "motion", "frames", "steps"),
    [
        (HOTSHOT, "hotshot", 9, 3),
        *((HOTSHOT, "hotshot", n, 1) for n in (1, 7, 8, 17)),
        (ANIMATEDIFF, "animatediff_sdxl", 3, 1),
    ],
)
def test_the_sdxl_workflows_run_as_they_are_and_come_back(comfy, tmp_path, name, motion, frames, steps):
    clip = tmp_path / "short.mp4"
    write_video(clip, pan_over_photograph(frames, 67, 101), Fraction(8))
    prompt = lowered(comfy, name, motion, clip, steps)
    watch(prompt, motion)
    come_back(prompt, motion)
    entry = comfy.run(prompt, timeout=500)
    found, fps = read_video(saved_video(comfy, entry, tmp_path))
    assert len(found) == frames
    assert fps == 8
    noise, restyled = (comfy.tensors(f"{motion}-{part}")["samples"] for part in ("noise", "clip"))
    assert noise.shape == restyled.shape == (frames, 4, *noise.shape[2:])
    assert noise.isfinite().all() and restyled.isfinite().all()
    assert float(noise.std()) > 10  # in the VAE's scale, of a network that was never trained
    assert round_trip_error(comfy, motion) < 1e-6


def side_by_side(prompt: dict) -> None:
    options = prompt[node_id(prompt, "ADE_StandardStaticContextOptions")]
    options |= {"class_type": "ADE_BatchedContextOptions", "inputs": {"context_length": 8}}


def longer_later(prompt: dict) -> None:
    options = node_id(prompt, "ADE_StandardStaticContextOptions")
    more = {"context_length": 32, "start_percent": 0.5, "prev_context": [options, 0]}
    prompt["later"] = {
        "class_type": "ADE_StandardStaticContextOptions",
        "inputs": prompt[options]["inputs"] | more,
    }
    the(prompt, "ADE_UseEvolvedSampling")["context_options"] = ["later", 0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (side_by_side, "side by side .*of 8 frames, of which 17 frames leave 1 over, .*use Standard Static"),
        (longer_later, "a context keyframe of 32 frames, .*in a clip of 17; set its context_length to 17"),
    ],
)
def test_windows_too_short_for_the_motion_model_are_refused_in_a_sentence(comfy, tmp_path, change, words):
    """AnimateDiff-Evolved's own answer is an integer modulo by zero."""
    clip = tmp_path / "short.mp4"
    write_video(clip, pan_over_photograph(17, 67, 101), Fraction(8))
    prompt = lowered(comfy, HOTSHOT, "hotshot", clip)
    change(prompt)
    with pytest.raises(RunError, match=f"Exact Unsampler: model .*{words}"):
        comfy.run(prompt)

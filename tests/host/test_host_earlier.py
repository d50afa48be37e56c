"""The six files of 0.1.0 on a real server, as API prompts and as workflows, with small models instead.

That a workflow queues today what queued_today() says is shown in tests/browser/test_frontend_workflows.py.
The one for VideoHelperSuite runs in test_host_vhs.py.
"""

from fractions import Fraction
from functools import partial

import pytest
import test_host_sdxl as sdxl
import test_host_wan as wan
from earlier import NAMES, queued_today, saved
from host_prompts import saved_video, the, watch, without_big_models
from PIL import Image
from test_host_vhs import VHS

from demo.video import pan_over_photograph, read_video, write_video

PICTURE, SD15 = "unsample_resample_image", "unsampling_animatediff_sd15"
MOTION = {sdxl.HOTSHOT: "hotshot", sdxl.ANIMATEDIFF: "animatediff_sdxl"}
FRAMES = 3
KINDS = {"api": partial(saved, "api"), "workflow": queued_today}


def lowered(comfy, name: str, prompt: dict, folder) -> dict:
    """The prompt with small models, and a short clip or a picture."""
    if name == PICTURE:
        picture = folder / "picture.png"
        Image.fromarray(pan_over_photograph(1, 96, 128)[0]).save(picture)
        the(prompt, "LoadImage")["image"] = comfy.client.upload(picture)
        the(prompt, "CheckpointLoaderSimple")["ckpt_name"] = comfy.model("one_level")
        the(prompt, "ImageScaleToTotalPixels")["megapixels"] = 0.02
        the(prompt, "UNS_AYSScheduler")["steps"] = 2
        return prompt
    clip = folder / "short.mp4"
    write_video(clip, pan_over_photograph(FRAMES, 67, 101), Fraction(8))
    if name == SD15:
        prompt = without_big_models(prompt)
        the(prompt, "LoadVideo")["file"] = comfy.client.upload(clip)
        the(prompt, "CheckpointLoaderSimple")["ckpt_name"] = comfy.model("one_level")
        the(prompt, "VAELoader")["vae_name"] = comfy.model("vae")
        the(prompt, "UNS_VideoFrames")["megapixels"] = 0.01
        the(prompt, "UNS_AYSScheduler")["steps"] = 2
        return prompt
    if name == wan.WAN:
        return wan.lowered(comfy, clip, prompt)
    return sdxl.lowered(comfy, name, MOTION[name], clip, prompt=prompt)


def test_the_six_are_all_here():
    assert {PICTURE, SD15, VHS, wan.WAN, *MOTION} == set(NAMES)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [name for name in NAMES if name != VHS])
def test_a_file_of_0_1_0_runs(comfy, tmp_path, name, kind):
    prompt = lowered(comfy, name, KINDS[kind](name), tmp_path)
    run = f"earlier-{name}-{kind}"
    watch(prompt, run)
    entry = comfy.run(prompt, timeout=500)
    assert entry["status"]["status_str"] == "success"
    assert all(comfy.tensors(f"{run}-{part}")["samples"].isfinite().all() for part in ("noise", "clip"))
    if name != PICTURE:
        found, _ = read_video(saved_video(comfy, entry, tmp_path))
        assert len(found) == FRAMES and found.std() > 0

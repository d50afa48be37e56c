"""The six files of 0.1.0 on a real server, as API prompts and as workflows, with small models instead.

That a workflow queues today what queued_today() says is shown in tests/browser/test_frontend_workflows.py.
The one for VideoHelperSuite runs in test_host_vhs.py.
"""

from fractions import Fraction

import pytest
import test_host_sdxl as sdxl
import test_host_wan as wan
import test_host_workflows as sd15
from earlier import KINDS, NAMES
from host_prompts import on_small_picture, saved_video, watch, without_big_models
from test_host_vhs import VHS
from test_host_workflows import IMAGE

from demo.video import pan_over_photograph, read_video, write_video

MOTION = {sdxl.HOTSHOT: "hotshot", sdxl.ANIMATEDIFF: "animatediff_sdxl"}
FRAMES = 3


def lowered(comfy, name: str, prompt: dict, folder) -> dict:
    """The prompt with small models, and a short clip or a picture."""
    if name == IMAGE:
        on_small_picture(comfy, prompt, folder)
        return prompt
    clip = folder / "short.mp4"
    write_video(clip, pan_over_photograph(FRAMES, 67, 101), Fraction(8))
    if name == sd15.VIDEO:
        return sd15.lowered(comfy, without_big_models(prompt), clip, "one_level")
    if name == wan.WAN:
        return wan.lowered(comfy, clip, prompt)
    return sdxl.lowered(comfy, name, MOTION[name], clip, prompt=prompt)


def test_the_six_are_all_here():
    assert {IMAGE, sd15.VIDEO, VHS, wan.WAN, *MOTION} == set(NAMES)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [name for name in NAMES if name != VHS])
def test_a_file_of_0_1_0_runs(comfy, tmp_path, name, kind):
    prompt = lowered(comfy, name, KINDS[kind](name), tmp_path)
    run = f"earlier-{name}-{kind}"
    watch(prompt, run)
    entry = comfy.run(prompt, timeout=500)
    assert entry["status"]["status_str"] == "success"
    assert all(comfy.tensors(f"{run}-{part}")["samples"].isfinite().all() for part in ("noise", "clip"))
    if name != IMAGE:
        found, _ = read_video(saved_video(comfy, entry, tmp_path))
        assert len(found) == FRAMES and found.std() > 0

"""The VideoHelperSuite variant of the SD1.5 workflow on a real server that has that pack. It is not among the
packs every host test needs, so this skips where it is missing."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest
from browser.frontend import vhs_scripts
from clips import make_clip
from comfy_server import ComfyServer
from earlier import KINDS
from host_prompts import committed_prompt, node_id, saved_video, the, watch, without_big_models
from host_session import HostSession, started

from demo.video import pan_over_photograph, read_video, write_video

VHS = "unsampling_animatediff_sd15_vhs"


@pytest.fixture(scope="module")
def vhs_comfy(tmp_path_factory) -> Iterator[HostSession]:
    """A server with every pack that the workflow needs."""
    found = vhs_scripts()
    if not found:
        pytest.skip("host test not run: no VideoHelperSuite in custom_nodes of this machine's ComfyUI")
    base = tmp_path_factory.mktemp("vhs_comfy")

    def made() -> ComfyServer:
        server = ComfyServer(base)
        for pack, web in found.items():
            (base / "custom_nodes" / pack).symlink_to(web.parent, target_is_directory=True)
        return server

    session = started(made)
    yield session
    session.close()


def lowered(comfy: HostSession, clip: Path, prompt: dict | None = None) -> dict:
    """The workflow's prompt, or an earlier one, with other models, clip, size and number of steps."""
    prompt = without_big_models(committed_prompt(VHS) if prompt is None else prompt)
    the(prompt, "VHS_LoadVideo")["video"] = comfy.client.upload(clip)
    the(prompt, "CheckpointLoaderSimple")["ckpt_name"] = comfy.model("one_level")
    the(prompt, "VAELoader")["vae_name"] = comfy.model("vae")
    the(prompt, "VHS_LoadVideo")["custom_height"] = 64
    the(prompt, "UNS_AYSScheduler")["steps"] = 2
    return prompt


# every second frame of 11 are 6 at half the rate; of 9 with a cap of 4 the first 4
@pytest.mark.parametrize(("frames", "cap", "expected"), [(11, 48, 6), (9, 4, 4)])
def test_every_second_frame_up_to_the_cap_comes_out(vhs_comfy, tmp_path, frames, cap, expected):
    clip = tmp_path / "short.mp4"
    write_video(clip, pan_over_photograph(frames, 67, 101), Fraction(16))
    prompt = lowered(vhs_comfy, clip)
    the(prompt, "VHS_LoadVideo")["frame_load_cap"] = cap
    watch(prompt, "vhs")
    entry = vhs_comfy.run(prompt)
    found, fps = read_video(saved_video(vhs_comfy, entry, tmp_path))
    assert len(found) == expected
    assert float(fps) == pytest.approx(8, rel=1e-3)
    assert found.shape[1:3] == (64, 96)  # of 67 x 101: the height asked for, the width a multiple of 8
    assert vhs_comfy.tensors("vhs-clip")["samples"].isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_those_of_0_1_0_run(vhs_comfy, tmp_path, kind):
    clip = tmp_path / "short.mp4"
    write_video(clip, pan_over_photograph(6, 67, 101), Fraction(16))
    prompt = lowered(vhs_comfy, clip, KINDS[kind](VHS))
    watch(prompt, "vhs-earlier")
    found, _ = read_video(saved_video(vhs_comfy, vhs_comfy.run(prompt), tmp_path))
    assert len(found) == 3 and found.std() > 0
    assert vhs_comfy.tensors("vhs-earlier-clip")["samples"].isfinite().all()


def test_a_link_brings_the_sound(vhs_comfy, tmp_path):
    """What the note says, for a clip that has one."""
    clip = make_clip("sound.mp4", tmp_path)
    prompt = lowered(vhs_comfy, clip)
    the(prompt, "VHS_VideoCombine")["audio"] = [node_id(prompt, "VHS_LoadVideo"), 2]
    entry = vhs_comfy.run(prompt)
    with av.open(str(saved_video(vhs_comfy, entry, tmp_path))) as container:
        assert container.streams.audio

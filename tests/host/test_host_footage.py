"""Video Frames against core's Get Video Components, on footage as it comes in (tests/footage_files.py)."""

import av
import footage_files
import numpy as np
import pytest
import torch
from footage_files import HEIGHT, RATE, WIDTH, number_of
from host_graphs import Graph

from tools.client import RunError

# What core's node gives, None for an error, and ours; and how the pictures of the two stand to each other:
# same: to the bit. each: all of core's and repeated ones for those that are damaged. time: core's as many
# or more, chosen by time. shape, colours: core's are squashed, or flat and grey. alone: core has none.
TABLE = {
    "recorder.webm": (60, 77, "time"),
    "gap.mkv": (13, 13, "time"),
    "phone.mp4": (90, 119, "time"),
    "dark.mkv": (16, 16, "time"),
    "long_sound.mkv": (24, 24, "same"),
    "late.mkv": (24, 24, "same"),
    "late.mp4": (24, 24, "same"),
    "late.ts": (24, 24, "same"),
    "fragments.mp4": (24, 24, "same"),
    "edited.mp4": (16, 16, "same"),
    "raw.h264": (None, 24, "alone"),
    "reordered.avi": (24, 24, "same"),
    "packed.avi": (24, 24, "same"),
    "joined.ts": (48, 48, "same"),
    "leaping.ts": (48, 48, "same"),
    "joined.mkv": (48, 48, "same"),
    "sizes.ts": (None, 48, "alone"),
    "bad_packet.mp4": (47, 47, "same"),
    "bad_group.mp4": (40, 48, "each"),
    "bad_start.mov": (20, 20, "same"),
    "bad_dark.mov": (14, 16, "time"),
    "cut.mp4": (None, 16, "alone"),
    "cut.mkv": (16, 16, "same"),
    "cut.ts": (None, 17, "alone"),
    "wide.mp4": (8, 8, "shape"),
    "tall.mkv": (8, 8, "shape"),
    "wide_turned.mov": (4, 4, "shape"),
    "upside_down.mov": (4, 4, "same"),
    "bad_sound.mp4": (None, 16, "alone"),
    "no_good_sound.mp4": (None, 16, "alone"),
    "changing.ts": (None, 48, "alone"),
    "second_default.mkv": (24, 24, "same"),
    "second_default.mp4": (24, 24, "same"),
    "for_the_blind.mkv": (24, 24, "same"),
    "hlg.mp4": (4, 4, "colours"),
    "matte.mov": (8, 8, "same"),
    "matte.webm": (8, 8, "same"),
    "matte.apng": (8, 8, "same"),
}
SMALL = {"megapixels": 0.02, "every_nth": 1, "max_frames": 0}


def numbers(frames: torch.Tensor) -> list[int]:
    return [number_of(frame.numpy()) for frame in frames]


def loaded(comfy, tmp_path, name: str) -> tuple[Graph, object]:
    graph = Graph()
    path = footage_files.make(name, tmp_path)
    return graph, graph.add("LoadVideo", file=comfy.client.upload(path))


def of_core(comfy, tmp_path, name: str) -> torch.Tensor | None:
    graph, video = loaded(comfy, tmp_path, name)
    graph.save(f"footage-core-{name}", images=graph.add("GetVideoComponents", video=video))
    try:
        comfy.run(graph.prompt)
    except RunError:
        return None
    return comfy.tensors(f"footage-core-{name}")["images"]


def ours(comfy, tmp_path, name: str, height: int = HEIGHT, width: int = WIDTH) -> dict:
    graph, video = loaded(comfy, tmp_path, name)
    size = {"megapixels": height * width / 1024**2, "multiple_of": 1}
    frames = graph.add("UNS_VideoFrames", video=video, **SMALL | size)
    graph.save(f"footage-ours-{name}", images=frames, mask=frames[4])
    comfy.run(graph.prompt)
    return comfy.tensors(f"footage-ours-{name}")


@pytest.mark.parametrize("name", TABLE)
def test_at_least_as_many_frames_and_the_same_where_core_is_right(comfy, tmp_path, name):
    in_core, in_ours, relation = TABLE[name]
    core = of_core(comfy, tmp_path, name)
    height, width = (HEIGHT, WIDTH) if core is None or relation == "shape" else core.shape[1:3]
    found = ours(comfy, tmp_path, name, height, width)["images"]
    newest = len(comfy.object_info["GetVideoComponents"]["output"]) > 3
    assert len(found) == in_ours and (core is None or len(found) >= len(core))
    if newest:  # earlier versions of core stop at damage, turn nothing upright, and take 8 bits
        assert (None if core is None else len(core)) == in_core
    if relation == "same" and newest:
        assert torch.equal(found, core)
    elif relation == "each" and newest:
        assert set(numbers(found)) >= set(numbers(core))
    elif relation == "shape":
        assert found.shape[1] / found.shape[2] != pytest.approx(core.shape[1] / core.shape[2], rel=0.1)
    elif relation == "colours":
        assert numbers(found) == numbers(core) and (found - core).abs().mean() > 0.01
    assert numbers(found) == sorted(numbers(found))


def test_nothing_that_decodes_is_refused_in_a_sentence(comfy, tmp_path):
    told = r"Video Frames: video \(nothing.*\) cannot be read or is damaged.*; copy or export it once more"
    with pytest.raises(RunError, match=told):
        ours(comfy, tmp_path, "nothing.mp4")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bad_packet.mp4", "1 of 48 packets of its pictures are damaged"),
        ("cut.mp4", "its end is missing: 16 of 24 frames are there"),
        ("bad_sound.mp4", "4 of 87 packets of its sound are damaged"),
        ("phone.mp4", "its frame rate varies: 119 frames are chosen by time, at 30 a second"),
    ],
)
def test_what_was_left_out_is_said(comfy, tmp_path, name, said):
    graph, video = loaded(comfy, tmp_path, name)
    graph.save("footage-said", images=graph.add("UNS_VideoFrames", video=video, **SMALL))
    comfy.run(graph.prompt)
    assert f"Unsampling: video ({name}): " in comfy.log_text() and said in comfy.log_text()


def test_alpha_is_a_mask_as_load_image_gives_it(comfy, tmp_path):
    found = ours(comfy, tmp_path, "matte.mov")
    assert found["mask"].shape == (8, HEIGHT, WIDTH)
    assert found["mask"][:, :, :30].max() < 0.05 and found["mask"][:, :, 34:].min() > 0.95
    assert ours(comfy, tmp_path, "late.mp4")["mask"].abs().max() == 0


@pytest.mark.parametrize(
    ("start", "duration", "shown"), [(0.5, 1.0, range(4, 12)), (-0.75, 0.0, range(18, 24))]
)
@pytest.mark.parametrize("name", ["late.mkv", "late.ts", "fragments.mp4"])
def test_trim_video_counts_from_the_first_frame(comfy, tmp_path, name, start, duration, shown):
    graph, video = loaded(comfy, tmp_path, name)
    trimmed = graph.add(
        "Video Slice", video=video, start_time=start, duration=duration, strict_duration=False
    )
    frames = graph.add("UNS_VideoFrames", video=trimmed, **SMALL)
    graph.save("footage-part", images=frames)
    again = graph.add("CreateVideo", images=frames, audio=frames[1], fps=frames[2])
    parts = graph.add("GetVideoComponents", video=again)
    graph.save("footage-again", images=parts)
    comfy.run(graph.prompt)
    assert numbers(comfy.tensors("footage-part")["images"]) == list(shown)
    assert numbers(comfy.tensors("footage-again")["images"]) == list(shown)


def test_picture_and_sound_of_a_varying_rate_end_together(comfy, tmp_path):
    graph, video = loaded(comfy, tmp_path, "phone.mp4")
    trimmed = graph.add("Video Slice", video=video, start_time=2.0, duration=0.0, strict_duration=False)
    frames = graph.add("UNS_VideoFrames", video=trimmed, **SMALL)
    saved = graph.add("CreateVideo", images=frames, audio=frames[1], fps=frames[2])
    graph.add("SaveVideo", video=saved, filename_prefix="footage-phone", format="auto", codec="auto")
    entry = comfy.run(graph.prompt)
    output = next(item for item in comfy.client.outputs(entry) if item["filename"].endswith(".mp4"))
    with av.open(str(comfy.client.download(output, tmp_path))) as container:
        pictures = sum(1 for _ in container.decode(video=0)) / container.streams.video[0].average_rate
    with av.open(str(comfy.client.download(output, tmp_path))) as container:
        heard = sum(frame.samples for frame in container.decode(audio=0)) / RATE
    assert abs(float(pictures) - heard) < 0.1 and np.isclose(float(pictures), 2, atol=0.1)

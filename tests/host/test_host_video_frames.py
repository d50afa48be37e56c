"""Video Frames beside the core nodes whose place it takes, on a real server."""

import json

import av
import pytest
import torch
from clips import RATE, make_clip
from host_graphs import Graph

from demo.video import read_video
from tools.client import RunError

PIXELS = 0.01  # 10,486 in all: 128x96 becomes 120x88


def both(
    comfy, name: str, path, core: bool = True, trim: dict | None = None, method: str = "area", **settings
) -> dict:
    """The images and fps of our node, and the images of core's two, scaled by that method."""
    graph = Graph()
    video = graph.add("LoadVideo", file=comfy.client.upload(path))
    if trim:
        video = graph.add("Video Slice", video=video, strict_duration=False, **trim)
    given = {"megapixels": PIXELS, "every_nth": 1, "max_frames": 0, "multiple_of": 8} | settings
    ours = graph.add("UNS_VideoFrames", video=video, **given)
    graph.save(f"{name}-ours", images=ours)
    if core:
        parts = graph.add("GetVideoComponents", video=video)
        graph.save(
            f"{name}-core",
            images=graph.add(
                "ImageScaleToTotalPixels",
                image=parts[0],
                upscale_method=method,
                megapixels=PIXELS,
                resolution_steps=8,
            ),
        )
    clip = graph.add("CreateVideo", images=ours, audio=ours[1], fps=ours[2])
    graph.add("SaveVideo", video=clip, filename_prefix=f"{name}", format="auto", codec="auto")
    entry = comfy.run(graph.prompt)
    names = ("ours", "core") if core else ("ours",)
    return {part: comfy.tensors(f"{name}-{part}")["images"] for part in names} | {
        "saved": next(item for item in comfy.client.outputs(entry) if item["filename"].endswith(".mp4"))
    }


def luma(pictures: torch.Tensor) -> torch.Tensor:
    """What chroma subsampling keeps whole (BT.601)."""
    return pictures @ torch.tensor([0.299, 0.587, 0.114])


@pytest.mark.parametrize(
    ("clip", "trim"),
    [
        ("plain.mp4", None),
        ("odd.mp4", None),
        ("odd.webm", None),
        ("single.mp4", None),
        ("variable.mp4", None),
        ("plain.mp4", {"start_time": 0.5, "duration": 1.0}),
        ("plain.mp4", {"start_time": -0.75, "duration": 0.0}),
    ],
)
def test_the_frames_are_those_of_cores_nodes(comfy, tmp_path, clip, trim):
    name = f"frames-{clip}-{'part' if trim else 'all'}"
    larger = "odd" in clip  # 101x67
    method = "bicubic" if larger else "area"
    found = both(comfy, name, make_clip(clip, tmp_path), trim=trim, method=method)
    core = found["core"].clamp(0, 1) if larger else found["core"]
    if len(comfy.object_info["GetVideoComponents"]["output"]) > 3:
        assert torch.equal(found["ours"], core)
    else:
        # earlier versions of core take 8 bits of a colour, put what chroma subsampling left out elsewhere,
        # and read what lies behind the right border of a picture whose width fits nowhere
        assert found["ours"].shape == core.shape
        border, most = (-4, 0.03) if clip == "odd.webm" else (None, 0.02)
        off = (found["ours"] - core)[:, :, :border]
        assert luma(off).abs().max() < most and off.mean((1, 2)).abs().max() < 0.01


def test_every_nth_frame_keeps_the_length_and_the_sound(comfy, tmp_path):
    found = both(comfy, "frames-nth", make_clip("sound.mp4", tmp_path), core=False, every_nth=4)
    assert len(found["ours"]) == 4
    saved = comfy.client.download(found["saved"], tmp_path)
    frames, fps = read_video(saved)
    assert len(frames) == 4 and fps == 2
    with av.open(str(saved)) as container:
        heard = sum(frame.samples for frame in container.decode(audio=0))
        assert container.streams.audio[0].sample_rate == RATE
    assert abs(heard / RATE - 2) < 0.05


def test_a_video_made_of_images_is_taken_too(comfy, tmp_path):
    graph = Graph()
    loaded = graph.add("LoadVideo", file=comfy.client.upload(make_clip("plain.mp4", tmp_path)))
    parts = graph.add("GetVideoComponents", video=loaded)
    made = graph.add("CreateVideo", images=parts, fps=parts[2])
    given = {"megapixels": PIXELS, "every_nth": 2, "max_frames": 3, "multiple_of": 8}
    graph.save("frames-made", images=graph.add("UNS_VideoFrames", video=made, **given))
    scaled = graph.add(
        "ImageScaleToTotalPixels", image=parts, upscale_method="area", megapixels=PIXELS, resolution_steps=8
    )
    graph.save("frames-scaled", images=scaled)
    comfy.run(graph.prompt)
    made, scaled = (comfy.tensors(f"frames-{part}")["images"] for part in ("made", "scaled"))
    assert torch.equal(made, scaled[[0, 2, 4]])


def test_a_damaged_file_is_refused_in_a_sentence(comfy, tmp_path):
    path = tmp_path / "damaged.mp4"
    path.write_bytes(make_clip("plain.mp4", tmp_path).read_bytes()[:700])
    with pytest.raises(RunError, match=r"Video Frames: video \(damaged.*\) cannot be read or is damaged"):
        both(comfy, "frames-damaged", path, core=False)


@pytest.mark.parametrize(("low", "high", "megapixels", "frames"), [(0.2, 0.2, 0.7, 3), (0.1, 0.3, 0.05, 4)])
def test_edges_are_those_of_cores_node(comfy, tmp_path, low, high, megapixels, frames):
    """The larger ones are worked on two at a time."""
    graph = Graph()
    loaded = graph.add("LoadVideo", file=comfy.client.upload(make_clip("plain.mp4", tmp_path)))
    images = graph.add("UNS_VideoFrames", video=loaded, megapixels=megapixels, every_nth=1, max_frames=frames)
    given = {"low_threshold": low, "high_threshold": high}
    graph.save("edges-ours", images=graph.add("UNS_CannyEdges", images=images, **given))
    graph.save("edges-core", images=graph.add("Canny", image=images, **given))
    comfy.run(graph.prompt)
    ours, core = (comfy.tensors(f"edges-{name}")["images"] for name in ("ours", "core"))
    assert torch.equal(ours, core) and ours.shape[0] == frames and ours.shape[3] == 3
    assert 0 < float(ours.mean()) < 0.5


def test_thresholds_the_wrong_way_round_are_refused_in_a_sentence(comfy):
    graph = Graph()
    images = graph.add("EmptyImage", width=64, height=64, batch_size=2, color=0)
    graph.save(
        "edges-none", images=graph.add("UNS_CannyEdges", images=images, low_threshold=0.5, high_threshold=0.3)
    )
    with pytest.raises(RunError, match=r"Canny Edges: low_threshold \(0.5\) is above high_threshold \(0.3\)"):
        comfy.run(graph.prompt)


@pytest.mark.parametrize("count", [3, 8, 9])
def test_the_first_frames_are_those_of_cores_node_without_a_copy(comfy, tmp_path, count):
    """plain.mp4 has more frames; the node in front leaves 8 of them."""
    graph = Graph()
    loaded = graph.add("LoadVideo", file=comfy.client.upload(make_clip("plain.mp4", tmp_path)))
    images = graph.add("UNS_VideoFrames", video=loaded, megapixels=PIXELS, every_nth=1, max_frames=8)
    ours = graph.add("UNS_FirstFrames", images=images, count=count)
    core = graph.add("ImageFromBatch", image=images, batch_index=0, length=count)
    for name, cut in (("ours", ours), ("core", core)):
        graph.save(f"first-{count}-{name}", images=cut)
        graph.add("UNSTest_SameMemory", name=f"first-{count}-{name}", one=images, other=cut)
    comfy.run(graph.prompt)
    found = {name: comfy.tensors(f"first-{count}-{name}")["images"] for name in ("ours", "core")}
    assert torch.equal(found["ours"], found["core"]) and len(found["ours"]) == min(count, 8)
    shared = {
        name: json.loads((comfy.output_dir / f"first-{count}-{name}.json").read_text()) for name in found
    }
    assert shared == {"ours": True, "core": False}
    assert (f"{count} frames wanted, 8 there: all kept" in comfy.log_text()) == (count > 8)


def test_lightness_is_turned_and_turned_back(comfy):
    graph = Graph()
    images = graph.add("EmptyImage", width=64, height=48, batch_size=3, color=0x000080)
    once = graph.add("UNS_TurnLightness", images=images)
    graph.save("light-once", images=once)
    graph.save("light-twice", images=graph.add("UNS_TurnLightness", images=once))
    comfy.run(graph.prompt)
    once, twice = (comfy.tensors(f"light-{name}")["images"] for name in ("once", "twice"))
    blue = 128 / 255
    assert once.shape == (3, 48, 64, 3)
    assert torch.allclose(once, torch.tensor([1 - blue, 1 - blue, 1.0]), atol=1e-6)
    assert torch.allclose(twice, torch.tensor([0.0, 0.0, blue]), atol=1e-6)

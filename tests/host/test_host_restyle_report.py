"""Restyle Report in the real host: chart, text and numbers arrive; clips that do not fit are a sentence."""

import pytest
from clips import make_clip
from host_graphs import Graph

from tools.client import RunError

NUMBERS = ("look_changed", "structure_kept", "motion_kept", "flicker", "drift", "jumps")


def video(comfy, graph: Graph, path, **settings):
    loaded = graph.add("LoadVideo", file=comfy.client.upload(path))
    given = {"megapixels": 0.01, "every_nth": 1, "max_frames": 0, "multiple_of": 8} | settings
    return graph.add("UNS_VideoFrames", video=loaded, **given)


def report(comfy, graph: Graph, name: str, source, result) -> dict:
    """What the node gave: its own outputs, the text and the numbers as other nodes see them, the chart."""
    node = graph.add("UNS_RestyleReport", source=source, result=result)
    seen = {key: graph.add("PreviewAny", source=node[i]) for i, key in enumerate(("text", *NUMBERS), start=1)}
    graph.save(name, images=node[0])
    outputs = comfy.run(graph.prompt)["outputs"]
    values = {key: outputs[one.id]["text"][0] for key, one in seen.items()}
    return {"shown": outputs[node.id], "chart": comfy.tensors(name)["images"]} | {
        key: value if key == "text" else float(value) for key, value in values.items()
    }


def test_a_clip_beside_its_negative_has_another_look_and_everything_in_place(comfy, tmp_path):
    graph = Graph()
    source = video(comfy, graph, make_clip("plain.mp4", tmp_path))
    found = report(comfy, graph, "restyle-negative", source, graph.add("ImageInvert", image=source))
    assert "16 frames: look changed 0." in found["text"] and "hardly" not in found["text"]
    assert found["shown"]["text"] == [found["text"]]
    assert found["look_changed"] > 0.2
    assert found["structure_kept"] > 0.95 and found["motion_kept"] > 0.95
    assert found["chart"].shape == (1, 640, 1024, 3)
    (shown,) = found["shown"]["images"]
    assert shown["type"] == "temp" and shown["filename"].endswith(".png")


def test_a_clip_beside_itself_has_not_changed(comfy, tmp_path):
    graph = Graph()
    source = video(comfy, graph, make_clip("plain.mp4", tmp_path))
    found = report(comfy, graph, "restyle-same", source, source)
    assert found["text"].startswith("the look hardly changed (0.00): lower structure, raise cfg")
    assert found["look_changed"] == 0 and found["structure_kept"] > 0.99


def test_the_result_may_have_another_size(comfy, tmp_path):
    graph = Graph()
    path = make_clip("plain.mp4", tmp_path)
    source, result = video(comfy, graph, path), video(comfy, graph, path, megapixels=0.03)
    found = report(comfy, graph, "restyle-size", source, graph.add("ImageInvert", image=result))
    assert found["structure_kept"] > 0.9


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((6, 4), r"Restyle Report: source has 6 frames, result 4 frames; a video VAE .* repeat_last"),
        (
            (4, 6),
            r"Restyle Report: source has 4 frames, result 6 frames; connect the frames that were encoded",
        ),
        ((1, 1), r"Restyle Report: source has 1 frame, and flicker and motion need 3 or more; connect all"),
    ],
)
def test_clips_that_do_not_fit_are_refused_in_a_sentence(comfy, given, words):
    graph = Graph()
    source, result = (
        graph.add("EmptyImage", width=64, height=64, batch_size=count, color=0) for count in given
    )
    graph.add("UNS_RestyleReport", source=source, result=result)
    with pytest.raises(RunError, match=words):
        comfy.run(graph.prompt)


def test_an_overlap_as_long_as_the_window_is_refused_in_a_sentence(comfy):
    graph = Graph()
    images = graph.add("EmptyImage", width=64, height=64, batch_size=5, color=0)
    graph.add("UNS_RestyleReport", source=images, result=images, window=4, overlap=4)
    with pytest.raises(RunError, match=r"Restyle Report: overlap \(4\) is not smaller than window \(4\)"):
        comfy.run(graph.prompt)


def test_an_empty_result_is_said_to_have_lost_its_shapes(comfy, tmp_path):
    graph = Graph()
    source = video(comfy, graph, make_clip("plain.mp4", tmp_path), max_frames=8)
    black = graph.add("EmptyImage", width=64, height=64, batch_size=8, color=0)
    found = report(comfy, graph, "restyle-black", source, black)
    assert found["structure_kept"] < 0.05
    assert "shapes moved or went missing" in found["text"]

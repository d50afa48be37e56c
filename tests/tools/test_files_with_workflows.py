"""Files that have a workflow in them, as people keep them, and files that have none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin
from safetensors.torch import save_file
from small_graphs import recorded

from tools.client.errors import ClientError
from tools.client.workflow_files import Found, read

GRAPH, PROMPT = recorded("sampling")
BOTH = {"prompt": PROMPT, "workflow": GRAPH}
TEXTS = {key: json.dumps(value) for key, value in BOTH.items()}
COMMENTS = {"_comment": "queue me", "//": ["a", "b"], "version": 0.4, "notes": {"by": "me"}}
HISTORY = [3, "an-id", PROMPT, {"extra_pnginfo": {"workflow": GRAPH}, "client_id": "x"}, ["9"]]
JSON = {
    "a saved workflow": (GRAPH, Found(graph=GRAPH)),
    "an API export": (PROMPT, Found(PROMPT)),
    "comments beside the nodes": (COMMENTS | PROMPT, Found(PROMPT)),
    "comments behind the nodes": (PROMPT | COMMENTS, Found(PROMPT)),
    "the body of a request": ({"prompt": PROMPT, "client_id": "x"}, Found(PROMPT)),
    "a request with comments": ({"prompt": PROMPT | COMMENTS, "extra_data": {}}, Found(PROMPT)),
    "a request with its workflow": (
        {"prompt": PROMPT, "extra_data": {"extra_pnginfo": {"workflow": GRAPH}}},
        Found(PROMPT, GRAPH),
    ),
    "what graphToPrompt gives": ({"output": PROMPT, "workflow": GRAPH}, Found(PROMPT, GRAPH)),
    "a workflow in a wrapper": ({"workflow": GRAPH}, Found(graph=GRAPH)),
    "a workflow as a prompt": ({"prompt": GRAPH}, Found(graph=GRAPH)),
    "an entry of the history": ({"prompt": HISTORY, "outputs": {}}, Found(PROMPT, GRAPH)),
    "an answer of the history": ({"an-id": {"prompt": HISTORY, "outputs": {}}}, Found(PROMPT, GRAPH)),
    "the same run twice": (
        {"an-id": {"prompt": HISTORY}, "again": {"prompt": HISTORY}},
        Found(PROMPT, GRAPH),
    ),
    "an API prompt as a workflow": ({"workflow": PROMPT}, Found(PROMPT)),
    "a job of a serverless worker": (
        {"input": {"workflow": PROMPT, "images": [{"name": "a.png", "image": "data:"}]}},
        Found(PROMPT),
    ),
    "a job with its prompt as text": ({"input": {"workflow_json": json.dumps(PROMPT)}}, Found(PROMPT)),
    "both, in a deployment": ({"workflow_api": PROMPT, "workflow": GRAPH, "name": "x"}, Found(PROMPT, GRAPH)),
    "an answer about a job": (
        {"id": "a", "workflow": {"prompt": PROMPT, "extra_data": {"extra_pnginfo": {"workflow": GRAPH}}}},
        Found(PROMPT, GRAPH),
    ),
    "a request with a setting": ({"prompt": PROMPT, "extra_data": {"preview_method": "auto"}}, Found(PROMPT)),
    "an answer of the queue": ({"queue_running": [HISTORY], "queue_pending": []}, Found(PROMPT, GRAPH)),
    "a list of one": ([PROMPT], Found(PROMPT)),
}
OTHER = {"1": {"class_type": "A", "inputs": {"value": 1}}}
SEVERAL = {
    "a history": (
        {"run-a": {"prompt": HISTORY}, "run-b": {"prompt": [4, "b", OTHER, {}, []]}},
        "run-a, run-b",
    ),
    "a queue": (
        {"queue_running": [HISTORY], "queue_pending": [[4, "b", OTHER, {}, []]]},
        "queue_running, queue_pending",
    ),
    "a queue of two": ({"queue_running": [], "queue_pending": [HISTORY, [4, "b", OTHER, {}]]}, "1, 2"),
    "a batch": ([PROMPT, OTHER], "1, 2"),
    "two requests": ({"first": {"prompt": PROMPT}, "second": {"workflow": OTHER}}, "first, second"),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_several_workflows_are_not_chosen_from(tmp_path, name):
    content, names = SEVERAL[name]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ClientError, match=rf"a.json: It holds 2 workflows \({names}\): leave one of"):
        read(path)


@pytest.mark.parametrize("name", JSON)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json(tmp_path, name, encoding):
    content, found = JSON[name]
    path = tmp_path / "a.txt"
    path.write_text(json.dumps(content), encoding=encoding)
    assert read(path) == found


def picture() -> Image.Image:
    return Image.fromarray(np.full((16, 16, 3), 90, np.uint8))


def png(path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    for key, text in TEXTS.items():
        info.add_text(key, text)
    picture().save(path, pnginfo=info)


def animated_png(path: Path) -> None:
    """As core's Save Animated PNG."""
    info = PngImagePlugin.PngInfo()
    for key, text in TEXTS.items():
        info.add(b"comf", key.encode() + b"\0" + text.encode(), after_idat=True)
    picture().save(path, pnginfo=info, save_all=True, append_images=[picture().rotate(90)])


def with_exif(path: Path) -> None:
    """As core's Save Animated WEBP: Model and Make hold them."""
    exif = picture().getexif()
    exif[0x0110], exif[0x010F] = f"prompt:{TEXTS['prompt']}", f"workflow:{TEXTS['workflow']}"
    picture().save(path, exif=exif)


def film(metadata: dict[str, str]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        options = {"movflags": "use_metadata_tags"} if path.suffix == ".mp4" else {}
        with av.open(str(path), "w", options=options) as container:
            container.metadata.update(metadata)
            stream = container.add_stream("libvpx" if path.suffix == ".webm" else "mpeg4", rate=8)
            stream.width = stream.height = 32
            stream.pix_fmt = "yuv420p"
            for _ in range(2):
                frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())

    return write


def sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        container.metadata.update(TEXTS)
        stream = container.add_stream("flac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def latent(path: Path, metadata: dict[str, str] = TEXTS) -> None:
    """As core's Save Latent."""
    save_file({"latent_tensor": torch.zeros(1, 4, 8, 8)}, path, metadata or None)


MEDIA = {
    "a.latent": latent,
    "a.png": png,
    "animated.png": animated_png,
    "a.webp": with_exif,
    "a.jpg": with_exif,
    "core.mp4": film(TEXTS),
    "core.webm": film(TEXTS),
    "suite.mp4": film({"comment": json.dumps(BOTH)}),
    "older suite.mkv": film({"comment": json.dumps(TEXTS)}),
    "a.flac": sound,
}


@pytest.mark.parametrize("name", MEDIA)
def test_what_comfyui_saved_has_both_inside(tmp_path, name):
    path = tmp_path / name
    MEDIA[name](path)
    assert read(path) == Found(PROMPT, GRAPH)


def test_a_picture_under_another_name(tmp_path):
    png(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.json")
    assert read(tmp_path / "a.json") == Found(PROMPT, GRAPH)


@pytest.mark.parametrize("name", ["plain.png", "plain.webp", "plain.mp4", "plain.latent"])
def test_a_file_that_lost_its_workflow_says_so(tmp_path, name):
    path = tmp_path / name
    plain = {".mp4": film({}), ".latent": lambda path: latent(path, {})}
    plain.get(path.suffix, lambda path: picture().save(path))(path)
    with pytest.raises(ClientError, match=r"has no workflow inside.*use the file that ComfyUI wrote"):
        read(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x00\x01\x02 no picture", "is neither JSON nor a picture, film or sound"),
        (b"{", "is not JSON"),
        (b"", "is not JSON"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a": "{", "b": "{not json}"}', "holds neither"),
        (b"[1]", "holds neither a saved workflow"),
        (b'{"a": 1}', "holds neither"),
        (b'{"prompt": {"a": {}}}', "holds neither"),
        (b'{"1": {"class_type": "A", "inputs": {}}, "2": {"inputs": {}}}', "Node 2 of the API prompt lacks"),
        (b'{"1": {"class_type": "A", "inputs": {}}, "2": {"class_type": "B"}}', "Node 2 of the API prompt"),
    ],
)
def test_files_without_a_workflow(tmp_path, content, said):
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(ClientError, match=said):
        read(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ClientError, match="cannot be read"):
        read(tmp_path / "none.json")

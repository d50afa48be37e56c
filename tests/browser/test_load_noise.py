"""The button of Load Noise in the real frontend with our script: it uploads a file and chooses it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.frontend import missing, open_frontend
from playwright.sync_api import Browser, Page, Route

from tools.workflows.build import OBJECT_INFO

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

INTERFACES = OBJECT_INFO.with_name("node_interfaces.json")
OLD = "unsampling/noise_00001_.safetensors [output]"
ADD = """() => {
    app.graph.clear();
    app.graph.add(LiteGraph.createNode('UNS_LoadNoise'));
}"""
PRESS = "() => app.graph.nodes[0].widgets.find((one) => one.type === 'button').callback()"
FILE = """() => {
    const widget = app.graph.nodes[0].widgets.find((one) => one.name === 'file');
    return [widget.value, widget.options.values];
}"""
CHOSEN = "(name) => app.graph.nodes[0].widgets.find((one) => one.name === 'file').value === name"
TOAST = "(text) => document.body.innerText.includes(text)"


def object_info() -> dict:
    """The recorded nodes and Load Noise, on a server that has one file."""
    node = json.loads(INTERFACES.read_text(encoding="utf-8"))["UNS_LoadNoise"]
    node["input"]["required"]["file"][1]["options"] = [OLD]
    known = json.loads(OBJECT_INFO.read_text(encoding="utf-8"))
    return known | {"UNS_LoadNoise": node | {"python_module": "custom_nodes.unsampling"}}


@pytest.fixture(scope="module", params=[False, True], ids=["canvas", "nodes2"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    with open_frontend(browser, object_info(), settings={"Comfy.VueNodes.Enabled": request.param}) as found:
        yield found


def press(page: Page, file: Path, answer: dict) -> list[bytes]:
    """Chooses the file; what was sent."""
    sent: list[bytes] = []

    def take(route: Route) -> None:
        sent.append(route.request.post_data_buffer or b"")
        route.fulfill(**answer)

    page.unroute("**/upload/image")
    page.route("**/upload/image", take)
    with page.expect_file_chooser() as chooser:
        page.evaluate(PRESS)
    chooser.value.set_files(file)
    return sent


@pytest.mark.parametrize("folder", ["", "sent"])
def test_an_uploaded_file_is_chosen(page: Page, tmp_path: Path, folder: str):
    file = tmp_path / "mine.safetensors"
    file.write_bytes(b"some noise")
    name = "mine (1).safetensors"
    answer = {"name": name, "subfolder": folder, "type": "input"}
    page.evaluate(ADD)
    sent = press(page, file, {"status": 200, "json": answer})
    expected = f"{folder}/{name}" if folder else name
    page.wait_for_function(CHOSEN, arg=expected, timeout=5_000)
    names = page.evaluate(FILE)[1]
    assert names[0] == expected and names[-1] == OLD
    assert b'name="image"; filename="mine.safetensors"' in sent[0]
    both = page.evaluate("() => app.graphToPrompt()")
    assert [node["inputs"] for node in both["output"].values()] == [{"file": expected}]
    assert both["workflow"]["nodes"][0]["widgets_values"] == [expected]


@pytest.mark.parametrize(
    "status, told", [(413, "copy it into ComfyUI's input folder"), (500, "could not be")]
)
def test_what_the_server_does_not_take_is_told(page: Page, tmp_path: Path, status: int, told: str):
    file = tmp_path / "large.safetensors"
    file.write_bytes(b"x")
    page.evaluate(ADD)
    before = page.evaluate(FILE)[0]
    press(page, file, {"status": status, "body": ""})
    page.wait_for_function(TOAST, arg=told, timeout=5_000)
    assert page.evaluate(FILE)[0] == before

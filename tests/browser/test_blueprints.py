"""The blueprints as the frontend offers them: found by what people type, added as one node, queued."""

import json
from collections.abc import Iterator

import pytest
from browser.frontend import missing, open_frontend, search_for
from playwright.sync_api import Browser, Page

from tools.workflows.blueprints import BLUEPRINTS, PASSES, RESTYLE, TOLD
from tools.workflows.build import SUBGRAPHS, blueprints, recorded_info

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

IDS = {name: f"blueprint{number}" for number, name in enumerate(BLUEPRINTS)}
# sockets, then widgets, as they are written on the node; and its outputs
SLOTS = {
    RESTYLE: (
        ["clip", "frames", "vae", "model"],
        ["what the source shows", "the new look", "what to avoid", "schedule", "steps", "cfg: how strong"],
        ["frames", "reconstruction", "report", "chart", "noise"],
    ),
    PASSES: (
        ["model", "source", "negative", "latent_image", "sigmas", "target"],
        ["cfg: how strong", "structure: how close", "variation: which take"],
        ["latent", "noise", "report", "chart"],
    ),
}


def answers() -> dict[str, object]:
    """What ComfyUI says of the files in a pack's folder `subgraphs`."""
    entries = {
        IDS[name]: {"source": "custom_node", "name": name, "info": {"node_pack": "custom_nodes.unsampling"}}
        for name in BLUEPRINTS
    }
    texts = {name: (SUBGRAPHS / f"{name}.json").read_text(encoding="utf-8") for name in BLUEPRINTS}
    whole = {
        f"/global_subgraphs/{IDS[name]}": entries[IDS[name]] | {"data": texts[name]} for name in BLUEPRINTS
    }
    return {"/global_subgraphs": entries, **whole}


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with open_frontend(browser, recorded_info(), answers=answers()) as found:
        yield found
        assert found.problems.messages == []


def added(page: Page, name: str) -> dict:
    """Search for it, as a double click on the canvas lets people, and add what is found first."""
    search_for(page, name)
    page.get_by_text(name).first.wait_for(timeout=20_000)
    page.keyboard.press("Enter")
    page.wait_for_function("() => app.rootGraph.nodes.length === 1", timeout=20_000)
    return page.evaluate(
        """() => {
            const [node] = app.rootGraph.nodes;
            const label = (slot) => slot.label ?? slot.name;
            return {
                title: node.title,
                sockets: node.inputs.filter((slot) => !slot.widget).map(label),
                widgets: node.widgets.map((widget) => widget.label ?? widget.name),
                outputs: node.outputs.map(label),
                inside: node.subgraph.nodes.map((one) => one.type),
            };
        }"""
    )


@pytest.mark.parametrize("name", BLUEPRINTS)
def test_it_is_found_and_added_as_one_node(page: Page, name: str):
    node = added(page, name)
    sockets, widgets, outputs = SLOTS[name]
    assert node["title"] == name
    assert set(node["sockets"]) == set(sockets) and node["outputs"] == outputs
    assert set(widgets) <= set(node["widgets"])
    assert {"UNS_Unsampler", "UNS_NoiselessResampler", "UNS_InversionReport"} <= set(node["inside"])


def test_a_blueprint_becomes_a_prompt_of_both_passes(page: Page):
    """What is on the node reaches the nodes inside."""
    added(page, RESTYLE)
    page.evaluate(
        """() => {
            const [node] = app.rootGraph.nodes;
            const look = node.widgets.find((one) => (one.label ?? one.name) === "the new look");
            look.value = "a woodcut";
            const [video, save] = ["CreateVideo", "SaveVideo"].map((kind) => LiteGraph.createNode(kind));
            [video, save].forEach((one) => app.rootGraph.add(one));
            node.connect(0, video, "images");
            video.connect(0, save, "video");
        }"""
    )
    prompt = page.evaluate("async () => (await app.graphToPrompt()).output")
    kinds = {entry["class_type"]: key for key, entry in prompt.items()}
    saved = prompt[kinds["CreateVideo"]]["inputs"]["images"]
    decode = prompt[saved[0]]
    falling = prompt[decode["inputs"]["samples"][0]]
    assert (decode["class_type"], falling["class_type"]) == ("VAEDecode", "UNS_NoiselessResampler")
    assert falling["inputs"]["cfg"] == 2.0
    assert prompt[falling["inputs"]["positive"][0]]["inputs"]["text"] == "a woodcut"
    rising = prompt[falling["inputs"]["noise"][0]]
    assert rising["class_type"] == "UNS_Unsampler" and rising["inputs"]["cfg"] == 1.0
    assert "city" in prompt[rising["inputs"]["positive"][0]]["inputs"]["text"]


@pytest.mark.parametrize("name", BLUEPRINTS)
def test_the_files_are_what_build_makes_and_tell_what_they_do(name):
    path = SUBGRAPHS / f"{name}.json"
    text = path.read_text(encoding="utf-8")
    assert text == blueprints()[path]
    (definition,) = json.loads(text)["definitions"]["subgraphs"]
    assert definition["description"] == TOLD[name] and definition["category"]
    assert len(json.loads(text)["nodes"]) == 1

"""Every workflow file in the real frontend: it opens whole and quietly, and queues the committed prompt."""

import copy
import json
import os
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import pytest
from browser.frontend import (
    graph_to_prompt,
    load,
    missing,
    open_frontend,
    unknown_types,
    vhs_scripts,
)
from playwright.sync_api import Browser, Page

from tools.workflows.build import PROMPTS, ROOT, WORKFLOWS, recorded_info

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

INFO = recorded_info()
SCRIPTS = vhs_scripts()
UPDATE = os.environ.get("UPDATE_SNAPSHOTS") == "1"
VIDEO = "unsampling_animatediff_sd15"
VHS = "unsampling_animatediff_sd15_vhs"
# The links the graph can follow from an input back to a node: a list alone may keep links that lead nowhere.
FOLLOWED = """() => app.graph.nodes.flatMap((node) => (node.inputs ?? []).flatMap((input, slot) => {
    const link = app.graph.links.get(input.link), from = node.getInputNode(slot);
    if (!link || !from) return [];
    return [[Number(link.id), Number(from.id), link.origin_slot, Number(node.id), slot, link.type]];
}))"""
DRAWN = """() => app.graph.nodes.map((node) => {
    const [x, y, width, height] = node.boundingRect ?? node.getBounding();
    return {name: `${node.id} ${node.type}`, x, y, width, height};
})"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with open_frontend(browser, INFO, scripts=SCRIPTS) as found:
        yield found


@pytest.fixture(autouse=True)
def a_quiet_page(page: Page) -> Iterator[None]:
    """Nothing in any test may make the page report an error."""
    assert page.problems.messages == []
    yield
    found = page.problems.messages.copy()
    page.problems.messages.clear()
    assert found == []


def read(name: str) -> dict:
    return json.loads((ROOT / "workflows" / f"{name}.json").read_text(encoding="utf-8"))


def snapshot_of(name: str) -> Path:
    return PROMPTS / f"{name}.json"


def losses(page: Page, workflow: dict) -> list[str]:
    """What the frontend does not take over: node types, nodes, links, and widget values."""
    found = [f"unknown node type {name}" for name in unknown_types(page, workflow)]
    saved = load(page, workflow)
    before, after, followed = (
        {tuple(link) for link in links}
        for links in (workflow["links"], saved["links"], page.evaluate(FOLLOWED))
    )
    found += [f"link {link} is lost" for link in sorted(before - (after & followed))]
    found += [f"link {link} is new" for link in sorted((after | followed) - before)]
    kept = {node["id"]: node for node in saved["nodes"]}
    for node in workflow["nodes"]:
        keys = ["type", "pos", "size", "title"]
        if SCRIPTS or not node["type"].startswith("VHS_"):
            keys.append("widgets_values")
        for key in keys:
            if key in node and node[key] != kept.get(node["id"], {}).get(key):
                found.append(f"{key} of node {node['id']} becomes {kept.get(node['id'], {}).get(key)}")
    return found


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_file_opens_whole(page: Page, name: str):
    assert losses(page, read(name)) == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_prompt_is_the_committed_one(page: Page, name: str):
    if name == VHS and not SCRIPTS:
        pytest.skip("NOT RUN: no VideoHelperSuite in this machine's ComfyUI, whose scripts read its nodes")
    prompt = graph_to_prompt(page, read(name))
    if UPDATE:
        snapshot_of(name).write_text(json.dumps(prompt, indent=2) + "\n", encoding="utf-8")
    expected = json.loads(snapshot_of(name).read_text(encoding="utf-8"))
    assert prompt == expected, "if this change is meant, run with UPDATE_SNAPSHOTS=1 and commit the snapshot"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_node_is_drawn_over_another(page: Page, name: str):
    load(page, read(name))
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    for a, b in combinations(page.evaluate(DRAWN), 2):
        apart = (
            a["x"] + a["width"] <= b["x"]
            or b["x"] + b["width"] <= a["x"]
            or a["y"] + a["height"] <= b["y"]
            or b["y"] + b["height"] <= a["y"]
        )
        assert apart, f"{a['name']} is drawn over {b['name']}"


def test_linking_the_target_to_the_unsampler_too_changes_that_link_alone(page: Page):
    """What the note says of the way without a direct path."""
    before = graph_to_prompt(page, read(VIDEO))
    page.evaluate("""() => {
        const [from] = app.graph.nodes.filter((node) => node.title === 'Target: the new look');
        const [to] = app.graph.nodes.filter((node) => node.type === 'UNS_Unsampler');
        from.connect(0, to, to.findInputSlot('positive'));
    }""")
    after = page.evaluate("async () => (await app.graphToPrompt()).output")
    unsampler = next(key for key, node in after.items() if node["class_type"] == "UNS_Unsampler")
    target = after[after[unsampler]["inputs"]["positive"][0]]
    assert target["_meta"]["title"] == "Target: the new look"
    after[unsampler]["inputs"]["positive"] = before[unsampler]["inputs"]["positive"]
    assert after == before


def cut_a_link(workflow: dict) -> None:
    """The link stays in the list, but it leads to a slot that is not there."""
    workflow["links"][-1][4] = 40


def take_an_unknown_node(workflow: dict) -> None:
    next(node for node in workflow["nodes"] if node["type"] == "UNS_Unsampler")["type"] = "UNS_Gone"


def forget_a_node(workflow: dict) -> None:
    workflow["nodes"] = [node for node in workflow["nodes"] if node["type"] != "VAEEncode"]


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (cut_a_link, "is lost"),
        (take_an_unknown_node, "unknown node type UNS_Gone"),
        (forget_a_node, "is lost"),
    ],
)
def test_a_spoilt_file_is_noticed(page: Page, spoil: Callable[[dict], None], complaint: str):
    workflow = copy.deepcopy(read(VIDEO))
    spoil(workflow)
    found = losses(page, workflow)
    page.problems.messages.clear()
    assert any(complaint in line for line in found), found


def test_a_changed_value_is_noticed(page: Page):
    workflow = read(VIDEO)
    next(node for node in workflow["nodes"] if node["type"] == "UNS_Unsampler")["widgets_values"][0] = 1.5
    assert graph_to_prompt(page, workflow) != json.loads(snapshot_of(VIDEO).read_text(encoding="utf-8"))


def test_a_page_error_is_noticed(page: Page):
    with page.expect_event("pageerror"):
        page.evaluate("() => setTimeout(() => { throw new Error('on purpose'); })")
    page.evaluate("() => console.error('also on purpose')")
    found = page.problems.messages.copy()
    page.problems.messages.clear()
    assert [line.split(" (")[0] for line in found] == ["page: on purpose", "console: also on purpose"]

"""Every workflow file in the real frontend: it opens whole and quietly, and queues the committed prompt."""

import copy
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import earlier
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

from tools.workflows.build import PROMPTS, WORKFLOWS, file_of, recorded_info

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

INFO = recorded_info()
SCRIPTS = vhs_scripts()
UPDATE = os.environ.get("UPDATE_SNAPSHOTS") == "1"
VIDEO = "unsampling_animatediff_sd15"
VHS = "unsampling_animatediff_sd15_vhs"
# The links each graph can follow from an input back to a node: a list alone may keep links that lead nowhere.
FOLLOWED = """() => [app.rootGraph, ...app.rootGraph.subgraphs.values()].map((graph) => {
    return graph.nodes.flatMap((node) => (node.inputs ?? []).flatMap((input, slot) => {
        const link = graph.links.get(input.link), from = graph.getNodeById(link?.origin_id);
        if (!link || !from) return [];
        return [[Number(from.id), link.origin_slot, Number(node.id), slot, link.type]];
    }));
})"""
LINK = ("origin_id", "origin_slot", "target_id", "target_slot", "type")


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
    return json.loads(file_of(name).read_text(encoding="utf-8"))


def snapshot_of(name: str) -> Path:
    return PROMPTS / f"{name}.json"


def graphs(workflow: dict) -> list[dict]:
    """The graph and those of its subgraphs."""
    return [workflow, *(workflow.get("definitions") or {}).get("subgraphs", [])]


def links_between_nodes(graph: dict) -> set[tuple]:
    """Its links without their numbers, and without those to the two ends of a subgraph."""
    links = (
        tuple(link[key] for key in LINK) if isinstance(link, dict) else tuple(link[1:])
        for link in graph["links"]
    )
    return {link for link in links if min(link[0], link[2]) > 0}


def losses(page: Page, file: dict, expected: dict | None = None) -> list[str]:
    """What the frontend does not take over: node types, nodes, links, and widget values. With `expected`,
    where it should make that of the file."""
    found = [f"unknown node type {name}" for name in unknown_types(page, file)]
    saved, workflow = load(page, file), expected or file
    followed = page.evaluate(FOLLOWED)
    assert len(graphs(saved)) == len(graphs(workflow)) == len(followed)
    folded = {one["id"] for one in graphs(workflow)[1:]}
    for before, after, links in zip(graphs(workflow), graphs(saved), followed, strict=True):
        found += losses_in(before, after, {tuple(link) for link in links}, folded)
    return found


def losses_in(graph: dict, saved: dict, followed: set[tuple], folded: set[str]) -> list[str]:
    """The same in one of its graphs."""
    before, after = links_between_nodes(graph), links_between_nodes(saved)
    found = [f"link {link} is lost" for link in sorted(before - (after & followed))]
    found += [f"link {link} is new" for link in sorted((after | followed) - before)]
    kept = {node["id"]: node for node in saved["nodes"]}
    for node in graph["nodes"]:
        keys = ["type", "pos", "size", "title"]
        if SCRIPTS or not node["type"].startswith("VHS_"):
            keys.append("widgets_values")
        if node["type"] in folded:
            keys.remove("title")  # that of a subgraph is the subgraph's name
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


@pytest.mark.parametrize("name", earlier.NAMES)
def test_a_file_of_0_1_0_opens_whole_and_queues_what_it_queued(page: Page, name: str):
    if name == VHS and not SCRIPTS:
        pytest.skip("NOT RUN: no VideoHelperSuite in this machine's ComfyUI, whose scripts read its nodes")
    workflow = earlier.saved("workflows", name)
    assert losses(page, workflow, earlier.opened_today(name)) == []
    assert graph_to_prompt(page, workflow) == earlier.queued_today(name)


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

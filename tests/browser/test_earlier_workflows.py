"""Workflows saved before a widget was there, in the real frontend with our script: canvas and Nodes 2.0."""

import copy
from collections.abc import Callable, Iterator

import pytest
from browser.frontend import CHANGED, load, missing, open_frontend
from playwright.sync_api import Browser, Page

from tools.workflows.build import recorded_info

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

UNSAMPLER, RESAMPLER = "UNS_Unsampler", "UNS_NoiselessResampler"
LATER = {
    UNSAMPLER: ["direct", "variation", "keep_on_disk"],
    RESAMPLER: ["direct", "hold", "steady", "turn_lightness", "variation", "control_after_generate"],
}
INFO = recorded_info()
FRESH = """() => {
    const add = (type, x) => {
        const node = LiteGraph.createNode(type);
        node.pos = [x, 100];
        app.graph.add(node);
        return node;
    };
    add('UNS_Unsampler', 100).connect(0, add('UNS_NoiselessResampler', 500), 3);
}"""
SAVED = (
    "() => JSON.parse(JSON.stringify(app.rootGraph.serialize()))"  # as in a file, without undefined fields
)
VALUES = """() => {
    const graphs = [app.rootGraph, ...app.rootGraph.subgraphs.values()];
    const nodes = graphs.flatMap((graph) => graph.nodes).filter((node) => node.comfyClass);
    const values = (node) => Object.fromEntries(node.widgets.map((one) => [one.name, one.value]));
    return Object.fromEntries(nodes.map((node) => [node.comfyClass, values(node)]));
}"""
DRAWN = """() => [...document.querySelectorAll('[data-node-id="1"] input')].map((one) => Number(one.value))"""
COMMAND = "(name) => app.extensionManager.command.execute(name)"


@pytest.fixture(scope="module", params=[False, True], ids=["canvas", "nodes2"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    settings = {"Comfy.VueNodes.Enabled": request.param, "Comfy.Node.AlwaysShowAdvancedWidgets": True}
    with open_frontend(browser, INFO, settings=settings) as found:
        found.nodes2 = request.param
        yield found
        assert found.problems.messages == []


def fresh(page: Page) -> dict:
    """A workflow of new nodes, as it would be saved."""
    page.evaluate("() => app.graph.clear()")
    page.evaluate(FRESH)
    return page.evaluate(SAVED)


def earlier(workflow: dict, named: bool = True, later: dict[str, list[str]] = LATER) -> dict:
    """The file as it would be saved before there were the `later` widgets, a node's last ones."""
    workflow = copy.deepcopy(workflow)
    for node in workflow["nodes"] + [n for g in subgraphs(workflow) for n in g["nodes"]]:
        if missing_then := later.get(node["type"]):
            node["widgets_values"] = node["widgets_values"][: -len(missing_then)]
            names = node.pop("widgets_values_named")
            if named:
                kept = [name for name in names if name not in missing_then]
                node["widgets_values_named"] = {name: names[name] for name in kept}
    return workflow


def subgraphs(workflow: dict) -> list[dict]:
    return workflow.get("definitions", {}).get("subgraphs", [])


def direct(page: Page) -> tuple[float, float]:
    """What the Exact Unsampler and the resampler show."""
    values = page.evaluate(VALUES)
    return values[UNSAMPLER]["direct"], values[RESAMPLER]["direct"]


def set_direct(page: Page, value: float) -> None:
    page.evaluate(
        """(value) => {
        const node = app.graph.nodes.find((node) => node.comfyClass === 'UNS_Unsampler');
        node.widgets.find((one) => one.name === 'direct').value = value;
    }""",
        value,
    )


def test_a_fresh_node_has_the_default(page: Page):
    fresh(page)
    assert direct(page) == (-1, -1)


@pytest.mark.parametrize("named", [True, False])
def test_an_earlier_file_keeps_what_it_did(page: Page, named: bool):
    saved = load(page, earlier(fresh(page), named))
    assert direct(page) == (0, -1)
    values = page.evaluate(VALUES)[UNSAMPLER]
    assert (values["cfg"], values["solver"], values["record"], values["variation"]) == (
        1,
        "midpoint",
        "full",
        0,
    )
    [unsampler] = [node for node in saved["nodes"] if node["type"] == UNSAMPLER]
    assert unsampler["widgets_values"][-3:] == [0, 0, False]
    if page.nodes2:
        page.wait_for_function(f"() => ({DRAWN})().length === 4", timeout=5_000)
        assert page.evaluate(DRAWN) == [1, 1, 0, 0]  # cfg, end, direct, variation


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("later", [LATER[RESAMPLER][i:] for i in range(5)])
def test_an_earlier_resampler_keeps_its_values(page: Page, later: list[str], named: bool):
    workflow = fresh(page)
    [resampler] = [node for node in workflow["nodes"] if node["type"] == RESAMPLER]
    here = {"cfg": 3, "structure": 0.2, "fidelity": 1, "solver": "auto"}
    here |= {"direct": 0.5, "hold": 0.4, "steady": 0.7, "turn_lightness": "on"}
    here |= {"variation": 7, "control_after_generate": "increment"}
    resampler["widgets_values"], resampler["widgets_values_named"] = list(here.values()), here
    load(page, earlier(workflow, named, {RESAMPLER: later}))
    fresh_values = {"direct": -1, "hold": 0, "steady": 0, "turn_lightness": "off"}
    fresh_values |= {"variation": 0, "control_after_generate": "fixed"}
    assert page.evaluate(VALUES)[RESAMPLER] == here | {name: fresh_values[name] for name in later}


def test_its_prompt_has_it_off(page: Page):
    load(page, earlier(fresh(page)))
    prompt = page.evaluate("async () => (await app.graphToPrompt()).output")
    [inputs] = [node["inputs"] for node in prompt.values() if node["class_type"] == UNSAMPLER]
    assert inputs["direct"] == 0


@pytest.mark.parametrize("value", [-1, 0.5, 0])
def test_a_file_with_the_widget_has_its_value(page: Page, value: float):
    workflow = fresh(page)
    set_direct(page, value)
    workflow = page.evaluate(SAVED)
    fresh(page)
    load(page, workflow)
    assert direct(page) == (value, -1)


def test_a_file_without_any_values_of_the_node(page: Page):
    workflow = fresh(page)
    for node in workflow["nodes"]:
        del node["widgets_values"], node["widgets_values_named"]
    load(page, workflow)
    assert direct(page) == (0, -1)


def undo(page: Page) -> None:
    page.evaluate("() => { app.graph.nodes[0].pos = [100, 400]; }")
    page.evaluate(CHANGED)
    page.evaluate(COMMAND, "Comfy.Undo")


def another_tab(page: Page) -> None:
    page.evaluate(COMMAND, "Comfy.NewBlankWorkflow")
    page.wait_for_function("() => app.graph.nodes.length === 0", timeout=5_000)
    page.evaluate(COMMAND, "Workspace.PreviousOpenedWorkflow")


@pytest.mark.parametrize("leave", [undo, another_tab])
@pytest.mark.parametrize("old", [True, False])
def test_it_stays_when_the_nodes_are_made_anew(page: Page, leave: Callable[[Page], None], old: bool):
    workflow = fresh(page)
    load(page, earlier(workflow) if old else workflow)
    page.evaluate("() => { app.graph.nodes.forEach((node) => { node.old = true; }); }")
    leave(page)
    page.wait_for_function("() => app.graph.nodes.length === 2 && !app.graph.nodes[0].old", timeout=5_000)
    assert direct(page) == (0 if old else -1, -1)


def test_a_later_change_stays_too(page: Page):
    load(page, earlier(fresh(page)))
    set_direct(page, 0.75)
    page.evaluate(CHANGED)
    another_tab(page)
    page.wait_for_function("() => app.graph.nodes.length === 2", timeout=5_000)
    assert direct(page) == (0.75, -1)


@pytest.mark.parametrize("old", [True, False])
def test_inside_a_subgraph(page: Page, old: bool):
    load(page, fresh(page))
    page.evaluate("() => { app.graph.convertToSubgraph(new Set(app.graph.nodes)); }")
    workflow = page.evaluate(SAVED)
    assert {node["type"] for graph in subgraphs(workflow) for node in graph["nodes"]} == {
        UNSAMPLER,
        RESAMPLER,
    }
    load(page, earlier(workflow) if old else workflow)
    assert direct(page) == (0 if old else -1, -1)


def test_a_copy_of_a_node_has_its_value(page: Page):
    load(page, earlier(fresh(page)))
    copies = page.evaluate("""() => app.graph.nodes.map((node) => {
        const copy = node.clone();
        return [copy.comfyClass, copy.widgets.find((one) => one.name === 'direct').value];
    })""")
    assert dict(copies) == {UNSAMPLER: 0, RESAMPLER: -1}


@pytest.mark.parametrize("given", [{}, {"direct": -1}, {"direct": 0.5}])
def test_an_api_prompt_keeps_what_it_did(page: Page, given: dict):
    """As the server runs it: what is not in it has the value of execute()."""
    prompt = {
        "1": {"class_type": UNSAMPLER, "inputs": {"cfg": 1.0, "solver": "euler", **given}},
        "2": {"class_type": RESAMPLER, "inputs": {"cfg": 3.0, "noise": ["1", 0]}},
    }
    page.evaluate("async (prompt) => app.loadApiJson(prompt, 'earlier.json')", prompt)
    assert direct(page) == (given.get("direct", 0), -1)
    assert page.evaluate(VALUES)[UNSAMPLER]["solver"] == "euler"


def test_without_the_script_an_earlier_file_would_change(browser: Browser):
    off = {"Comfy.Extension.Disabled": ["unsampling.earlier_workflows"]}
    with open_frontend(browser, INFO, settings=off) as page:
        load(page, earlier(fresh(page)))
        assert direct(page) == (-1, -1)

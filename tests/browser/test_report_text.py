"""The Inversion Report's text on its node, in the real frontend with our script: canvas and Nodes 2.0."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from browser.frontend import CHANGED, load, missing, open_frontend, version
from browser.stub_server import SCRIPTS
from playwright.sync_api import Browser, Page

from tools.workflows.build import OBJECT_INFO

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

REPORT = "UNS_InversionReport"
INTERFACES = OBJECT_INFO.with_name("node_interfaces.json")
FIRST, SECOND = "The noise is good.\nstd 1.00, psnr 41.2 dB", "The noise is too weak: std 0.71."
# A report that reads an Exact Unsampler's noise, and a report that never runs.
ADD = """() => {
    const add = (type, x) => {
        const node = LiteGraph.createNode(type);
        node.pos = [x, 100];
        app.graph.add(node);
        return node;
    };
    const unsampler = add('UNS_Unsampler', 100), report = add('UNS_InversionReport', 500);
    add('UNS_InversionReport', 950);
    unsampler.connect(0, report, 0);
    return app.graph.serialize();
}"""
WIDGETS = """() => Object.fromEntries(app.graph.nodes.map((node) =>
    [node.id, (node.widgets ?? []).map((widget) => [widget.name, widget.value])]))"""
VISIBLE = """() => [...document.querySelectorAll('textarea')].filter((one) => one.checkVisibility())
    .map((one) => [one.value, one.readOnly])"""
SHOWN = "(text) => [...document.querySelectorAll('textarea')].some((one) => one.value === text)"
GONE = "() => app.graph.nodes.length === 0"
COMMAND = "(name) => app.extensionManager.command.execute(name)"


def object_info() -> dict:
    """The recorded nodes; the report's interface stands in a file of its own, without the pack's folder."""
    report = json.loads(INTERFACES.read_text(encoding="utf-8"))[REPORT]
    known = json.loads(OBJECT_INFO.read_text(encoding="utf-8"))
    return known | {REPORT: report | {"python_module": "custom_nodes.unsampling"}}


@contextmanager
def canvas(browser: Browser, **settings) -> Iterator[Page]:
    """A page whose `run(node, text)` is the server's message that this node ran."""
    with open_frontend(browser, object_info(), settings=settings) as page:
        page.run = lambda node, text: page.send(executed(node, text))
        yield page
        assert page.problems.messages == []


def executed(node: int | str, text: str) -> dict:
    output = {"text": [text], "images": []}
    data = {"node": str(node), "display_node": str(node), "output": output, "prompt_id": "stub"}
    return {"type": "executed", "data": data}


def reload_graph(page: Page) -> tuple[int, int, int]:
    """A new graph through the loader, as a tab with something to undo; ids of unsampler, report, idle one."""
    page.evaluate("() => app.graph.clear()")
    load(page, page.evaluate(ADD))
    return tuple(page.evaluate("() => app.graph.nodes.map((node) => Number(node.id)).sort()"))


@pytest.fixture(scope="module", params=[False, True], ids=["canvas", "nodes2"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    with canvas(browser, **{"Comfy.VueNodes.Enabled": request.param}) as found:
        yield found


def ran(page: Page, *texts: str) -> tuple[int, int, int]:
    ids = reload_graph(page)
    for text in texts:
        page.run(ids[1], text)
        page.wait_for_function(SHOWN, arg=text, timeout=5_000)
    return ids


def test_the_text_is_shown_on_the_node_and_cannot_be_edited(page: Page):
    _, report, _ = ran(page, FIRST)
    assert page.evaluate(WIDGETS)[str(report)] == [["report", FIRST]]
    assert [FIRST, True] in page.evaluate(VISIBLE)


def test_running_again_replaces_the_text(page: Page):
    _, report, _ = ran(page, FIRST, SECOND)
    assert page.evaluate(WIDGETS)[str(report)] == [["report", SECOND]]
    assert FIRST not in [text for text, _ in page.evaluate(VISIBLE)]


def test_other_nodes_stay_as_they_are(page: Page):
    ids = reload_graph(page)
    before = page.evaluate(WIDGETS)
    page.run(ids[0], FIRST)
    page.run(ids[1], SECOND)
    page.wait_for_function(SHOWN, arg=SECOND, timeout=5_000)
    after = page.evaluate(WIDGETS)
    assert before[str(ids[0])] and after.pop(str(ids[1])) != before.pop(str(ids[1]))
    assert after == before and after[str(ids[2])] == [["report", ""]]


def test_neither_the_workflow_nor_the_prompt_has_the_text(page: Page):
    ids = ran(page, FIRST)
    both = page.evaluate("() => app.graphToPrompt()")
    saved = {node["id"]: node for node in both["workflow"]["nodes"]}
    assert both["output"][str(ids[1])]["inputs"] == {"noise": [str(ids[0]), 0]}
    assert saved[ids[0]]["widgets_values"] and not saved[ids[1]].get("widgets_values")
    assert "psnr 41.2" not in json.dumps(both)


def another_tab(page: Page) -> None:
    if version(page) < (1, 39):
        pytest.skip("frontend 1.38 forgets what any node put out when the tab changes")
    page.evaluate(COMMAND, "Comfy.NewBlankWorkflow")
    page.wait_for_function(GONE, timeout=5_000)
    page.evaluate(COMMAND, "Workspace.PreviousOpenedWorkflow")


def undo(page: Page) -> None:
    """Take back a change of the Exact Unsampler, which makes every node anew."""
    page.evaluate("""() => {
        app.graph.nodes.find((node) => node.type === 'UNS_Unsampler').pos = [100, 400];
    }""")
    page.evaluate(CHANGED)
    page.evaluate(COMMAND, "Comfy.Undo")


@pytest.mark.parametrize("leave", [another_tab, undo])
def test_the_text_stays(page: Page, leave: Callable[[Page], None]):
    _, report, _ = ran(page, FIRST)
    page.evaluate("() => { app.graph.nodes.forEach((node) => { node.old = true; }); }")
    leave(page)
    page.wait_for_function("() => app.graph.nodes.length === 3 && !app.graph.nodes[0].old", timeout=5_000)
    page.wait_for_function(SHOWN, arg=FIRST, timeout=5_000)
    assert page.evaluate(WIDGETS)[str(report)] == [["report", FIRST]]


def test_the_text_stays_inside_a_subgraph(page: Page):
    _, report, _ = reload_graph(page)
    outer = page.evaluate(
        """(id) => {
        const {node} = app.graph.convertToSubgraph(new Set([app.graph.getNodeById(id)]));
        return String(node.id);
    }""",
        report,
    )
    page.evaluate(CHANGED)
    [inner] = page.evaluate("(id) => app.graph.getNodeById(id).subgraph.nodes.map((node) => node.id)", outer)
    page.run(f"{outer}:{inner}", FIRST)
    text = """([outer, text]) => app.graph.getNodeById(outer)?.subgraph.nodes[0].widgets[0].value === text"""
    page.wait_for_function(text, arg=[outer, FIRST], timeout=5_000)
    another_tab(page)
    page.wait_for_function(text, arg=[outer, FIRST], timeout=5_000)


def test_without_the_script_the_node_has_no_text(browser: Browser):
    with canvas(browser, **{"Comfy.Extension.Disabled": ["unsampling.inversion_report"]}) as page:
        _, report, _ = reload_graph(page)
        page.run(report, FIRST)
        page.wait_for_function("(id) => app.nodeOutputs[id]?.text", arg=str(report), timeout=5_000)
        assert page.evaluate(WIDGETS)[str(report)] == [] and page.evaluate(VISIBLE) == []


def test_our_scripts_are_plain_ascii_and_log_nothing():
    scripts = {path.name: path.read_text(encoding="ascii") for path in SCRIPTS.rglob("*.js")}
    assert "inversion_report.js" in scripts
    assert [name for name, text in scripts.items() if "console." in text] == []


OUTPUTS = "(id) => app.graph.getNodeById(id).outputs.map((one) => one.name)"
FIGURES = 10
UNFOLD = """(id) => app.collectNodeMenuItems(app.graph.getNodeById(id))
    .find((item) => item?.content === 'Show the figures as outputs')?.callback()"""
LINKED = """(id) => app.graph.getNodeById(id).outputs
    .flatMap((one, index) => [...(one.links ?? [])].map(() => index))"""
# a figure as another node's setting
SHOW = """([id, index]) => {
    const shown = LiteGraph.createNode('UNS_NoiselessResampler');
    shown.pos = [1400, 100];
    app.graph.add(shown);
    app.graph.getNodeById(id).connect(index, shown, shown.findInputSlot('cfg'));
    return app.rootGraph.serialize();
}"""


def test_a_new_report_shows_chart_and_text_and_the_menu_brings_the_figures(page: Page):
    _, report, _ = reload_graph(page)
    assert page.evaluate(OUTPUTS, report) == ["chart", "text"]
    page.evaluate(UNFOLD, report)
    names = page.evaluate(OUTPUTS, report)
    assert len(names) == FIGURES and names[2] == "noise_std" and names[-1] == "source_correlation"
    page.evaluate(UNFOLD, report)
    assert len(page.evaluate(OUTPUTS, report)) == FIGURES
    assert load(page, page.evaluate("() => app.rootGraph.serialize()"))
    assert page.evaluate(OUTPUTS, report) == names


@pytest.mark.parametrize("index", [2, 5, 9])
def test_a_saved_link_from_any_output_is_there_again(page: Page, index: int):
    """From a file, from an API prompt, and from a copy of both nodes."""
    _, report, _ = reload_graph(page)
    page.evaluate(UNFOLD, report)
    saved = page.evaluate(SHOW, [report, index])
    prompt = page.evaluate("async () => (await app.graphToPrompt()).output")
    load(page, saved)
    assert page.evaluate(LINKED, report) == [index] and len(page.evaluate(OUTPUTS, report)) == FIGURES
    assert page.evaluate("async () => (await app.graphToPrompt()).output") == prompt
    page.evaluate("(prompt) => app.loadApiJson(prompt, 'api')", prompt)
    again = page.evaluate("async () => (await app.graphToPrompt()).output")
    assert [one["inputs"] for one in again.values()] == [one["inputs"] for one in prompt.values()]
    load(page, saved)
    page.evaluate("() => { app.canvas.selectItems(app.graph.nodes); app.canvas.copyToClipboard(); }")
    page.evaluate("() => app.canvas.pasteFromClipboard()")
    ids = page.evaluate(
        "() => app.graph.nodes.filter((n) => n.type === 'UNS_InversionReport').map((n) => n.id)"
    )
    assert [page.evaluate(LINKED, one) for one in ids].count([index]) == 2

"""The help panel of a node in the real frontend: it finds our page, and the page's picture shows in it."""

import json
from collections.abc import Iterator

import pytest
from browser.frontend import missing, open_frontend
from playwright.sync_api import Browser, Page

from tools.workflows.build import OBJECT_INFO, recorded_info

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

OURS = json.loads(OBJECT_INFO.with_name("node_interfaces.json").read_text(encoding="utf-8"))
MODULE = {"python_module": "custom_nodes.unsampling"}  # where its pages are, which that file leaves out
INFO = recorded_info() | {kind: one | MODULE for kind, one in OURS.items()}
NODES = ("UNS_CannyEdges", "UNS_Unsampler")
ALL = sorted(OURS)
ADD = """(type) => {
    app.graph.clear();
    const node = LiteGraph.createNode(type);
    node.pos = [300, 300];
    app.graph.add(node);
    app.canvas.select(node);
}"""
PICTURE = '.node-help-content img[src*="effect.webp"]'
FIND = "([selector, type]) => { const one = document.querySelector(selector);"
SHOWN = f"{FIND} return one?.complete && one.src.includes(type) && one.naturalWidth; }}"
# Of pictures, tables and code, what is wider than the panel before a user draws that wider.
OVER = """() => {
    const panel = document.querySelector('.node-help-content'), edge = panel.getBoundingClientRect();
    const isOut = ({left, right}) => left < edge.left - 1 || right > edge.right + 1;
    const isOver = (one) => one.scrollWidth > one.clientWidth + 1 || isOut(one.getBoundingClientRect());
    return [panel, ...panel.querySelectorAll('img, video, table, pre')].filter(isOver)
        .map((one) => `${one.tagName} ${one.scrollWidth} > ${one.clientWidth}: ${one.innerText.slice(0, 9)}`);
}"""
PANEL = "() => document.querySelector('.node-help-content').clientWidth"
MAKE = """([kind, width]) => {
    document.querySelector(`.node-help-content ${kind}`).style.minWidth = width;
}"""
TITLE = "(name) => document.querySelector('.node-help-content h1')?.innerText === name"


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with open_frontend(browser, INFO) as found:
        yield found


@pytest.mark.parametrize("node", NODES)
def test_the_help_panel_shows_the_page_with_its_picture(page: Page, node: str):
    page.evaluate(ADD, node)
    page.get_by_test_id("info-button").first.click(timeout=20_000)
    page.wait_for_function(SHOWN, arg=[PICTURE, node], timeout=20_000)
    assert page.evaluate(SHOWN, [PICTURE, node]) == 800
    assert page.evaluate(OVER) == [], "nothing is cut off at the panel's edge"
    assert page.locator(PICTURE).get_attribute("alt")
    assert page.locator(".node-help-content h2", has_text="Trouble").count() == 1
    assert page.problems.messages == []


def test_every_pages_tables_and_pictures_fit_into_the_panel(page: Page):
    wide = {}
    for node in ALL:
        page.evaluate(ADD, node)
        if not page.locator(".node-help-content").count():
            page.get_by_test_id("info-button").first.click(timeout=20_000)
        page.wait_for_function(TITLE, arg=INFO[node]["display_name"], timeout=20_000)
        page.wait_for_function(SHOWN, arg=[PICTURE, node], timeout=20_000)
        assert 200 < page.evaluate(PANEL) < 320
        if over := page.evaluate(OVER):
            wide[node] = over
    assert len(ALL) > 20 and wide == {}


@pytest.mark.parametrize("kind", ["img", "table"])
def test_what_is_too_wide_is_noticed(page: Page, kind: str):
    test_the_help_panel_shows_the_page_with_its_picture(page, "UNS_Unsampler")
    page.evaluate(MAKE, [kind, "400px"])
    assert kind.upper() in " ".join(page.evaluate(OVER))
    page.evaluate(MAKE, [kind, ""])

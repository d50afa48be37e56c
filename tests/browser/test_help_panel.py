"""The help panel of a node in the real frontend: it finds our page, and the page's picture shows in it."""

from collections.abc import Iterator

import pytest
from browser.frontend import missing, open_frontend
from playwright.sync_api import Browser, Page

from tools.workflows.build import recorded_info

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

NODES = ("UNS_CannyEdges", "UNS_Unsampler")
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
# of the picture and the typical values, what is wider than the panel before a user draws that wider
OVER = """() => ['img', 'table'].map((kind) => document.querySelector(`.node-help-content ${kind}`))
    .filter((one) => one.scrollWidth > one.clientWidth + 1 || one.getBoundingClientRect().right > innerWidth)
    .map((one) => `${one.tagName} ${one.scrollWidth} > ${one.clientWidth}`)"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with open_frontend(browser, recorded_info()) as found:
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

"""The help panel of a node in the real frontend: it finds our page, and the page's picture shows in it."""

from collections.abc import Iterator

import pytest
from browser.frontend import missing, open_frontend
from playwright.sync_api import Browser, Page

from tools.workflows.build import recorded_info

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

INFO = recorded_info()
NODES = ("UNS_CannyEdges", "UNS_Unsampler")
ALL = sorted(kind for kind in INFO if kind.startswith("UNS_"))
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
# Of the picture and the tables, what is wider than the panel before a user draws that wider.
OVER = """() => [...document.querySelectorAll('.node-help-content :is(img, table)')]
    .filter((one) => one.scrollWidth > one.clientWidth + 1 || one.getBoundingClientRect().right > innerWidth)
    .map((one) => `${one.tagName} ${one.scrollWidth} > ${one.clientWidth}: ${one.innerText.slice(0, 60)}`)"""
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


def test_every_pages_tables_fit_into_the_panel(page: Page):
    wide = {}
    for node in ALL:
        page.evaluate(ADD, node)
        if not page.locator(".node-help-content").count():
            page.get_by_test_id("info-button").first.click(timeout=20_000)
        page.wait_for_function(TITLE, arg=INFO[node]["display_name"], timeout=20_000)
        if over := page.evaluate(OVER):
            wide[node] = over
    assert len(ALL) > 10 and wide == {}

"""The main template as a new user opens it: on a real server that has its packs and none of its files."""

from collections.abc import Iterator

import pytest
from browser.frontend import READY, READY_MS, chromium, find_templates, missing, version
from playwright.sync_api import Page

from tools.template_names import title_of

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

NEEDS_FILES = {"Load Video", "Models", "ControlNet (weak, early steps)"}  # the clip, and what has the loaders
MARKS = (1, 43)  # the first frontend that marks missing files as a template opens
RED = "() => app.graph.nodes.filter((one) => one.has_errors).map((one) => one.title)"
UNKNOWN = """() => [app.rootGraph, ...app.rootGraph.subgraphs.values()].flatMap((graph) => graph.nodes)
    .map(({type}) => type).filter((type) => !LiteGraph.registered_node_types[type])"""


@pytest.fixture
def page(comfy) -> Iterator[Page]:
    with chromium() as browser:
        found = browser.new_context(viewport={"width": 1600, "height": 950}).new_page()
        found.goto(comfy.client.url, wait_until="domcontentloaded")
        found.wait_for_function(READY, timeout=READY_MS)
        yield found


def test_nothing_is_red_but_missing_models_and_the_clip(page: Page):
    page.wait_for_timeout(3000)  # a first visit may open the dialog by itself
    find_templates(page, "vid2vid")
    main = f'[data-testid="template-workflow-{title_of("unsampling_animatediff_sd15")}"]'
    page.locator(main).first.click()
    page.wait_for_function(
        "() => app.graph.nodes.some((one) => one.type === 'UNS_Unsampler')", timeout=60_000
    )
    page.wait_for_timeout(4000)
    assert page.evaluate(UNKNOWN) == []
    red = set(page.evaluate(RED))
    assert red == NEEDS_FILES if version(page) >= MARKS else red <= NEEDS_FILES

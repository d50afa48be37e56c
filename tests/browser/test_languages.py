"""The real frontend in another language: our nodes' titles, inputs and tooltips are in it."""

import json
from collections.abc import Iterator

import pytest
from browser.frontend import load, missing, open_frontend
from browser.stub_server import LOCALES
from playwright.sync_api import Browser, Page

from tools.workflows.build import file_of, recorded_info

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

# Three of those that the frontend offers, since a page takes seconds; it has no German yet, whose texts wait.
SHOWN = ("zh-TW", "ja", "fr")
NAMES = """(type) => {
    const node = LiteGraph.createNode(type);
    const labels = node.inputs.map((input) => [input.name, input.label ?? input.localized_name]);
    return {title: LiteGraph.registered_node_types[type].title, inputs: Object.fromEntries(labels)};
}"""


@pytest.fixture(params=SHOWN)
def page(request, browser: Browser) -> Iterator[Page]:
    with open_frontend(browser, recorded_info(), settings={"Comfy.Locale": request.param}) as found:
        found.language = request.param
        yield found


def test_the_nodes_speak_the_users_language(page: Page):
    texts = json.loads((LOCALES / page.language / "nodeDefs.json").read_text(encoding="utf-8"))
    load(page, json.loads(file_of("unsample_resample_image").read_text(encoding="utf-8")))
    for kind in ("UNS_Unsampler", "UNS_NoiselessResampler", "UNS_AYSScheduler"):
        shown = page.evaluate(NAMES, kind)
        assert shown["title"] == texts[kind]["display_name"]
        for name, label in shown["inputs"].items():
            assert label == texts[kind]["inputs"][name]["name"], f"{kind}.{name}"
    assert page.problems.messages == []

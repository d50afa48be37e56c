"""What people type who look for this pack finds its passes first, in the frontend's own search."""

import json
from collections.abc import Iterator

import pytest
from browser.frontend import missing, open_frontend, search_for
from browser.test_blueprints import answers
from playwright.sync_api import Browser, Page

from tools.workflows.blueprints import BLUEPRINTS
from tools.workflows.build import OBJECT_INFO, recorded_info

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

WORDS = (
    *("unsampling", "vid2vid", "video to video", "img2img", "restyle", "style transfer", "rf inversion"),
    *("reconstruct", "inversion"),
)
PASSES = {
    "Exact Unsampler",
    "Noiseless Resampler",
    "Exact Unsampler (Advanced)",
    "Noiseless Resampler (Advanced)",
}
# of which the word is the name
NAMED = {"Restyle Grid", "Restyle Report", "Inversion Report", "Inversion Sampler", "Video Frames (scaled)"}
OURS = PASSES | NAMED | set(BLUEPRINTS)
CORES = {"WanVaceToVideo"}  # whose name alone has most of "video to video": a name goes before an alias


def known() -> dict:
    """Core's nodes of our workflows and menu, and ours with the words that they are found by."""
    ours = json.loads(OBJECT_INFO.with_name("node_interfaces.json").read_text(encoding="utf-8"))
    named = {name: entry | {"python_module": "custom_nodes.unsampling"} for name, entry in ours.items()}
    return recorded_info() | named


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with open_frontend(browser, known(), answers=answers()) as found:
        yield found
        assert found.problems.messages == []


@pytest.mark.parametrize("words", WORDS)
def test_our_passes_are_found_first(page: Page, words: str):
    page.keyboard.press("Escape")
    search_for(page, words)
    page.wait_for_function("(words) => document.activeElement.value === words", arg=words, timeout=20_000)
    names = {entry["display_name"] or name for name, entry in known().items()} | set(BLUEPRINTS)
    for _ in range(40):  # the list follows what is typed a little later
        page.wait_for_timeout(250)
        shown = [
            line
            for line in page.evaluate("() => document.body.innerText").splitlines()
            if line in names - CORES
        ]
        if shown and shown[0] in OURS:
            break
    assert shown[0] in OURS, shown[:5]
    assert PASSES & set(shown[:5]), shown[:5]

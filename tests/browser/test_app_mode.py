"""Every template in App mode: what people change is there in plain words."""

import json
from collections.abc import Iterator

import pytest
from browser.frontend import load, missing, open_frontend, vhs_scripts
from browser.previews import media_of_a_run
from playwright.sync_api import Browser, Page

from tools.workflows.build import WORKFLOWS, file_of, recorded_info

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

LABELS = ["what the source shows", "the new look", "what to avoid", "cfg: how strong", "structure: how close"]


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory) -> Iterator[Page]:
    media = media_of_a_run(tmp_path_factory.mktemp("media"))
    settings = {"Comfy.VueNodes.Enabled": True}
    opened = open_frontend(browser, recorded_info(), settings=settings, media=media, scripts=vhs_scripts())
    with opened as found:
        yield found
        assert found.problems.messages == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_what_people_change_is_there_in_plain_words(page: Page, name: str):
    workflow = json.loads(file_of(name).read_text(encoding="utf-8"))
    workflow["extra"]["linearMode"] = True  # as the frontend saves one that was left in App mode
    load(page, workflow)
    target = next(node for node in workflow["nodes"] if node.get("title") == "Target: the new look")
    page.wait_for_function("() => document.querySelectorAll('textarea').length >= 3", timeout=20_000)
    shown = page.evaluate("() => document.body.innerText")
    assert [label for label in LABELS if label not in shown] == []
    written = [field.input_value() for field in page.locator("textarea:visible").all()]
    assert target["widgets_values"][0] in written

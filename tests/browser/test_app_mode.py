"""Every template in App mode: what people change is there in plain words."""

import json
from collections.abc import Iterator

import pytest
from browser.frontend import load, missing, open_frontend, vhs_scripts
from browser.previews import media_of_a_run
from playwright.sync_api import Browser, Page

from tools.workflows.build import WORKFLOWS, file_of, recorded_info

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

SAVED_NOISE = "restyle_saved_noise"
TURNED = ["what to avoid", "cfg: how strong", "structure: how close"]
LABELS = ["what the source shows", "the new look", *TURNED]
GUIDED = "unsampling_hunyuan_video"  # its guidance is built in: no cfg, nothing to avoid
OF_GUIDANCE = [*LABELS[:2], "guidance: how strong", TURNED[-1]]
OF_NOISE = ["saved noise", "the new looks, one a line", *TURNED]


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
    of_noise = name == SAVED_NOISE
    looks = "Negative prompt" if of_noise else "Target: the new look"
    target = next(node for node in workflow["nodes"] if node.get("title") == looks)
    page.wait_for_function(
        "(most) => document.querySelectorAll('textarea').length >= most",
        arg=2 if of_noise or name == GUIDED else 3,
        timeout=20_000,
    )
    shown = page.evaluate("() => document.body.innerText")
    labels = OF_NOISE if of_noise else OF_GUIDANCE if name == GUIDED else LABELS
    assert [label for label in labels if label not in shown] == []
    written = [field.input_value() for field in page.locator("textarea:visible").all()]
    assert target["widgets_values"][0] in written

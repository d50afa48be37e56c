"""Every template in App mode: what people change is there in plain words, and can be changed by hand."""

import copy
import json
from collections.abc import Iterator

import pytest
from browser.app_mode import ITEM, UPLOADS
from browser.frontend import load, missing, open_frontend, vhs_scripts
from browser.previews import media_of_a_run
from playwright.sync_api import Browser, Page, Route

from tools.workflows.build import WORKFLOWS, file_of, recorded_info

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

SAVED_NOISE = "restyle_saved_noise"
TURNED = ["what to avoid", "cfg: how strong", "structure: how close"]
LABELS = ["what the source shows", "the new look", *TURNED]
GUIDED = "unsampling_hunyuan_video"  # its guidance is built in: no cfg, nothing to avoid
OF_GUIDANCE = [*LABELS[:2], "guidance: how strong", TURNED[-1]]
VHS, NOISE = ("VHS_LoadVideo", "video"), ("UNS_LoadNoise", "file")
OTHER = "another one"  # on the server, beside the file that the template names
VIDEO, PICTURE = "mine.mp4", "mine.png"  # on the user's computer
CHOICES = {  # template: its loaders in App mode, each with the file that is uploaded or chosen there
    "unsampling_animatediff_sd15": {"LoadVideo": VIDEO},
    "unsampling_masked_sd15": {"LoadVideo": VIDEO},
    "unsampling_look_reference_sd15": {"LoadVideo": VIDEO, "LoadImage": PICTURE},
    "unsample_resample_image": {"LoadImage": PICTURE},
    "unsampling_animatediff_sd15_vhs": {"VHS_LoadVideo": OTHER},
    SAVED_NOISE: {"UNS_LoadNoise": OTHER},
}
TEXT = {"": "a woodcut"}  # on a node of any kind
IS_QUEUED = """async ([kind, value]) => {
    const {output} = await app.graphToPrompt();
    return Object.values(output).some(({class_type, inputs}) =>
        (!kind || class_type === kind) && Object.values(inputs).includes(value));
}"""
OF_NOISE = ["saved noise", "the new looks, one a line", *TURNED]


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory) -> Iterator[Page]:
    media = media_of_a_run(tmp_path_factory.mktemp("media"))
    settings = {"Comfy.VueNodes.Enabled": True}
    opened = open_frontend(browser, info(), settings=settings, media=media, scripts=vhs_scripts())
    with opened as found:
        found.route("**/upload/image", take)
        yield found
        assert found.problems.messages == []


def info() -> dict:
    """The recorded nodes, on a server that has a second film and a second noise."""
    found = copy.deepcopy(recorded_info())
    found[VHS[0]]["input"]["required"][VHS[1]][0].append(OTHER)
    found[NOISE[0]]["input"]["required"][NOISE[1]][1]["options"].append(OTHER)
    return found


def take(route: Route) -> None:
    """Answers an upload as the server does: the file is in the input folder under its own name."""
    body = route.request.post_data_buffer or b""
    name = PICTURE if PICTURE.encode() in body else VIDEO
    assert f'filename="{name}"'.encode() in body
    route.fulfill(json={"name": name, "subfolder": "", "type": "input"})


def in_app_mode(page: Page, name: str) -> dict:
    """The template, as the frontend opens one that was left in App mode."""
    workflow = json.loads(file_of(name).read_text(encoding="utf-8"))
    workflow["extra"]["linearMode"] = True
    load(page, workflow)
    page.wait_for_function(
        "(most) => document.querySelectorAll('textarea').length >= most",
        arg=2 if name in (SAVED_NOISE, GUIDED) else 3,
        timeout=20_000,
    )
    return workflow


@pytest.mark.parametrize("name", WORKFLOWS)
def test_what_people_change_is_there_in_plain_words(page: Page, name: str):
    workflow = in_app_mode(page, name)
    of_noise = name == SAVED_NOISE
    looks = "Negative prompt" if of_noise else "Target: the new look"
    target = next(node for node in workflow["nodes"] if node.get("title") == looks)
    shown = page.evaluate("() => document.body.innerText")
    labels = OF_NOISE if of_noise else OF_GUIDANCE if name == GUIDED else LABELS
    assert [label for label in labels if label not in shown] == []
    written = [field.input_value() for field in page.locator("textarea:visible").all()]
    assert target["widgets_values"][0] in written


def uploaded(page: Page, places: list[str]) -> None:
    """Gives each upload button of App mode, from the top, a file of the user's."""
    for number, name in enumerate(places):
        files = [{"name": name, "mimeType": "application/octet-stream", "buffer": b"content"}]
        page.locator(UPLOADS).nth(number).set_input_files(files)


def chosen(page: Page) -> None:
    """Takes the other file out of the list on the first widget."""
    page.locator(ITEM).first.get_by_test_id("widget-select-default-trigger").click()
    page.get_by_role("option", name=OTHER).first.click()


@pytest.mark.parametrize("name", CHOICES)
def test_the_source_and_the_texts_are_set_by_hand(page: Page, name: str):
    in_app_mode(page, name)
    page.wait_for_timeout(500)
    page.keyboard.press("Escape")  # the frontend's own tour of App mode
    page.get_by_test_id("coach-landing-overlay").wait_for(state="hidden", timeout=20_000)
    page.locator("textarea:visible").nth(1).fill("a woodcut")
    wanted = CHOICES[name]
    if OTHER in wanted.values():
        chosen(page)
    else:
        uploaded(page, list(wanted.values()))
    for kind, value in [*wanted.items(), *TEXT.items()]:
        page.wait_for_function(IS_QUEUED, arg=[kind, value], timeout=20_000)

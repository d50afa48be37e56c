"""Every template in App mode: what people change is there in plain words, and is set and run by hand."""

import copy
import json
from collections.abc import Iterator

import pytest
from browser.app_mode import ITEM, UPLOADS
from browser.frontend import load, missing, open_frontend, vhs_scripts
from browser.previews import media_of_a_run
from playwright.sync_api import Browser, Locator, Page, Route

from tools.workflows.build import WORKFLOWS, file_of, recorded_info

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

SAVED_NOISE = "restyle_saved_noise"
SOURCE, LOOK, AVOIDED = "what the source shows", "the new look", "what to avoid"
LOOKS, PLACED = "the new looks, one a line", "the new looks, with their places"
STRONG, CLOSE, TAKE = "cfg: how strong", "structure: how close", "variation: which take"
LABELS = [SOURCE, LOOK, AVOIDED, STRONG, CLOSE, TAKE]
GUIDED = "unsampling_hunyuan_video"  # its guidance is built in: no cfg, nothing to avoid
OF_GUIDANCE = [SOURCE, LOOK, "guidance: how strong", CLOSE, TAKE]
VHS, NOISE = ("VHS_LoadVideo", "video"), ("UNS_LoadNoise", "file")
OTHER = "another one"  # on the server, beside the file that the template names
VIDEO, MASK, PICTURE = "mine.mp4", "mask.mp4", "mine.png"  # on the user's computer
CHOICES = {  # template: its loaders in App mode, each with the files that are uploaded or chosen there
    **{name: {"LoadVideo": [VIDEO]} for name in WORKFLOWS},
    "unsampling_masked_sd15": {"LoadVideo": [VIDEO, MASK]},
    "unsampling_look_reference_sd15": {"LoadVideo": [VIDEO], "LoadImage": [PICTURE]},
    "unsampling_look_ipadapter_sd15": {"LoadVideo": [VIDEO], "LoadImage": [PICTURE]},
    "unsample_resample_image": {"LoadImage": [PICTURE]},
    "unsampling_animatediff_sd15_vhs": {"VHS_LoadVideo": [OTHER]},
    SAVED_NOISE: {"UNS_LoadNoise": [OTHER]},
}
# Widgets of App mode, with the beginning of the title of the node that has them.
TEXTS = {SOURCE: "Source: what the ", LOOK: "Target: the new look", AVOIDED: "Negative prompt"}
TITLES_OF = {
    **dict.fromkeys(WORKFLOWS, TEXTS),
    "unsampling_cross_fade_sd15": {SOURCE: TEXTS[SOURCE], PLACED: TEXTS[LOOK], AVOIDED: TEXTS[AVOIDED]},
    GUIDED: {SOURCE: TEXTS[SOURCE], LOOK: TEXTS[LOOK]},
    SAVED_NOISE: {LOOKS: "Restyle Grid", AVOIDED: TEXTS[AVOIDED]},
}
# The values of the nodes that are of this type, or whose title begins so.
QUEUED = """async (kind) => Object.values((await app.graphToPrompt()).output)
    .filter(({class_type, _meta}) => class_type === kind || _meta.title.startsWith(kind))
    .flatMap(({inputs}) => Object.values(inputs))"""
RUNS = 4
OF_NOISE = ["saved noise", LOOKS, AVOIDED, STRONG, CLOSE]


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
    (name,) = (one for one in (VIDEO, MASK, PICTURE) if f'filename="{one}"'.encode() in body)
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
    looks = TEXTS[AVOIDED if of_noise else LOOK]
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


def without_tour(page: Page) -> None:
    """Closes the frontend's own tour of App mode."""
    page.wait_for_timeout(500)
    page.keyboard.press("Escape")
    page.get_by_test_id("coach-landing-overlay").wait_for(state="hidden", timeout=20_000)


def wait_for_queued(page: Page, kind: str, value: str) -> None:
    """Waits until the prompt has the value on such a node."""
    for _ in range(100):
        if value in page.evaluate(QUEUED, kind):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{value} does not reach {kind}: {page.evaluate(QUEUED, kind)}")


def written(page: Page, label: str) -> Locator:
    """The text below this label."""
    return page.locator(ITEM).filter(has=page.get_by_text(label, exact=True)).locator("textarea")


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_source_and_the_texts_are_set_by_hand(page: Page, name: str):
    in_app_mode(page, name)
    without_tour(page)
    for label in TITLES_OF[name]:
        written(page, label).fill(f"a woodcut, {label}")
    wanted = CHOICES[name]
    files = [file for several in wanted.values() for file in several]
    if files == [OTHER]:
        chosen(page)
    else:
        uploaded(page, files)
    for kind, several in wanted.items():
        for file in several:
            wait_for_queued(page, kind, file)
    for label, title in TITLES_OF[name].items():
        wait_for_queued(page, title, f"a woodcut, {label}")


@pytest.mark.parametrize("name", [name for name in WORKFLOWS if name != SAVED_NOISE])
def test_a_number_of_runs_are_as_many_takes(page: Page, name: str):
    in_app_mode(page, name)
    without_tour(page)
    queued: list[dict] = []

    def answer(route: Route) -> None:
        queued.append(route.request.post_data_json["prompt"])
        route.fulfill(json={"prompt_id": f"{name} {len(queued)}", "number": len(queued), "node_errors": {}})

    page.route("**/prompt", answer)
    number = page.get_by_label("Number of runs")
    number.locator("input").fill(str(RUNS))
    page.get_by_test_id("linear-run-button").get_by_role("button", name="Run").last.click()
    for _ in range(100):
        page.wait_for_timeout(100)
        if len(queued) == RUNS:
            break
    page.unroute("**/prompt")
    assert [taken(prompt) for prompt in queued] == list(range(RUNS))
    assert all(prompt == queued[0] for prompt in queued)


def taken(prompt: dict) -> int:
    """Takes the variation of the resampler out of a prompt."""
    (sampler,) = (one for one in prompt.values() if one["class_type"].startswith("UNS_NoiselessResampler"))
    return sampler["inputs"].pop("variation")

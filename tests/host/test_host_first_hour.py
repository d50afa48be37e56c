"""A new user's first hour: the archive in a bare ComfyUI, a template found by typing, run, read, interrupted,
run again, and run from App mode. SCREENSHOTS=folder keeps what is seen.

With COMFYUI_PATH on ComfyUI 0.14 and COMFYUI_FRONTEND on the static folder of comfyui-frontend-package
1.38.14 it is the first hour on the oldest ComfyUI that the pack supports.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from browser.app_mode import ITEM, UPLOADS
from browser.frontend import (
    CARD,
    NO_TOASTS,
    READY,
    READY_MS,
    Problems,
    chromium,
    find_templates,
    missing,
    version,
)
from browser.test_template_cards import CORE
from comfy_server import ComfyServer
from host_session import HostSession, started
from PIL import Image
from playwright.sync_api import Page

from demo.video import pan_over_photograph
from tools.dev.archive import unpack
from tools.dev.find_comfy import find_host
from tools.template_names import title_of

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

KEPT = os.environ.get("SCREENSHOTS")
CHECKPOINT = "v1-5-pruned-emaonly-fp16.safetensors"
# what a ComfyUI without internet and with a fresh user complains about by itself
OF_CORE = ("userdata", "user.css", "/templates/", "huggingface", "before initialization")
# the first frontends whose search finds a word anywhere in a title, and whose App mode names its parts so
FINDS_ANYWHERE, APP_MODE = (1, 48), (1, 43)
SET = """([kind, name, value]) => {
    const node = app.graph.nodes.find((one) => one.type === kind || one.title === kind);
    const widget = node.widgets.find((one) => one.name === name);
    widget.value = value;
    widget.callback?.(value);
}"""
WIDGET = """([kind, name]) => app.graph.nodes.find((one) => one.type === kind)
    .widgets.find((one) => one.name === name)?.value"""
# the cards in view have their pictures
PICTURED = """(card) => [...document.querySelectorAll(`${card} img`)]
    .filter((one) => one.getBoundingClientRect().top < innerHeight)
    .every((one) => one.complete && one.naturalWidth)"""
# as a user scrolls, until Exact Unsampler, report and result are in view: pictures load only there
TO_RESULT = """() => {
    const [first, last] = ['UNS_Unsampler', 'SaveImage']
        .map((type) => app.graph.nodes.find((one) => one.type === type).boundingRect);
    const {ds, canvas} = app.canvas, {width, height} = canvas.getBoundingClientRect();
    ds.offset[0] = width / ds.scale / 2 - (first[0] + last[0] + last[2]) / 2;
    ds.offset[1] = height / ds.scale / 2 - (first[1] + last[1] + last[3]) / 2;
    app.canvas.setDirty(true, true);
}"""
SAVED = "() => app.graph.nodes.some((one) => one.type === 'SaveImage' && one.imgs?.length)"
SHOWN = """(name) => [...document.querySelectorAll('img')]
    .some((one) => one.checkVisibility() && one.src.includes(name))"""
MINE = "mine.png"
# What happens to the variation after each run: this frontend gives that widget another name.
COUNT = """(how) => {
    const node = app.graph.nodes.find((one) => one.type === 'UNS_NoiselessResampler');
    node.widgets.find((one) => one.name === 'variation').linkedWidgets[0].value = how;
}"""
RUNS = 4
LOOK, PICTURE = "Target: the new look", "Restyle one picture"


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Iterator[HostSession]:
    """ComfyUI with the archive's files as a user has them, a picture, and the checkpoint asked for."""
    base = tmp_path_factory.mktemp("first-hour")

    def server() -> ComfyServer:
        found = ComfyServer(base, ("support",))
        unpack(base / "custom_nodes" / "unsampling")
        of_core = find_host() / "input" / "example.png"  # the drawing that the template's texts describe
        drawing = Image.open(of_core) if of_core.is_file() else None
        picture = drawing or Image.fromarray(pan_over_photograph(1, 96, 128)[0])
        picture.save(base / "input" / "example.png")
        return found

    session = started(server)
    checkpoints = session.models_dir / "checkpoints"
    (checkpoints / session.model("one_level")).rename(checkpoints / CHECKPOINT)
    yield session
    session.close()


@pytest.fixture(scope="module")
def page(bare: HostSession) -> Iterator[Page]:
    with chromium() as browser:
        found = browser.new_context(viewport={"width": 1600, "height": 950}).new_page()
        problems = Problems(bare.server.url)
        found.on("console", problems.console)
        found.on("pageerror", problems.page_error)
        found.route("**/templates/index.json", lambda route: route.fulfill(json=CORE))
        found.goto(bare.server.url, wait_until="domcontentloaded")
        found.wait_for_function(READY, timeout=READY_MS)
        yield found
        ours = [one for one in problems.messages if not any(words in one for words in OF_CORE)]
        assert ours == []


def keep(page: Page, name: str) -> None:
    if KEPT:
        Path(KEPT).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(KEPT) / f"{name}.png")


def run(page: Page) -> None:
    page.get_by_role("button", name="Run", exact=True).first.click()


def ended(bare: HostSession, count: int) -> dict:
    """The last entry of the history, once there are so many."""
    for _ in range(600):
        history = _history(bare)
        if len(history) >= count:
            return list(history.values())[-1]
        time.sleep(0.2)
    raise AssertionError(f"{count} runs wanted, {len(history)} ended")


def _history(bare: HostSession) -> dict:
    with urlopen(f"{bare.server.url}/history", timeout=20) as answer:
        return json.load(answer)


def pictures(entry: dict) -> list[dict]:
    return [
        one for node in entry["outputs"].values() for one in node.get("images", []) if one["type"] == "output"
    ]


def test_a_template_is_found_run_read_stopped_and_run_again(bare: HostSession, page: Page):
    page.wait_for_timeout(4000)
    keep(page, "0-start")
    find_templates(page, "vid2vid")
    page.wait_for_timeout(1500)
    main = title_of("unsampling_animatediff_sd15")
    assert page.locator(CARD).first.get_attribute("data-testid") == f"template-workflow-{main}"
    page.wait_for_function(PICTURED, arg=CARD, timeout=60_000)
    keep(page, "1-found")
    words = "img2img" if version(page) >= FINDS_ANYWHERE else "one picture"
    page.locator("[role=dialog] input").first.fill(words)
    page.locator(CARD, has_text=PICTURE).first.click()
    page.wait_for_function(
        "() => app.graph.nodes.some((one) => one.type === 'UNS_Unsampler')", timeout=60_000
    )
    page.wait_for_timeout(2000)
    assert "errors found" not in page.inner_text("body")
    keep(page, "2-opened")
    before = len(_history(bare))
    for setting in (("ImageScaleToTotalPixels", "megapixels", 0.02), ("UNS_AYSScheduler", "steps", 4)):
        page.evaluate(SET, list(setting))
    page.evaluate(COUNT, "fixed")  # the template's counts up
    run(page)
    first = ended(bare, before + 1)
    assert first["status"]["status_str"] == "success" and len(pictures(first)) == 1
    page.evaluate(TO_RESULT)
    page.wait_for_function(SAVED, timeout=30_000)
    page.wait_for_timeout(1500)
    keep(page, "3-result")
    text = page.evaluate(WIDGET, ["UNS_InversionReport", "report"])
    assert (
        "steps of midpoint" in text and "made with patched weights" in text and "prompt positive" not in text
    )
    page.evaluate(NO_TOASTS)
    run(page)  # nothing changed
    ended(bare, before + 2)
    page.get_by_text("same settings, same clip").first.wait_for(timeout=20_000)
    page.wait_for_timeout(1000)  # it fades in
    keep(page, "4-same")
    page.evaluate(SET, ["UNS_AYSScheduler", "steps", 100])
    run(page)
    page.wait_for_timeout(1500)
    page.evaluate("() => window.comfyAPI.api.api.interrupt()")
    assert ended(bare, before + 3)["status"]["status_str"] == "error"  # as ComfyUI calls what was stopped
    page.evaluate(SET, ["UNS_AYSScheduler", "steps", 4])
    page.evaluate(SET, [LOOK, "text", "an ink drawing of a girl"])
    run(page)
    last = ended(bare, before + 4)
    assert last["status"]["status_str"] == "success"
    assert pictures(last)[0]["filename"] != pictures(first)[0]["filename"]
    keep(page, "5-again")


def content(bare: HostSession, entry: dict) -> bytes:
    """The picture that a run saved."""
    (one,) = pictures(entry)
    asked = urlencode({key: one[key] for key in ("filename", "subfolder", "type")})
    with urlopen(f"{bare.server.url}/view?{asked}", timeout=20) as answer:
        return answer.read()


def test_app_mode_takes_a_picture_and_a_text_and_shows_the_result(bare: HostSession, page: Page):
    if version(page) < APP_MODE:
        pytest.skip("App mode is in frontends since 1.41 (ComfyUI 0.17), its parts have names since 1.43")
    before = len(_history(bare))
    page.evaluate("() => app.extensionManager.command.execute('Comfy.ToggleLinear')")
    look = page.locator("textarea:visible").nth(1)
    look.wait_for(timeout=30_000)
    page.wait_for_timeout(1500)
    page.keyboard.press("Escape")  # the frontend's own tour of App mode
    page.get_by_test_id("coach-landing-overlay").wait_for(state="hidden", timeout=20_000)
    picture = bare.server.base / MINE
    Image.fromarray(pan_over_photograph(1, 128, 96)[0]).save(picture)
    page.locator(UPLOADS).first.set_input_files(picture)
    page.locator(ITEM, has_text=MINE).first.wait_for(timeout=30_000)
    look.fill("a woodcut of a girl")
    page.get_by_test_id("linear-run-button").get_by_role("button", name="Run").last.click()
    entry = ended(bare, before + 1)
    assert entry["status"]["status_str"] == "success"
    texts = [node["inputs"].get("text") for node in entry["prompt"][2].values()]
    assert "a woodcut of a girl" in texts
    assert MINE in [node["inputs"].get("image") for node in entry["prompt"][2].values()]
    name = pictures(entry)[0]["filename"]
    page.wait_for_function(SHOWN, arg=name, timeout=30_000)
    keep(page, "6-app-mode")


def test_a_number_of_runs_in_app_mode_are_as_many_takes(bare: HostSession, page: Page):
    if version(page) < APP_MODE:
        pytest.skip("App mode: see above")
    before = len(_history(bare))
    page.evaluate(COUNT, "increment")
    page.get_by_label("Number of runs").locator("input").fill(str(RUNS))
    page.get_by_test_id("linear-run-button").get_by_role("button", name="Run").last.click()
    ended(bare, before + RUNS)
    entries = list(_history(bare).values())[-RUNS:]
    assert {entry["status"]["status_str"] for entry in entries} == {"success"}
    takes = [content(bare, entry) for entry in entries]
    assert len(set(takes)) == RUNS
    keep(page, "7-takes")

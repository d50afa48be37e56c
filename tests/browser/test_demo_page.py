"""The page that `python -m demo` writes, opened from its file in the real browser."""

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from browser.frontend import Problems, missing
from PIL import Image
from playwright.sync_api import Browser, Page

import demo.output
import demo.run
from demo.__main__ import main
from demo.gallery import Gallery, Shown
from demo.page import page as written

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

DESK, PHONE = (1280, 900), (360, 740)
VIDEOS = """() => [...document.querySelectorAll('video')].map((one) =>
    [one.getAttribute('aria-label'), one.videoWidth, one.videoHeight, one.duration])"""
# Each has had a picture to show: one that starts over may be without for a moment.
READY = """() => {
    const videos = [...document.querySelectorAll('video')];
    window.ready ??= videos.map(() => false);
    videos.forEach((one, i) => { window.ready[i] ||= one.readyState >= 2; });
    return window.ready.every(Boolean);
}"""
PLAYS = """async (one) => {
    one.scrollIntoView({block: 'center'});
    await one.play();
    const before = one.currentTime;
    const began = performance.now();
    while (one.currentTime === before && performance.now() - began < 60000)
        await new Promise((done) => setTimeout(done, 20));
    return one.currentTime !== before;
}"""
LOADED = "() => [...document.images].map((one) => [one.complete, one.naturalWidth])"
CUT = """() => [...document.querySelectorAll('table')].map((one) => one.parentElement)
    .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.innerText)"""
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
NAMES = [
    "the source",
    "the same noise in ink",
    "the same noise in neon",
    "source",
    "reconstruction",
    "ink, cfg 1",
    "ink, cfg 3",
    "ink, the true answer",
    "neon, cfg 1",
    "neon, cfg 3",
    "neon, the true answer",
    "ink, cfg 1, random noise",
]
PATIENCE = 120_000  # ms, for a busy machine


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A run of few frames and steps."""
    out = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo.output, "load", lambda: None)  # the clips beside have a test of their own
        patch.setattr(demo.run, "THREADS", 1)  # a second one only waits for the first on so few frames
        assert main(["--frames", "4", "--steps", "2", "--style", "ink", "neon", "--out", str(out)]) == 0
    return out / "index.html"


@contextmanager
def opened(
    browser: Browser, path: Path, size: tuple[int, int] = DESK, scheme: str = "light"
) -> Iterator[Page]:
    """The page over file://, once every video can be shown; no complaint and no request beside itself."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page = context.new_page()
    problems, asked = Problems("file://"), []
    page.on("console", problems.console)
    page.on("pageerror", problems.page_error)
    page.on("request", lambda request: asked.append(request.url))
    page.set_default_timeout(PATIENCE)
    page.goto(path.as_uri())
    page.wait_for_function(READY)
    try:
        yield page
        assert problems.messages == []
        assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    finally:
        context.close()


def shot(page: Page) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")).astype(int)


def test_every_video_loads_and_plays_and_every_picture_is_there(browser, made):
    with opened(browser, made) as page:
        found = page.evaluate(VIDEOS)
        assert [name for name, *_ in found] == NAMES
        for name, width, height, seconds in found:
            assert seconds == pytest.approx(0.5), name
            assert (width, height) == (256, 256)
        for video in page.query_selector_all("video"):
            assert video.evaluate(PLAYS), video.get_attribute("aria-label")
        pictures = page.evaluate(LOADED)
        assert len(pictures) == 2 and all(done and width > 500 for done, width in pictures)


def test_a_click_on_a_clip_pauses_it(browser, made):
    with opened(browser, made) as page:
        clip = page.query_selector("video[aria-label='source']")
        clip.evaluate("(one) => one.pause()")
        clip.click()
        page.wait_for_function("(one) => !one.paused", arg=clip)
        clip.click()
        page.wait_for_function("(one) => one.paused", arg=clip)


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
@pytest.mark.parametrize("size", [DESK, PHONE])
def test_the_page_is_readable_in_both_schemes_and_on_a_phone(browser, made, scheme, dark, size):
    with opened(browser, made, size, scheme) as page:
        assert page.evaluate(OVERFLOW) == 0
        assert page.evaluate(CUT) == []
        picture = shot(page)
        assert picture.shape[1] == size[0] and picture.shape[0] > size[1]
        assert (picture[-5:].mean() < 60) == dark and (picture[-5:].mean() > 200) != dark
        colours = np.unique(picture[::3, ::3].reshape(-1, 3), axis=0)
        assert len(colours) > 500
        parts = np.array_split(picture, 12)
        assert min(part.std() for part in parts) > 8  # nowhere blank
        text, ground = (
            page.evaluate(f"() => getComputedStyle(document.body).{name}")
            for name in ("color", "backgroundColor")
        )
        assert contrast(text, ground) > 7


def contrast(first: str, second: str) -> float:
    """The ratio of WCAG 2 of two CSS colours."""
    light = sorted((luminance(colour) for colour in (first, second)), reverse=True)
    return (light[0] + 0.05) / (light[1] + 0.05)


def luminance(colour: str) -> float:
    linear = [((v / 255 + 0.055) / 1.055) ** 2.4 for v in map(int, re.findall(r"\d+", colour)[:3])]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_the_page_says_the_numbers(browser, made):
    with opened(browser, made) as page:
        tables = [table.inner_text() for table in page.query_selector_all("table")]
        assert re.search(r"^midpoint, exact\t(0|\S+e-0[678])\t(identical|\S+ dB)\t7$", tables[0], re.M)
        assert re.search(r"^euler, plain\t\S+\t\S+ dB\t4$", tables[0], re.M)
        assert "ink: source untouched" in tables[1] and "standard deviation" in tables[2]
        assert "noise at sigma 250, 4 frames" in page.query_selector(".verdict").inner_text()


def test_the_gallery_opens_with_one_click(browser, made, tmp_path):
    shown = Shown(made.parent / "source.mp4", "flat", "ink", 0.25, "Lost: the <i>ring</i> in 3 of 4 frames.")
    measurements = json.loads((made.parent / "numbers.json").read_text(encoding="utf-8"))
    path = tmp_path / "index.html"
    path.write_text(
        written(made.parent, measurements, Gallery((shown,) * 3, "Means of 64 clips.")), encoding="utf-8"
    )
    with opened(browser, path, PHONE) as found:
        clip = found.query_selector("details video")
        assert not clip.is_visible()
        found.click("summary")
        assert clip.is_visible()
        assert found.evaluate(OVERFLOW) == 0
        told = found.query_selector("details").inner_text()
        assert told.startswith("3 other clips, which nobody chose") and "Means of 64 clips." in told
        assert told.count("flat to ink\nerror 0.25. Lost: the <i>ring</i> in 3 of 4 frames.") == 3


def test_names_of_files_are_text(browser, tmp_path, made):
    """A clip's name may hold what would be markup."""
    clip = tmp_path / "<img src=x onerror=alert(1)> & $steps.mp4"
    clip.write_bytes((made.parent / "source.mp4").read_bytes())
    settings = ["--frames", "2", "--steps", "1", "--style", "neon", "--cfg", "1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo.output, "load", lambda: None)  # the clips beside have a test of their own
        patch.setattr(demo.run, "THREADS", 1)
        assert main(["--clip", str(clip), *settings, "--out", str(tmp_path / "out")]) == 0
    with opened(browser, tmp_path / "out" / "index.html") as page:
        assert clip.name in page.inner_text("main")
        assert "no error is given" in page.inner_text("main")
        assert [name for name, *_ in page.evaluate(VIDEOS)] == [
            "the source",
            "the same noise in neon",
            "source",
            "reconstruction",
            "neon, cfg 1",
            "neon, cfg 1, random noise",
        ]

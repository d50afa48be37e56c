"""How a template opens: every text of a node in view is at least 9 px high, in the classic design and in
Nodes 2.0, on a small and a usual screen; a workflow of the user's own keeps its view."""

import json
from collections.abc import Iterator

import pytest
from browser.frontend import missing, open_frontend, vhs_scripts
from browser.previews import media_of_a_run
from playwright.sync_api import Browser, Page

from tools.workflows.build import WORKFLOWS, file_of, recorded_info
from tools.workflows.graph import VIEW

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

SCREENS, LARGE = ((1600, 950), (1920, 1080)), (5120, 2880)
HEIGHT = 9  # CSS pixels
VIDEO = "unsampling_animatediff_sd15"
OPEN = """async ([workflow, from]) => {
    const quiet = {showMissingNodesDialog: false, showMissingModelsDialog: false, deferWarnings: true};
    await app.loadGraphData(workflow, true, true, null, {...quiet, openSource: from});
    await new Promise((done) => setTimeout(done, 400));
    return {scale: app.canvas.ds.scale, offset: [...app.canvas.ds.offset]};
}"""
WATCH = """() => {
    const pen = CanvasRenderingContext2D.prototype, write = pen.fillText;
    window.written = [];
    pen.fillText = function (text, x, y) {
        const {a, e, d, f} = this.getTransform(), size = parseFloat(/([\\d.]+)px/.exec(this.font)[1]);
        window.written.push({text: String(text), height: size * a, x: x * a + e, y: y * d + f});
        return write.apply(this, arguments);
    };
}"""
# What is drawn, and what is an element: of a node in Nodes 2.0, or a text field over the classic canvas.
TEXTS = """() => {
    window.written = [];
    app.canvas.draw(true, true);
    const written = (one) => typeof one.value === 'string' ? one.value : '';
    const seen = ({x, y}) => x >= 0 && x < innerWidth && y >= 0 && y < innerHeight;
    const scale = app.canvas.ds.scale;
    const elements = [...document.querySelectorAll('[data-node-id] *, .dom-widget *')].filter((one) =>
        one.checkVisibility() && seen(one.getBoundingClientRect())
        && (written(one) || [...one.childNodes].some((part) => part.nodeType === 3 && part.data.trim())));
    const sizes = elements.map((one) =>
        ({text: written(one) || one.innerText, height: parseFloat(getComputedStyle(one).fontSize) * scale}));
    return {nodes: sizes, canvas: window.written.filter(seen), rough: app.canvas.low_quality};
}"""


@pytest.fixture(scope="module", params=[False, True], ids=["classic", "nodes2"])
def page(request: pytest.FixtureRequest, browser: Browser, tmp_path_factory) -> Iterator[Page]:
    settings = {"Comfy.VueNodes.Enabled": request.param}
    media = media_of_a_run(tmp_path_factory.mktemp("media"))
    with open_frontend(
        browser, recorded_info(), settings=settings, media=media, scripts=vhs_scripts()
    ) as found:
        found.nodes2 = request.param
        found.evaluate(WATCH)
        yield found
        assert found.problems.messages == []


def template(name: str) -> dict:
    return json.loads(file_of(name).read_text(encoding="utf-8"))


def opened(page: Page, workflow: dict, size: tuple[int, int], source: str | None = "template") -> dict:
    """The view after it was opened as a click on a template does, or from elsewhere."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    return page.evaluate(OPEN, [workflow, source])


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_text_in_view_can_be_read(page: Page, name: str):
    for size in SCREENS:
        opened(page, template(name), size)
        shown = page.evaluate(TEXTS)
        assert not shown["rough"] or page.nodes2
        texts = shown["nodes"] + shown["canvas"]
        assert len(texts) > 60
        small = {one["text"]: one["height"] for one in texts if one["height"] < HEIGHT - 0.01}
        assert small == {}, size
        # what a user looks for first, as it is drawn
        words = " ".join(one["text"] for one in texts)
        assert (
            "Start here" in words
            and "Load " in words
            and ("Exact Unsampler" in words or "Restyle Grid" in words)
        )


def view(scale: float, x: float, y: float) -> dict:
    return {"scale": scale, "offset": [x, y]}


def test_a_workflow_of_the_users_own_keeps_its_view(page: Page):
    saved = template(VIDEO)
    saved["extra"]["ds"] = view(0.4, 30, 40)  # saved after it was opened as a template
    assert opened(page, saved, SCREENS[0], None) == view(0.4, 30, 40)
    assert opened(page, saved, SCREENS[0], "file") == view(0.4, 30, 40)


def test_another_packs_template_is_fitted_as_ever(page: Page):
    other = template(VIDEO)
    del other["extra"]["unsampling"]
    assert opened(page, other, SCREENS[0])["scale"] < 0.6
    other["groups"], other["extra"] = [], {}
    assert opened(page, other, SCREENS[0])["scale"] < 0.6


def test_on_a_screen_that_all_of_it_fits_on_all_of_it_is_shown(page: Page):
    assert opened(page, template(VIDEO), LARGE)["scale"] > VIEW["scale"]


def test_small_text_would_be_noticed(page: Page):
    workflow = template(VIDEO)
    del workflow["extra"]["unsampling"]
    opened(page, workflow, SCREENS[0])
    shown = page.evaluate(TEXTS)
    low = [one for one in shown["nodes"] + shown["canvas"] if one["height"] < HEIGHT]
    assert low and (page.nodes2 or shown["rough"])

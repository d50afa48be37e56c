"""What a person sees of every template, in the classic design and in Nodes 2.0, with the previews of a run in
place: readable, with nothing drawn over anything else."""

import io
import json
import os
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from browser.frontend import missing, open_frontend, vhs_scripts
from browser.previews import SAMPLERS, media_of_a_run, show_a_run
from PIL import Image
from playwright.sync_api import Browser, Page

from tools.workflows.build import WORKFLOWS, file_of, recorded_info

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

SAVED_NOISE = "restyle_saved_noise"
SCREEN, READABLE = (1920, 1080), 0.6
KEPT = os.environ.get("SCREENSHOTS")  # a folder for the pictures, to look at
# As a click on a template does whose text can be read on this screen: the frontend fits it into the window.
OPEN = """async (workflow) => {
    delete workflow.extra.unsampling;
    const quiet = {showMissingNodesDialog: false, showMissingModelsDialog: false, deferWarnings: true};
    await app.loadGraphData(workflow, true, true, null, {...quiet, openSource: 'template'});
    await new Promise((done) => setTimeout(done, 500));
    return app.canvas.ds.scale;
}"""
# In the pixels of the graph. Nodes 2.0 makes elements of the nodes, which grow with a preview.
BOXES = """() => app.rootGraph.nodes.map((node) => {
    const [x, y, width, height] = [...(node.boundingRect ?? node.getBounding())];
    const drawn = document.querySelector(`[data-node-id="${node.id}"]`)?.getBoundingClientRect();
    const scale = app.canvas.ds.scale;
    const size = drawn ? [drawn.width / scale, drawn.height / scale] : [width, height];
    return {name: `${node.id} ${node.title}`, type: node.type, x, y, width: size[0], height: size[1]};
})"""
ON_SCREEN = """({x, y, width, height}) => {
    const {scale, offset} = app.canvas.ds, page = app.canvas.canvas.getBoundingClientRect();
    return {x: (x + offset[0]) * scale + page.left, y: (y + offset[1]) * scale + page.top,
            width: width * scale, height: height * scale};
}"""


@pytest.fixture(scope="module", params=[False, True], ids=["classic", "nodes2"])
def page(request, browser: Browser, tmp_path_factory) -> Iterator[Page]:
    settings = {"Comfy.VueNodes.Enabled": request.param}
    media = media_of_a_run(tmp_path_factory.mktemp("media"))
    opened = open_frontend(
        browser, recorded_info(), settings=settings, media=media, scripts=vhs_scripts(), size=SCREEN
    )
    with opened as found:
        found.design = "nodes2" if request.param else "classic"
        yield found
        assert found.problems.messages == []


def opened(page: Page, name: str) -> tuple[float, list[dict], Image.Image]:
    """The scale at which it opens; after a run the box of each node, and the screen."""
    scale = page.evaluate(OPEN, json.loads(file_of(name).read_text(encoding="utf-8")))
    show_a_run(page)
    screen = page.screenshot()
    if KEPT:
        Path(KEPT).mkdir(parents=True, exist_ok=True)
        (Path(KEPT) / f"{name}-{page.design}.png").write_bytes(screen)
    return scale, page.evaluate(BOXES), Image.open(io.BytesIO(screen)).convert("RGB")


def overlaps(boxes: list[dict]) -> list[str]:
    """Which nodes are drawn over each other."""
    return [
        f"{a['name']} over {b['name']}"
        for a, b in combinations(boxes, 2)
        if a["x"] < b["x"] + b["width"] - 1
        and b["x"] < a["x"] + a["width"] - 1
        and a["y"] < b["y"] + b["height"] - 1
        and b["y"] < a["y"] + a["height"] - 1
    ]


GROUPS = """() => app.rootGraph.groups.map(({title, pos, size}) =>
    ({title, x: pos[0], y: pos[1], width: size[0], height: size[1]}))"""


def outside(boxes: list[dict], groups: list[dict]) -> list[str]:
    """Which nodes reach out of the group that they begin in."""
    return [
        f"{box['name']} out of {group['title']}"
        for box in boxes
        for group in groups
        if group["x"] <= box["x"] < group["x"] + group["width"]
        and group["y"] <= box["y"] < group["y"] + group["height"]
        and (
            box["x"] + box["width"] > group["x"] + group["width"] + 1
            or box["y"] + box["height"] > group["y"] + group["height"] + 1
        )
    ]


def colours(page: Page, screen: Image.Image, box: dict) -> int:
    """How many of the preview's colours are in the picture of a node."""
    area = page.evaluate(ON_SCREEN, box)
    corners = [area["x"], area["y"], area["x"] + area["width"], area["y"] + area["height"]]
    hues = np.asarray(screen.crop([round(corner) for corner in corners]).convert("HSV"))
    strong = hues[hues[..., 1] > 120][:, 0] // 32
    return sum((strong == hue).sum() > 50 for hue in range(8))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_all_of_it_fits_readable_and_shows_a_run_with_nothing_over_anything(page: Page, name: str):
    scale, boxes, screen = opened(page, name)
    assert scale >= READABLE
    assert overlaps(boxes) == []
    assert outside(boxes, page.evaluate(GROUPS)) == []
    samplers = [box for box in boxes if box["type"] in SAMPLERS]
    assert len(samplers) == (1 if name == SAVED_NOISE else 2)
    for box in samplers:
        assert colours(page, screen, box) >= 4, f"no preview on {box['name']}"


def test_which_take_it_is_shows_without_a_click(page: Page):
    _, boxes, _ = opened(page, "unsampling_animatediff_sd15")
    if page.design == "nodes2":  # the classic design has all widgets in view
        (box,) = (one for one in boxes if one["type"] == "UNS_NoiselessResampler")
        shown = page.locator(f'[data-node-id="{box["name"].split()[0]}"]').first.inner_text()
        assert "variation" in shown and "turn_lightness" not in shown


def test_a_node_that_reaches_out_of_its_group_is_noticed():
    group = {"title": "G", "x": 0, "y": 0, "width": 100, "height": 100}
    box = {"name": "a", "x": 10, "y": 10, "width": 80, "height": 91}
    assert outside([box], [group]) == []
    assert outside([box | {"height": 93}], [group]) == ["a out of G"]
    assert outside([box | {"width": 93}], [group]) == ["a out of G"]
    assert outside([box | {"x": 101, "width": 500}], [group]) == []


def test_nodes_over_each_other_are_noticed():
    boxes = [{"name": name, "x": x, "y": 0, "width": 10, "height": 10} for name, x in (("a", 0), ("b", 8))]
    assert overlaps(boxes) == ["a over b"]
    boxes[1]["x"] = 10
    assert overlaps(boxes) == []

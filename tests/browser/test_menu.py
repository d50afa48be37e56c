"""What our entries of the right-click menu add, on the canvas and in Nodes 2.0; a bad verdict as a toast."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from browser.frontend import CHANGED, load, missing, open_frontend
from playwright.sync_api import Browser, Page

from tools.workflows.build import file_of, recorded_info

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

ENTRIES = ("Add matching resampler", "Compare with FlipSigmas", "Compare with the source")
PICTURE = "unsample_resample_image"
# the entries as the frontend collects them for a node, and one of them clicked
OFFERED = """(type) => app.collectNodeMenuItems(app.graph.nodes.find((node) => node.type === type))
    .filter(Boolean).map((item) => item.content).filter((one) => !one.includes('Group Node'))"""
CLICK = """([type, content]) => {
    const node = app.graph.nodes.find((one) => one.type === type);
    app.collectNodeMenuItems(node).find((item) => item?.content === content).callback();
}"""
PROMPT = "async () => (await app.graphToPrompt()).output"


@contextmanager
def opened(browser: Browser, **settings) -> Iterator[Page]:
    with open_frontend(browser, recorded_info(), settings=settings) as page:
        yield page
        assert page.problems.messages == []


@pytest.fixture(scope="module", params=[False, True], ids=["canvas", "nodes2"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    with opened(browser, **{"Comfy.VueNodes.Enabled": request.param}) as found:
        yield found


def of_kind(prompt: dict, kind: str) -> list[dict]:
    return [node["inputs"] for node in prompt.values() if node["class_type"] == kind]


def with_template(page: Page, name: str = PICTURE) -> dict:
    load(page, json.loads(file_of(name).read_text(encoding="utf-8")))
    return page.evaluate(PROMPT)


def alone(page: Page) -> dict:
    """The template without its resampler and what comes after it."""
    with_template(page)
    page.evaluate(
        """(kinds) => app.graph.nodes.filter((node) => kinds.includes(node.type))
            .forEach((node) => app.graph.remove(node))""",
        ["UNS_NoiselessResampler", "VAEDecode", "SaveImage"],
    )
    return page.evaluate(PROMPT)


def test_each_node_is_offered_what_belongs_beside_it(page: Page):
    with_template(page)
    assert page.evaluate(OFFERED, "UNS_Unsampler") == list(ENTRIES[:2])
    slider = [ENTRIES[2]] if page.evaluate("() => LiteGraph.vueNodesMode") else []  # core draws it there only
    assert page.evaluate(OFFERED, "UNS_NoiselessResampler") == slider
    assert not set(page.evaluate(OFFERED, "VAEEncode")) & set(ENTRIES)


def test_a_matching_resampler_has_the_links_of_the_unsampler(page: Page):
    before = alone(page)
    (rising,) = of_kind(before, "UNS_Unsampler")
    assert of_kind(before, "UNS_NoiselessResampler") == []
    page.evaluate(CLICK, ["UNS_Unsampler", ENTRIES[0]])
    after = page.evaluate(PROMPT)
    (falling,) = of_kind(after, "UNS_NoiselessResampler")
    assert falling["model"] == rising["model"] and falling["negative"] == rising["negative"]
    assert after[falling["noise"][0]]["class_type"] == "UNS_Unsampler"
    # a text of its own, to be changed into the new look's
    own, given = after[falling["positive"][0]], after[rising["positive"][0]]
    assert falling["positive"] != rising["positive"] and own["inputs"] == given["inputs"]


def test_cores_own_way_runs_beside_ours_on_the_same_inputs(page: Page):
    before = with_template(page)
    (rising,), (falling,) = of_kind(before, "UNS_Unsampler"), of_kind(before, "UNS_NoiselessResampler")
    page.evaluate(CLICK, ["UNS_Unsampler", ENTRIES[1]])
    after = page.evaluate(PROMPT)
    up, down = of_kind(after, "SamplerCustom")
    if after[up["latent_image"][0]]["class_type"] == "SamplerCustom":
        up, down = down, up
    (flip,) = of_kind(after, "FlipSigmas")
    assert flip["sigmas"] == rising["sigmas"] == down["sigmas"]
    assert after[up["sigmas"][0]]["class_type"] == "FlipSigmas"
    assert up["latent_image"] == rising["latent_image"]
    assert after[down["latent_image"][0]]["inputs"] == up
    assert (up["cfg"], down["cfg"]) == (rising["cfg"], falling["cfg"])
    assert (up["positive"], down["positive"]) == (rising["positive"], falling["positive"])
    assert up["add_noise"] is down["add_noise"] is False
    for one in (up, down):
        assert one["model"] == rising["model"] and one["negative"] == rising["negative"]
        assert after[one["sampler"][0]]["inputs"] == {"sampler_name": "euler"}
    (preview,) = of_kind(after, "PreviewImage")
    decoded = after[preview["images"][0]]["inputs"]
    assert after[decoded["samples"][0]]["inputs"] == down
    assert decoded["vae"] == of_kind(before, "VAEEncode")[0]["vae"]
    assert {key: after[key] for key in before} == before


def test_the_slider_has_the_source_and_the_result(page: Page):
    before = with_template(page)
    if not page.evaluate("() => LiteGraph.vueNodesMode"):
        return
    page.evaluate(CLICK, ["UNS_NoiselessResampler", ENTRIES[2]])
    after = page.evaluate(PROMPT)
    (slider,) = of_kind(after, "ImageCompare")
    assert slider["image_a"] == of_kind(before, "VAEEncode")[0]["pixels"]
    assert after[slider["image_b"][0]]["class_type"] == "VAEDecode"


def test_an_entry_is_undone_in_one_step(page: Page):
    before = with_template(page)
    page.evaluate(CLICK, ["UNS_Unsampler", ENTRIES[1]])
    assert len(page.evaluate(PROMPT)) > len(before)
    # as the frontend does where a mouse button is let go
    page.evaluate(CHANGED)
    page.evaluate("() => app.extensionManager.command.execute('Comfy.Undo')")
    page.wait_for_function("(count) => app.graph.nodes.length === count", arg=count(), timeout=20_000)
    assert page.evaluate(PROMPT) == before


@pytest.mark.parametrize("content", ENTRIES[:2])
def test_what_is_added_covers_nothing_and_is_in_view(page: Page, content: str):
    with_template(page)
    before = page.evaluate("() => app.graph.nodes.map((node) => node.id)")
    page.evaluate("() => app.canvas.ds.reset()")
    page.evaluate(CLICK, ["UNS_Unsampler", content])
    ends, begins, shown = page.evaluate(
        """(before) => {
            const [old, fresh] = [true, false].map((known) =>
                app.graph.nodes.filter((node) => before.includes(node.id) === known));
            const ends = old.map((one) => one.pos[1] + one.size[1]);
            const [x, y, width, height] = app.canvas.ds.visible_area;
            const shown = fresh.some(({ pos: [left, top] }) =>
                left > x && left < x + width && top > y && top < y + height);
            return [Math.max(...ends), Math.min(...fresh.map((one) => one.pos[1])), shown];
        }""",
        before,
    )
    assert begins > ends and shown


def test_a_resampler_stands_beside_an_unsampler_that_leads_nowhere(page: Page):
    alone(page)
    page.evaluate("""() => app.graph.nodes.filter((one) => one.type === 'UNS_InversionReport')
        .forEach((one) => app.graph.remove(one))""")
    page.evaluate(CLICK, ["UNS_Unsampler", ENTRIES[0]])
    tops = page.evaluate(
        """(kinds) => kinds.map((kind) => app.graph.nodes.find((one) => one.type === kind).pos[1])""",
        ["UNS_Unsampler", "UNS_NoiselessResampler"],
    )
    assert tops[0] == tops[1]


def count() -> int:
    return len(json.loads(file_of(PICTURE).read_text(encoding="utf-8"))["nodes"])


def test_links_out_of_a_subgraph_lead_there(page: Page):
    """In the video templates MODEL and VAE come out of a subgraph, the prompts out of another."""
    before = with_template(page, "unsampling_animatediff_sd15")
    (rising,) = of_kind(before, "UNS_Unsampler")
    page.evaluate(CLICK, ["UNS_Unsampler", ENTRIES[1]])
    up, down = of_kind(page.evaluate(PROMPT), "SamplerCustom")
    (falling,) = of_kind(before, "UNS_NoiselessResampler")
    assert up["model"] == down["model"] == rising["model"]
    assert falling["positive"] in (up["positive"], down["positive"])


def test_the_about_page_has_our_badge_with_a_page_behind_it(page: Page):
    (badge,) = page.evaluate(
        """() => app.extensions.flatMap((one) => one.aboutPageBadges ?? [])
            .filter((one) => one.label === "Unsampling")"""
    )
    assert page.request.get(badge["url"]).ok


@pytest.mark.parametrize(("name", "ours"), [("Unsampling.RecordGiB", 2), ("Unsampling.CacheGiB", 20)])
def test_a_limit_stands_in_the_settings(page: Page, name: str, ours: int):
    setting = page.evaluate("(name) => app.ui.settings.settingsLookup[name]", name)
    assert page.evaluate("(name) => app.ui.settings.getSettingValue(name)", name) == ours
    assert setting["type"] == "number" and setting["attrs"]["min"] == 0 and "GiB" in setting["name"]

"""The templates in the frontend's own dialog: their names, which words find them, what their cards show."""

import json
from collections.abc import Iterator

import pytest
from browser.frontend import CARD, missing, open_frontend
from playwright.sync_api import Browser, Page

from tools.template_names import TITLES
from tools.workflows.build import FOLDER, ROOT, WORKFLOWS, recorded_info

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

FILES = sorted(path.stem for path in FOLDER.glob("*.json"))
CATEGORY = json.loads((ROOT / "locales/en/main.json").read_text(encoding="utf-8"))
CORE = [
    {
        "moduleName": "default",
        "title": "Image",
        "type": "image",
        "templates": [
            {
                "name": "image_upscale",
                "title": "Upscale a picture",
                "mediaType": "image",
                "mediaSubtype": "webp",
                "description": "Makes it larger",
            }
        ],
    }
]
ANSWERS = {
    "/workflow_templates": {"unsampling": FILES},
    "/templates/index.json": CORE,
    "/i18n": {"en": CATEGORY},
}
MAIN, PICTURE = "unsampling_animatediff_sd15", "unsample_resample_image"
FIRST = {  # what people type, and what stands first then
    **dict.fromkeys(("vid2vid", "video to video", "restyle", "style transfer"), MAIN),
    **dict.fromkeys(("unsampling", "animatediff", "video", "restyle video", "style", "v2v"), MAIN),
    **dict.fromkeys(("img2img", "image to image", "picture style transfer"), PICTURE),
    **dict.fromkeys(("hotshot", "hotshotxl"), "unsampling_hotshotxl"),
    **{
        "vhs": "unsampling_animatediff_sd15_vhs",
        "wan": "unsampling_wan_video",
        "vace": "unsampling_wan_vace",
    },
    **{"ltx": "unsampling_ltxv_video", "hunyuan": "unsampling_hunyuan_video"},
    **{"mask": "unsampling_masked_sd15", "ipadapter": "unsampling_look_ipadapter_sd15"},
    **{"prompt travel": "unsampling_cross_fade_sd15", "grid": "restyle_saved_noise"},
}
SEEN = 33  # characters of a title that a card has room for, about
LONGEST = 95  # a title is a file name, and Windows has 260 characters for a path
LOADED = """(title) => {
    const card = document.querySelector(`[data-testid="template-workflow-${title}"] img`);
    return card?.naturalWidth > 0;
}"""
SHOWN = f"""() => [...document.querySelectorAll('{CARD}')].map((one) => one.dataset.testid.slice(18))"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with open_frontend(browser, recorded_info(), answers=ANSWERS) as found:
        found.evaluate("() => app.extensionManager.command.execute('Comfy.BrowseTemplates')")
        found.wait_for_selector(CARD, timeout=60_000)
        yield found


def find(page: Page, words: str) -> list[str]:
    """The titles of the cards that these words leave, in their order."""
    page.locator("[role=dialog] input").first.fill(words)
    page.wait_for_timeout(700)  # the dialog waits until the typing ends
    return page.evaluate(SHOWN)


@pytest.mark.parametrize("words", FIRST)
def test_what_people_type_has_its_template_first(page: Page, words: str):
    assert find(page, words)[0] == TITLES[FIRST[words]]


def test_what_people_type_finds_every_video_template(page: Page):
    videos = {title for title in FILES if title.startswith("Restyle a video - ")}
    assert len(videos) == len(WORKFLOWS) - 2  # one for a picture, one for saved noise
    assert set(find(page, "vid2vid")) >= videos


def test_the_main_one_is_the_first_by_name():
    assert FILES[0] == min(FILES, key=str.lower) == TITLES[MAIN]
    assert all(
        len(title) <= LONGEST and title.isascii() and not set(title) & set('<>:"/\\|?*') for title in FILES
    )


def test_no_two_cards_show_the_same_words():
    assert len({title[:SEEN] for title in FILES}) == len(FILES)


def test_the_category_has_a_title(page: Page):
    title = CATEGORY["templateWorkflows"]["category"]["unsampling"]
    group = page.get_by_text("Extensions", exact=True).first
    if not page.get_by_text(title, exact=True).count():
        group.click()
    assert page.get_by_text(title, exact=True).first.is_visible()


def test_a_card_shows_its_picture(page: Page):
    title = find(page, "vid2vid")[0]
    picture = page.locator(f'[data-testid="template-workflow-{title}"] img').first
    page.wait_for_function(
        LOADED,
        arg=title,
        timeout=20_000,
    )
    box = picture.bounding_box()
    assert box and box["width"] == pytest.approx(box["height"], rel=0.02) and box["width"] > 150

"""What a node said of its run, on its menu and as a toast, and that a run had nothing to do."""

import json
from collections.abc import Iterator

import pytest
from browser.frontend import NO_TOASTS, load, missing, open_frontend
from playwright.sync_api import Browser, Page

from tools.workflows.build import file_of, recorded_info

pytestmark = [pytest.mark.browser, pytest.mark.skipif(missing() is not None, reason=f"NOT RUN: {missing()}")]

PICTURE = "unsample_resample_image"
SAME = "same settings, same clip"
WEAK = "noise too weak (0.31): see Inversion Report"
FULL = "unsampled to sigma 700 in 17 model calls, but the noise has 0.31 times the strength it should have"
ENTRY = "What the last run said"
CLICK = """([type, content]) => {
    const node = app.graph.nodes.find((one) => one.type === type);
    const entry = app.collectNodeMenuItems(node).find((item) => item?.content === content);
    entry?.callback();
    return Boolean(entry);
}"""
RUN = "00000000-0000-0000-0000-000000000001"
HISTORY: dict = {}
CHAIN = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
    "2": {"class_type": "UNS_Unsampler", "inputs": {"latent_image": ["1", 0]}},
    "31:6": {"class_type": "UNS_NoiselessResampler", "inputs": {"noise": ["2", 0], "cfg": 2.0}},
    "4": {"class_type": "VAEDecode", "inputs": {"samples": ["31:6", 0]}},
    "5": {"class_type": "SaveVideo", "inputs": {"images": ["4", 0], "fps": 8}},
    "6": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
}


@pytest.fixture(scope="module", params=[False, True], ids=["canvas", "nodes2"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    settings = {"Comfy.VueNodes.Enabled": request.param}
    answers = {f"/history/{RUN}": HISTORY}
    with open_frontend(browser, recorded_info(), settings=settings, answers=answers) as found:
        load(found, json.loads(file_of(PICTURE).read_text(encoding="utf-8")))
        yield found
        assert found.problems.messages == []


def node(page: Page, kind: str) -> str:
    return page.evaluate("(kind) => String(app.graph.nodes.find((one) => one.type === kind).id)", arg=kind)


def say(page: Page, kind: str, warn: bool, status: str = WEAK, text: str = FULL) -> None:
    data = {"node": node(page, kind), "status": status, "text": text, "warn": warn, "same": ""}
    page.send({"type": "unsampling.said", "data": data})


def seen(page: Page) -> str:
    page.wait_for_timeout(600)
    return page.evaluate("() => document.body.innerText")


def without_toasts(page: Page) -> None:
    page.evaluate(NO_TOASTS)
    assert WEAK not in seen(page) and SAME not in seen(page)


def test_what_is_wrong_is_a_toast_and_the_whole_sentence_stays_on_the_menu(page: Page):
    assert not page.evaluate(CLICK, ["UNS_Unsampler", ENTRY])
    say(page, "UNS_Unsampler", warn=True)
    assert {WEAK, FULL} <= set(seen(page).splitlines())
    without_toasts(page)
    assert page.evaluate(CLICK, ["UNS_Unsampler", ENTRY])
    assert FULL in seen(page)
    without_toasts(page)


def test_what_is_right_is_on_the_menu_alone(page: Page):
    words = "resampled in 17 model calls"
    say(page, "UNS_NoiselessResampler", False, words, words)
    assert words not in seen(page)
    assert page.evaluate(CLICK, ["UNS_NoiselessResampler", ENTRY])
    assert words in seen(page)
    without_toasts(page)


def test_what_a_user_asked_for_goes_away_by_itself(page: Page):
    say(page, "UNS_NoiselessResampler", False, "done", "done")
    lives = page.evaluate(
        """([click, asked]) => {
            const toast = app.extensionManager.toast, { add } = toast, lives = [];
            toast.add = (message) => lives.push(message.life);
            try {
                eval(click)(asked);
            } finally {
                toast.add = add;
            }
            return lives;
        }""",
        [CLICK, ["UNS_NoiselessResampler", ENTRY]],
    )
    assert lives == [15000]


def ran(page: Page, prompt: dict, cached: list[str]) -> str:
    """What is on the screen after a run of which these nodes came out of ComfyUI's cache."""
    HISTORY.clear()
    HISTORY[RUN] = {"prompt": [1, RUN, prompt, {}, []], "outputs": {}}
    page.send({"type": "execution_cached", "data": {"nodes": cached, "prompt_id": RUN}})
    page.send({"type": "execution_success", "data": {"prompt_id": RUN}})
    return seen(page)


FINDING = {"summary": "noise too weak (0.31 of expected)", "detail": "raise the steps"}
BAD, GOOD = {"text": ["bad"], "unsampling_finding": [FINDING]}, {"text": ["good"]}


def reported(page: Page, output: dict, cached: list[str], run: str = RUN) -> bool:
    """Whether a toast says what a report found, in a run with these nodes from the cache."""
    report = node(page, "UNS_InversionReport")
    page.send({"type": "execution_cached", "data": {"nodes": cached, "prompt_id": RUN}})
    data = {"node": report, "display_node": report, "output": output, "prompt_id": run}
    page.send({"type": "executed", "data": data})
    found = FINDING["summary"] in seen(page)
    page.evaluate(NO_TOASTS)
    assert FINDING["summary"] not in seen(page)
    return found


def test_a_bad_verdict_is_a_toast_once_and_a_good_one_is_not(page: Page):
    report = node(page, "UNS_InversionReport")
    assert not reported(page, GOOD, [])
    assert reported(page, BAD, [])
    assert not reported(page, BAD, [report])  # as ComfyUI sends it with a run that it had nothing to do in
    assert not reported(page, BAD, ["5", report])  # the resampler alone ran
    assert reported(page, BAD, ["5"])  # the report ran again
    assert reported(page, BAD, [report], run="another run")
    assert not reported(page, GOOD, [report])


def test_what_a_toast_said_in_a_run_is_not_said_again_by_the_report(page: Page):
    page.send({"type": "execution_cached", "data": {"nodes": [], "prompt_id": RUN}})
    data = {"display_node": "", "output": BAD, "prompt_id": RUN, "node": node(page, "UNS_InversionReport")}
    say(page, "UNS_Unsampler", warn=True)
    page.send({"type": "executed", "data": data})
    text = seen(page)
    assert WEAK in text and FINDING["summary"] not in text
    without_toasts(page)
    other = {"summary": "noise is not Gaussian (excess kurtosis 3)", "detail": "lower cfg"}
    page.send({"type": "executed", "data": {**data, "output": {"unsampling_finding": [other]}}})
    assert other["summary"] in seen(page)  # something else is wrong, too
    page.evaluate(NO_TOASTS)
    assert reported(page, BAD, [])  # the next run


OTHERS = {**CHAIN, "7": {"class_type": "UNS_RestyleGrid", "inputs": {"noise": ["2", 0]}}}
CORE = {key: one for key, one in CHAIN.items() if not one["class_type"].startswith("UNS_")}


@pytest.mark.parametrize(
    ("prompt", "anew", "same"),
    [
        (CHAIN, [], True),
        (CHAIN, ["6"], True),  # a node beside the clip
        (CHAIN, ["31:6", "4", "5"], False),  # another prompt or cfg
        (CHAIN, ["5"], False),  # another frame rate
        (CHAIN, list(CHAIN), False),  # another clip
        (OTHERS, [], True),
        (OTHERS, ["7"], False),  # one of two
        (CORE, [], False),  # a run without us
        ({}, [], False),
    ],
)
def test_a_run_that_made_nothing_new_says_so(page: Page, prompt: dict, anew: list[str], same: bool):
    shown = ran(page, prompt, [key for key in prompt if key not in anew])
    assert (SAME in shown.splitlines()) == same  # these nodes have not said what acts on them
    without_toasts(page)


@pytest.mark.parametrize(
    ("acts", "shown"),
    [
        ({"31:6": "cfg"}, ["cfg"]),
        ({"31:6": "cfg", "7": "cfg"}, ["cfg"]),
        ({"31:6": "cfg", "7": "prompts"}, ["cfg", "prompts"]),
        ({"31:6": "cfg", "7": "prompts", "31:8": "of a node that is not in this run"}, ["cfg", "prompts"]),
    ],
)
def test_it_says_what_acts_on_the_nodes_at_hand(page: Page, acts: dict[str, str], shown: list[str]):
    prompt = OTHERS if "7" in acts else CHAIN
    for place, what in acts.items():
        data = {"node": place, "status": "done", "text": "done", "warn": False}
        page.send({"type": "unsampling.said", "data": data | {"same": f"{SAME}: change the {what}"}})
    ran(page, prompt, list(prompt))
    toasts = page.get_by_role("alert").filter(has_text=SAME).all_inner_texts()
    assert sorted(text.strip() for text in toasts) == [f"{SAME}: change the {what}" for what in shown]
    without_toasts(page)

"""How long a template takes to open and the page to load, beside core's templates and a ComfyUI without us.

`python -m benchmarks.opening` writes benchmarks/results/opening.md. Real servers, the real frontend in a
headless Chromium, both designs of nodes; the two sides take turns. Each opening has a page of its own, as a
user's first one has: what a page has opened before, it opens faster.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.host.in_host import missing
from benchmarks.opening.files import ROOT, Template, offer, pairs
from benchmarks.report import Check, promises, table, versions

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "host")]
from browser.frontend import chromium  # noqa: E402  (tests/ must be on the path first)
from browser.frontend import missing as no_browser  # noqa: E402
from comfy_server import ComfyServer, HostMissing  # noqa: E402

from benchmarks.opening.pages import loaded, opened, settle  # noqa: E402

RESULT = Path(__file__).parents[1] / "results" / "opening.md"
PACKAGE = "comfyui-workflow-templates-json"
MOST = 1.1  # times core's
OTHERS = ("ade", "acn")
DESIGNS = {"classic": False, "Nodes 2.0": True}
PAGES = 5  # loads of the page a round
WITH, WITHOUT = "with this pack", "without it"
Times = dict[str, list[float]]


@contextmanager
def servers(base: Path) -> Iterator[tuple[ComfyServer, ComfyServer]]:
    """A ComfyUI with this pack and one without, which have the packs that it works with; each has sent a
    page, for which it reads its files."""
    both = (ComfyServer(base / "with", (*OTHERS, "ours")), ComfyServer(base / "without", OTHERS))
    try:
        for one in both:
            offer(one.base, [])  # ComfyUI sends files of the folders that it finds when it starts
            one.start()
        with chromium() as browser:
            for one in both:
                with loaded(browser, one.url):
                    pass
        yield both
    finally:
        for one in both:
            one.stop()


def paired(server: ComfyServer) -> list[tuple[Template, Template]]:
    """Our templates, each with core's, once the server runs and says which nodes it knows."""
    from tools.client import Client

    return list(pairs(set(Client(server.url).object_info())))


def measured(both: tuple[ComfyServer, ComfyServer], nodes2: bool, rounds: int) -> tuple[list, Times]:
    """The pairs, and the seconds of each round by template, WITH or WITHOUT."""
    chosen = paired(both[0])
    for one in both:
        offer(one.base, [core.name for _, core in chosen])
        settle(one.base, nodes2)
    times: Times = {}

    def kept(name: str, seconds: float) -> None:
        times.setdefault(name, []).append(seconds)

    with chromium() as browser:
        for number in range(rounds):
            for turn in range(PAGES):
                for name, one in in_turn((WITH, both[0]), (WITHOUT, both[1]), number + turn):
                    with loaded(browser, one.url) as (_, seconds):
                        kept(name, seconds)
            for place, pair in enumerate(chosen):
                for template in in_turn(*pair, number + place):
                    with loaded(browser, both[0].url) as (page, _):
                        kept(template.name, opened(page, template.name))
    return chosen, times


def in_turn(one: Any, other: Any, turn: int) -> tuple[Any, Any]:
    """Both, the other one first at every second turn."""
    return (other, one) if turn % 2 else (one, other)


def rows(design: str, chosen: list[tuple[Template, Template]], times: Times) -> Iterator[list[str]]:
    """A line for the page, and one for each pair."""
    middle = {name: statistics.median(found) for name, found in times.items()}

    def line(what: str, beside: str, ours: str, core: str) -> list[str]:
        a, b = middle[ours], middle[core]
        return [design, what, beside, f"{a:.2f}", f"{b:.2f}", f"{a / b:.2f}"]

    yield line("the page", "the page without this pack", WITH, WITHOUT)
    for ours, core in chosen:
        yield line(
            f"{ours.name} ({ours.shown}, {ours.nodes})",
            f"{core.name} ({core.shown}, {core.nodes})",
            ours.name,
            core.name,
        )


def ratio(times: Times, ours: list[str], core: list[str]) -> float:
    """How many times as long ours take, all of them together: the middle one of the rounds."""
    rounds = range(len(times[ours[0]]))
    return statistics.median(
        sum(times[name][one] for name in ours) / sum(times[name][one] for name in core) for one in rounds
    )


def checks(design: str, chosen: list[tuple[Template, Template]], times: Times) -> Iterator[Check]:
    ours, core = [one.name for one, _ in chosen], [one.name for _, one in chosen]
    for what, found in (
        ("the page loads", ratio(times, [WITH], [WITHOUT])),
        ("our templates open", ratio(times, ours, core)),
    ):
        promise = f"{design}: {what} in at most {MOST} times the time without this pack, or of core's"
        yield Check(promise, f"{found:.2f} times", found <= MOST)


def written(found: dict[str, tuple[list, Times]], rounds: int) -> tuple[str, bool]:
    """The file of results, and whether all promises hold."""
    kept = [check for design, (chosen, times) in found.items() for check in checks(design, chosen, times)]
    lines = [row for design, (chosen, times) in found.items() for row in rows(design, chosen, times)]
    paragraphs = [
        "# Opening: the page and our templates beside core's",
        f"`python -m benchmarks.opening --rounds {rounds}`. {versions()}.",
        "Seconds in headless Chromium at 1600x950 on real ComfyUIs with AnimateDiff-Evolved and"
        f" Advanced-ControlNet; the middle one of {rounds} rounds, in which the two sides take turns."
        f" The page: nothing cached, until the frontend takes a workflow, {PAGES} times a round. A template:"
        " from the click on its card until its nodes are there, drawn, and the browser waits for the user,"
        " each time in a page that was just loaded. Beside each of ours whose nodes these packs have"
        f" stands that of core's own ({PACKAGE} {version(PACKAGE)})"
        " with the most similar number of nodes; in brackets the nodes on the screen, and with those in"
        " subgraphs. The same server sends both. No model is there.",
        table(["nodes", "what", "beside", "seconds", "beside, seconds", "times"], lines),
        promises(kept),
    ]
    return "\n\n".join(paragraphs), all(check.holds for check in kept)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.opening", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of all (default: %(default)s)")
    options = parser.parse_args()
    if missing("benchmarks.opening"):
        return 1
    if reason := no_browser():
        print(f"benchmarks.opening: {reason}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="opening-") as folder:
        try:
            with servers(Path(folder)) as both:
                found = {name: measured(both, on, options.rounds) for name, on in DESIGNS.items()}
        except HostMissing as reason:
            print(f"benchmarks.opening: {reason}", file=sys.stderr)
            return 1
    text, holds = written(found, options.rounds)
    RESULT.write_text(text)
    print(text)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())

"""The sections of benchmarks.style_transfer, from its results."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10
from statistics import mean

from benchmarks.report import number, table
from benchmarks.style_transfer.cases import Result
from benchmarks.style_transfer.columns import COLUMNS, JUMP, average, pick, rows_table
from benchmarks.style_transfer.ours import OURS
from benchmarks.style_transfer.transfers import KINDS, PAIRS, SPREAD, Transfer
from benchmarks.style_transfer.ways import EVERYWHERE, REFERENCES, main_cases
from demo.world import HELD_OUT, STYLE_NAMES

UNSEEN = """\
Blueprint, dark blue with pale lines, is in no training, and no setting was chosen on it. It is unsampled
without a condition, FlowEdit's source has none either, and it goes to the styles that are not dark."""
LOW = """\
The schedule begins at 14.6, as Align Your Steps' for SD1.5 does. The clip shows through the noise there, so
the direct path begins with what the model says of the look without the clip."""
ACROSS_LOW = """\
Of these the pairs with a dark style. No answer shows there that the look lies across, so none is looked at,
and lightness is turned because the user says so."""
HOLD = "The first clips, unsampled with their own style as the condition and without any."
LONG = """\
Every call is in windows of 16 frames that share 6 (`demo.model.windows`), which rows do not count."""


def tables(results: Sequence[Result]) -> str:
    """All sections but the curve and the promises, as Markdown."""
    pairs, main = setting(results, "pairs"), main_names()
    every = [r for r in pairs if r.name in main]
    crossing = [r for r in every if r.transfer.crosses]
    low = setting(results, "low")
    parts = [
        _section("Every clip", _coverage(every), every),
        *(_section(kind[0].upper() + kind[1:], "", _of_kind(every, kind)) for kind in KINDS[:1]),
        _section("Across lightness", "To a dark style or from one: the next two together.", crossing),
        *(_section(kind[0].upper() + kind[1:], "", _of_kind(every, kind)) for kind in KINDS[1:]),
        _section("Every way", _coverage(compared(results)), compared(results)),
        _section("From a dark style that the model never saw", UNSEEN, setting(results, "unseen")),
        _section("From sigma 14.6", LOW, low),
        _section("From sigma 14.6, between light styles", "", [r for r in low if not r.transfer.crosses]),
        _section("From sigma 14.6, across lightness", ACROSS_LOW, [r for r in low if r.transfer.crosses]),
        _section("Hold, and no text for the source", HOLD, setting(results, "hold")),
        *(_long(results, frames) for frames in ("64 frames", "256 frames")),
        _reconstructions(pairs),
        _styles(pick(pairs, OURS)),
    ]
    return "\n".join(part for part in parts if part)


def setting(results: Sequence[Result], name: str) -> list[Result]:
    return [r for r in results if r.setting == name]


def compared(results: Sequence[Result]) -> list[Result]:
    """The clips on which every way was tried."""
    pairs = setting(results, "pairs")
    tried = {r.clip for r in pairs if r.name == EVERYWHERE}
    return [r for r in pairs if r.clip in tried]


def main_names() -> set[str]:
    """What is tried on every clip, and on every clip that crosses lightness."""
    some = (Transfer(i) for i in range(len(STYLE_NAMES)))
    return {*REFERENCES, *(down.name for t in some for case in main_cases(t) for down in case.downs)}


def _of_kind(results: Sequence[Result], kind: str) -> list[Result]:
    return [r for r in results if r.transfer.kind == kind]


def _section(title: str, text: str, results: Sequence[Result], more: tuple = ()) -> str:
    if not results:
        return ""
    clips = len({r.clip for r in results})
    about = " ".join([f"{clips} clip{'s' * (clips > 1)}.", *text.splitlines()])
    return f"## {title}\n\n{about}\n\n{rows_table(results, (*COLUMNS, *more))}\n"


def _long(results: Sequence[Result], frames: str) -> str:
    return _section(f"Clips of {frames}", LONG, setting(results, frames), (JUMP,))


def _coverage(results: Sequence[Result]) -> str:
    clips = sorted({r.clip for r in results})
    if not clips:
        return ""
    whole, rest = divmod(len(clips), PAIRS)
    pairs = f"of the {PAIRS} ordered pairs of styles, {PAIRS - rest} {_times(whole)}"
    more = f" and {rest} {_times(whole + 1)}" if rest else ""
    seeds = f"Content seeds {SPREAD} * i modulo {len(HELD_OUT)} for i from {clips[0]} to {clips[-1]}"
    return f"{seeds}: {pairs}{more}."


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _reconstructions(results: Sequence[Result]) -> str:
    """How well each way gives the clip back under its own style, where that was tried."""
    back = list({(r.name, r.clip): r for r in results if r.reconstruction and r.structure is None}.values())
    names = list(dict.fromkeys(r.name for r in back))
    rows = [[name, *_returned([r for r in back if r.name == name])] for name in names]
    titles = ("way", "clips", "relative error", "the worst", "PSNR")
    return (
        "## Reconstruction\n\nDown again with the condition of the way up at cfg 1."
        f" {OURS}: every clip, others a few.\n\n{table(titles, rows)}\n"
    )


def _returned(group: Sequence[Result]) -> list[str]:
    errors, psnrs = zip(*(r.reconstruction for r in group if r.reconstruction), strict=True)
    return [str(len(group)), number(mean(errors)), number(max(errors)), _decibels(psnrs)]


def _decibels(psnrs: Sequence[float]) -> str:
    """Of the mean squared error of all clips together."""
    error = mean(10 ** (-value / 10) for value in psnrs)
    return "exact" if error == 0 else f"{-10 * log10(error):.1f} dB"


def _styles(results: Sequence[Result]) -> str:
    """Restyle and motion error by source and target, to tell where the model is good and where it is not."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.transfer.source, result.transfer.target), []).append(result)
    rows = [
        [source, *(_cell(groups.get((source, target))) for target in STYLE_NAMES)] for source in STYLE_NAMES
    ]
    return (
        f"## Which styles\n\n{OURS} at cfg 1, from the row's style to the column's: restyle error,"
        f" motion error in pixels, clips.\n\n{table(('', *STYLE_NAMES), rows)}\n"
    )


def _cell(group: Sequence[Result] | None) -> str:
    if not group:
        return "-"
    error, motion = average(group, lambda r: r.like.error), average(group, lambda r: r.like.motion)
    return f"{error:.2f}, {motion:.1f} px, {len(group)}"

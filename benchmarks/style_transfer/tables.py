"""The tables, the promises and the plot of benchmarks.style_transfer, from its results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import log10
from pathlib import Path
from statistics import mean, median, stdev

from benchmarks.report import Check, number, promises, table
from benchmarks.style_transfer.ways import DEFAULT, MANY, PAIRS, SPREAD, Result, Transfer
from demo.world import STYLE_NAMES

REFERENCES = ("the truth itself", "the source, nothing done", "another clip in the target style")
MAIN = (DEFAULT, "core euler", "random noise")
TITLES = (
    "way",
    "cfg",
    "calls",
    "seconds",
    "reconstruction",
    "its worst",
    "its PSNR",
    "restyle error",
    "PSNR",
    "style hit",
    "motion error",
    "lost",
    "flicker",
)
EXACT = 1e-5  # bar of the reconstruction's relative error
PLOTTED = {
    DEFAULT: ("#0072b2", "o"),
    "SDEdit": ("#d55e00", "s"),
    "dpmpp_2m, recorded": ("#56b4e9", "^"),
    "core euler": ("#000000", "x"),
    f"core euler, {MANY} steps": ("#777777", "+"),
    "core heun": ("#cc79a7", "D"),
}


def tables(results: Sequence[Result]) -> str:
    """All sections, as Markdown."""
    few = compared(results)
    main = [r for r in results if r.name in (*REFERENCES, *MAIN) and _plain(r)]
    return "\n".join(
        [
            *([_section("Every clip", main)] if len(few) < len(results) else []),
            _section("Every way", [r for r in few if r.structure is None]),
            _pairs(_pick(results, DEFAULT)),
            _curve(few),
            promises(_checks(results)),
        ]
    )


def compared(results: Sequence[Result]) -> list[Result]:
    """The clips on which every way was tried."""
    tried = {r.clip for r in results if r.name == "core heun"}
    return [r for r in results if r.clip in tried]


def _section(title: str, results: Sequence[Result]) -> str:
    rows = [_row(group) for group in _groups(results)]
    return f"## {title}\n\n{_coverage(results)}\n\n{table(TITLES, rows)}\n"


def _pairs(results: Sequence[Result]) -> str:
    """Restyle and motion error by source and target, to tell where the model is good and where it is not."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        transfer = Transfer(result.clip)
        groups.setdefault((transfer.source, transfer.target), []).append(result)
    rows = [
        [source, *(_cell(groups.get((source, target))) for target in STYLE_NAMES)] for source in STYLE_NAMES
    ]
    return (
        f"## Which styles\n\n{DEFAULT} at cfg 1, from the row's style to the column's: restyle error,"
        f" motion error in pixels, clips.\n\n{table(('', *STYLE_NAMES), rows)}\n"
    )


def _cell(group: Sequence[Result] | None) -> str:
    return f"{_mean(group, 'error'):.2f}, {_mean(group, 'motion'):.1f} px, {len(group)}" if group else "-"


def _coverage(results: Sequence[Result]) -> str:
    clips = sorted({r.clip for r in results})
    whole, rest = divmod(len(clips), PAIRS)
    pairs = f"of the {PAIRS} ordered pairs of styles, {PAIRS - rest} {_times(whole)}"
    more = f" and {rest} {_times(whole + 1)}" if rest else ""
    seeds = f"content seeds {SPREAD} * i for i from {clips[0]} to {clips[-1]}"
    return f"{len(clips)} clips, {seeds}: {pairs}{more}."


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _groups(results: Sequence[Result]) -> list[list[Result]]:
    """One list a row of the table, in the order of the first clip's results."""
    groups: dict[tuple, list[Result]] = {}
    for result in results:
        groups.setdefault((result.name, result.cfg, result.structure), []).append(result)
    return list(groups.values())


def _row(group: Sequence[Result]) -> list[str]:
    first = group[0]
    model = sum(first.calls) > 0
    return [
        first.name,
        f"{first.cfg:g}" if model else "-",
        "{} + {}".format(*first.calls) if model else "-",
        f"{median(r.seconds for r in group):.1f}" if model else "-",
        *_reconstruction(group),
        f"{_mean(group, 'error'):.3f}",
        _decibels([r.like.psnr for r in group]),
        f"{100 * _mean(group, 'hit'):.0f} %",
        f"{_mean(group, 'motion'):.2f} px",
        f"{100 * _mean(group, 'lost'):.0f} %",
        f"{_mean(group, 'flicker'):.2f}",
    ]


def _reconstruction(group: Sequence[Result]) -> list[str]:
    if group[0].reconstruction is None:
        return ["-"] * 3
    errors, psnrs = zip(*(r.reconstruction for r in group), strict=True)
    return [number(mean(errors)), number(max(errors)), _decibels(psnrs)]


def _decibels(psnrs: Sequence[float]) -> str:
    """Of the mean squared error of all clips together."""
    error = mean(10 ** (-value / 10) for value in psnrs)
    return "exact" if error == 0 else f"{-10 * log10(error):.1f} dB"


def _mean(group: Sequence[Result], what: str) -> float:
    return mean(float(getattr(r.like, what)) for r in group)


def _plain(result: Result) -> bool:
    return result.cfg == 1.0 and result.structure is None


def _pick(results: Sequence[Result], name: str, structure: float | None = None) -> list[Result]:
    return [r for r in results if (r.name, r.cfg, r.structure) == (name, 1.0, structure)]


def _points(results: Sequence[Result], name: str) -> list[tuple[float, list[Result]]]:
    """The curve of a way over structure; SDEdit's begins at the plain random noise."""
    top = _pick(results, "random noise" if name == "SDEdit" else name)
    values = sorted({r.structure for r in results if r.name == name and r.structure is not None})
    return [(0.0, top), *((s, _pick(results, name, s)) for s in values)]


def _curve(results: Sequence[Result]) -> str:
    rows = [
        [
            name,
            f"{structure:g}",
            "{} + {}".format(*group[0].calls),
            f"{_mean(group, 'error'):.3f}",
            f"{100 * _mean(group, 'hit'):.0f} %",
            f"{_mean(group, 'motion'):.2f} px",
            f"{_mean(group, 'flicker'):.2f}",
        ]
        for name in (DEFAULT, "SDEdit")
        for structure, group in _points(results, name)
    ]
    titles = ("way", "structure", "calls", "restyle error", "style hit", "motion error", "flicker")
    return (
        "## Style against motion\n\nThe same clips at cfg 1. SDEdit's structure is the one whose noise"
        f" level it starts at; at 0 it is plain random noise.\n\n{table(titles, rows)}\n\n"
        "![style against motion](style_transfer.png)\n"
    )


def _checks(results: Sequence[Result]) -> Iterator[Check]:
    ours = _pick(results, DEFAULT)
    worst = max(ours, key=lambda r: r.reconstruction[0])
    yield Check(
        f"The recorded pair returns every held-out clip to a relative error below {EXACT:g}",
        f"Largest of {len(ours)}: {number(worst.reconstruction[0])}",
        worst.reconstruction[0] < EXACT,
    )
    rivals = (
        ("core euler", "lower than core euler's at 16", lambda a, b: a < b),
        (f"core euler, {MANY} steps", f"not worse than core euler's at {MANY}", lambda a, b: a <= b),
    )
    for what, words in (("error", "Restyle error"), ("motion", "Motion error")):
        for rival, bar, better in rivals:
            yield _duel(results, what, f"{words} of the exact midpoint at 16 steps is {bar}", rival, better)
    yield _lost_motion(results)


def _duel(
    results: Sequence[Result], what: str, promise: str, rival: str, better: Callable[[float, float], bool]
) -> Check:
    theirs = {r.clip: getattr(r.like, what) for r in _pick(results, rival)}
    ours = {r.clip: getattr(r.like, what) for r in _pick(results, DEFAULT) if r.clip in theirs}
    differences = [ours[clip] - theirs[clip] for clip in ours]
    doubt = stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else 0.0
    a, b = mean(ours.values()), mean(theirs[clip] for clip in ours)
    sentence = (
        f"{a:.3f} against {b:.3f} on the same {len(ours)} clips, a difference of {a - b:+.3f} with a"
        f" standard error of {doubt:.3f}; lower on {sum(d < 0 for d in differences)} of them, equal on"
        f" {sum(d == 0 for d in differences)}"
    )
    holds = better(a, b)
    return Check(promise, sentence if holds else f"{sentence}. {_why(results, what, a - b, doubt)}", holds)


def _why(results: Sequence[Result], what: str, difference: float, doubt: float) -> str:
    """What a missed bar is owed to, as far as the figures tell."""
    sure = "more than" if abs(difference) > 2 * doubt else "within"
    few = compared(results)
    ees, ours = (f"{_mean(_pick(few, name), what):.3f}" for name in ("ees25", DEFAULT))
    return (
        f"The gap is {sure} two standard errors. ees25, nearest to the model's own ODE with three calls a"
        f" step, has {ees} where the default has {ours}: what is below that is not more precise, its own"
        " error happens to lead nearer to the truth"
    )


def _lost_motion(results: Sequence[Result]) -> Check:
    random, ours = (_mean(_pick(results, name), "motion") for name in ("random noise", DEFAULT))
    chance = _mean(_pick(results, REFERENCES[2]), "motion")
    times = f"{random / ours:.1f}" if ours > 0 else "infinitely many"
    return Check(
        "Unsampled noise keeps the motion, random noise does not",
        f"Random noise's motion error is {times} times ours: {random:.2f} px against"
        f" {ours:.2f} px, where another clip has {chance:.2f} px",
        random > ours,
    )


def plot(results: Sequence[Result], path: Path) -> None:
    """Style hits and restyle error against motion error: the curves over structure, other ways as points."""
    from matplotlib import pyplot

    few = compared(results)
    figure, panels = pyplot.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for axes, what, title in zip(panels, ("hit", "error"), ("style hit rate", "restyle error"), strict=True):
        for name, (colour, marker) in PLOTTED.items():
            _draw(axes, _points(few, name), what, name, colour, marker)
        axes.set(xlabel="motion error, pixels", ylabel=title)
        axes.grid(alpha=0.3)
    panels[0].legend(fontsize=8)
    clips = len({r.clip for r in few})
    figure.suptitle(f"Style against motion at cfg 1, {clips} held-out clips; the numbers are structure")
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def _draw(
    axes, points: list[tuple[float, list[Result]]], what: str, name: str, colour: str, marker: str
) -> None:
    x, y = ([_mean(group, of) for _, group in points] for of in ("motion", what))
    axes.plot(x, y, color=colour, marker=marker, linestyle="-" if len(points) > 1 else "none", label=name)
    for (structure, _), *place in zip(points, x, y, strict=True) if len(points) > 1 else ():
        axes.annotate(f"{structure:g}", place, (4, 4), textcoords="offset points", fontsize=7, color=colour)

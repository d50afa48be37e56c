"""A weak edge ControlNet in the resampler, alone and with the fresh start, where the right answer is known.

    python -m benchmarks.control --clips 4     four clips; some two minutes each

Most recipes have one over the first 40 percent of the steps. Written to control.md and control.json in
benchmarks/results; other clips than the reporting half's are printed, and written where an --output is given.
A stopped run goes on where it was, from demo/out/control.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.control import ways
from benchmarks.control.ways import BOTH, LOW, LOW_TOP, STARTS, USUAL, in_both, low_starts, lower, named
from benchmarks.report import Check, number, promises, table, versions
from benchmarks.style_transfer import clips
from benchmarks.style_transfer.cases import STEPS, Result
from benchmarks.style_transfer.checks import NEW_ERROR, NEW_MOTION
from benchmarks.style_transfer.clips import ROOT, Job, Workers, fast_precision
from benchmarks.style_transfer.columns import (
    COLUMNS,
    average,
    difference,
    enough,
    of_clips,
    pick,
    plus_minus,
    rows_table,
)
from benchmarks.style_transfer.gallery import summary
from benchmarks.style_transfer.ours import BASE, DIRECT
from benchmarks.style_transfer.tables import setting
from benchmarks.style_transfer.transfers import HALF, HALVES, KINDS, Transfer
from demo import control, model, world

COMMAND = "python -m benchmarks.control"
RESULTS = ROOT / "benchmarks" / "results"
SOURCES = (*clips.SOURCES, "benchmarks/control/ways.py", "demo/control.py")
RETURNED = 1  # clips that are brought back too, as costly as another one
TITLES = {BASE: "Alone", DIRECT: "With the fresh start"}
SHOWN = ("in style", "style hit", "restyle error", "drawn", "motion error", "lost", "flicker", "tone")
INTRODUCTION = """\
# A weak ControlNet in the resampler

Written by `{command}`; run it again to check a figure.
{versions}. The networks run in {precision}, all else in float32.

{which} Held-out clips of `demo/world.py` ({frames} frames of {size}x{size}), restyled by the demo's model and
its edge ControlNet (`demo/control.py`) at cfg 1. The edges are Canny's of the source's frames. Unsampled
without the ControlNet, {steps} steps of EDM's schedule from sigma {top:g}. What the columns mean is told in
[Style transfer](style_transfer.md).

- {base}: the old start, from the unsampled noise itself (`direct` 0). {direct}: the fresh start, what
  the nodes do unless told otherwise.
- control 0.2, 0.4, 0.8: the ControlNet's strength, on the first {short} of the resampler's {steps} steps.
- to sigma {low:.1f}: on the first {long} steps instead, from sigma {low_top:g} on the first {low_long}. That
  is how far down the templates' end_percent of 0.4 reaches on SD1.5, at their strength of 0.4; this model's
  schedule begins so much higher that 40 percent of its steps end at sigma {end:.0f}.
- {both}: on these steps of the way up too, at the same strength; on clips for the way back alone.
- in brackets the difference on the same clips from the same start without control, with its standard error.
- from sigma {low_top:g}: where SD1.5's schedule begins. lightness turned: with turn_lightness on, which the
  user says there.
- rows: those that the model was asked. A call with control asks the ControlNet too, an eighth to a fifth of
  the time of a row more. Seconds are of a machine that had other work.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _given(arguments)
    for path, command in ((options.weights, "demo.train"), (options.control, "demo.train_control")):
        if not path.is_file():
            print(f"control: {path} is missing; train it with python -m {command}", file=sys.stderr)
            return 1
    results = _measured(options)
    text = "\n".join([_introduction(options), *_sections(results), promises(_checks(results))])
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "control.md").write_text(text, encoding="utf-8")
        told = json.dumps(summary(results, _command(options)), indent=2)
        (options.output / "control.json").write_text(told + "\n", encoding="utf-8")
    print(text)
    return 0


def _measured(options: argparse.Namespace) -> list[Result]:
    indices = range(options.first, options.first + options.clips)
    jobs = [Job(Transfer(i), returned=place < options.returned) for place, i in enumerate(indices)]
    jobs += [Job(Transfer(i, "low")) for i in indices[: options.low]]
    workers = Workers(ways.job_results, ways.start, (options.weights, options.precision, options.control))
    made_from = clips.origin([options.weights, options.control], SOURCES, options.precision)
    return list(clips.each(jobs, workers, made_from, options))


def _sections(results: Sequence[Result]) -> Iterator[str]:
    """Each start's ways: on every clip, between light styles, across lightness; and from the low top."""
    for start, title in TITLES.items():
        of = [r for r in setting(results, "pairs") if r.name.startswith(start)]
        groups = {"": of, **_kinds(of)}
        for kind, group in groups.items():
            yield from _section(f"{title}{kind}", group, start)
    for kind, group in _kinds(setting(results, "low")).items():
        for title, start in zip(TITLES.values(), low_starts(group[0].transfer.crosses), strict=True):
            named = [r for r in group if r.name.startswith(start)]
            yield from _section(f"From sigma {LOW_TOP:g}, {title.lower()}{kind}", named, start)
    if any(r.reconstruction for r in results):
        yield _returned(results)


def _kinds(results: Sequence[Result]) -> dict[str, list[Result]]:
    """The clips between light styles, and those across lightness, where there are any."""
    found = {
        f", {KINDS[0]}": [r for r in results if r.transfer.kind == KINDS[0]],
        ", across lightness": [r for r in results if r.transfer.crosses],
    }
    return {kind: group for kind, group in found.items() if group}


def _section(title: str, group: Sequence[Result], start: str) -> Iterator[str]:
    if group:
        columns = [column for column in COLUMNS if column.title.startswith(SHOWN)]
        clips = of_clips(len({r.clip for r in group})).capitalize()
        yield f"## {title}\n\n{clips}.\n\n{rows_table(group, columns, start)}\n"


def _returned(results: Sequence[Result]) -> str:
    """How far each way is from the source under the source's own style."""
    back = [r for r in results if r.reconstruction]
    names = list(dict.fromkeys(r.name for r in back))
    errors = {
        name: [r.reconstruction[0] for r in back if r.name == name and r.reconstruction] for name in names
    }
    rows = [[name, str(len(of)), number(sum(of) / len(of)), number(max(of))] for name, of in errors.items()]
    titles = ("way", "clips", "relative error", "the worst")
    return (
        "## Under the source's own style\n\nThe way back at cfg 1, less the source. Control on one pass alone"
        f" is an edit: it is not exact, and need not be.\n\n{table(titles, rows)}\n"
    )


def _checks(results: Sequence[Result]) -> Iterator[Check]:
    exact = [name for start in STARTS for name in (start, in_both(start))]
    errors = [r.reconstruction[0] for r in results if r.reconstruction and r.name in exact]
    if errors:
        promise = (
            "Without control, and with the same control in both passes, the source comes back to the bit"
        )
        yield Check(promise, f"Largest relative error: {number(max(errors))}", max(errors) == 0)
    pairs, low = (setting(results, name) for name in ("pairs", "low"))
    yield _as_templates(pick(pairs, lower(DIRECT)))
    for start in STARTS:
        base = pick(pairs, start)
        for name in (named(start, USUAL), lower(start)):
            yield Check(f"Whether {name} helps", _change(pick(pairs, name), base), None)
    for kind, group in _kinds(low).items():
        base, direct = (pick(group, lower(start)) for start in low_starts(group[0].transfer.crosses))
        promise = (
            f"From sigma {LOW_TOP:g}{kind}, with control to sigma {LOW:.1f}, whether the fresh start helps"
        )
        yield Check(promise, _change(direct, base), None)


def _as_templates(group: Sequence[Result]) -> Check:
    """Whether the demo's model is as near as it should be, with a ControlNet as the templates have theirs."""
    error, motion = (average(group, value) for value in (lambda r: r.like.error, lambda r: r.like.motion))
    promise = (
        f"As the templates have it ({lower(DIRECT)}), over all pairs restyle error is at most"
        f" {NEW_ERROR:g} and motion error at most {NEW_MOTION:g} px"
    )
    finding = f"{error:.3f} and {motion:.2f} px on {of_clips(len(group))}"
    return Check(promise, finding, enough(len(group), error <= NEW_ERROR and motion <= NEW_MOTION))


def _change(group: Sequence[Result], base: Sequence[Result]) -> str:
    """By how much the figures that matter differ on the same clips."""
    values = {
        "restyle error": lambda r: r.like.error,
        "motion error": lambda r: r.like.motion,
        "style hit": lambda r: float(r.like.hit),
    }
    told = []
    for what, value in values.items():
        change, doubt = difference(group, base, value)
        told.append(f"{what} {average(group, value):.3f} ({change:+.3f}{plus_minus(doubt)})")
    return f"{', '.join(told)} on {of_clips(len(group))}"


def _introduction(options: argparse.Namespace) -> str:
    short, sigmas = ways.short(), model.schedule(STEPS)
    return INTRODUCTION.format(
        command=_command(options),
        versions=versions(),
        precision=options.precision,
        which=clips.whose(options.first, options.clips),
        frames=world.FRAMES,
        size=world.SIZE,
        steps=STEPS,
        top=model.SIGMA_MAX,
        base=BASE,
        direct=DIRECT,
        short=short,
        long=ways.long(),
        low=LOW,
        low_top=LOW_TOP,
        low_long=ways.long(LOW_TOP),
        end=float(sigmas[short]),
        both=BOTH,
    )


def _command(options: argparse.Namespace) -> str:
    """What to type for the same run."""
    return (
        f"{COMMAND} --first {options.first} --clips {options.clips}"
        f" --returned {options.returned} --low {options.low}"
    )


def _given(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = _parser().parse_args(arguments)
    options.precision = fast_precision() if options.precision == "auto" else options.precision
    options.low = min(options.low, options.clips)
    if options.output is None and options.first == HALVES["reporting"]:
        options.output = RESULTS
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(COMMAND, description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add(
        "--first",
        type=int,
        default=HALVES["reporting"],
        help="the first clip: of the reporting half, unless given",
    )
    add("--clips", type=int, default=HALF)
    add("--returned", type=int, default=RETURNED, help="of these, clips for the way back")
    add("--low", type=int, default=HALF, help="of these, clips from the low top too")
    add("--workers", type=int, default=os.cpu_count(), help="processes of one thread each")
    add("--precision", choices=["auto", *clips.PRECISIONS], default="auto", help="of the networks")
    add("--weights", type=Path, default=model.WEIGHTS)
    add("--control", type=Path, default=control.WEIGHTS, help="the ControlNet's weights")
    add("--output", type=Path, help="the folder for the table")
    add(
        "--kept", type=Path, default=ROOT / "demo" / "out" / "control.jsonl", help="where clips done are kept"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""Which solver and how many steps, with the direct path, where the right answer is known.

    python -m benchmarks.steps --clips 4     four clips; some six minutes each on one slow core

Written to steps.md in benchmarks/results; other clips than the reporting half's are printed, and written
where an --output is given. A stopped run goes on where it was, from demo/out/steps.jsonl.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.report import Check, promises, versions
from benchmarks.steps.ways import BASE, CORE, COUNTS, job_results, named
from benchmarks.style_transfer import clips
from benchmarks.style_transfer.cases import Result
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
from benchmarks.style_transfer.transfers import HALF, HALVES, KINDS, Transfer
from demo import model, world
from unsampling import solvers

COMMAND = "python -m benchmarks.steps"
RESULTS = ROOT / "benchmarks" / "results"
SOURCES = (*clips.SOURCES, "benchmarks/steps/ways.py")
INTRODUCTION = """\
# Solver and steps

Written by `{command}`; run it again to check a figure.
{versions}. The network runs in {precision}, all else in float32.

{which} Held-out clips of `demo/world.py` ({frames} frames of {size}x{size}), restyled by the demo's model at
cfg 1, from sigma {top:g}. What the columns mean is told in [Style transfer](style_transfer.md).

- {base}: what new nodes do, with the direct path that the clip asks for. The other rows have another solver
  or number of steps, or no path: then the pass begins at the unsampled noise.
- {core}: FlipSigmas' 0.0001, then the sampler up and down, as core's nodes run them.
- in brackets the difference on the same clips from {base}, with its standard error.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _given(arguments)
    if not options.weights.is_file():
        print(f"steps: {options.weights} is missing; train it with python -m demo.train", file=sys.stderr)
        return 1
    results = _measured(options)
    text = "\n".join([_introduction(options), *_sections(results), promises(_checks(results))])
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "steps.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


def _measured(options: argparse.Namespace) -> list[Result]:
    jobs = [Job(Transfer(i)) for i in range(options.first, options.first + options.clips)]
    workers = Workers(job_results, clips.start, (options.weights, options.precision))
    return list(
        clips.each(jobs, workers, clips.origin([options.weights], SOURCES, options.precision), options)
    )


def _sections(results: Sequence[Result]) -> Iterator[str]:
    groups = {
        "Every clip": results,
        "Between light styles": [r for r in results if r.transfer.kind == KINDS[0]],
        "Across lightness": [r for r in results if r.transfer.crosses],
    }
    for title, group in groups.items():
        if group:
            count = len({r.clip for r in group})
            yield f"## {title}\n\n{count} clip{'s' * (count > 1)}.\n\n{rows_table(group, COLUMNS, BASE)}\n"


def _checks(results: Sequence[Result]) -> Iterator[Check]:
    """Whether few rows are enough to beat core's euler at many, and how each setting stands beside ours."""
    few = named(solvers.DEFAULT, COUNTS[0])
    rows = average(pick(results, few), lambda r: sum(r.rows))
    yield _lower(results, few, CORE, f"at {rows:.0f} rows")
    for name in dict.fromkeys(r.name for r in results):
        if name not in (BASE, CORE):
            yield Check(f"{name} beside {BASE}", _change(results, name, BASE)[0], None)


def _lower(results: Sequence[Result], name: str, rival: str, words: str) -> Check:
    told, change = _change(results, name, rival)
    holds = enough(len(pick(results, name)), change < 0)
    return Check(f"{name}, {words}, has a lower restyle error than {rival}", told, holds)


def _change(results: Sequence[Result], name: str, rival: str) -> tuple[str, float]:
    ours, theirs = pick(results, name), pick(results, rival)
    change, doubt = difference(ours, theirs, lambda r: r.like.error)
    means = (average(group, lambda r: r.like.error) for group in (ours, theirs))
    told = f"{' against '.join(f'{mean:.3f}' for mean in means)}, {change:+.3f}{plus_minus(doubt)}"
    return f"Restyle error {told} on {of_clips(len(ours))}", change


def _introduction(options: argparse.Namespace) -> str:
    return INTRODUCTION.format(
        command=f"{COMMAND} --first {options.first} --clips {options.clips}",
        versions=versions(),
        precision=options.precision,
        which=clips.whose(options.first, options.clips),
        frames=world.FRAMES,
        size=world.SIZE,
        top=model.SIGMA_MAX,
        base=BASE,
        core=CORE,
    )


def _given(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(COMMAND, description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--first", type=int, default=HALVES["reporting"], help="the first clip: of the reporting half's")
    add("--clips", type=int, default=HALF)
    add("--workers", type=int, default=os.cpu_count(), help="processes of one thread each")
    add("--precision", choices=["auto", *clips.PRECISIONS], default="auto", help="of the network")
    add("--weights", type=Path, default=model.WEIGHTS)
    add("--output", type=Path, help="the folder for the table")
    add("--kept", type=Path, default=ROOT / "demo" / "out" / "steps.jsonl", help="where clips done are kept")
    options = parser.parse_args(arguments)
    options.precision = fast_precision() if options.precision == "auto" else options.precision
    if options.output is None and options.first == HALVES["reporting"]:
        options.output = RESULTS
    return options


if __name__ == "__main__":
    sys.exit(main())

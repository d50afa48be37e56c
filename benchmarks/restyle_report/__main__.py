"""The figures of the Restyle Report against the true ones, on a world whose right answers are known.

    python -m benchmarks.restyle_report               360 results with known faults, minutes on two cores
    python -m benchmarks.restyle_report --model 48    also the demo's model on 48 clips: half an hour

Writes restyle_report.md into benchmarks/results. What the model made is kept in demo/out/restyle_report.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.report import versions
from benchmarks.restyle_report import restyles, rows, worsened
from benchmarks.restyle_report.tables import tables

COMMAND = "python -m benchmarks.restyle_report"
ROOT = Path(__file__).resolve().parents[2]
INTRODUCTION = """\
# The Restyle Report's figures against the truth

Written by `{command}`; run it again to check a figure.
{versions}.

The report knows the source and the result, nothing else. Here the right answer is known as well: held-out
clips of `demo/world.py`, {frames} frames of 64x64, the same content drawn in the target style.

- known faults: the truth with faults of chance, each of any strength, several at once: shapes moved, on other
  ways, trembling, missing or another clip's; faded, blurred, the source shining through; frames or patches of
  other colours; drift; other colours in each window. In some clips the light itself fades, which is no fault.
- Some clips from number {tuning} on have texture that boils, some a cut of the source to another scene, which
  is no fault: truths are told inside scenes, as the figures are. These two are drawn apart from all else: the
  first {tuning} clips are those of earlier results, the others have what they had.
- model: what the demo's model makes by the direct path, which is what the nodes do, and without one at cfg 1
  and with structure {structure}, all in two windows of {window} frames without overlap, and without one at
  cfg {cfg:g} in one window.
- Figures and their true counterparts were chosen by the first {tuning} clips with known faults and the first
  {model_tuning} of the model ("chosen by"). No figure was chosen by "new" clips. What must hold is held
  by these, where there are any.
- Of the nodes' way alone structure_kept and motion_kept tell no order: nearly all of its shapes are in place,
  and what is left to tell apart are tenths of a pixel.
- rank correlation: Spearman's, over the clips for which both are known: fine flicker is not where the source
  moves everywhere, nor is the truth of what the model made. Figures that shrink where a distance grows are
  compared with its negative.
"""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    found = rows.worsened_rows(options.clips, options.workers)
    made = rows.model_rows(options.kept, options.model, options.workers) if options.model else []
    text = "\n".join([_introduction(options), tables(found, made, list(rows.references(options.references)))])
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "restyle_report.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


def _introduction(options: argparse.Namespace) -> str:
    more = f" --model {options.model}" if options.model else ""
    return INTRODUCTION.format(
        command=f"{COMMAND} --clips {options.clips}{more}",
        versions=versions(),
        frames=worsened.FRAMES,
        structure=restyles.STRUCTURE,
        window=restyles.WINDOW,
        tuning=rows.TUNING,
        model_tuning=rows.MODEL_TUNING,
        cfg=restyles.HIGH_CFG,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(COMMAND, description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=_count, default=360, help="results with known faults")
    parser.add_argument("--model", type=_count, default=0, help="clips that the demo's model restyles")
    parser.add_argument("--references", type=_count, default=36, help="clips for the last table")
    parser.add_argument("--workers", type=_count, default=os.cpu_count(), help="processes of one thread each")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--kept", type=Path, default=ROOT / "demo" / "out" / "restyle_report")
    return parser


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is no number of clips or processes; give 1 or more")
    return value


if __name__ == "__main__":
    sys.exit(main())

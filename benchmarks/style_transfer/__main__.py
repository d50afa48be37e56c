"""Style transfer on a world whose right answers are known: our pairs, core's ways, and no unsampling.

    python -m benchmarks.style_transfer              64 clips, about an hour on two cores
    python -m benchmarks.style_transfer --clips 2 --compared 1 --output FOLDER    a minute or two

Writes style_transfer.md and .png into benchmarks/results. One process a core, each with one thread; a stopped
run goes on where it was, from demo/out/style_transfer.jsonl. All but the seconds is the same in every run.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.report import versions
from benchmarks.style_transfer.clips import PRECISIONS, ROOT, measured
from benchmarks.style_transfer.tables import plot, tables
from benchmarks.style_transfer.ways import STEPS
from demo import model, world

COMMAND = "python -m benchmarks.style_transfer"
RESULTS = ROOT / "benchmarks" / "results"
KEPT = ROOT / "demo" / "out" / "style_transfer.jsonl"
INTRODUCTION = """\
# Style transfer where the right answer is known

Written by `{command}`; run it again to check a figure.
{versions}. The network runs in {precision}, all else in float32.

Held-out clips of `demo/world.py` ({frames} frames of {size}x{size}), restyled by the demo's model. The same
content drawn in the target style is the truth. The source has a camera's grain of {grain:g}. Unsampled with
its own style as the condition at cfg 1, {steps} steps of EDM's schedule from sigma {top:g} unless said, then
down with the target style at the row's cfg. Figures are means over the clips, seconds medians.

- calls: model calls up + down, counted; above cfg 1 a call asks the network twice. seconds: of both passes.
- reconstruction: down again with the clip's own style at cfg 1, relative error, mean and worst clip; PSNR.
- restyle error: rms of the difference from the truth over the truth's rms; PSNR with black to white as peak.
- style hit: clips that a judge, taught on true clips, takes for the target style.
- motion error: distance of each visible shape from its true place, found by normalised cross-correlation
  with the true picture of it in the source's or the target's style, within 12 pixels each way. lost: share of
  shapes more than 3 pixels off.
- flicker: rms of the change from frame to frame over the truth's; 1 is right.
- core: FlipSigmas' 0.0001, then the sampler up and down, as core's nodes run them. random noise: no
  unsampling. SDEdit: the source under random noise of a level. Both go down by the plain midpoint.
"""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if not options.weights.is_file():
        print(
            f"style_transfer: {options.weights} is missing; train it with python -m demo.train",
            file=sys.stderr,
        )
        return 1
    options.compared = options.clips if options.compared is None else options.compared
    results = list(measured(options))
    text = "\n".join([_introduction(options), tables(results)])
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "style_transfer.md").write_text(text, encoding="utf-8")
    plot(results, options.output / "style_transfer.png")
    print(text)
    return 0


def _introduction(options: argparse.Namespace) -> str:
    command = f"{COMMAND} --clips {options.clips} --compared {options.compared}"
    return INTRODUCTION.format(
        command=command,
        versions=versions(),
        precision=options.precision,
        frames=world.FRAMES,
        size=world.SIZE,
        steps=STEPS,
        grain=world.GRAIN,
        top=model.SIGMA_MAX,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(COMMAND, description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=_count, default=64, help="clips for the main ways")
    parser.add_argument("--compared", type=_count, help="of these, clips for every way: all, unless given")
    parser.add_argument("--workers", type=_count, default=os.cpu_count(), help="processes of one thread each")
    parser.add_argument("--precision", choices=list(PRECISIONS), default="bfloat16", help="of the network")
    parser.add_argument("--weights", type=Path, default=model.WEIGHTS)
    parser.add_argument("--output", type=Path, default=RESULTS, help="the folder for the table and the plot")
    parser.add_argument("--kept", type=Path, default=KEPT, help="where clips done so far are kept")
    return parser


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a number of clips or processes; give 1 or more")
    return value


if __name__ == "__main__":
    sys.exit(main())

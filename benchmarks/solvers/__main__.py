"""Every solver pair, and core's ways, on pictures whose true noise and true edits are known.

    python -m benchmarks.solvers            writes benchmarks/results/solvers.md: some minutes on one core
    python -m benchmarks.solvers --quick    a small part of it on few pictures, printed only

The same command on the same machine writes the same bytes.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.report import versions
from benchmarks.solvers import schedules
from benchmarks.solvers.checks import checks
from benchmarks.solvers.distributions import SHARP, SMOOTH
from benchmarks.solvers.measures import HALVES, Scene
from benchmarks.solvers.tables import Grid, choosing, full, last_point, to_compare

COMMAND = "python -m benchmarks.solvers"
RESULT = Path(__file__).parents[1] / "results" / "solvers.md"


@dataclass(frozen=True)
class Size:
    """How much is measured. truth: steps of the reference ODE; choices: steps of the tables that compare two
    pairs, and points for the last step."""

    frames: int
    truth: int
    grid: Grid
    choices: tuple[int, ...]


WHOLE = Size(
    24,
    400,
    Grid(tuple(schedules.ALL), (8, 16, 24, 32), (1.0, 2.0, 5.0), tuple(HALVES)),
    (6, 8, 10, 12, 16, 24, 32),
)
QUICK = Size(6, 100, Grid(("AYS",), (8,), (1.0, 5.0), ("float32", "bfloat16")), (8, 16))

INTRODUCTION = """\
# Solver pairs

Written by `{command}`; run it again to check a figure.
{versions}.

What is measured: {frames} pictures of 16x16 in an orthonormal Haar pyramid of Gaussian mixtures, for which
the perfect denoiser of any prompt is a formula. The network is of SD1.5's kind: it predicts noise, knows
sigmas from 0.0292 to 14.61, and below that answers as at 0.0292. The truth is the sampling ODE itself,
Runge-Kutta of order 4 with {truth} steps in float64 (half as many differ from it by {doubt}). These are
pictures of numbers, not of things: trust the order of the rows more than their size.

- calls: model calls up + down, counted. cfg above 1 asks the model for two answers in a call.
- record: "half" rounds the model's outputs to float16 in both passes. Nothing is recorded in the rows "none"
  (the plain solver) and "core" (FlipSigmas' 0.0001, then the sampler up and down, as core's nodes run them).
- memory: bytes of the record per byte of the latent in float32.
- round trip: up and down with the picture's own prompt, both at the row's cfg: rms of the difference over rms
  of the source.
- noise: its distance from the true noise at the row's cfg, its std over the true one's, and the size of the
  correlation of neighbouring pixels. {noise}.
- edit: unsampled at cfg 1, then down with another prompt at the row's cfg: distance from the true edit.
- finest: energy in the finest level of that edit over the true edit's; 1 is right.
"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few pictures, few rows; printed, not written")
    parser.add_argument("--output", type=Path, help="where to write instead")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    text = report(QUICK, f"{COMMAND} --quick") if options.quick else report(WHOLE, COMMAND)
    output = options.output or (None if options.quick else RESULT)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    print(text)
    return 0


def report(size: Size, command: str) -> str:
    """The whole file, as Markdown."""
    sharp = Scene(SHARP, size.frames, size.truth)
    smooth = Scene(SMOOTH, size.frames, size.truth)
    progress("the true noise and the true edits")
    return "\n".join(
        [
            introduction(sharp, size, command),
            to_compare(sharp, smooth),
            choosing(sharp, smooth, size.choices, progress),
            last_point(sharp, smooth, size.choices, progress),
            *full(sharp, size.grid, progress),
            checks(sharp, smooth, progress),
        ]
    )


def introduction(scene: Scene, size: Size, command: str) -> str:
    true = {cfg: scene.true_noise(cfg) for cfg in size.grid.cfgs}
    stds = ", ".join(f"{float(x.std()) / schedules.SIGMA_MAX:.2f} at cfg {cfg:g}" for cfg, x in true.items())
    return INTRODUCTION.format(
        command=command,
        versions=versions(),
        frames=size.frames,
        truth=size.truth,
        doubt=f"{scene.doubt():.0e}",
        noise=f"The true noise's std over 14.61: {stds}",
    )


def progress(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

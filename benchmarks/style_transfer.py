"""Style transfer on a world whose right answers are known: our pairs, core's ways, and no unsampling.

    python -m benchmarks.style_transfer              64 clips, about an hour on two cores
    python -m benchmarks.style_transfer --clips 2 --compared 1 --output FOLDER    a minute or two

Writes style_transfer.md and .png into benchmarks/results. One process a core, each with one thread; a stopped
run goes on where it was, from demo/out/style_transfer.jsonl. All but the seconds is the same in every run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks import style_ways as ways
from benchmarks.solvers.__main__ import versions
from benchmarks.style_measures import Likeness
from benchmarks.style_tables import plot, tables
from benchmarks.style_ways import STEPS, Result, Transfer
from demo import model

COMMAND = "python -m benchmarks.style_transfer"
ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).with_name("results")
KEPT = ROOT / "demo" / "out" / "style_transfer.jsonl"
SOURCES = (
    "benchmarks/style_measures.py",
    "benchmarks/style_ways.py",
    "benchmarks/solvers/ways.py",
    "demo/world.py",
    "demo/model.py",
    "unsampling/**/*.py",
)  # what figures come from
PRECISIONS = {"bfloat16": torch.bfloat16, "float32": None}

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

_network: dict[str, object] = {}  # of a worker: the UNet and its precision


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if not options.weights.is_file():
        print(
            f"style_transfer: {options.weights} is missing; train it with python -m demo.train",
            file=sys.stderr,
        )
        return 1
    options.compared = options.clips if options.compared is None else options.compared
    results = list(_measured(options))
    text = "\n".join([_introduction(options), tables(results)])
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "style_transfer.md").write_text(text, encoding="utf-8")
    plot(results, options.output / "style_transfer.png")
    print(text)
    return 0


def _measured(options: argparse.Namespace) -> Iterator[Result]:
    """All results, clip by clip in their order, measuring those that are not kept from an earlier run."""
    origin = _origin(options)
    wanted = {i: f"{origin} {'every' if i < options.compared else 'main'}" for i in range(options.clips)}
    kept = _kept(options.kept, wanted)
    missing = [i for i in wanted if i not in kept]
    options.kept.parent.mkdir(parents=True, exist_ok=True)
    pool = ProcessPoolExecutor(
        options.workers, get_context("spawn"), _start, (options.weights, options.precision)
    )
    with pool, options.kept.open("a", encoding="utf-8") as file:
        jobs = [pool.submit(clip_results, i, i < options.compared) for i in missing]
        done = tqdm(as_completed(jobs), total=len(wanted), initial=len(kept), unit="clip", disable=None)
        for job in done:
            found = job.result()
            kept[found[0].clip] = found
            file.write(_line(wanted[found[0].clip], found))
            file.flush()
    for i in wanted:
        yield from kept[i]


def clip_results(index: int, every: bool) -> list[Result]:
    """All that is measured on one clip; runs in a worker."""
    transfer = Transfer(index)
    cases = ways.every_case(transfer) if every else ways.main_cases(transfer)
    return [*ways.references(transfer), *ways.measure(transfer, cases, _asked)]


def _start(weights: Path, precision: str) -> None:
    torch.set_num_threads(1)
    _network.update(unet=model.load(weights), dtype=PRECISIONS[precision])


def _asked(style: str | None, cfg: float) -> model.Denoise:
    denoise, dtype = model.denoiser(_network["unet"], style, cfg), _network["dtype"]

    def ask(x: torch.Tensor, sigma: float, step: int) -> torch.Tensor:
        with torch.autocast("cpu", dtype, enabled=dtype is not None):
            return denoise(x, sigma, step)

    return ask


def _line(key: str, found: list[Result]) -> str:
    rows = [asdict(result) for result in found]
    return json.dumps({"key": key, "clip": found[0].clip, "results": rows}) + "\n"


def _kept(path: Path, wanted: dict[int, str]) -> dict[int, list[Result]]:
    """Results of earlier runs of the same weights and code."""
    if not path.is_file():
        return {}
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {
        line["clip"]: [_result(row) for row in line["results"]]
        for line in lines
        if wanted.get(line["clip"]) == line["key"]
    }


def _result(row: dict) -> Result:
    back = row["reconstruction"]
    return Result(
        **{
            **row,
            "like": Likeness(**row["like"]),
            "calls": tuple(row["calls"]),
            "reconstruction": None if back is None else tuple(back),
        }
    )


def _origin(options: argparse.Namespace) -> str:
    """What figures come from: the weights, the code, the precision."""
    digest = hashlib.sha256(options.weights.read_bytes())
    for path in sorted(path for pattern in SOURCES for path in ROOT.glob(pattern)):
        digest.update(path.read_bytes())
    return f"{digest.hexdigest()[:16]} {options.precision}"


def _introduction(options: argparse.Namespace) -> str:
    command = f"{COMMAND} --clips {options.clips} --compared {options.compared}"
    return INTRODUCTION.format(
        command=command,
        versions=versions(),
        precision=options.precision,
        frames=ways.world.FRAMES,
        size=ways.world.SIZE,
        steps=STEPS,
        grain=ways.world.GRAIN,
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

"""Measures all clips in processes of one thread each, and goes on where an earlier run was stopped."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.style_transfer.cases import Result
from benchmarks.style_transfer.measures import Likeness
from benchmarks.style_transfer.transfers import HALF, HALVES, SETTINGS, Transfer
from benchmarks.style_transfer.ways import measure
from demo import model

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (
    *(f"benchmarks/style_transfer/{name}.py" for name in ("cases", "judge", "measures", "ours", "rivals")),
    *(f"benchmarks/style_transfer/{name}.py" for name in ("tone", "transfers", "ways")),
    "benchmarks/solvers/measures.py",
    "benchmarks/solvers/ways.py",
    *(f"demo/{name}.py" for name in ("model", "places", "shapes", "world")),
    "unsampling/*.py",
    "unsampling/solvers/*.py",
    "unsampling/video/lightness.py",
)  # what figures come from
PRECISIONS = {"bfloat16": torch.bfloat16, "float32": None}
FAST = ("amx_bf16", "avx512_bf16")  # one of them, or a row in bfloat16 takes 20 times as long
REPORTING = "The reporting half: no setting was chosen on these clips."
RETURNED = 8  # of the compared clips, those that every recorded way brings back
TIDY = {"MALLOC_TRIM_THRESHOLD_": "1073741824", "MALLOC_MMAP_THRESHOLD_": "1073741824"}  # saves 8 % of time

_network: dict[str, Any] = {}  # of a worker: the UNet and its precision


@dataclass(frozen=True)
class Job:
    """What a worker measures: one clip in one section. every and returned as in ways.measure."""

    transfer: Transfer
    every: bool = False
    returned: bool = False

    @property
    def cost(self) -> int:
        """Roughly, to begin with what takes longest."""
        return SETTINGS[self.transfer.setting].frames * (4 if self.every else 1)


def jobs(options: argparse.Namespace) -> list[Job]:
    """All that a run measures: the clips, the first of them in every way, and in each section some."""
    indices = range(options.first, options.first + options.clips)
    pairs = [
        Job(Transfer(i), place < options.compared, place < min(options.compared, RETURNED))
        for place, i in enumerate(indices)
    ]
    dark = [i for i in indices if Transfer(i, "unseen").crosses]
    longest = (options.long + 2) // 3  # of 256 frames, which take four times as long
    sections = {
        "low": indices[: options.low],
        "hold": indices[: options.hold],
        "unseen": dark[: options.unseen],
        "64 frames": indices[: options.long],
        "256 frames": indices[:longest],
    }
    return pairs + [Job(Transfer(i, setting)) for setting, chosen in sections.items() for i in chosen]


def measured(options: argparse.Namespace) -> Iterator[Result]:
    """All results of a run."""
    made_from = origin([options.weights], SOURCES, options.precision)
    workers = Workers(job_results, start, (options.weights, options.precision))
    return each(jobs(options), workers, made_from, options)


@dataclass(frozen=True)
class Workers:
    """What processes do: start(*given) once, then the results of one job after another."""

    results: Callable[[Job], list[Result]]
    start: Callable[..., None]
    given: tuple


def each(
    of: Sequence[Job], workers: Workers, made_from: str, options: argparse.Namespace
) -> Iterator[Result]:
    """The results, job by job in their order, measuring those that are not kept from an earlier run that was
    made from the same."""
    wanted = {f"{made_from} {job}": job for job in of}
    results = _earlier_results(options.kept, wanted)
    missing = sorted((key for key in wanted if key not in results), key=lambda key: -wanted[key].cost)
    options.kept.parent.mkdir(parents=True, exist_ok=True)
    os.environ.update({name: os.environ.get(name, value) for name, value in TIDY.items()})
    pool = ProcessPoolExecutor(options.workers, get_context("spawn"), workers.start, workers.given)
    with pool, options.kept.open("a", encoding="utf-8") as file:
        running = {pool.submit(workers.results, wanted[key]): key for key in missing}
        for done in tqdm(as_completed(running), total=len(wanted), initial=len(results), disable=None):
            results[running[done]] = done.result()
            file.write(_line(running[done], done.result()))
            file.flush()
    for key in wanted:
        yield from results[key]


def job_results(job: Job) -> list[Result]:
    """All that a job measures; runs in a worker."""
    return measure(job.transfer, job.every, job.returned, asked)


def whose(first: int, count: int) -> str:
    """Whose clips these are: those that settings were chosen on must not pass for others."""
    return REPORTING if first == HALVES["reporting"] and count <= HALF else numbered(first, count)


def numbered(first: int, count: int) -> str:
    """The same of clips that are no half."""
    some = "some" if first < HALVES["reporting"] else "none"
    return f"Clips {first} to {first + count - 1}, {some} of them of the tuning half."


def fast_precision() -> str:
    """bfloat16 where the processor has instructions for it, else float32."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        flags = []
    return "bfloat16" if set(FAST) & set(flags) else "float32"


def start(weights: Path, precision: str) -> None:
    torch.set_num_threads(1)
    _network.update(unet=model.load(weights), dtype=PRECISIONS[precision])


def asked(style: str | None, cfg: float, *control: model.Control) -> model.Denoise:
    """The network that start() loaded, in its precision."""
    denoise, dtype = model.denoiser(_network["unet"], style, cfg, *control), _network["dtype"]

    def ask(x: torch.Tensor, sigma: float, step: int) -> torch.Tensor:
        with torch.autocast("cpu", dtype, enabled=dtype is not None):
            return denoise(x, sigma, step)

    return ask


def _line(key: str, results: list[Result]) -> str:
    return json.dumps({"key": key, "results": [asdict(result) for result in results]}) + "\n"


def _earlier_results(path: Path, wanted: dict[str, Job]) -> dict[str, list[Result]]:
    """Results of earlier runs of the same weights and code."""
    if not path.is_file():
        return {}
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {line["key"]: [_result(row) for row in line["results"]] for line in lines if line["key"] in wanted}


def _result(row: dict) -> Result:
    back = row["reconstruction"]
    return Result(
        **{
            **row,
            "like": Likeness(**row["like"]),
            "rows": tuple(row["rows"]),
            "reconstruction": None if back is None else tuple(back),
        }
    )


def origin(weights: Sequence[Path], sources: Sequence[str], precision: str) -> str:
    """What figures come from: the weights, the code, the precision."""
    digest = hashlib.sha256()
    for path in [*weights, *sorted(path for pattern in sources for path in ROOT.glob(pattern))]:
        digest.update(path.read_bytes())
    return f"{digest.hexdigest()[:16]} {precision}"

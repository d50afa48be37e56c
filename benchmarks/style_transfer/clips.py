"""Measures all clips in processes of one thread each, and goes on where an earlier run was stopped."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.style_transfer import ways
from benchmarks.style_transfer.measures import Likeness
from benchmarks.style_transfer.ways import Result, Transfer
from demo import model

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (
    "benchmarks/style_transfer/judge.py",
    "benchmarks/style_transfer/measures.py",
    "benchmarks/style_transfer/ways.py",
    "benchmarks/solvers/ways.py",
    "demo/world.py",
    "demo/model.py",
    "unsampling/**/*.py",
)  # what figures come from
PRECISIONS = {"bfloat16": torch.bfloat16, "float32": None}

_network: dict[str, Any] = {}  # of a worker: the UNet and its precision


def measured(options: argparse.Namespace) -> Iterator[Result]:
    """All results, clip by clip in their order, measuring those that are not kept from an earlier run."""
    origin = _origin(options)
    wanted = {i: f"{origin} {'every' if i < options.compared else 'main'}" for i in range(options.clips)}
    results = _earlier_results(options.kept, wanted)
    missing = [i for i in wanted if i not in results]
    options.kept.parent.mkdir(parents=True, exist_ok=True)
    pool = ProcessPoolExecutor(
        options.workers, get_context("spawn"), _start, (options.weights, options.precision)
    )
    with pool, options.kept.open("a", encoding="utf-8") as file:
        jobs = [pool.submit(clip_results, i, i < options.compared) for i in missing]
        done = tqdm(as_completed(jobs), total=len(wanted), initial=len(results), unit="clip", disable=None)
        for job in done:
            batch = job.result()
            results[batch[0].clip] = batch
            file.write(_line(wanted[batch[0].clip], batch))
            file.flush()
    for i in wanted:
        yield from results[i]


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


def _line(key: str, results: list[Result]) -> str:
    rows = [asdict(result) for result in results]
    return json.dumps({"key": key, "clip": results[0].clip, "results": rows}) + "\n"


def _earlier_results(path: Path, wanted: dict[int, str]) -> dict[int, list[Result]]:
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

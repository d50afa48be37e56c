"""What is measured of each result: the report's figures, and the true ones beside them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.restyle_report import restyles, worsened
from benchmarks.restyle_report.truths import truths
from benchmarks.restyle_report.worsened import Case
from benchmarks.style_transfer.ways import Transfer
from demo import world
from unsampling.report import restyle

NAMES = ("look_changed", "structure_kept", "motion_kept", "flicker", "fine_flicker", "drift", "jumps")
TUNING, MODEL_TUNING = worsened.OLD, 24  # first clips, of each kind, by which figures were chosen


@dataclass(frozen=True)
class Row:
    """One result: figures and truth by the names of the figures, and truth's others. windows: whether it
    was made in more than one. tuning: whether the figures were chosen by such clips."""

    index: int
    name: str
    figures: dict[str, float]
    truth: dict[str, float]
    windows: bool
    tuning: bool


def worsened_rows(count: int, workers: int) -> list[Row]:
    """The results with known faults."""
    with _pool(workers) as pool:
        return list(tqdm(pool.map(_worsened, range(count)), total=count, unit="clip", disable=None))


def model_rows(folder: Path, count: int, workers: int) -> list[Row]:
    """What the demo's model made of so many clips."""
    made = list(restyles.made(folder, count, workers))
    with _pool(workers) as pool:
        return list(pool.map(_made, made))


def references(count: int) -> Iterator[Row]:
    """The figures of the source itself, of the truth, and of another clip in the target style."""
    for index in range(count):
        case, other = worsened.case(index), world.content(worsened.FIRST_SEED - 1 - index)
        clips = {
            "the source itself": case.source,
            "the truth": case.truth,
            "another clip in the target style": world.render(other, case.styles[1], len(case.result)),
        }
        for name, clip in clips.items():
            found = figures(case.source, clip, case.borders[0])
            yield Row(index, name, found, {}, True, False)


def figures(source: Tensor, result: Tensor, window: int = 0) -> dict[str, float]:
    """The report's figures of clips [frames,3,height,width] from -1 to 1, by name."""
    ours, theirs = (((clip.clamp(-1, 1) + 1) / 2).movedim(1, -1) for clip in (source, result))
    found = restyle.figures(ours, theirs, window)
    values = (
        found.look_changed,
        found.structure_kept,
        found.motion_kept,
        found.flickering,
        found.fine,
        found.drift,
        found.jumps,
    )
    return dict(zip(NAMES, values, strict=True))


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, get_context("spawn"), torch.set_num_threads, (1,))


def _worsened(index: int) -> Row:
    return _row(index, worsened.case(index), index < TUNING)


def _made(made: tuple[Transfer, str, Tensor]) -> Row:
    transfer, name, clip = made
    borders = tuple(range(restyles.WINDOW, len(clip), restyles.WINDOW))
    styles = transfer.source, transfer.target
    of, seed = world.content(transfer.seed), transfer.seed
    return _row(
        transfer.index,
        Case(name, of, styles, clip.clamp(-1, 1), seed, borders),
        transfer.index < MODEL_TUNING,
    )


def _row(index: int, case: Case, tuning: bool) -> Row:
    found = figures(case.source, case.result, case.borders[0] if case.borders else 0)
    return Row(index, case.name, found, asdict(truths(case)), len(case.borders) > 0, tuning)

"""What the demo's model makes of held-out clips, in two windows that share no frame; kept in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.style_transfer.clips import origin
from benchmarks.style_transfer.ours import DIRECT, MIRROR
from benchmarks.style_transfer.ways import Transfer
from demo import model, world
from unsampling import Inversion, resample, unsample

WINDOW, STEPS = world.FRAMES, 16
HIGH_CFG, STRUCTURE = 3.0, 0.3
SOURCES = (
    "benchmarks/restyle_report/restyles.py",
    "demo/model.py",
    "demo/world.py",
    "unsampling/*.py",
    "unsampling/solvers/*.py",
)  # what the clips come from


def made(folder: Path, count: int, workers: int) -> Iterator[tuple[Transfer, str, Tensor]]:
    """The restyles of so many transfers with the names of their ways, made where the folder has none of this
    model and code."""
    folder = folder / origin([model.WEIGHTS], SOURCES, "float32").partition(" ")[0]
    folder.mkdir(parents=True, exist_ok=True)
    missing = [i for i in range(count) if not _file(folder, i).is_file()]
    with ProcessPoolExecutor(workers, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        jobs = [pool.submit(_make, folder, i) for i in missing]
        for job in tqdm(jobs, unit="clip", disable=None):
            job.result()
    for i in range(count):
        for name, clip in torch.load(_file(folder, i)).items():
            yield Transfer(i), name, clip


def _file(folder: Path, index: int) -> Path:
    return folder / f"{index}.pt"


def _make(folder: Path, index: int) -> None:
    part = _file(folder, index).with_suffix(".part")
    torch.save(_restyles(Transfer(index)), part)
    part.replace(_file(folder, index))


@torch.inference_mode()
def _restyles(transfer: Transfer) -> dict[str, Tensor]:
    """Both windows at cfg 1, by the direct path and without one, and with structure; at a higher cfg the
    first one alone."""
    unet, of = model.load(), world.content(transfer.seed)
    source = world.filmed(world.render(of, transfer.source, 2 * WINDOW), transfer.seed)
    own, new = (model.denoiser(unet, style) for style in (transfer.source, transfer.target))
    sigmas = model.schedule(STEPS)
    halves: list[Inversion] = [unsample(own, part, sigmas, direct=None) for part in source.split(WINDOW)]
    alone = {"direct": 0.0, "turn": False}
    return {
        DIRECT: torch.cat([resample(new, half, mirror=MIRROR) for half in halves]),
        "cfg 1": torch.cat([resample(new, half, **alone) for half in halves]),
        f"structure {STRUCTURE}": torch.cat([resample(new, half, STRUCTURE, **alone) for half in halves]),
        f"cfg {HIGH_CFG:g}": resample(model.denoiser(unet, transfer.target, HIGH_CFG), halves[0], **alone),
    }

"""Time to save and load noise, beside safetensors' own save_file and load_file of the same tensors.

torch has all its threads, as in ComfyUI.

`python -m benchmarks.noise_file` writes benchmarks/results/noise_file.md.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from benchmarks.report import Check, promises, table, versions
from unsampling import Inversion, noise_file, schedules
from unsampling.noise_file import Saved
from unsampling.record import Record

RESULT = Path(__file__).parents[1] / "results" / "noise_file.md"
FRAMES, STEPS, ROUNDS, BAR = 64, 16, 7, 1.1


def saved() -> Saved:
    """A record of 64 frames of 512x512 and 16 steps, of random numbers."""
    x = torch.randn(FRAMES, 4, 64, 64)
    record = Record(x, tuple(torch.randn_like(x) for _ in range(STEPS + 2)))
    return Saved(x, Inversion(x, schedules.ays("SD1", STEPS), "midpoint", record=record))


def ours(what: Saved, folder: Path) -> tuple[float, float]:
    """Seconds to save, which ends with the bytes on the disk, and to load and read every tensor."""
    candidates = (folder / f"ours{i}.safetensors" for i in itertools.count())
    save, path = timed(lambda: noise_file.save(candidates, what, False))
    load, _ = timed(lambda: total(noise_file.load(path)))
    return save, load


def theirs(what: Saved, folder: Path) -> tuple[float, float]:
    """The same with save_file, synced, and load_file, summed up as much."""
    tensors = {name: entry.tensor for name, entry in noise_file.entries(what, False).items()}
    # save_file does not write one tensor under two names
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    path = folder / "theirs.safetensors"

    def save_synced() -> None:
        save_file(tensors, path)
        with path.open("rb") as file:
            os.fsync(file.fileno())

    save, _ = timed(save_synced)
    load, _ = timed(lambda: sum(float(x.sum()) for x in load_file(path).values()))
    return save, load


def total(what: Saved) -> float:
    """Reads all that was loaded, as theirs() does."""
    return sum(float(entry.tensor.sum()) for entry in noise_file.entries(what, False).values())


def timed(work: Callable) -> tuple[float, object]:
    begun = time.perf_counter()
    found = work()
    return time.perf_counter() - begun, found


def rounds(what: Saved) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Both in turns, each in an empty folder; the first round warms up."""
    found = []
    for number in range(ROUNDS + 1):
        folder = Path(tempfile.mkdtemp(prefix="noise-file-"))
        try:
            ways = [ours, theirs] if number % 2 else [theirs, ours]
            seconds = {way: way(what, folder) for way in ways}
            found.append((seconds[ours], seconds[theirs]))
        finally:
            shutil.rmtree(folder)
    return found[1:]


def written(found: list[tuple[tuple[float, float], tuple[float, float]]], size: int) -> tuple[str, bool]:
    """The file of results, and whether the promise holds."""
    medians = [[statistics.median(one[way][part] for one in found) for part in (0, 1)] for way in (0, 1)]
    ratio = statistics.median(sum(one[0]) / sum(one[1]) for one in found)
    names = ("Save Noise's file", "save_file, load_file")
    rows = [
        [name, *(f"{value:.3g}" for value in (*times, sum(times)))]
        for name, times in zip(names, medians, strict=True)
    ]
    promise = f"save and load take at most {BAR:g} times as long as safetensors' own"
    check = Check(promise, f"Median ratio {ratio:.2f}", ratio <= BAR)
    head = (
        "# Saving and loading noise\n\n`python -m benchmarks.noise_file`."
        f" {versions(torch.get_num_threads())}.\n\n"
        f"The noise and record of {FRAMES} frames of 512x512 and {STEPS} steps, {size / 2**20:.0f} MiB."
        f" Seconds, medians of {ROUNDS} rounds in turns. Both saves end with the bytes on the disk. Ours"
        " checks every value and sum while it writes and when it loads; load_file checks none.\n\n"
    )
    return head + table(["way", "save", "load", "both"], rows) + "\n\n" + promises([check]), ratio <= BAR


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.noise_file", description=__doc__)
    parser.parse_args()
    torch.manual_seed(0)
    what = saved()
    text, holds = written(rounds(what), noise_file.size(what, False))
    RESULT.write_text(text)
    print(text)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())

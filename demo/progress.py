"""A live bar a pass: which of how many, the model calls made, the time left."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic
from typing import TextIO

from torch import Tensor

Callback = Callable[[int, int, float, Tensor, Tensor], None]
WIDTH = 16  # characters of the bar


def meter(passes: int, out: TextIO | None = None) -> Callable[[str], Callback]:
    """Numbers the passes to come: call it with the title of the next one for the engine's callback."""
    done = 0

    def next_pass(title: str) -> Callback:
        nonlocal done
        done += 1
        return progress(f"[{done:>2}/{passes}] {title}", out)

    return next_pass


class Calls:
    """A callback for the engine that hands on to another one, and counts."""

    def __init__(self, callback: Callback):
        self.callback, self.count = callback, 0

    def __call__(self, call: int, calls: int, sigma: float, x: Tensor, denoised: Tensor) -> None:
        self.count += 1
        self.callback(call, calls, sigma, x, denoised)


def progress(title: str, out: TextIO | None = None) -> Callback:
    """A callback for the engine: one line that lives on a terminal, or one line when the pass is over."""
    out = out or sys.stdout
    live = out.isatty()
    start = monotonic()

    def tick(call: int, calls: int, sigma: float, x: Tensor, denoised: Tensor) -> None:
        spent = monotonic() - start
        full = WIDTH * call // calls
        bar = f"{'#' * full}{'-' * (WIDTH - full)} " if live else ""
        line = "\r" * live + f"{title:<34} {bar}{call:>3} of {calls:<3}"
        if call == calls:
            print(f"{line} {spent:>4.0f} s     ", file=out, flush=True)
        elif live:
            print(f"{line} {spent / call * (calls - call):>4.0f} s left", end="", file=out, flush=True)

    return tick

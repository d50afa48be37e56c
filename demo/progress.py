"""One live line a pass: which pass, which model call, the noise level, the time left."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic
from typing import TextIO

from torch import Tensor

Callback = Callable[[int, int, float, Tensor, Tensor], None]


def progress(title: str, out: TextIO | None = None) -> Callback:
    """A callback for the engine: one line that lives on a terminal, or one line when the pass is over."""
    out = out or sys.stdout
    live = out.isatty()
    start = monotonic()

    def tick(call: int, calls: int, sigma: float, x: Tensor, denoised: Tensor) -> None:
        spent = monotonic() - start
        line = "\r" * live + f"{title:<34} call {call:>3} of {calls:<3}  sigma {sigma:>8.4f}"
        if call == calls:
            print(f"{line}  done in {spent:.1f} s    ", file=out, flush=True)
        elif live:
            print(f"{line}{spent / call * (calls - call):>9.1f} s left   ", end="", file=out, flush=True)

    return tick

"""How long a pass will still take, from how long its model calls took. Plain Python."""

import time
from collections.abc import Callable

from torch import Tensor

from .solvers.evaluation import Callback


def with_time_left(
    report: Callback,
    show: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    unit: str = "model call",
) -> Callback:
    """The callback, which also shows which call the pass is at and about how long the rest will take.

    unit: what it is called after. The first one is left out of the reckoning: it loads the model.
    """
    times: list[float] = []

    def timed(call: int, calls: int, sigma: float, x: Tensor, denoised: Tensor) -> None:
        report(call, calls, sigma, x, denoised)
        times.append(clock())
        if len(times) > 1 and call < calls:
            left = (times[-1] - times[0]) / (len(times) - 1) * (calls - call)
            show(f"{unit} {call} of {calls}, about {in_words(left)} left")

    return timed


def in_words(seconds: float) -> str:
    """A time as people say it: 40 s, 3 min 20 s, 2 h 5 min."""
    whole = max(1, round(seconds))
    for unit, parts, size, size_of_parts in (("h", "min", 3600, 60), ("min", "s", 60, 1)):
        if whole >= size:
            rest = whole % size // size_of_parts
            return f"{whole // size} {unit}" + (f" {rest} {parts}" if rest else "")
    return f"{whole} s"

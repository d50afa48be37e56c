"""How long a pass will still take, from how long its model calls took. Plain Python."""

import time
from collections.abc import Callable

from torch import Tensor

from .solvers.evaluation import Callback


def with_time_left(
    report: Callback,
    show: Callable[[tuple[str, ...]], None],
    clock: Callable[[], float] = time.monotonic,
    unit: str = "call",
    then: Callable[[float], str] = lambda each: "",
) -> Callback:
    """The callback, which also shows which call the pass is at, about how long the rest will take, and what
    comes then: each in a few words.

    unit: what is counted. then: what to say of the time after the pass, by the seconds of a unit. The
    first one counts only until there is a second: it may load the model.
    """
    begun, times = clock(), list[float]()

    def timed(call: int, calls: int, sigma: float, x: Tensor, denoised: Tensor) -> None:
        report(call, calls, sigma, x, denoised)
        times.append(clock())
        if call < calls:
            first = times[0] if len(times) > 1 else begun
            each = (times[-1] - first) / max(1, len(times) - 1)
            left = in_words(each * (calls - call))
            show((f"{unit} {call} of {calls}", f"{left} left", then(each)))

    return timed


def to_resample(calls: int, guided: bool) -> Callable[[float], str]:
    """What to say of a resampling of so many calls, at cfg 1 and above it.

    guided: whether those that are timed ask the negative, too, which takes twice as long."""

    def then(each: float) -> str:
        once, twice = in_words(each * calls), in_words(2 * each * calls)
        return f"then {once}" if guided else f"then {once} to {twice}"

    return then


def in_words(seconds: float) -> str:
    """A time as people say it, in one unit: 40 s, 3 min, 2 h."""
    whole = max(1, round(seconds))
    for unit, size in (("h", 3600), ("min", 60)):
        if whole >= 1.5 * size:
            return f"{round(whole / size)} {unit}"
    return f"{whole} s"

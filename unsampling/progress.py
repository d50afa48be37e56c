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
    then: Callable[[float], str] = lambda each: "",
) -> Callback:
    """The callback, which also shows which call the pass is at and about how long the rest will take.

    unit: what it is called after. then: what to say of the time after the pass, by the seconds of a unit. The
    first one counts only until there is a second: it may load the model.
    """
    begun, times = clock(), list[float]()

    def timed(call: int, calls: int, sigma: float, x: Tensor, denoised: Tensor) -> None:
        report(call, calls, sigma, x, denoised)
        times.append(clock())
        if call < calls:
            first = times[0] if len(times) > 1 else begun
            each = (times[-1] - first) / max(1, len(times) - 1)
            show(f"{unit} {call} of {calls}, about {in_words(each * (calls - call))} left{then(each)}")

    return timed


def to_resample(calls: int, guided: bool) -> Callable[[float], str]:
    """What to say of a resampling of so many calls. guided: whether those that are timed ask the negative,
    too, which takes twice as long."""

    def then(each: float) -> str:
        if guided:
            return f", then {in_words(each * calls)} to resample"
        return (
            f", then {in_words(each * calls)} to resample at cfg 1, up to {in_words(2 * each * calls)} above"
        )

    return then


def in_words(seconds: float) -> str:
    """A time as people say it: 40 s, 3 min 20 s, 2 h 5 min."""
    whole = max(1, round(seconds))
    for unit, parts, size, size_of_parts in (("h", "min", 3600, 60), ("min", "s", 60, 1)):
        if whole >= size:
            rest = whole % size // size_of_parts
            return f"{whole // size} {unit}" + (f" {rest} {parts}" if rest else "")
    return f"{whole} s"

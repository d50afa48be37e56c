"""Solver pairs. A name stands for a rising and a falling pass together, since exactness is a property of the
pair."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from ..errors import UnsamplingError
from . import dpmpp_2m, euler, midpoint, single_call


@dataclass(frozen=True)
class Pair:
    """What the engine needs of a method; `known` is whatever its own walk_again returned."""

    rise: Callable[..., Tensor]           # (evaluate, x, sigmas, offset, recording) -> x at sigmas[0]
    fall: Callable[..., Tensor]           # (evaluate, x, sigmas, offset) -> x at sigmas[-1]
    walk_again: Callable[..., Any]        # (evaluate, x, sigmas, offset) -> known
    state: Callable[..., Tensor]          # (known, sigmas, start, device) -> x at sigmas[start]
    fall_recorded: Callable[..., Tensor]  # (evaluate, x, sigmas, offset, known, start, fidelity) -> x below
    misses: Callable[..., list[Tensor]]   # (known, sigmas) -> what the plain solver would miss, step by step
    calls_rising: Callable[[int, bool], int]
    calls_falling: Callable[[int, bool], int]


def _single_call(step: single_call.Step) -> Pair:
    return Pair(
        rise=partial(single_call.rise, step),
        fall=partial(single_call.fall, step),
        walk_again=partial(single_call.walk_again, step),
        state=single_call.state,
        fall_recorded=partial(single_call.fall_recorded, step),
        misses=partial(single_call.misses, step),
        calls_rising=single_call.calls_rising,
        calls_falling=single_call.calls_falling,
    )


PAIRS: dict[str, Pair] = {
    "midpoint": Pair(midpoint.rise, midpoint.fall, midpoint.walk_again, midpoint.state,
                     midpoint.fall_recorded, midpoint.misses, midpoint.calls_rising, midpoint.calls_falling),
    "dpmpp_2m": _single_call(dpmpp_2m.step),
    "euler": _single_call(euler.step),
}
DEFAULT = "midpoint"


def pair(name: str) -> Pair:
    """The pair of that name. Raises: UnsamplingError with the names that exist."""
    if name not in PAIRS:
        raise UnsamplingError(f"solver {name!r} is unknown; choose one of {', '.join(PAIRS)}")
    return PAIRS[name]

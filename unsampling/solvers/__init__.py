"""Solver pairs. A name stands for a rising and a falling pass together, since exactness is a property of the
pair."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from ..errors import UnsamplingError
from . import dpmpp_2m, ees25, euler, midpoint, single_call


@dataclass(frozen=True)
class Memory:
    """How a pair uses a record; `known` is whatever its own walk_again returned."""

    walk_again: Callable[..., Any]  # (outputs, x, sigmas, offset, keep) -> known
    state: Callable[..., Tensor]  # (known, sigmas, start, device) -> x at sigmas[start]
    fall: Callable[..., Tensor]  # (evaluate, x, sigmas, offset, known, start, fidelity, held) -> x below
    misses: Callable[..., list[Tensor]]  # (known, sigmas) -> what the plain solver would miss, step by step


@dataclass(frozen=True)
class Pair:
    """What the engine needs of a method; without `memory` it keeps no record."""

    rise: Callable[..., Tensor]  # (evaluate, x, sigmas, offset, recording) -> x at sigmas[0]
    fall: Callable[..., Tensor]  # (evaluate, x, sigmas, offset) -> x at sigmas[-1]
    calls_rising: Callable[[Tensor, bool], int]  # (sigmas, recording) -> model calls
    calls_falling: Callable[[Tensor, bool], int]  # (sigmas, from the noise itself) -> model calls
    memory: Memory | None = None


def _single_call(step: single_call.Step) -> Pair:
    memory = Memory(
        partial(single_call.walk_again, step),
        single_call.state,
        partial(single_call.fall_recorded, step),
        partial(single_call.misses, step),
    )
    return Pair(
        partial(single_call.rise, step),
        partial(single_call.fall, step),
        single_call.calls_rising,
        single_call.calls_falling,
        memory,
    )


PAIRS: dict[str, Pair] = {
    "midpoint": Pair(
        midpoint.rise,
        midpoint.fall,
        midpoint.calls_rising,
        midpoint.calls_falling,
        Memory(midpoint.walk_again, midpoint.state, midpoint.fall_recorded, midpoint.misses),
    ),
    "dpmpp_2m": _single_call(dpmpp_2m.step),
    "euler": _single_call(euler.step),
    "ees25": Pair(ees25.rise, ees25.fall, ees25.calls, ees25.calls),
}
DEFAULT = "midpoint"


def pair(name: str) -> Pair:
    """The pair of that name. Raises: UnsamplingError with the names that exist."""
    if name not in PAIRS:
        raise UnsamplingError(f"solver {name!r} is unknown; choose one of {', '.join(PAIRS)}")
    return PAIRS[name]

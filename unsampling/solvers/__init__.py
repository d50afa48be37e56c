"""Solver pairs. A name stands for a rising and a falling pass together, since exactness is a property of the
pair (docs/exactness.md#pairs).

A new pair is a file beside this one that has the names of `Pair`, and those of `RecordedPair` if it can use
a record, and a line in PAIRS.
"""

from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor

from ..errors import UnsamplingError
from . import dpmpp_2m, ees25, euler, midpoint
from .evaluation import Course, Evaluate, Store

Walk = TypeVar("Walk")


class Pair(Protocol):
    """What the engine needs of a method: a module, or an object, with these names.

    order: of convergence of either pass on its own. stages: model calls a falling step, which also bounds the
    points that a walk keeps.
    sigmas are those of the pass, falling, and offset is the index of the first in the whole schedule.
    """

    @property
    def order(self) -> int: ...

    @property
    def stages(self) -> int: ...

    def calls_rising(self, sigmas: Tensor, recording: bool) -> int:
        """Model calls of rise()."""
        ...

    def calls_falling(self, sigmas: Tensor, at_top: bool) -> int:
        """Model calls of a falling pass; at_top: it begins at the noise itself."""
        ...

    def rise(self, evaluate: Evaluate, x: Tensor, sigmas: Tensor, offset: int, recording: bool) -> Tensor:
        """From x at sigmas[-1] to the noise at sigmas[0]."""
        ...

    def fall(self, evaluate: Evaluate, x: Tensor, sigmas: Tensor, offset: int) -> Tensor:
        """From x at sigmas[0] to sigmas[-1]: the plain solver."""
        ...


@runtime_checkable
class RecordedPair(Pair, Protocol[Walk]):
    """A pair that a record makes exact. Walk: what it keeps of the rising pass walked again."""

    def walk_again(
        self, outputs: tuple[Tensor, ...], x: Tensor, sigmas: Tensor, offset: int, store: Store
    ) -> Walk:
        """The rising pass from x, the source, by what the model answered then."""
        ...

    def state(self, walk: Walk, sigmas: Tensor, start: int, device: torch.device) -> Tensor:
        """The source's own state at sigmas[start]."""
        ...

    def fall_recorded(
        self, evaluate: Evaluate, x: Tensor, sigmas: Tensor, offset: int, walk: Walk, course: Course
    ) -> Tensor:
        """From x at sigmas[course.start] to sigmas[-1], with the record's correction."""
        ...

    def misses(self, walk: Walk, sigmas: Tensor) -> list[Tensor]:
        """What the plain solver would miss on the source, step by step."""
        ...


PAIRS: dict[str, Pair] = {
    "midpoint": midpoint,
    "dpmpp_2m": dpmpp_2m.PAIR,
    "euler": euler.PAIR,
    "ees25": ees25,
}
DEFAULT = "midpoint"


def pair(name: str) -> Pair:
    """The pair of that name. Raises: UnsamplingError with the names that exist."""
    if name not in PAIRS:
        raise UnsamplingError(f"solver {name!r} is unknown; choose one of {', '.join(PAIRS)}")
    return PAIRS[name]


def recorded_pair(name: str) -> RecordedPair:
    """The pair of that name. Raises: UnsamplingError for one that no record makes exact."""
    method = pair(name)
    if not isinstance(method, RecordedPair):
        raise UnsamplingError(f"solver {name} cannot use a record; choose one of {', '.join(recorded())}")
    return method


def recording(name: str, record: bool | str) -> bool:
    """Whether an unsampling by the pair of that name keeps a record, if one is asked for."""
    return bool(record) and name in recorded()


def recorded() -> list[str]:
    """The names of the pairs that a record makes exact."""
    return [name for name, method in PAIRS.items() if isinstance(method, RecordedPair)]

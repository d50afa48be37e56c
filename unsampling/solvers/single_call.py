"""Pairs that call the model once a step, where the state stands: euler and dpmpp_2m.

Exact form: the states of the rising pass are the recorded points. The falling pass adds to each of its steps
what the same step from the source's own state misses of the next one (docs/exactness.md#exact).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .evaluation import Course, Evaluate, Store, correct, replay


@dataclass(frozen=True)
class Point:
    """A denoised clip and the sigma at which the model gave it."""

    denoised: Tensor
    sigma: Tensor


# (x, what the model said here, what it said one step before, here, there) -> x there
Step = Callable[[Tensor, Point, Point | None, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Walk:
    """The rising pass walked again: states[i] and points[i] stand at sigmas[i].

    The states lie where `store` puts them, whatever the device of the walk; the answers are the record's own
    tensors.
    """

    states: list[Tensor]
    points: list[Point]


@dataclass(frozen=True)
class SingleCall:
    """The pair of a step that asks the model once, at its beginning."""

    step: Step
    order: int
    stages: int = 1

    def calls_rising(self, sigmas: Tensor, recording: bool) -> int:
        """Model calls of rise(): one a step, and the answer at the noise for a record."""
        return len(sigmas) - 1 + int(recording)

    def calls_falling(self, sigmas: Tensor, at_top: bool) -> int:
        """Model calls of a falling pass: one a step."""
        return len(sigmas) - 1

    def rise(
        self,
        evaluate: Evaluate,
        x: Tensor,
        sigmas: Tensor,
        offset: int,
        recording: bool,
        remember: Callable[[Tensor], None] | None = None,
    ) -> Tensor:
        """Walks from x at sigmas[-1] up to sigmas[0] and returns the state there.

        remember: is given each state on the way. The first call from sigma 0 is made at half the first sigma
        above it, never near 0: the model knows no such sigma and half precision has no digits left there.
        """
        last = len(sigmas) - 2
        previous = None
        for i in range(last, -1, -1):
            here, there = sigmas[i + 1], sigmas[i]
            at = here if here > 0 else there / 2
            # The plain pair undoes transition i. A recorded pair meets this state again in the falling pass,
            # there as the start of transition i + 1, and must ask the same (docs/exactness.md#labels).
            label = min(i + 1, last) if recording else i
            point = Point(evaluate(x, at, offset + label), at)
            if remember is not None:
                remember(x)
            x = self.step(x, point, previous, here, there)
            previous = point
        if recording:
            evaluate(x, sigmas[0], offset)
        if remember is not None:
            remember(x)
        return x

    def walk_again(
        self, outputs: tuple[Tensor, ...], x: Tensor, sigmas: Tensor, offset: int, store: Store
    ) -> Walk:
        """The rising pass of a recorded unsampling, from what the model answered then."""
        states: list[Tensor] = []
        self.rise(replay(outputs), x, sigmas, offset, True, lambda state: states.insert(0, store(state)))
        return Walk(states, [Point(*pair) for pair in zip(outputs[::-1], sigmas, strict=True)])

    def fall(self, evaluate: Evaluate, x: Tensor, sigmas: Tensor, offset: int) -> Tensor:
        """Walks from x at sigmas[0] down to sigmas[-1]: the plain solver."""
        previous = None
        for i in range(len(sigmas) - 1):
            point = Point(evaluate(x, sigmas[i], offset + i), sigmas[i])
            x = self.step(x, point, previous, sigmas[i], sigmas[i + 1])
            previous = point
        return x

    def state(self, walk: Walk, sigmas: Tensor, start: int, device: torch.device) -> Tensor:
        """The recorded state at sigmas[start]."""
        return walk.states[start].to(device)

    def fall_recorded(
        self, evaluate: Evaluate, x: Tensor, sigmas: Tensor, offset: int, walk: Walk, course: Course
    ) -> Tensor:
        """Walks down from x at the course's start with the record's correction, exact at fidelity 1.

        Both walks begin there without a history: the source's own answer one step above is not this prompt's.
        """
        previous = source_previous = None
        x = course.begin(x, walk.states[course.start].to(x.device))
        for i in range(course.start, len(sigmas) - 1):
            here, there = sigmas[i], sigmas[i + 1]
            source_x, recorded = walk.states[i].to(x.device), walk.states[i + 1]
            answer = course.adjust(evaluate(x, here, offset + i), walk.points[i].denoised)
            point, source_point = Point(answer, here), _on(x, walk.points[i])
            x = self.step(x, point, previous, here, there)
            source_x = self.step(source_x, source_point, source_previous, here, there)
            x = correct(x, source_x, recorded, course.fidelity)
            x = course.pinned(x, recorded, offset + i, there)
            previous, source_previous = point, source_point
        return x

    def misses(self, walk: Walk, sigmas: Tensor) -> list[Tensor]:
        """For each falling step, by how much the plain solver would miss the recorded state on the source."""
        errors, previous = [], None
        for i in range(len(sigmas) - 1):
            source_x, point = walk.states[i], _on(walk.states[i], walk.points[i])
            source_x = self.step(source_x, point, previous, sigmas[i], sigmas[i + 1])
            errors.append(walk.states[i + 1] - source_x)
            previous = point
        return errors


def _on(x: Tensor, point: Point) -> Point:
    return Point(point.denoised.to(x.device, x.dtype), point.sigma)

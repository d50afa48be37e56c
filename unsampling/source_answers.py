"""The source's own answers at fresh noise, which a direct path compares with: asked for while unsampling."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property

from torch import Tensor

from .direct import BARE_CALLS, Direct, seed_of, steps_by_record
from .solvers.evaluation import Evaluate, ModelCalls
from .start import with_bare


class SourceAnswers:
    """Asks for the source's answers at fresh noise, for the top steps of the schedule, each once.

    steps: how many; None lets the pass's own calls tell, as far as they are made. first: the step at which
    the noise lies. shows: whether the clip shows through the noise at the top.
    """

    def __init__(
        self,
        calls: ModelCalls,
        source: Tensor,
        sigmas: Tensor,
        steps: int | None,
        first: int,
        variation: int,
        flow: bool,
        shows: bool,
    ):
        self.calls, self.source, self.sigmas, self.steps, self.first = calls, source, sigmas, steps, first
        self.variation, self.flow = variation, flow
        self.shows = shows
        self.answers: dict[int, Tensor] = {}

    def ask_below(self, border: float) -> None:
        """Asks those at sigmas below the border that the path may need by what is known now."""
        self._ask([i for i in range(self._path()) if float(self.sigmas[i]) < border])

    def ask_all(self) -> Direct | None:
        """Asks the others. Returns: None for a path without a step."""
        path = self._path()
        missing = [i for i in range(path) if i not in self.answers]
        bare = BARE_CALLS if path and self.shows else 0
        self.calls.total = self.calls.count + len(missing) + bare
        self._ask(missing)
        if not path:
            return None
        found = replace(self._fresh, answers=tuple(self.answers[i] for i in range(path)))
        return with_bare(found, self.calls, self.source, self.sigmas) if bare else found

    def _path(self) -> int:
        if self.steps is not None:
            return self.steps
        made = zip(self.calls.steps, self.calls.outputs, strict=True)
        return steps_by_record(made, self.source, self.first)

    @cached_property
    def _fresh(self) -> Direct:
        return Direct((), seed_of(self.source, self.variation), tuple(range(len(self.source))), self.flow)

    def _ask(self, steps: Iterable[int]) -> None:
        for i in steps:
            self.calls(self._fresh.noised(self.source, self.sigmas[i], i), self.sigmas[i], i)
            self.answers[i] = self.calls.outputs.pop()
            self.calls.steps.pop()


def before_border(evaluate: Evaluate, border: float, ask: Callable[[], None]) -> Evaluate:
    """evaluate(), but before its first call at the border or above ask() is called."""
    below = border > 0

    def crossing(x: Tensor, sigma: Tensor, step: int) -> Tensor:
        nonlocal below
        if below and float(sigma) >= border:
            below = False
            ask()
        return evaluate(x, sigma, step)

    return crossing

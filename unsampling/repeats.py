"""Whether a model answers one question twice in the same way, as exactness takes for granted
(docs/exactness.md#repeats).

A step cache, a counter of calls or a random generator of its own makes the answer depend on what was asked
before. The rising pass asks one of its questions again at its end: one call. The falling pass is compared for
nothing: under the source's own settings it asks what is in the record.
"""

from collections.abc import Callable

from torch import Tensor

from .hold import Adjust
from .solvers.evaluation import ModelCalls, Store

# (sigma, the first answer, the later one to the same question)
Compare = Callable[[float, Tensor, Tensor], None]


def asked_again(calls: int) -> int:
    """Which call of a pass of so many is asked again after it, counted from 1.

    It lies about a quarter up the pass, where the sigmas are those at which most caches act and what a model
    sees is neither all noise nor all clip. From it to the repetition is a prime number of calls: a patch that
    acts at every second or third call then meets the two at different counts.
    """
    distance = next((d for d in range(-(-3 * calls // 4), 1, -1) if _is_prime(d)), calls)
    return calls + 1 - distance


def _is_prime(number: int) -> bool:
    return all(number % divisor for divisor in range(2, number))


class Remembering:
    """An evaluate() that keeps one question of a pass, and its answer, and asks it again."""

    def __init__(self, evaluate: ModelCalls, calls: int, put: Store, border: float = 0.0):
        """calls: of the pass. put: puts the question and its answer away until then. border: the question is
        one at that sigma or above, where the pass has any: what answers below it may be gone by then."""
        self.evaluate, self.put, self.border = evaluate, put, border
        self.count, self.below, self.calls = 0, 0, calls
        self.kept = False

    def __call__(self, x: Tensor, sigma: Tensor, step: int) -> Tensor:
        denoised = self.evaluate(x, sigma, step)
        self.count += 1
        if float(sigma) < self.border:
            self.below = self.count
        if self.count == self.below + asked_again(self.calls - self.below):
            self._keep(x, sigma, step, denoised)
        if self.count == self.calls:
            if not self.kept:
                self._keep(x, sigma, step, denoised)
            self.last = x, denoised
        return denoised

    def _keep(self, x: Tensor, sigma: Tensor, step: int, denoised: Tensor) -> None:
        self.kept = True
        self.question = self.put(x), sigma, step
        self.answer = self.put(denoised) if self.evaluate.store is None else self.evaluate.outputs[-1]

    def ask_again(self, compare: Compare, like: Tensor) -> None:
        """One model call, which is not recorded. like: a tensor of the pass, for its device.

        A preview goes on showing the last call: what was asked again lies far behind it.
        """
        x, sigma, step = self.question
        again = self.evaluate.ask(x.to(like), sigma, step, shown=self.last)
        compare(float(sigma), self.answer.to(again), again)


def compared(adjust: Adjust, compare: Compare, evaluate: ModelCalls) -> Adjust:
    """adjust(), after each answer of a falling pass was compared with the source's own to that question."""

    def look(denoised: Tensor, recorded: Tensor) -> Tensor:
        compare(evaluate.sigma, recorded.to(denoised), denoised)
        return adjust(denoised, recorded)

    return look

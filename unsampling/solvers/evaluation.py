"""One model call, the same for every solver: counted, checked, reported, and recorded or replayed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..errors import Cause, UnsamplingError
from ..hold import Adjust, unchanged

Denoise = Callable[[Tensor, float, int], Tensor]
Callback = Callable[[int, int, float, Tensor, Tensor], None]
# Puts a tensor away for later: returns one of the same values that nothing else changes, on the CPU.
Store = Callable[[Tensor], Tensor]
Shown = tuple[Tensor, Tensor] | None


class Evaluate(Protocol):
    """(x, sigma, step) -> denoised; sigma a 0-d CPU tensor, step an index into the falling schedule."""

    def __call__(self, x: Tensor, sigma: Tensor, step: int) -> Tensor: ...


def in_memory(x: Tensor) -> Tensor:
    """A copy in main memory: a record must neither hold the accelerator's memory nor change with it."""
    return x.detach().to("cpu", copy=True)


class ModelCalls:
    """Calls the denoiser: counts the calls (NFE), stops at the first NaN, reports each call, and stores
    outputs with their steps."""

    def __init__(
        self,
        denoise: Denoise,
        total: int,
        callback: Callback | None = None,
        store: Store | None = None,
        half: bool = False,
    ):
        self.denoise, self.total, self.callback, self.store, self.half = denoise, total, callback, store, half
        self.count, self.sigma = 0, 0.0
        self.outputs: list[Tensor] = []
        self.steps: list[int] = []

    def __call__(self, x: Tensor, sigma: Tensor, step: int) -> Tensor:
        return self._called(x, sigma, step, self.store)

    def ask(self, x: Tensor, sigma: Tensor, step: int, shown: Shown = None) -> Tensor:
        """A call whose output is not stored. shown: latent and answer to report in place of its own."""
        return self._called(x, sigma, step, None, shown)

    def as_stored(self, denoised: Tensor, dtype: torch.dtype) -> Tensor:
        """The output as it is stored, for a pass in that type."""
        return denoised.to(torch.float16 if self.half else dtype)

    def _called(
        self, x: Tensor, sigma: Tensor, step: int, store: Store | None, shown: Shown = None
    ) -> Tensor:
        denoised = self.denoise(x, float(sigma), step)
        output = self.as_stored(denoised, x.dtype)
        denoised = output.to(x.dtype)
        self.count, self.sigma = self.count + 1, float(sigma)
        where = f"model call {self.count} of {self.total} (step {step + 1}, sigma {self.sigma:.4g})"
        check_finite(denoised, where)
        if store is not None:
            self.outputs.append(store(output))
            self.steps.append(step)
        if self.callback is not None:
            self.callback(self.count, self.total, self.sigma, *(shown or (x, denoised)))
        return denoised


def check_finite(denoised: Tensor, where: str) -> None:
    """Stops the run at the step that broke it. Min and max carry a NaN along and need no tensor of the full
    size."""
    low, high = denoised.aminmax()
    if torch.isfinite(low) and torch.isfinite(high):
        return
    by_frame = denoised.unbind(2 if denoised.ndim == 5 else 0)
    bad = [i for i, frame in enumerate(by_frame) if not torch.isfinite(frame).all()]
    frames = ", ".join(map(str, bad[:8])) + (" and more" if len(bad) > 8 else "")
    raise UnsamplingError(
        f"the model returned NaN or infinite values at {where}, frame {frames}", Cause.MODEL_NOT_FINITE
    )


def replay(outputs: tuple[Tensor, ...]) -> Evaluate:
    """An evaluate() that answers with recorded outputs, in their order."""
    answers: Iterator[Tensor] = iter(outputs)

    def evaluate(x: Tensor, sigma: Tensor, step: int) -> Tensor:
        return next(answers).to(x.device, x.dtype)

    return evaluate


def velocity(x: Tensor, denoised: Tensor, sigma: Tensor) -> Tensor:
    """dx/dsigma = (x - denoised) / sigma, for eps, v, EDM and flow models alike (docs/exactness.md#ode).

    sigma is divided by as a tensor on x's device: a plain number would become a multiplication on CUDA, one
    bit off.
    """
    return (x - denoised) / sigma.to(x.device)


def correct(x: Tensor, source_x: Tensor, recorded: Tensor, fidelity: float | Tensor) -> Tensor:
    """x plus what the same step of the source's own walk, source_x, misses of the recorded point
    (docs/exactness.md#fidelity).

    At fidelity 1 the pair form: the recorded bits themselves where x and source_x are the same. A tensor of
    fidelities broadcasts to x.
    """
    recorded = recorded.to(x.device)
    if isinstance(fidelity, Tensor):
        return torch.where(fidelity == 1, recorded + (x - source_x), x + fidelity * (recorded - source_x))
    return recorded + (x - source_x) if fidelity == 1.0 else x + fidelity * (recorded - source_x)


# For each step, which share of x's distance from the source's walk counts: True or 1 for all of it, False or
# 0 where x stays on that walk whatever the model says. None: all of it everywhere.
Share = Callable[[int], Tensor | None]
# (a state of the source's own, its sigma) -> the state with what was done to the noise on purpose
Moved = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Course:
    """How a falling pass goes through a record.

    start: the step it begins at, first: the same in the whole schedule. fidelity: how much of the record's
    correction to apply, a number, or a tensor that broadcasts to x. edit_velocity: that of the edit which x
    brings along from a direct path, None for none. adjust: what is done to an answer, given the source's own
    to the same question. moved: what a pass that begins inside its first step has of changed noise, None for
    none.
    """

    start: int
    first: int
    fidelity: float | Tensor
    share: Share
    edit_velocity: Tensor | None = None
    adjust: Adjust = unchanged
    moved: Moved | None = None

    def begin(self, x: Tensor, recorded: Tensor) -> Tensor:
        """x at the first step, with the recorded state for what begins later. What a step keeps counts at its
        end."""
        share = self.share(self.first)
        return x if share is None else torch.where(share > 0, x, recorded)

    def pinned(self, x: Tensor, recorded: Tensor, step: int, sigma: Tensor) -> Tensor:
        """x by its share in that step, the recorded values at that sigma by the rest."""
        share = self.share(step)
        if share is None:
            return x
        recorded = recorded.to(x.device)
        if share.dtype == torch.bool:
            return torch.where(share, x, recorded)
        own = recorded if self.moved is None or step > self.first else self.moved(recorded, sigma)
        return torch.where(share == 1, x, torch.where(share > 0, own + share * (x - own), recorded))

"""Core's SAMPLERs, whose model calls are their own affair: counted, checked, and one of them asked again."""

from dataclasses import dataclass

import comfy.samplers
from torch import Tensor

from ..unsampling.repeats import asked_again
from ..unsampling.solvers.evaluation import check_finite
from . import keyframes
from .experts import Session
from .repeats import Repeats


@dataclass
class Count:
    """How many model calls were made."""

    calls: int = 0


class CountedSampler(comfy.samplers.Sampler):
    """A core SAMPLER that counts its model calls and stops at the first NaN."""

    def __init__(
        self, inner: comfy.samplers.Sampler, seen: Repeats | None = None, count: "Count | None" = None
    ):
        """seen: looks at the calls, and compares one that is repeated at the end: of two experts, at the end
        of each one's turn."""
        self.inner, self.seen, self.count = inner, seen, count or Count()

    @property
    def calls(self) -> int:
        return self.count.calls

    def in_turns(self, session: Session) -> "CountedSampler":
        """For both guiders of a pair."""
        return CountedSampler(session.taken(self.inner), self.seen, self.count)

    def sample(self, model_wrap, sigmas, extra_args, *args, **kwargs):
        with keyframes.placed(model_wrap, extra_args["model_options"]) as place:
            model = _CountedModel(model_wrap, self.count, place)
            if self.seen is None:
                return self.inner.sample(model, sigmas, extra_args, *args, **kwargs)
            kept = _Kept(model, asked_again(len(sigmas) - 1), self.seen)
            out = self.inner.sample(kept, sigmas, extra_args, *args, **kwargs)
            kept.ask_again()
            return out


class _CountedModel:
    """The guider as a sampler sees it: called for each model call, asked for its attributes."""

    def __init__(self, model_wrap, count: Count, place: keyframes.Place):
        self._model_wrap, self._count, self._place = model_wrap, count, place

    def __call__(self, x: Tensor, sigma: Tensor, *args, **kwargs) -> Tensor:
        self._count.calls += 1
        self._place(x, sigma)
        denoised = self._model_wrap(x, sigma, *args, **kwargs)
        check_finite(denoised, f"model call {self._count.calls} (sigma {float(sigma.max()):.4g})")
        return denoised

    def __getattr__(self, name: str):
        return getattr(self._model_wrap, name)


class _Kept:
    """A counted model that keeps one question of a core sampler's pass, and asks it again.

    How many calls such a sampler makes is its own affair: it makes one a step at least.
    """

    def __init__(self, model: _CountedModel, which: int, seen: Repeats):
        self._model, self._which, self._seen = model, which, seen
        self._count, self._ask = 0, None

    def __call__(self, x: Tensor, sigma: Tensor, *args, **kwargs) -> Tensor:
        denoised = self._model(x, sigma, *args, **kwargs)
        self._count += 1
        self._seen.see(x, denoised)
        if self._count == self._which:
            question, answer = x.clone(), denoised.clone()

            def ask() -> None:
                again = self._model(question, sigma, *args, **kwargs)
                self._seen.compare(float(sigma.max()), answer, again)

            self._ask = ask
        return denoised

    def ask_again(self) -> None:
        """One model call more."""
        if self._ask is not None:
            self._ask()

    def __getattr__(self, name: str):
        return getattr(self._model, name)

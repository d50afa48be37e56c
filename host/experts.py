"""Two MODELs as one: a GUIDER whose expert is a function of sigma alone.

Each expert keeps a guider of its own, and each of them samples once in a pass, one after the other, as if the
other were not there: so hooks, LoRA, windows, callbacks and memory are those of that expert. The pass itself
runs beside both and asks; at the first question for the other expert the guider's run ends, and the other's
begins (ARCHITECTURE.md, "Two experts").
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..unsampling import UnsamplingError
from ..unsampling.turns import Turns
from . import screen
from .packs import core, core_experts
from .packs.core_turns import Ask, InTurns
from .told import Told

NAMES = ("high-noise", "low-noise")


@dataclass(frozen=True, eq=False)
class Experts:
    """A GUIDER of two.

    guiders: of the expert for the sigmas from the border up, and of that for those below. border: in float32,
    as sigmas are.
    """

    guiders: tuple[Any, Any]
    border: float

    @property
    def model_patcher(self):
        """For what both share: the latent format, the device."""
        return self.guiders[0].model_patcher

    @property
    def original_conds(self) -> dict[str, list[dict]]:
        """The conditions of both."""
        high, low = map(core.conditions, self.guiders)
        return high | {f"{NAMES[1]} {name}": conds for name, conds in low.items()}

    @property
    def cfg(self) -> float:
        """The higher one."""
        return max(map(core.guidance, self.guiders))

    def of(self, sigma: float) -> int:
        """Which expert answers at this sigma: 0 or 1."""
        return 0 if sigma >= self.border else 1

    def sample(
        self, noise: Tensor, latent_image: Tensor, sampler, sigmas: Tensor, *more: Any, **named: Any
    ) -> Tensor:
        """As run(), for core's own nodes: says what our passes say themselves."""
        if len(sigmas) > 1:
            own = hasattr(sampler, "in_turns")
            told = remark(self, sigmas.sort(descending=True).values, last_step=own)
            if told:
                screen.say(screen.running_node(), Told("Experts by Sigma", "sampling") + told)
        return self.run(noise, latent_image, sampler, sigmas, *more, **named)

    def run(
        self,
        noise: Tensor,
        latent_image: Tensor,
        sampler,
        sigmas: Tensor,
        denoise_mask: Tensor | None = None,
        callback: Callable | None = None,
        disable_pbar: bool = False,
        seed: int | None = None,
    ) -> Tensor:
        """Runs a SAMPLER, a pass of ours or another, in both guiders, as core's guiders do."""
        if sigmas.shape[-1] == 0:
            return latent_image
        with Turns() as turns:
            session = Session(self, turns, self.of(first_sigma(sampler, sigmas)))
            sampler = session.taken(sampler)
            while True:
                guider, other = self.guiders[session.turn], self.guiders[1 - session.turn]
                core_experts.make_way(guider.model_patcher, other.model_patcher)
                session.called = False
                how = {"callback": callback, "disable_pbar": disable_pbar, "seed": seed}
                out = guider.sample(noise, latent_image, sampler, sigmas, denoise_mask=denoise_mask, **how)
                if not session.called:
                    raise UnsamplingError(
                        f"the {NAMES[session.turn]} model carries something that samples in its own way;"
                        " disconnect it"
                    )
                if turns.done:
                    return out
                session.turn = 1 - session.turn


class Session:
    """One pass over two experts. turn: whose it is. called: whether that one's guider has begun to ask."""

    def __init__(self, experts: Experts, turns: Turns, turn: int):
        self.experts, self.turns, self.turn = experts, turns, turn
        self.called = False

    def taken(self, sampler):
        """The sampler as each expert's guider is given it: our own say themselves what runs in turns."""
        own = getattr(sampler, "in_turns", None)
        return InTurns(sampler, self.take) if own is None else own(self)

    def take(self, work: Callable[[Ask], Tensor], run: Any, unfinished: Tensor) -> Tensor:
        """Goes on with the pass as long as this expert is asked. Returns: what work returns at its end."""
        turns, self.called = self.turns, True
        if not turns.begun:
            turns.begin(work)
        while not turns.done:
            sigma, what = turns.question
            if sigma is not None and self.experts.of(sigma) != self.turn:
                return unfinished
            try:
                answer = what(run)
            except BaseException as error:
                turns.fail(error)
            else:
                turns.answer(answer)
        return turns.result

    def of_pass(self, one_pass: Callable) -> Callable:
        """A pass of the engine, as sampling.py runs one in a guider."""

        def in_turns(at_cfg: Callable, x: Tensor, report: Callable) -> Tensor:
            return self.take(lambda ask: one_pass(*_asking(ask, x)), (at_cfg, report, self._own), x)

        return in_turns

    def _own(self, cfg: float | tuple[float, float] | None) -> float | None:
        return cfg[self.turn] if isinstance(cfg, tuple) else cfg


def _asking(ask: Ask, x: Tensor) -> tuple[Callable, Tensor, Callable]:
    """What a pass is given, where each call is a question to whoever answers."""

    def at_cfg(cfg: float | tuple[float, float] | None) -> Callable:
        def denoise(x: Tensor, sigma: float, step: int) -> Tensor:
            return ask((sigma, lambda run: run[0](run[2](cfg))(x, sigma, step)))

        return denoise

    return at_cfg, x, lambda *told: ask((None, lambda run: run[1](*told)))


def first_sigma(sampler, sigmas: Tensor) -> float:
    """Where a sampler asks first: so that no expert is brought for nothing."""
    own = getattr(sampler, "first", None)
    if own is not None:
        return own
    return float(sigmas[0] if sigmas[0] > 0 or len(sigmas) == 1 else sigmas[1] / 2)


def each(guider) -> tuple[Any, ...]:
    """The guiders of both experts, or this one alone."""
    return guider.guiders if isinstance(guider, Experts) else (guider,)


def with_each(guider, change: Callable[[Any], Any]):
    """The guider with what change() makes of both experts' in their place; or of this one alone."""
    made = map(change, each(guider))
    return replace(guider, guiders=tuple(made)) if isinstance(guider, Experts) else next(made)


def answers(guider, number: int, sigma: float) -> bool:
    """Whether the expert of that number, or the one model, is asked at a sigma."""
    return not isinstance(guider, Experts) or guider.of(sigma) == number


def first_step(guider: Experts, number: int, falling: Tensor, start: int) -> int:
    """The first step of a falling schedule, from `start` on, that begins at a sigma of this expert's; the
    last one where none does."""
    steps = range(start, len(falling) - 1)
    return next((i for i in steps if guider.of(float(falling[i])) == number), steps[-1])


def border_of(guider) -> float:
    """0 for one model."""
    return guider.border if isinstance(guider, Experts) else 0.0


def in_float32(border: float) -> float:
    return float(torch.tensor(border, dtype=torch.float32))


def remark(guider, sigmas: Tensor, last_step: bool = True) -> str:
    """That one expert is never asked on this falling schedule; "" where both are.

    last_step: whether a pass may ask within the step to sigma 0, as ours do, from its middle up.
    """
    if not isinstance(guider, Experts):
        return ""
    ends_at_0 = not sigmas[-1] > 0
    high, low = float(sigmas[0]), float(sigmas[-2] if ends_at_0 else sigmas[-1])
    asked = {guider.of(high), guider.of(low / 2 if ends_at_0 and last_step else low)}
    if len(asked) == 2:
        return ""
    never, side = (NAMES[1], "below") if asked == {0} else (NAMES[0], "above")
    return Told(
        f"; the {never} model is never asked: border {guider.border:.4g} lies {side} all sigmas, which go"
        f" from {high:.4g} to {low:.4g}",
        f"the {never} model is never asked",
    )

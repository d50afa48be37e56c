"""The direct path: an edit walked down by the difference of two answers at noise drawn anew each step.

Above the recorded tail the noise of a clip is no help: under another prompt the model reads it as other
content, the same at every sigma, so that it hardens. The difference of the model's two answers, for the
source and for the target, at noise that changes from step to step averages that away
(docs/exactness.md#direct; Kulikov et al. 2024, FlowEdit, arXiv 2412.08629).
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from .fresh import drawn
from .hold import Adjust, distance_from
from .solvers.evaluation import Evaluate, ModelCalls, Share

# Where the source's own answer is this near to the source, over the source's spread, its recorded noise draws
# as well as fresh noise.
NEAR = 0.5


@dataclass(frozen=True, eq=False)
class Direct:
    """What the model answered of the source at fresh noise, one answer for each of the schedule's top steps.

    seed: what the noise is drawn from. places: of the frames (of the clips, for 5-D latents) in the latent
    that was unsampled: a slice of it keeps their noise. flow: whether the clip fades as the noise rises.
    first: for another take of a restyle, what was asked while unsampling.
    """

    answers: tuple[Tensor, ...]
    seed: int
    places: tuple[int, ...]
    flow: bool = False
    first: "Direct | None" = None

    @property
    def steps(self) -> int:
        return len(self.answers)

    def varied(self, variation: int) -> "Direct":
        """The same with other fresh noise for each number, whose answers are not asked yet; slices agree."""
        name = hashlib.blake2b(f"{self.seed} {variation}".encode(), digest_size=8).digest()
        return replace(self, seed=int.from_bytes(name, "big") >> 1, first=self)

    def noised(self, source: Tensor, sigma: Tensor, step: int) -> Tensor:
        """The source under the fresh noise of that step."""
        level = sigma.to(source.device)
        clean = source * (1 - level) if self.flow else source
        return clean + fresh_noise(self.seed, step, self.places, source) * level


@dataclass(frozen=True, eq=False)
class Edit:
    """Where a direct path ends: what it added to the source's state, and the velocity of that."""

    shift: Tensor
    velocity: Tensor


def seed_of(source: Tensor, variation: int) -> int:
    """The seed of a source's fresh noise: the same for the same clip and variation, whatever else is set."""
    content = hashlib.blake2b(f"{variation} ".encode(), digest_size=8)
    content.update(source.detach().to("cpu", torch.float32).contiguous().numpy().data)
    return int.from_bytes(content.digest(), "big") >> 1


def fresh_noise(seed: int, step: int, places: tuple[int, ...], like: Tensor) -> Tensor:
    """Unit noise of that step for the frames at these places, drawn one by one on the CPU: a frame has the
    same in any slice of the clip and in any window. An odd step has the one before it turned round, so that
    the mean of both is no noise at all."""
    frames = [drawn(f"{seed} {step // 2} {place}", like.shape[1:]) for place in places]
    noise = torch.stack(frames).to(like)
    return -noise if step % 2 else noise


class SourceAnswers:
    """Asks for the source's answers at fresh noise, for the top steps of the schedule, each once.

    steps: how many; None lets the pass's own calls tell, as far as they are made. first: the step at which
    the noise lies.
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
    ):
        self.calls, self.source, self.sigmas, self.steps, self.first = calls, source, sigmas, steps, first
        self.variation, self.flow = variation, flow
        self.answers: dict[int, Tensor] = {}

    def ask_below(self, border: float) -> None:
        """Asks those at sigmas below the border that the path may need by what is known now."""
        self._ask([i for i in range(self._path()) if float(self.sigmas[i]) < border])

    def ask_all(self) -> Direct | None:
        """Asks the others. Returns: None for a path without a step."""
        path = self._path()
        missing = [i for i in range(path) if i not in self.answers]
        self.calls.total = self.calls.count + len(missing)
        self._ask(missing)
        if not path:
            return None
        return replace(self._fresh, answers=tuple(self.answers[i] for i in range(path)))

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


def walk(
    evaluate: Evaluate,
    source: Tensor,
    sigmas: Tensor,
    direct: Direct,
    part: range,
    share: Share,
    adjust: Adjust,
    stop: Callable[[Tensor, Tensor], bool] | None = None,
) -> Edit | None:
    """The edit after these steps of the path, from nothing above them; None once stop() says so of an answer
    beside the source's own. `evaluate` answers for the target.

    Under the source's own prompt both answers are the same bits, and the edit is 0 without a rounding.
    """
    shift = difference = torch.zeros_like(source)
    for i in part:
        x = direct.noised(source, sigmas[i], i) + shift
        answer = direct.answers[i].to(source.device, source.dtype)
        denoised = evaluate(x, sigmas[i], i)
        if stop is not None and stop(denoised, answer):
            return None
        difference = adjust(denoised, answer) - answer
        shift = shift + (difference - shift) * (1 - sigmas[i + 1] / sigmas[i]).to(source.device)
        shift, difference = (_kept(t, share(i)) for t in (shift, difference))
    last = sigmas[part.stop].to(source.device)
    return Edit(shift, (shift - difference) / last if last > 0 else torch.zeros_like(shift))


def with_noise(edit: Edit | None, unit: Tensor, sigma: Tensor) -> Edit:
    """The edit, if there is one, with a change of the noise in which the recorded tail begins."""
    mixed = Edit(unit * sigma.to(unit.device), unit)
    return mixed if edit is None else Edit(edit.shift + mixed.shift, edit.velocity + mixed.velocity)


def _kept(edit: Tensor, share: Tensor | None) -> Tensor:
    return edit if share is None else torch.where(share > 0, edit * share, 0.0)


def steps_by_record(calls: Iterable[tuple[int, Tensor]], source: Tensor, first: int) -> int:
    """How many steps the direct path should take by the source's own answers: down to the first step, `first`
    or below, with an answer that lies within NEAR of the source.

    calls: step and answer of each call of the rising pass.
    """
    distance, near, last = distance_from(source), [], 0
    for step, answer in calls:
        last = max(last, step)
        if step >= first and distance(answer) <= NEAR:
            near.append(step)
    return min(near, default=last + 1)

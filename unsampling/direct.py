"""The direct path: an edit walked down by the difference of two answers at noise drawn anew each step.

Above the recorded tail the noise of a clip is no help: under another prompt the model reads it as other
content, the same at every sigma, so that it hardens. The difference of the model's two answers, for the
source and for the target, at noise that changes from step to step averages that away
(docs/exactness.md#direct; Kulikov et al. 2024, FlowEdit, arXiv 2412.08629).
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .fresh import drawn
from .hold import Adjust, distance_from
from .solvers.evaluation import Evaluate, Share

# Where the source's own answer is this near to the source, over the source's spread, its recorded noise draws
# as well as fresh noise.
NEAR = 0.3
# Questions about the top of the schedule before a path, where the clip shows through the noise there: about
# noise alone, and about the tone to begin with.
BARE_CALLS, TONE_CALLS = 2, 2


@dataclass(frozen=True, eq=False)
class Direct:
    """What the model answered of the source at fresh noise, one answer for each of the schedule's top steps.

    seed: what the noise is drawn from. places: of the frames (of the clips, for 5-D latents) in the latent
    that was unsampled: a slice of it keeps their noise. flow: whether the clip fades as the noise rises.
    first: for another take of a restyle, what was asked while unsampling.
    bare: the answer to the top step's noise without the clip, as start.bare_answer() has it; None where
        start.shows_through() says no, and for another take that is made through a mirror.
    """

    answers: tuple[Tensor, ...]
    seed: int
    places: tuple[int, ...]
    flow: bool = False
    first: "Direct | None" = None
    bare: Tensor | None = None

    @property
    def steps(self) -> int:
        return len(self.answers)

    @property
    def all_answers(self) -> tuple[Tensor, ...]:
        """Those at the steps, and the bare one."""
        return self.answers if self.bare is None else (*self.answers, self.bare)

    def each(self, change: Callable[[Tensor], Tensor]) -> "Direct":
        """The same with every answer changed in one way."""
        bare = None if self.bare is None else change(self.bare)
        return replace(self, answers=tuple(map(change, self.answers)), bare=bare)

    def asks_bare(self, path: range, turned: bool = False) -> bool:
        """Whether a pass on that path begins with questions about the top of the schedule. turned: whether it
        asks through a mirror, in which the clip has the lightness of the look already."""
        return bool(path) and self.bare is not None and not turned

    def calls_of_source(self, path: range, turned: bool = False) -> int:
        """Model calls for the source's own answers on that path, and for what the pass asks before it."""
        return len(path) + ((BARE_CALLS + (path.start > 0)) if self.asks_bare(path, turned) else 0)

    def calls_of_target(self, path: range, turned: bool = False) -> int:
        """Model calls of a pass on that path, with those before it."""
        return len(path) + (BARE_CALLS + TONE_CALLS if self.asks_bare(path, turned) else 0)

    def varied(self, variation: int) -> "Direct":
        """The same with other fresh noise for each number, whose answers are not asked yet; slices agree."""
        name = hashlib.blake2b(f"{self.seed} {variation}".encode(), digest_size=8).digest()
        return replace(self, seed=int.from_bytes(name, "big") >> 1, first=self)

    def noised(self, source: Tensor, sigma: Tensor, step: int) -> Tensor:
        """The source under the fresh noise of that step."""
        level = sigma.to(source.device)
        clean = source * (1 - level) if self.flow else source
        return clean + self.noise(source, sigma, step)

    def noise(self, source: Tensor, sigma: Tensor, step: int) -> Tensor:
        """The fresh noise of that step alone."""
        return fresh_noise(self.seed, step, self.places, source) * sigma.to(source.device)


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


def walk(
    evaluate: Evaluate,
    source: Tensor,
    sigmas: Tensor,
    direct: Direct,
    part: range,
    share: Share,
    adjust: Adjust,
    stop: Callable[[Tensor, Tensor], bool] | None = None,
    bare: Tensor | None = None,
) -> Edit | None:
    """The edit after these steps of the path, from nothing above them; None once stop() says so of an answer
    beside the source's own. `evaluate` answers for the target.

    bare: what the edit begins with, as start.bare_edit() has it.
    Under the source's own prompt both answers are the same bits, and the edit is 0 without a rounding.
    """
    shift = difference = torch.zeros_like(source)
    taken = source.new_zeros(())
    for i in part:
        weight = (1 - sigmas[i + 1] / sigmas[i]).to(source.device)
        if bare is not None:
            new, taken = _begins(share(i), taken)
            if bool(new.any()):
                # less of it the lower a frame begins, where less of the look is open
                shift = shift + new * bare * (sigmas[i] / sigmas[0]).to(source.device)
        x = direct.noised(source, sigmas[i], i) + shift
        answer = direct.answers[i].to(source.device, source.dtype)
        denoised = evaluate(x, sigmas[i], i)
        if stop is not None and stop(denoised, answer):
            return None
        difference = adjust(denoised, answer) - answer
        shift = shift + (difference - shift) * weight
        shift, difference = (kept(t, share(i)) for t in (shift, difference))
    last = sigmas[part.stop].to(source.device)
    return Edit(shift, (shift - difference) / last if last > 0 else torch.zeros_like(shift))


def _begins(share: Tensor | None, taken: Tensor) -> tuple[Tensor, Tensor]:
    """How far each frame begins with this step: 1 for the first that it takes, 0 for those below, and after
    a part of a step what was left out of it, so that no start between two steps is a jump. And what it takes
    of this step. taken: the same of the step above."""
    now = torch.ones_like(taken) if share is None else share.to(taken)
    return torch.where(now > 0, 1 - taken, 0.0), now


def with_noise(edit: Edit | None, unit: Tensor, sigma: Tensor) -> Edit:
    """The edit, if there is one, with a change of the noise in which the recorded tail begins."""
    mixed = Edit(unit * sigma.to(unit.device), unit)
    return mixed if edit is None else Edit(edit.shift + mixed.shift, edit.velocity + mixed.velocity)


def kept(edit: Tensor, share: Tensor | None) -> Tensor:
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

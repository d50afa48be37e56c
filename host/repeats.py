"""Whether a MODEL repeats itself, judged by its answers: a patch with a memory need not be known by name.

What is seen: the repeated question of the Exact Unsampler, each question that the resampler repeats under the
same settings, and one answer to two latents. What is not: a patch that acts only at sigmas, or after as many
calls, as the repeated question does not meet, while the resampler asks with another prompt.
"""

from collections import deque

import torch
from torch import Tensor

from ..unsampling import UnsamplingError
from ..unsampling.solvers.evaluation import Callback
from .told import Told

# How far two answers to one question may lie apart, over sigma: that is, in what the network puts out, in the
# frame where it is most. Half precision and batches that are cut otherwise come to 0.01; cfg multiplies that.
SEEN, LOST = 0.02, 0.1
# Latents that lie nearer than this, over their size, may get one answer by rounding.
OTHER = 1e-3
SAMPLE = 4096  # of a latent's numbers, for the comparison of each call with the one before
CURE = (
    "something on it remembers earlier calls (a step cache such as DeepCache or T-GATE does) or draws random"
    " numbers of its own"
)


class Repeats:
    """Looks at the answers of a pass; `compare` and `watched` are for the engine, `remark` for the user."""

    def __init__(self, rising: bool, cfg: float = 1.0, repeats: bool = True, other_prompt: bool = False):
        """repeats: whether the recorded answers and those of this pass are to the same questions.
        other_prompt: whether they are known to be to other prompts."""
        self.rising, self.repeats = rising, repeats
        self.other_prompt = other_prompt and cfg != 0  # at 0 the negative alone is asked
        self.lost = LOST * max(1.0, cfg)
        self.off, self.twice, self.call = 0.0, "", 0
        # the repeated question lies between the one at the noise and that at fresh noise of the same sigma
        self.last: deque[tuple[Tensor, Tensor]] = deque(maxlen=2)
        self.compared, self.all_recorded = 0, True

    def compare(self, sigma: float, first: Tensor, later: Tensor) -> None:
        """Raises: UnsamplingError where two answers to one question have little to do with each other, or are
        others where two questions had got one."""
        self.compared += 1
        if not self.repeats:
            self.all_recorded = self.all_recorded and torch.equal(first, later)
        elif self.off <= SEEN and not torch.equal(first, later):
            self.off = max(self.off, distance(first, later) / sigma)
            if self.off > self.lost or self.twice:
                raise UnsamplingError(self._lost(sigma))

    def _lost(self, sigma: float) -> str:
        what = "asked the same a second time, it answered something else"
        if not self.rising:
            what = "asked under the same prompts and cfg as while unsampling, it answers something else"
        return (
            f"model does not repeat itself: {what} (at sigma {sigma:.4g}, off by {self.off:.2g} times the"
            f" noise), so that no way back is exact; {CURE}: connect the MODEL without it"
        )

    def watched(self, callback: Callback) -> Callback:
        """The callback, which also compares each call with those before."""

        def watch(call: int, calls: int, sigma: float, x: Tensor, denoised: Tensor) -> None:
            self.see(x, denoised)
            callback(call, calls, sigma, x, denoised)

        return watch

    def see(self, x: Tensor, denoised: Tensor) -> None:
        """A call of the pass: remembers where it got the bits that a call just before it got for another
        latent."""
        self.call += 1
        latent, answer = _sample(x), _sample(denoised)
        for back, (other, same) in enumerate(reversed(self.last), 1):
            if self.twice or not torch.equal(answer, same):
                continue
            if float((latent - other).norm()) > OTHER * float(other.norm()):
                self.twice = f"{self.call - back} and {self.call}"
        self.last.append((latent, answer))

    @property
    def remark(self) -> str:
        """What the user should know, "" where the model repeats itself."""
        if self.off > SEEN:
            return Told(
                f", but the model repeats itself only within {self.off:.1%} of the noise, and the way back is"
                f" about as exact: {CURE}",
                "the model does not quite repeat itself",
            )
        if self.twice:
            return Told(
                f", but model calls {self.twice} got one answer for two latents: {CURE}",
                "the model re-uses answers",
            )
        if self.other_prompt and self.compared and self.all_recorded:
            return Told(
                ", but each answer for the other prompt is the one recorded for the source's, to the bit: the"
                " model looks at no prompt, or re-uses answers",
                "the model answers both prompts alike",
            )
        return ""


def distance(first: Tensor, later: Tensor) -> float:
    """Root mean square of the difference of two answers, of the frame where it is largest."""
    off = (later.to(first) - first).float().square()
    axis = 2 if off.ndim == 5 else 0
    return float(off.mean([i for i in range(off.ndim) if i != axis]).max().sqrt())


def _sample(x: Tensor) -> Tensor:
    """Some numbers of a latent, from all over it."""
    flat = x.detach().flatten()
    return flat[:: max(1, len(flat) // SAMPLE)].clone()

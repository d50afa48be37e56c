"""Mix Noise: a LATENT of noise made over, and its record with it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from ..unsampling import UnsamplingError, curves, mix
from ..unsampling.checks import check_fraction
from . import screen
from . import settings as widgets
from .noises import Noise
from .told import Told

OTHER = Told("it is the other noise, with its own record", "it is the other noise")
UNCHANGED = "the noise is as it was"
FRESH, SLERP = "fresh noise", "other noise (slerp)"
MODES = (FRESH, SLERP)


@dataclass(frozen=True)
class Wanted:
    """What Mix Noise is asked for. amount: a number, or numbers over the clip (curves.over_frames)."""

    amount: Any
    seed: int
    mode: str
    normalise: bool
    tone: float


@dataclass(frozen=True, eq=False)
class Mixed:
    """Noise made over: x is what became of it, done what was done, in words. beside: what else to say.
    two_clips: whether it stands for two clips now."""

    noise: Noise
    x: Tensor
    done: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    two_clips: bool = False

    def then(self, x: Tensor, done: str) -> "Mixed":
        return replace(self, x=x, done=(*self.done, done))


def mixed(latent: dict, other: dict | None, wanted: Wanted, node_id: str | None) -> dict:
    """A LATENT of noise made over; itself where nothing is to be done.

    Raises: UnsamplingError for noise that cannot be mixed, and for settings that are none.
    """
    tone = curves.one_number(wanted.tone, "tone")
    check_fraction("tone", tone)
    made = _shared(Noise.of(latent, "noise"), other, wanted)
    if wanted.normalise:
        x = mix.at_strength(made.x, made.noise.still, made.noise.sigma)
        made = made.then(x, "brought to the expected strength")
    if tone:
        made = made.then(mix.without_tone(made.x, tone), f"tone taken out by {tone:g}")
    done = ", ".join(made.done)
    said = Told(done, "the noise is mixed") if done else Told(UNCHANGED, UNCHANGED)
    for remark in (*made.beside, *_remarks(made)):
        said += "; " + remark
    screen.say(node_id, said, at_end=True)
    return made.noise.with_x(made.x, done, made.two_clips) if done else made.noise.latent


def _shared(noise: Noise, other: dict | None, wanted: Wanted) -> Mixed:
    """The noise with its share of fresh noise, or of the other one."""
    amount = widgets.over_clip(wanted.amount, noise.fit, noise.samples, "amount")
    shares = amount.tolist() if isinstance(amount, Tensor) else [amount]
    if wanted.mode == SLERP and any(shares):
        second = _second(noise, other)
        if min(shares) == 1:
            return Mixed(second, second.x, beside=(OTHER,))
        x = mix.between(noise.x, second.x.to(noise.x), amount)
        return Mixed(noise, x, (f"{_percent(shares)} of the way to the other noise",), two_clips=True)
    unused = wanted.mode if wanted.mode != SLERP else "amount 0"
    text = f"other is not used by {unused}"
    made = Mixed(noise, noise.x, beside=() if other is None else (Told(text, text),))
    if not any(shares):
        return made
    x = mix.with_fresh(noise.x, noise.still, amount, wanted.seed, noise.places)
    return made.then(x, f"{_percent(shares)} fresh noise, seed {wanted.seed}")


def _second(noise: Noise, latent: dict | None) -> Noise:
    """The other noise. Raises: UnsamplingError where there is none, or one that cannot be mixed with it."""
    if latent is None:
        raise UnsamplingError(
            f"mode is {SLERP} and other is not connected; connect the noise of a second clip, or set mode to"
            f" {FRESH}"
        )
    other = Noise.of(latent, "other")
    mix.check_shapes(noise.samples, other.samples)
    noise.check_made_like(other)
    return other


def _remarks(made: Mixed) -> list[str]:
    """What the user should know of the record."""
    noise, found = made.noise, []
    if noise.fit.remark:
        found.append(noise.fit.remark)
    if made.two_clips and noise.loses_path:
        text = "without a direct path, which would start from one of the two clips"
        found.append(Told(text, "without a direct path"))
    elif made.two_clips and noise.inversion.direct_steps:
        text = "a direct path still starts from the first clip: set direct to 0 in the resampler"
        found.append(Told(text, "set direct to 0: it starts from the first clip"))
    if noise.carried is None:
        found.append(Told("it carries no record", "it carries no record"))
    elif made.done and noise.inversion.start and not noise.inversion.recorded:
        text = "it has no record, so what of it is the clip is not known and fades too"
        found.append(
            Told(f"{text}: switch record on in the Exact Unsampler", "the clip fades: switch record on")
        )
    if made.done and noise.carried is not None:
        found.append(f"strength {noise.strength(made.x):.3g} of the expected")
    return found


def _percent(shares: Sequence[float]) -> str:
    low, high = (f"{100 * one:.3g}" for one in (min(shares), max(shares)))
    return f"{low} percent" if low == high else f"{low} to {high} percent"

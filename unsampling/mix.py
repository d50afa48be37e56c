"""Noise made over: mixed with fresh noise or with another clip's, brought to a strength, its tone taken out
(docs/exactness.md#mix).

All of it goes frame by frame, so that a slice of the clip gets what it would have got in the whole; but for
the tone, which is one for all frames. x is (frames, channels, height, width) or (batch, channels, frames,
height, width), in sampling space. `still` is what of it is no noise, and stays: the clip itself as far as it
is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .checks import per_frame
from .errors import UnsamplingError
from .fresh import drawn

TOLD = "mixed"  # in an inversion's info: what was done, in words
PARALLEL = 1e-3  # sine of the angle below which two noises are of one direction


def faded(source: Tensor, sigma: float, flow: bool) -> Tensor:
    """What is still there of a clip at that sigma. flow: whether it fades as the noise rises."""
    return source * (1 - sigma) if flow else source


def tone(x: Tensor) -> Tensor:
    """The mean of each channel over the clip."""
    return x.mean([i for i in range(x.ndim) if i != 1], keepdim=True)


def with_fresh(
    noise: Tensor, still: Tensor, amount: float | Tensor, seed: int, places: Sequence[int]
) -> Tensor:
    """Noise with fresh noise in place of a share of its own, the variance of each frame kept.

    amount: 0 to 1, of the variance; a tensor has one for each frame. seed: what the fresh noise is drawn
    from, places: whose, as unit_noise() has them.
    """
    share = _per_frame("amount", amount, noise)
    own = noise - still
    fresh = unit_noise(seed, places, noise) * _std(own)
    mixed = still + (1 - share).sqrt() * own + share.sqrt() * fresh
    return torch.where(share == 0, noise, mixed)


def unit_noise(seed: int, places: Sequence[int], like: Tensor) -> Tensor:
    """Unit noise, each frame by itself, on the CPU: a frame has the same in any slice of the clip.

    places: of the frames in the latent that was unsampled (of the clips, for 5-D latents).
    """

    def frame(place: int, number: int, shape: torch.Size) -> Tensor:
        return drawn(f"mix {seed} {place} {number}", shape)

    if like.ndim == 4:
        clips = [frame(place, 0, like.shape[1:]) for place in places]
    else:
        shape = torch.Size((like.shape[1], *like.shape[3:]))
        clips = [torch.stack([frame(p, i, shape) for i in range(like.shape[2])], 1) for p in places]
    return torch.stack(clips).to(like)


def between(noise: Tensor, other: Tensor, amount: float | Tensor) -> Tensor:
    """Each frame on the great circle from one noise to the other (slerp), which keeps its strength.

    amount: 0 the one, 1 the other, to the bit; a tensor has one for each frame.
    Raises: UnsamplingError for another shape, and where the two are each other's opposite.
    """
    check_shapes(noise, other)
    share = _per_frame("amount", amount, noise)
    size = _norm(noise) * _norm(other)
    cosine = torch.where(size > 0, _dot(noise, other) / size, 1.0).clamp(-1, 1)
    angle = cosine.arccos()
    parallel = angle.sin() < PARALLEL
    if bool((parallel & (cosine < 0)).any()):
        raise UnsamplingError("other is noise turned round, and no way leads from one to the other")
    sine = torch.where(parallel, 1.0, angle.sin())
    one = torch.where(parallel, 1 - share, ((1 - share) * angle).sin() / sine)
    two = torch.where(parallel, share.double(), (share * angle).sin() / sine)
    mixed = one.to(noise) * noise + two.to(noise) * other
    return torch.where(share == 0, noise, torch.where(share == 1, other, mixed))


def check_shapes(noise: Tensor, other: Tensor) -> None:
    """Raises: UnsamplingError with both shapes where they differ."""
    if noise.shape != other.shape:
        raise UnsamplingError(
            f"other has shape {tuple(other.shape)}, noise {tuple(noise.shape)}; mix clips of one size and"
            " number of frames"
        )


def strength(noise: Tensor, still: Tensor, sigma: float) -> float:
    """The std of the frames in the mean, over the one that at_strength() gives them."""
    expected = (_std(still.expand_as(noise)).square() + sigma**2).sqrt()
    return float((_std(noise) / expected).mean())


def at_strength(noise: Tensor, still: Tensor, sigma: float) -> Tensor:
    """Each frame's noise scaled until its variance is that of `still` and of noise at that sigma together:
    what the report calls a strength of 1."""
    own = noise - still
    around = own - _mean(own)
    variance = _dot(around, around)
    overlap = _dot(around, still - _mean(still))
    wanted = sigma**2 * around[0].numel() / _frames(noise)
    gain = (overlap.square() + variance * wanted).sqrt() - overlap
    gain = torch.where(variance > 0, gain / variance, 1.0)
    return still + gain.to(noise) * own


def without_tone(noise: Tensor, amount: float) -> Tensor:
    """Noise less that share (0 to 1) of its tone."""
    return noise - amount * tone(noise) if amount else noise


@dataclass(frozen=True, eq=False)
class Moved:
    """What was made of a recorded noise: each frame's was multiplied by the gain, and the rest added, unit
    noise that has nothing of it. source: the clip that both stand for. flow: as faded() has it."""

    gain: Tensor
    rest: Tensor
    source: Tensor
    flow: bool

    @property
    def kept(self) -> Tensor:
        """The share of the recorded noise's variance in each frame: 1 where it is as it was."""
        return self.gain.clamp(0, 1).square()

    def at(self, state: Tensor, sigma: float) -> Tensor:
        """The same, done to the source's own state at that sigma above 0, as a change of its unit noise.

        Times sigma that is the change of the state, and by itself the change of its velocity.
        """
        return (self.gain - 1) * (state - faded(self.source, sigma, self.flow)) / sigma + self.rest

    def state(self, state: Tensor, sigma: Tensor) -> Tensor:
        """The source's own state at that sigma with it done."""
        return state if sigma == 0 else state + self.at(state, float(sigma)) * sigma.to(state.device)


def moved(noise: Tensor, recorded: Tensor, source: Tensor, sigma: float, flow: bool) -> Moved:
    """What was made of the recorded noise at that sigma."""
    still = faded(source, sigma, flow)
    ours, theirs = noise - still, recorded - still
    size = _dot(theirs, theirs)
    gain = torch.where(size > 0, _dot(ours, theirs) / size, 1.0).to(noise)
    return Moved(gain, (ours - gain * theirs) / sigma, source, flow)


def _per_frame(name: str, value: float | Tensor, x: Tensor) -> Tensor:
    return per_frame(name, value if isinstance(value, Tensor) else torch.tensor([value]), x).to(x)


def _axes(x: Tensor) -> list[int]:
    """All axes within a frame."""
    return [1, 2, 3] if x.ndim == 4 else [1, 3, 4]


def _frames(x: Tensor) -> int:
    return 1 if x.ndim == 4 else x.shape[2]


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Of each frame, in double precision."""
    return (a * b).sum(_axes(a), keepdim=True, dtype=torch.float64)


def _norm(x: Tensor) -> Tensor:
    return _dot(x, x).sqrt()


def _mean(x: Tensor) -> Tensor:
    return x.mean(_axes(x), keepdim=True)


def _std(x: Tensor) -> Tensor:
    return x.std(_axes(x), correction=0, keepdim=True)

"""What keeps an edit near the source at no model call: each answer is compared with the source's own.

Both are exactly nothing where the two answers are the same bits, so the way back to the source stays exact
(docs/exactness.md#hold).
"""

from collections.abc import Callable

import torch
from torch import Tensor

# Cycles a picture up to which the layout is held; the filter falls off beyond with the sixth power.
CYCLES, ORDER = 4.0, 6
SPAN = 32  # frames over which mean and spread are taken, around each frame of a longer clip
# Where the source's own answer is farther from the source than this, its tone is pushed as well, and where
# nearer than NEAR nothing is held: the distance over the source's spread.
FAR, NEAR = 0.85, 0.3
# Spread that a clip is taken to have at least where its tone may be pushed. Latents are scaled to a spread of
# about 1: fog or a title card has next to none, and every answer would be far from it at every step.
FAINTEST = 0.25
FAINT = 0.01  # of the answer's own spread: a fainter layout of the source is none, and would be made of noise
# (the model's answer, the source's own answer to the same question) -> the answer to go on with
Adjust = Callable[[Tensor, Tensor], Tensor]


def unchanged(denoised: Tensor, recorded: Tensor) -> Tensor:
    return denoised


def in_turn(first: Adjust, second: Adjust) -> Adjust:
    """The one, and then the other on what it gives."""
    return lambda denoised, recorded: second(first(denoised, recorded), recorded)


def holding(source: Tensor, amount: float, push: bool) -> Adjust:
    """Pulls the low frequencies of each answer to those of the source's own, with the answer's own mean and
    spread, by that amount (0 to 1).

    push: also drive the two apart by that amount, before, where the model sees next to nothing of the clip.
    """

    if amount == 0:
        return unchanged
    far_from_source = distance_from(source)
    # 1, or less for a source fainter than that
    contrast = min(1.0, float(_spread(source)) / (FAINTEST * source.numel() ** 0.5))

    def adjust(denoised: Tensor, recorded: Tensor) -> Tensor:
        recorded = recorded.to(denoised)
        far = far_from_source(recorded)
        if far <= NEAR:
            return denoised
        blind = push and far * contrast >= FAR
        pushed = denoised + amount * (denoised - recorded) if blind else denoised
        (ours, spread), (theirs, their_spread) = (_pattern(layout(x)) for x in (pushed, recorded))
        seen = their_spread > FAINT * spread
        held = torch.where(seen, theirs * (spread / their_spread) - ours, 0.0)
        return pushed + amount * held

    return adjust


def distance_from(source: Tensor) -> Callable[[Tensor], float]:
    """How far an answer for the source lies from the source, over the source's spread around its channels'
    means."""
    spread = _spread(source)
    return lambda answer: float((answer.to(source) - source).norm() / spread)


def _spread(source: Tensor) -> Tensor:
    return centred(source).norm().clamp(min=1e-12)


def centred(x: Tensor) -> Tensor:
    """x without the mean of each channel."""
    return x - x.mean([i for i in range(x.ndim) if i != 1], keepdim=True)


def layout(x: Tensor) -> Tensor:
    """The low frequencies of each picture (Butterworth's squared gain)."""
    height, width = x.shape[-2:]
    rows = torch.fft.fftfreq(height, device=x.device) * height
    columns = torch.fft.rfftfreq(width, device=x.device) * width
    gain = 1 / (1 + (torch.hypot(rows[:, None], columns) / CYCLES) ** ORDER)
    return torch.fft.irfft2(torch.fft.rfft2(x) * gain, s=(height, width))


def _pattern(x: Tensor) -> tuple[Tensor, Tensor]:
    """x without the mean, and its standard deviation, of each channel over the frames around each frame."""
    axis = 0 if x.ndim == 4 else 2
    means = x.mean((-2, -1), keepdim=True)
    within = (x - means).square().mean((-2, -1), keepdim=True)
    # few numbers, in double precision: a running sum of float32 would lose digits with the frames
    means, within = (t.to("cpu", torch.float64) for t in (means, within))
    mean = _around(means, axis)
    variance = _around(within, axis) + (_around(means.square(), axis) - mean.square()).clamp(min=0)
    return x - mean.to(x), variance.sqrt().to(x)


def _around(x: Tensor, axis: int) -> Tensor:
    """The mean of SPAN frames around each frame, of all where there are no more."""
    count = x.shape[axis]
    span = min(SPAN, count)
    sums = torch.cat([torch.zeros_like(x.narrow(axis, 0, 1)), x.cumsum(axis)], axis)
    first = (torch.arange(count) - span // 2).clamp(0, count - span)
    return (sums.index_select(axis, first + span) - sums.index_select(axis, first)) / span

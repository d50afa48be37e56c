"""What unsampled noise is like, and what a reconstruction lost. Pure torch, no model call.

Noise at sigma is judged by the law of x = signal * x0 + sigma * eps (signal is 1, for flow models 1 - sigma),
with the source standing for the data: its variance, kurtosis and correlations, scaled, are what noise that
fits the schedule still has of the clip. So a partial unsampling is judged as fairly as a full one.
All goes frame by frame in float64: a few frames are held besides what is given.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .. import inversion as engine
from ..errors import Cause, UnsamplingError
from ..inversion import Inversion

PSNR_LIMIT = 200.0  # dB, far beyond what float32 can tell apart: stands for "identical"
CHUNK = 16  # frames walked again at a time, each with 3 * steps copies of itself
BINS, SPAN = 33, 4.0  # of the histogram, which spans -SPAN to SPAN expected standard deviations


@dataclass(frozen=True, eq=False)
class Moments:
    """Central moments of each frame, (frames,) in float64.

    pixel_covariance: of pixels next to each other; frame_covariance: of a frame with the one beside it, the
    one before it and for the first the one after it; beside: the variance of that one. A lone frame has 0.
    """

    mean: Tensor
    variance: Tensor
    fourth: Tensor
    pixel_covariance: Tensor
    frame_covariance: Tensor
    beside: Tensor


@dataclass(frozen=True, eq=False)
class Statistics:
    """Each frame's figures as people read them; kurtosis is in excess of a Gaussian's, the correlations are
    those of neighbouring pixels and frames: all three are 0 for white noise."""

    mean: Tensor
    std: Tensor
    kurtosis: Tensor
    pixel_correlation: Tensor
    frame_correlation: Tensor


@dataclass(frozen=True, eq=False)
class NoiseFigures:
    """Noise as it is, as the schedule expects it, and how like its source it is, per frame.

    source_correlation: with the source's frame, None without a source; chance: what noise that knows nothing
    of the source would have. histogram: share of all elements in BINS bins.
    elements: numbers in a frame.
    """

    measured: Statistics
    expected: Statistics
    source_correlation: Tensor | None
    chance: Tensor | None
    histogram: Tensor
    elements: int

    @property
    def ratio(self) -> Tensor:
        """Std over the expected one: 1 is right."""
        return self.measured.std / self.expected.std


@dataclass(frozen=True)
class Comparison:
    """A reconstruction against the source. psnr: dB per frame, within +-PSNR_LIMIT; peak: the whole source's
    range, as latents have no other."""

    psnr: Tensor
    peak: float
    relative_error: float


def noise_figures(noise: Tensor, source: Tensor | None, sigma: float, flow: bool = False) -> NoiseFigures:
    """Measures noise at that sigma, in sampling space.

    source: the clip it was made of; without it the data are taken for white with variance 1.
    Raises: UnsamplingError for a source of another shape.
    """
    signal = 1 - sigma if flow else 1.0
    moments = _moments(noise)
    data = _unit(moments) if source is None else _moments(_like(source, noise, "source"))
    law = _noised(data, signal, sigma)
    measured, expected = _statistics(moments), _statistics(law)
    likeness = chance = None
    if source is not None:
        pairs = zip(frames(noise), frames(source), strict=True)
        likeness = torch.tensor([_correlation(ours, theirs) for ours, theirs in pairs], dtype=torch.float64)
        chance = signal * _over(data.variance.sqrt(), expected.std)
    return NoiseFigures(
        measured, expected, likeness, chance, _histogram(noise, law), frames(noise)[0].numel()
    )


def corrections(inversion: Inversion, flow: bool = False) -> Tensor:
    """What the record adds to the plain solver in each falling step, over the rms that the step's end has.

    Returns: (steps,) in float64, the first at the noise.
    Raises: UnsamplingError without a record.
    """
    record = inversion.record
    if record is None:
        raise UnsamplingError("noise has no record to compare with", Cause.NO_RECORD)
    missed, clip, count = torch.zeros(inversion.steps).double(), 0.0, record.source.numel()
    for part in _parts(record):
        missed += torch.stack(
            [miss.double().square().sum() for miss in engine.misses(replace(inversion, record=part))]
        )
        clip += float(part.source.double().square().sum())
    below = inversion.sigmas[inversion.start + 1 :].double()
    signal = 1 - below if flow else torch.ones_like(below)
    return _over((missed / count).sqrt(), (signal.square() * clip / count + below.square()).sqrt())


def compare(reconstruction: Tensor, source: Tensor) -> Comparison:
    """How far a reconstruction is from its source. Against a source of zeros the error itself is given.

    Raises: UnsamplingError for another shape.
    """
    pairs = list(zip(frames(_like(reconstruction, source, "reconstruction")), frames(source), strict=True))
    errors = torch.tensor(
        [_mean_square(_double(ours) - _double(theirs)) for ours, theirs in pairs], dtype=torch.float64
    )
    energy = sum(_mean_square(_double(theirs)) for _, theirs in pairs) or 1.0
    low, high = source.aminmax()
    peak = float(high - low) or 1.0
    psnr = (10 * (peak**2 / errors).log10()).clamp(-PSNR_LIMIT, PSNR_LIMIT)
    return Comparison(psnr, peak, float((errors.sum() / energy).sqrt()))


def frames(x: Tensor) -> list[Tensor]:
    """The frames (channels, height, width) of a latent as views, those of a batch of videos one after the
    other."""
    return [frame for clip in _clips(x) for frame in clip]


def _clips(x: Tensor) -> list[Tensor]:
    """A latent as videos (frames, channels, height, width)."""
    return [x] if x.ndim == 4 else [video.movedim(1, 0) for video in x]


def _moments(x: Tensor) -> Moments:
    # numbers, not small tensors: those would stay between the frames' buffers and keep the memory from reuse
    rows = [_frame_moments(frame, beside) for clip in _clips(x) for frame, beside in _with_neighbours(clip)]
    return Moments(*torch.tensor(rows, dtype=torch.float64).T)


def _with_neighbours(clip: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Each frame with the centred one before it; the first with the one after it, or with nothing."""
    beside = _centred(clip[1]) if len(clip) > 1 else torch.zeros(clip[0].shape).double()
    for frame in clip:
        yield frame, beside
        beside = _centred(frame)


def _frame_moments(frame: Tensor, beside: Tensor) -> list[float]:
    centred = _centred(frame)
    squares = centred.square()
    across, down = centred[..., 1:] * centred[..., :-1], centred[..., 1:, :] * centred[..., :-1, :]
    pixels = (across.sum() + down.sum()) / max(1, across.numel() + down.numel())
    figures = (
        _double(frame).mean(),
        squares.mean(),
        squares.square().mean(),
        pixels,
        (centred * beside).mean(),
        beside.square().mean(),
    )
    return [float(value) for value in figures]


def _unit(like: Moments) -> Moments:
    """White data of variance 1."""
    zero, one = torch.zeros_like(like.mean), torch.ones_like(like.mean)
    return Moments(
        mean=zero, variance=one, fourth=3 * one, pixel_covariance=zero, frame_covariance=zero, beside=one
    )


def _noised(data: Moments, signal: float, sigma: float) -> Moments:
    """The moments of signal * data + sigma * eps, eps white and Gaussian."""
    power, clip, noise = signal**2, signal**2 * data.variance, sigma**2
    fourth = power**2 * data.fourth + 6 * clip * noise + 3 * noise**2
    return Moments(
        signal * data.mean,
        clip + noise,
        fourth,
        power * data.pixel_covariance,
        power * data.frame_covariance,
        power * data.beside + noise,
    )


def _statistics(moments: Moments) -> Statistics:
    square = moments.variance.square()
    kurtosis = torch.where(square > 0, _over(moments.fourth, square) - 3, 0.0)
    pixels = _over(moments.pixel_covariance, moments.variance)
    beside = _over(moments.frame_covariance, (moments.variance * moments.beside).sqrt())
    return Statistics(moments.mean, moments.variance.sqrt(), kurtosis, pixels, beside)


def _correlation(a: Tensor, b: Tensor) -> float:
    a, b = _centred(a), _centred(b)
    return float(_over((a * b).mean(), (a.square().mean() * b.square().mean()).sqrt()))


def _histogram(noise: Tensor, law: Moments) -> Tensor:
    """Share of the elements in each bin, counted in expected standard deviations from the expected mean; what
    is beyond is counted in the outermost bins."""
    counts = torch.zeros(BINS).double()
    for frame, mean, variance in zip(frames(noise), law.mean, law.variance, strict=True):
        scaled = ((_double(frame) - mean) / variance.sqrt()).clamp(-SPAN, SPAN)
        counts += torch.histc(scaled, BINS, -SPAN, SPAN)
    return counts / noise.numel()


def _parts(record: engine.Record) -> Iterator[engine.Record]:
    """The record cut into runs of frames: a walk along recorded answers knows no neighbours."""
    axis = 0 if record.source.ndim == 4 else 2
    for first in range(0, record.source.shape[axis], CHUNK):
        length = min(CHUNK, record.source.shape[axis] - first)
        source, *outputs = (x.narrow(axis, first, length) for x in (record.source, *record.outputs))
        yield replace(record, source=source, outputs=tuple(outputs))


def _like(x: Tensor, other: Tensor, name: str) -> Tensor:
    if x.shape != other.shape:
        raise UnsamplingError(
            f"{name} has shape {tuple(x.shape)}, what it is compared with has {tuple(other.shape)}",
            Cause.OTHER_SHAPE,
        )
    return x


def _double(frame: Tensor) -> Tensor:
    return frame.to("cpu", torch.float64)


def _mean_square(x: Tensor) -> float:
    return float(x.square().mean())


def _centred(frame: Tensor) -> Tensor:
    frame = _double(frame)
    return frame - frame.mean()


def _over(a: Tensor, b: Tensor) -> Tensor:
    """a / b, and 0 where b is 0: a constant frame has no correlation, not an undefined one."""
    return torch.where(b > 0, a / torch.where(b > 0, b, 1.0), 0.0)

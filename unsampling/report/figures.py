"""Everything that is known about one inversion, and its figures in words. What they mean is in verdict.py."""

from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from ..change import Change, in_words
from ..inversion import Inversion
from .metrics import PSNR_LIMIT, Comparison, NoiseFigures

FAR = 0.85  # of the model's highest sigma: noise that ends below it is weak for whoever starts at the top
RUNS = 6  # of frames in a sentence


@dataclass(frozen=True)
class Report:
    """An inversion, the figures of its noise, and what it takes to explain them.

    cfg: guidance while unsampling. sigma_max: the highest sigma that the model knows. source_given: the
    source was connected, not the record's own. change: how the noise in hand differs from the recorded one.
    counts: frames in hand and in the record. mask_lost: whether the record, and a mask with it, had to be
    dropped. unsure: whether these may be other frames, of equal noise, than those of which the record is.
    levels: how many sigmas the model knows, 0 where that is not told.
    """

    inversion: Inversion
    figures: NoiseFigures
    corrections: Tensor | None
    comparison: Comparison | None
    cfg: float
    sigma_max: float
    source_given: bool = False
    change: Change = Change.NONE
    counts: tuple[int, int] = (0, 0)
    mask_lost: bool = False
    unsure: bool = False
    levels: int = 0

    @property
    def sigma(self) -> float:
        """Where the noise stands."""
        return float(self.inversion.sigmas[self.inversion.start])

    @property
    def changed(self) -> bool:
        """Whether the noise is no longer the recorded one, frames left out apart."""
        return not self.change.keeps_values

    @property
    def remark(self) -> str:
        """The change in words, "" where there is none."""
        return in_words(self.change, self.counts, self.mask_lost, self.unsure, self.inversion.mixed)


def notes(report: Report) -> list[str]:
    """What is not wrong but good to know."""
    sentences = []
    if report.figures.source_correlation is None:
        sentences.append("source unknown, its std taken for 1; connect source for exact figures")
    if report.remark and not report.changed:
        sentences.append(report.remark)
    if report.inversion.start == 0 and report.sigma < FAR * report.sigma_max:
        sentences.append(
            f"the schedule begins at sigma {report.sigma:.4g}, the model at {report.sigma_max:.4g};"
            " resample with the schedule that comes with the noise, for one of the model's own it is"
            f" too weak ({report.sigma / report.sigma_max:.2g})"
        )
    return sentences


def numbers(report: Report) -> list[str]:
    """The figures, a line each for strength, likeness, record and reconstruction."""
    figures, measured = report.figures, report.figures.measured
    mean = float(measured.mean.mean() / figures.expected.std.mean()) + 0.0
    lines = [
        f"noise at sigma {report.sigma:.4g}, {len(figures.ratio)} frames: std {spread(figures.ratio)} of"
        f" expected, mean {mean:.2f} std, excess kurtosis {float(measured.kurtosis.mean()):.2f}",
        f"correlations: neighbouring pixels {spread(measured.pixel_correlation)}, neighbouring frames"
        f" {spread(measured.frame_correlation)}" + _source(figures),
    ]
    if report.corrections is not None:
        lines.append(f"record: {largest(report.inversion, report.corrections)}")
    if report.comparison is not None:
        seen = report.comparison
        lines.append(
            f"reconstruction: {_decibel(seen.psnr)} (peak {seen.peak:.3g}, the source's range),"
            f" relative error {seen.relative_error:.2g}"
        )
    return lines


def _source(figures: NoiseFigures) -> str:
    if figures.source_correlation is None or figures.chance is None:
        return ""
    return f", source {spread(figures.source_correlation)} (by chance {float(figures.chance.mean()):.2f})"


def _decibel(psnr: Tensor) -> str:
    if psnr.min() >= PSNR_LIMIT:
        return "identical to the source"
    worst = f", worst frame {int(psnr.argmin())} with {float(psnr.min()):.1f} dB" if len(psnr) > 1 else ""
    return f"{float(psnr.mean()):.1f} dB{worst}"


def _short(number: float) -> str:
    return f"{number:.2g}" if number < 100 else f"{number:.0f}"


def largest(inversion: Inversion, corrections: Tensor) -> str:
    """The step where the plain solver would miss most."""
    worst, start = int(corrections.argmax()), inversion.start
    sigma, percent = float(inversion.sigmas[start + worst]), 100 * float(corrections[worst])
    return (
        f"plain {inversion.solver} would miss by {_short(percent)} percent"
        f" at step {start + worst + 1} of {len(inversion.sigmas) - 1} (sigma {sigma:.2g})"
    )


def solver_steps(report: Report) -> str:
    return f"{report.inversion.steps} steps of {report.inversion.solver}"


def spread(values: Tensor) -> str:
    """Mean and range."""
    figures = (values.mean(), values.min(), values.max())
    mean, low, high = (f"{round(float(value), 2) + 0.0:.2f}" for value in figures)
    return mean if low == high else f"{mean} ({low} to {high})"


def where(bad: Tensor) -> str:
    """ "frames 3-7, 9: ", or nothing where it is all of them."""
    if bad.all():
        return ""
    picked = torch.nonzero(bad).flatten().tolist()
    grouped = groupby(enumerate(picked), lambda pair: pair[1] - pair[0])
    runs = [[frame for _, frame in run] for _, run in grouped]
    shown = [f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs[:RUNS]]
    more = " and more" if len(runs) > RUNS else ""
    return f"frame{'s' if len(picked) > 1 else ''} {', '.join(shown)}{more}: "

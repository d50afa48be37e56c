"""The four panels of a report's chart."""

import math

import numpy as np
from torch import Tensor

from ..inversion import Inversion
from . import chart, metrics, verdict
from .figures import Report


def panels(report: Report) -> list[chart.Panel]:
    """Strength, likeness, corrections, and what else there is to see."""
    shown = [_strength(report), _likeness(report)]
    if report.corrections is not None:
        shown.append(_corrections(report.inversion, report.corrections))
    if report.comparison is not None:
        shown.append(_psnr(report.comparison.psnr))
    return [*shown, _distribution(report)][:4]


def _strength(report: Report) -> chart.Panel:
    ratio = report.figures.ratio.numpy()
    low, high = min(0.5, math.floor(ratio.min() * 4) / 4), max(1.5, min(100.0, _above(ratio.max())))
    lowest = {low} if 1.0 - low > 0.2 * (high - low) else set()
    ticks = [(value, f"{value:g}") for value in sorted({1.0, high} | lowest)]
    return chart.Panel(
        "noise std / expected",
        [chart.Series("std", ratio, chart.BLUE)],
        low,
        high,
        ticks,
        _frame_ticks(len(ratio)),
        band=(verdict.WEAK, verdict.STRONG),
    )


def _above(value: float) -> float:
    """The next number that two digits can name: halves below 10."""
    step = 0.5 if value < 10 else 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / step) * step


def _likeness(report: Report) -> chart.Panel:
    figures = report.figures
    shown = [
        chart.Series("pixels", figures.measured.pixel_correlation.numpy(), chart.BLUE),
        chart.Series("frames", figures.measured.frame_correlation.numpy(), chart.ORANGE),
    ]
    if figures.source_correlation is not None:
        shown.append(chart.Series("source", figures.source_correlation.numpy(), chart.PINK))
    values = np.concatenate([series.values for series in shown])
    low = -1.0 if values.min() < -0.25 else -0.25
    ticks = [(value, f"{value:g}") for value in (low, 0.0, 0.5, 1.0) if value != -0.25]
    return chart.Panel("correlation", shown, low, 1.0, ticks, _frame_ticks(len(figures.ratio)))


def _corrections(inversion: Inversion, corrections: Tensor) -> chart.Panel:
    sigmas, values = inversion.sigmas[inversion.start :].tolist(), corrections.numpy()
    last = len(values) - 1
    middle = min(max(last // 2, 2), last)  # beside the first there is room for its word alone
    ticks = [(i, f"{sigmas[i]:.2g}") for i in sorted({middle, last} - {0})]
    colour = chart.ORANGE if values.max() > verdict.CORRECTION else chart.GREEN
    return chart.Panel(
        "correction per step",
        [chart.Series("", values, colour, bars=True)],
        1e-4,
        1.0,
        [(1e-4, "0.01%"), (1e-2, "1%"), (1.0, "100%")],
        [(0, f"sigma {sigmas[0]:.3g}"), *ticks],
        log=True,
    )


def _psnr(psnr: Tensor) -> chart.Panel:
    values = psnr.numpy()
    low, high = min(0.0, 20 * math.floor(values.min() / 20)), max(60.0, 20 * math.ceil(values.max() / 20))
    ticks = [(value, f"{value:g}") for value in sorted({low, round((low + high) / 2, -1), high})]
    return chart.Panel(
        "reconstruction PSNR, dB",
        [chart.Series("", values, chart.GREEN)],
        low,
        high,
        ticks,
        _frame_ticks(len(values)),
    )


def _distribution(report: Report) -> chart.Panel:
    shares = report.figures.histogram.numpy()
    edges = np.linspace(-metrics.SPAN, metrics.SPAN, metrics.BINS + 1) / math.sqrt(2)
    below = np.array([(1 + math.erf(edge)) / 2 for edge in edges])
    below[0], below[-1] = 0.0, 1.0  # the outermost bins hold what is beyond them
    shown = [
        chart.Series("noise", shares, chart.BLUE, bars=True),
        chart.Series("Gaussian", np.diff(below), chart.ORANGE),
    ]
    middle = metrics.BINS // 2
    ticks = [(0, f"-{metrics.SPAN:g}"), (middle, "0"), (metrics.BINS - 1, f"{metrics.SPAN:g} std")]
    return chart.Panel("noise values", shown, 0.0, max(0.11, float(shares.max())), [], ticks)


def _frame_ticks(count: int) -> chart.Ticks:
    """First and last frame, counted from 0."""
    return [(0, "frame 0")] + ([(count - 1, str(count - 1))] if count > 1 else [])

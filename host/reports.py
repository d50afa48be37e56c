"""The report on a LATENT of noise: its figures, chart, and text."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..unsampling import UnsamplingError
from ..unsampling.report import chart, metrics, panels, verdict
from ..unsampling.report.figures import Report
from . import latents, models, places, screen
from .packs import core
from .record import LatentRecord, none_in, of_latent


class Shown(NamedTuple):
    """A report as its node gives it. preview: the chart without its heading, for the node, which has text.
    finding: the worst and its cure; None where there is none."""

    chart: Tensor
    preview: Tensor
    text: str
    numbers: tuple[float, ...]
    finding: tuple[str, str] | None


# psnr and relative error without a reconstruction: as bad as a black one, so that no limit is passed
NONE = (0.0, 1.0)


def shown(latent: dict, reconstruction: dict | None, source: dict | None) -> Shown:
    """The report on a LATENT of noise as the node gives it, and in the log.

    Raises: UnsamplingError as report_on().
    """
    report = report_on(latent, reconstruction, source)
    screen.log(text(report))
    finding = verdict.heading(report) if verdict.findings(report) else None
    drawn = picture(report)
    return Shown(drawn, chart.panels_of(drawn), text(report), numbers(report), finding)


def report_on(latent: dict, reconstruction: dict | None, source: dict | None) -> Report:
    """The report on a LATENT of noise; no model is called.

    reconstruction: a resampling of it, to be compared with the source. source: the clip, where the record has
    none. Raises: UnsamplingError for a latent without record, and for what cannot be compared.
    """
    carried = of_latent(latent)
    if carried is None:
        raise UnsamplingError(f"{none_in(latent)}; connect the Exact Unsampler's output")
    samples = latents.samples_of(latent, "noise")
    fit = carried.fitted(samples, told=places.of_latent(latent))
    inversion = fit.inversion
    noise = inversion.noise if inversion.noise.numel() else _in_sampling_space(carried, samples)
    own = None if inversion.record is None else inversion.record.source
    clip = own if source is None else _clip(carried, source, noise, "source")
    flow = carried.facts.flow
    sigma = float(inversion.sigmas[inversion.start])
    figures = metrics.noise_figures(noise, clip, sigma, flow)
    steps = metrics.corrections(inversion, flow) if inversion.recorded else None
    compared = None if reconstruction is None else _compared(carried, reconstruction, clip, noise)
    return Report(
        inversion,
        figures,
        steps,
        compared,
        carried.facts.highest_cfg,
        carried.facts.family.sigma_max,
        source is not None,
        fit.change,
        fit.counts,
        fit.mask_lost,
        fit.unsure,
        carried.facts.levels,
    )


def _clip(carried: LatentRecord, latent: dict, noise: Tensor, name: str) -> Tensor:
    """A LATENT's samples in sampling space; a picture's has no time axis yet where the noise has one."""
    samples = latents.samples_of(latent, name)
    if samples.ndim == 4 and noise.ndim == 5:
        samples = samples.unsqueeze(2)
    return _in_sampling_space(carried, samples)


def _in_sampling_space(carried: LatentRecord, samples: Tensor) -> Tensor:
    return core.in_sampling_space(carried.facts.latent_format, samples)


def _compared(
    carried: LatentRecord, reconstruction: dict, clip: Tensor | None, noise: Tensor
) -> metrics.Comparison:
    if clip is None:
        raise UnsamplingError(
            "reconstruction has nothing to be compared with: the noise brings no source"
            " along; connect source too, or switch record on in the Exact Unsampler"
        )
    return metrics.compare(_clip(carried, reconstruction, noise, "reconstruction"), clip)


def text(report: Report) -> str:
    """The verdict in plain words, the figures, and what the noise was made with, digests apart."""
    told = {name: value for name, value in report.inversion.info.items() if not models.is_digest(name)}
    made_with = ", ".join(f"{name} {value}" for name, value in told.items())
    return "\n".join([*verdict.lines(report), f"made with {made_with}"])


def picture(report: Report) -> Tensor:
    """The chart as an IMAGE."""
    return as_image(chart.draw(*verdict.heading(report), not verdict.findings(report), panels.panels(report)))


def as_image(drawn: np.ndarray) -> Tensor:
    """A chart [height,width,3] of bytes as an IMAGE of one picture."""
    return torch.from_numpy(drawn.astype(np.float32) / 255).unsqueeze(0)


def numbers(report: Report) -> tuple[float, ...]:
    """The outputs from noise_std to source_correlation: means over the frames, 0 for what is unknown."""
    psnr, error = NONE
    if report.comparison is not None:
        psnr, error = float(report.comparison.psnr.mean()), report.comparison.relative_error
    figures = report.figures
    noise = figures.measured
    per_frame = (
        noise.mean / noise.std,
        noise.kurtosis,
        noise.pixel_correlation,
        noise.frame_correlation,
        figures.source_correlation,
    )
    means = (0.0 if t is None or t.numel() == 0 else float(t.mean()) for t in per_frame)
    return (float(figures.ratio.mean()), psnr, error, *means)

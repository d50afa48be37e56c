"""What an unsampling did to the clip, as text, chart and numbers; no model is called."""

import numpy as np
import torch
from comfy_api.latest import io, ui
from torch import Tensor

from ..host import record, screen
from ..unsampling import UnsamplingError
from ..unsampling.inversion import check_latent
from ..unsampling.report import chart, metrics, panels, verdict
from ..unsampling.report.figures import Report

# psnr and relative error without a reconstruction: as bad as a black one, so that no limit is passed
NONE = (0.0, 1.0)


class InversionReport(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_InversionReport",
            display_name="Inversion Report",
            category="sampling/unsampling",
            description="Tells whether unsampled noise is what it should be, frame by frame, and what to"
            " change if not. Reads the record in the noise: no model call.",
            search_aliases=["noise statistics", "check noise", "psnr", "diagnose"],
            is_output_node=True,
            inputs=[
                io.Latent.Input("noise", tooltip="The output of the Unsampler."),
                io.Latent.Input(
                    "reconstruction",
                    optional=True,
                    tooltip="A resampling of this noise with the Unsampler's own prompt and cfg,"
                    " to be compared with the source. Leave it open for restyled clips.",
                ),
                io.Latent.Input(
                    "source",
                    optional=True,
                    tooltip="The encoded source clip. Needed only for noise that was unsampled"
                    " with record off; otherwise the record has it.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    "chart",
                    tooltip="Strength and correlations of the noise per frame, what the"
                    " record corrects per step, and PSNR per frame or the"
                    " noise's distribution.",
                ),
                io.String.Output("text", tooltip="The verdict in plain words, then the figures."),
                io.Float.Output(
                    "noise_std",
                    tooltip="Standard deviation of the noise over the one that its"
                    " schedule expects, mean of the frames. 1 is right.",
                ),
                io.Float.Output(
                    "psnr",
                    tooltip="Peak signal-to-noise ratio of the reconstruction in dB, mean"
                    " of the frames, at most 200; 0 without a reconstruction.",
                ),
                io.Float.Output(
                    "relative_error",
                    tooltip="Distance of the reconstruction from the source, over the size of the"
                    " source. 0 is right; 1 without a reconstruction.",
                ),
                io.Float.Output(
                    "mean",
                    tooltip="Mean of the noise over its standard deviation, mean of the frames. 0 is right.",
                ),
                io.Float.Output(
                    "kurtosis",
                    tooltip="Excess kurtosis of the noise, mean of the frames. 0 is"
                    " a Gaussian, above 0 has heavier tails.",
                ),
                io.Float.Output(
                    "pixel_correlation",
                    tooltip="Correlation of neighbouring pixels of the noise, mean of the frames."
                    " Near 0 is right; higher means that the picture is still in it.",
                ),
                io.Float.Output(
                    "frame_correlation",
                    tooltip="Correlation of each frame of the noise with the next, mean of the"
                    " frames; 0 for one frame.",
                ),
                io.Float.Output(
                    "source_correlation",
                    tooltip="Correlation of the noise with its source, mean of the frames; 0"
                    " where the source is not known.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, noise, reconstruction=None, source=None) -> io.NodeOutput:
        with screen.naming("Inversion Report"):
            report = _report(noise, reconstruction, source)
        made_with = ", ".join(f"{name} {value}" for name, value in report.inversion.info.items())
        text = "\n".join([*verdict.lines(report), f"made with {made_with}"])
        good, shown_panels = not verdict.findings(report), panels.panels(report)
        drawn = chart.draw(*verdict.heading(report), good, shown_panels)
        image = torch.from_numpy(drawn.astype(np.float32) / 255).unsqueeze(0)
        screen.say(cls.hidden.unique_id, text)
        psnr, error = NONE
        if report.comparison is not None:
            psnr, error = float(report.comparison.psnr.mean()), report.comparison.relative_error
        shown = {**ui.PreviewImage(image, cls=cls).as_dict(), **ui.PreviewText(text).as_dict()}
        numbers = (float(report.figures.ratio.mean()), psnr, error, *_means(report.figures))
        return io.NodeOutput(image, text, *numbers, ui=shown)


def _means(figures: metrics.NoiseFigures) -> tuple[float, ...]:
    """Mean over the frames of what the last five outputs tell; 0 for what cannot be told."""
    noise = figures.measured
    per_frame = (noise.mean / noise.std, noise.kurtosis, noise.pixels, noise.frames, figures.source)
    return tuple(0.0 if t is None or t.numel() == 0 else float(t.mean()) for t in per_frame)


def _report(latent: dict, reconstruction: dict | None, source: dict | None) -> Report:
    kept = record.of_latent(latent)
    if kept is None:
        raise UnsamplingError(
            "noise carries no record of an unsampling: it is a plain latent, or lost its"
            " record in a node on the way; connect the Unsampler's output"
        )
    samples = check_latent(latent["samples"], "noise")
    fit = kept.fitted(samples)
    known = fit.inversion
    noise = known.noise if known.noise.numel() else kept.latent_format.process_in(samples)
    own = None if known.record is None else known.record.source
    clip = own if source is None else _clip(kept, source, noise, "source")
    flow = kept.family.flow
    sigma = float(known.sigmas[known.start])
    figures = metrics.noise_figures(noise, clip, sigma, flow)
    steps = metrics.corrections(known, flow) if known.recorded else None
    compared = None if reconstruction is None else _compared(kept, reconstruction, clip, noise)
    return Report(
        known,
        figures,
        steps,
        compared,
        kept.cfg,
        kept.family.sigma_max,
        source is not None,
        fit.change,
        fit.counts,
        fit.mask_lost,
    )


def _clip(kept: record.Record, latent: dict, noise: Tensor, name: str) -> Tensor:
    """A LATENT's samples in sampling space; a picture's has no time axis yet where the noise has one."""
    samples = check_latent(latent["samples"], name)
    if samples.ndim == 4 and noise.ndim == 5:
        samples = samples.unsqueeze(2)
    return kept.latent_format.process_in(samples)


def _compared(
    kept: record.Record, reconstruction: dict, clip: Tensor | None, noise: Tensor
) -> metrics.Comparison:
    if clip is None:
        raise UnsamplingError(
            "reconstruction has nothing to be compared with: the noise brings no source"
            " along; connect source too, or switch record on in the Unsampler"
        )
    return metrics.compare(_clip(kept, reconstruction, noise, "reconstruction"), clip)

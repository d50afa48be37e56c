"""What an unsampling and a restyling did to the clip, as text, chart and numbers; no model is called."""

from comfy_api.latest import io, ui

from ..host import reports, restyle_reports, screen


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
                io.Latent.Input("noise", tooltip="The output of the Exact Unsampler."),
                io.Latent.Input(
                    "reconstruction",
                    optional=True,
                    tooltip="A resampling of this noise with the Exact Unsampler's own prompt and cfg,"
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
            return _shown(cls, reports.shown(noise, reconstruction, source))


class RestyleReport(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_RestyleReport",
            display_name="Restyle Report",
            category="sampling/unsampling",
            description="Tells how a restyled clip compares with its source: whether the look changed, and"
            " shapes and motion stayed, in which frames not, and what to change. No model call.",
            search_aliases=["compare clips", "flicker", "temporal consistency", "check restyle", "diagnose"],
            is_output_node=True,
            inputs=[
                io.Image.Input("source", tooltip="The frames that were encoded and unsampled."),
                io.Image.Input("result", tooltip="The decoded frames of the restyled clip, as many."),
                io.Int.Input(
                    "window",
                    default=0,
                    min=0,
                    max=1_000_000,
                    optional=True,
                    tooltip="context_length of the Context Options, typically 16: colours are then watched"
                    " for jumps where windows meet. 0 is no windows. Only for windows that stand still"
                    " (Static Standard).",
                ),
                io.Int.Input(
                    "overlap",
                    default=0,
                    min=0,
                    max=1_000_000,
                    optional=True,
                    tooltip="context_overlap of the Context Options, typically 4 frames.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    "chart",
                    tooltip="Structure and motion kept per frame, the colours per frame with jumps"
                    " marked, and the worst frames of source and result.",
                ),
                io.String.Output("text", tooltip="The verdict in plain words, then the figures."),
                io.Float.Output(
                    "look_changed",
                    tooltip="How far colours and texture went from the source's, wherever they are."
                    " 0 is the source's look, 1 has nothing in common; restyles have 0.3 to 0.6.",
                ),
                io.Float.Output(
                    "structure_kept",
                    tooltip="How much of what is where is still there, mean of the frames, whatever its"
                    " colour. 1 is all of it; good restyles have 0.8 or more.",
                ),
                io.Float.Output(
                    "motion_kept",
                    tooltip="How alike source and result are in what changes where from frame to frame,"
                    " mean of the frames. 1 is alike, or a source that stands still.",
                ),
                io.Float.Output(
                    "flicker",
                    tooltip="How far local colours go back and forth beyond what the source's do."
                    " 0.01 is 1 percent of black to white; calm clips have less.",
                ),
                io.Float.Output(
                    "drift",
                    tooltip="How far the colours of the same things move away over the clip, beyond the"
                    " source's. 0.01 is 1 percent of black to white.",
                ),
                io.Float.Output(
                    "jumps",
                    tooltip="The largest step of the mean colour where windows meet, beyond the ordinary"
                    " ones. 0.01 is 1 percent of black to white; 0 where window is 0.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, source, result, window=0, overlap=0) -> io.NodeOutput:
        with screen.naming("Restyle Report"):
            return _shown(cls, restyle_reports.shown(source, result, window, overlap))


def _shown(cls: type[io.ComfyNode], found: reports.Shown) -> io.NodeOutput:
    """A report's outputs, with panels and text on the node as well, if there is one; js/said.js tells of the
    finding, wherever the user looks."""
    outputs = (found.chart, found.text, *found.numbers)
    if screen.node_of(cls) is None:
        return io.NodeOutput(*outputs)
    preview = ui.PreviewImage(found.preview, cls=cls).as_dict() | ui.PreviewText(found.text).as_dict()
    if found.finding is not None:
        summary, detail = found.finding
        preview["unsampling_finding"] = [{"summary": summary, "detail": detail}]
    return io.NodeOutput(*outputs, ui=preview)

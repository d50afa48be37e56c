"""What an unsampling did to the clip, as text, chart and numbers; no model is called."""

from comfy_api.latest import io, ui

from ..host import reports, screen


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
            image, text, numbers = reports.shown(noise, reconstruction, source, cls.hidden.unique_id)
            preview = ui.PreviewImage(image, cls=cls).as_dict() | ui.PreviewText(text).as_dict()
            return io.NodeOutput(image, text, *numbers, ui=preview)

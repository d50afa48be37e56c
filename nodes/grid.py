"""Many restyles of one noise, and clips beside each other, as nodes."""

from comfy_api.latest import io

from ..host import grid, screen, sheets
from .inputs import AUTO, of_falling


class RestyleGrid(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_RestyleGrid",
            display_name="Restyle Grid",
            category="sampling/unsampling",
            description="Restyles one noise with every combination of prompts, cfg and structure, to find the"
            " settings in one run. Each restyle is the Noiseless Resampler's, to the bit. The node says how"
            " many restyles and model calls there will be before the first. Labelled Grid shows them.",
            search_aliases=["xy plot", "grid", "compare settings", "many prompts", "parameter sweep"],
            inputs=[
                io.Model.Input(
                    "model", tooltip="The same model, motion model and context options as for the noise."
                ),
                io.Clip.Input("clip", tooltip="What encodes the prompts: the checkpoint's CLIP."),
                io.Conditioning.Input("negative", tooltip="For all restyles. Used only where cfg is not 1."),
                io.Latent.Input("noise", tooltip="The output of Load Noise or of the Exact Unsampler."),
                io.String.Input(
                    "prompts",
                    multiline=True,
                    default="oil painting, thick brush strokes\nwatercolour on rough paper\npencil drawing,"
                    " cross-hatching",
                    tooltip="The looks to compare, one a line: the same scene in each. Each line is a row of"
                    " the grid.",
                ),
                io.String.Input(
                    "cfg",
                    default="1.5, 3",
                    tooltip="Guidance, as numbers with commas between: 1 to 5. A decimal has a point.",
                ),
                io.String.Input(
                    "structure",
                    default="0",
                    tooltip="How much of the source to keep, as numbers from 0 to 1 with commas between. 1 is"
                    " the source itself, at no model call.",
                ),
                io.Conditioning.Input(
                    "positive",
                    optional=True,
                    tooltip="Only for a ControlNet, hooks or areas: a positive that carries them. Each prompt"
                    " gets what it carries; its own text is not used.",
                ),
                *of_falling("sigmas", "direct", "hold", "steady", "turn_lightness"),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="latent", tooltip="All restyles, one after the other, as many frames each."
                ),
                io.String.Output(display_name="labels", tooltip="A line for each: cfg, structure, prompt."),
                io.Int.Output(display_name="columns", tooltip="How many restyles each prompt has."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        model,
        clip,
        negative,
        noise,
        prompts,
        cfg,
        structure,
        positive=None,
        sigmas=None,
        direct=AUTO,
        hold=0.0,
        steady=0.0,
        turn_lightness="off",
    ) -> io.NodeOutput:
        with screen.naming("Restyle Grid"):
            cells = grid.cells(prompts, cfg, structure)
            shared = grid.Shared(
                model, negative, noise, positive, sigmas, direct, hold, steady, turn_lightness
            )
            clips = grid.restyled(clip, cells, shared, screen.node_of(cls))
            return io.NodeOutput(clips, grid.labels(cells), grid.columns(cells))


class LabelledGrid(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_LabelledGrid",
            display_name="Labelled Grid",
            category="sampling/unsampling",
            description="Shows clips beside each other with a label below each, frame by frame, so that"
            " Create Video and Save Video make one film of them. Latents are decoded one clip at a time, and"
            " the node says how large the grid is.",
            search_aliases=["contact sheet", "image grid", "xy plot", "compare videos", "annotate"],
            inputs=[
                io.MultiType.Input(
                    "clips",
                    types=[io.Latent, io.Image],
                    tooltip="The latent of Restyle Grid, or pictures: all clips one after the other, as many"
                    " frames each.",
                ),
                io.String.Input(
                    "labels",
                    multiline=True,
                    default="",
                    tooltip="What stands below each clip, one a line: Restyle Grid's labels, or your own.",
                ),
                io.Int.Input(
                    "columns",
                    default=0,
                    min=0,
                    max=64,
                    tooltip="Clips in a row: Restyle Grid's columns. 0 makes about as many rows as columns.",
                ),
                io.Int.Input(
                    "width",
                    default=320,
                    min=0,
                    max=4096,
                    tooltip="Of each clip in the grid, in pixels: 256 to 512 are readable. 0 keeps its own.",
                ),
                io.Vae.Input("vae", optional=True, tooltip="The model's VAE, where clips is a LATENT."),
            ],
            outputs=[
                io.Image.Output(display_name="images", tooltip="The grid, as many frames as a clip has.")
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, clips, labels, columns, width, vae=None) -> io.NodeOutput:
        with screen.naming("Labelled Grid"):
            node = screen.node_of(cls)
            return io.NodeOutput(sheets.drawn(clips, labels, columns, width, vae, node))

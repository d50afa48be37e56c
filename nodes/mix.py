"""Noise made over, as a node."""

from comfy_api.latest import io

from ..host import mixing, screen
from .inputs import over_time


class MixNoise(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_MixNoise",
            display_name="Mix Noise",
            category="sampling/unsampling",
            description="Makes unsampled noise over: another take of a restyle by a share of fresh noise, a"
            " way between two clips, another tone. It goes between the Exact Unsampler (or Load Noise) and"
            " the resampler, and calls no model. The record goes along.",
            search_aliases=["blend noise", "slerp", "noise injection", "variation seed", "add noise", "tone"],
            inputs=[
                io.Latent.Input("noise", tooltip="The output of the Exact Unsampler or of Load Noise."),
                over_time(
                    "amount",
                    0.2,
                    "How much of the other noise, by its share of the strength (variance): 0 leaves the noise"
                    " as it is, to the bit, 0.1 to 0.3 gives another take of the clip, 1 is all of the other"
                    " noise. Connect a list of numbers (Value Scheduling) or a curve to change it over the"
                    " clip.",
                ),
                io.Combo.Input(
                    "mode",
                    options=list(mixing.MODES),
                    default=mixing.FRESH,
                    tooltip="fresh noise: drawn by seed, for each frame its own; motion and composition"
                    " loosen with it. other noise (slerp): on the great circle to the noise of a second"
                    " clip.",
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=2**32 - 1,
                    tooltip="Another number draws other fresh noise. A frame of the clip has the same in"
                    " every slice of it.",
                ),
                io.Latent.Input(
                    "other",
                    optional=True,
                    tooltip="For slerp: the noise of a second clip of the same size and number of frames, by"
                    " the same model and schedule.",
                ),
                io.Boolean.Input(
                    "normalise",
                    default=False,
                    optional=True,
                    advanced=True,
                    tooltip="Brings each frame to the strength that the schedule expects: 1 in the Inversion"
                    " Report.",
                ),
                io.Float.Input(
                    "tone",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    advanced=True,
                    tooltip="How much of the clip's brightness and colour to take out of the noise: its mean"
                    " per channel, over the whole clip. It helps a restyle from dark to bright or from"
                    " bright to dark, and hurts where the tones are alike. 0 is off.",
                ),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="noise", tooltip="The noise made over, with its record, for a resampler."
                )
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, noise, amount, mode, seed, other=None, normalise=False, tone=0.0) -> io.NodeOutput:
        with screen.naming("Mix Noise"):
            wanted = mixing.Wanted(amount, seed, mode, normalise, tone)
            return io.NodeOutput(mixing.mixed(noise, other, wanted, screen.node_of(cls)))

"""The rising pass as a node."""

from comfy_api.latest import io

from ..host import models, noise_cache, passes, screen
from .inputs import SOUGHT, keep_on_disk, rising


class Unsampler(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_Unsampler",
            display_name="Exact Unsampler",
            category="sampling/unsampling",
            description="Turns a video (or picture) into the noise that represents it, by running the"
            " sampler backwards. Feed the noise to the Noiseless Resampler with another prompt:"
            " motion and composition stay, the look changes. Settings travel with the noise.",
            search_aliases=[
                *SOUGHT,
                *("inversion", "invert", "ddim inversion", "flip sigmas", "unsample"),
                "reverse sampling",
            ],
            inputs=[
                io.Model.Input(
                    "model",
                    tooltip="The model as the resampler will use it: with the same"
                    " AnimateDiff or HotshotXL motion model, context options"
                    " and sigma schedule.",
                ),
                io.Conditioning.Input(
                    "positive",
                    tooltip="What the clip shows now, in plain words. On the"
                    " direct path the new look is the difference"
                    " between this text and the resampler's. An empty"
                    " text works much worse: describe even a difficult"
                    " clip in a few plain words."
                    " The target prompt only with direct at 0: the new"
                    " look then comes from the resampler's higher cfg"
                    " alone.",
                ),
                io.Conditioning.Input("negative", tooltip="Used only when cfg is not 1."),
                io.Latent.Input(
                    "latent_image",
                    tooltip="The encoded source clip, one latent a frame (VAE"
                    " Encode). A noise mask on it (Set Latent Noise"
                    " Mask) means: restyle here, keep the rest.",
                ),
                io.Sigmas.Input(
                    "sigmas",
                    tooltip="An ordinary falling schedule, as any scheduler node"
                    " gives it. It is turned round here: do not put"
                    " FlipSigmas in between.",
                ),
                io.Float.Input(
                    "cfg",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    round=0.01,
                    tooltip="Guidance while unsampling (no unit). 1 is right for almost"
                    " everything and costs half the time. Higher pushes the noise away"
                    " from a natural one: the result clings to the source and artifacts"
                    " appear, above about 1.5 clearly.",
                ),
                *rising(),
                keep_on_disk(),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="noise",
                    tooltip="The noise that represents the clip, with the settings that"
                    " made it. Connect it to the Noiseless Resampler as it is;"
                    " decoded, it shows noise.",
                )
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        model,
        positive,
        negative,
        latent_image,
        sigmas,
        cfg,
        solver,
        end=1.0,
        record="full",
        direct=0.0,
        variation=0,
        keep_on_disk=False,
    ) -> io.NodeOutput:
        with screen.naming("Exact Unsampler"):
            guider = models.cfg_guider(model, positive, negative, cfg)
            made = passes.unsample(
                guider,
                latent_image,
                sigmas,
                solver,
                end,
                record,
                screen.node_of(cls),
                direct=direct,
                variation=variation,
                cache=noise_cache.slot if keep_on_disk else None,
            )
            return io.NodeOutput(made)

"""The falling pass as a node."""

from comfy_api.latest import io

from ..host import models, passes, screen
from .inputs import AUTO, SOUGHT, falling


class NoiselessResampler(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_NoiselessResampler",
            display_name="Noiseless Resampler",
            category="sampling/unsampling",
            description="Grows a clip from unsampled noise. The same inputs give the same clip; another"
            " variation gives another take of it. Schedule and solver come with the noise.",
            search_aliases=[*SOUGHT, "resample", "noiseless", "inversion"],
            inputs=[
                io.Model.Input(
                    "model",
                    tooltip="The same model, motion model and context options as in the"
                    " Exact Unsampler. LoRA and ControlNet may differ: they are part"
                    " of the new look.",
                ),
                io.Conditioning.Input(
                    "positive",
                    tooltip="The same scene in the new look, with ControlNet applied if you use one.",
                ),
                io.Conditioning.Input("negative", tooltip="Used only when cfg is not 1."),
                io.Latent.Input("noise", tooltip="The output of the Exact Unsampler."),
                io.Float.Input(
                    "cfg",
                    default=2.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    round=0.01,
                    tooltip="Guidance toward the prompt (no unit). Start low, at 1 to 3. Raising"
                    " it strengthens the new style and loosens the hold of the source; 1"
                    " costs half the time. It acts below the direct path.",
                ),
                *falling(),
            ],
            outputs=[
                io.Latent.Output(display_name="latent", tooltip="The restyled clip, one latent a frame.")
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        model,
        positive,
        negative,
        noise,
        cfg,
        structure,
        fidelity=1.0,
        direct=AUTO,
        solver="auto",
        sigmas=None,
        hold=0.0,
        steady=0.0,
        turn_lightness="off",
        variation=0,
    ) -> io.NodeOutput:
        with screen.naming("Noiseless Resampler"):
            guider = models.cfg_guider(model, positive, negative, cfg)
            node = screen.node_of(cls)
            more: dict = {"direct": direct, "hold": hold, "steady": steady, "turn": turn_lightness}
            more["variation"] = variation
            clip = passes.resample(guider, noise, sigmas, solver, structure, fidelity, node, **more)
            return io.NodeOutput(clip)

"""The two passes for any GUIDER: dual cfg, perpendicular negative, and whatever else makes one."""

from comfy_api.latest import io

from ..host import noise_cache, passes, screen
from .inputs import AUTO, SOUGHT, falling, keep_on_disk, rising


class UnsamplerAdvanced(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_UnsamplerAdvanced",
            display_name="Exact Unsampler (Advanced)",
            category="sampling/unsampling",
            description="The Exact Unsampler for any guider: model, conditioning and guidance come in one"
            " connection.",
            search_aliases=[*SOUGHT, "inversion", "guider", "unsample", "dual cfg"],
            inputs=[
                io.Guider.Input(
                    "guider",
                    tooltip="Model, conditioning and guidance of the rising pass."
                    " Guidance other than 1 pushes the noise away from a"
                    " natural one.",
                ),
                io.Latent.Input(
                    "latent_image",
                    tooltip="The encoded source clip, one latent a frame. A"
                    " noise mask on it means: restyle here, keep the"
                    " rest.",
                ),
                io.Sigmas.Input("sigmas", tooltip="An ordinary falling schedule; it is turned round here."),
                *rising(),
                io.Sampler.Input(
                    "sampler",
                    optional=True,
                    advanced=True,
                    tooltip="A core SAMPLER in place of this node's solver, without record, so"
                    " not exact. Only those that can be run backwards are taken, and no"
                    " context windows that move (Uniform, Looped).",
                ),
                keep_on_disk(),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="noise",
                    tooltip="The noise that represents the clip, with the settings that made it.",
                )
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        guider,
        latent_image,
        sigmas,
        solver,
        end=1.0,
        record="full",
        direct=0.0,
        variation=0,
        sampler=None,
        keep_on_disk=False,
    ) -> io.NodeOutput:
        with screen.naming("Exact Unsampler (Advanced)"):
            node, cache = screen.node_of(cls), noise_cache.slot if keep_on_disk else None
            made = passes.unsample(
                guider, latent_image, sigmas, solver, end, record, node, sampler, direct, variation, cache
            )
            return io.NodeOutput(made)


class NoiselessResamplerAdvanced(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_NoiselessResamplerAdvanced",
            display_name="Noiseless Resampler (Advanced)",
            category="sampling/unsampling",
            description="The Noiseless Resampler for any guider: model, conditioning and guidance come in one"
            " connection.",
            search_aliases=[*SOUGHT, "resample", "guider", "noiseless", "dual cfg"],
            inputs=[
                io.Guider.Input(
                    "guider",
                    tooltip="Model, conditioning and guidance of the falling pass:"
                    " the new look. Raising its cfg strengthens the style.",
                ),
                io.Latent.Input("noise", tooltip="The output of an Exact Unsampler."),
                *falling(),
                io.Sampler.Input(
                    "sampler",
                    optional=True,
                    advanced=True,
                    tooltip="Only for noise that was made with a core SAMPLER: the same one.",
                ),
            ],
            outputs=[
                io.Latent.Output(display_name="latent", tooltip="The restyled clip, one latent a frame.")
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        guider,
        noise,
        structure,
        fidelity=1.0,
        direct=AUTO,
        solver="auto",
        sigmas=None,
        sampler=None,
        hold=0.0,
        steady=0.0,
        turn_lightness="off",
        variation=0,
    ) -> io.NodeOutput:
        with screen.naming("Noiseless Resampler (Advanced)"):
            node = screen.node_of(cls)
            more: dict = {"direct": direct, "hold": hold, "steady": steady, "turn": turn_lightness}
            more |= {"sampler": sampler, "variation": variation}
            clip = passes.resample(guider, noise, sigmas, solver, structure, fidelity, node, **more)
            return io.NodeOutput(clip)

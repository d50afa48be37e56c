"""The two passes for any GUIDER: dual cfg, perpendicular negative, and whatever else makes one."""

from comfy_api.latest import io

from ..unsampling import solvers
from . import host, passes
from .inputs import over_time


class UnsamplerAdvanced(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_UnsamplerAdvanced",
            display_name="Unsampler (Advanced)",
            category="sampling/unsampling",
            description="The Unsampler for any guider: model, conditioning and guidance come in one"
                        " connection.",
            search_aliases=["inversion", "guider", "unsample", "dual cfg"],
            inputs=[
                io.Guider.Input("guider", tooltip="Model, conditioning and guidance of the rising pass."
                                                  " Guidance other than 1 pushes the noise away from a"
                                                  " natural one."),
                io.Latent.Input("latent_image", tooltip="The encoded source clip, one latent a frame. A"
                                                        " noise mask on it means: restyle here, keep the"
                                                        " rest."),
                io.Sigmas.Input("sigmas", tooltip="An ordinary falling schedule; it is turned round here."),
                io.Combo.Input("solver", options=list(solvers.PAIRS), default=solvers.DEFAULT,
                               tooltip="The method of both passes. midpoint suits almost everything;"
                                       " dpmpp_2m is smoother, for 6 steps or fewer at a high guidance."),
                io.Float.Input("end", default=1.0, min=0.0, max=1.0, step=0.01, optional=True, advanced=True,
                               tooltip="How far up to unsample, as a fraction of the steps. 1 is full noise;"
                                       " lower keeps more of the source."),
                io.Combo.Input("record", options=list(passes.RECORD), default="full", optional=True,
                               advanced=True,
                               tooltip="Keeps what makes the resampling exact, structure and masks"
                                       " possible: one more model call, and (steps + 4) latents in main"
                                       " memory (on disk above 2 GiB), a little over half of that with"
                                       " half."),
                io.Sampler.Input("sampler", optional=True, advanced=True,
                                 tooltip="A core SAMPLER in place of this node's solver, without record, so"
                                         " not exact. Only those that can be run backwards are taken, and no"
                                         " context windows that move (Uniform, Looped)."),
            ],
            outputs=[io.Latent.Output(display_name="noise", tooltip="The noise that represents the clip, with"
                                                                    " the settings that made it.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, guider, latent_image, sigmas, solver, end=1.0, record="full",
                sampler=None) -> io.NodeOutput:
        with host.naming("Unsampler (Advanced)"):
            return io.NodeOutput(passes.unsample(guider, latent_image, sigmas, solver, end, record,
                                                 cls.hidden.unique_id, sampler))


class NoiselessResamplerAdvanced(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_NoiselessResamplerAdvanced",
            display_name="Noiseless Resampler (Advanced)",
            category="sampling/unsampling",
            description="The Noiseless Resampler for any guider: model, conditioning and guidance come in one"
                        " connection.",
            search_aliases=["resample", "guider", "noiseless", "dual cfg"],
            inputs=[
                io.Guider.Input("guider", tooltip="Model, conditioning and guidance of the falling pass:"
                                                  " the new look. Raising its cfg strengthens the style."),
                io.Latent.Input("noise", tooltip="The output of an Unsampler."),
                over_time("structure", 0.0, "How much of the source to keep, as the fraction of the steps to"
                                            " leave out. 0 gives the most freedom, 1 is the source itself."),
                over_time("fidelity", 1.0, "How much of the recorded correction to use. 1 returns the source"
                                           " exactly under its own settings, 0 is the plain solver.",
                          advanced=True),
                io.Combo.Input("solver", options=["auto", *solvers.PAIRS], default="auto", optional=True,
                               advanced=True,
                               tooltip="auto takes the solver that the noise was made with. Choose one only"
                                       " for noise that did not come from an Unsampler."),
                io.Sigmas.Input("sigmas", optional=True, advanced=True,
                                tooltip="Only for noise that did not come from an Unsampler: its falling"
                                        " schedule."),
                io.Sampler.Input("sampler", optional=True, advanced=True,
                                 tooltip="Only for noise that was made with a core SAMPLER: the same one."),
            ],
            outputs=[io.Latent.Output(display_name="latent",
                                      tooltip="The restyled clip, one latent a frame.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, guider, noise, structure, fidelity=1.0, solver="auto", sigmas=None,
                sampler=None) -> io.NodeOutput:
        with host.naming("Noiseless Resampler (Advanced)"):
            return io.NodeOutput(passes.resample(guider, noise, sigmas, solver, structure, fidelity,
                                                 cls.hidden.unique_id, sampler))

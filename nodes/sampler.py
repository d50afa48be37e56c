"""Our pairs as a SAMPLER, for graphs that are built on core's custom samplers."""

from comfy_api.latest import io

from ..host import sampling
from ..unsampling import solvers


class InversionSampler(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_InversionSampler",
            display_name="Inversion Sampler",
            category="sampling/unsampling",
            description="One of this pack's solvers as a SAMPLER for SamplerCustom and"
            " SamplerCustomAdvanced, flow models included. A SAMPLER cannot attach a record:"
            " for an exact round trip use the Exact Unsampler.",
            search_aliases=["inversion", "sampler", "unsample"],
            inputs=[
                io.Combo.Input(
                    "solver",
                    options=list(solvers.PAIRS),
                    default=solvers.DEFAULT,
                    tooltip="The method; use the same one in both directions. midpoint is the most"
                    " accurate for its cost, ees25 per step, at three times the cost.",
                ),
                io.Combo.Input(
                    "direction",
                    options=["unsample", "resample"],
                    default="unsample",
                    tooltip="unsample turns a clip into noise and takes the schedule falling or"
                    " rising; resample turns noise into a clip. Switch add_noise off for"
                    " both.",
                ),
            ],
            outputs=[
                io.Sampler.Output(tooltip="A sampler that adds no noise and leaves the latent's scale alone.")
            ],
        )

    @classmethod
    def execute(cls, solver, direction) -> io.NodeOutput:
        return io.NodeOutput(sampling.plain_sampler(solver, direction == "unsample"))

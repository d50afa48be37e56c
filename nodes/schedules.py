"""Schedules as nodes: AYS that finds its own table, and a reversal that knows the model."""

from comfy_api.latest import io

from ..host import models, screen
from ..unsampling import schedules


class AYSScheduler(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_AYSScheduler",
            display_name="AYS Scheduler (auto)",
            category="sampling/unsampling",
            description="Align Your Steps: the step schedule that keeps few-step sampling accurate. Picks"
            " the table that fits the connected model. One AYS Scheduler feeds the Exact Unsampler;"
            " the resampler takes the schedule from the noise.",
            search_aliases=["align your steps", "sigmas", "scheduler"],
            inputs=[
                io.Combo.Input(
                    "model_type",
                    options=["auto", *schedules.AYS_TABLES],
                    default="auto",
                    tooltip="Which table to use. auto reads it from the connected model; SD1"
                    " also serves SD2 and AnimateDiff on SD1.5, SDXL also serves"
                    " HotshotXL, SVD is for Stable Video Diffusion. A table that does"
                    " not fit the model costs quality.",
                ),
                io.Int.Input(
                    "steps",
                    default=16,
                    min=1,
                    max=10000,
                    tooltip="Number of steps, in each of the two passes. More steps: a closer"
                    " inversion and finer detail, and proportionally more time. 16 is the"
                    " usual choice.",
                ),
                io.Float.Input(
                    "denoise",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Fraction of the schedule to keep, counted from the clean end. 1"
                    " reaches full noise. Lower keeps more of the source and runs fewer"
                    " steps.",
                ),
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip="The model that will be unsampled, needed for auto. With"
                    " AnimateDiff, the one after Use Evolved Sampling or the plain"
                    " checkpoint: both give the same table.",
                ),
            ],
            outputs=[
                io.Sigmas.Output(tooltip="Falling noise levels (sigmas), steps + 1 of them, ending at 0.")
            ],
        )

    @classmethod
    def execute(cls, model_type, steps, denoise, model=None) -> io.NodeOutput:
        with screen.naming("AYS Scheduler"):
            return io.NodeOutput(models.ays(model, model_type, steps, denoise))


class ReverseSigmas(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_ReverseSigmas",
            display_name="Reverse Sigmas",
            category="sampling/unsampling",
            description="Turns a falling schedule round for core's custom samplers. Like FlipSigmas, but"
            " the first sigma is the model's own lowest instead of 0.0001, and flow models"
            " work. The Exact Unsampler does not need this: it turns the schedule round itself.",
            search_aliases=["flip sigmas", "invert sigmas"],
            inputs=[
                io.Sigmas.Input(
                    "sigmas", tooltip="An ordinary falling schedule, noise levels from high to low."
                ),
                io.Model.Input(
                    "model",
                    tooltip="The model that will be sampled: its lowest sigma replaces"
                    " a 0 at the start of the rising schedule.",
                ),
            ],
            outputs=[io.Sigmas.Output(tooltip="The same noise levels, rising.")],
        )

    @classmethod
    def execute(cls, sigmas, model) -> io.NodeOutput:
        with screen.naming("Reverse Sigmas"):
            return io.NodeOutput(schedules.reverse(sigmas, models.sigma_min(model)))

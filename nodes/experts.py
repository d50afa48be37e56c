"""Two models that share a schedule, as one GUIDER."""

from comfy_api.latest import io

from ..host import expert_pairs, screen


class ExpertsBySigma(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_ExpertsBySigma",
            display_name="Experts by Sigma",
            category="sampling/unsampling",
            description="Makes one guider of two models that share a schedule: Wan 2.2's high-noise and"
            " low-noise model, or SDXL and its refiner. Which of the two is asked depends on sigma alone, so"
            " that unsampling and resampling ask the same one. Each keeps its own LoRA, hooks and context"
            " windows, and only one is on the GPU at a time.",
            search_aliases=["wan 2.2", "high noise low noise", "mixture of experts", "refiner", "two models"],
            inputs=[
                io.Model.Input("high_model", tooltip="The model for the high sigmas, with its own LoRA."),
                io.Model.Input("low_model", tooltip="The model for the low sigmas, with its own LoRA."),
                io.Conditioning.Input(
                    "positive",
                    tooltip="For both models, or for high_model alone where low_positive is connected.",
                ),
                io.Conditioning.Input("negative", tooltip="Used only where cfg is not 1."),
                io.Float.Input(
                    "cfg",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Guidance of both models (no unit). 1 to unsample; 1 to 4 for a new look.",
                ),
                io.Float.Input(
                    "border",
                    default=0.875,
                    min=0.0001,
                    max=10000.0,
                    step=0.001,
                    tooltip="The sigma from which up high_model is asked; below it low_model is. Wan 2.2:"
                    " 0.875 for text-to-video, 0.9 for image-to-video, whatever the shift. SDXL and its"
                    " refiner: 0.57, the last fifth of the noise levels.",
                ),
                io.Conditioning.Input(
                    "low_positive",
                    optional=True,
                    tooltip="The prompt for low_model, where it has another text encoder (SDXL's refiner) or"
                    " needs another text. Leave it open to use positive.",
                ),
                io.Conditioning.Input("low_negative", optional=True, tooltip="The same for the negative."),
                io.Float.Input(
                    "low_cfg",
                    default=expert_pairs.AS_HIGH,
                    min=-1.0,
                    max=100.0,
                    step=0.1,
                    optional=True,
                    advanced=True,
                    tooltip="Guidance of low_model alone. -1 takes cfg.",
                ),
            ],
            outputs=[
                io.Guider.Output(
                    display_name="guider",
                    tooltip="For Exact Unsampler (Advanced) and Noiseless Resampler (Advanced), which need"
                    " one with the same models and border.",
                )
            ],
        )

    @classmethod
    def execute(
        cls,
        high_model,
        low_model,
        positive,
        negative,
        cfg,
        border,
        low_positive=None,
        low_negative=None,
        low_cfg=expert_pairs.AS_HIGH,
    ) -> io.NodeOutput:
        with screen.naming("Experts by Sigma"):
            texts = {"low_positive": low_positive, "low_negative": low_negative}
            return io.NodeOutput(
                expert_pairs.pair(
                    high_model, low_model, positive, negative, cfg, border, low_cfg=low_cfg, **texts
                )
            )

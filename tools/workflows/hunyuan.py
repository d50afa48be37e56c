"""A clip through HunyuanVideo, a native video model with its guidance built in: no negative text, no cfg."""

from typing import Any

from tools.workflows import notes
from tools.workflows.flow import (
    Frames,
    Loaders,
    Pass,
    Scene,
    Variant,
    named,
    restyle,
    simple_schedule,
)
from tools.workflows.graph import Graph, Node
from tools.workflows.layout import Area, Column, place
from tools.workflows.models import CLIP_L, HUNYUAN, HUNYUAN_VAE, LLAMA
from tools.workflows.parts import BLUE, OURS
from tools.workflows.subgraph import fold

START = notes.START_FLOW.format(
    name="HunyuanVideo",
    inside="the loaders and the shift",
    second="more guidance",
)

ABOUT = """\
HunyuanVideo is a *flow* model whose **guidance is built in**: *FluxGuidance* tells it how strictly to \
follow the text, with one model call a step and without a negative text.

- **guidance 1 in the Exact Unsampler, more in the Resampler**: what *cfg* is in the other templates. 6 is \
what the model is usually sampled with.
- **Basic Guider** instead of cfg, so both passes are the *(Advanced)* nodes.
- **One model for everything.** *Shift of the schedule* (ModelSamplingSD3, in *Models*) sits before Basic \
Scheduler and both guiders.
- **No AnimateDiff and no motion model**: HunyuanVideo makes all frames together.
"""

PROMPTS = notes.PROMPTS.replace(
    "Leave the Exact Unsampler's **cfg at 1**", "Leave the source's **guidance at 1**"
)
SIZE = notes.SIZE_FLOW.format(
    megapixels="0.38",
    example="848 x 480",
    multiple=16,
    counts="1, 5, 9, 13, ...",
    name="HunyuanVideo",
    repeat=3,
    most="HunyuanVideo was made for up to 129 frames.",
)


def load(g: Graph) -> Loaders:
    """The loaders, and the shift of the schedule."""
    model = g.add("UNETLoader", models=[HUNYUAN], unet_name=HUNYUAN["name"])
    text = g.add(
        "DualCLIPLoader",
        models=[CLIP_L, LLAMA],
        clip_name1=CLIP_L["name"],
        clip_name2=LLAMA["name"],
        type="hunyuan_video",
    )
    vae = g.add("VAELoader", models=[HUNYUAN_VAE], vae_name=HUNYUAN_VAE["name"])
    shift = g.add("ModelSamplingSD3", "Shift of the schedule", model=model["MODEL"], shift=7.0)
    return Loaders([shift["MODEL"]], text["CLIP"], vae["VAE"], [model, text, vae], [shift])


def folded(g: Graph, loaders: Loaders) -> Node:
    """All of them as one node."""
    (model, text, vae), (shift,) = loaders.nodes, loaders.shifts
    place(g, [Area("", BLUE, loaders.nodes, 400, more=(Column(loaders.shifts, 400),))])
    g.groups.clear()
    shown = {
        (model, "unet_name"): "video model",
        (text, "clip_name1"): "text encoder 1",
        (text, "clip_name2"): "text encoder 2",
        (vae, "vae_name"): "VAE",
        (shift, "shift"): "shift",
    }
    made = {"MODEL": shift["MODEL"], "CLIP": text["CLIP"], "VAE": vae["VAE"]}
    return fold(g, "Models", [*loaders.nodes, *loaders.shifts], shown, made)


def with_guidance(g: Graph, up: bool, scene: Scene, **inputs: Any) -> Pass:
    """A pass with the model's own guidance."""
    text = scene.texts.source if up else scene.texts.target
    guidance = g.add(
        "FluxGuidance",
        f"Guidance by the {'source' if up else 'target'}'s text",
        conditioning=text["CONDITIONING"],
        guidance=1.0 if up else 6.0,
    )
    guider = g.add("BasicGuider", model=scene.loaders.models[0], conditioning=guidance["CONDITIONING"])
    sampler = g.add(named(up, advanced=True), colors=OURS, guider=guider["GUIDER"], **inputs)
    return Pass(sampler, [guidance, guider], (guidance, "guidance"))


HUNYUAN_VARIANT = Variant(
    [HUNYUAN, CLIP_L, LLAMA, HUNYUAN_VAE],
    "text-to-video model of HunyuanVideo",
    START,
    ("Guidance, not cfg", ABOUT),
    Frames(0.38, 16, 3, SIZE),
    notes.TUNING_HUNYUAN,
    load,
    folded,
    simple_schedule,
    with_guidance,
    negative=False,
    prompts=PROMPTS,
)


def unsampling_hunyuan_video(info: dict) -> dict:
    """The workflow file's content."""
    return restyle(info, HUNYUAN_VARIANT)

"""A clip through Wan, a native video model and a flow model: core's schedule, no AnimateDiff.

Wan 2.1 is one model, Wan 2.2 14B two, of which Experts by Sigma makes a guider. VACE is Wan 2.1 with a
control video: the clip's edges, in the weak ControlNet's place.
"""

from functools import partial
from typing import Any

from tools.workflows import notes
from tools.workflows.flow import (
    Frames,
    Loaders,
    Pass,
    Scene,
    Variant,
    named,
    plain,
    restyle,
    simple_schedule,
    with_model,
)
from tools.workflows.graph import Graph, Node
from tools.workflows.layout import Area, Column, place
from tools.workflows.models import WAN, WAN22_HIGH, WAN22_LOW, WAN_TEXT, WAN_VACE, WAN_VAE, Model
from tools.workflows.parts import BLUE, OURS
from tools.workflows.subgraph import Shown, fold

WAN_FRAMES = Frames(0.38, 16, 3, notes.SIZE_WAN)

START_VACE = """\
# Restyle a video by unsampling, on Wan 2.1 VACE

1. The **Exact Unsampler** runs the sampler backwards: it turns your clip into the noise that the model \
would have started from to make it. Motion and composition are kept in that noise.
2. The **Noiseless Resampler** comes down again with another text, a little more cfg and **weak edges** of \
the clip as control video. Another *variation* gives another take.

**Use it:** choose a clip in *Load Video*. Write what it shows in *Source* and the look you want in \
*Target*. Run.

It needs only this pack. *Models* and *VACE* have nodes inside: a double click opens them. \
ComfyUI offers to download missing files.
"""

VACE = """\
VACE is Wan 2.1 with a control video: here the clip's own edges, by *Canny Edges*. It takes the place that a \
weak ControlNet has in the AnimateDiff templates.

- **In the Resampler alone.** The Exact Unsampler has no control: the noise holds the clip already.
- **strength** 0.4 keeps outlines without the source's texture. Lower it when the new look cannot change \
shapes, raise it when shapes drift.
- **Other edges, another control**: *Canny Edges* with its thresholds is inside *VACE*. Depth or pose frames \
of the same size and number can take its place.
- *WanVaceToVideo*'s own latent is not used: it is empty. Its sizes come from the frames.
- **Wan 2.1's shift**: *Shift of the schedule* (ModelSamplingSD3, in *Models*).
"""


def load(g: Graph, files: list[Model]) -> Loaders:
    """The loaders, and the shift of each model's schedule."""
    loaders = [g.add("UNETLoader", models=[file], unet_name=file["name"]) for file in files]
    text = g.add("CLIPLoader", models=[WAN_TEXT], clip_name=WAN_TEXT["name"], type="wan")
    vae = g.add("VAELoader", models=[WAN_VAE], vae_name=WAN_VAE["name"])
    shifts = [
        g.add("ModelSamplingSD3", "Shift of the schedule", model=one["MODEL"], shift=8.0) for one in loaders
    ]
    shifted = [shift["MODEL"] for shift in shifts]
    return Loaders(shifted, text["CLIP"], vae["VAE"], [*loaders, text, vae], shifts)


def folded(g: Graph, loaders: Loaders, labels: list[str], outputs: list[str]) -> Node:
    """All of them as one node."""
    place(g, [Area("", BLUE, loaders.nodes, 400, more=(Column(loaders.shifts, 400),))])
    g.groups.clear()
    shifts = ["shift"] if len(labels) == 1 else ["shift, high noise", "shift, low noise"]
    *models, text, vae = loaders.nodes
    shown: Shown = {(model, "unet_name"): label for model, label in zip(models, labels, strict=True)}
    shown |= {(text, "clip_name"): "text encoder", (vae, "vae_name"): "VAE"}
    shown |= {(shift, "shift"): label for shift, label in zip(loaders.shifts, shifts, strict=True)}
    made = dict(zip(outputs, loaders.models, strict=True))
    made |= {"CLIP": loaders.text, "VAE": loaders.vae}
    return fold(g, "Models", [*loaders.nodes, *loaders.shifts], shown, made)


def with_experts(g: Graph, up: bool, scene: Scene, **inputs: Any) -> Pass:
    """A pass on two models."""
    high, low = scene.loaders.models
    text = scene.texts.source if up else scene.texts.target
    guider = g.add(
        "UNS_ExpertsBySigma",
        f"Both models, with the {'source' if up else 'target'}'s text",
        colors=OURS,
        high_model=high,
        low_model=low,
        positive=text["CONDITIONING"],
        negative=scene.texts.negative["CONDITIONING"],
        cfg=1.0 if up else 2.0,
    )
    sampler = g.add(named(up, advanced=True), colors=OURS, guider=guider["guider"], **inputs)
    return Pass(sampler, [guider], (guider, "cfg"))


def with_edges(g: Graph, up: bool, scene: Scene, **inputs: Any) -> Pass:
    """A pass on one model, the falling one with the clip's edges as control video."""
    if up:
        return with_model(g, up, scene, **inputs)
    images = scene.frames["images"]
    edges = g.add("UNS_CannyEdges", colors=OURS, images=images)
    size = g.add("GetImageSize", image=images)
    control = g.add(
        "WanVaceToVideo",
        positive=scene.texts.target["CONDITIONING"],
        negative=scene.texts.negative["CONDITIONING"],
        vae=scene.loaders.vae,
        width=size["width"],
        height=size["height"],
        length=size["batch_size"],
        control_video=edges["edges"],
        strength=0.4,
    )
    place(g, [Area("", BLUE, [edges, size], 400, more=(Column([control], 400),))])
    g.groups.clear()
    both = {"positive": control["positive"], "negative": control["negative"]}
    shown: Shown = {(control, "strength"): "strength"}
    weak = fold(g, "VACE (weak edges of the clip)", [control, edges, size], shown, both)
    return plain(g, up, scene, weak["positive"], weak["negative"], above=[weak], **inputs)


def variant(
    files: list[Model], kind: str, start: str, about: tuple[str, str], sample: Any, tuning: str
) -> Variant:
    """A kind of Wan: one model, or a pair."""
    sides = [""] if len(files) == 1 else [", high noise", ", low noise"]
    outputs = ["MODEL"] if len(files) == 1 else ["HIGH NOISE", "LOW NOISE"]
    return Variant(
        [*files, WAN_TEXT, WAN_VAE],
        kind,
        start,
        about,
        WAN_FRAMES,
        tuning,
        partial(load, files=files),
        partial(folded, labels=[f"video model{side}" for side in sides], outputs=outputs),
        simple_schedule,
        sample,
    )


ONE = variant(
    [WAN],
    "text-to-video model of Wan 2.1",
    notes.START_WAN,
    ("Unlike AnimateDiff", notes.FLOW),
    with_model,
    notes.TUNING_WAN,
)
TWO = variant(
    [WAN22_HIGH, WAN22_LOW],
    "pair of text-to-video models of Wan 2.2 14B",
    notes.START_WAN22,
    ("Two models", notes.EXPERTS),
    with_experts,
    notes.TUNING_WAN,
)
CONTROLLED = variant(
    [WAN_VACE],
    "VACE model of Wan 2.1",
    START_VACE,
    ("What VACE does", VACE),
    with_edges,
    notes.TUNING_VACE,
)


def unsampling_wan_video(info: dict) -> dict:
    """Wan 2.1: the workflow file's content."""
    return restyle(info, ONE)


def unsampling_wan22_video(info: dict) -> dict:
    """Wan 2.2 14B: the workflow file's content."""
    return restyle(info, TWO)


def unsampling_wan_vace(info: dict) -> dict:
    """Wan 2.1 VACE: the workflow file's content."""
    return restyle(info, CONTROLLED)

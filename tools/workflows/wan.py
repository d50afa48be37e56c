"""A clip through Wan, a native video model and a flow model: core's schedule, no AnimateDiff.

Wan 2.1 is one model, Wan 2.2 14B two, of which Experts by Sigma makes a guider.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from tools.workflows import notes
from tools.workflows.graph import Graph, Node, Output
from tools.workflows.layout import Area, Column, place
from tools.workflows.models import CLIP, WAN, WAN22_HIGH, WAN22_LOW, WAN_TEXT, WAN_VAE, Model, packs
from tools.workflows.parts import (
    BLUE,
    NOTE_WIDTH,
    OURS,
    WIDE,
    Prompts,
    Shared,
    app_mode,
    files_note,
    help_notes,
    migration_note,
    passes,
    prompt_heights,
    prompts,
    read_me,
    taller,
)
from tools.workflows.subgraph import Shown, fold


class Loaders(NamedTuple):
    """Of each model its loader and its shift; text encoder and VAE."""

    models: list[tuple[Node, Node]]
    text: Node
    vae: Node

    @property
    def nodes(self) -> list[Node]:
        return [*(loader for loader, _ in self.models), self.text, self.vae]

    @property
    def shifts(self) -> list[Node]:
        return [shift for _, shift in self.models]

    @property
    def shifted(self) -> list[Output]:
        return [shift["MODEL"] for shift in self.shifts]


class Pass(NamedTuple):
    """A sampler, what makes its guider if it has one, and which of the two has the cfg."""

    sampler: Node
    above: list[Node]

    @property
    def strong(self) -> Node:
        return self.above[0] if self.above else self.sampler


class Variant(NamedTuple):
    """What differs: the models, with the labels of their widgets and outputs, notes, and both samplers."""

    files: list[Model]
    kind: str
    start: str
    about: tuple[str, str]
    labels: list[str]
    outputs: list[str]
    sample: Callable[..., Pass]


def with_model(g: Graph, up: bool, models: list[Output], texts: Prompts, **inputs: Any) -> Pass:
    """A pass on one model."""
    both: Shared = {"model": models[0], "negative": texts.negative["CONDITIONING"]}
    text, kind, cfg = _side(up, texts, "UNS_Unsampler", "UNS_NoiselessResampler")
    return Pass(g.add(kind, colors=OURS, **both, positive=text["CONDITIONING"], **inputs, cfg=cfg), [])


def with_experts(g: Graph, up: bool, models: list[Output], texts: Prompts, **inputs: Any) -> Pass:
    """A pass on two models."""
    text, kind, cfg = _side(up, texts, "UNS_UnsamplerAdvanced", "UNS_NoiselessResamplerAdvanced")
    high, low = models
    guider = g.add(
        "UNS_ExpertsBySigma",
        f"Both models, with the {'source' if up else 'target'}'s text",
        colors=OURS,
        high_model=high,
        low_model=low,
        positive=text["CONDITIONING"],
        negative=texts.negative["CONDITIONING"],
        cfg=cfg,
    )
    return Pass(g.add(kind, colors=OURS, guider=guider["guider"], **inputs), [guider])


def _side(up: bool, texts: Prompts, unsampler: str, resampler: str) -> tuple[Node, str, float]:
    return (texts.source, unsampler, 1.0) if up else (texts.target, resampler, 2.0)


ONE = Variant(
    [WAN],
    "text-to-video model of Wan 2.1",
    notes.START_WAN,
    ("What differs from AnimateDiff", notes.FLOW),
    ["video model"],
    ["MODEL"],
    with_model,
)
TWO = Variant(
    [WAN22_HIGH, WAN22_LOW],
    "pair of text-to-video models of Wan 2.2 14B",
    notes.START_WAN22,
    ("Two models", notes.EXPERTS),
    ["video model, high noise", "video model, low noise"],
    ["HIGH NOISE", "LOW NOISE"],
    with_experts,
)


def load(g: Graph, variant: Variant) -> Loaders:
    """The loaders, and the shift of each model's schedule."""
    loaders = [g.add("UNETLoader", models=[file], unet_name=file["name"]) for file in variant.files]
    text = g.add("CLIPLoader", models=[WAN_TEXT], clip_name=WAN_TEXT["name"], type="wan")
    vae = g.add("VAELoader", models=[WAN_VAE], vae_name=WAN_VAE["name"])
    shifts = [
        g.add("ModelSamplingSD3", "Shift of the schedule", model=one["MODEL"], shift=8.0) for one in loaders
    ]
    return Loaders(list(zip(loaders, shifts, strict=True)), text, vae)


def folded(g: Graph, loaders: Loaders, variant: Variant) -> Node:
    """All of them as one node."""
    shifts = ["shift"] if len(loaders.models) == 1 else ["shift, high noise", "shift, low noise"]
    shown: Shown = {
        (loader, "unet_name"): label
        for (loader, _), label in zip(loaders.models, variant.labels, strict=True)
    }
    shown |= {(loaders.text, "clip_name"): "text encoder", (loaders.vae, "vae_name"): "VAE"}
    shown |= {(shift, "shift"): label for shift, label in zip(loaders.shifts, shifts, strict=True)}
    outputs = dict(zip(variant.outputs, loaders.shifted, strict=True))
    outputs |= {"CLIP": loaders.text["CLIP"], "VAE": loaders.vae["VAE"]}
    return fold(g, "Models", [*loaders.nodes, *loaders.shifts], shown, outputs)


def unsampling_wan_video(info: dict) -> dict:
    """Wan 2.1: the workflow file's content."""
    return restyle(info, ONE)


def unsampling_wan22_video(info: dict) -> dict:
    """Wan 2.2 14B: the workflow file's content."""
    return restyle(info, TWO)


def restyle(info: dict, variant: Variant) -> dict:
    """The workflow file's content."""
    g = Graph(info, packs())
    start = g.note("Start here", variant.start)
    flow = g.note(*variant.about, collapsed=True)

    video = g.add("LoadVideo", file=CLIP)
    trim = g.add("Video Slice", video=video["VIDEO"], duration=2.0)
    frames = g.add(
        "UNS_VideoFrames", colors=OURS, video=trim["VIDEO"], megapixels=0.38, multiple_of=16, repeat_last=3
    )

    loaders = load(g, variant)
    text, vae, models = loaders.text, loaders.vae, loaders.shifted
    texts = prompts(g, text["CLIP"])

    latent = g.add("UNS_EncodeClip", colors=OURS, pixels=frames["images"], vae=vae["VAE"])
    steps = g.add("BasicScheduler", model=models[0], scheduler="simple", steps=20)
    rising = variant.sample(g, True, models, texts, latent_image=latent["latent"], sigmas=steps["SIGMAS"])
    noise = rising.sampler
    report = g.add("UNS_InversionReport", colors=OURS, noise=noise["noise"])
    which = g.note("Which text goes where?", notes.PROMPTS)

    falling = variant.sample(g, False, models, texts, noise=noise["noise"])
    result = falling.sampler
    tuning = g.note("Too close or too far?", notes.TUNING_WAN)

    images = g.add("UNS_DecodeClip", colors=OURS, samples=result["latent"], vae=vae["VAE"])
    cut = g.add(
        "UNS_FirstFrames",
        "As many frames as came in",
        colors=OURS,
        images=images["images"],
        count=frames["count"],
    )
    clip = g.add("CreateVideo", images=cut["images"], audio=frames["audio"], fps=frames["fps"])
    save = g.add("SaveVideo", video=clip["VIDEO"], filename_prefix="video/unsampling")

    # What came after 0.1.0 comes last, so that the numbers of the nodes that scripts know stay.
    files = files_note(g, variant.kind, *variant.files, WAN_TEXT, WAN_VAE)
    size = g.note("Frames, size and memory", notes.SIZE_WAN)
    migration = migration_note(g)
    place(g, [Area("", BLUE, loaders.nodes, 400, more=(Column(loaders.shifts, 400),))])
    g.groups.clear()
    models_node = folded(g, loaders, variant)
    app_mode(
        g, [(video, "file", "clip"), (trim, "duration", "seconds")], texts.nodes, result, save, falling.strong
    )
    # the guider takes the place of the decoder, which then stands with the result
    end = [images] if falling.above else []
    results = [result] if falling.above else [result, images]
    unsample, resample = passes(4, noise, report, *results, above=(rising.above, falling.above))
    place(
        g,
        [
            read_me(start),
            Area("1 Source video", BLUE, [video, latent], 300, more=(Column([trim, frames], 300),)),
            Area("2 Models", BLUE, [models_node, steps], 300, taller(models_node)),
            Area(
                "3 Prompts",
                BLUE,
                texts.nodes,
                340,
                prompt_heights(texts.nodes),
                more=(Column([which], 340, {which.id: 460}),),
            ),
        ],
        [
            help_notes("Models and sizes", WIDE, (files, 240), (size, 260), (flow, 350)),
            unsample,
            resample,
            Area("6 Result", BLUE, [*end, cut, clip, save], 300, {save.id: 240 if end else 360}),
            help_notes("Help", NOTE_WIDTH, (tuning, 480), (migration, 420)),
        ],
    )
    return g.to_json()

"""A clip through a flow model that makes all frames together: no AnimateDiff, the model's own schedule.

What differs from family to family is a Variant: wan.py, ltxv.py and hunyuan.py have them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from tools.workflows import notes
from tools.workflows.graph import Graph, Node, Output
from tools.workflows.layout import Area, Column, place
from tools.workflows.models import CLIP, Model, packs
from tools.workflows.parts import (
    BLUE,
    NOTE_WIDTH,
    OURS,
    WIDE,
    Prompts,
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


class Loaders(NamedTuple):
    """The nodes that give models, text encoder and VAE; `nodes` is what stands in the group of models."""

    models: list[Output]
    text: Output
    vae: Output
    nodes: list[Node]
    shifts: list[Node]


class Scene(NamedTuple):
    """What a pass finds when it is added."""

    loaders: Loaders
    texts: Prompts
    frames: Node


class Pass(NamedTuple):
    """A sampler, what stands above it, and the node and widget that say how strong it follows its text."""

    sampler: Node
    above: list[Node]
    strong: tuple[Node, str]


class Frames(NamedTuple):
    """What sizes and lengths the family takes: the multiple of both sides, and how many frames must be added
    that the VAE drops none; with the note that says so."""

    megapixels: float
    multiple_of: int
    repeat_last: int
    note: str


class Variant(NamedTuple):
    """What differs: files and loaders, the folded node of them, schedule, notes, and both samplers."""

    files: list[Model]
    kind: str
    start: str
    about: tuple[str, str]
    frames: Frames
    tuning: str
    load: Callable[[Graph], Loaders]
    folded: Callable[[Graph, Loaders], Node]
    schedule: Callable[[Graph, Loaders, Node], Node]
    sample: Callable[..., Pass]
    negative: bool = True
    prompts: str = notes.PROMPTS


def simple_schedule(g: Graph, loaders: Loaders, latent: Node) -> Node:
    """Core's, of the model: 20 steps."""
    return g.add("BasicScheduler", model=loaders.models[0], scheduler="simple", steps=20)


def named(up: bool, advanced: bool = False) -> str:
    """The type of a pass's sampler."""
    kind = "UNS_Unsampler" if up else "UNS_NoiselessResampler"
    return f"{kind}Advanced" if advanced else kind


def with_model(g: Graph, up: bool, scene: Scene, **inputs: Any) -> Pass:
    """A pass on one model."""
    text = scene.texts.source if up else scene.texts.target
    return plain(g, up, scene, text["CONDITIONING"], scene.texts.negative["CONDITIONING"], **inputs)


def plain(
    g: Graph,
    up: bool,
    scene: Scene,
    positive: Output,
    negative: Output,
    *,
    above: list[Node] | None = None,
    **inputs: Any,
) -> Pass:
    """A pass on one model with these two texts."""
    sampler = g.add(
        named(up),
        colors=OURS,
        model=scene.loaders.models[0],
        negative=negative,
        positive=positive,
        **inputs,
        cfg=1.0 if up else 2.0,
    )
    return Pass(sampler, above or [], (sampler, "cfg"))


def folded_in(g: Graph) -> list[str]:
    """The types of the nodes that stand for subgraphs."""
    return [made.id for made in g.subgraphs]


def restyle(info: dict, variant: Variant) -> dict:
    """The workflow file's content."""
    g = Graph(info, packs())
    start = g.note("Start here", variant.start)
    about = g.note(*variant.about, collapsed=True)

    video = g.add("LoadVideo", file=CLIP)
    trim = g.add("Video Slice", video=video["VIDEO"], duration=2.0)
    size = variant.frames
    frames = g.add(
        "UNS_VideoFrames",
        colors=OURS,
        video=trim["VIDEO"],
        megapixels=size.megapixels,
        multiple_of=size.multiple_of,
        repeat_last=size.repeat_last,
    )

    loaders = variant.load(g)
    texts = prompts(g, loaders.text, variant.negative)
    scene = Scene(loaders, texts, frames)

    latent = g.add("UNS_EncodeClip", colors=OURS, pixels=frames["images"], vae=loaders.vae)
    steps = variant.schedule(g, loaders, latent)
    rising = variant.sample(g, True, scene, latent_image=latent["latent"], sigmas=steps["SIGMAS"])
    noise = rising.sampler
    report = g.add("UNS_InversionReport", colors=OURS, noise=noise["noise"])
    which = g.note("Which text where?", variant.prompts)

    falling = variant.sample(g, False, scene, noise=noise["noise"])
    result = falling.sampler
    tuning = g.note("Too close, too far?", variant.tuning)

    images = g.add("UNS_DecodeClip", colors=OURS, samples=result["latent"], vae=loaders.vae)
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
    files = files_note(g, variant.kind, *variant.files)
    sizes = g.note("Frames and memory", size.note)
    migration = migration_note(g)
    models_node = variant.folded(g, loaders)
    shown = [(video, "file", "clip"), (trim, "duration", "seconds")]
    app_mode(g, shown, texts.nodes, result, save, falling.strong)
    above = (rising.above, falling.above)
    unsample, resample = passes(4, noise, report, result, above=above, folded=folded_in(g))
    place(
        g,
        [
            read_me(start),
            Area("1 Source video", BLUE, [video, latent], 300, more=(Column([trim, frames], 300),)),
            Area(
                "2 Prompts",
                BLUE,
                texts.nodes,
                340,
                prompt_heights(texts.nodes),
                more=(Column([which], 340, {which.id: 460}),),
            ),
            help_notes("Help", NOTE_WIDTH, (tuning, 390), (migration, 420)),
        ],
        [
            Area("3 Models", BLUE, [models_node, steps], 300, taller(models_node)),
            unsample,
            resample,
            Area(
                "6 Result",
                BLUE,
                [images, cut, clip, save],
                300,
                {save.id: 240},
                {save.id: 120},  # what it grows by in Nodes 2.0
            ),
            help_notes("Models and sizes", WIDE, (files, 240), (sizes, 260), (about, 350)),
        ],
    )
    return g.to_json()

"""A clip that takes its look from a picture, on the way down alone: by an IP-Adapter on the resampler's
MODEL, or by Advanced-ControlNet's Reference on its conditions. The Exact Unsampler has neither."""

from collections.abc import Callable
from typing import NamedTuple

from tools.workflows import notes
from tools.workflows.animatediff import core_footage, core_result, fold_models, load_models
from tools.workflows.families import SD15
from tools.workflows.graph import Graph, Node, Output
from tools.workflows.layout import Area, Column, place
from tools.workflows.models import CLIP_VISION, IPADAPTER, LOOK, Model, packs
from tools.workflows.parts import (
    BLUE,
    OURS,
    PURPLE,
    WIDE,
    Prompts,
    Shared,
    app_mode,
    falling,
    files_note,
    help_notes,
    migration_note,
    passes,
    prompt_heights,
    prompts,
    read_me,
    taller,
    unsampled,
)
from tools.workflows.subgraph import fold

IPADAPTER_START = """\
# Restyle a video: the look from a picture

The **Exact Unsampler** turns your clip into noise with the plain model. The **Noiseless Resampler** comes \
down on a model with an **IP-Adapter**, which sees your picture: so the clip's shapes and motion stay, and \
the picture's look is new.

**Use it**
1. Choose a clip in *Load Video* and a picture in *Load Image: the look*.
2. Write what the clip shows in *Source*, and the same scene in that look in *Target*. Run.

## It needs
- **ComfyUI-AnimateDiff-Evolved** (motion between frames)
- **ComfyUI_IPAdapter_plus** (IP-Adapter)
- **Unsampling** (this pack)

*Models* and *Look of the picture* have nodes inside: a double click opens them. ComfyUI offers to download \
missing files.
"""

REFERENCE_START = """\
# Restyle a video: the look from a picture, with no further model

The **Exact Unsampler** turns your clip into noise as it is. The **Noiseless Resampler** comes down with \
**Reference**, which lets the model look at your picture in every step: so the clip's shapes and motion \
stay, and the picture's look is new.

**Use it**
1. Choose a clip in *Load Video* and a picture in *Load Image: the look*.
2. Write what the clip shows in *Source*, and the same scene in that look in *Target*. Run.

## It needs
- **ComfyUI-AnimateDiff-Evolved** (motion between frames)
- **ComfyUI-Advanced-ControlNet** (Reference)
- **Unsampling** (this pack)

*Models* and *Look of the picture* have nodes inside: a double click opens them. ComfyUI offers to download \
missing files.
"""

IPADAPTER_LOOK = """\
**The look is too weak?** Raise *weight* (1.2), then *cfg*. Name the look in *Target* as well.

**The picture's things come along?** Keep *weight_type* at *style transfer*, lower *weight* (0.6), or let it \
end earlier (*end_at* 0.7).

**Shapes get lost?** Raise *structure* (0.1, 0.2), lower *weight*.

**Only here**: the *Exact Unsampler* has the plain MODEL. With the IP-Adapter in both passes the clip comes \
back as it was.

**A picture for each frame**: *IPAdapter Batch* in place of *IPAdapter Advanced*; AnimateDiff's context \
windows cut the pictures as they cut the frames.
"""

REFERENCE_LOOK = """\
**The look is too weak?** Raise *style_fidelity* (0.8), choose *reference_attn+adain*, and name the look in \
*Target* as well.

**The picture's things come along?** Lower *strength* (0.6), or let it end earlier (*end_percent* 0.6).

**Shapes get lost?** Raise *structure* (0.1, 0.2), lower *strength*.

**Only here**: the *Exact Unsampler* has the prompts alone. With Reference in both passes the clip comes \
back as it was.

It takes more time: each model call asks the model about the picture as well.
"""


class Seen(NamedTuple):
    """What the resampler samples with: its MODEL and both conditions, and the node that stands for the
    look."""

    model: Output
    positive: Output
    negative: Output
    look: Node


class Way(NamedTuple):
    """How the resampler sees the picture: its notes, its files, and the nodes."""

    start: str
    about: str
    files: tuple[Model, ...]
    see: Callable[[Graph, Node, Output, Prompts, Output, Output], Seen]


def by_ipadapter(g: Graph, picture: Node, model: Output, texts: Prompts, vae: Output, latent: Output) -> Seen:
    """On the MODEL."""
    adapter = g.add("IPAdapterModelLoader", models=[IPADAPTER], ipadapter_file=IPADAPTER["name"])
    vision = g.add("CLIPVisionLoader", models=[CLIP_VISION], clip_name=CLIP_VISION["name"])
    apply = g.add(
        "IPAdapterAdvanced",
        model=model,
        ipadapter=adapter["IPADAPTER"],
        image=picture["IMAGE"],
        clip_vision=vision["CLIP_VISION"],
        weight=1.0,
        weight_type="style transfer",
    )
    shown = {(adapter, "ipadapter_file"): "IP-Adapter", (vision, "clip_name"): "CLIP vision"}
    shown |= {(apply, name): name for name in ("weight", "weight_type", "end_at")}
    look = folded(g, [[adapter, vision], [apply]], shown, {"MODEL": apply["MODEL"]})
    positive, negative = texts.target["CONDITIONING"], texts.negative["CONDITIONING"]
    return Seen(look["MODEL"], positive, negative, look)


def by_reference(g: Graph, picture: Node, model: Output, texts: Prompts, vae: Output, latent: Output) -> Seen:
    """On the conditions."""
    seen = g.add("ACN_ReferencePreprocessor", image=picture["IMAGE"], vae=vae, latent_size=latent)
    kind = g.add("ACN_ReferenceControlNet", reference_type="reference_attn", style_fidelity=0.5)
    apply = g.add(
        "ACN_AdvancedControlNetApply_v2",
        "Apply Reference",
        positive=texts.target["CONDITIONING"],
        negative=texts.negative["CONDITIONING"],
        control_net=kind["CONTROL_NET"],
        image=seen["proc_IMAGE"],
        strength=1.0,
    )
    shown = {(kind, name): name for name in ("reference_type", "style_fidelity")}
    shown |= {(apply, name): name for name in ("strength", "end_percent")}
    both = {name: apply[name] for name in ("positive", "negative")}
    look = folded(g, [[seen, kind], [apply]], shown, both)
    return Seen(model, look["positive"], look["negative"], look)


def folded(g: Graph, columns: list[list[Node]], shown: dict, outputs: dict[str, Output]) -> Node:
    """What looks at the picture as one node."""
    first, *more = [Column(nodes, 400) for nodes in columns]
    place(g, [Area("", BLUE, first.nodes, 400, more=tuple(more))])
    g.groups.clear()
    return fold(g, "Look of the picture", [node for one in columns for node in one], shown, outputs)


WITH_IPADAPTER = Way(IPADAPTER_START, IPADAPTER_LOOK, (IPADAPTER, CLIP_VISION), by_ipadapter)
WITH_REFERENCE = Way(REFERENCE_START, REFERENCE_LOOK, (), by_reference)


def unsampling_look(info: dict, way: Way) -> dict:
    """The workflow file's content."""
    g = Graph(info, packs())
    start = g.note("Start here", way.start)
    footage = core_footage(g, SD15.megapixels)
    picture = g.add("LoadImage", "Load Image: the look", image=LOOK)
    loaded = load_models(g, SD15, control=False)
    base, vae, model = loaded[0], loaded[1], loaded[-1]
    texts = prompts(g, base["CLIP"])
    latent = g.add("VAEEncode", pixels=footage.frames, vae=vae["VAE"])
    steps, noise = unsampled(g, model, texts.source, texts.negative, latent, SD15.schedule)
    which = g.note("Which text where?", notes.PROMPTS, collapsed=True)
    # folded while the links still name the nodes inside the models
    models = fold_models(g, loaded)
    seen = way.see(g, picture, models["MODEL"], texts, models["VAE"], latent["LATENT"])
    shared: Shared = {"model": seen.model, "negative": seen.negative}
    result = falling(g, shared, seen.positive, noise)
    images = g.add("VAEDecode", samples=result["latent"], vae=models["VAE"])
    saved = core_result(g, images["IMAGE"], footage)

    report = g.add("UNS_InversionReport", colors=OURS, noise=noise["noise"])
    files = files_note(g, "checkpoint made from SD1.5", SD15.checkpoint, SD15.vae, SD15.motion, *way.files)
    size = g.note("Frames and memory", SD15.size, collapsed=True)
    about = g.note("The look", way.about, collapsed=True)
    tuning = g.note("Too close, too far?", notes.TUNING_MASKED, collapsed=True)
    migration = migration_note(g)
    video, trim, frames = footage.nodes
    chosen = [
        (video, "file", "clip"),
        (trim, "duration", "seconds"),
        (picture, "image", "picture of the look"),
    ]
    app_mode(g, chosen, texts.nodes, result, saved[-1])
    unsample, resample = passes(5, noise, report, result)
    place(
        g,
        [
            read_me(start),
            Area("1 Source video", BLUE, [video, latent], 300, more=(Column([trim, frames], 300),)),
            Area("2 Prompts", BLUE, texts.nodes, 300, prompt_heights(texts.nodes)),
            Area("3 The look", BLUE, [picture], 300),
            help_notes("Models and help", WIDE, (files, 400), (about, 100)),
        ],
        [
            Area("4 Models", BLUE, [models, steps, size], 300, taller(models)),
            unsample,
            Area(
                resample.title,
                PURPLE,
                [seen.look, tuning, which, migration],
                300,
                taller(seen.look),
                more=(Column(resample.nodes, 300, {}, resample.room or {}),),
            ),
            Area("7 Result", BLUE, [images, *saved], 300, {saved[-1].id: 340}),
        ],
    )
    return g.to_json()

"""A clip whose look changes from its beginning to its end: two prompts that fade into each other, by
AnimateDiff-Evolved's own prompt scheduling."""

from tools.workflows import notes
from tools.workflows.animatediff import core_footage, core_result, fold_models, load_models
from tools.workflows.families import SD15
from tools.workflows.graph import Graph
from tools.workflows.layout import Area, Column, place
from tools.workflows.models import packs
from tools.workflows.parts import (
    AVOIDED,
    BLUE,
    CLOSE,
    NEGATIVE,
    NOTE_WIDTH,
    OURS,
    POSITIVE,
    SOURCE,
    STRONG,
    TARGET,
    WIDE,
    Shared,
    falling,
    files_note,
    help_notes,
    migration_note,
    passes,
    prompt,
    read_me,
    show_in_app,
    takes,
    taller,
    unsampled,
)

START = """\
# Restyle a video: two looks that cross-fade

The first look turns into the second while the clip runs. Each frame has its own prompt in the **Noiseless \
Resampler**; the **Exact Unsampler** has one for all, what the clip shows.

**Use it**
1. Choose a clip in *Load Video*.
2. Write what it shows in *Source*, and both looks in *Target*. Run.

The numbers in *Target* are places in the clip: **0.25** is a quarter of the way, **1.0** the last frame. \
Before the first number its look holds, behind the last one that one's, and between two they fade.

## It needs
- **ComfyUI-AnimateDiff-Evolved** (motion between frames, prompts over the clip)
- **Unsampling** (this pack)

*Models* has nodes inside: a double click opens it. ComfyUI offers to download missing files.
"""

LOOKS = """\
"0.25": "pencil sketch of a person walking through a city, hatching on white paper",
"0.75": "oil painting of a person walking through a city, thick brush strokes, warm evening light"
"""

PROMPTS = """\
**Target** has a line for each look, `"place": "text"`, with a comma between lines. A whole number is a \
frame, from 0 on. `"0.5:"`, with a colon, holds its look until the next one: a cut, no fade.

It makes one prompt for each frame. Context windows cut them as they cut the frames; a slice of the noise \
(*Latent From Batch*) takes those of its own frames.

**Batch Prompt Schedule (FizzNodes)** in its place: frames as whole numbers, *max_frames* as many as the \
clip has, *POS* to *positive* of the Resampler.

**Source** goes into the *Exact Unsampler*: one text for all frames.
"""


def unsampling_cross_fade(info: dict) -> dict:
    """The workflow file's content."""
    g = Graph(info, packs())
    start = g.note("Start here", START)
    footage = core_footage(g, SD15.megapixels)
    loaded = load_models(g, SD15, control=False)
    base, vae, model = loaded[0], loaded[1], loaded[-1]
    source = prompt(
        g, "Source: what the clip shows", base["CLIP"], "a video of a person walking through a city", SOURCE
    )
    latent = g.add("VAEEncode", pixels=footage.frames, vae=vae["VAE"])
    target = g.add(
        "ADE_PromptSchedulingLatents",
        TARGET,
        colors=POSITIVE,
        prompts=LOOKS,
        clip=base["CLIP"],
        latent=latent["LATENT"],
    )
    avoided = "blurry, low quality, deformed, watermark, text"
    negative = prompt(g, "Negative prompt", base["CLIP"], avoided, NEGATIVE)
    steps, noise = unsampled(g, model, source, negative, latent, SD15.schedule)
    shared: Shared = {"model": model["MODEL"], "negative": negative["CONDITIONING"]}
    result = falling(g, shared, target["CONDITIONING"], noise)
    images = g.add("VAEDecode", samples=result["latent"], vae=vae["VAE"])
    saved = core_result(g, images["IMAGE"], footage)

    report = g.add("UNS_InversionReport", colors=OURS, noise=noise["noise"])
    files = files_note(g, "checkpoint made from SD1.5", SD15.checkpoint, SD15.vae, SD15.motion)
    size = g.note("Frames and memory", SD15.size)
    about = g.note("Prompts over the clip", PROMPTS)
    tuning = g.note("Too close, too far?", notes.TUNING_MASKED)
    migration = migration_note(g)
    models = fold_models(g, loaded)
    video, trim, frames = footage.nodes
    shown = [(video, "file", "clip"), (trim, "duration", "seconds")]
    shown += [
        (source, "text", "what the source shows"),
        (target, "prompts", "the new looks, with their places"),
    ]
    shown += [(negative, "text", AVOIDED), (result, "cfg", STRONG), (result, "structure", CLOSE)]
    show_in_app(g, [*shown, takes(result)], saved[-1])
    unsample, resample = passes(4, noise, report, result)
    place(
        g,
        [
            read_me(start),
            Area("1 Source video", BLUE, [video, latent], 300, more=(Column([trim, frames], 300),)),
            Area(
                "2 Prompts",
                BLUE,
                [source, target],
                340,
                {source.id: 110, target.id: 290},
                more=(Column([negative, about], 340, {negative.id: 90, about.id: 310}),),
            ),
            help_notes("Help", NOTE_WIDTH, (tuning, 390), (migration, 420)),
        ],
        [
            Area("3 Models", BLUE, [models, steps], 300, taller(models)),
            unsample,
            resample,
            Area("6 Result", BLUE, [images, *saved], 300, {saved[-1].id: 360}),
            help_notes("Models and sizes", WIDE, (files, 240), (size, 190)),
        ],
    )
    return g.to_json()

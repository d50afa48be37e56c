"""A clip of which a second video, the mask, says what is restyled: the person, say, or all but the person.

The rest of the result is the clip's own pixels.
"""

from tools.workflows import notes
from tools.workflows.animatediff import core_footage, core_result, fold_models, load_models
from tools.workflows.families import SD15
from tools.workflows.graph import Graph, Node, Output
from tools.workflows.layout import Area, Column, place
from tools.workflows.models import MASK_CLIP, packs
from tools.workflows.parts import (
    BLUE,
    OURS,
    PURPLE,
    WIDE,
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

START = """\
# Restyle only the person, or only the background

A second video says where: **white is restyled, black stays** the clip's own pixels.

**Use it**
1. Choose a clip in *Load Video*, and its mask in *Load Video (mask)*: the same frames, at any size. Segment \
Anything and rotoscoping tools make one.
2. Write what the clip shows in *Source* and the look you want in *Target*. Run.

**The background instead:** select *Ctrl+B here* and press Ctrl+B.

Masks must be as many as frames: give both videos the same *duration* and *every_nth*, else the Exact \
Unsampler says both numbers. One picture as mask does for all frames.

## It needs
- **ComfyUI-AnimateDiff-Evolved** (motion between frames)
- **Unsampling** (this pack)

*Frames*, *Mask* and *Models* have nodes inside: a double click opens them. ComfyUI offers to download \
missing files.
"""


def unsampling_masked(info: dict) -> dict:
    """The workflow file's content."""
    g = Graph(info, packs())
    start = g.note("Start here", START)
    footage = core_footage(g, SD15.megapixels)
    film, *reading = mask_footage(g)
    turned = g.add("InvertMask", "Ctrl+B here: the background instead", mask=reading[-1]["MASK"])
    turned.bypassed = True

    loaded = load_models(g, SD15, control=False)
    base, vae, model = loaded[0], loaded[1], loaded[-1]
    texts = prompts(g, base["CLIP"])

    latent = g.add("VAEEncode", pixels=footage.frames, vae=vae["VAE"])
    free = g.add(
        "SetLatentNoiseMask", "Only where the mask is white", samples=latent["LATENT"], mask=turned["MASK"]
    )
    steps, noise = unsampled(g, model, texts.source, texts.negative, free, SD15.schedule)
    shared: Shared = {"model": model["MODEL"], "negative": texts.negative["CONDITIONING"]}
    result = falling(g, shared, texts.target["CONDITIONING"], noise)
    images = g.add("VAEDecode", samples=result["latent"], vae=vae["VAE"])
    whole = g.add(
        "ImageCompositeMasked",
        "The rest from the clip itself",
        destination=footage.frames,
        source=images["IMAGE"],
        mask=turned["MASK"],
    )
    saved = core_result(g, whole["IMAGE"], footage)

    report = g.add("UNS_InversionReport", colors=OURS, noise=noise["noise"])
    files = files_note(g, "checkpoint made from SD1.5", SD15.checkpoint, SD15.vae, SD15.motion)
    size = g.note("Frames and memory", SD15.size)
    tuning = g.note("Too close, too far?", notes.TUNING_MASKED, collapsed=True)
    migration = migration_note(g)
    video, trim, frames = footage.nodes
    folded = fold_models(g, loaded)
    shown = {"images": footage.frames, "audio": footage.audio, "fps": footage.fps, "LATENT": latent["LATENT"]}
    clip, masks = (
        fold_reading(g, "Frames", [trim, frames, latent], shown),
        fold_reading(g, "Mask", reading, {"MASK": reading[-1]["MASK"]}),
    )
    chosen = [(video, "file", "clip"), (clip, "duration", "seconds of the clip")]
    chosen += [(film, "file", "mask video"), (masks, "duration", "seconds of the mask")]
    app_mode(g, chosen, texts.nodes, result, saved[-1])
    unsample, resample = passes(5, noise, report, result)
    place(
        g,
        [
            read_me(start),
            Area("1 Source video", BLUE, [video, clip], 300, taller(clip)),
            Area("2 Mask: white is restyled", BLUE, [film, masks], 300, taller(masks)),
            Area("3 Prompts", BLUE, texts.nodes, 340, prompt_heights(texts.nodes)),
            help_notes("Models and help", WIDE, (files, 200), (size, 190), (tuning, 400), (migration, 420)),
        ],
        [
            Area("4 Models", BLUE, [folded, steps], 300, taller(folded)),
            Area(
                unsample.title,
                PURPLE,
                [turned, free, noise],
                300,
                room=unsample.room,
                more=unsample.more,
            ),
            resample,
            Area("7 Result", BLUE, [images, whole], 300, more=(Column(saved, 300, {saved[-1].id: 360}),)),
        ],
    )
    return g.to_json()


def mask_footage(g: Graph) -> list[Node]:
    """The second video, and the nodes that make masks of it, read as the clip is.

    A compressed video's black is not all 0: a threshold makes it so, for then the clip stays to the bit.
    """
    video = g.add("LoadVideo", "Load Video (mask)", file=MASK_CLIP)
    trim = g.add("Video Slice", video=video["VIDEO"], duration=2.0)
    frames = g.add("UNS_VideoFrames", colors=OURS, video=trim["VIDEO"], megapixels=SD15.megapixels)
    mask = g.add("ImageToMask", image=frames["images"], channel="red")
    return [video, trim, frames, mask, g.add("ThresholdMask", mask=mask["MASK"], value=0.5)]


def fold_reading(g: Graph, name: str, reading: list[Node], outputs: dict[str, Output]) -> Node:
    """What makes frames of a video as one node, with what must be the same for clip and mask on it."""
    trim, frames = reading[:2]
    place(g, [Area("", BLUE, reading, 400)])
    g.groups.clear()
    widgets = {(trim, "duration"): "seconds", (frames, "every_nth"): "every_nth"}
    return fold(g, name, reading, widgets, outputs)

"""One picture there and back: the smallest graph that shows what unsampling is."""

from tools.workflows import notes
from tools.workflows.graph import Graph
from tools.workflows.layout import Area, Column, place
from tools.workflows.models import PICTURE, SD15, packs
from tools.workflows.parts import (
    BLUE,
    NEGATIVE,
    NOTE_WIDTH,
    OURS,
    POSITIVE,
    SOURCE,
    TARGET,
    WIDE,
    Shared,
    app_mode,
    falling,
    files_note,
    help_notes,
    migration_note,
    passes,
    prompt,
    prompt_heights,
    read_me,
    unsampled,
)

IMAGE = """\
# Unsample and resample one picture

Sampling turns noise into a picture. **Unsampling** goes the other way: it finds the noise this picture \
would have come from.

**Try this**
1. Run it as it is: the texts describe the picture that ComfyUI brings along.
2. Choose a picture of yours. Write what it shows in *Source* and the look you want in *Target*, and run. \
The \
difference between the two texts is what changes; the composition stays.
3. Link *Source* to *positive* of the **Resampler** as well and set its *cfg* to 1. Both passes have the \
same \
text and cfg now, so the picture comes back: what is left of a difference is the VAE's.

*direct* (an advanced input of both) is how many of the noisy first steps go by the difference of the two \
texts alone: -1 lets the picture decide, 0 is off. Shapes hold there.

Leave the Exact Unsampler's *cfg* at 1: more spoils the noise. Needs only this pack and an SD1.5 checkpoint.
"""

# What PICTURE shows.
GIRL = "a girl with big yellow hair in a pink dress on a green hill, blue sky, white clouds"


def unsample_resample_image(info: dict) -> dict:
    """The workflow file's content."""
    g = Graph(info, packs())
    text = g.note("Start here", IMAGE)
    base = g.add("CheckpointLoaderSimple", models=[SD15], ckpt_name=SD15["name"])
    picture = g.add("LoadImage", image=PICTURE)
    pixels = g.add(
        "ImageScaleToTotalPixels",
        image=picture["IMAGE"],
        upscale_method="area",
        megapixels=0.26,
        resolution_steps=8,
    )
    source = prompt(
        g, "Source: what the picture shows", base["CLIP"], f"a simple drawing of {GIRL}, flat colours", SOURCE
    )
    target = prompt(g, TARGET, base["CLIP"], f"watercolour painting of {GIRL}, soft brush strokes", POSITIVE)
    negative = prompt(g, "Negative prompt", base["CLIP"], "blurry, low quality, watermark, text", NEGATIVE)
    latent = g.add("VAEEncode", pixels=pixels["IMAGE"], vae=base["VAE"])
    steps, noise = unsampled(g, base, source, negative, latent, "auto")
    shared: Shared = {"model": base["MODEL"], "negative": negative["CONDITIONING"]}
    result = falling(g, shared, target["CONDITIONING"], noise, 3.0)
    image = g.add("VAEDecode", samples=result["latent"], vae=base["VAE"])
    save = g.add("SaveImage", images=image["IMAGE"], filename_prefix="unsampling")
    # What came after 0.1.0 comes last, so that the numbers of the nodes that scripts know stay.
    report = g.add("UNS_InversionReport", colors=OURS, noise=noise["noise"])
    tuning = g.note("Too close, too far?", notes.TUNING_MASKED)
    files = files_note(g, "checkpoint made from SD1.5", SD15)
    migration = migration_note(g)
    texts = [source, target, negative]
    app_mode(g, [(picture, "image", "picture")], texts, result, save)
    unsample, resample = passes(4, noise, report, result)
    place(
        g,
        [
            read_me(text),
            Area("1 Source picture", BLUE, [picture], 300, more=(Column([pixels, latent], 300),)),
            Area("2 Prompts", BLUE, texts, 340, prompt_heights(texts)),
            help_notes("Help", NOTE_WIDTH, (tuning, 390), (migration, 420)),
        ],
        [
            Area("3 Model", BLUE, [base, steps], 300),
            unsample,
            resample,
            Area("6 Result", BLUE, [image, save], 300, {save.id: 380}),
            help_notes("Models", WIDE, (files, 190)),
        ],
    )
    return g.to_json()

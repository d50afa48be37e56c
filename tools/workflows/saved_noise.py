"""Noise from a file, restyled with three prompts and two strengths of guidance: one labelled video of all."""

from tools.workflows import models
from tools.workflows.animatediff import fold_models, load_models
from tools.workflows.families import SD15
from tools.workflows.graph import Graph
from tools.workflows.layout import SAMPLER_PREVIEW, Area, Column, needed_height, place
from tools.workflows.models import NOISE, packs
from tools.workflows.parts import (
    AVOIDED,
    BLUE,
    CLOSE,
    NEGATIVE,
    OURS,
    PURPLE,
    STRONG,
    WIDE,
    help_notes,
    migration_note,
    prompt,
    prompt_heights,
    read_me,
    reading,
    show_in_app,
    taller,
)

SAVED_NOISE = """\
# Many looks from one unsampling

Unsampling is the expensive half. Here it is done already: **Load Noise** reads what **Save Noise** \
wrote, and **Restyle Grid** restyles it once for every line of *prompts*, every *cfg* and every \
*structure*. **Labelled Grid** shows all of them in one video, with the settings below each.

**Use it**
1. In one of the other templates connect **Save Noise** to the Exact Unsampler's *noise* and run it once.
2. Choose the file in *Load Noise* (press *R* to see new ones), and in *Models* what it was made with: \
same checkpoint, motion model and context options. The node refuses others by name.
3. Write one look a line in *prompts*: the same scene in each. Run. The *Inversion Report* says how good the \
noise is.

The node says how many restyles and model calls there will be before the first one: 3 prompts x 2 cfg x \
2 structures are 12 restyles. Cancel stops within one call.

**Then** take the settings of the cell that you like into a *Noiseless Resampler*: it makes that very \
clip, at full size.
"""

NOISE_FILES = """
These are for noise of the template *AnimateDiff vid2vid SD1.5*. Any checkpoint made from SD1.5 fits, and \
brings its own look: but the noise must have been made with the same one.
"""

SIZE_GRID = """\
All latents are held once, and one clip at a time is decoded: the grid is what takes memory. The nodes say \
how much. Lower *width* in *Labelled Grid* for long clips.

*fps* of *Create Video* is 12: write the clip's own.
"""

FPS = 12.0
PICTURE = 220  # Load Noise grows by the picture in the file
MORE_LINES = 30  # of prompts than a text has room for
LOOKS = """\
oil painting of a person walking through a city, thick brush strokes, warm evening light
watercolour of a person walking through a city, wet paper, soft edges
ink drawing of a person walking through a city, cross-hatching"""


def restyle_saved_noise(info: dict) -> dict:
    """The workflow file's content."""
    g = Graph(info, packs())
    start = g.note("Start here", SAVED_NOISE)
    noise = g.add("UNS_LoadNoise", colors=OURS, file=NOISE)
    loaded = load_models(g, SD15, control=False)
    base, vae, model = loaded[0], loaded[1], loaded[-1]
    words = "blurry, low quality, deformed, watermark, text"
    negative = prompt(g, "Negative prompt", base["CLIP"], words, NEGATIVE)
    clips = g.add(
        "UNS_RestyleGrid",
        colors=OURS,
        model=model["MODEL"],
        clip=base["CLIP"],
        negative=negative["CONDITIONING"],
        noise=noise["noise"],
        prompts=LOOKS,
    )
    grid = g.add(
        "UNS_LabelledGrid",
        colors=OURS,
        clips=clips["latent"],
        labels=clips["labels"],
        columns=clips["columns"],
        vae=vae["VAE"],
    )
    video = g.add("CreateVideo", images=grid["images"], fps=FPS)
    saved = g.add("SaveVideo", video=video["VIDEO"], filename_prefix="video/unsampling_grid")
    table = models.table(SD15.checkpoint, SD15.vae, SD15.motion)
    files = g.note("Models to download", table + NOISE_FILES)
    size = g.note("Size and memory", SIZE_GRID)
    migration = migration_note(g, collapsed=False)
    report = g.add("UNS_InversionReport", colors=OURS, noise=noise["noise"])
    folded = fold_models(g, loaded)
    show_in_app(
        g,
        [
            (noise, "file", "saved noise"),
            (clips, "prompts", "the new looks, one a line"),
            (negative, "text", AVOIDED),
            (clips, "cfg", STRONG),
            (clips, "structure", CLOSE),
        ],
        saved,
    )
    place(
        g,
        [
            read_me(start),
            Area("1 Noise", BLUE, [noise], 300, room={noise.id: PICTURE}, more=(reading(report),)),
            Area(
                "2 Restyle",
                PURPLE,
                [negative],
                heights=prompt_heights([negative]),
                more=(
                    Column(
                        [clips],
                        520,
                        {clips.id: needed_height(clips) + MORE_LINES},
                        {clips.id: SAMPLER_PREVIEW},
                    ),
                ),
            ),
        ],
        [
            Area("3 Models", BLUE, [folded], 300, taller(folded)),
            Area("4 Grid", BLUE, [grid, video], 300, more=(Column([saved], 420, {saved.id: 370}),)),
            help_notes("Help", 500, (migration, 380)),
            help_notes("Models and sizes", WIDE, (files, 240), (size, 140)),
        ],
    )
    return g.to_json()

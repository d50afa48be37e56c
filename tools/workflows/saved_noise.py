"""Noise from a file, restyled with three prompts and two strengths of guidance: one labelled video of all."""

from tools.workflows import notes
from tools.workflows.animatediff import SD15, load_models
from tools.workflows.graph import Graph
from tools.workflows.layout import Area, place
from tools.workflows.models import NOISE, packs
from tools.workflows.parts import BLUE, GREEN, NEGATIVE, OURS, PURPLE, prompt

FPS = 12.0
PICTURE = 220  # Load Noise grows by the picture in the file
LOOKS = """\
oil painting of a person walking through a city, thick brush strokes, warm evening light
watercolour of a person walking through a city, wet paper, soft edges
ink drawing of a person walking through a city, cross-hatching"""


def restyle_saved_noise(info: dict) -> dict:
    """The workflow file's content."""
    g = Graph(info, packs())
    text = g.note("Start here", notes.SAVED_NOISE)
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
    place(
        g,
        [
            Area("Read me", GREEN, [text], width=400, heights={text.id: 640}),
            Area("1 Noise and models", BLUE, [noise, *loaded], width=380, room={noise.id: PICTURE}),
            Area("2 Restyle", PURPLE, [negative, clips]),
            Area("3 Grid", BLUE, [grid, video, saved], heights={saved.id: 420}),
        ],
    )
    return g.to_json()

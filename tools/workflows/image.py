"""One picture there and back: the smallest graph that shows what unsampling is."""

from tools.workflows import notes
from tools.workflows.graph import Graph
from tools.workflows.layout import Area, place
from tools.workflows.models import PICTURE, SD15, packs
from tools.workflows.parts import (
    BLUE,
    GREEN,
    NEGATIVE,
    OURS,
    POSITIVE,
    PURPLE,
    SOURCE,
    TARGET,
    Shared,
    prompt,
)


def unsample_resample_image(info: dict) -> dict:
    """The workflow file's content."""
    g = Graph(info, packs())
    text = g.note("Start here", notes.IMAGE)
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
        g, "Source: what the picture shows", base["CLIP"], "photo of a landscape, natural light", SOURCE
    )
    target = prompt(g, TARGET, base["CLIP"], "oil painting of a landscape", POSITIVE)
    negative = prompt(g, "Negative prompt", base["CLIP"], "blurry, low quality, watermark, text", NEGATIVE)
    latent = g.add("VAEEncode", pixels=pixels["IMAGE"], vae=base["VAE"])
    steps = g.add("UNS_AYSScheduler", colors=OURS, model_type="auto", steps=16, model=base["MODEL"])
    both: Shared = {"model": base["MODEL"], "negative": negative["CONDITIONING"]}
    noise = g.add(
        "UNS_Unsampler",
        colors=OURS,
        **both,
        positive=source["CONDITIONING"],
        latent_image=latent["LATENT"],
        sigmas=steps["SIGMAS"],
        cfg=1.0,
    )
    result = g.add(
        "UNS_NoiselessResampler",
        colors=OURS,
        **both,
        positive=target["CONDITIONING"],
        noise=noise["noise"],
        cfg=1.0,
    )
    image = g.add("VAEDecode", samples=result["latent"], vae=base["VAE"])
    save = g.add("SaveImage", images=image["IMAGE"], filename_prefix="unsampling")
    place(
        g,
        [
            Area("Read me", GREEN, [text], width=400, heights={text.id: 440}),
            Area("1 Source and model", BLUE, [picture, pixels, base]),
            Area("2 Prompts", BLUE, [source, target, negative]),
            Area("3 Unsample", PURPLE, [latent, steps, noise]),
            Area("4 Resample", PURPLE, [result, image, save], heights={save.id: 320}),
        ],
    )
    return g.to_json()

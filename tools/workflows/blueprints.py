"""The blueprints that ComfyUI offers beside its nodes: both passes as one node, its sockets still free."""

from collections.abc import Callable

from tools.workflows.graph import Graph, Node
from tools.workflows.layout import Area, needed_height, place
from tools.workflows.models import packs
from tools.workflows.parts import (
    BLUE,
    CLOSE,
    OURS,
    PURPLE,
    STRONG,
    TAKE,
    Shared,
    falling,
    prompt_heights,
    prompts,
    rising,
)
from tools.workflows.subgraph import fold

CATEGORY = "Video generation and editing/Video Edit"  # one of core's
RESTYLE, PASSES = "Restyle video (unsampling)", "Unsample and resample (two passes)"
TOLD = {
    RESTYLE: (
        "Turns a clip into the noise that represents it, and grows a new look from that noise: motion and"
        " composition stay. In: frames, MODEL, CLIP and VAE. Out: the restyled frames, the clip as the noise"
        " gives it back (a second pass down, which runs only where it is connected), a report on the noise."
    ),
    PASSES: (
        "Exact Unsampler and Noiseless Resampler in one. In: a LATENT, its schedule, the prompts of source"
        " and target. Out: the restyled LATENT, the noise and a report on it."
    ),
}


def restyle_video(info: dict) -> dict:
    """Frames, MODEL, CLIP and VAE in; restyled frames, reconstruction and report out."""
    g = Graph(info, packs())
    frames, base = g.add("UNS_VideoFrames"), g.add("CheckpointLoaderSimple")
    texts = prompts(g, base["CLIP"])
    source, target, negative = (node["CONDITIONING"] for node in texts.nodes)
    latent = g.add("VAEEncode", pixels=frames["images"], vae=base["VAE"])
    steps = g.add("UNS_AYSScheduler", colors=OURS, model_type="SD1", steps=16, model=base["MODEL"])
    shared: Shared = {"model": base["MODEL"], "negative": negative}
    noise = rising(g, shared, source, latent["LATENT"], steps["SIGMAS"])
    result = falling(g, shared, target, noise)
    back = falling(g, shared, source, noise, 1.0, "Back to the source")
    images, check = (g.add("VAEDecode", samples=one["latent"], vae=base["VAE"]) for one in (result, back))
    report = g.add("UNS_InversionReport", colors=OURS, noise=noise["noise"])
    place(
        g,
        [
            Area("Source", BLUE, [latent, steps], 300),
            Area("Prompts", BLUE, texts.nodes, 340, prompt_heights(texts.nodes)),
            Area("Unsample", PURPLE, [noise, report], 300),
            Area("Resample", PURPLE, [result, back], 300),
            Area("Result", BLUE, [images, check], 300),
        ],
    )
    words = ("what the source shows", "the new look", "what to avoid")
    shown = {(node, "text"): label for node, label in zip(texts.nodes, words, strict=True)}
    shown |= {(steps, "model_type"): "schedule", (steps, "steps"): "steps"} | turned(result)
    outputs = {
        "frames": images["IMAGE"],
        "reconstruction": check["IMAGE"],
        "report": report["text"],
        "chart": report["chart"],
        "noise": noise["noise"],
    }
    inside = [*texts.nodes, latent, steps, noise, result, back, images, check, report]
    return alone(
        g, fold(g, RESTYLE, inside, shown, outputs, OURS, {frames["images"]: "frames"}), [frames, base]
    )


def two_passes(info: dict) -> dict:
    """A LATENT, MODEL, prompts and SIGMAS in; the restyled LATENT, the noise and the report out."""
    g = Graph(info, packs())
    base, steps = g.add("CheckpointLoaderSimple"), g.add("BasicScheduler")
    source, target, negative = (g.add("CLIPTextEncode") for _ in range(3))
    latent = g.add("VAEEncode")
    shared: Shared = {"model": base["MODEL"], "negative": negative["CONDITIONING"]}
    noise = rising(g, shared, source["CONDITIONING"], latent["LATENT"], steps["SIGMAS"])
    result = falling(g, shared, target["CONDITIONING"], noise)
    report = g.add("UNS_InversionReport", colors=OURS, noise=noise["noise"])
    place(g, [Area("Unsample", PURPLE, [noise, report], 300), Area("Resample", PURPLE, [result], 300)])
    outputs = {
        "latent": result["latent"],
        "noise": noise["noise"],
        "report": report["text"],
        "chart": report["chart"],
    }
    renamed = {source["CONDITIONING"]: "source", target["CONDITIONING"]: "target"}
    made = fold(g, PASSES, [noise, result, report], turned(result), outputs, OURS, renamed)
    return alone(g, made, [base, steps, source, target, negative, latent])


def turned(result: Node) -> dict[tuple[Node, str], str]:
    """What of the two passes stands on the node."""
    return {(result, "cfg"): STRONG, (result, "structure"): CLOSE, (result, "variation"): TAKE}


def alone(g: Graph, made: Node, outside: list[Node]) -> dict:
    """The graph of one node whose sockets are free."""
    g.nodes = [node for node in g.nodes if node not in outside]
    made.sources.clear()
    made.pos, made.size = (0, 0), (400, needed_height(made))
    g.groups.clear()
    content = g.to_json()
    (definition,) = content["definitions"]["subgraphs"]
    definition |= {"category": CATEGORY, "description": TOLD[made.title or ""]}
    return content


BLUEPRINTS: dict[str, Callable[[dict], dict]] = {RESTYLE: restyle_video, PASSES: two_passes}

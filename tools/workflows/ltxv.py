"""A clip through LTXV, a native video model: sides by 32, 8n+1 frames, a schedule by the latent's size."""

from typing import Any

from tools.workflows import notes
from tools.workflows.flow import Frames, Loaders, Pass, Scene, Variant, plain, restyle
from tools.workflows.graph import Graph, Node
from tools.workflows.layout import Area, place
from tools.workflows.models import LTXV, T5
from tools.workflows.parts import BLUE
from tools.workflows.subgraph import fold

START = notes.START_FLOW.format(name="LTXV", inside="the loaders", second="a little more cfg")

ABOUT = """\
LTXV is a *flow* model: its noise goes from 0 to 1, not to 14.6. Align Your Steps has no table for it.

- **LTXVScheduler** makes the schedule by the latent: the longer and larger the clip, the more \
steps lie at strong noise, where motion and composition are decided.
- **LTXVConditioning** tells the model the clip's frame rate, in both passes the same.
- **The VAE adds noise as it decodes** (LTXV 0.9.1 and later). *VAE Decode (long clips)* draws the same \
noise each time, so the same queue gives the same video; core's node draws other noise in each run.
- **No AnimateDiff, no guides**: a picture that *LTXVAddGuide* puts into the clip is refused.
- **LTX-2** makes sound as well, in one latent with the video: both passes refuse that.
"""

SIZE = notes.SIZE_FLOW.format(
    megapixels="0.38",
    example="832 x 448",
    multiple=32,
    counts="1, 9, 17, 25, ...",
    name="LTXV",
    repeat=7,
    most="LTXV was made for up to 257 frames.",
)


def load(g: Graph) -> Loaders:
    """The checkpoint has the VAE, too."""
    base = g.add("CheckpointLoaderSimple", models=[LTXV], ckpt_name=LTXV["name"])
    text = g.add("CLIPLoader", models=[T5], clip_name=T5["name"], type="ltxv")
    return Loaders([base["MODEL"]], text["CLIP"], base["VAE"], [base, text], [])


def folded(g: Graph, loaders: Loaders) -> Node:
    """Both loaders as one node."""
    base, text = loaders.nodes
    place(g, [Area("", BLUE, loaders.nodes, 400)])
    g.groups.clear()
    shown = {(base, "ckpt_name"): "video model, VAE", (text, "clip_name"): "text encoder"}
    made = {"MODEL": base["MODEL"], "CLIP": text["CLIP"], "VAE": base["VAE"]}
    return fold(g, "Models", loaders.nodes, shown, made)


def schedule(g: Graph, loaders: Loaders, latent: Node) -> Node:
    """LTXV's own, by the size of the clip's latent."""
    return g.add("LTXVScheduler", steps=30, latent=latent["latent"])


def with_rate(g: Graph, up: bool, scene: Scene, **inputs: Any) -> Pass:
    """A pass whose texts carry the clip's frame rate."""
    text = scene.texts.source if up else scene.texts.target
    rate = g.add(
        "LTXVConditioning",
        "Frame rate of the clip",
        positive=text["CONDITIONING"],
        negative=scene.texts.negative["CONDITIONING"],
        frame_rate=scene.frames["fps"],
    )
    return plain(g, up, scene, rate["positive"], rate["negative"], above=[rate], **inputs)


LTXV_VARIANT = Variant(
    [LTXV, T5],
    "checkpoint of LTXV",
    START,
    ("Unlike AnimateDiff", ABOUT),
    Frames(0.38, 32, 7, SIZE),
    notes.TUNING_WAN,
    load,
    folded,
    schedule,
    with_rate,
)


def unsampling_ltxv_video(info: dict) -> dict:
    """The workflow file's content."""
    return restyle(info, LTXV_VARIANT)

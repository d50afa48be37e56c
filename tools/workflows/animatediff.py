"""A clip through AnimateDiff, once per family of models: unsample with a description of the source, resample
with the target prompt and a weak ControlNet."""

from dataclasses import dataclass

from tools.workflows import models, notes
from tools.workflows.graph import Graph, Node, Output
from tools.workflows.layout import Area, place
from tools.workflows.models import CLIP, Model, packs
from tools.workflows.parts import BLUE, GREEN, OURS, PURPLE, prompts

FPS = "fps\U0001f7e6"  # VideoHelperSuite marks its outputs by the colour of their source
VHS_PREVIEW = 240  # its loader grows by the height of the clip
VHS_HEIGHT = 448  # of a wide clip; 16:9 becomes 800 x 448, about SD15.megapixels


@dataclass(frozen=True)
class Family:
    """What changes between SD1.5 and SDXL."""

    checkpoint: Model
    vae: Model
    motion: Model
    canny: Model
    schedule: str
    beta: str
    window: int
    overlap: int
    megapixels: float
    start: str
    changes: tuple[str, str]  # title and text of the note about SD1.5 and SDXL
    changes_height: int


SD15 = Family(
    models.SD15,
    models.SD15_VAE,
    models.SD15_MOTION,
    models.SD15_CANNY,
    "auto",
    "autoselect",
    16,
    4,
    0.35,
    notes.START,
    ("From SD1.5 to SDXL", notes.SDXL),
    320,
)
HOTSHOTXL = Family(
    models.SDXL,
    models.SDXL_VAE,
    models.HOTSHOT,
    models.SDXL_CANNY,
    "SDXL",
    "linear (HotshotXL/default)",
    8,
    2,
    0.56,
    notes.START_SDXL,
    ("From SD1.5 to SDXL", notes.HOTSHOTXL),
    440,
)
ANIMATEDIFF_SDXL = Family(
    models.SDXL,
    models.SDXL_VAE,
    models.SDXL_MOTION,
    models.SDXL_CANNY,
    "SDXL",
    "linear (AnimateDiff-SDXL)",
    16,
    4,
    0.56,
    notes.START_SDXL,
    ("From SD1.5 to SDXL", notes.ANIMATEDIFF_SDXL),
    440,
)


@dataclass(frozen=True)
class Footage:
    """The source clip as nodes: its frames, and what the result needs of it."""

    nodes: list[Node]
    frames: Output
    fps: Output
    audio: Output


def core_footage(g: Graph, megapixels: float) -> Footage:
    """The first two seconds, scaled as they are decoded."""
    video = g.add("LoadVideo", file=CLIP)
    trim = g.add("Video Slice", video=video["VIDEO"], duration=2.0)
    frames = g.add("UNS_VideoFrames", colors=OURS, video=trim["VIDEO"], megapixels=megapixels)
    return Footage([video, trim, frames], frames["images"], frames["fps"], frames["audio"])


def vhs_footage(g: Graph) -> Footage:
    """Every second frame, 48 of them, by VideoHelperSuite, which scales a few at a time as it reads. Its
    format AnimateDiff makes both sides a multiple of 8."""
    video = g.add(
        "VHS_LoadVideo",
        "Load Video (VideoHelperSuite)",
        video=CLIP,
        custom_height=VHS_HEIGHT,
        frame_load_cap=48,
        select_every_nth=2,
        format="AnimateDiff",
    )
    rate = g.add("VHS_VideoInfoLoaded", "Frame rate as loaded", video_info=video["video_info"])
    return Footage([video, rate], video["IMAGE"], rate[FPS], video["audio"])


def core_result(g: Graph, images: Output, footage: Footage) -> list[Node]:
    """The video file, by core's own nodes."""
    clip = g.add("CreateVideo", images=images, audio=footage.audio, fps=footage.fps)
    return [clip, g.add("SaveVideo", video=clip["VIDEO"], filename_prefix="video/unsampling")]


def vhs_result(g: Graph, images: Output, footage: Footage) -> list[Node]:
    """The video file, by VideoHelperSuite; without sound, whose link fails on clips that have none."""
    return [
        g.add(
            "VHS_VideoCombine",
            "Video Combine (VideoHelperSuite)",
            images=images,
            frame_rate=footage.fps,
            filename_prefix="unsampling",
            format="video/h264-mp4",
        )
    ]


def load_control(g: Graph, family: Family) -> Node:
    """The ControlNet."""
    return g.add(
        "ACN_ControlNetLoaderAdvanced", "Load ControlNet", models=[family.canny], cnet=family.canny["name"]
    )


def load_models(g: Graph, family: Family, control: bool = True) -> list[Node]:
    """The nodes of the model group: checkpoint, VAE, with `control` the ControlNet, and last the one that
    gives both passes their MODEL."""
    base = g.add("CheckpointLoaderSimple", models=[family.checkpoint], ckpt_name=family.checkpoint["name"])
    vae = g.add("VAELoader", models=[family.vae], vae_name=family.vae["name"])
    more = [load_control(g, family)] if control else []
    loader = g.add(
        "ADE_LoadAnimateDiffModel",
        "Load AnimateDiff Model",
        models=[family.motion],
        model_name=family.motion["name"],
    )
    motion = g.add(
        "ADE_ApplyAnimateDiffModelSimple", "Apply AnimateDiff Model", motion_model=loader["MOTION_MODEL"]
    )
    windows = g.add(
        "ADE_StandardStaticContextOptions",
        "Context Options (Standard Static)",
        context_length=family.window,
        context_overlap=family.overlap,
    )
    model = g.add(
        "ADE_UseEvolvedSampling",
        "Use Evolved Sampling",
        model=base["MODEL"],
        m_models=motion["M_MODELS"],
        context_options=windows["CONTEXT_OPTS"],
        beta_schedule=family.beta,
    )
    return [base, vae, *more, loader, motion, windows, model]


def restyle(info: dict, family: Family, vhs: bool = False) -> dict:
    """The workflow of one family; `vhs` loads and saves the clip with VideoHelperSuite's nodes."""
    g = Graph(info, packs())
    start = g.note("Start here", notes.START_VHS if vhs else family.start)
    title, text = family.changes
    changes = g.note(title, notes.SDXL_VHS if vhs else text)
    footage = vhs_footage(g) if vhs else core_footage(g, family.megapixels)
    loaded = load_models(g, family)
    base, vae, control, model = *loaded[:3], loaded[-1]
    texts = prompts(g, base["CLIP"])

    latent = g.add("VAEEncode", pixels=footage.frames, vae=vae["VAE"])
    steps = g.add("UNS_AYSScheduler", colors=OURS, model_type=family.schedule, steps=16, model=model["MODEL"])
    noise = g.add(
        "UNS_Unsampler",
        colors=OURS,
        model=model["MODEL"],
        positive=texts.source["CONDITIONING"],
        negative=texts.negative["CONDITIONING"],
        latent_image=latent["LATENT"],
        sigmas=steps["SIGMAS"],
        cfg=1.0,
    )
    which = g.note("Which text goes where?", notes.PROMPTS)

    edges = g.add("UNS_CannyEdges", colors=OURS, images=footage.frames)
    hint = g.add(
        "ACN_AdvancedControlNetApply_v2",
        "Apply ControlNet (weak, early steps)",
        positive=texts.target["CONDITIONING"],
        negative=texts.negative["CONDITIONING"],
        control_net=control["CONTROL_NET"],
        image=edges["edges"],
        strength=0.4,
        end_percent=0.4,
    )
    result = g.add(
        "UNS_NoiselessResampler",
        colors=OURS,
        model=model["MODEL"],
        positive=hint["positive"],
        negative=hint["negative"],
        noise=noise["noise"],
        cfg=2.0,
    )
    tuning = g.note("Too close or too far?", notes.TUNING)

    images = g.add("VAEDecode", samples=result["latent"], vae=vae["VAE"])
    saved = (vhs_result if vhs else core_result)(g, images["IMAGE"], footage)

    place(
        g,
        [
            Area(
                "Read me",
                GREEN,
                [start, changes],
                width=400,
                heights={start.id: 560, changes.id: family.changes_height},
            ),
            Area(
                "1 Source video", BLUE, footage.nodes, room={footage.nodes[0].id: VHS_PREVIEW if vhs else 0}
            ),
            Area("2 Models", BLUE, loaded, width=380),
            Area("3 Prompts", BLUE, texts.nodes),
            Area("4 Unsample", PURPLE, [latent, steps, noise, which], heights={which.id: 440}),
            Area("5 Resample", PURPLE, [edges, hint, result, tuning], heights={tuning.id: 440}),
            Area("6 Result", BLUE, [images, *saved], heights={} if vhs else {saved[-1].id: 420}),
        ],
    )
    return g.to_json()

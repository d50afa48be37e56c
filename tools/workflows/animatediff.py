"""A clip through AnimateDiff, once per family of models: unsample with a description of the source, resample
with the target prompt and a weak ControlNet."""

from dataclasses import dataclass

from tools.workflows import notes
from tools.workflows.families import Family
from tools.workflows.graph import Graph, Node, Output
from tools.workflows.layout import Area, Column, place
from tools.workflows.models import CLIP, packs
from tools.workflows.parts import (
    BLUE,
    NOTE_WIDTH,
    OURS,
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

FPS = "fps\U0001f7e6"  # VideoHelperSuite marks its outputs by the colour of their source
VHS_PREVIEW = 226  # what its saver grows by, the height of a clip of 4:3
VHS_LOADER = 241  # what its loader, clip included, is taller in Nodes 2.0
VHS_HEIGHT = 448  # of a wide clip; 16:9 becomes 800 x 448, about SD15.megapixels


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


def fold_models(g: Graph, loaded: list[Node]) -> Node:
    """Loaders and AnimateDiff as one node with the names of the files on it."""
    base, vae, loader, motion, windows, model = loaded
    columns = [Column([base, vae, loader], 400), Column([motion, windows], 400), Column([model], 400)]
    place(g, [Area("", BLUE, columns[0].nodes, 400, more=tuple(columns[1:]))])
    g.groups.clear()
    return fold(
        g,
        "Models",
        loaded,
        {
            (base, "ckpt_name"): "checkpoint",
            (vae, "vae_name"): "VAE",
            (loader, "model_name"): "motion model",
            (windows, "context_length"): "frames at a time",
        },
        {"MODEL": model["MODEL"], "CLIP": base["CLIP"], "VAE": vae["VAE"]},
    )


def fold_control(g: Graph, control: Node, edges: Node, hint: Node) -> Node:
    """Edges and ControlNet as one node with what is turned on it."""
    place(g, [Area("", BLUE, [control, edges], 400, more=(Column([hint], 400),))])
    g.groups.clear()
    return fold(
        g,
        "ControlNet (weak, early steps)",
        [control, edges, hint],
        {
            (control, "cnet"): "ControlNet",
            (hint, "strength"): "strength",
            (hint, "end_percent"): "end_percent",
        },
        {"positive": hint["positive"], "negative": hint["negative"]},
    )


def restyle(info: dict, family: Family, vhs: bool = False) -> dict:
    """The workflow of one family; `vhs` loads and saves the clip with VideoHelperSuite's nodes."""
    g = Graph(info, packs())
    start = g.note("Start here", notes.START_VHS if vhs else notes.START)
    changes = g.note("From SD1.5 to SDXL", notes.SDXL_VHS if vhs else family.changes, collapsed=True)
    footage = vhs_footage(g) if vhs else core_footage(g, family.megapixels)
    base, vae, control, *moved = load_models(g, family)
    model = moved[-1]
    texts = prompts(g, base["CLIP"])

    latent = g.add("VAEEncode", pixels=footage.frames, vae=vae["VAE"])
    steps, noise = unsampled(g, model, texts.source, texts.negative, latent, family.schedule)
    which = g.note("Which text where?", notes.PROMPTS)

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
    shared: Shared = {"model": model["MODEL"], "negative": hint["negative"]}
    result = falling(g, shared, hint["positive"], noise)
    tuning = g.note("Too close, too far?", notes.TUNING)

    images = g.add("VAEDecode", samples=result["latent"], vae=vae["VAE"])
    saved = (vhs_result if vhs else core_result)(g, images["IMAGE"], footage)
    # What came after 0.1.0 comes last, so that the numbers of the nodes that scripts know stay.
    report = g.add("UNS_InversionReport", colors=OURS, noise=noise["noise"])
    files = files_note(
        g, f"checkpoint made from {family.name}", family.checkpoint, family.vae, family.motion, family.canny
    )
    size = g.note("Frames and memory", notes.SIZE_VHS if vhs else family.size)
    migration = migration_note(g)
    folded = fold_models(g, [base, vae, *moved])
    weak = fold_control(g, control, edges, hint)

    first, *rest = footage.nodes
    chosen = [(first, "video", "clip"), (first, "frame_load_cap", "frames at most")]
    if not vhs:
        chosen = [(first, "file", "clip"), (rest[0], "duration", "seconds")]
    app_mode(g, chosen, texts.nodes, result, saved[-1])
    loading = Column([*rest, latent], 300) if vhs else Column(rest, 300)
    unsample, resample = passes(4, noise, report, result)
    place(
        g,
        [
            read_me(start),
            Area(
                "1 Source video",
                BLUE,
                [first] if vhs else [first, latent],
                280 if vhs else 300,
                room={first.id: VHS_LOADER if vhs else 0},
                more=(loading,),
            ),
            Area(
                "2 Prompts",
                BLUE,
                texts.nodes,
                340,
                prompt_heights(texts.nodes),
                more=(Column([weak, which], 340, taller(weak) | {which.id: 190}),),
            ),
            help_notes("Help", NOTE_WIDTH, (tuning, 390), (migration, 420)),
        ],
        [
            Area("3 Models", BLUE, [folded, steps], 300, taller(folded)),
            unsample,
            resample,
            Area(
                "6 Result",
                BLUE,
                [images, *saved],
                300,
                {} if vhs else {saved[-1].id: 360},
                {saved[-1].id: VHS_PREVIEW if vhs else 0},
            ),
            help_notes("Models and sizes", WIDE, (files, 290), (size, 176 if vhs else 190), (changes, 280)),
        ],
    )
    return g.to_json()

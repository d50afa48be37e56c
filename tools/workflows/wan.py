"""A clip through Wan 2.1, a native video model and a flow model: core's schedule, no AnimateDiff."""

from tools.workflows import notes
from tools.workflows.graph import Graph
from tools.workflows.layout import Area, Column, place
from tools.workflows.models import CLIP, WAN, WAN_TEXT, WAN_VAE, packs
from tools.workflows.parts import (
    BLUE,
    NOTE_WIDTH,
    OURS,
    WIDE,
    Shared,
    app_mode,
    files_note,
    help_notes,
    migration_note,
    passes,
    prompt_heights,
    prompts,
    read_me,
    taller,
)
from tools.workflows.subgraph import fold


def unsampling_wan_video(info: dict) -> dict:
    """The workflow file's content."""
    g = Graph(info, packs())
    start = g.note("Start here", notes.START_WAN)
    flow = g.note("What differs from AnimateDiff", notes.FLOW, collapsed=True)

    video = g.add("LoadVideo", file=CLIP)
    trim = g.add("Video Slice", video=video["VIDEO"], duration=2.0)
    frames = g.add(
        "UNS_VideoFrames", colors=OURS, video=trim["VIDEO"], megapixels=0.38, multiple_of=16, repeat_last=3
    )

    unet = g.add("UNETLoader", models=[WAN], unet_name=WAN["name"])
    text = g.add("CLIPLoader", models=[WAN_TEXT], clip_name=WAN_TEXT["name"], type="wan")
    vae = g.add("VAELoader", models=[WAN_VAE], vae_name=WAN_VAE["name"])
    model = g.add("ModelSamplingSD3", "Shift of the schedule", model=unet["MODEL"], shift=8.0)
    texts = prompts(g, text["CLIP"])
    both: Shared = {"model": model["MODEL"], "negative": texts.negative["CONDITIONING"]}

    latent = g.add("UNS_EncodeClip", colors=OURS, pixels=frames["images"], vae=vae["VAE"])
    steps = g.add("BasicScheduler", model=model["MODEL"], scheduler="simple", steps=20)
    noise = g.add(
        "UNS_Unsampler",
        colors=OURS,
        **both,
        positive=texts.source["CONDITIONING"],
        latent_image=latent["latent"],
        sigmas=steps["SIGMAS"],
        cfg=1.0,
    )
    report = g.add("UNS_InversionReport", colors=OURS, noise=noise["noise"])
    which = g.note("Which text goes where?", notes.PROMPTS)

    result = g.add(
        "UNS_NoiselessResampler",
        colors=OURS,
        **both,
        positive=texts.target["CONDITIONING"],
        noise=noise["noise"],
        cfg=2.0,
    )
    tuning = g.note("Too close or too far?", notes.TUNING_WAN)

    images = g.add("UNS_DecodeClip", colors=OURS, samples=result["latent"], vae=vae["VAE"])
    cut = g.add(
        "UNS_FirstFrames",
        "As many frames as came in",
        colors=OURS,
        images=images["images"],
        count=frames["count"],
    )
    clip = g.add("CreateVideo", images=cut["images"], audio=frames["audio"], fps=frames["fps"])
    save = g.add("SaveVideo", video=clip["VIDEO"], filename_prefix="video/unsampling")

    # What came after 0.1.0 comes last, so that the numbers of the nodes that scripts know stay.
    files = files_note(g, "text-to-video model of Wan 2.1", WAN, WAN_TEXT, WAN_VAE)
    size = g.note("Frames, size and memory", notes.SIZE_WAN)
    migration = migration_note(g)
    place(g, [Area("", BLUE, [unet, text, vae], 400, more=(Column([model], 400),))])
    g.groups.clear()
    folded = fold(
        g,
        "Models",
        [unet, text, vae, model],
        {
            (unet, "unet_name"): "video model",
            (text, "clip_name"): "text encoder",
            (vae, "vae_name"): "VAE",
            (model, "shift"): "shift",
        },
        {"MODEL": model["MODEL"], "CLIP": text["CLIP"], "VAE": vae["VAE"]},
    )
    app_mode(g, [(video, "file", "clip"), (trim, "duration", "seconds")], texts.nodes, result, save)
    unsample, resample = passes(4, noise, report, result, images)
    place(
        g,
        [
            read_me(start),
            Area("1 Source video", BLUE, [video, latent], 300, more=(Column([trim, frames], 300),)),
            Area("2 Models", BLUE, [folded, steps], 300, taller(folded)),
            Area(
                "3 Prompts",
                BLUE,
                texts.nodes,
                340,
                prompt_heights(texts.nodes),
                more=(Column([which], 340, {which.id: 460}),),
            ),
        ],
        [
            help_notes("Models and sizes", WIDE, (files, 240), (size, 260), (flow, 350)),
            unsample,
            resample,
            Area("6 Result", BLUE, [cut, clip, save], 300, {save.id: 360}),
            help_notes("Help", NOTE_WIDTH, (tuning, 480), (migration, 420)),
        ],
    )
    return g.to_json()

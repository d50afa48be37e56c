"""A clip through Wan 2.1, a native video model and a flow model: core's schedule, no AnimateDiff."""

from tools.workflows import notes
from tools.workflows.graph import Graph
from tools.workflows.layout import Area, place
from tools.workflows.models import CLIP, WAN, WAN_TEXT, WAN_VAE, packs
from tools.workflows.parts import BLUE, GREEN, OURS, PURPLE, Shared, prompts


def unsampling_wan_video(info: dict) -> dict:
    """The workflow file's content."""
    g = Graph(info, packs())
    start = g.note("Start here", notes.START_WAN)
    flow = g.note("What differs from AnimateDiff", notes.FLOW)

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

    place(
        g,
        [
            Area("Read me", GREEN, [start, flow], width=400, heights={start.id: 560, flow.id: 440}),
            Area("1 Source video", BLUE, [video, trim, frames]),
            Area("2 Models", BLUE, [unet, text, vae, model], width=380),
            Area("3 Prompts", BLUE, texts.nodes),
            Area(
                "4 Unsample",
                PURPLE,
                [latent, steps, noise, which, report],
                heights={which.id: 440, report.id: 600},
            ),
            Area("5 Resample", PURPLE, [result, tuning], heights={tuning.id: 400}),
            Area("6 Result", BLUE, [images, cut, clip, save], heights={save.id: 420}),
        ],
    )
    return g.to_json()

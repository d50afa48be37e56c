"""How much main memory a clip takes on its way into latents and out of them, by core's nodes and by ours.

    python -m benchmarks.footage             (Linux; needs a ComfyUI: COMFYUI_PATH, else ~/comfy/ComfyUI)

The nodes of the SD1.5 workflow: frames from a 1080p file at the workflow's size, VAE Encode, edges for the
ControlNet, VAE Decode, what each node gave out being kept as ComfyUI keeps it. The VAE is the host's, its
network a formula: what grows with the clip is then the nodes' own. Peaks are of anonymous memory above what
was there before the first node. On a GPU the edges are found in its memory, in as much of it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the host's python knows its own folder only

from benchmarks.host import in_host
from benchmarks.host.peak import Peak
from benchmarks.origin import origin

RESULT = Path(__file__).resolve().parents[1] / "results" / "footage.md"
SIZE, MEGAPIXELS, HEIGHT = (1080, 1920), 0.35, 448  # the last is what VideoHelperSuite's workflow scales to
THRESHOLDS = (0.3, 0.3)  # equal: as much memory, and no long search for edges that lead on
WAYS = {
    "core": "core: Get Video Components, Scale Image to Total Pixels, Detect Edges (Canny)",
    "ours": "ours: Video Frames (scaled), Canny Edges",
    "vhs": "VideoHelperSuite's Load Video, Canny Edges",
    "core-wan": "core with Wan's VAE: VAE Encode, VAE Decode; Video Frames (scaled), First Frames",
    "wan": "ours with Wan's VAE: Video Frames (scaled), VAE Encode and Decode (long clips), First Frames",
}
STAGES = ("frames", "encode", "edges", "decode")
AGAIN = 3  # frames that the Wan workflow adds for its VAE, and takes off the result
MIB = 2**20
# Clips at the working size that may be held at a stage's peak: the frames, a third for edges, the result.
STATED = {
    "ours": {"frames": 1.1, "encode": 1.1, "edges": 1.45, "decode": 2.45},
    "vhs": {"frames": 1.25, "encode": 1.1, "edges": 1.45, "decode": 2.45},
    "wan": {"frames": 1.1, "encode": 1.1, "decode": 2.1},
}


def main() -> int:
    """Measures both ways at every length and writes the table; 1 where ours breaks what the docs say."""
    parser = argparse.ArgumentParser("python -m benchmarks.footage", description=__doc__.split("\n")[0])
    parser.add_argument("--frames", default="32,128")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        way, path = options.inside.split("=", 1)
        sys.stdout.write("\n" + json.dumps(measure(way, path)) + "\n")
        return 0
    if len(set(options.frames.split(","))) < 2:
        parser.error("--frames needs two lengths or more: what grows with the clip is their difference")
    if in_host.missing("footage"):
        return 1
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        ways = [way for way in WAYS if way != "vhs" or in_host.folder_of_vhs()]
        for frames in map(int, options.frames.split(",")):
            path = Path(folder) / f"{frames}.mp4"
            write_clip(path, frames)
            for way in ways:
                rows[way, frames] = in_host.answer(__file__, [f"--inside={way}={path}"])
    text, holds = table(rows, options)
    RESULT.write_text(text)
    print(text)
    return int(not holds)


def write_clip(path: Path, frames: int) -> None:
    """A 1080p file: a second of a pan, again and again."""
    import numpy as np

    from demo.video import pan_over_photograph, write_video

    pan = pan_over_photograph(8, *SIZE)
    write_video(path, pan[np.arange(frames) % len(pan)], Fraction(24))


def measure(way: str, path: str) -> dict:
    """Inside the host: the peak at each stage, in bytes, and the size of the clip as it is worked on."""
    import torch

    in_host.on_cpu()
    torch.set_num_threads(1)
    from comfy_api.latest import InputImpl

    vae, nodes = (wan_vae if "wan" in way else small_vae)(torch), nodes_of(way)
    outputs, peaks = {"video": InputImpl.VideoFromFile(path)}, {}
    nodes["frames"](outputs["video"].as_trimmed(0, 0.2))  # warm up
    stages = {
        "frames": lambda: nodes["frames"](outputs["video"]),
        "encode": lambda: nodes["encode"](vae, outputs["frames"][-1]),
        "edges": lambda: nodes["edges"](outputs["frames"][-1]),
        "decode": lambda: nodes["result"](nodes["decode"](vae, outputs["encode"])),
    }
    with torch.inference_mode(), Peak(Path(path).parent / "none") as peak:
        for name in STATED["wan" if "wan" in way else "ours"]:
            peak.anonymous = 0
            outputs[name] = stages[name]()
            peaks[name] = peak.anonymous
    clip, result = outputs["frames"][-1], outputs["decode"]
    assert result.shape[1:] == clip.shape[1:] and 0 <= len(clip) - len(result) <= AGAIN
    return peaks | {"clip": clip.nbytes, "shape": list(clip.shape)}


def nodes_of(way: str) -> dict:
    """The nodes of that way: VIDEO -> frames, those to work on last; these -> latents, and -> edges; latents
    -> decoded; decoded -> result."""
    in_host.load_pack()
    from nodes import VAEDecode, VAEEncode
    from unsampling_pack.nodes.frames import CannyEdges, FirstFrames, VideoFrames
    from unsampling_pack.nodes.vae import DecodeClip, EncodeClip

    most = {
        "encode": lambda vae, images: VAEEncode().encode(vae, images)[0]["samples"],
        "decode": lambda vae, samples: VAEDecode().decode(vae, {"samples": samples})[0],
        "edges": lambda images: CannyEdges.execute(images, *THRESHOLDS).result[0],
        "result": lambda images: images,
    }
    if way == "core":
        from comfy_extras.nodes_canny import Canny
        from comfy_extras.nodes_post_processing import ImageScaleToTotalPixels
        from comfy_extras.nodes_video import GetVideoComponents

        def frames_of(video) -> list:
            images = GetVideoComponents.execute(video).result[0]
            return [images, ImageScaleToTotalPixels.execute(images, "area", MEGAPIXELS, 8).result[0]]

        return most | {
            "frames": frames_of,
            "edges": lambda images: Canny.execute(images, *THRESHOLDS).result[0],
        }
    if way == "vhs":
        load = in_host.nodes_of_vhs()["VHS_LoadVideoPath"]().load_video
        given = {
            "force_rate": 0,
            "custom_width": 0,
            "custom_height": HEIGHT,
            "skip_first_frames": 0,
            "select_every_nth": 1,
            "frame_load_cap": 0,
            "format": "AnimateDiff",
        }
        return most | {"frames": lambda video: [load(video=video.get_stream_source(), **given)[0]]}
    if "wan" in way:
        ours = {
            "encode": lambda vae, images: EncodeClip.execute(images, vae).result[0]["samples"],
            "decode": lambda vae, samples: DecodeClip.execute({"samples": samples}, vae).result[0],
        }
        return (
            most
            | (ours if way == "wan" else {})
            | {
                "frames": lambda video: [VideoFrames.execute(video, MEGAPIXELS, 1, 0, 16, AGAIN).result[0]],
                "result": lambda images: FirstFrames.execute(images, len(images) - 1).result[0],
            }
        )
    return most | {"frames": lambda video: [VideoFrames.execute(video, MEGAPIXELS, 1, 0).result[0]]}


def small_vae(torch):
    """The host's VAE of TAESD's kind, its network a formula: means of 8x8 pixels, and each spread again."""
    import comfy.sd
    import comfy.taesd.taesd

    weights = comfy.taesd.taesd.TAESD().state_dict()
    weights["vae_scale"], weights["vae_shift"] = torch.tensor(0.18215), torch.tensor(0.0)
    vae = comfy.sd.VAE(sd=weights)
    network, functional = vae.first_stage_model, torch.nn.functional
    network.encode = lambda pixels: functional.avg_pool2d(pixels, 8)[:, [0, 1, 2, 0]]
    network.decode = lambda latent: functional.interpolate(latent[:, :3], scale_factor=8)
    # a frame at a time: what a batch takes inside the network is a GPU's memory elsewhere
    vae.memory_used_encode = vae.memory_used_decode = lambda *_: 2**50
    return vae


def wan_vae(torch):
    """The host's VAE of Wan's kind with its own loops over time, the networks inside them formulas: means of
    8x8 pixels, and each spread again."""
    import comfy.sd
    from comfy.ldm.wan.vae import WanVAE

    small = WanVAE(
        dim=16,
        z_dim=16,
        dim_mult=[1, 2, 4, 4],
        num_res_blocks=2,
        attn_scales=[],
        temperal_downsample=[False, True, True],
    )
    vae = comfy.sd.VAE(sd=small.state_dict())
    network, functional = vae.first_stage_model, torch.nn.functional

    def encoder(pixels, feat_cache, feat_idx, final=False):
        """The first frame is a latent's, then two pairs are each of the others'."""
        if pixels.shape[2] == 2:
            feat_cache[0] = "half" if feat_cache[0] is None else None
            if feat_cache[0] == "half":
                return None
        return functional.avg_pool3d(pixels[:, :, :1], (1, 8, 8)).repeat(1, 11, 1, 1, 1)[:, :32]

    def decoder(latent, feat_cache, feat_idx):
        """A frame of the first latent, four of each that follows, in pieces of two."""
        spread = functional.interpolate(latent[0, :3].movedim(1, 0), scale_factor=8).movedim(0, 1)[None]
        if feat_cache[0] is None:
            feat_cache[0] = True
            return [spread]
        return [
            spread[:, :, at : at + 1].repeat(1, 1, 2, 1, 1) for at in range(spread.shape[2]) for _ in "ab"
        ]

    network.encoder.forward, network.decoder.forward = encoder, decoder
    for layer in (network.conv1, network.conv2):
        layer.forward = lambda latent: latent
    vae.memory_used_encode = vae.memory_used_decode = lambda *_: 2**20  # all at once, as a free GPU has it
    return vae


def table(rows: dict, options: argparse.Namespace) -> tuple[str, bool]:
    """The result as Markdown, and whether what the docs say holds."""
    one = next(iter(rows.values()))
    lines = [
        "# Footage: the main memory of a clip on its way in and out",
        "",
        f"`python -m benchmarks.footage --frames {options.frames}` on a CPU: a file of {SIZE[1]}x{SIZE[0]},"
        f" worked on at {one['shape'][2]}x{one['shape'][1]}, in and out of the host's VAE with a formula for"
        " its network. Peaks of anonymous memory while the node runs, with all that the nodes before it gave"
        f" out, in MiB and in clips of the working size. {origin()}.",
        "",
        "| frames | nodes | while loading | while encoding | while finding edges | while decoding |",
        "|---|---|---|---|---|---|",
    ]
    for (way, frames), row in rows.items():
        cells = [
            f"{row[name] / MIB:,.0f} ({row[name] / row['clip']:.1f})" if name in row else "-"
            for name in STAGES
        ]
        lines.append(f"| {frames} | {WAYS[way]} | {' | '.join(cells)} |")
    held = []
    for way, stated in STATED.items():
        if not any(way == measured for measured, _ in rows):
            lines += ["", f"{WAYS[way]}: not measured, this ComfyUI does not have it."]
            continue
        grown = {name: growth(rows, way, name) for name in stated}
        held.append(all(grown[name] <= most for name, most in stated.items()))
        figures = ", ".join(f"{name} {grown[name]:.2f} (at most {most:g})" for name, most in stated.items())
        lines += [
            "",
            f"Clips by which the peak grows with the clip, {WAYS[way]}; in brackets what is stated:"
            f" {figures}: {'holds' if held[-1] else 'BROKEN'}.",
        ]
    return "\n".join(lines) + "\n", all(held)


def growth(rows: dict, way: str, stage: str) -> float:
    """Clips by which a stage's peak grows with the clip."""
    first, last = (rows[way, pick(frames for _, frames in rows)] for pick in (min, max))
    return (last[stage] - first[stage]) / (last["clip"] - first["clip"])


if __name__ == "__main__":
    sys.exit(main())

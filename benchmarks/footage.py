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

sys.path.append(str(Path(__file__).resolve().parents[1]))  # the host's python knows its own folder only

from benchmarks import in_host

RESULT = Path(__file__).with_name("results") / "footage.md"
SIZE, MEGAPIXELS, THRESHOLDS = (1080, 1920), 0.35, (0.1, 0.3)
WAYS = {"core": "core: Get Video Components, Scale Image to Total Pixels, Detect Edges (Canny)",
        "ours": "ours: Video Frames (scaled), Canny Edges"}
STAGES = ("frames", "encode", "edges", "decode")
MIB = 2**20
# clips at the working size that may be held at a stage's peak: the frames, a third for edges, the result
STATED = {"frames": 1.1, "encode": 1.1, "edges": 1.45, "decode": 2.45}


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
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for frames in map(int, options.frames.split(",")):
            path = Path(folder) / f"{frames}.mp4"
            write_clip(path, frames)
            for way in WAYS:
                found[way, frames] = in_host.answer(__file__, [f"--inside={way}={path}"])
    text, holds = table(found, options)
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

    from benchmarks.memory import Peak

    vae, (frames_of, edges_of) = small_vae(torch), nodes_of(way)
    frames_of(InputImpl.VideoFromFile(path).as_trimmed(0, 0.2))  # warm up
    kept, found = [], {}
    stages = {"frames": lambda: frames_of(InputImpl.VideoFromFile(path)),
              "encode": lambda: [vae.encode(kept[-1])], "edges": lambda: [edges_of(kept[-2])],
              "decode": lambda: [vae.decode(kept[-2])]}
    with torch.inference_mode(), Peak(Path(path).parent / "none") as peak:
        for name in STAGES:
            peak.anonymous = 0
            kept += stages[name]()
            found[name] = peak.anonymous
    clip = kept[-4]
    assert kept[-1].shape == clip.shape
    return found | {"clip": clip.nbytes, "shape": list(clip.shape)}


def nodes_of(way: str):
    """Of that way: VIDEO -> what its nodes give out, the frames to work on last; and these -> their edges."""
    if way == "core":
        from comfy_extras.nodes_canny import Canny
        from comfy_extras.nodes_post_processing import ImageScaleToTotalPixels
        from comfy_extras.nodes_video import GetVideoComponents

        def frames_of(video) -> list:
            images = GetVideoComponents.execute(video).result[0]
            return [images, ImageScaleToTotalPixels.execute(images, "area", MEGAPIXELS, 8).result[0]]

        return frames_of, lambda images: Canny.execute(images, *THRESHOLDS).result[0]
    in_host.load_pack()
    from unsampling_pack.nodes.video import CannyEdges, VideoFrames

    return (lambda video: [VideoFrames.execute(video, MEGAPIXELS, 1, 0).result[0]],
            lambda images: CannyEdges.execute(images, *THRESHOLDS).result[0])


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


def table(found: dict, options: argparse.Namespace) -> tuple[str, bool]:
    """The result as Markdown, and whether what the docs say holds."""
    one = next(iter(found.values()))
    lines = [
        "# Footage: the main memory of a clip on its way in and out",
        "",
        f"`python -m benchmarks.footage --frames {options.frames}` on a CPU: a file of {SIZE[1]}x{SIZE[0]},"
        f" worked on at {one['shape'][2]}x{one['shape'][1]}, in and out of the host's VAE with a formula for"
        " its network. Peaks of anonymous memory while the node runs, with all that the nodes before it gave"
        " out, in MiB and in clips of the working size.",
        "",
        "| frames | nodes | while loading | while encoding | while finding edges | while decoding |",
        "|---|---|---|---|---|---|",
    ]
    for (way, frames), row in found.items():
        cells = [f"{row[name] / MIB:,.0f} ({row[name] / row['clip']:.1f})" for name in STAGES]
        lines.append(f"| {frames} | {WAYS[way]} | {' | '.join(cells)} |")
    (first, last) = (pick(frames for _, frames in found) for pick in (min, max))
    grown = [(found["ours", last][name] - found["ours", first][name])
             / (found["ours", last]["clip"] - found["ours", first]["clip"]) for name in STAGES]
    holds = all(value <= STATED[name] for name, value in zip(STAGES, grown, strict=True))
    told = ", ".join(f"{name} {value:.2f}" for name, value in zip(STAGES, grown, strict=True))
    lines += ["", f"Clips by which our peak grows with the clip: {told}.", "",
              f"Stated: at most {', '.join(f'{name} {most:g}' for name, most in STATED.items())}:"
              f" {'holds' if holds else 'BROKEN'}."]
    return "\n".join(lines) + "\n", holds


if __name__ == "__main__":
    sys.exit(main())

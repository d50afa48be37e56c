"""Pictures of the nodes that work on frames and schedules, where no model is asked."""

from __future__ import annotations

import io
import tempfile
from fractions import Fraction
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import torch
from matplotlib import pyplot
from PIL import Image
from torch import Tensor

from unsampling import schedules
from unsampling.report.sheet import Sheet
from unsampling.video import edges, footage, lightness

from .. import world
from ..video import write_video
from .drawing import CARD, COLOURS, GROUND, TEXT, Bar, Cell, bars, cells, evenly, ground, of_image, strip

SEED, SIZE = 29, 384  # the clip, and the pixels of a side
FAINT = 31  # a clip with faint edges beside strong ones
FOOTAGE = Path(__file__).parents[2] / "benchmarks" / "results" / "footage.md"
PAIRS = ((0.1, 0.3), (0.02, 0.06))  # thresholds of Canny Edges
ROW = "| 128 | {} with Wan's VAE: "
SHIFT, BORDER = 8.0, 0.875  # of the workflow for Wan 2.2
LOWEST = 0.0292  # sigma_min of SD1.5


def video_frames() -> Image.Image:
    """A file of 16 frames, every second one of them, smaller."""
    clip = _images("flat", 16)[:, 56:328]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_video(path, (clip * 255).round().byte().numpy(), Fraction(16))
        made = footage.of_file(str(path), 0.0, 0.0, footage.Wanted(0.03, 8, 2, 0), _ticks)
    height, width = made.frames.shape[1:3]
    rest = ground(clip.shape[1], clip.shape[2])
    rest[:height, :width] = of_image(made.frames[0])
    before = f"the file: {clip.shape[2]} x {clip.shape[1]},\n{len(clip)} frames, 16 a second"
    after = f"images: {width} x {height},\n{made.count} frames, {float(made.rate):g} a second"
    return cells(
        [
            [Cell(before, of_image(clip[0])), Cell(after, rest, arrow=True)],
            [Cell("the frames of the file", _strip(clip, 16))],
            [Cell("what is kept: every_nth 2", _strip(made.frames, made.count))],
        ]
    )


def first_frames() -> Image.Image:
    """A clip with its last frame repeated for the VAE, and cut to its own again."""
    wanted = footage.Wanted(SIZE**2 / 1024**2, 8, 1, 5, 3)
    made = footage.of_images(_images("flat", 16)[::3], Fraction(8), wanted, _ticks)
    kept = made.frames[: made.count]
    gone = ground(*made.frames.shape[1:3])
    left = [*map(of_image, kept), *[gone] * (len(made.frames) - len(kept))]
    return cells(
        [
            [Cell(f"decoded: {len(made.frames)} frames, the last one repeated", _strip(made.frames, 8))],
            [Cell(f"First Frames, count {made.count}: the clip's own", strip(left))],
        ]
    )


def canny_edges() -> Image.Image:
    """A frame, and its edges with two pairs of thresholds."""
    frame = _images("flat", 16, FAINT)[8:9]
    found = [
        Cell(
            f"low {low:g}, high {high:g}",
            of_image(edges.canny(frame, low, high, torch.device("cpu"), lambda: None)[0]),
            arrow=i == 0,
        )
        for i, (low, high) in enumerate(PAIRS)
    ]
    return cells([[Cell("the frame", of_image(frame[0])), *found]])


def turn_lightness() -> Image.Image:
    """A bright frame turned dark, beside what a negative makes of it."""
    frame = _images("flat", 16)[8:9]
    turned = lightness.turned(frame)[0]
    return cells(
        [
            [
                Cell("the frame", of_image(frame[0])),
                Cell("turned: hues stay", of_image(turned), arrow=True),
                Cell("a negative: hues turn", of_image(1 - frame[0])),
            ]
        ]
    )


def labelled_grid() -> Image.Image:
    """Clips one after the other as a grid."""
    styles = ("flat", "ink", "neon", "mosaic")
    clips = [_images(style, 16)[::4, 30:282] for style in styles]
    sheet = Sheet([f"the {style} look" for style in styles], 2, len(clips[0]), *reversed(clips[0].shape[1:3]))
    for cell, clip in enumerate(clips):
        sheet.fill(cell, clip)
    row = strip([of_image(frame) for clip in clips for frame in clip])
    return cells(
        [
            [Cell("clips: 4 of them, one after the other", row)],
            [Cell("one frame of the grid, with its labels", of_image(sheet.frames[2]))],
        ]
    )


def encode_clip() -> Image.Image:
    """Measured peaks while encoding."""
    return _memory("Peak of memory, encoding 128 frames", 1)


def decode_clip() -> Image.Image:
    """Measured peaks while decoding."""
    return _memory("Peak of memory, decoding 128 frames", 3)


def ays_scheduler() -> Image.Image:
    """The tables of two models at 16 steps."""
    curves = {f"{name}, 16 steps": schedules.ays(name, 16) for name in ("SD1", "SDXL")}
    return _curves(curves, "noise level (sigma)")


def reverse_sigmas() -> Image.Image:
    """A schedule as it falls, and turned round: its first sigma is the model's lowest, not 0."""
    falling = schedules.ays("SD1", 16)
    rising = schedules.reverse(falling, LOWEST)
    turned = f"rising from {float(rising[0]):.2g}"
    return _curves({"falling to 0": falling, turned: rising}, "noise level (sigma)")


def experts_by_sigma() -> Image.Image:
    """Which of two models is asked along the schedule of Wan's workflow."""
    time = torch.linspace(1, 0, 21)
    sigmas = SHIFT * time / (1 + (SHIFT - 1) * time)
    figure, axes = _axes("noise level (sigma)")
    for of_high, label, colour in ((True, "high_model", COLOURS[0]), (False, "low_model", COLOURS[1])):
        asked = [i for i, sigma in enumerate(sigmas[:-1].tolist()) if (sigma >= BORDER) == of_high]
        axes.plot(asked, sigmas[asked], "o", color=colour, label=f"{label}: {len(asked)} steps", markersize=9)
    axes.axhline(BORDER, color=TEXT, linestyle="--", label=f"border {BORDER:g}")
    return _drawn(figure, axes)


def _ticks(_count: int):
    return lambda: None


def _images(style: str, frames: int, seed: int = SEED) -> Tensor:
    """The clip as IMAGE in a style, [frames,SIZE,SIZE,3] from 0 to 1."""
    clip = world.render(world.content(seed), style, frames, SIZE)
    return ((clip + 1) / 2).permute(0, 2, 3, 1).contiguous()


def _strip(frames: Tensor, shown: int) -> np.ndarray:
    return strip([of_image(frames[i]) for i in evenly(len(frames), shown)])


def _memory(title: str, column: int) -> Image.Image:
    text = FOOTAGE.read_text(encoding="utf-8")
    lines = []
    for name, words in (("core", "core's node, Wan's VAE"), ("ours", "this node, Wan's VAE")):
        [row] = [line for line in text.splitlines() if line.startswith(ROW.format(name))]
        value = _cell(row, column)
        lines.append(Bar(words, [float(value.replace(",", ""))], f"{value} MiB"))
    return bars(title, lines)


def _cell(row: str, column: int) -> str:
    """The MiB of a measurement: 0 while loading, 1 while encoding, 3 while decoding."""
    return row.strip("| ").split(" | ")[2 + column].split(" ")[0]


def _curves(curves: dict[str, Tensor], label: str) -> Image.Image:
    """Schedules over their steps, on a logarithmic axis; a last 0 is drawn at the foot."""
    figure, axes = _axes(label)
    for (name, sigmas), colour in zip(curves.items(), COLOURS, strict=False):
        axes.plot(range(len(sigmas)), sigmas.clamp(min=0.01), "o-", color=colour, label=name, linewidth=3)
    axes.set_yscale("log")
    axes.set_yticks([0.01, 0.1, 1, 10], ["0", "0.1", "1", "10"])
    axes.minorticks_off()
    axes.set_xticks([0, 4, 8, 12, 16])
    return _drawn(figure, axes)


def _axes(label: str):
    """A figure and its axes, over the steps."""
    figure, axes = pyplot.subplots(figsize=(8, 4.4), dpi=100, facecolor=GROUND)
    axes.set_facecolor(CARD)
    axes.set_xlabel("step", color=TEXT, fontsize=22)
    axes.set_ylabel(label, color=TEXT, fontsize=22)
    axes.tick_params(colors=TEXT, labelsize=22)
    return figure, axes


def _drawn(figure, axes) -> Image.Image:
    """The figure as a picture, with its legend."""
    axes.grid(color="#474e59")
    axes.legend(loc="lower center", fontsize=22, facecolor=CARD, labelcolor=TEXT, edgecolor=CARD)
    figure.tight_layout()
    held = io.BytesIO()
    figure.savefig(held, format="png", metadata={"Software": None})
    pyplot.close(figure)
    return Image.open(held).convert("RGB")


PICTURES = {
    "UNS_VideoFrames": video_frames,
    "UNS_FirstFrames": first_frames,
    "UNS_CannyEdges": canny_edges,
    "UNS_TurnLightness": turn_lightness,
    "UNS_LabelledGrid": labelled_grid,
    "UNS_EncodeClip": encode_clip,
    "UNS_DecodeClip": decode_clip,
    "UNS_AYSScheduler": ays_scheduler,
    "UNS_ReverseSigmas": reverse_sigmas,
    "UNS_ExpertsBySigma": experts_by_sigma,
}

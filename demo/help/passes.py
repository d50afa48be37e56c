"""Pictures of the nodes that unsample, resample, mix, keep and judge, by the demo's small model."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from unsampling import noise_file, thumbnail
from unsampling.report import (
    chart,
    figures,
    metrics,
    panels,
    restyle,
    restyle_panels,
    restyle_verdict,
    verdict,
)
from unsampling.report.sheet import Sheet

from .clips import CFG, MIXED, Clips
from .drawing import WIDTH, Bar, Cell, bars, bytes_of, cells, middle, noise, of_image

LOOK, OTHER = "mosaic", "ink"
STRUCTURE = 0.3
WAY = (1, 4, 5)  # calls of the way up that are shown: the source, and before its noise hides it
BAND = slice(0, 24)  # rows of noise that are shown where a whole frame of it would be too many bytes
MIB = 2**20


def unsampler(clips: Clips) -> Image.Image:
    """The source, its noise, the same source back, and restyles of that noise."""
    source, back = clips.source(), clips.back()
    error = metrics.compare(back, source).relative_error
    return cells(
        [
            [
                _cell("the source", source),
                Cell("its noise", noise(middle(clips.inversion().noise)), arrow=True),
                _cell(f"same prompt: {_lost(error)} lost", back, arrow=True),
            ],
            [
                _cell(f"other prompt: {LOOK}", clips.restyled(LOOK)),
                _cell(f"other prompt: {OTHER}", clips.restyled(OTHER)),
                _cell(f"{LOOK}, structure {STRUCTURE:g}", clips.restyled(LOOK, STRUCTURE)),
            ],
        ]
    )


def unsampler_advanced(clips: Clips) -> Image.Image:
    """The first frame on its way up."""
    way, made = clips.way_up(), clips.inversion()
    shown = [bytes_of(way[call - 1] / max(1.0, 2.5 * float(way[call - 1].std()))) for call in WAY]
    words = ("the source", "some noise", "more noise")
    steps = [Cell(said, one, arrow=i > 0) for i, (said, one) in enumerate(zip(words, shown, strict=True))]
    return cells([[*steps, Cell("all noise", noise(made.noise[0]), arrow=True)]])


def resampler(clips: Clips) -> Image.Image:
    """A restyle at the defaults, with more structure, and without a direct path."""
    return cells(
        [
            [
                _cell("the source", clips.source()),
                _cell("the defaults", clips.restyled(LOOK), True),
            ],
            [
                _cell(f"structure {STRUCTURE:g}", clips.restyled(LOOK, STRUCTURE)),
                _cell("direct 0: noise alone", clips.restyled(LOOK, 0.0, 0.0)),
            ],
        ]
    )


def resampler_advanced(clips: Clips) -> Image.Image:
    """One noise with the same guider and with another prompt."""
    return cells(
        [
            [
                Cell("the noise", noise(middle(clips.inversion().noise))),
                _cell("same guider: the source", clips.back(), True),
                _cell("another prompt", clips.restyled(LOOK), True),
            ]
        ]
    )


def inversion_sampler(clips: Clips) -> Image.Image:
    """There and back by the solver alone, and what that loses, beside the Exact Unsampler's way."""
    source, plain, exact = clips.source(), clips.plain_back(), clips.back()
    errors = [metrics.compare(clip, source).relative_error for clip in (plain, exact)]
    lost = [bytes_of((middle(clip - source) * 4).abs() * 2 - 1) for clip in (plain, exact)]
    return cells(
        [
            [
                _cell("the source", source),
                _cell("Inversion Sampler", plain, True),
                Cell(f"{_lost(errors[0])} lost (drawn times 4)", lost[0]),
            ],
            [
                _cell("the source", source),
                _cell("Exact Unsampler and resampler", exact, True),
                Cell(f"{_lost(errors[1])} lost", lost[1]),
            ],
        ]
    )


def mix_noise(clips: Clips) -> Image.Image:
    """Noise as it is and with a share of it fresh, and what grows of both."""
    made, mixed = clips.inversion(), clips.mixed()
    return cells(
        [
            [
                Cell("amount 0: the noise", noise(middle(made.noise))[BAND]),
                Cell(f"amount {MIXED:g}", noise(middle(mixed.noise))[BAND]),
            ],
            [
                _cell(f"its {LOOK} restyle", clips.restyled(LOOK)),
                _cell("another take", clips.restyled_of_mixed(LOOK)),
            ],
        ]
    )


def restyle_grid(clips: Clips) -> Image.Image:
    """Two looks with two structures, as Labelled Grid shows them."""
    wanted = [(style, structure) for style in (LOOK, OTHER) for structure in (0.0, STRUCTURE)]
    labels = [f"cfg {CFG:g}, structure {structure:g}: {style}" for style, structure in wanted]
    sheet = Sheet(labels, 2, 1, 380, 380)
    for cell, (style, structure) in enumerate(wanted):
        sheet.fill(cell, _image(middle(clips.restyled(style, structure))[None]))
    picture = of_image(sheet.frames[0])
    return Image.fromarray(picture).resize((WIDTH, round(WIDTH * picture.shape[0] / picture.shape[1])))


def inversion_report(clips: Clips) -> Image.Image:
    """The report's chart on this clip's noise."""
    made = clips.inversion()
    assert made.record is not None
    sigma = float(made.sigmas[0])
    of_noise = metrics.noise_figures(made.noise, made.record.source, sigma)
    compared = metrics.compare(clips.back(), made.record.source)
    report = figures.Report(made, of_noise, metrics.corrections(made), compared, 1.0, sigma)
    return _chart(
        *verdict.heading(report), not verdict.findings(report), panels.panels(report), slice(0, 4, 3)
    )


def restyle_report(clips: Clips) -> Image.Image:
    """The report's chart on a restyle beside its source."""
    source, result = _image(clips.source()), _image(clips.restyled(LOOK))
    found = restyle.figures(source, result)
    good = not restyle_verdict.findings(found)
    return _chart(
        *restyle_verdict.heading(found), good, restyle_panels.panels(found, source, result), slice(0, 2)
    )


def save_noise(clips: Clips) -> Image.Image:
    """What lies in a file of noise, in both precisions."""
    saved = noise_file.Saved(clips.inversion().noise, clips.inversion())
    lines = []
    for precision in ("lossless", "half"):
        sizes = {name: entry.nbytes for name, entry in noise_file.entries(saved, precision == "half").items()}
        parts = [
            sum(size for name, size in sizes.items() if _group(name) == group) / MIB for group in range(4)
        ]
        lines.append(Bar(f"precision {precision}", parts, f"{sum(parts):.1f} MiB"))
    legend = (
        "the noise",
        "the source",
        "model answers on the way up",
        "answers for the direct path",
    )
    return bars("What lies in the file", lines, legend)


def load_noise(clips: Clips) -> Image.Image:
    """The picture that a file carries, the noise that comes out of it, and what it then becomes."""
    made, source = clips.inversion(), clips.source()
    small = thumbnail.small(_image(source)[len(source) // 2])
    with tempfile.TemporaryDirectory() as folder:
        kept = noise_file.Saved(made.noise, made, picture=small)
        found = noise_file.load(noise_file.save(iter([Path(folder) / "noise.safetensors"]), kept, half=False))
        same = torch.equal(found.noise, made.noise)
        read, picture = found.noise.clone(), thumbnail.shown(found.picture)
    assert picture is not None
    said = "the noise, the same to the bit" if same else "the noise, NOT the same"
    return cells(
        [
            [
                Cell("the file's picture: its source", of_image(picture)),
                Cell(said, noise(middle(read)), arrow=True),
                _cell("restyled at once", clips.restyled(LOOK), True),
            ]
        ]
    )


def _group(name: str) -> int:
    """Which part of the file a tensor belongs to."""
    if name.startswith(("record.output", "record.direct")):
        return 2 if name.startswith("record.output") else 3
    return 1 if name == noise_file.RECORDED else 0


def _cell(words: str, clip: Tensor, arrow: bool = False) -> Cell:
    return Cell(words, bytes_of(middle(clip)), arrow)


def _image(clip: Tensor) -> Tensor:
    """A clip as IMAGE, [frames,height,width,3] from 0 to 1."""
    return ((clip.clamp(-1, 1) + 1) / 2).permute(0, 2, 3, 1).contiguous()


def _lost(relative: float) -> str:
    """How much of its source a clip lost, in words."""
    return "nothing" if relative < 1e-5 else f"{100 * relative:.1f} %"


def _chart(heading: str, detail: str, good: bool, drawn: list, shown: slice) -> Image.Image:
    """Some panels of a chart, one below the other, so that their letters can be read, and its verdict."""
    whole = chart.draw(heading, detail, good, drawn)
    wide, tall = (chart.WIDTH - 3 * chart.GAP) // 2, (chart.HEIGHT - chart.HEAD - 2 * chart.GAP) // 2
    places = [(row, column) for row in range(2) for column in range(2)][shown]
    rows = []
    for row, column in places:
        top, left = chart.HEAD + row * (tall + chart.GAP), chart.GAP + column * (wide + chart.GAP)
        said = f"{heading}\n{detail}" if (row, column) == places[-1] else ""
        rows.append([Cell(said, whole[top : top + tall, left : left + wide])])
    return cells(rows)


PICTURES = {
    "UNS_Unsampler": unsampler,
    "UNS_UnsamplerAdvanced": unsampler_advanced,
    "UNS_NoiselessResampler": resampler,
    "UNS_NoiselessResamplerAdvanced": resampler_advanced,
    "UNS_InversionSampler": inversion_sampler,
    "UNS_MixNoise": mix_noise,
    "UNS_RestyleGrid": restyle_grid,
    "UNS_InversionReport": inversion_report,
    "UNS_RestyleReport": restyle_report,
    "UNS_SaveNoise": save_noise,
    "UNS_LoadNoise": load_noise,
}

"""The demo's gallery: the first clips of the reporting half as videos, with the means over all of it.

    python -m benchmarks.style_transfer.gallery     after python -m benchmarks.style_transfer; minutes

Nobody chose these clips. Each is restyled as the nodes do unless told otherwise, at cfg 1, and lies in
demo/gallery beside an index that the demo's page reads.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.solvers.measures import relative
from benchmarks.style_transfer.cases import STEPS, Prompt, Result
from benchmarks.style_transfer.columns import COLUMNS, average, rows, whole
from benchmarks.style_transfer.ours import DIRECT, falling, rising
from benchmarks.style_transfer.transfers import HALVES, Transfer
from demo import gallery, lost, model, world
from demo.clip import FPS, enlarged
from demo.gallery import Gallery, Shown
from demo.video import write_video

CLIPS = 12
SUMMARY = Path(__file__).resolve().parents[1] / "results" / "style_transfer.json"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if not options.summary.is_file():
        print(
            f"gallery: {options.summary} is missing; run python -m benchmarks.style_transfer", file=sys.stderr
        )
        return 1
    summary = json.loads(options.summary.read_text(encoding="utf-8"))
    unet = model.load(options.weights)
    options.folder.mkdir(parents=True, exist_ok=True)
    for old in options.folder.glob("*.mp4"):
        old.unlink()
    first = HALVES["reporting"]
    chosen = tqdm(range(first, first + options.clips), disable=None)
    shown = tuple(_shown(Transfer(i), unet, options.folder) for i in chosen)
    gallery.save(options.folder, Gallery(shown, _said(summary)))
    return 0


def summary(results: Sequence[Result], command: str) -> dict:
    """The means of the ways that were tried on every clip, as numbers for other programs."""
    pairs = [r for r in results if r.setting == "pairs"]
    ways = [
        {
            "name": group[0].name,
            "cfg": group[0].cfg,
            "rows": rows(group),
            **{column.title: average(group, column.value) for column in COLUMNS},
        }
        for group in whole(pairs)
    ]
    return {"command": command, "clips": len({r.clip for r in pairs}), "ways": ways}


def _shown(transfer: Transfer, unet: torch.nn.Module, folder: Path) -> Shown:
    """Restyled now, and written as a video."""

    def asked(style: str | None, cfg: float) -> model.Denoise:
        return model.denoiser(unet, style, cfg)

    clip, sigmas = transfer.clip(), transfer.sigmas(STEPS)
    inversion = rising(direct=None)(Prompt(asked, transfer.condition), clip, sigmas)
    restyled = falling()(Prompt(asked, transfer.target), inversion, sigmas).clamp(-1, 1)
    truth = world.render(transfer.content(), transfer.target)
    path = folder / f"{transfer.index}.mp4"
    write_video(path, enlarged(_side_by_side(clip, restyled, truth)), FPS)
    kept = lost.kept(clip, restyled, transfer.content(), transfer.source, transfer.target)
    return Shown(path, transfer.source, transfer.target, round(relative(restyled, truth), 4), kept)


def _side_by_side(*clips: Tensor) -> Tensor:
    return torch.cat(clips, -1)


def _said(summary: dict) -> str:
    """Where the clips come from, and how good they all are."""
    ours = next(way for way in summary["ways"] if (way["name"], way["cfg"]) == (DIRECT, 1))
    return (
        f"They are the first of the {summary['clips']} clips that figures are reported on. Over all of these"
        f" the error is {ours['restyle error']:.2f}, shapes are {ours['motion error']:.1f} pixels from their"
        f" places, {100 * ours['lost']:.0f} percent of them are lost, and {100 * ours['style hit']:.0f}"
        f" percent of the clips are taken for the style asked for ({summary['command']})."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.style_transfer.gallery", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--clips", type=int, default=CLIPS)
    parser.add_argument("--summary", type=Path, default=SUMMARY, help="where the means are")
    parser.add_argument("--folder", type=Path, default=gallery.FOLDER)
    parser.add_argument("--weights", type=Path, default=model.WEIGHTS)
    return parser


if __name__ == "__main__":
    sys.exit(main())

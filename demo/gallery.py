"""The clips that come with the demo, chosen by nobody: benchmarks/style_transfer/gallery.py makes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "gallery"
INDEX = "gallery.json"


class Shown(NamedTuple):
    """A video of source, restyle and true answer side by side. error: against the truth; kept: what is in
    place and drawn, in words."""

    path: Path
    source: str
    target: str
    error: float
    kept: str


class Gallery(NamedTuple):
    """The clips, and what is said of them all."""

    clips: tuple[Shown, ...]
    said: str


def load(folder: Path = FOLDER) -> Gallery | None:
    """The gallery in that folder, None where there is none."""
    if not (folder / INDEX).is_file():
        return None
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    clips = (
        Shown(folder / one["file"], one["source"], one["target"], one["error"], one["kept"])
        for one in index["clips"]
    )
    return Gallery(tuple(clips), index["said"])


def save(folder: Path, gallery: Gallery) -> None:
    """The index beside the videos, which lie there already."""
    clips = [{"file": one.path.name, **one._asdict()} for one in gallery.clips]
    for clip in clips:
        del clip["path"]
    index = {"said": gallery.said, "clips": clips}
    (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")

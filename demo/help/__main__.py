"""The pictures of the help pages: `python -m demo.help FOLDER [NODE ID ...]`.

Writes js/docs/NODE ID/effect.webp for each node, or for those named: what goes in beside what comes out, by
the pack's own code. What the demo's small model makes is kept in FOLDER, which lies outside the repository:
about 150 rows of it in all, which take minutes. The same numbers draw the same pictures.
"""

from __future__ import annotations

import sys
from pathlib import Path

from . import frames, passes
from .clips import Clips
from .drawing import save

PAGES = Path(__file__).parents[2] / "js" / "docs"


def main(folder: Path, wanted: list[str]) -> None:
    """Draw the pictures of these nodes, of all where none is named."""
    clips = Clips(folder)
    drawn = frames.PICTURES | {
        name: (lambda draw=draw: draw(clips)) for name, draw in passes.PICTURES.items()
    }
    for name in wanted or sorted(drawn):
        path = PAGES / name / "effect.webp"
        save(drawn[name](), path)
        print(f"{path.stat().st_size:6} bytes  {name}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:])

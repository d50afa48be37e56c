"""Everything that a run leaves in its folder: videos, pictures, numbers, and the page that shows them."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image
from torch import Tensor

from .chart import chart
from .clip import Clip, enlarged
from .gallery import load
from .numbers import Numbers
from .page import page
from .run import Results, Settings
from .sheet import Panels, contact_sheet, side_by_side
from .video import write_video
from .world import STYLE_NAMES

SOURCE, BACK, RANDOM = "source", "reconstruction", "random_noise"


def write(out: Path, clip: Clip, settings: Settings, results: Results, measurements: Numbers) -> None:
    """Fill the folder; restyles of an earlier run go first, so that what lies there is of this one."""
    for style in STYLE_NAMES:
        for old in [*out.glob(f"{style}_cfg*.mp4"), out / f"true_{style}.mp4"]:
            old.unlink(missing_ok=True)
    for name, x in _clips(clip, results).items():
        if name != SOURCE or clip.content is None:  # the world's own clip was read from that file
            write_video(out / f"{name}.mp4", enlarged(x), clip.fps)
    columns = _columns(clip, settings, results)
    write_video(out / "side_by_side.mp4", side_by_side(columns), clip.fps)
    contact_sheet(out / "contact_sheet.png", columns)
    Image.fromarray(chart(results.report)).save(out / "report.png")
    (out / "numbers.json").write_text(json.dumps(measurements, indent=2) + "\n", encoding="utf-8")
    (out / "index.html").write_text(page(out, measurements, load()), encoding="utf-8")


def _clips(clip: Clip, results: Results) -> dict[str, Tensor]:
    """What goes into a file of its own, by the file's name."""
    restyles = {f"{one.style}_cfg{one.cfg:g}": one.clip for one in results.restyles}
    truths = {f"true_{style}": true for style, true in results.truths.items()}
    return {SOURCE: clip.x, BACK: results.exact.clip, RANDOM: results.random.clip} | restyles | truths


def _columns(clip: Clip, settings: Settings, results: Results) -> list[Panels]:
    """Source and reconstruction, then a column a style that ends with the true answer."""
    first = {
        "source": clip.x,
        "reconstruction": results.exact.clip,
        f"{results.random.style} from random noise": results.random.clip,
    }
    columns = [{name: enlarged(x) for name, x in first.items()}]
    for style in settings.styles:
        column = {f"{one.style}, cfg {one.cfg:g}": one.clip for one in results.restyles if one.style == style}
        if style in results.truths:
            column[f"{style}: the true answer"] = results.truths[style]
        columns.append({name: enlarged(x) for name, x in column.items()})
    return columns

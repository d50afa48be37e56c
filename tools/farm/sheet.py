"""The contact sheet: all results of a batch on one page, as HTML with the films and as one PNG."""

from __future__ import annotations

import contextlib
import html
import os
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from urllib.parse import quote

from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from tools.farm.batches import Batch
from tools.farm.checks import PICTURES
from tools.farm.errors import Refused
from tools.farm.jobs import Job

NAME = "contact_sheet"
CELL, LINE, MARGIN = 192, 18, 6  # pixels of a picture's longer side, of a line of text, between cells
MOST = 16_000  # pixels a side of the PNG
HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Restyled clips</title><style>
body{font:15px sans-serif;margin:1.5em;background:#181818;color:#ddd}table{border-collapse:collapse}
td,th{padding:6px;text-align:left;vertical-align:top;font-weight:normal}video,img{width:240px;display:block}
small{color:#999}</style></head><body>"""


def write(batch: Batch, there: Collection[Path], when: str) -> Path:
    """Write contact_sheet.html and .png into the folder of results. Raises: Refused by the disk.

    there: the results that are; what else lies in a result's place was made with other settings.
    """
    try:
        page = batch.folder / f"{NAME}.html"
        _place(page, _page(batch, there, when).encode())
        part = batch.folder / f".{NAME}.part"
        _picture(batch, there).save(part, format="PNG")
        os.replace(part, batch.folder / f"{NAME}.png")
    except OSError as error:
        raise Refused(f"The contact sheet cannot be written ({error.strerror}).") from None
    return page


def _place(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    os.replace(part, path)


def _grid(batch: Batch) -> tuple[list[Path], list[str], dict[tuple[Path, str], Job]]:
    """Clips, styles and the jobs at their crossings, in the order of the batch."""
    named = [(job.clip, job.style or job.output.stem) for job in batch.jobs]
    counts = Counter(named)
    # one clip may have several results of one style, by other settings
    places = [
        (clip, f"{style} ({job.output.stem})" if counts[clip, style] > 1 else style)
        for (clip, style), job in zip(named, batch.jobs, strict=True)
    ]
    clips, styles = (list(dict.fromkeys(side)) for side in zip(*places, strict=True))
    return clips, styles, dict(zip(places, batch.jobs, strict=True))


# ---- HTML


def _page(batch: Batch, there: Collection[Path], when: str) -> str:
    clips, styles, jobs = _grid(batch)
    rows = [f"<tr><th></th>{''.join(f'<th>{html.escape(style)}</th>' for style in styles)}</tr>"]
    for clip in clips:
        cells = "".join(_cell(batch, there, jobs.get((clip, style))) for style in styles)
        rows.append(f"<tr><th>{html.escape(clip.name)}</th>{cells}</tr>")
    title = f"<h1>{len(there)} of {len(batch.jobs)} results</h1><p><small>{html.escape(when)}</small></p>"
    return f"{HEAD}{title}<table>{''.join(rows)}</table></body></html>\n"


def _cell(batch: Batch, there: Collection[Path], job: Job | None) -> str:
    if job is None:
        return "<td></td>"
    name = html.escape(job.output.name)
    if job.output not in there:
        return f"<td><small>{name}: missing</small></td>"
    link = html.escape(quote(_relative(job.output, batch.folder)), quote=True)
    film = job.output.suffix.lower() not in PICTURES | {".gif"}
    media = (
        f'<video src="{link}" muted loop autoplay controls></video>' if film else f'<img src="{link}" alt="">'
    )
    words = html.escape(job.prompt or "")
    return f'<td><a href="{link}">{media}</a><small>{words}</small></td>'


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


# ---- PNG


def _picture(batch: Batch, there: Collection[Path]) -> Image.Image:
    """The middle frame of each result, with its clip before the row and its style above the column."""
    clips, styles, jobs = _grid(batch)
    width, height = CELL + MARGIN, CELL + LINE + MARGIN
    columns, rows = min(len(styles), MOST // width - 1), min(len(clips), (MOST - LINE) // height)
    sheet = Image.new("RGB", (MARGIN + columns * width, LINE + MARGIN + rows * height), (24, 24, 24))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default()
    for column, style in enumerate(styles[:columns]):
        draw.text((MARGIN + column * width, MARGIN // 2), _ascii(style), font=font, fill=(220, 220, 220))
        for row, clip in enumerate(clips[:rows]):
            place = MARGIN + column * width, LINE + MARGIN + row * height
            job = jobs.get((clip, style))
            frame = middle(job.output) if job and job.output in there else None
            if frame is not None:
                frame.thumbnail((CELL, CELL))
                sheet.paste(frame, place)
            words = clip.stem if frame is not None else f"{clip.stem}: missing"
            draw.text(
                (place[0], place[1] + CELL), _ascii(words) if job else "", font=font, fill=(160, 160, 160)
            )
    return sheet


def _ascii(text: str) -> str:
    """A text as the built-in font has it, as long as a cell."""
    return text.encode("ascii", "replace").decode()[: CELL // 6]


def middle(path: Path) -> Image.Image | None:
    """The middle frame of a film, or a picture; None where there is none that can be read."""
    if not path.is_file():
        return None
    try:
        if path.suffix.lower() in PICTURES:
            with Image.open(path) as image:
                return image.convert("RGB")
        return _of_film(path)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _of_film(path: Path) -> Image.Image | None:
    """Decoded up to the middle: to seek is unsure, and results are short."""
    import av
    from av.error import FFmpegError

    last = None
    with contextlib.suppress(FFmpegError, IndexError), av.open(str(path)) as film:
        stream = film.streams.video[0]
        count = stream.frames or 2
        for number, frame in enumerate(film.decode(stream)):
            last = frame
            if number >= count // 2:
                break
    return None if last is None else last.to_image()

"""The registry's pictures of the pack, of our own results: `python tools/dev/draw_pictures.py`.

Writes docs/images/icon.png (400x400) and docs/images/banner.png (21:9) from docs/images/demo.jpg: a clip held
out from training, and what the demo's model made of its unsampled noise. Nothing in them is painted by hand.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
CELL, STRIP, FRAMES = 128, 24, 4  # the sheet's frames, the label above them, frames of a clip
SOURCE, RESTYLE = (0, 0), (0, 1)  # column and row of the two clips on the sheet
DARK, LIGHT, PALE = (24, 24, 28), (245, 245, 245), (170, 170, 180)
ICON, BANNER = 400, (1260, 540)
LEFT, TILE, GAP = 336, 225, 6  # where the banner's frames begin, their size, the space between them


def frame(sheet: Image.Image, clip: tuple[int, int], index: int, size: int) -> Image.Image:
    """One frame of a clip on the sheet, enlarged."""
    column, row = clip
    x, y = (column * FRAMES + index) * CELL, row * (CELL + STRIP) + STRIP
    return sheet.crop((x, y, x + CELL, y + CELL)).resize((size, size), Image.Resampling.BICUBIC)


def wiped(before: Image.Image, after: Image.Image, line: int) -> Image.Image:
    """One picture left of a slanting edge, the other right of it, a line of that width between them."""
    width, height = before.size
    top, bottom = (width * 7 // 10, 0), (width // 5, height)
    mask = Image.new("L", before.size, 0)
    ImageDraw.Draw(mask).polygon([top, (width, 0), (width, height), bottom], 255)
    picture = Image.composite(after, before, mask)
    ImageDraw.Draw(picture).line([top, bottom], LIGHT, line)
    return picture


def icon(sheet: Image.Image) -> Image.Image:
    """A frame that turns from the source into the restyle."""
    return wiped(frame(sheet, SOURCE, 3, ICON), frame(sheet, RESTYLE, 3, ICON), 6)


def banner(sheet: Image.Image) -> Image.Image:
    """The source's frames above those of the restyle, beside the name."""
    picture = Image.new("RGB", BANNER, DARK)
    top = (BANNER[1] - 2 * TILE - GAP) // 2
    for row, clip in enumerate((SOURCE, RESTYLE)):
        for index in range(FRAMES):
            place = (LEFT + index * (TILE + GAP), top + row * (TILE + GAP))
            picture.paste(frame(sheet, clip, index, TILE), place)
    draw = ImageDraw.Draw(picture)
    draw.text((30, 196), "Unsampling", LIGHT, ImageFont.load_default(52))
    words = "a video into the noise\nthat represents it,\nand back in a new style"
    draw.multiline_text((32, 266), words, PALE, ImageFont.load_default(25), spacing=8)
    return picture


if __name__ == "__main__":
    with Image.open(IMAGES / "demo.jpg") as found:
        demo = found.convert("RGB")
    icon(demo).save(IMAGES / "icon.png", optimize=True)
    banner(demo).save(IMAGES / "banner.png", optimize=True)

"""The documentation's picture of Turn Lightness: `python -m demo.turned`.

Writes docs/images/turn_lightness.png from docs/images/demo.jpg: a frame of the held-out clip, the same frame
turned by the function that the node calls, and its negative.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from unsampling.video.lightness import turned

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
FRAME = (384, 24, 512, 152)  # the source's fourth frame on the demo's sheet
SIDE, STRIP, GAP = 256, 30, 8
WORDS = ("the frame", "Turn Lightness", "Invert Image")


def picture(sheet: Image.Image) -> Image.Image:
    """The three frames in a row, each below its name."""
    frame = torch.from_numpy(np.array(sheet.crop(FRAME).convert("RGB"), np.float32) / 255)[None]
    row = Image.new("RGB", (3 * SIDE + 2 * GAP, SIDE + STRIP), "white")
    for index, (word, shown) in enumerate(zip(WORDS, (frame, turned(frame), 1 - frame), strict=True)):
        pixels = Image.fromarray((shown[0] * 255).round().byte().numpy())
        row.paste(pixels.resize((SIDE, SIDE), Image.Resampling.BICUBIC), (index * (SIDE + GAP), STRIP))
        ImageDraw.Draw(row).text((index * (SIDE + GAP), 5), word, "black", ImageFont.load_default(17))
    return row


if __name__ == "__main__":
    with Image.open(IMAGES / "demo.jpg") as found:
        picture(found).save(IMAGES / "turn_lightness.png", optimize=True)

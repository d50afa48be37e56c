"""The pictures on the templates' cards: `python -m demo.cards unsampling_wan_video "workflows/TITLE.jpg"`.

Each is a clip that a line wipes from its source into its restyle and back: what the demo's own model made of
a clip held out from its training, since no pretrained model runs where this is developed. A line of text on
it says so. They are animated WebP files under the name .jpg, which is the one that ComfyUI asks for; browsers
go by the content. Takes minutes.
"""

from __future__ import annotations

import sys
import tempfile
from math import cos, pi
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from unsampling import resample, unsample
from unsampling.mirror import of_pixels

from . import world
from .clip import built_in, enlarged
from .model import Denoise, denoiser, load, schedule
from .run import THREADS
from .world import FRAMES

SIZE, FPS, LOOPS, QUALITY = 320, 8, 2, 55
SEED, SOURCE, STEPS = 29, "flat", 16
STRIP, DARK, LIGHT = 24, (20, 20, 24), (240, 240, 240)
LABEL = "source | restyled  (the demo's model)"


class Look(NamedTuple):
    """The style of a card, its cfg, whether the clip stands still, and whether its shapes alone change.

    later: another style, into which the first one fades from the first frame to the last; "" for none.
    """

    style: str
    cfg: float
    still: bool = False
    masked: bool = False
    later: str = ""


LOOKS = {
    "unsampling_animatediff_sd15": Look("mosaic", 2.0),
    "unsampling_animatediff_sd15_vhs": Look("ink", 3.0),
    "unsampling_animatediff_sdxl": Look("watercolour", 3.0),
    "unsampling_hotshotxl": Look("halftone", 3.0),
    "unsampling_wan_video": Look("ink", 2.0),
    "unsampling_wan22_video": Look("halftone", 2.0),
    "unsampling_wan_vace": Look("mosaic", 2.0),
    "unsampling_ltxv_video": Look("watercolour", 2.0),
    "unsampling_hunyuan_video": Look("mosaic", 4.0),
    "unsampling_masked_sd15": Look("ink", 3.0, masked=True),
    "unsampling_look_ipadapter_sd15": Look("watercolour", 3.0),
    "unsampling_look_reference_sd15": Look("mosaic", 3.0),
    "unsampling_cross_fade_sd15": Look("ink", 3.0, later="mosaic"),
    "unsample_resample_image": Look("watercolour", 2.0, still=True),
    "restyle_saved_noise": Look("mosaic", 3.0),
}


def clips(look: Look) -> tuple[np.ndarray, np.ndarray]:
    """The source and its restyle, uint8 [F,H,W,3]."""
    torch.set_num_threads(THREADS)
    unet = load()
    with tempfile.TemporaryDirectory() as folder:
        clip = built_in(Path(folder) / "clip.mp4", SEED, SOURCE, FRAMES)
    mask = world.scene(world.content(SEED), FRAMES).inside if look.masked else None  # the shapes
    inversion = unsample(denoiser(unet, SOURCE), clip.x, schedule(STEPS), direct=None, mask=mask)
    asked, style = (fading(unet, look, cfg) for cfg in (look.cfg, 1.0))
    restyled = resample(asked, inversion, direct_denoise=style, mirror=of_pixels())
    return enlarged(clip.x), enlarged(restyled)


def fading(unet, look: Look, cfg: float) -> Denoise:
    """The model in the look's style, or from that to the later one over the frames."""
    first = denoiser(unet, look.style, cfg)
    if not look.later:
        return first
    last, share = denoiser(unet, look.later, cfg), torch.linspace(0, 1, FRAMES).reshape(-1, 1, 1, 1)
    return lambda x, sigma, step: torch.lerp(first(x, sigma, step), last(x, sigma, step), share)


def wiped(before: np.ndarray, after: np.ndarray, share: float) -> Image.Image:
    """A square frame, its left part from the one and its right part from the other picture."""
    left, right = (
        Image.fromarray(part).resize((SIZE, SIZE), Image.Resampling.BICUBIC) for part in (before, after)
    )
    edge = round(SIZE * share)
    picture = right.copy()
    picture.paste(left.crop((0, 0, edge, SIZE)), (0, 0))
    draw = ImageDraw.Draw(picture)
    draw.line([(edge, 0), (edge, SIZE)], LIGHT, 3)
    draw.rectangle((0, SIZE - STRIP, SIZE, SIZE), DARK)
    draw.text((SIZE // 2, SIZE - STRIP // 2), LABEL, LIGHT, ImageFont.load_default(14), anchor="mm")
    return picture


def card(source: np.ndarray, restyle: np.ndarray, still: bool = False) -> list[Image.Image]:
    """The frames of a card: the line goes from right to left and back once, while the clip goes round."""
    count = LOOPS * len(source)
    return [
        wiped(
            source[0 if still else frame % len(source)],
            restyle[0 if still else frame % len(source)],
            0.5 + 0.45 * cos(2 * pi * frame / count),
        )
        for frame in range(count)
    ]


def save(path: Path, frames: list[Image.Image]) -> None:
    """Write them as a WebP that goes on for ever."""
    frames[0].save(
        path,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=1000 // FPS,
        loop=0,
        quality=QUALITY,
        method=6,
    )


def main(name: str, file: str) -> None:
    """Draw the card of this template."""
    save(Path(file), card(*clips(LOOKS[name]), LOOKS[name].still))


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in LOOKS:
        sys.exit(__doc__)
    main(*sys.argv[1:])

"""A small picture as a text, as files of tensors carry it (the data URL of ModelSpec's thumbnail)."""

import base64
import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .errors import UnsamplingError

SIDE = 192  # pixels of the longer side
LONGEST, LARGEST = 400_000, 512 * 512  # characters and pixels of one that is read
BEGINNING = "data:image/png;base64,"


def encoded(picture: Tensor) -> str:
    """[height, width, 3], 0 to 1, as the data URL of a PNG whose longer side has SIDE pixels."""
    pixels = picture.detach().to("cpu", torch.float32).nan_to_num().clamp(0, 1).mul(255).round().byte()
    drawn = Image.fromarray(pixels.numpy(), "RGB")
    scale = SIDE / max(drawn.size)
    width, height = (max(1, round(side * scale)) for side in drawn.size)
    kept = io.BytesIO()
    # a latent's pixels stay squares: nothing is there that smoothing could show, and the file stays small
    smoothing = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BICUBIC
    drawn.resize((width, height), smoothing).save(kept, "PNG")
    return BEGINNING + base64.b64encode(kept.getvalue()).decode()


def decoded(text: str) -> Tensor | None:
    """The picture again; None where there is none.

    Raises: UnsamplingError for what is no small PNG.
    """
    if not text:
        return None
    if not text.startswith(BEGINNING) or len(text) > LONGEST:
        raise UnsamplingError("it is damaged: its picture cannot be read")
    try:
        opened = Image.open(
            io.BytesIO(base64.b64decode(text.removeprefix(BEGINNING), validate=True)), "r", ["PNG"]
        )
        if opened.width * opened.height > LARGEST:
            raise ValueError("too large")
        return torch.from_numpy(np.asarray(opened.convert("RGB"), np.float32) / 255)
    except Exception as error:  # Pillow has one for each way in which a file can be wrong
        raise UnsamplingError("it is damaged: its picture cannot be read") from error

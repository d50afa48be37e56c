"""A small picture as files of tensors carry it: bytes, [height, width, 3]."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from .errors import UnsamplingError

SIDE = 192  # pixels of the longer side
LARGEST = 512  # pixels of a side of one that is read


def small(picture: Tensor) -> Tensor:
    """[height, width, 3], 0 to 1, as bytes, its longer side SIDE pixels."""
    drawn = picture.detach().to("cpu", torch.float32).nan_to_num().clamp(0, 1).movedim(-1, 0)[None]
    scale = SIDE / max(drawn.shape[-2:])
    size = [max(1, round(side * scale)) for side in drawn.shape[-2:]]
    # a latent's pixels stay squares: nothing is there that smoothing could show
    drawn = interpolate(drawn, size, mode="nearest-exact" if scale > 1 else "area")[0]
    return drawn.movedim(0, -1).mul(255).round().byte().contiguous()


def shown(picture: Tensor | None) -> Tensor | None:
    """The picture again, 0 to 1; None where there is none.

    Raises: UnsamplingError for what is no small picture.
    """
    if picture is None:
        return None
    if picture.dtype != torch.uint8 or picture.ndim != 3 or picture.shape[-1] != 3:
        raise UnsamplingError("it is damaged: its picture cannot be read")
    if not 0 < min(picture.shape) <= max(picture.shape) <= LARGEST:
        raise UnsamplingError("it is damaged: its picture cannot be read")
    return picture.float() / 255

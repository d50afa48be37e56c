"""What a latent, a mask and the settings of a pass must be, before the model is called."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .errors import Cause, UnsamplingError


def check_latent(x: Tensor, name: str) -> Tensor:
    """The latent in float32 at least, once it is known to hold finite values.

    Raises: UnsamplingError for an empty latent, one of a wrong rank, or one with NaN.
    """
    if x.ndim not in (4, 5):
        raise UnsamplingError(
            f"{name} has shape {tuple(x.shape)}; a latent is (frames, channels, height,"
            " width) or (batch, channels, frames, height, width)"
        )
    if x.numel() == 0:
        raise UnsamplingError(f"{name} is empty, shape {tuple(x.shape)}", Cause.LATENT_EMPTY)
    x = x if x.dtype == torch.float64 else x.float()
    if not torch.isfinite(x).all():
        raise UnsamplingError(f"{name} holds NaN or infinite values", Cause.LATENT_NOT_FINITE)
    return x


def check_fraction(name: str, value: float | Tensor) -> None:
    """Raises: UnsamplingError unless the value, or each of them, lies between 0 and 1."""
    for one in value.tolist() if isinstance(value, Tensor) else (value,):
        if not 0.0 <= one <= 1.0:
            raise UnsamplingError(f"{name} is {one:g}; set it between 0 and 1")


def check_mask(mask: Tensor, x: Tensor, recording: bool) -> Tensor:
    """The mask on the CPU, known to fit the latent and to lie between 0 and 1."""
    if not recording:
        raise UnsamplingError(
            "a mask needs the record of the unsampling, which holds the source", Cause.MASK_WITHOUT_RECORD
        )
    mask = mask.detach().to("cpu", x.dtype, copy=True)
    try:
        mask.expand_as(x)
    except RuntimeError as error:
        raise UnsamplingError(
            f"mask has shape {tuple(mask.shape)}, which does not fit a latent of"
            f" {tuple(x.shape)}; give one mask, or one a frame"
        ) from error
    if not (torch.isfinite(mask).all() and mask.min() >= 0 and mask.max() <= 1):
        raise UnsamplingError(
            "mask has values outside 0 to 1; give 1 where the clip may change and 0 where not"
        )
    return mask


def per_frame(name: str, values: Sequence[float] | Tensor, x: Tensor) -> Tensor:
    """The values along x's frames, or the one value for all of them, ready to broadcast to x.

    Raises: UnsamplingError unless there is one value, or one a frame.
    """
    axis = 0 if x.ndim == 4 else 2
    if len(values) not in (1, x.shape[axis]):
        raise UnsamplingError(f"{name} has {len(values)} values for {x.shape[axis]} frames; give one a frame")
    shape = [1] * x.ndim
    shape[axis] = len(values)
    return torch.as_tensor(values, device=x.device).reshape(shape)

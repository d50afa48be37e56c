"""Settings that change over the clip: a number, a list of numbers in time, or a curve."""

from collections.abc import Sequence
from numbers import Real

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from .errors import Cause, UnsamplingError


def over_frames(value, frames: int, name: str) -> float | Tensor:
    """The setting as a float, or as a tensor with one value a frame.

    value: a number; a list of them, stretched over the clip if it is not as long; or a curve, whose interp()
        has a value for any place from 0, the first frame, to 1, the last.
    Raises: UnsamplingError naming the setting for anything else.
    """
    if isinstance(value, Real):
        return float(value)
    if hasattr(value, "interp"):
        return torch.tensor([float(value.interp(i / max(frames - 1, 1))) for i in range(frames)])
    if (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and value
        and all(isinstance(one, Real) for one in value)
    ):
        return _stretched(torch.tensor([float(one) for one in value]), frames)
    raise UnsamplingError(f"{name} is {_described(value)}", Cause.SETTING_NOT_NUMBERS)


def over_part(value, places: Sequence[int], frames: int, name: str) -> float | Tensor:
    """The same for a part of a clip, where a list with one value for each frame of the whole means their own.

    places: of the part's frames in the clip, which has so many frames.
    """
    if is_of_whole(value, len(places), frames):
        return torch.as_tensor(over_frames(value, frames, name))[list(places)]
    return over_frames(value, len(places), name)


def is_of_whole(value, part: int, frames: int) -> bool:
    """Whether the setting is a list with one value for each frame of a clip, of which another number is in
    hand."""
    listed = not hasattr(value, "interp") and hasattr(value, "__len__") and not isinstance(value, str)
    return listed and part != frames == len(value)


def _stretched(values: Tensor, frames: int) -> Tensor:
    """Linear in time, the first and the last value at the first and the last frame."""
    if len(values) == frames:
        return values
    return interpolate(values[None, None], size=frames, mode="linear", align_corners=True)[0, 0]


def _described(value) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        odd = [type(one).__name__ for one in value if not isinstance(one, Real)]
        return f"a list with {odd[0]} in it" if odd else "an empty list"
    return f"a {type(value).__name__}"

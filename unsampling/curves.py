"""Settings that change over the clip: a number, numbers in time, or a curve."""

from collections.abc import Sequence
from decimal import Decimal
from math import inf, nan
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from .errors import Cause, UnsamplingError


def over_frames(value, frames: int, name: str) -> float | Tensor:
    """The setting as a float, or as a tensor with one value a frame.

    value: a number; a list, tensor, array or Series of them, stretched over the clip if it is not as long;
        or a curve, whose interp() has a value for any place from 0, the first frame, to 1, the last.
    Raises: UnsamplingError naming the setting for anything else, and for NaN.
    """
    if hasattr(value, "interp"):
        value = [value.interp(i / max(frames - 1, 1)) for i in range(frames)]
    numbers = _numbers(value, name, Cause.SETTING_NOT_NUMBERS)
    return _stretched(numbers.float(), frames) if numbers.ndim else float(numbers)


def one_number(value, name: str) -> float:
    """A setting that is the same for the whole clip.

    Raises: UnsamplingError naming the setting for several numbers, for NaN, and for what is no number.
    """
    numbers = _numbers(value, name, Cause.SETTING_NOT_ONE_NUMBER)
    if numbers.numel() > 1:
        raise UnsamplingError(f"{name} is {len(numbers)} numbers", Cause.SETTING_NOT_ONE_NUMBER)
    return float(numbers)


def _numbers(value, name: str, cause: Cause) -> Tensor:
    """One number, of rank 0, or several in a row, whatever library holds them and however they are nested."""
    try:
        plain = _plain(value)
    except TypeError as odd:
        kind = type(value).__name__
        within = "" if str(odd) == kind else f" with {odd} in it"
        raise UnsamplingError(f"{name} is a {kind}{within}", cause) from None
    except (RuntimeError, ValueError):  # a meta tensor, a list inside itself
        unread = f"{name} is a {type(value).__name__} whose numbers cannot be read"
        raise UnsamplingError(unread, cause) from None
    try:
        numbers = torch.tensor(plain, dtype=torch.float64)
    except (TypeError, ValueError):
        raise UnsamplingError(f"{name} is a list with rows of different lengths", cause) from None
    if numbers.numel() == 0:
        raise UnsamplingError(f"{name} is an empty list", cause)
    if numbers.numel() > max(numbers.shape, default=1):
        raise UnsamplingError(f"{name} is {' x '.join(map(str, numbers.shape))} numbers", cause)
    numbers = numbers.flatten() if numbers.ndim else numbers
    _refuse_nan(numbers, name)
    return numbers


def _refuse_nan(numbers: Tensor, name: str) -> None:
    missing = numbers.reshape(-1).isnan().nonzero().flatten().tolist()
    if missing:
        where = f" at value {missing[0] + 1} of {numbers.numel()}" if numbers.numel() > 1 else ""
        raise UnsamplingError(f"{name} is NaN (not a number){where}", Cause.SETTING_NAN)


def _plain(value) -> float | list:
    """Numbers as Python's own, lists as lists. Raises: TypeError that names the type of anything else."""
    if isinstance(value, (Real, Decimal)):
        return _float(value)
    if isinstance(value, Tensor) and value.is_nested:
        return [_plain(row) for row in value.unbind()]
    if isinstance(value, Tensor) and value.layout != torch.strided:
        value = value.to_dense()
    if hasattr(value, "tolist"):  # a tensor, an array of numpy, a Series of pandas
        return _plain(value.tolist())
    if hasattr(value, "__array__"):  # a table of pandas, a Series of polars
        return _plain(np.asarray(value).tolist())
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_plain(one) for one in value]
    raise TypeError(type(value).__name__)


def _float(number: Any) -> float:
    """As a float: infinite where it is too large for one."""
    try:
        return float(number)
    except OverflowError:
        return inf if number > 0 else -inf
    except ValueError:  # Decimal's signalling NaN
        return nan


def over_part(value, places: Sequence[int], frames: int, name: str) -> float | Tensor:
    """The same for a part of a clip, where a list with one value for each frame of the whole means their own.

    places: of the part's frames in the clip, which has so many frames.
    """
    if is_of_whole(value, len(places), frames, name):
        return torch.as_tensor(over_frames(value, frames, name))[list(places)]
    return over_frames(value, len(places), name)


def is_of_whole(value, part: int, frames: int, name: str) -> bool:
    """Whether the setting is a list with one value for each frame of a clip, of which another number is in
    hand."""
    if part == frames or hasattr(value, "interp"):
        return False
    numbers = _numbers(value, name, Cause.SETTING_NOT_NUMBERS)
    return numbers.ndim > 0 and len(numbers) == frames


def _stretched(values: Tensor, frames: int) -> Tensor:
    """Linear in time, the first and the last value at the first and the last frame."""
    if len(values) == frames:
        return values
    return interpolate(values[None, None], size=frames, mode="linear", align_corners=True)[0, 0]

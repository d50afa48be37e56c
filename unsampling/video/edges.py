"""Edges of a clip's frames, found a few at a time: core's node takes 17 times the clip's memory. Torch and
kornia, which ComfyUI brings along and uses for the same."""

from collections.abc import Callable
from math import isfinite

import torch
from torch import Tensor

from ..errors import Cause, UnsamplingError

AT_ONCE = 2**21  # pixels, for which kornia takes about 400 MB


def canny(
    images: Tensor,
    low_threshold: float,
    high_threshold: float,
    device: torch.device,
    tick: Callable[[], None],
) -> Tensor:
    """White edges on black, by Canny's method (1986): images [frames,height,width,3] -> the same shape, on
    the images' device; its three channels are one, seen three times.

    Edges above the high threshold are kept, those above the low one where they lead on from one of them.
    tick: called for each frame; it may raise to stop.
    Raises: UnsamplingError for a threshold that is no number, and if the low one is above the high one.
    """
    for name, value in (("low_threshold", low_threshold), ("high_threshold", high_threshold)):
        if not isfinite(value):
            raise UnsamplingError(f"{name} is {value:g}; set it between 0.01 and 0.99")
    if low_threshold > high_threshold:
        raise UnsamplingError(
            f"low_threshold ({low_threshold:g}) is above high_threshold ({high_threshold:g})",
            Cause.THRESHOLDS_CROSSED,
        )
    from kornia.filters import canny as detector  # takes a second to import, and nothing else here needs it

    frames, height, width = images.shape[:3]
    edges = images.new_empty(frames, 1, height, width, dtype=torch.float32)
    some = max(1, AT_ONCE // (height * width))
    for start in range(0, frames, some):
        part = images[start : start + some, ..., :3].to(device, torch.float32).movedim(-1, 1)
        edges[start : start + some] = detector(part, low_threshold, high_threshold)[1].to(edges.device)
        for _ in part:
            tick()
    return edges.movedim(1, -1).expand(-1, -1, -1, 3)

"""A clip's lightness turned round, hues kept: dark frames for bright ones, and bright for dark."""

from torch import Tensor


def turned(frames: Tensor) -> Tensor:
    """Light for dark: frames [frames,height,width,channels] from 0 to 1 -> the same shape.

    Each pixel's largest and smallest colour become 1 minus the other, which keeps hue and chroma: blue stays
    blue, where a negative makes it yellow. Twice is the picture itself. Channels after the third stay.
    """
    out = frames.clone()
    for frame in out:  # one by one: a long clip must not be held a third time
        colours = frame[..., :3]
        colours += 1 - colours.amax(-1, keepdim=True) - colours.amin(-1, keepdim=True)
    return out

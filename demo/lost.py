"""What a restyled clip has lost and what it has not taken, in words."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

from torch import Tensor

from unsampling.report import restyle_verdict
from unsampling.report.places import look_changed

from . import places, shapes
from .world import Content, Shape

# Where each name ends on the wheel of hues, in degrees.
HUES = (
    (15, "red"),
    (45, "orange"),
    (70, "yellow"),
    (165, "green"),
    (195, "teal"),
    (255, "blue"),
    (290, "purple"),
)
HUES += ((345, "pink"), (360, "red"))
LOST = "Lost:"  # how a sentence about losses begins
HARDLY = "hardly"  # that a sentence about what is not taken has
FEW = 0.1  # of how a style draws the shapes: less is hardly any
IN_PLACE = 0.1  # of its frames: a shape that is off in no more of them, or in one, is not called lost


def kept(source: Tensor, clip: Tensor, of: Content, own: str | None, style: str) -> str:
    """Sentences: which shapes are lost, how much of the style's drawing they have, whether the look changed.

    source, clip [frames,3,height,width] from -1 to 1; own: the source's style, None where it is not known.
    """
    seen = places.visible(of, len(clip))
    told = [said(clip, of, (style,) if own is None else (own, style), seen)]
    if own is not None:
        told.append(_drawn(shapes.drawn(clip, of, own, style, seen), style))
    # the clips are as small as the Restyle Report makes its own
    if look_changed(*((x.clamp(-1, 1) + 1) / 2 for x in (source, clip))) < restyle_verdict.UNCHANGED:
        told.append(f"The look {HARDLY} changed.")
    return " ".join(told)


def whole(sentences: str) -> bool:
    """Whether they tell of nothing that is missing."""
    return LOST not in sentences and HARDLY not in sentences


def said(clip: Tensor, of: Content, styles: Sequence[str], seen: Tensor | None = None) -> str:
    """One sentence: all shapes in place, or which are lost and in how many of the frames that show them.

    clip [frames,3,height,width] from -1 to 1; styles: the looks in which a shape may be found. seen:
    what places.visible() says, where it is known.
    """
    seen = places.visible(of, len(clip)) if seen is None else seen
    away = places.displacements(clip, of, styles, seen).norm(dim=2)
    off = [
        (name(shape), away[:, i][seen[:, i]] > places.LOST)
        for i, shape in enumerate(of.shapes)
        if seen[:, i].any()
    ]
    lost = [(called, frames) for called, frames in off if frames.sum() > max(1, IN_PLACE * len(frames))]
    if not lost:
        return f"All {len(off)} shapes are in place."
    told = ", ".join(
        f"the {called} in {int(frames.sum())} of {len(frames)} frames" for called, frames in lost
    )
    return f"{LOST} {told}."


def _drawn(share: float, style: str) -> str:
    much = f"{100 * share:.0f} %"
    if share < FEW:
        return f"They are {HARDLY} drawn as {style} draws them: {much} of it is there."
    return f"Of how {style} draws them {much} is there."


def name(shape: Shape) -> str:
    """A shape as a person would call it: the name of its colour, and its kind."""
    hue = colorsys.rgb_to_hsv(*shape.colour)[0] * 360
    return f"{next(called for end, called in HUES if hue <= end)} {shape.kind}"

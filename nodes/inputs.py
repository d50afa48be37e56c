"""Inputs that more than one node has."""

from comfy_api.latest import io

# AnimateDiff's name for a list of numbers, and core's for a curve, which older ones do not have in their io
TYPES = [io.Custom("FLOATS"), io.Custom("CURVE")]


def over_time(name: str, default: float, tooltip: str, advanced: bool = False):
    """An input from 0 to 1 with a widget, which takes numbers over the clip too: see curves.over_frames()."""
    widget = io.Float.Input(name, default=default, min=0.0, max=1.0, step=0.01, optional=advanced,
                            advanced=advanced or None, tooltip=tooltip)
    return io.MultiType.Input(widget, types=TYPES)

"""How many frames a motion model takes, and wants: a refusal, and a remark."""

from ..unsampling import UnsamplingError
from .packs import animatediff
from .told import Told
from .windows import Windows

# Frames that motion models were trained on, by AnimateDiff-Evolved's name of their format.
TRAINED, TRAINED_ON = {"HotshotXL": 8}, 16


def refuse_long(model, shape: tuple[int, ...], layout: list[Windows]) -> None:
    """AnimateDiff-Evolved stops with an error of its own once it has loaded the model.

    layout: the context windows that a pass meets on a latent of that shape.
    Raises: UnsamplingError for more frames at once than a motion model takes.
    """
    windows = [one.together for one in _seen(layout)]
    for motion in animatediff.motions(model) if len(shape) == 4 else ():
        frames = max(windows, default=shape[0])
        if motion.most is None or frames <= motion.most:
            continue
        if windows:
            have, cure = f"its context windows have {frames}", f"set context_length to {_trained(motion)}"
        else:
            have = f"the clip has {frames}"
            cure = (
                f"connect Context Options (Standard Static, context_length {_trained(motion)}) to Use Evolved"
                " Sampling in both passes, or load fewer frames"
            )
        raise UnsamplingError(
            f"model has the motion model {motion.name}, which takes {motion.most} frames at once, but {have};"
            f" {cure}"
        )


def remark(model, shape: tuple[int, ...]) -> str:
    """That a clip is shorter than its motion model was trained on; "" where it is not."""
    for motion in animatediff.motions(model) if len(shape) == 4 else ():
        if shape[0] < _trained(motion):
            return Told(
                f"; the clip has {shape[0]} frames, and its motion model {motion.name} was trained on"
                f" {_trained(motion)}: with fewer the motion is weaker, load {_trained(motion)} or more",
                f"few frames ({shape[0]}): load {_trained(motion)} or more",
            )
    return ""


def _trained(motion: animatediff.Motion) -> int:
    return TRAINED.get(motion.kind, TRAINED_ON)


def _seen(layout: list[Windows]) -> list[Windows]:
    """The windows in which a motion model sees a clip: views, where a context has them."""
    by_views = {one.keyframe for one in layout if one.kind == "views"}
    return [
        one for one in layout if one.kind == "views" or (one.kind == "ade" and one.keyframe not in by_views)
    ]

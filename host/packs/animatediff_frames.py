"""What AnimateDiff-Evolved (read at 1.5.7) was given for each frame of a clip: read, never changed."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from . import animatediff_settings
from .animatediff import ADE, ATTACHMENT_KEY, motion_patchers
from .fields import Kind

# of a motion model; each is a number, or one for each frame
OF_FRAMES = (
    *("scale_multival", "effect_multival", "cameractrl_multival", "pia_multival", "fancy_multival"),
    *("orig_camera_entries", "orig_RT", "orig_pia_images", "orig_fancy_images", "orig_img_latents"),
)
MOTION = Kind(ADE, "animatediff.model_injection:MotionModelAttachment", (*OF_FRAMES, "keyframes"))
KEYFRAME = Kind(
    ADE, "animatediff.utils_motion:ADKeyframe", ("scale_multival", "effect_multival", "cameractrl_multival")
)


def has_frames(model) -> bool:
    """Whether anything of its motion models or of its Custom CFG is set for each frame: a scale, an effect, a
    camera's way, a picture."""
    values = [*animatediff_settings.guidances(model), *_of_motion(model)]
    return any(_count(value) > 1 for value in values)


def _of_motion(model) -> Iterator[Any]:
    for patcher in motion_patchers(model):
        motion = patcher.get_attachment(ATTACHMENT_KEY.name)
        yield from (MOTION.read(motion, name) for name in OF_FRAMES)
        for frame in MOTION.read(motion, "keyframes"):
            yield from KEYFRAME.values(frame).values()


def _count(value: Any) -> int:
    """Of how many frames it tells; a number, and what is not set, of none."""
    listed = isinstance(value, list) or (isinstance(value, Tensor) and value.ndim > 0)
    return len(value) if listed else 0

"""Clips as images: out of a VIDEO, cut, and their edges."""

import torch
from comfy_api.latest import InputImpl
from torch import Tensor

from ..unsampling.video import edges, footage
from . import sampling, screen
from .packs import core
from .told import Told

ODD = "the video file is out of the ordinary"


def of_video(video, wanted: footage.Wanted) -> tuple[Tensor, dict | None, float, int, Tensor]:
    """The frames of a VIDEO, the AUDIO of the same time, frames a second, how many frames there are, and
    their masks: 1 where transparent, and as core's Load Image has them where nothing is.

    Raises: UnsamplingError for a video of which nothing can be read.
    """
    clip, sound = _frames_and_sound(video, wanted)
    mask = torch.zeros(len(clip.frames), 64, 64) if clip.mask is None else clip.mask
    return clip.frames, sound, float(clip.rate), clip.count, mask


def first(images: Tensor, count: int, node_id: str | None) -> Tensor:
    """The first frames of a clip, without a copy; says so where there are fewer."""
    if len(images) < count:
        screen.say(node_id, f"{count} frames wanted, {len(images)} there: all kept", at_end=True)
    return images[:count]


def edges_of(images: Tensor, low: float, high: float) -> Tensor:
    """White edges on black, found a few frames at a time. Raises: UnsamplingError if low is above high."""
    return edges.canny(images, low, high, sampling.device(), screen.ticks(len(images)))


def _frames_and_sound(video, wanted: footage.Wanted) -> tuple[footage.Footage, dict | None]:
    """A file is scaled as it is decoded; what is in memory, or comes from another pack, is read whole."""
    window = core.trim_window(video) if isinstance(video, InputImpl.VideoFromFile) else None
    if window is None:
        with footage.readable("video"):
            parts = video.get_components()
        clip = footage.of_images(parts.images, parts.frame_rate, wanted, screen.ticks)
        return clip, footage.sound_cut(parts.audio, clip.end)
    source = video.get_stream_source()
    clip = footage.of_file(source, *window, wanted, screen.ticks)
    said = list(clip.said)
    sound = footage.sound_of_file(source, clip.begin, clip.end, clip.shifts, said.append)
    if said:
        text = f"video ({footage.name_of(source)}): {'; '.join(said)}"
        screen.say(screen.running_node(), Told(text, "the video was read", ODD), at_end=True)
    return clip, sound

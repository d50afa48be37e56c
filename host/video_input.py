"""A VIDEO of ComfyUI as frames of the wanted size, and its sound."""

from comfy_api.latest import InputImpl

from ..unsampling.video import footage
from . import screen
from .packs import core


def frames_and_sound(video, wanted: footage.Wanted) -> tuple[footage.Footage, dict | None]:
    """The frames of a VIDEO, and the AUDIO of the same time.

    A file is scaled as it is decoded; what is in memory anyway, or comes from another pack, is read whole.
    Raises: UnsamplingError for a video that cannot be read.
    """
    window = core.trim_window(video) if isinstance(video, InputImpl.VideoFromFile) else None
    if window is None:
        with footage.readable("video"):
            parts = video.get_components()
        clip = footage.of_images(parts.images, parts.frame_rate, wanted, screen.ticks)
        return clip, footage.sound_cut(parts.audio, clip.end)
    source, (start, duration) = video.get_stream_source(), window
    clip = footage.of_file(source, start, duration, wanted, screen.ticks)
    return clip, footage.sound_of_file(source, clip.begin, clip.end)

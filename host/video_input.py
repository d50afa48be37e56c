"""A VIDEO of ComfyUI as frames of the wanted size, and its sound."""

from comfy_api.latest import InputImpl

from ..unsampling.video import footage
from . import screen


def frames_and_sound(video, wanted: footage.Wanted) -> tuple[footage.Footage, dict | None]:
    """The frames of a VIDEO, and the AUDIO of the same time.

    A file is scaled as it is decoded; what is in memory anyway, or comes from another pack, is read whole.
    Raises: UnsamplingError for a video that cannot be read.
    """
    window = getattr(video, "get_active_trim_window", None)  # ComfyUI before June 2026 does not tell
    if window is None or not isinstance(video, InputImpl.VideoFromFile):
        with footage.readable("video"):
            parts = video.get_components()
        made = footage.of_images(parts.images, parts.frame_rate, wanted, screen.ticks)
        return made, footage.sound_cut(parts.audio, made.end)
    source, (start, duration) = video.get_stream_source(), window()
    made = footage.of_file(source, start, duration, wanted, screen.ticks)
    return made, footage.sound_of_file(source, made.begin, made.end)

"""Video files in and out: what a user's clip looks like when it is read, and H.264 that any player opens."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from math import lcm, pi, sin, sqrt
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from matplotlib import cbook
from PIL import Image

# The same frames give the same bytes: one thread, no version strings, and no assembly, since x264's AVX-512
# code was seen to give different bytes from one call to the next (a third of the speed).
X264 = {"preset": "faster", "crf": "14", "threads": "1", "flags": "+bitexact", "x264-params": "asm=0"}
FINEST_CLOCK = 1_000_000
AREA = "AREA"


class VideoError(ValueError):
    """A video that cannot be used; the message is one sentence for the person who gave it."""


def write_video(
    path: str | Path,
    frames: np.ndarray,
    fps: Fraction,
    audio: np.ndarray | None = None,
    sample_rate: int = 44100,
    timestamps: Sequence[Fraction] | None = None,
) -> None:
    """Write uint8 frames [F,H,W,3] as H.264, and float audio [channels, samples] as AAC, in MP4.

    timestamps (seconds, rising) give each frame its own time; without them frame i is shown at i/fps.
    """
    frames = _checked(frames)
    times = _times(len(frames), Fraction(fps), timestamps)
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        options = {"movflags": "+faststart", "fflags": "+bitexact"}
        with av.open(str(part), "w", format="mp4", options=options) as container:
            pictures = _picture_stream(container, frames, Fraction(fps), times)
            sound = None if audio is None else _sound_stream(container, audio, sample_rate)
            _encode_pictures(container, pictures, frames, times)
            if sound is not None:
                _encode_sound(container, sound, audio, sample_rate)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_video(
    path: str | Path, first: int | None = None, most_frames: int | None = None, most_pixels: int | None = None
) -> tuple[np.ndarray, Fraction]:
    """Decode the first video stream as uint8 [F,H,W,3] upright, and its mean frame rate.

    first reads that many frames and no more; most_frames refuses a longer clip; most_pixels shrinks larger
    frames as they are decoded, to even sizes. Both keep memory bounded.
    """
    path = Path(path)
    if not path.is_file():
        raise VideoError(f"{path} is not a file: give the path of a video.")
    frames: list[np.ndarray] = []
    with _open(path) as container:
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            raise VideoError(f"{path} has no video stream: give a file with moving pictures in it.")
        stream = streams[0]
        stream.codec_context.options = {"err_detect": "explode"}
        for frame in _decoded(path, container, stream):
            if len(frames) == first:
                break
            if len(frames) == most_frames:
                raise VideoError(f"{path} has more than {most_frames} frames: trim it, or read fewer.")
            frames.append(_upright(frame, most_pixels))
        fps = stream.average_rate or stream.guessed_rate
    if not frames:
        raise VideoError(f"{path} has a video stream without a single frame: it is damaged or empty.")
    return np.stack(frames), Fraction(fps or 1)


def pan_over_photograph(frames: int, height: int, width: int) -> np.ndarray:
    """A slow pan and zoom over matplotlib's public-domain portrait of Grace Hopper, uint8 [F,H,W,3]."""
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        photograph = Image.open(file).convert("RGB")
    boxes = (_crop(photograph.size, width / height, i / max(frames - 1, 1)) for i in range(frames))
    lanczos = Image.Resampling.LANCZOS
    return np.stack([np.asarray(photograph.resize((width, height), lanczos, box=box)) for box in boxes])


def _crop(size: tuple[int, int], aspect: float, t: float) -> tuple[float, float, float, float]:
    """The crop at time t in [0, 1]: it widens from the face, swings to a side and back, and stays inside."""
    ease = t * t * (3 - 2 * t)
    scale = 0.62 + 0.33 * ease
    width = min(size[0], size[1] * aspect) * scale
    height = width / aspect
    x = 0.5 + 0.06 * sin(2 * pi * t)
    left = (size[0] - width) * min(max(x, 0.0), 1.0)
    top = (size[1] - height) * (0.24 + 0.06 * ease)
    return left, top, left + width, top + height


def _checked(frames: np.ndarray) -> np.ndarray:
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or not len(frames):
        raise VideoError(f"frames must be uint8 [F,H,W,3], not {frames.dtype} {list(frames.shape)}.")
    return np.ascontiguousarray(frames)


def _times(count: int, fps: Fraction, timestamps: Sequence[Fraction] | None) -> list[Fraction]:
    if timestamps is None:
        return [i / fps for i in range(count)]
    times = [Fraction(t) for t in timestamps]
    if len(times) != count or any(b <= a for a, b in pairwise(times)):
        raise VideoError(f"timestamps must be {count} rising times, one a frame.")
    return times


def _picture_stream(container, frames: np.ndarray, fps: Fraction, times: list[Fraction]):
    height, width = frames.shape[1:3]
    stream = container.add_stream("libx264", rate=fps, options=X264)
    stream.width, stream.height = width, height
    stream.pix_fmt = "yuv444p" if height % 2 or width % 2 else "yuv420p"
    clock = lcm(fps.numerator, *(t.denominator for t in times))
    stream.codec_context.time_base = Fraction(1, clock if clock <= FINEST_CLOCK else 90_000)
    # Say which colours these are: swscale's default is BT.601, limited range.
    stream.codec_context.colorspace, stream.codec_context.color_range = 5, 1
    return stream


def _encode_pictures(container, stream, frames: np.ndarray, times: list[Fraction]) -> None:
    base = stream.codec_context.time_base
    for array, time in zip(frames, times, strict=True):
        frame = av.VideoFrame.from_ndarray(array, format="rgb24")
        frame.time_base, frame.pts = base, round(time / base)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _sound_stream(container, audio: np.ndarray, sample_rate: int):
    if audio.ndim != 2 or audio.shape[0] not in (1, 2):
        raise VideoError(f"audio must be [1 or 2 channels, samples], not {list(audio.shape)}.")
    stream = container.add_stream("aac", rate=sample_rate, options={"flags": "+bitexact"})
    stream.codec_context.layout = "mono" if audio.shape[0] == 1 else "stereo"
    return stream


def _encode_sound(container, stream, audio: np.ndarray, sample_rate: int) -> None:
    samples = np.ascontiguousarray(audio, dtype=np.float32)
    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=stream.codec_context.layout.name)
    frame.sample_rate, frame.pts = sample_rate, 0
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


@contextlib.contextmanager
def _open(path: Path) -> Iterator:
    try:
        container = av.open(str(path))
    except (av.error.InvalidDataError, av.error.EOFError) as error:
        raise VideoError(f"{path} is damaged or not a video that can be read: convert it to MP4.") from error
    with container:
        yield container


def _decoded(path: Path, container, stream) -> Iterator[av.VideoFrame]:
    try:
        for packet in container.demux(stream):
            if packet.is_corrupt:
                raise VideoError(f"{path} is damaged or cut short: convert or download it again.")
            yield from packet.decode()
    except av.error.FFmpegError as error:
        raise VideoError(f"{path} is damaged or cut short: convert or download it again.") from error


def _upright(frame: av.VideoFrame, most_pixels: int | None) -> np.ndarray:
    """The frame as RGB, shrunk to most_pixels, turned as its rotation flag says."""
    turns = round(frame.rotation / 90) % 4
    width, height = _fitting(frame.width, frame.height, most_pixels)
    picture = frame.to_ndarray(format="rgb24", width=width, height=height, interpolation=AREA)
    return np.ascontiguousarray(np.rot90(picture, turns))


def _fitting(width: int, height: int, most_pixels: int | None) -> tuple[int, int]:
    if most_pixels is None or width * height <= most_pixels:
        return width, height
    scale = sqrt(most_pixels / (width * height))
    return max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)

"""A VIDEO as frames of the size that is wanted, scaled one by one as they are decoded: the clip at its own
size is never held, which for 1080p would be 25 MB a frame. PyAV and torch only."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import sqrt
from pathlib import Path

import av
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..unsampling import UnsamplingError

PIXELS = 1024 * 1024  # of a megapixel, as core counts them
EIGHT_BITS = ("yuvj420p", "yuvj422p", "yuvj444p", "rgb24", "rgba", "pal8")  # whose colours need no more
ALIGNED = 32  # pixels
# given how many frames are expected, a function to call at each frame kept; it may raise to stop
Ticks = Callable[[int], Callable[[], None]]


@dataclass(frozen=True)
class Wanted:
    """Which frames, and how large: pixels in all, both sides a multiple of `multiple`; most 0 is all."""

    megapixels: float
    multiple: int
    every_nth: int
    most: int

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the frames of a clip that has this size, its shape kept."""
        scale = sqrt(self.megapixels * PIXELS / (height * width))
        return tuple(max(1, round(side * scale / self.multiple)) * self.multiple for side in (height, width))

    def count(self, frames: int) -> int:
        """How many frames of a clip of that many are wanted."""
        kept = -(-frames // self.every_nth)
        return min(kept, self.most) if self.most else kept


def of_file(source, start: float, duration: float, wanted: Wanted, ticks: Ticks) -> tuple[Tensor, Fraction]:
    """Frames [frames,height,width,3] from 0 to 1 of a file, and the rate of those that were kept.

    source: a path, or an open file. start, duration: in seconds, duration 0 up to the end.
    Raises: UnsamplingError for a file without moving pictures, or without any in that time.
    """
    with _opened(source) as container:
        if not container.streams.video:
            raise UnsamplingError(f"video ({_name(source)}) has no moving pictures; load a file that has")
        stream = container.streams.video[0]
        rate = Fraction(stream.average_rate or stream.guessed_rate or 1)
        expected = wanted.count(_expected(stream, rate, start, duration))
        pictures, tick, frames, count = _Pictures(stream.time_base), ticks(expected), None, 0
        for at, frame in enumerate(_frames(container, stream, start, duration)):
            if at % wanted.every_nth:
                continue
            picture = pictures(frame)
            if frames is None:
                size = wanted.size(*picture.shape[:2])
                frames = torch.empty(max(1, expected), *size, 3)
            elif count == len(frames):  # the file's header promised fewer
                frames = torch.cat([frames, torch.empty_like(frames)])
            frames[count] = _scaled(picture, size)
            count += 1
            tick()
            if count == wanted.most:
                break
    if frames is None:
        raise UnsamplingError(f"video ({_name(source)}) has no frame in the time asked for; set another start"
                              " or duration in Trim Video")
    return frames[:count], rate / wanted.every_nth


def of_images(images: Tensor, rate: Fraction, wanted: Wanted, ticks: Ticks) -> tuple[Tensor, Fraction]:
    """The same of frames that are in memory anyway."""
    kept = images[::wanted.every_nth, ..., :3]
    kept = kept[:wanted.most] if wanted.most else kept
    if len(kept) == 0:
        raise UnsamplingError("video has no frame; connect one that has")
    size, tick = wanted.size(*kept.shape[1:3]), ticks(len(kept))
    frames = torch.empty(len(kept), *size, 3)
    for frame, picture in zip(frames, kept, strict=True):
        frame.copy_(_scaled(picture, size))
        tick()
    return frames, rate / wanted.every_nth


def sound_of_file(source, start: float, seconds: float) -> dict | None:
    """The sound of these seconds of a file as an AUDIO; None where it has none."""
    with _opened(source) as container:
        streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
        if not streams:
            return None
        rate, parts, first = streams[-1].sample_rate, [], None
        resampler = av.AudioResampler(format="fltp", rate=rate)
        if start:
            container.seek(int(start / streams[-1].time_base), stream=streams[-1])
        for frame in container.decode(streams[-1]):
            if frame.time >= start + seconds:
                break
            first = frame.time if first is None else first
            parts += [part.to_ndarray() for part in resampler.resample(frame)]
    if not parts:
        return None
    skipped = max(0, round((start - first) * rate))
    wave = torch.from_numpy(np.concatenate(parts, 1)[:, skipped:skipped + round(seconds * rate)])
    return {"waveform": wave[None].contiguous(), "sample_rate": rate}


def _opened(source):
    if hasattr(source, "seek"):
        source.seek(0)
    try:
        return av.open(source)
    except av.error.FFmpegError as error:
        raise UnsamplingError(f"video ({_name(source)}) cannot be read ({error.strerror}); convert it to"
                              " MP4") from error


def _name(source) -> str:
    return "in memory" if hasattr(source, "seek") else Path(source).name


def _expected(stream, rate: Fraction, start: float, duration: float) -> int:
    """How many frames the header promises; only to make room for them."""
    seconds = duration or float((stream.duration or 0) * stream.time_base) - start
    promised = round(seconds * rate) if seconds > 0 else stream.frames
    return min(promised, stream.frames) if stream.frames else promised


def _frames(container, stream, start: float, duration: float) -> Iterator[av.VideoFrame]:
    """Frames from start on, by their own times."""
    first, end = int(start / stream.time_base), int((start + duration) / stream.time_base)
    if first:
        container.seek(first, stream=stream)
    try:
        for frame in container.decode(stream):
            if frame.pts is not None and frame.pts < first:
                continue
            if duration and frame.pts is not None and frame.pts >= end:
                return
            yield frame
    except av.error.InvalidDataError as error:
        raise UnsamplingError(f"video ({_name(container.name)}) is damaged; convert or download it"
                              " again") from error


class _Pictures:
    """Frames of one stream as [height,width,3] from 0 to 1, upright, converted as core's Get Video Components
    does, to the bit."""

    def __init__(self, time_base: Fraction):
        self._time_base, self._graph = time_base, None

    def __call__(self, frame: av.VideoFrame) -> Tensor:
        if frame.format.name in EIGHT_BITS:
            pixels = frame.to_ndarray(format="rgb24").astype(np.float32) / 255
        elif frame.width % ALIGNED == 0:
            pixels = frame.to_ndarray(format="gbrpf32le")
        else:
            pixels = self._aligned(frame).to_ndarray(format="gbrpf32le")[:frame.height, :frame.width]
        return torch.from_numpy(np.rot90(pixels, round(frame.rotation / 90)).copy())

    def _aligned(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame with its border smeared out to a width that the conversion reads in whole pieces: of
        another it would take what lies behind it in memory."""
        if self._graph is None:
            self._graph = _smearing(frame, self._time_base)
        self._graph.push(frame)
        return self._graph.pull()


def _smearing(frame: av.VideoFrame, time_base: Fraction) -> av.filter.Graph:
    across, down = (-side % ALIGNED for side in (frame.width, frame.height))
    graph = av.filter.Graph()
    chain = [graph.add_buffer(width=frame.width, height=frame.height, format=frame.format.name,
                              time_base=time_base),
             graph.add("pad", f"{frame.width + across}:{frame.height + down}:0:0"),
             graph.add("fillborders", f"left=0:right={across}:top=0:bottom={down}:mode=smear"),
             graph.add("buffersink")]
    for one, following in pairwise(chain):
        one.link_to(following)
    graph.configure()
    return graph


def _scaled(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """[height,width,3] averaged to that size, as core's Scale Image to Total Pixels does by area."""
    return functional.interpolate(picture.movedim(-1, 0)[None].float(), size, mode="area")[0].movedim(0, -1)

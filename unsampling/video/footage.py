"""A VIDEO as frames of the size that is wanted, scaled one by one as they are decoded: the clip at its own
size is never held, which for 1080p would be 25 MB a frame. PyAV and torch only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import inf, sqrt
from pathlib import Path

import av
import numpy as np
import torch
from av.error import FFmpegError
from av.filter import Graph
from torch import Tensor
from torch.nn import functional

from ..errors import Cause, UnsamplingError

PIXELS = 1024 * 1024  # of a megapixel, as core counts them
EIGHT_BITS = ("yuvj420p", "yuvj422p", "yuvj444p", "rgb24", "rgba", "pal8")  # whose colours need no more
ALIGNED = 32  # pixels
# given how many frames are expected, a function to call at each frame kept; it may raise to stop
Ticks = Callable[[int], Callable[[], None]]


@dataclass(frozen=True)
class Wanted:
    """Which frames, and how large: pixels in all, both sides a multiple of `multiple`; most 0 is all. again:
    how many times the last one stands behind the clip once more."""

    megapixels: float
    multiple: int
    every_nth: int
    most: int
    again: int = 0

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the frames of a clip that has this size, its shape kept.

        Raises: UnsamplingError for megapixels that are no size.
        """
        if not 0 < self.megapixels < inf:
            raise UnsamplingError(f"megapixels is {self.megapixels:g}; set it above 0, to 0.25 for 512 x 512")
        scale = sqrt(self.megapixels * PIXELS / (height * width))
        height, width = (max(1, round(side * scale / self.multiple)) for side in (height, width))
        return height * self.multiple, width * self.multiple

    def count(self, frames: int) -> int:
        """How many frames of a clip of that many are wanted."""
        chosen = -(-frames // self.every_nth)
        return min(chosen, self.most) if self.most else chosen


@dataclass(frozen=True)
class Footage:
    """Frames [frames,height,width,3] from 0 to 1, their number without repeated ones, their rate, and the
    seconds of the source they span."""

    frames: Tensor
    count: int
    rate: Fraction
    begin: float
    end: float


def of_file(source, start: float, duration: float, wanted: Wanted, ticks: Ticks) -> Footage:
    """The frames of a file.

    source: a path, or an open file. start, duration: in seconds, duration 0 up to the end.
    Raises: UnsamplingError for a file that cannot be read, without moving pictures, or without any in that
    time.
    """
    with _reading(source) as container:
        if not container.streams.video:
            raise UnsamplingError(
                f"video ({_name(source)}) has no moving pictures", Cause.VIDEO_WITHOUT_PICTURES
            )
        stream = container.streams.video[0]
        rate = Fraction(stream.average_rate or stream.guessed_rate or 1)
        expected = wanted.count(_expected(container, stream, rate, start, duration))
        pictures, tick, frames, times = _Pictures(stream.time_base), ticks(expected), None, []
        for at, frame in enumerate(_frames(container, stream, start, duration)):
            if at % wanted.every_nth:
                continue
            picture = pictures(frame)
            if frames is None:
                size = wanted.size(*picture.shape[:2])
                # one more than promised: of a part of a clip the headers' figures are off by one
                frames = torch.empty(expected + 1 + wanted.again, *size, 3)
            elif len(times) == len(frames):  # the file's header promised fewer
                frames = torch.cat([frames, frames.new_empty(len(frames) // 2 + 1, *frames.shape[1:])])
            frames[len(times)] = _scaled(picture, size)
            times.append(start + at / float(rate) if frame.time is None else frame.time)
            tick()
            if len(times) == wanted.most:
                break
    if frames is None:
        raise UnsamplingError(
            f"video ({_name(source)}) has no frame in the time asked for", Cause.VIDEO_EMPTY_IN_TIME
        )
    frames, end = _ended(frames, len(times), wanted.again), times[-1] + float(wanted.every_nth / rate)
    return Footage(
        frames, len(times), rate / wanted.every_nth, times[0], min(end, start + duration) if duration else end
    )


def of_images(images: Tensor, rate: Fraction, wanted: Wanted, ticks: Ticks) -> Footage:
    """The same of frames that are in memory anyway."""
    chosen = images[:: wanted.every_nth, ..., :3]
    chosen = chosen[: wanted.most] if wanted.most else chosen
    if len(chosen) == 0:
        raise UnsamplingError("video has no frame", Cause.VIDEO_EMPTY)
    size, tick = wanted.size(*chosen.shape[1:3]), ticks(len(chosen))
    frames = torch.empty(len(chosen) + wanted.again, *size, 3)
    for frame, picture in zip(frames, chosen, strict=False):
        frame.copy_(_scaled(picture, size))
        tick()
    return Footage(
        _ended(frames, len(chosen), wanted.again),
        len(chosen),
        rate / wanted.every_nth,
        0.0,
        float(len(chosen) * wanted.every_nth / rate),
    )


def _ended(frames: Tensor, count: int, again: int) -> Tensor:
    """The first `count` frames and the last of them so many times again, in place where it fits."""
    spare = len(frames) - count - again
    if not 0 <= spare <= 1 + count // 16:  # room for many more would stay in memory as long as the frames do
        frames = torch.cat([frames[:count], frames.new_empty(again, *frames.shape[1:])])
    frames = frames[: count + again]
    frames[count:] = frames[count - 1]
    return frames


def sound_of_file(source, begin: float, end: float) -> dict | None:
    """The sound of these seconds of a file as an AUDIO, silent where it has none yet; None without any."""
    with _reading(source) as container:
        streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
        if not streams:
            return None
        stream, parts, first = streams[-1], [], None
        resampler = av.AudioResampler(format="fltp", rate=stream.sample_rate)
        container.seek(int(begin / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            if frame.time is not None and frame.time >= end:
                break
            first = frame.time if first is None else first
            parts += [part.to_ndarray() for part in resampler.resample(frame)]
    if not parts:
        return None
    wave, rate = torch.from_numpy(np.concatenate(parts, 1)), stream.sample_rate
    late = round(((begin if first is None else first) - begin) * rate)
    wave = functional.pad(wave, (late, 0)) if late > 0 else wave[:, -late:]
    return {"waveform": wave[None, :, : round((end - begin) * rate)].contiguous(), "sample_rate": rate}


def sound_cut(sound: dict | None, seconds: float) -> dict | None:
    """The first seconds of an AUDIO."""
    if sound is None:
        return None
    return sound | {"waveform": sound["waveform"][..., : round(seconds * sound["sample_rate"])]}


@contextmanager
def _reading(source) -> Iterator:
    """The file open, and whatever goes wrong in it said in a sentence."""
    if hasattr(source, "seek"):
        source.seek(0)
    with readable(f"video ({_name(source)})"), av.open(source) as container:
        yield container


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Says in a sentence, with that name, what FFmpeg could not read."""
    try:
        yield
    except FFmpegError as error:
        raise UnsamplingError(
            f"{name} cannot be read or is damaged ({error.strerror}); convert it to MP4"
        ) from error


def _name(source) -> str:
    return "in memory" if hasattr(source, "seek") else Path(source).name


def _expected(container, stream, rate: Fraction, start: float, duration: float) -> int:
    """How many frames there should be by the headers, 0 where they do not say; only to make room."""
    whole = float(
        stream.duration * stream.time_base if stream.duration else (container.duration or 0) / av.time_base
    )
    seconds = max(0.0, whole - start)
    promised = round(min(seconds, duration or seconds) * rate)
    return min(promised, stream.frames) if stream.frames else promised


def _frames(container, stream, start: float, duration: float) -> Iterator[av.VideoFrame]:
    """Frames from start on, by their own times."""
    first, end = int(start / stream.time_base), int((start + duration) / stream.time_base)
    if first:
        container.seek(first, stream=stream)
    for frame in container.decode(stream):
        if frame.pts is not None and frame.pts < first:
            continue
        if duration and frame.pts is not None and frame.pts >= end:
            return
        yield frame


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
            pixels = self._aligned(frame).to_ndarray(format="gbrpf32le")[: frame.height, : frame.width]
        return torch.from_numpy(np.rot90(pixels, round(frame.rotation / 90)).copy())

    def _aligned(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame with its border smeared out to a width that the conversion reads in whole pieces: of
        another it would take what lies behind it in memory."""
        if self._graph is None:
            self._graph = _smearing(frame, self._time_base)
        self._graph.vpush(frame)
        return self._graph.vpull()


def _smearing(frame: av.VideoFrame, time_base: Fraction) -> Graph:
    across, down = (-side % ALIGNED for side in (frame.width, frame.height))
    graph = Graph()
    chain = [
        graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=time_base),
        graph.add("pad", f"{frame.width + across}:{frame.height + down}:0:0"),
        graph.add("fillborders", f"left=0:right={across}:top=0:bottom={down}:mode=smear"),
        graph.add("buffersink"),
    ]
    for one, following in pairwise(chain):
        one.link_to(following)
    graph.configure()
    return graph


def _scaled(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """[height,width,3] averaged to that size, as core's Scale Image to Total Pixels does by area."""
    return functional.interpolate(picture.movedim(-1, 0)[None].float(), size, mode="area")[0].movedim(0, -1)

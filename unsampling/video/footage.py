"""A VIDEO as frames of the size that is wanted, scaled one by one as they are decoded: the clip at its own
size is never held, which for 1080p would be 25 MB a frame. PyAV and torch only."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from math import ceil, inf, sqrt

import av
from av.error import FFmpegError
from torch import Tensor

from ..errors import Cause, UnsamplingError
from .pictures import Pictures, scaled
from .reading import Damage, cure, decoded, name_of, packets, played, readable, reading
from .rows import Rows
from .sound import sound_cut, sound_of_file
from .timeline import Part, Timeline, by_time, landing, part_of, rates_of, scan, seek_to

__all__ = ["Footage", "Wanted", "name_of", "of_file", "of_images", "readable", "sound_cut", "sound_of_file"]

PIXELS = 1024 * 1024  # of a megapixel, as core counts them
KEEPS_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # FFmpeg's own decoders drop it
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

    def size(self, height: float, width: float) -> tuple[int, int]:
        """Height and width of the frames of a clip that has this size, its shape kept.

        Raises: UnsamplingError for megapixels that are no size.
        """
        if not 0 < self.megapixels < inf:
            raise UnsamplingError(f"megapixels is {self.megapixels:g}; set it above 0, to 0.25 for 512 x 512")
        scale = sqrt(self.megapixels * PIXELS / (height * width))
        rows, columns = (max(1, round(side * scale / self.multiple)) for side in (height, width))
        return rows * self.multiple, columns * self.multiple

    def count(self, frames: int) -> int:
        """How many frames of a clip of that many are wanted."""
        chosen = -(-frames // self.every_nth)
        return min(chosen, self.most) if self.most else chosen


@dataclass(frozen=True)
class Footage:
    """Frames [frames,height,width,3] from 0 to 1, their number without repeated ones, their rate, and the
    seconds of the source they span.

    mask: [frames,height,width], 1 where the clip is transparent, as core's Load Image has it; None without
    alpha. shifts: seconds to add in each piece of a joined file. said: what a user should know of the file.
    """

    frames: Tensor
    count: int
    rate: Fraction
    begin: float
    end: float
    mask: Tensor | None = None
    shifts: tuple[Fraction, ...] = (Fraction(0),)
    said: tuple[str, ...] = ()


def of_file(source, start: float, duration: float, wanted: Wanted, ticks: Ticks) -> Footage:
    """The frames of a file; damaged ones are left out and counted.

    source: a path, or an open file. start, duration: in seconds from the first frame on, start below 0 from
    the end of the last; duration 0 up to the end.
    Raises: UnsamplingError for a file of which nothing can be read, without pictures, or without any in that
    time.
    """
    timeline, part = _surveyed(source, start, duration, wanted)
    if part is None:
        raise UnsamplingError(
            f"video ({name_of(source)}) has no frame in the time asked for", Cause.VIDEO_EMPTY_IN_TIME
        )
    damage = Damage()
    with reading(source) as container:
        stream = _with_pictures(container, source)
        pictures = Pictures(stream)
        shots = _shots(container, stream, timeline, part, damage, pictures.said)
        rows, times, last = _filled(shots, pictures, part, wanted, ticks(wanted.count(part.count)))
    if rows is None:
        raise UnsamplingError(
            f"video ({name_of(source)}) cannot be read or is damaged: none of its frames can be decoded;"
            f" {cure(source)}"
        )
    rate, begin = part.rate / wanted.every_nth, part.begin
    if not part.by_time:
        rate, begin = rate * _settled(rows, sorted(times), last, part, wanted), times[0]
    frames, mask = rows.ended(wanted.again)
    end = begin + rows.count / rate
    return Footage(
        frames,
        rows.count,
        rate,
        float(begin),
        float(end if part.stop is None else min(end, part.end)),
        mask,
        tuple(timeline.shifts),
        (*_left_out(timeline, damage, part), *pictures.said),
    )


def of_images(images: Tensor, rate: Fraction, wanted: Wanted, ticks: Ticks) -> Footage:
    """The same of frames that are in memory anyway; a fourth channel is their alpha."""
    chosen = images[:: wanted.every_nth, ..., :4]
    chosen = chosen[: wanted.most] if wanted.most else chosen
    if len(chosen) == 0:
        raise UnsamplingError("video has no frame", Cause.VIDEO_EMPTY)
    size, tick = wanted.size(*chosen.shape[1:3]), ticks(len(chosen))
    rows = Rows(len(chosen), size, wanted.again)
    for picture in chosen:
        rows.add(scaled(picture, size))
        tick()
    frames, mask = rows.ended(wanted.again)
    seconds = float(len(chosen) * wanted.every_nth / rate)
    return Footage(frames, len(chosen), rate / wanted.every_nth, 0.0, seconds, mask)


def _surveyed(source, start: float, duration: float, wanted: Wanted) -> tuple[Timeline, Part | None]:
    """When the frames of the file are shown, and which of them are to be read."""
    if start < 0:
        start = max(0.0, start + _length(source))
    with reading(source) as container:
        seek = landing(container, _with_pictures(container, source), start)
    with reading(source) as container:
        stream, most = _with_pictures(container, source), wanted.most * wanted.every_nth
        if seek is not None:
            seek_to(container, stream, seek)
        timeline = scan(container, stream, start, duration, most, seek)
        if not timeline.times:
            raise UnsamplingError(
                f"video ({name_of(source)}) cannot be read or is damaged: it has no frame; {cure(source)}"
            )
        rates = rates_of(container, stream, timeline)
        return timeline, part_of(timeline, start, duration, most, rates, stream.time_base)


def _length(source) -> float:
    """Seconds from the first frame to the end of the last."""
    with reading(source) as container:
        timeline = scan(container, _with_pictures(container, source), 0.0, 0.0, 0, None)
        return float(timeline.end - timeline.start)


def _with_pictures(container, source):
    """The stream whose pictures a player shows."""
    stream = played(container.streams.video)
    if stream is None and container.streams.video:
        raise UnsamplingError(
            f"video ({name_of(source)}) cannot be read: this FFmpeg has no decoder for its pictures;"
            " convert it to H.264"
        )
    if stream is None:
        raise UnsamplingError(
            f"video ({name_of(source)}) has no moving pictures", Cause.VIDEO_WITHOUT_PICTURES
        )
    return stream


def _shots(container, stream, timeline: Timeline, part: Part, damage: Damage, said: list) -> Iterator[tuple]:
    """The frames of the part with their times, as they are decoded."""
    if timeline.seek is not None:
        seek_to(container, stream, timeline.seek)
    given = islice(packets(container, stream), timeline.skip, None)
    time_of = timeline.clock(stream.time_base)
    for frame in decoded(given, _decoder(stream, said), damage):
        time = time_of(frame)
        if part.stop is not None and time >= part.stop:
            return
        if time >= part.first:
            yield max(time, part.begin), frame


def _decoder(stream, said: list):
    """What decodes the stream, its alpha too."""
    name = KEEPS_ALPHA.get(stream.codec_context.name)
    if name is None or stream.metadata.get("alpha_mode") != "1":
        return stream.codec_context
    try:
        return av.CodecContext.create(name, "r")
    except (FFmpegError, ValueError):  # an FFmpeg without libvpx
        said.append("its alpha is left out: this FFmpeg has no libvpx")
        return stream.codec_context


def _filled(shots: Iterator[tuple], pictures: Pictures, part: Part, wanted: Wanted, tick: Callable):
    """Rows of the frames that are wanted, None without any; their times, and that of the last frame met."""
    rows, times, taken, size = None, [], None, (0, 0)
    shown = by_time(shots, part.begin, part.rate, part.count) if part.by_time else shots
    last = part.begin
    for at, shot in enumerate(shown):
        last = max(last, shot[0])
        if at % wanted.every_nth:
            continue
        if rows is None:
            size = wanted.size(*pictures.shape(shot[1]))
            rows = Rows(wanted.count(part.count), size, wanted.again)
        if shot is taken:
            rows.repeat()
        else:
            rows.add(scaled(pictures(shot[1]), size))
        taken = shot
        times.append(shot[0])
        tick()
        if len(times) == wanted.most:
            break
    return rows, times, last


def _settled(rows: Rows, times: list[Fraction], last: Fraction, part: Part, wanted: Wanted) -> Fraction:
    """Has frames that are short of their number, since some could not be decoded, last as long as the part.

    last: the time of the last one that was read. Returns: what the rate is to be multiplied by: a frame that
    is missing slows the others; where that would show some a frame too early, they are kept in their times by
    repeating those before the gaps.
    """
    seconds = part.natural - part.begin - (part.last - last if last < part.last else 0)
    due = ceil(Fraction(round(seconds * part.rate), wanted.every_nth))
    due = min(due, wanted.most) if wanted.most else due
    if rows.count == due:
        return Fraction(1)
    rate = part.rate / wanted.every_nth
    if all(abs((time - times[0]) * rate - at) <= 1 for at, time in enumerate(times)):
        return Fraction(rows.count, due)
    places = by_time(zip(times, range(len(times)), strict=True), times[0], rate, min(due, rows.room))
    rows.place([at for _, at in places])
    return Fraction(1)


def _left_out(timeline: Timeline, damage: Damage, part: Part) -> Iterator[str]:
    """What is to be said of a file that is damaged, or whose rate varies."""
    if damage.bad:
        damaged = f"{damage.bad} of {damage.packets} packets of its pictures are damaged"
        yield f"{damaged}: what cannot be decoded is left out"
    if timeline.missing:
        yield timeline.missing
    if part.by_time:
        rate = f"{float(part.rate):.4g} a second"
        yield f"its frame rate varies: {part.count} frames are chosen by time, at {rate}"

"""When each frame of a video file is shown, read from its packets without decoding them, and which frames at
which rate stand for a part of it. A header's length, count and rate are not trusted: recorders write 1,000
frames a second, or two hours of sound for a second of pictures."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, repeat
from math import ceil
from statistics import median

import av
from av.error import FFmpegError

from .reading import packets

# Formats with an index, in which a time is found without reading up to it.
INDEXED = ("mov", "matroska")
REORDERED = 16  # frames by which the order of decoding may differ from that of showing (H.264, HEVC)
LEAP = 10  # seconds, as in ffmpeg: in an MPEG stream a longer one is a joint of two recordings
LATE = 0.25  # seconds by which a file may end before what its header tells
STILL = Fraction(3, 2)  # usual gaps between two frames, from which on the first counts as still shown
USUAL_RATE = Fraction(25)
NO_TIMES = 0x80  # FFmpeg's flag AVFMT_NOTIMESTAMPS
FILLED = 2  # times the frames that there are: so many may come of them at their usual rate


class Clock:
    """Times that go on where a joined file begins again.

    shifts: seconds to add in each piece of the file; those of pieces not met yet are added to the list.
    """

    def __init__(self, shifts: list[Fraction], gap: Fraction, leap: float, piece: int = 0):
        self.shifts, self.piece, self.gap = shifts, piece, gap
        self._leap = leap
        self._first: Fraction | None = None
        self._last = Fraction(0)  # means nothing before there is a first
        self._stamp: Fraction | None = None
        self.latest: Fraction | None = None

    def __call__(self, stamp: Fraction | None, order: Fraction | None) -> Fraction:
        """The time of a frame that is stamped so, in seconds; order: the stamp by which a joint is told."""
        if stamp is None:  # a raw stream has none
            stamp = order = Fraction(0) if self._stamp is None else self._stamp + self.gap
        if order is not None:
            if self._first is not None and self._is_joint(order, self._first):
                self.piece, self._first = self.piece + 1, None
                if self.piece == len(self.shifts):
                    self.shifts.append((self.latest or 0) + self.gap - stamp)
            self._first, self._last = order if self._first is None else self._first, order
        time = stamp + self.shifts[self.piece]
        self._stamp, self.latest = stamp, time if self.latest is None else max(self.latest, time)
        return time

    def _is_joint(self, order: Fraction, first: Fraction) -> bool:
        back = self._last - order
        return order <= first or back > REORDERED * self.gap or -back > self._leap


@dataclass(frozen=True)
class Timeline:
    """The frames of a file around a part of it.

    times: seconds at which they are shown, rising; of a joined file one piece after the other. start: of the
    first frame of the file. end: when the last one ends. gap: the usual time from one to the next. missing: a
    sentence, where the file ends before the end that it tells.
    stamped: whether the file says when each frame is shown; an AVI says when it is decoded.
    seek, skip, piece: where to begin decoding: seconds to seek to, packets to pass over, and their piece.
    """

    times: list[Fraction]
    start: Fraction
    end: Fraction
    gap: Fraction
    missing: str
    shifts: list[Fraction]
    leap: float
    stamped: bool
    seek: Fraction | None
    skip: int
    piece: int
    resumed: Fraction

    def clock(self, base: Fraction) -> Callable[[av.VideoFrame], Fraction]:
        """Tells the time of each frame as it is decoded, the first one of the packet where that begins."""
        clock = Clock(self.shifts, self.gap, self.leap, self.piece)
        turn = iter(self.times[bisect_left(self.times, self.resumed) :])

        def time_of(frame: av.VideoFrame) -> Fraction:
            if not self.stamped:  # frames come in the order in which they are shown
                return next(turn, self.end)
            stamp = _seconds(frame.dts if frame.pts is None else frame.pts, base)
            return clock(stamp, stamp)

        return time_of


@dataclass(frozen=True)
class Part:
    """The frames that stand for a part of a file, in seconds on the file's clock.

    end: of what they span. natural: when the last one ends, which may be a little later. first: the time of
    the first one, which may lie before begin: it is still shown then. last: of the last one. stop: where the
    part was told to end. by_time: whether frames are left out and repeated, since in their own order some
    would be shown a frame too early or late.
    """

    begin: Fraction
    end: Fraction
    natural: Fraction
    first: Fraction
    last: Fraction
    stop: Fraction | None
    count: int
    rate: Fraction
    by_time: bool


def rates_of(container, stream, timeline: Timeline) -> list[Fraction]:
    """The rates that the file tells, the likeliest first."""
    return [1 / timeline.gap] if has_no_times(container) else told_rates(stream)


def told_rates(stream) -> list[Fraction]:
    return [Fraction(rate) for rate in (stream.average_rate, stream.guessed_rate) if rate]


def has_no_times(container) -> bool:
    """Whether the format is a raw stream: it says at most how long frames last, and FFmpeg makes up when."""
    return bool(container.format.flags & NO_TIMES)


def leap_of(container) -> float:
    """Seconds from which a gap in the times is a joint of two recordings."""
    return LEAP if container.format.name.startswith("mpeg") else float("inf")


def landing(container, stream, start: float) -> Fraction | None:
    """The time to seek to for what is shown `start` seconds after the first frame; None where it has to be
    read from the beginning. Leaves the file somewhere."""
    indexed = any(name in container.format.name for name in INDEXED)
    if start <= 0 or not indexed or stream.start_time is None:
        return None
    wanted = stream.start_time + int(start / stream.time_base)
    try:
        seek_to(container, stream, wanted * stream.time_base)
    except FFmpegError:
        return None
    key = next((packet for packet in packets(container, stream) if packet.is_keyframe), None)
    found = key is not None and key.pts is not None and key.pts <= wanted
    return wanted * stream.time_base if found else None


def seek_to(container, stream, time: Fraction) -> None:
    container.seek(int(time / stream.time_base), stream=stream)


def scan(container, stream, start: float, duration: float, most: int, seek: Fraction | None) -> Timeline:
    """Reads the packets of a file up to the end of a part.

    start: seconds after the first frame. duration: 0 up to the end. most: how many frames are wanted at the
    most, 0 all. seek: what landing() found; the file is to be there.
    """
    base, gap = stream.time_base, 1 / (told_rates(stream) or [USUAL_RATE])[0]
    clock, bare = Clock([Fraction(0)], gap, leap_of(container)), has_no_times(container)
    origin = None if seek is None else stream.start_time * base
    low, high = whole_ticks(start, base), whole_ticks(start + duration, base) if duration else None
    shown, found, last_length, beyond, within = [], 0, 0, 0, 0
    reached = Fraction(0)
    ended = stamped = True
    for packet in packets(container):
        stamp, order = (None, None) if bare else (packet.pts, packet.dts)
        stamp = order if stamp is None else stamp
        if stamp is not None and packet.time_base:
            reached = max(reached, (stamp + (packet.duration or 0)) * packet.time_base)
        found += packet.stream.index == stream.index
        if packet.stream.index != stream.index or packet.is_discard:
            continue
        stamped = stamped and stamp is not None
        time = clock(_seconds(stamp, base), _seconds(order, base))
        clock.gap = packet.duration * base if bare and packet.duration else clock.gap
        shown.append((time, packet.is_keyframe, clock.piece))
        last_length = packet.duration if time == clock.latest else last_length
        origin = time if origin is None else min(origin, time)
        within += time - origin >= low
        beyond += high is not None and time - origin >= high
        if beyond > 2 * REORDERED or (most and within > most + 2 * REORDERED):
            ended = False
            break
    times = sorted(time for time, _, _ in shown)
    gaps = [later - earlier for earlier, later in pairwise(times) if later > earlier]
    gap = median(gaps) if gaps else gap
    stamped = stamped and "avi" not in container.format.name
    # where the order is that of decoding, frames behind a key may be shown, and need what is, before it
    keys = [at for at, (_, key, _) in enumerate(shown) if key] if seek is None and stamped else []
    skip = max((at for at in keys if shown[at][0] - origin <= low), default=0)
    return Timeline(
        times,
        origin or Fraction(0),
        times[-1] + (last_length * base or gap) if times else Fraction(0),
        gap,
        _missing(container, stream, found, reached) if ended and seek is None else "",
        clock.shifts,
        leap_of(container),
        stamped,
        seek,
        skip,
        shown[skip][2] if shown else 0,
        shown[skip][0] if shown else Fraction(0),
    )


def whole_ticks(seconds: float, base: Fraction) -> Fraction:
    """Seconds in whole ticks of a stream, as core's nodes cut."""
    return int(seconds / base) * base


def _seconds(stamp: int | None, base: Fraction) -> Fraction | None:
    return None if stamp is None else stamp * base


def _missing(container, stream, found: int, reached: Fraction) -> str:
    """What a file tells beyond its end, in formats whose header can be trusted in that."""
    if "mov" in container.format.name and stream.frames > found:
        return f"its end is missing: {found} of {stream.frames} frames are there"
    told = (container.duration or 0) / av.time_base
    if "matroska" in container.format.name and told - reached > LATE:
        return f"its end is missing: {float(reached):.1f} of {told:.1f} seconds are there"
    return ""


def part_of(
    timeline: Timeline, start: float, duration: float, most: int, rates: list[Fraction], base: Fraction
) -> Part | None:
    """Which frames stand for `duration` seconds from `start` on, and at which rate; None without any.

    As many as there are, at a rate by which they last as long as the part, in their own order where that
    shows none of them a frame too early or too late. Else they are chosen by time, at their usual rate where
    that makes at most FILLED times as many.
    """
    times = timeline.times
    begin = timeline.start + whole_ticks(start, base)
    stop = timeline.start + whole_ticks(start + duration, base) if duration else None
    end = min(timeline.end, timeline.start + Fraction(start + duration)) if duration else timeline.end
    low = bisect_left(times, begin)
    shown = times[low:] if stop is None else times[low : bisect_left(times, stop)]
    first = shown[0] if shown else None
    following = times[low] if low < len(times) else timeline.end
    lead = min(following, end) - begin
    if low and lead >= timeline.gap and following - times[low - 1] > timeline.gap * STILL:
        shown, first = [begin, *shown], times[low - 1]
    if first is None:
        return None
    cut = bool(most) and len(shown) > most
    shown = shown[:most] if cut else shown
    behind = bisect_right(times, shown[-1])
    following = times[behind] if behind < len(times) else timeline.end
    end = min(end, following) if cut else end
    natural = following if following <= end + timeline.gap else end

    def part(count: int, rate: Fraction, by_time: bool) -> Part:
        return Part(shown[0], end, natural, first, shown[-1], stop, count, rate, by_time)

    for rate in (*rates, len(shown) / (natural - shown[0])):
        if _in_order(shown, natural, end, rate):
            return part(len(shown), rate, by_time=False)
    # at the usual rate a pause is filled by the frame before it, and no other frame is left out for it
    filled = round((end - shown[0]) / timeline.gap)
    fits = len(shown) <= filled <= FILLED * len(shown) and not (most and filled > most)
    count = filled if fits else len(shown)
    return part(count, count / (end - shown[0]), by_time=True)


def _in_order(times: list[Fraction], natural: Fraction, end: Fraction, rate: Fraction) -> bool:
    """Whether frames one after the other at that rate are never a frame too early or too late."""
    count, begin = len(times), times[0]
    return (
        abs(count - (natural - begin) * rate) < Fraction(1, 2)
        and count - (end - begin) * rate < 1
        and all(abs((time - begin) * rate - at) < 1 for at, time in enumerate(times))
    )


def by_time(shots: Iterable[tuple], begin: Fraction, rate: Fraction, count: int) -> Iterator[tuple]:
    """Of frames, each a tuple with its time first, the one that is shown at each place of a rate: left out
    where they come faster, repeated where they come slower."""
    at, shown = 0, None
    for shot in shots:
        place = min(ceil((shot[0] - begin) * rate - Fraction(1, 2)), count)
        for _ in range(at, place):
            yield shot if shown is None else shown
        at, shown = max(at, place), shot
    if shown is not None:
        yield from repeat(shown, count - at)

"""A video file opened, and as much of it read as can be: damaged packets are left out and counted."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
from av.error import FFmpegError
from av.stream import Disposition

from ..errors import UnsamplingError

TRIES = 8  # how often in a row a file may fail to give a packet before it counts as ended
MP4 = (".mp4", ".m4v", ".mov")
IMPAIRED = Disposition.hearing_impaired | Disposition.visual_impaired | Disposition.comment


@dataclass
class Damage:
    """How many packets there were, and how many of them are damaged."""

    packets: int = 0
    bad: int = 0


@contextmanager
def reading(source) -> Iterator:
    """The file open, and whatever goes wrong in it said in a sentence.

    source: a path, or an open file.
    """
    if hasattr(source, "seek"):
        source.seek(0)
    with readable(f"video ({name_of(source)})", cure(source)), av.open(source) as container:
        yield container


@contextmanager
def readable(name: str, cured_by: str = "convert it to MP4") -> Iterator[None]:
    """Says in a sentence, with that name, what FFmpeg could not read."""
    try:
        yield
    except FFmpegError as error:
        raise UnsamplingError(
            f"{name} cannot be read or is damaged ({error.strerror}); {cured_by}"
        ) from error


def name_of(source) -> str:
    return "in memory" if hasattr(source, "seek") else Path(source).name


def cure(source) -> str:
    """What to do about a file that cannot be read: to convert to MP4 what is MP4 would not help."""
    if not hasattr(source, "seek") and Path(source).suffix.lower() in MP4:
        return "copy or export it once more"
    return "convert it to MP4"


def played(streams: Iterable):
    """Of several tracks the one that a player plays: the default one, else the first. None where none can be
    decoded; a cover picture and a track for the blind only where there is no other."""
    # a stream that FFmpeg has no decoder for has no codec_context, and its packets crash the process
    usable = [stream for stream in streams if stream.codec_context is not None]
    return max(usable, key=_preference, default=None)


def _preference(stream) -> tuple[bool, bool, bool]:
    disposition = Disposition(stream.disposition)
    return (
        not disposition & Disposition.attached_pic,
        not disposition & IMPAIRED,
        bool(disposition & Disposition.default),
    )


def packets(container, *streams) -> Iterator[av.Packet]:
    """The packets of these streams, or of all, as far as the file goes; broken places are passed over."""
    tries = 0
    while tries < TRIES:
        try:
            for packet in container.demux(*streams):
                tries = 0
                if packet.size:  # an empty one would end the decoder
                    yield packet
            return
        except FFmpegError:
            tries += 1


def decoded(given: Iterable[av.Packet], codec, damage: Damage) -> Iterator:
    """The frames in these packets; those that cannot be decoded are counted."""
    for packet in given:
        damage.packets += 1
        damage.bad += packet.is_corrupt
        try:
            yield from codec.decode(packet)
        except FFmpegError:
            damage.bad += not packet.is_corrupt
    try:
        yield from codec.decode(None)
    except FFmpegError:  # of a packet that is counted already
        return

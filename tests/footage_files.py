"""Footage as it comes in: recorders, phones, editors, and what a bad disk or a full one makes of it. Every
picture carries its number in black and white bars, so that a test can read which one it sees."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

HEIGHT, WIDTH, BITS = 96, 128, 8
RATE = 44100
MS = Fraction(1, 1000)
HLG, PQ = 18, 16
QUIET = {"x265-params": "log-level=none"}


def numbered(count: int, height: int = HEIGHT, width: int = WIDTH, first: int = 0) -> list[np.ndarray]:
    """Pictures [height,width,3] that carry their numbers from `first` on in their upper half."""
    made = []
    for number in range(first, first + count):
        picture = np.full((height, width, 3), 128, np.uint8)
        for bit in range(BITS):
            part = slice(bit * width // BITS, (bit + 1) * width // BITS)
            picture[: height // 2, part] = 235 if number >> bit & 1 else 20
        made.append(picture)
    return made


def number_of(frame: np.ndarray) -> int:
    """The number of a picture [height,width,3] from 0 to 1, at any size."""
    height, width = frame.shape[:2]
    centres = [int((bit + 0.5) * width / BITS) for bit in range(BITS)]
    return sum((frame[height // 4, at].mean() > 0.5) << bit for bit, at in enumerate(centres))


def write(
    path: Path,
    pictures: list[np.ndarray],
    times: list[Fraction] | None = None,
    rate: int = 8,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    base: Fraction = Fraction(1, 90000),
    format: str | None = None,
    pixels: str = "rgb24",
    options: dict | None = None,
    muxer: dict | None = None,
    aspect: Fraction | None = None,
    curve: int | None = None,
    sound: tuple = (),
) -> Path:
    """A file of these pictures.

    sound: for each track (seconds, hertz of its tone, samples a second, channels, disposition). curve: the
    transfer curve of HDR.
    """
    times = [Fraction(i, rate) for i in range(len(pictures))] if times is None else times
    with av.open(str(path), "w", format=format, options=muxer or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.codec_context.time_base = pix_fmt, base
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        tracks = [_track(container, *track) for track in sound]
        for picture, time in zip(pictures, times, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format=pixels)
            frame = frame if pix_fmt == pixels else frame.reformat(format=pix_fmt)
            if curve:
                frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range = 9, curve, 9, 1
            frame.pts, frame.time_base = round(time / base), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        for encode in tracks:
            encode(max(times[0], Fraction(0)))
    return path


def _track(container, seconds, hertz, rate=RATE, channels=2, disposition=0) -> Callable[[Fraction], None]:
    track = container.add_stream("aac", rate=rate)
    track.layout = "mono" if channels == 1 else "stereo"
    track.disposition = Disposition(disposition)

    def encode(begin: Fraction) -> None:
        for at in range(0, int(seconds * rate), 1024):
            time = np.arange(at, min(at + 1024, int(seconds * rate))) / rate
            wave = np.tile((0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32), (channels, 1))
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(wave), format="fltp", layout=track.layout.name
            )
            frame.sample_rate, frame.pts = rate, at + round(begin * rate)
            frame.time_base = Fraction(1, rate)
            container.mux(track.encode(frame))
        container.mux(track.encode(None))

    return encode


def spoil(path: Path, kind: str, which: slice) -> Path:
    """The file with these packets of its first stream of that kind overwritten by garbage."""
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(**{kind: 0}) if packet.pos]
    raw, chance = bytearray(path.read_bytes()), random.Random(3)
    for at, size in packets[which]:
        raw[at : at + size] = bytes(chance.randrange(256) for _ in range(size))
    path.write_bytes(raw)
    return path


def cut(path: Path, share: float = 0.6) -> Path:
    """The file as a disk leaves it that is full."""
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def joined(path: Path, *parts: Callable[[Path], Path]) -> Path:
    """The files one behind the other, as `copy /b` makes it."""
    path.write_bytes(b"".join(part(path).read_bytes() for part in parts))
    return path


def hdr(path: Path, curve: int, height: int, width: int) -> Path:
    colours = f"log-level=none:colorprim=9:transfer={curve}:colormatrix=9"
    return write(
        path,
        numbered(4, height, width),
        codec="libx265",
        pix_fmt="yuv420p10le",
        options={"x265-params": colours},
        curve=curve,
    )


def with_alpha(count: int) -> list[np.ndarray]:
    """Pictures [height,width,4], opaque in the left quarter only."""
    alpha = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
    alpha[:, : WIDTH // 4] = 255
    return [np.concatenate([picture, alpha], -1) for picture in numbered(count)]


def turned(path: Path, angle: int, **settings) -> Path:
    plain = write(path.with_name(f"plain-{path.name}"), numbered(4), **settings)
    with av.open(str(plain)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(angle)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return path


def recorder_times(count: int = 60) -> list[Fraction]:
    chance, times = random.Random(1), [Fraction(0)]
    while len(times) < count:
        times.append(times[-1] + chance.choice([8, 16, 17, 33, 34, 50, 120]) * MS)
    return times


GAP = [0 * MS, 1 * MS, 2 * MS] + [60 + Fraction(i, 2) for i in range(10)]
PHONE = [Fraction(i, 30) for i in range(60)] + [2 + Fraction(i, 15) for i in range(30)]
DARK = [Fraction(i, 10) for i in range(10)] + [1 + Fraction(i, 2) for i in range(6)]
FAST_START = {"movflags": "+faststart"}
STEREO = ((3, 440),)
NO_B = {"bf": "0"}


def shifted(seconds: Fraction, count: int = 24) -> list[Fraction]:
    return [seconds + Fraction(i, 8) for i in range(count)]


MAKERS: dict[str, Callable[[Path], Path]] = {
    # memory and time
    "recorder.webm": lambda p: write(p, numbered(60), recorder_times(), 1000, "libvpx", base=MS),
    "gap.mkv": lambda p: write(p, numbered(13), GAP, 1000, base=MS),
    "phone.mp4": lambda p: write(p, numbered(90), PHONE, 30, options=NO_B, sound=((4, 440),)),
    "dark.mkv": lambda p: write(p, numbered(16), DARK, 10, options=NO_B, sound=((4, 440),)),
    "long_sound.mkv": lambda p: write(p, numbered(24), rate=24, sound=((40, 440, 8000, 1),)),
    "late.mkv": lambda p: write(p, numbered(24), shifted(Fraction(3600)), sound=STEREO),
    "late.mp4": lambda p: write(p, numbered(24), shifted(Fraction(3600))),
    "late.ts": lambda p: write(p, numbered(24), shifted(Fraction(100)), format="mpegts", sound=STEREO),
    "fragments.mp4": lambda p: write(
        p, numbered(24), muxer={"movflags": "+frag_keyframe+empty_moov"}, options={"g": "8"}, sound=STEREO
    ),
    "edited.mp4": lambda p: write(p, numbered(24), shifted(Fraction(-1))),
    "raw.h264": lambda p: write(p, numbered(24), format="h264"),
    "raw.hevc": lambda p: write(p, numbered(24), codec="libx265", options=QUIET | {"g": "6"}, format="hevc"),
    "timed.h264": lambda p: write(
        p, numbered(24), rate=12, base=Fraction(1, 12), options={"g": "6"}, format="h264"
    ),
    "raw.m2v": lambda p: write(
        p,
        numbered(24),
        codec="mpeg2video",
        rate=30,
        base=Fraction(1, 30),
        options={"bf": "2"},
        format="mpeg2video",
    ),
    "raw.m1v": lambda p: write(
        p, numbered(24), codec="mpeg1video", rate=24, base=Fraction(1, 24), format="mpeg1video"
    ),
    "raw.m4v": lambda p: write(p, numbered(24), codec="mpeg4", rate=24, base=Fraction(1, 24), format="m4v"),
    "raw.mjpeg": lambda p: write(p, numbered(24), codec="mjpeg", pix_fmt="yuvj420p", format="mjpeg"),
    "open.avi": lambda p: write(
        p, numbered(24), codec="mpeg4", base=Fraction(1, 8), options={"bf": "2", "g": "6"}
    ),
    "reordered.avi": lambda p: write(p, numbered(24), base=Fraction(1, 8)),
    "packed.avi": lambda p: write(p, numbered(24), codec="mpeg4", base=Fraction(1, 8), options={"bf": "2"}),
    "joined.ts": lambda p: joined(p, *[_ts(Fraction(0), 0), _ts(Fraction(0), 24)]),
    "leaping.ts": lambda p: joined(p, *[_ts(Fraction(0), 0), _ts(Fraction(500), 24)]),
    "joined.mkv": lambda p: joined(
        p, *[lambda p, first=first: write(p, numbered(24, first=first)) for first in (0, 24)]
    ),
    "sizes.ts": lambda p: joined(p, _ts(Fraction(0), 0), _ts(Fraction(0), 24, 72, 100)),
    # damage
    "bad_packet.mp4": lambda p: spoil(
        write(p, numbered(48, 192, 256), options={"g": "8", "crf": "18"}), "video", slice(20, 21)
    ),
    "bad_group.mp4": lambda p: spoil(
        write(p, numbered(48), options={"g": "8"} | NO_B, sound=((6, 440),)), "video", slice(16, 24)
    ),
    "bad_start.mov": lambda p: spoil(write(p, numbered(24), options={"g": "4"} | NO_B), "video", slice(0, 4)),
    "bad_dark.mov": lambda p: spoil(
        write(p, numbered(16), DARK, 10, codec="mjpeg", pix_fmt="yuvj420p"), "video", slice(4, 6)
    ),
    "nothing.mp4": lambda p: spoil(write(p, numbered(24)), "video", slice(None)),
    "cut.mp4": lambda p: cut(write(p, numbered(24), muxer=FAST_START, sound=STEREO)),
    "cut.mkv": lambda p: cut(write(p, numbered(24), sound=STEREO)),
    "cut.ts": lambda p: cut(_ts(Fraction(0), 0)(p)),
    # shape
    "wide.mp4": lambda p: write(p, numbered(8, 108, 144), aspect=Fraction(4, 3)),
    "tall.mkv": lambda p: write(p, numbered(8), aspect=Fraction(2, 3)),
    "wide_turned.mov": lambda p: turned(p, 90, aspect=Fraction(2)),
    "upside_down.mov": lambda p: turned(p, 180),
    # sound
    "bad_sound.mp4": lambda p: spoil(write(p, numbered(16), sound=((2, 440),)), "audio", slice(20, 24)),
    "no_good_sound.mp4": lambda p: spoil(write(p, numbered(16), sound=((2, 440),)), "audio", slice(None)),
    "changing.ts": lambda p: joined(
        p, _ts(Fraction(0), 0, sound=(3, 440, 44100, 1)), _ts(Fraction(0), 24, sound=(3, 440, 48000, 2))
    ),
    "second_default.mkv": lambda p: write(p, numbered(24), sound=_two(0, Disposition.default)),
    "second_default.mp4": lambda p: write(p, numbered(24), sound=_two(0, Disposition.default)),
    "first_default.mkv": lambda p: write(p, numbered(24), sound=_two(Disposition.default, 0)),
    "for_the_blind.mkv": lambda p: write(p, numbered(24), sound=_two(Disposition.visual_impaired, 0)),
    # colours
    "hlg.mp4": lambda p: hdr(p, HLG, HEIGHT, WIDTH),
    "pq.mp4": lambda p: hdr(p, PQ, HEIGHT, WIDTH),
    "pq_odd.mkv": lambda p: hdr(p, PQ, 90, 130),
    "matte.mov": lambda p: write(p, with_alpha(8), codec="prores_ks", pix_fmt="yuva444p10le", pixels="rgba"),
    "matte.webm": lambda p: write(p, with_alpha(8), codec="libvpx-vp9", pix_fmt="yuva420p", pixels="rgba"),
    "matte.png": lambda p: write(
        p, with_alpha(1), codec="png", pix_fmt="rgba", pixels="rgba", format="image2"
    ),
    "matte.apng": lambda p: write(
        p, with_alpha(8), codec="apng", pix_fmt="rgba", pixels="rgba", format="apng"
    ),
}


def _ts(begin: Fraction, first: int, height: int = HEIGHT, width: int = WIDTH, sound=(3, 440)):
    return lambda path: write(
        path, numbered(24, height, width, first), shifted(begin), format="mpegts", sound=(sound,)
    )


def _two(one: int, other: int) -> tuple:
    """Two tracks of 440 and 880 Hz."""
    return ((3, 440, RATE, 1, int(one)), (3, 880, RATE, 1, int(other)))


def make(name: str, folder: Path) -> Path:
    """Write one file of MAKERS into the folder; its path."""
    return MAKERS[name](Path(folder) / name)

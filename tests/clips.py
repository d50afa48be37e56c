"""Test clips as users have them: photographic content, in containers, sizes and timings that occur."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from demo.video import pan_over_photograph, write_video

FPS = Fraction(8)
RATE = 44100
# A phone's clock under load: long and short gaps, none of them the nominal 1/8 s.
GAPS = [Fraction(ms, 1000) for ms in (100, 150, 117, 133, 290, 41, 125, 94, 160, 102, 211)]


def plain(path: Path) -> None:
    """16 frames of 128x96 at 8 fps, H.264."""
    write_video(path, pan_over_photograph(16, 96, 128), FPS)


def odd(path: Path) -> None:
    """12 frames of 101x67 in H.264, which has odd sizes only without chroma subsampling (yuv444p)."""
    write_video(path, pan_over_photograph(12, 67, 101), FPS)


def odd_webm(path: Path) -> None:
    """12 frames of 101x67 in VP9 and yuv420p: what a browser's recorder writes for a window of odd size."""
    with av.open(str(path), "w", format="webm") as container:
        stream = container.add_stream("libvpx-vp9", rate=FPS, options={"crf": "20", "b": "0"})
        stream.width, stream.height, stream.pix_fmt = 101, 67, "yuv420p"
        for i, picture in enumerate(pan_over_photograph(12, 67, 101)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = i, 1 / FPS
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def single(path: Path) -> None:
    """One frame."""
    write_video(path, pan_over_photograph(1, 96, 128), FPS)


def sound(path: Path) -> None:
    """16 frames with two seconds of stereo AAC: a tone of 440 Hz left, 660 Hz right."""
    time = np.arange(2 * RATE) / RATE
    audio = np.stack([0.3 * np.sin(2 * np.pi * hertz * time) for hertz in (440, 660)]).astype(np.float32)
    write_video(path, pan_over_photograph(16, 96, 128), FPS, audio, RATE)


def variable(path: Path) -> None:
    """12 frames at a variable rate."""
    times = [sum(GAPS[:i], Fraction(0)) for i in range(len(GAPS) + 1)]
    write_video(path, pan_over_photograph(len(times), 96, 128), FPS, timestamps=times)


CLIPS: dict[str, Callable[[Path], None]] = {
    "plain.mp4": plain,
    "odd.mp4": odd,
    "odd.webm": odd_webm,
    "single.mp4": single,
    "sound.mp4": sound,
    "variable.mp4": variable,
}


def make_clip(name: str, folder: str | Path) -> Path:
    """Write one clip of CLIPS into the folder; its path."""
    path = Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    CLIPS[name](path)
    return path

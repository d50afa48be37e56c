"""The sound of a part of a video, as much of it as can be read: it never takes the pictures down."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from fractions import Fraction

import av
import numpy as np
import torch
from av.error import FFmpegError

from ..errors import UnsamplingError
from .reading import Damage, decoded, packets, played, reading
from .timeline import INDEXED, Clock, leap_of, seek_to

LEAD_IN = 0.2  # seconds that a decoder may need before what it gives out is whole
ADRIFT = 0.1  # seconds by which stamps may be off, as ffmpeg has it, before they count more than the order
PIECE = Fraction(1024, 48000)  # seconds of a usual packet


def sound_of_file(
    source,
    begin: float,
    end: float,
    shifts: Sequence[Fraction] = (Fraction(0),),
    say: Callable[[str], None] = lambda _: None,
) -> dict | None:
    """The sound of these seconds of a file as an AUDIO, silent where it has none; None without any.

    shifts: seconds to add in each piece of a joined file. say: called with a sentence for what is missing.
    """
    damage = Damage()
    try:
        with reading(source) as container:
            stream = played(container.streams.audio)
            if stream is None:
                if container.streams.audio:
                    say("its sound is left out: this FFmpeg has no decoder for it")
                return None
            pieces, rate = _pieces(container, stream, begin, end, shifts, damage)
    except (UnsamplingError, FFmpegError, ValueError, ArithmeticError) as error:
        say(f"its sound is left out: it cannot be read ({error})")
        return None
    if not pieces:
        damaged = f" ({damage.bad} of {damage.packets} packets are damaged)" if damage.bad else ""
        say(f"its sound is left out: there is none in the time of its pictures{damaged}")
        return None
    if damage.bad:
        say(f"{damage.bad} of {damage.packets} packets of its sound are damaged: it is silent there")
    return {"waveform": _joined(pieces, round((end - begin) * rate)), "sample_rate": rate}


def sound_cut(sound: dict | None, seconds: float) -> dict | None:
    """The first seconds of an AUDIO."""
    if sound is None:
        return None
    return sound | {"waveform": sound["waveform"][..., : round(seconds * sound["sample_rate"])]}


def _pieces(container, stream, begin: float, end: float, shifts, damage: Damage) -> tuple[list, int]:
    """Samples [channels,n] each with its place behind begin, and their rate."""
    if len(shifts) == 1 and any(name in container.format.name for name in INDEXED):
        with suppress(FFmpegError):  # without an index it is read from the beginning
            seek_to(container, stream, Fraction(max(begin - LEAD_IN, 0.0)))
    clock, pieces, resampled, at, lost = Clock(list(shifts), PIECE, leap_of(container)), [], None, None, 0
    for frame in decoded(packets(container, stream), stream.codec_context, damage):
        stamp = None if frame.pts is None else frame.pts * stream.time_base
        time = clock(stamp, stamp)
        if time >= end:
            break
        if resampled is None:
            resampled = _Resampled(frame)
        samples = resampled(frame)
        place = round((time - Fraction(begin)) * resampled.rate)
        if at is not None and lost == damage.bad and abs(place - at) <= ADRIFT * resampled.rate:
            place = at
        at, lost = place + samples.shape[1], damage.bad
        if at > 0:
            pieces.append((place, samples))
    return pieces, resampled.rate if resampled else 0


class _Resampled:
    """Frames of sound at the rate and in the channels of the first."""

    def __init__(self, frame: av.AudioFrame):
        self.rate, self._layout, self._kind = frame.sample_rate, frame.layout, None

    def __call__(self, frame: av.AudioFrame) -> np.ndarray:
        kind = frame.format.name, frame.layout.name, frame.sample_rate
        if kind != self._kind:  # PyAV's resampler passes on what differs from its first frame
            self._resampler = av.AudioResampler(format="fltp", layout=self._layout, rate=self.rate)
            self._kind = kind
        parts = [part.to_ndarray() for part in self._resampler.resample(frame)]
        return np.concatenate(parts, 1) if parts else np.zeros((self._layout.nb_channels, 0), np.float32)


def _joined(pieces: list[tuple[int, np.ndarray]], most: int) -> torch.Tensor:
    """The pieces at their places as [1,channels,samples], silence between them."""
    length = min(most, max(place + samples.shape[1] for place, samples in pieces))
    wave = np.zeros((pieces[0][1].shape[0], length), np.float32)
    for place, samples in pieces:
        samples = samples[:, max(0, -place) :]
        place = max(0, place)
        wave[:, place : place + samples.shape[1]] = samples[:, : max(0, length - place)]
    return torch.from_numpy(wave)[None]

"""Frames of a video at the size that is wanted (unsampling/video/footage.py)."""

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
from clips import FPS, GAPS, RATE, make_clip
from torch.nn import functional

from demo.video import pan_over_photograph, write_video
from unsampling.video import footage

SMALL = 48 * 64 / 1024**2


def wanted(megapixels=SMALL, multiple=8, every_nth=1, most=0, again=0):
    return footage.Wanted(megapixels, multiple, every_nth, most, again)


class Ticks:
    """Stands for the host's progress: what it was told to expect, and how often it was called."""

    def __init__(self):
        self.expected = self.seen = 0

    def __call__(self, expected):
        self.expected = expected
        return self.tick

    def tick(self):
        self.seen += 1


def of_file(path, start=0.0, duration=0.0, ticks=None, **settings):
    return footage.of_file(str(path), start, duration, wanted(**settings), ticks or Ticks())


def frames_of(path, *args, **settings):
    return of_file(path, *args, **settings).frames


def of_images(images, rate, **settings):
    return footage.of_images(images, rate, wanted(**settings), Ticks())


def true(frames, height, width, size):
    """The photograph's pan at that size."""
    pixels = torch.from_numpy(pan_over_photograph(frames, height, width)).movedim(-1, 1).float() / 255
    return functional.interpolate(pixels, size, mode="area").movedim(1, -1)


def error(frames, truth):
    return float((frames - truth).abs().mean())


def test_frames_are_the_clips_at_the_size_asked_for(tmp_path):
    made = of_file(make_clip("plain.mp4", tmp_path))
    frames = made.frames
    assert frames.shape == (16, 48, 64, 3) and made.rate == FPS and (made.begin, made.end) == (0, 2)
    assert error(frames, true(16, 96, 128, (48, 64))) < 0.02  # what the codec costs; 0.15 if upside down
    assert frames.min() >= 0 and frames.max() <= 1


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("odd.mp4", 12),
        ("odd.webm", 12),
        ("single.mp4", 1),
        ("sound.mp4", 16),
        ("variable.mp4", len(GAPS) + 1),
    ],
)
def test_other_clips(tmp_path, name, frames):
    path = make_clip(name, tmp_path)
    found, again = frames_of(path), frames_of(path)
    assert len(found) == frames and torch.equal(found, again)
    height, width = (67, 101) if "odd" in name else (96, 128)
    assert error(found, true(frames, height, width, found.shape[1:3])) < 0.025


@pytest.mark.parametrize(
    ("shape", "megapixels", "multiple", "size"),
    [
        ((1080, 1920), 0.56, 8, (576, 1024)),
        ((720, 1280), 0.25, 8, (384, 680)),
        ((512, 512), 0.25, 8, (512, 512)),
        ((1920, 1080), 0.38, 16, (848, 480)),
        ((4, 4000), 0.01, 8, (8, 3240)),
    ],
)
def test_sizes_keep_the_shape_in_multiples(shape, megapixels, multiple, size):
    assert footage.Wanted(megapixels, multiple, 1, 0).size(*shape) == size


@pytest.mark.parametrize(
    ("every_nth", "most", "kept"),
    [(1, 5, [0, 1, 2, 3, 4]), (3, 0, [0, 3, 6, 9, 12, 15]), (4, 2, [0, 4]), (16, 0, [0]), (99, 7, [0])],
)
def test_every_nth_frame_and_no_more_than_asked_for(tmp_path, every_nth, most, kept):
    path = make_clip("plain.mp4", tmp_path)
    every, ticks = frames_of(path), Ticks()
    found = of_file(path, every_nth=every_nth, most=most, ticks=ticks)
    assert torch.equal(found.frames, every[kept])
    assert found.rate == FPS / every_nth and ticks.expected == ticks.seen == len(kept)
    assert found.end == pytest.approx(len(kept) * every_nth / FPS)
    images = of_images(every, FPS, every_nth=every_nth, most=most)
    assert torch.equal(images.frames, every[kept]) and (images.rate, images.end) == (found.rate, found.end)


@pytest.mark.parametrize(
    ("start", "duration", "kept"),
    [(0.5, 0.0, range(4, 16)), (0.5, 1.0, range(4, 12)), (1.999, 0.0, []), (0.51, 0.2, [5])],
)
def test_a_part_of_the_clip(tmp_path, start, duration, kept):
    path = make_clip("plain.mp4", tmp_path)
    if not kept:
        with pytest.raises(footage.UnsamplingError, match=r"video \(plain.mp4\) has no frame in the time"):
            of_file(path, start, duration)
        return
    made = of_file(path, start, duration)
    assert torch.equal(made.frames, frames_of(path)[list(kept)])
    assert made.begin == pytest.approx(kept[0] / 8)
    assert made.end == pytest.approx(min(kept[-1] / 8 + 0.125, start + duration if duration else 9))


def promise(monkeypatch, count: int) -> None:
    """Has every part of a clip promise that many frames."""
    part_of = footage.part_of
    monkeypatch.setattr(footage, "part_of", lambda *given: replace(part_of(*given), count=count))


def spare(frames) -> int:
    """How many frames more the memory has room for."""
    return frames.untyped_storage().nbytes() // frames[0].nbytes - len(frames)


@pytest.mark.parametrize("promised", [15, 16, 17])
@pytest.mark.parametrize("again", [0, 3])
def test_a_promise_that_is_off_by_one_makes_no_second_copy(tmp_path, monkeypatch, promised, again):
    """Frames that cannot be decoded are promised too; joining two pieces would hold the clip twice."""
    path = make_clip("plain.mp4", tmp_path)
    promise(monkeypatch, promised)
    monkeypatch.setattr(torch, "cat", lambda *_: pytest.fail("copied"))
    assert len(of_file(path, again=again).frames) == 16 + again


@pytest.mark.parametrize("promised", [0, 1, 16, 19, 40])
@pytest.mark.parametrize("most", [0, 1])
def test_the_last_frame_again_is_behind_the_clip_and_counts_for_nothing_else(
    tmp_path, monkeypatch, promised, most
):
    path = make_clip("plain.mp4", tmp_path)
    plain = of_file(path, most=most)
    images = of_images(plain.frames, FPS, again=3)
    promise(monkeypatch, promised)
    for made in (of_file(path, most=most, again=3), images):
        assert made.count == len(plain.frames) == plain.count == (most or 16)
        assert torch.equal(made.frames, torch.cat([plain.frames, plain.frames[-1:].expand(3, -1, -1, -1)]))
        assert spare(made.frames) <= 1 + made.count // 16
        assert (made.begin, made.end, made.rate) == (plain.begin, plain.end, plain.rate)


@pytest.mark.parametrize("promised", [0, 1, 3, 16, 40])
def test_a_clip_of_other_frames_than_promised(tmp_path, monkeypatch, promised):
    promise(monkeypatch, promised)
    frames = frames_of(make_clip("plain.mp4", tmp_path))
    assert len(frames) == 16 and spare(frames) <= 2
    assert error(frames, true(16, 96, 128, (48, 64))) < 0.02


@pytest.mark.parametrize(
    ("name", "start", "duration", "frames"),
    [
        ("odd.webm", 0.0, 0.0, 12),
        ("odd.webm", 0.0, 3600.0, 12),
        ("odd.webm", 1.0, 3600.0, 4),
        ("plain.mp4", 0.5, 3600.0, 12),
        ("variable.mp4", 0.0, 0.0, 12),
    ],
)
def test_room_is_made_for_the_frames_that_there_are(tmp_path, name, start, duration, frames):
    ticks = Ticks()
    assert len(frames_of(make_clip(name, tmp_path), start, duration, ticks)) == frames
    assert abs(ticks.expected - frames) <= 1


def test_a_rotated_clip_is_upright(tmp_path):
    """A phone's: stored on its side, with a flag."""
    path = tmp_path / "turned.mp4"
    write_video(tmp_path / "plain.mp4", np.rot90(pan_over_photograph(4, 96, 128), -1, (1, 2)).copy(), FPS)
    with av.open(str(tmp_path / "plain.mp4")) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(90) if hasattr(stream, "set_display_rotation") else pytest.skip("no flag")
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    assert error(frames_of(path), true(4, 96, 128, (48, 64))) < 0.02


def heard(path, begin, end):
    """The sound of that time, [channels,samples]."""
    sound = footage.sound_of_file(str(path), begin, end)
    assert sound["sample_rate"] == RATE
    wave = sound["waveform"]
    assert wave.shape[:2] == (1, 2) and abs(wave.shape[2] - (end - begin) * RATE) <= 1
    return wave[0]


def loudness(wave):
    """The level of each tenth of a second: 0.21 where the tones are."""
    parts = wave[:, : wave.shape[1] // 4410 * 4410].unflatten(1, (-1, 4410))
    return parts.square().mean((0, 2)).sqrt()


@pytest.mark.parametrize(("begin", "end"), [(0.0, 2.0), (0.5, 1.5), (1.25, 1.75)])
def test_sound_is_that_of_the_same_time(tmp_path, begin, end):
    wave = heard(make_clip("sound.mp4", tmp_path), begin, end)
    time = torch.arange(wave.shape[1]) / RATE + begin
    for channel, hertz in zip(wave, (440, 660), strict=True):
        tone = 0.3 * torch.sin(2 * torch.pi * hertz * time)
        assert (channel - tone)[3000:-3000].square().mean().sqrt() < 0.03  # the codec fades in and out


def shifted(source, path, pictures, sound):
    """The same file with its streams starting at these seconds."""
    with av.open(str(source)) as given, av.open(str(path), "w", format="matroska") as target:
        streams = {stream: target.add_stream_from_template(stream) for stream in given.streams}
        for packet in given.demux():
            if packet.dts is not None:
                late = int((pictures if packet.stream.type == "video" else sound) / packet.time_base)
                packet.pts, packet.dts = packet.pts + late, packet.dts + late
                packet.stream = streams[packet.stream]
                target.mux(packet)
    return path


def test_a_file_that_does_not_begin_at_0_keeps_its_sound(tmp_path):
    path = shifted(make_clip("sound.mp4", tmp_path), tmp_path / "late.mkv", 3600, 3600)
    made = of_file(path)
    assert len(made.frames) == 16 and made.begin == pytest.approx(3600, abs=0.05)
    levels = loudness(heard(path, made.begin, made.end))
    assert len(levels) >= 19 and (levels[1:19] - 0.21).abs().max() < 0.02


def test_sound_that_begins_later_than_the_pictures_stays_there(tmp_path):
    path = shifted(make_clip("sound.mp4", tmp_path), tmp_path / "quiet.mkv", 0, 0.75)
    levels = loudness(heard(path, 0.0, 2.0))
    assert levels[:7].max() == 0 and (levels[9:] - 0.21).abs().max() < 0.02


def test_sound_of_a_video_in_memory_is_cut_to_its_frames():
    sound = {"waveform": torch.rand(1, 2, 48000), "sample_rate": 8000}
    cut = footage.sound_cut(sound, 1.5)
    assert torch.equal(cut["waveform"], sound["waveform"][..., :12000]) and cut["sample_rate"] == 8000
    assert sound["waveform"].shape[-1] == 48000 and footage.sound_cut(None, 1.0) is None


def test_no_sound_is_none(tmp_path):
    assert footage.sound_of_file(str(make_clip("plain.mp4", tmp_path)), 0.0, 2.0) is None


def test_a_file_that_is_no_video_is_refused_by_name(tmp_path):
    text = tmp_path / "notes.mp4"
    text.write_text("no video")
    told = r"\(notes.mp4\) cannot be read or is damaged \(.*\); copy or export it once more$"
    with pytest.raises(footage.UnsamplingError, match=told):
        of_file(text)
    text = text.rename(tmp_path / "notes.avi")
    with pytest.raises(footage.UnsamplingError, match=r"notes.avi\) cannot.*; convert it to MP4$"):
        of_file(text)


def test_what_another_packs_video_cannot_read_is_said_the_same_way():
    """Its frames come through its own get_components."""
    told = r"^video cannot be read or is damaged \(Invalid data"
    with pytest.raises(footage.UnsamplingError, match=told), footage.readable("video"):
        raise av.error.InvalidDataError(1094995529, "Invalid data found when processing input")
    with pytest.raises(KeyError), footage.readable("video"):
        raise KeyError("frames")


def test_sound_alone_is_refused(tmp_path):
    path = tmp_path / "sound.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=RATE)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(footage.UnsamplingError, match=r"video \(sound.m4a\) has no moving pictures"):
        of_file(path)


def test_frames_in_memory_are_scaled_too():
    images = torch.from_numpy(pan_over_photograph(3, 96, 128)).float() / 255
    found = of_images(images, Fraction(24))
    assert found.rate == 24
    torch.testing.assert_close(found.frames, true(3, 96, 128, (48, 64)))
    with pytest.raises(footage.UnsamplingError, match="video has no frame"):
        of_images(images[:0], Fraction(24))

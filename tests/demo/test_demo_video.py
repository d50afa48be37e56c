"""Video files as the demo and the other tests write and read them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.video import VideoError, pan_over_photograph, read_video, write_video


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return pan_over_photograph(10, 64, 96)


def mean_difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


def shown_at(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("height", "width", "pix_fmt"),
    [(64, 96, "yuv420p"), (65, 96, "yuv444p"), (64, 97, "yuv444p"), (67, 101, "yuv444p")],
)
def test_even_and_odd_sizes_come_back_as_written(tmp_path, height, width, pix_fmt):
    clip = pan_over_photograph(5, height, width)
    write_video(tmp_path / "a.mp4", clip, Fraction(24000, 1001))
    read, fps = read_video(tmp_path / "a.mp4")
    assert read.shape == clip.shape and read.dtype == np.uint8
    assert fps == Fraction(24000, 1001)
    assert mean_difference(read, clip) < 6
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", pix_fmt)


def test_a_single_frame(tmp_path, frames):
    write_video(tmp_path / "a.mp4", frames[:1], Fraction(8))
    read, fps = read_video(tmp_path / "a.mp4")
    assert read.shape == (1, 64, 96, 3) and fps > 0


@settings(max_examples=12, deadline=None)
@given(gaps=st.lists(st.integers(1, 400), min_size=2, max_size=8), clock=st.sampled_from([1000, 1001, 48000]))
def test_timestamps_are_kept_to_the_tick(tmp_path_factory, frames, gaps, clock):
    times = [Fraction(sum(gaps[:i]), clock) for i in range(len(gaps))]
    path = tmp_path_factory.mktemp("vfr") / "a.mp4"
    write_video(path, frames[: len(times)], Fraction(25), timestamps=times)
    assert shown_at(path) == times


def test_times_that_no_clock_fits_are_kept_to_the_nearest_tick(tmp_path, frames):
    times = [Fraction(0), Fraction(50_000, 999_983), Fraction(1, 7), Fraction(3, 11)]
    write_video(tmp_path / "a.mp4", frames[:4], Fraction(25), timestamps=times)
    shown = shown_at(tmp_path / "a.mp4")
    assert all(abs(a - b) <= Fraction(1, 180_000) for a, b in zip(shown, times, strict=True))


@pytest.mark.parametrize("times", [[0, 1], [0, 2, 1], [0, 1, 1]])
def test_timestamps_that_do_not_fit_are_refused(tmp_path, frames, times):
    with pytest.raises(VideoError, match="3 rising times"):
        write_video(tmp_path / "a.mp4", frames[:3], Fraction(8), timestamps=[Fraction(t) for t in times])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("channels", "rate"), [(1, 44100), (2, 48000)])
def test_sound_comes_back_at_its_pitch(tmp_path, frames, channels, rate):
    tone = 0.4 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate, dtype=np.float32)
    sound = np.tile(tone, (channels, 1))
    write_video(tmp_path / "a.mp4", frames, Fraction(10), audio=sound, sample_rate=rate)
    with av.open(str(tmp_path / "a.mp4")) as container:
        sound = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], 1)
    assert sound.shape[0] == channels and abs(sound.shape[1] - rate) <= 2048
    spectrum = np.abs(np.fft.rfft(sound[0, :rate]))
    assert abs(spectrum.argmax() * rate / len(sound[0, :rate]) - 440) < 2
    assert read_video(tmp_path / "a.mp4")[0].shape == frames.shape


def test_the_same_frames_give_the_same_bytes(tmp_path):
    clip = pan_over_photograph(12, 180, 320)
    hum = np.sin(np.arange(44100) / 20, dtype=np.float32)[None]
    for name in "abc":
        write_video(tmp_path / name, clip, Fraction(12), audio=hum)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b == c


def test_nothing_is_left_behind_by_a_write_that_fails(tmp_path, frames):
    write_video(tmp_path / "a.mp4", frames, Fraction(8))
    before = (tmp_path / "a.mp4").read_bytes()
    with pytest.raises(VideoError, match="audio must be"):
        write_video(tmp_path / "a.mp4", frames, Fraction(8), audio=np.zeros(100, np.float32))
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == before


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((2, 8, 8, 3), np.float32), np.zeros((0, 8, 8, 3), np.uint8), np.zeros((2, 3, 8, 8), np.uint8)],
)
def test_frames_of_another_kind_are_refused(tmp_path, wrong):
    with pytest.raises(VideoError, match="frames must be uint8"):
        write_video(tmp_path / "a.mp4", wrong, Fraction(8))


def test_reading_the_first_frames_and_refusing_too_many(tmp_path, frames):
    write_video(tmp_path / "a.mp4", frames, Fraction(8))
    whole, _ = read_video(tmp_path / "a.mp4", most_frames=10)
    first, _ = read_video(tmp_path / "a.mp4", first=4, most_frames=4)
    assert np.array_equal(first, whole[:4])
    with pytest.raises(VideoError, match="more than 9 frames"):
        read_video(tmp_path / "a.mp4", most_frames=9)


def test_large_frames_shrink_to_even_sizes_and_keep_their_shape(tmp_path):
    clip = pan_over_photograph(2, 270, 480)
    write_video(tmp_path / "a.mp4", clip, Fraction(8))
    read, _ = read_video(tmp_path / "a.mp4", most_pixels=120 * 214)
    _, height, width, _ = read.shape
    assert height * width <= 120 * 214 and height % 2 == width % 2 == 0
    assert abs(width / height - 480 / 270) < 0.05
    assert mean_difference(read.mean((1, 2)), clip.mean((1, 2))) < 3


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_phone_that_was_held_sideways_gives_upright_frames(tmp_path, turns):
    """The pictures are stored turned; the display matrix in the track header turns them back."""
    upright = pan_over_photograph(2, 96, 64)
    write_video(tmp_path / "a.mp4", np.rot90(upright, -turns, (1, 2)), Fraction(8))
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    fixed = {1: (0, -1, 1, 0), 2: (-1, 0, 0, -1), 3: (0, 1, -1, 0)}[turns]
    for offset, value in zip((0, 4, 12, 16), fixed, strict=True):
        data[at + offset : at + offset + 4] = (value * 65536).to_bytes(4, "big", signed=True)
    (tmp_path / "a.mp4").write_bytes(data)
    read, _ = read_video(tmp_path / "a.mp4")
    assert read.shape == upright.shape
    assert mean_difference(read, upright) < 6


def broken(kind: str, good: bytes) -> bytes:
    middle = len(good) // 2
    return {
        "cut": good[:middle],
        "head only": good[:90],
        "empty": b"",
        "text": b"not a video\n" * 500,
        "overwritten": good[:middle] + bytes(1500) + good[middle + 1500 :],
    }[kind]


@pytest.mark.parametrize("kind", ["cut", "head only", "empty", "text", "overwritten"])
def test_a_damaged_file_is_one_sentence(tmp_path, kind):
    write_video(tmp_path / "good.mp4", pan_over_photograph(12, 120, 160), Fraction(8))
    path = tmp_path / "clip.mp4"
    path.write_bytes(broken(kind, (tmp_path / "good.mp4").read_bytes()))
    with pytest.raises(VideoError, match=r"clip\.mp4 (is damaged|has no video stream)") as caught:
        read_video(path)
    assert "\n" not in str(caught.value)


def test_missing_files_and_files_without_pictures(tmp_path):
    with pytest.raises(VideoError, match="is not a file"):
        read_video(tmp_path / "nowhere.mp4")
    with pytest.raises(VideoError, match="is not a file"):
        read_video(tmp_path)
    write_sound(tmp_path / "song.m4a")
    with pytest.raises(VideoError, match="no video stream"):
        read_video(tmp_path / "song.m4a")


def write_sound(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100)
        stream.codec_context.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8192), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_the_pan_is_smooth_and_moves():
    clip = pan_over_photograph(24, 60, 80).astype(float)
    steps = np.abs(np.diff(clip, axis=0)).mean((1, 2, 3))
    assert steps.min() > 0.5
    assert np.abs(np.diff(steps)).max() < 3
    assert np.abs(clip[-1] - clip[0]).mean() > 1.5 * steps.max()
    assert np.array_equal(pan_over_photograph(24, 60, 80), clip)

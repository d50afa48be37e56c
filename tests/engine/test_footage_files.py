"""Footage as it comes in (tests/footage_files.py): what unsampling/video makes of each file."""

import io
from fractions import Fraction
from math import ceil, inf

import footage_files
import numpy as np
import pytest
import torch
from footage_files import DARK, GAP, HEIGHT, PHONE, RATE, WIDTH, number_of, numbered, recorder_times
from hypothesis import given
from hypothesis import strategies as st

from unsampling.video import footage, pictures, timeline
from unsampling.video.rows import Rows

OWN_SIZE = HEIGHT * WIDTH / 1024**2
TRIMS = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (1.0, 0.51), (-0.75, 0.0)]


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The path of a file of that name, written once."""
    folder, paths = tmp_path_factory.mktemp("footage"), {}

    def path(name: str):
        if name not in paths:
            paths[name] = footage_files.make(name, folder)
        return paths[name]

    return path


class Ticks:
    def __call__(self, expected):
        self.expected = expected
        return lambda: None


def read(source, start=0.0, duration=0.0, ticks=None, megapixels=OWN_SIZE, multiple=1, every_nth=1, most=0):
    wanted = footage.Wanted(megapixels, multiple, every_nth, most)
    source = source if isinstance(source, io.BytesIO) else str(source)
    return footage.of_file(source, start, duration, wanted, ticks or Ticks())


def numbers(clip) -> list[int]:
    return [number_of(frame.numpy()) for frame in clip.frames]


def sound_of(source, clip):
    """The samples [channels,n] of the time of a clip, and what is said of them."""
    said = []
    sound = footage.sound_of_file(str(source), clip.begin, clip.end, clip.shifts, said.append)
    return None if sound is None else sound["waveform"][0].numpy(), said


def hertz(wave, rate=RATE) -> float:
    """The loudest tone of a track."""
    return float(np.argmax(np.abs(np.fft.rfft(wave[0]))) * rate / wave.shape[1])


# Memory by frames that arrive


@pytest.mark.parametrize(("name", "count"), [("recorder.webm", 77), ("gap.mkv", 13), ("long_sound.mkv", 24)])
@pytest.mark.parametrize("megapixels", [0.05, 1.0])
def test_memory_is_that_of_the_frames_that_there_are(made, name, count, megapixels):
    ticks = Ticks()
    clip = read(made(name), ticks=ticks, megapixels=megapixels)
    assert ticks.expected == clip.count == len(clip.frames) == count
    assert clip.frames.untyped_storage().nbytes() <= (count + 1) * clip.frames[0].nbytes


# Damage: left out, counted, said


@pytest.mark.parametrize(
    ("name", "shown", "said"),
    [
        ("bad_packet.mp4", 47, "1 of 48 packets of its pictures are damaged"),
        ("bad_group.mp4", [*range(16), *[15] * 5, *[24] * 3, *range(24, 48)], "8 of 48 packets"),
        ("bad_start.mov", range(4, 24), "4 of 24 packets"),
        ("bad_dark.mov", 16, "2 of 16 packets"),
        ("cut.mp4", 16, "its end is missing: 16 of 24 frames are there"),
        ("cut.mkv", 16, r"its end is missing: 2.1 of 3.0 seconds are there"),
        ("cut.ts", range(17), None),
    ],
)
def test_what_is_damaged_is_left_out_and_said(made, name, shown, said):
    clip = read(made(name))
    found = numbers(clip)
    if isinstance(shown, int):
        assert len(found) == shown == len(set(found)) or name == "bad_dark.mov"
    else:
        within(found, list(shown))
    assert found == sorted(found)
    assert said is None or any(said in sentence for sentence in clip.said)


def within(found: list[int], shown: list[int]) -> None:
    """The same, but that a gap may be filled by the frame before it or behind it."""
    assert len(found) == len(shown) and found == sorted(found)
    assert set(found) == set(shown)


@pytest.mark.parametrize("start", [0.0, 0.5])
def test_nothing_that_decodes_is_refused_without_telling_to_make_an_mp4_of_an_mp4(made, start):
    told = r"^video \(nothing.mp4\) cannot be read or is damaged: none .*; copy or export it once more$"
    with pytest.raises(footage.UnsamplingError, match=told):
        read(made("nothing.mp4"), start)


def test_an_end_that_is_there_is_not_missed(made):
    for name in (
        "late.mkv",
        "late.mp4",
        "long_sound.mkv",
        "fragments.mp4",
        "edited.mp4",
        "packed.avi",
        "open.avi",
        "late.ts",
    ):
        assert read(made(name)).said == ()


# Time


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("phone.mp4", PHONE),
        ("recorder.webm", recorder_times()),
        ("gap.mkv", GAP),
        ("dark.mkv", DARK),
        ("late.mkv", [Fraction(i, 8) for i in range(24)]),
    ],
)
@pytest.mark.parametrize(("start", "duration"), TRIMS)
@pytest.mark.parametrize(("every_nth", "most"), [(1, 0), (3, 0), (2, 5)])
def test_each_frame_is_shown_at_its_time(made, name, times, start, duration, every_nth, most):
    clip = read(made(name), start, duration, every_nth=every_nth, most=most)
    begin = clip.begin - float(3600 if name == "late.mkv" else 0)
    a_frame = float(1 / clip.rate)
    ends = [*map(float, times[1:]), inf]
    for at, number in enumerate(numbers(clip)):
        now = begin + at * a_frame
        assert float(times[number]) - a_frame < now < ends[number] + a_frame + 1e-9
    if not most:
        first = max(start, 0.0) if start >= 0 else begin
        end = min(float(times[-1]) + 0.1, start + duration) if duration else float(times[-1])
        assert abs(begin - first) < 0.13
        assert clip.count * a_frame > end - begin - a_frame - 1e-6
        assert clip.count * a_frame < end - begin + 0.13 + a_frame


@pytest.mark.parametrize(
    ("name", "count"),
    [("phone.mp4", 119), ("recorder.webm", 77), ("gap.mkv", 13), ("dark.mkv", 16), ("cut.mkv", 16)],
)
def test_as_many_frames_as_the_usual_rate_makes_but_not_many_times_more(made, name, count):
    assert read(made(name)).count == count


PAUSES = {
    "a pause": ([Fraction(i, 30) for i in range(60)] + [Fraction(i, 30) + 3 for i in range(60, 120)], 30),
    "a hold at the end": ([*(Fraction(i, 24) for i in range(48)), Fraction(3)], 24),
    "two gaps": ([Fraction(i + 2 * (i >= 20) + 2 * (i >= 40), 30) for i in range(60)], 30),
}


@pytest.mark.parametrize("name", PAUSES)
def test_no_picture_is_left_out_for_a_pause(name):
    times, rate = PAUSES[name]
    gap = Fraction(1, rate)
    whole = timeline.Timeline(times, times[0], times[-1] + gap, gap, "", [], 0, True, None, 0, 0, times[0])
    part = timeline.part_of(whole, 0, 0, 0, [Fraction(rate)], Fraction(1, 90_000))
    assert part.by_time and part.rate == rate
    shots = [(time, i) for i, time in enumerate(times)]
    shown = list(timeline.by_time(shots, part.begin, part.rate, part.count))
    assert {shot[1] for shot in shown} == set(range(len(times)))
    assert all(
        abs(shot[0] - at / part.rate) < gap or shown[at] == shown[at - 1] for at, shot in enumerate(shown)
    )


@pytest.mark.parametrize("name", ["phone.mp4", "dark.mkv", "late.mkv", "late.ts", "fragments.mp4"])
@pytest.mark.parametrize(("start", "duration"), TRIMS)
def test_picture_and_sound_end_together(made, name, start, duration):
    clip = read(made(name), start, duration)
    wave, said = sound_of(made(name), clip)
    assert abs(wave.shape[1] / RATE - clip.count / clip.rate) < 1 / clip.rate and said == []


@pytest.mark.parametrize(
    "name",
    [
        "late.mkv",
        "late.mp4",
        "late.ts",
        "fragments.mp4",
        "reordered.avi",
        "packed.avi",
        "open.avi",
        "joined.ts",
        "joined.mkv",
    ],
)
def test_seconds_count_from_the_first_frame(made, name):
    last = 48 if "joined" in name else 24
    assert numbers(read(made(name), 0.5, 1.0)) == list(range(4, 12))
    assert numbers(read(made(name), 0.5)) == list(range(4, last))
    assert numbers(read(made(name), 2.0)) == list(range(16, last))
    assert numbers(read(made(name), -0.75)) == list(range(last - 6, last))
    assert numbers(read(made(name), -0.75, 0.25)) == list(range(last - 6, last - 4))


def test_a_frame_that_is_still_shown_begins_the_part(made):
    clip = read(made("gap.mkv"), 30.0, 10.0)
    assert numbers(clip) == [2] and (clip.begin, clip.end) == (30.0, 40.0) and clip.rate == Fraction(1, 10)
    assert numbers(read(made("gap.mkv"), 59.5, 1.0)) == [2, 3]


@pytest.mark.parametrize("name", ["joined.ts", "leaping.ts", "joined.mkv", "sizes.ts", "changing.ts"])
def test_a_joined_file_goes_on(made, name):
    clip = read(made(name))
    assert numbers(clip) == list(range(48)) and clip.rate == 8
    assert clip.end - clip.begin == pytest.approx(6)
    if name.endswith("ts"):
        wave, _ = sound_of(made(name), clip)
        levels = [np.sqrt((part**2).mean()) for part in np.split(wave[0, : RATE * 6 // 24 * 24], 24)]
        assert wave.shape[1] == pytest.approx(6 * RATE, abs=2000) and min(levels) > 0.15
        assert hertz(wave) == pytest.approx(440, abs=1)


def test_a_raw_stream_has_the_usual_rate(made):
    clip = read(made("raw.h264"))
    assert numbers(clip) == list(range(24)) and clip.rate == 25
    assert numbers(read(made("raw.h264"), 0.5)) == list(range(13, 24))


RAW = {
    "raw.hevc": 8,  # x265 writes how long a frame lasts
    "timed.h264": 12,
    "raw.m2v": 30,
    "raw.m1v": 24,
    "raw.m4v": 24,
    "raw.mjpeg": 25,  # says nothing: FFmpeg's usual rate
}


@pytest.mark.parametrize("name", RAW)
def test_a_raw_stream_has_the_rate_at_which_its_frames_last(made, name):
    clip = read(made(name))
    assert numbers(clip) == list(range(24)) and clip.rate == RAW[name]
    assert clip.end - clip.begin == pytest.approx(24 / RAW[name]) and clip.said == ()
    late = read(made(name), 0.5)
    assert numbers(late) == list(range(24 - late.count, 24)) and late.rate == RAW[name]
    assert late.count == 24 - ceil(0.5 * RAW[name])


def test_a_file_in_memory_is_the_same(made):
    for name in ("phone.mp4", "late.ts", "matte.mov"):
        held = io.BytesIO(made(name).read_bytes())
        assert torch.equal(read(held, 0.25).frames, read(made(name), 0.25).frames)


@given(
    st.lists(st.integers(1, 900), min_size=1, max_size=40),
    st.integers(0, 20_000),
    st.integers(0, 9_000),
    st.integers(0, 12),
    st.sampled_from([8, 25, 30, 1000]),
)
def test_a_part_lasts_as_long_as_what_it_stands_for(gaps, start, duration, most, told):
    base = Fraction(1, 1000)
    times = [Fraction(7)]
    for gap in gaps:
        times.append(times[-1] + gap * base)
    whole = timeline.Timeline(
        times[:-1],
        times[0],
        times[-1],
        sorted(gaps)[len(gaps) // 2] * base,
        "",
        [0],
        inf,
        True,
        None,
        0,
        0,
        times[0],
    )
    part = timeline.part_of(whole, start / 1000, duration / 1000, most, [Fraction(told)], base)
    if part is None:
        assert not any(times[0] + start * base <= time for time in times[:-1]) or duration
        return
    span = part.end - part.begin
    assert abs(part.count / part.rate - span) < 1 / part.rate
    assert part.count <= timeline.FILLED * len(times) and (not most or part.count <= most)
    stop = times[-1] if part.stop is None else part.stop
    inside = [time for time in times[:-1] if part.begin <= time < stop][: most or None]
    assert part.count >= len(inside)


def test_frames_are_moved_within_their_memory():
    rows = Rows(6, (1, 1), 0)
    for value in range(6):
        rows.add(torch.full((1, 1, 3), float(value)))
    before = rows.ended(0)[0].data_ptr()
    rows.place([0, 0, 1, 4, 5, 5])
    frames, _ = rows.ended(0)
    assert frames[:, 0, 0, 0].tolist() == [0, 0, 1, 4, 5, 5] and frames.data_ptr() == before


# Shape


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("wide.mp4", (108, 192)),
        ("tall.mkv", (144, 128)),
        ("wide_turned.mov", (256, 96)),
        ("upside_down.mov", (96, 128)),
    ],
)
def test_pixels_that_are_not_square_are_shown_in_the_right_shape(made, name, shape):
    pixels = shape[0] * shape[1] / 1024**2
    assert read(made(name), megapixels=pixels).frames.shape[1:3] == shape
    half = read(made(name), megapixels=pixels / 4, multiple=2)
    assert half.frames.shape[1:3] == (shape[0] // 2, shape[1] // 2)


@pytest.mark.parametrize("size", [(48, 48), (40, 23), (16, 33), (9, 64), (17, 16)])
def test_what_is_made_larger_is_smooth(size):
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    ramp = torch.stack([x, y, x + y], -1) / 30
    larger = pictures.scaled(ramp, size)
    assert larger.shape == (*size, 3) and larger.min() >= 0 and larger.max() <= 1
    for axis, channel in ((1, 0), (0, 1)):
        steps = larger[..., channel].diff(dim=axis)
        if size[axis] > 16:  # blocks would have steps of 0 and of a whole source pixel
            inner = steps.narrow(axis, size[axis] // 6, size[axis] - size[axis] // 3 - 1)
            assert inner.min() > 0 and inner.max() < 1.5 * 16 / size[axis] / 30


def test_what_stays_or_gets_smaller_is_averaged():
    picture = torch.rand(32, 48, 3)
    assert torch.equal(pictures.scaled(picture, (32, 48)), picture)
    halves = picture.unflatten(0, (16, 2)).unflatten(2, (24, 2)).mean((1, 3))
    torch.testing.assert_close(pictures.scaled(picture, (16, 24)), halves)


# Sound


def test_sound_that_is_damaged_in_places_is_silent_there_and_stays_in_time(made):
    path = made("bad_sound.mp4")
    clip = read(path)
    wave, said = sound_of(path, clip)
    assert clip.count == 16 and wave.shape == (2, 2 * RATE)
    assert said == ["4 of 87 packets of its sound are damaged: it is silent there"]
    loud = [np.sqrt((wave[0, at : at + 1024] ** 2).mean()) > 0.1 for at in range(0, 2 * RATE - 1024, 1024)]
    assert 2 <= loud.count(False) <= 6 and all(loud[:18]) and all(loud[26:-1])
    expected = 0.3 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)
    assert np.abs(wave[0, 40000:70000] - expected[40000:70000]).mean() < 0.02


def test_sound_of_which_nothing_can_be_read_leaves_the_pictures(made):
    clip = read(made("no_good_sound.mp4"))
    wave, said = sound_of(made("no_good_sound.mp4"), clip)
    assert clip.count == 16 and wave is None
    assert said == [
        "its sound is left out: there is none in the time of its pictures (87 of 87 packets are damaged)"
    ]


def test_a_file_whose_end_is_missing_keeps_the_sound_that_is_there(made):
    clip = read(made("cut.mp4"))
    wave, _ = sound_of(made("cut.mp4"), clip)
    assert 1.5 * RATE < wave.shape[1] < 2.2 * RATE and hertz(wave) == pytest.approx(440, abs=1)


@pytest.mark.parametrize(
    ("name", "tone"),
    [
        ("second_default.mkv", 880),
        ("second_default.mp4", 880),
        ("first_default.mkv", 440),
        ("for_the_blind.mkv", 880),
    ],
)
def test_of_several_tracks_the_one_is_heard_that_a_player_plays(made, name, tone):
    wave, said = sound_of(made(name), read(made(name)))
    assert hertz(wave) == pytest.approx(tone, abs=1) and said == []


def test_a_sound_that_no_decoder_knows_leaves_the_pictures(made, monkeypatch):
    monkeypatch.setattr("unsampling.video.sound.played", lambda streams: None)
    wave, said = sound_of(made("phone.mp4"), read(made("phone.mp4")))
    assert wave is None and said == ["its sound is left out: this FFmpeg has no decoder for it"]


# HDR and alpha


@pytest.mark.parametrize(("name", "curve"), [("hlg.mp4", "HLG"), ("pq.mp4", "PQ"), ("pq_odd.mkv", "PQ")])
def test_hdr_is_mapped_to_ordinary_colours_or_said(made, name, curve, monkeypatch):
    path = made(name)
    clip = read(path)
    monkeypatch.setattr(pictures, "TO_SDR", "no_such_option=1")
    flat = read(path)
    assert numbers(clip) == numbers(flat) == [0, 1, 2, 3]
    assert flat.said[0].startswith(f"its HDR ({curve}) cannot be mapped to ordinary colours by this PyAV")
    if clip.said[0].startswith("its HDR (") and "cannot" not in clip.said[0]:
        assert clip.said == (f"its HDR ({curve}) is mapped to the colours of an ordinary video",)
        assert (clip.frames - flat.frames).abs().mean() > 0.02
        assert clip.frames.min() >= 0 and clip.frames.max() <= 1.01
        spread = clip.frames[0].amax(-1) - clip.frames[0].amin(-1)
        assert spread.median() < 0.03  # grey stays grey


def test_a_clip_of_ordinary_colours_is_not_touched(made):
    assert read(made("late.mp4")).said == ()


@pytest.mark.parametrize("name", ["matte.mov", "matte.webm", "matte.png", "matte.apng"])
def test_alpha_becomes_a_mask(made, name):
    clip = read(made(name))
    assert clip.mask.shape == clip.frames.shape[:3] and clip.frames.shape[3] == 3
    quarter = clip.mask.shape[2] // 4
    assert clip.mask[:, :, : quarter - 2].max() < 0.05 and clip.mask[:, :, quarter + 2 :].min() > 0.95
    assert numbers(clip) == list(range(clip.count))
    again = footage.of_file(str(made(name)), 0, 0, footage.Wanted(OWN_SIZE, 8, 1, 0, 2), Ticks())
    assert len(again.mask) == len(again.frames) == clip.count + 2
    assert torch.equal(again.mask[-1], again.mask[clip.count - 1])


def test_no_alpha_is_no_mask(made):
    assert read(made("late.mp4")).mask is None


def test_images_in_memory_with_alpha_have_a_mask():
    images = torch.from_numpy(np.stack(numbered(3))).float() / 255
    alpha = torch.zeros(3, HEIGHT, WIDTH, 1)
    alpha[:, :, :64] = 1
    clip = footage.of_images(
        torch.cat([images, alpha], -1), Fraction(8), footage.Wanted(OWN_SIZE, 1, 1, 0), Ticks()
    )
    assert torch.equal(clip.mask, 1 - alpha[..., 0]) and torch.equal(clip.frames, images)

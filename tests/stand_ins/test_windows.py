"""Context windows that the hosts answer with an error, a wrong clip or frames of no window, and those that
they do not."""

from dataclasses import replace

import pytest

from unsampling_pack.host import windows
from unsampling_pack.host.windows import Windows
from unsampling_pack.unsampling import UnsamplingError

ONCE = [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]


def make(schedule: str = "standard_static", fuse: str = "pyramid", **changes) -> Windows:
    settings = {"kind": "ade", "length": 4, "stride": 1, "overlap": 1, "frames": 10, "settings": "windows: x"}
    return Windows(schedule=schedule, fuse=fuse, **(settings | {"place": lambda step: ONCE} | changes))


def sentence(one: Windows, steps=range(3)) -> str:
    """What windows are refused with, "" where they are not."""
    try:
        windows.check(one, steps)
    except UnsamplingError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"overlap": 3}, ""),
        (
            {"overlap": 4},
            "model has context windows of 4 frames that overlap by 4; set context_overlap below 4",
        ),
        (
            {"overlap": 9},
            "model has context windows of 4 frames that overlap by 9; set context_overlap below 4",
        ),
        ({"overlap": None}, ""),
        ({"overlap": 9, "length": None}, ""),
        (
            {"overlap": 4, "kind": "views"},
            "model has views of 4 frames that overlap by 4; set view_overlap below 4",
        ),
        (
            {"overlap": 4, "kind": "core", "of_video": True},
            "model has context windows of 4 latent frames that overlap by 4; set context_overlap to less than"
            " 4 latent frames (Wan's and LTXV's nodes count the clip's frames)",
        ),
        ({"overlap": 4, "schedule": "batched"}, ""),
        ({"overlap": 4, "schedule": "svd_extension"}, ""),
        ({"overlap": 4, "cuts": False}, ""),
    ],
)
def test_windows_must_overlap_by_less_than_they_are_long(changes, words):
    assert sentence(make(**changes)) == words


@pytest.mark.parametrize("mark", ["", "\N{MICROSCOPE}"])
@pytest.mark.parametrize("fuse", ["delayed reverse sawtooth", "pyramid-sigma", "pyramid-sigma inverse"])
@pytest.mark.parametrize("length, is_refused", [(2, False), (3, True), (4, False), (5, True), (None, False)])
def test_ways_to_fuse_an_even_number_of_frames(fuse, mark, length, is_refused):
    found = sentence(make(fuse=mark + fuse, length=length, overlap=0))
    assert bool(found) == is_refused
    if found:
        assert f"windows of {length} frames whose fuse_method {mark}{fuse} works with an even number" in found
        assert found.endswith("or an even context_length")


@pytest.mark.parametrize("fuse", ["pyramid", "flat", "relative", "gauss-sigma", "random"])
def test_other_ways_to_fuse_take_an_odd_number_too(fuse):
    assert sentence(make(fuse=fuse, length=3)) == ""


@pytest.mark.parametrize(
    "changes, cure",
    [
        ({"overlap": 1}, None),
        ({"overlap": 3}, None),
        ({"overlap": 0}, "choose another fuse_method, or an overlap from 1 to 3"),
        ({"overlap": 0, "frames": 4}, None),  # one window has no neighbour
        ({"overlap": 0, "kind": "core", "of_video": True}, "choose another fuse_method"),
        ({"overlap": 0, "length": None}, None),
        ({"overlap": 2, "schedule": "batched"}, None),  # the last of 10 frames by 4 are 2
        ({"overlap": 3, "schedule": "batched"}, "choose another fuse_method, or an overlap from 1 to 2"),
        ({"overlap": 4, "schedule": "batched", "frames": 12}, None),
        (
            {"overlap": 5, "schedule": "batched", "frames": 12},
            "another fuse_method, or an overlap from 1 to 4",
        ),
        ({"overlap": None}, "choose another fuse_method, or an overlap from 1 to 3"),
        ({"overlap": 0, "length": 1}, "choose another fuse_method"),
    ],
)
def test_the_ramp_of_overlap_linear_needs_room(changes, cure):
    found = sentence(make(fuse="overlap-linear", **changes))
    assert ("overlap-linear has no room for its ramp" in found) == (cure is not None)
    assert found.endswith(cure or "")


@pytest.mark.parametrize(
    "stride, schedule, hole, words",
    [
        (
            2,
            "standard_uniform",
            2,
            "of stride 2 that do not fit 10 frames at step 3; set context_stride to 1",
        ),
        (
            3,
            "standard_uniform",
            0,
            "of stride 3 that do not fit 10 frames at step 1; set context_stride to 1",
        ),
        (2, "standard_uniform", 7, ""),
        (1, "standard_uniform", 2, ""),
        (None, "standard_uniform", 2, ""),
        (2, "looped_uniform", 2, ""),
        (2, "standard_static", 2, ""),
    ],
)
def test_uniform_windows_of_a_stride_must_hold_every_frame_at_every_step(stride, schedule, hole, words):
    one = make(schedule, stride=stride, place=lambda step: ONCE[step == hole :])
    assert sentence(one) == (words and f"model has context windows {words}")


@pytest.mark.parametrize("behind", [[[*range(11)]], [[*range(10)], [10, 11]]])
def test_uniform_windows_must_not_end_behind_the_clip(behind):
    assert "do not fit 10 frames at step 5" in sentence(
        make("standard_uniform", stride=2, place=lambda step: behind), range(4, 8)
    )


@pytest.mark.parametrize("schedule", ["standard_uniform", "looped_uniform"])
@pytest.mark.parametrize(
    "kind, name", [("ade", "context windows"), ("views", "views"), ("core", "context windows")]
)
def test_moving_windows_are_refused_to_cores_samplers(schedule, kind, name):
    moving = make(schedule, kind=kind)
    with pytest.raises(
        UnsamplingError, match=rf"model has {name} that move .* \({schedule}\), .* Standard Sta"
    ):
        windows.refuse_moving([make(), moving])
    windows.refuse_moving([make(), replace(moving, cuts=False)])


@pytest.mark.parametrize("schedule", ["standard_static", "batched", "view_as_context", "svd_extension"])
def test_windows_that_stay_are_not(schedule):
    windows.refuse_moving([make(schedule), make(schedule, kind="core")])


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"length": 10}, ""),
        (
            {"length": 11},
            "a context keyframe of 11 frames, which this motion model .* set its context_length to 10",
        ),
        ({"length": 4}, ""),
        (
            {"length": 4, "schedule": "batched"},
            r"side by side \(batched\) of 4 frames, of which 10 .* leave 2 over",
        ),
        (
            {"length": 3, "schedule": "svd_extension"},
            r"\(svd_extension\) of 3 .* leave 1 over, .* divides 10",
        ),
        ({"length": 5, "schedule": "batched"}, ""),
        ({"length": 16, "schedule": "view_as_context"}, ""),
        ({"length": None}, ""),
        ({"length": 11, "kind": "views"}, ""),
        ({"length": 11, "kind": "core"}, ""),
    ],
)
def test_windows_that_are_too_short_for_a_motion_models_norms(changes, words):
    if not words:
        windows.check_norms(make(**changes))
        return
    with pytest.raises(UnsamplingError, match=words):
        windows.check_norms(make(**changes))


@pytest.mark.parametrize(
    "values, words",
    [
        ({"context_length": 16, "fuse_method": "flat"}, "x: length 16, fuse_method flat"),
        ({"context_stride": None, "closed_loop": False, "indexes": []}, "x: closed_loop False"),
        ({"context_overlap": 0, "indexes": [0]}, "x: overlap 0, indexes [0]"),
    ],
)
def test_settings_in_words_leave_out_what_is_not_set(values, words):
    assert windows.described("x", values) == words


def test_windows_are_alike_wherever_they_are_placed():
    assert make() == make(place=lambda step: []) != make(overlap=2)

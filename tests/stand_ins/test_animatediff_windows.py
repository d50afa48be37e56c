"""AnimateDiff-Evolved's context options as windows of ours: which count, and at which steps."""

import animatediff_objects as ade
import comfy_objects as core
import pytest
import torch

from unsampling_pack.host.packs import animatediff, animatediff_windows
from unsampling_pack.unsampling import UnsamplingError


def windows(frames: int, *contexts: ade.ContextOptions) -> list:
    return list(animatediff_windows.windows(core.Model(ade.InjectionParams(*contexts)), frames))


def told(frames: int, *contexts: ade.ContextOptions) -> list[tuple]:
    """Kind, whether they cut, their frames and their context keyframe."""
    return [(one.kind, one.cuts, one.frames, one.keyframe) for one in windows(frames, *contexts)]


def of(length: int | None, schedule: str = "standard_static", **more) -> ade.ContextOptions:
    return ade.ContextOptions(schedule, length, **more)


def test_without_animatediff_evolved_there_are_none():
    assert list(animatediff_windows.windows(core.Model(), 16)) == []
    assert animatediff_windows.turns(core.Model(), torch.tensor([3.0, 1.0]), 0) == []


def test_every_setting_is_handed_on():
    given = of(16, "standard_uniform", context_overlap=4, context_stride=2, fuse_method="flat")
    (found,) = windows(20, given)
    assert (found.kind, found.schedule, found.fuse) == ("ade", "standard_uniform", "flat")
    assert (found.length, found.stride, found.overlap, found.frames) == (16, 2, 4, 20)
    assert found.settings == (
        "windows: schedule standard_uniform, length 16, stride 2, overlap 4, closed_loop False, fuse_method"
        " flat, start_percent 0.0, guarantee_steps 1"
    )
    assert not found.of_video


@pytest.mark.parametrize(
    "frames, context, expected",
    [
        (17, of(16), [("ade", True, 17, 0)]),
        (16, of(16), []),
        (15, of(16), []),
        (16, of(16, use_on_equal_length=True), [("ade", False, 16, 0)]),
        (16, of(16, "looped_uniform", use_on_equal_length=True), [("ade", True, 16, 0)]),
        (15, of(16, use_on_equal_length=True), []),
        (40, of(None), []),
        (40, of(16, "view_as_context"), []),
        (40, of(16, "view_as_context", use_on_equal_length=True), [("ade", False, 40, 0)]),
    ],
)
def test_windows_count_where_the_clip_is_longer_or_they_are_to_be_used_anyway(frames, context, expected):
    assert told(frames, context) == expected


@pytest.mark.parametrize(
    "frames, first, views, expected",
    [
        (20, of(16), of(8), [("ade", True, 20, 0), ("views", True, 16, 0)]),
        (20, of(16), of(16), [("ade", True, 20, 0)]),
        (20, of(16), of(16, use_on_equal_length=True), [("ade", True, 20, 0)]),
        (
            20,
            of(16),
            of(16, "looped_uniform", use_on_equal_length=True),
            [("ade", True, 20, 0), ("views", True, 16, 0)],
        ),
        (20, of(16), of(17), [("ade", True, 20, 0)]),
        (
            20,
            of(1, "view_as_context", use_on_equal_length=True),
            of(8),
            [("ade", False, 20, 0), ("views", True, 20, 0)],
        ),
        (12, of(16), of(8), []),
    ],
)
def test_views_cut_a_window(frames, first, views, expected):
    first.view_options = views
    assert told(frames, first) == expected


@pytest.mark.parametrize(
    "lengths, expected",
    [
        ((8, 4), [("ade", True, 12, 0), ("ade", True, 12, 1)]),
        ((8, 16), [("ade", True, 12, 0), ("ade", False, 12, 1)]),
        ((16, 8), []),
        ((8, 16, 4), [("ade", True, 12, 0), ("ade", False, 12, 1), ("ade", True, 12, 2)]),
    ],
)
def test_the_first_context_keyframe_decides_for_all(lengths, expected):
    assert told(12, *map(of, lengths)) == expected


def test_a_keyframe_that_leaves_the_clip_whole_has_its_turn_in_words():
    first, whole = windows(12, of(8), of(16, start_percent=0.5, guarantee_steps=2))
    assert first.settings.startswith("windows: ")
    assert whole.settings == "whole: start_percent 0.5, guarantee_steps 2"


@pytest.mark.parametrize("step", [0, 1, 4])
def test_windows_are_placed_as_by_animatediff_evolved_without_a_trace(step):
    views = of(2)
    given = of(3, "standard_uniform", context_stride=2, context_overlap=1, view_options=views)
    found = windows(9, given)[0]
    expected = {0: [[0, 2, 4], [5, 7]], 1: [[1, 3, 5], [6, 8]], 4: [[0, 2, 4], [5, 7]]}
    assert found.place(step) == expected[step]
    assert given.step == views.step == 0


FALLING = torch.tensor([10.0, 8.0, 5.0, 2.0, 0.5, 0.0])


def turns(*contexts: ade.ContextOptions, start: int = 0) -> list[list[int]]:
    model = core.Model(ade.InjectionParams(*contexts), model_sampling=core.sampling(core.EPS, highest=10.0))
    return animatediff_windows.turns(model, FALLING, start)


@pytest.mark.parametrize(
    "later, start, expected",
    [
        ([], 0, [[0, 1, 2, 3, 4]]),
        # starts at sigma 5, where step 2 begins: in step 1 a solver asks above it only
        ([(0.5, 1)], 0, [[0, 1], [2, 3, 4]]),
        # starts at sigma 6, inside step 1
        ([(0.4, 1)], 0, [[0, 1], [1, 2, 3, 4]]),
        ([(0.4, 1), (0.9, 1)], 0, [[0, 1], [1, 2, 3], [3, 4]]),
        # a keyframe's guaranteed steps are whole ones, counted from the first that begins in it
        ([(0.4, 2), (0.7, 1)], 0, [[0, 1], [1, 2, 3], [4]]),
        ([(0.4, 3), (0.7, 1)], 0, [[0, 1], [1, 2, 3, 4], []]),
        ([(0.4, 0), (0.5, 1)], 0, [[0, 1], [1], [2, 3, 4]]),
        # below sigma 8 from the start: the keyframe before has its guaranteed step
        ([(0.4, 1)], 2, [[], [2, 3, 4]]),
        ([(0.9, 1)], 3, [[3], [3, 4]]),
        ([(1.0, 1)], 0, [[0, 1, 2, 3, 4], []]),
    ],
)
def test_the_steps_at_which_a_context_keyframe_is_met(later, start, expected):
    keyframes = [of(4, start_percent=percent, guarantee_steps=steps) for percent, steps in later]
    assert turns(of(4), *keyframes, start=start) == expected


def test_turns_leave_the_models_keyframes_as_they_were():
    contexts = of(4), of(3, start_percent=0.4)
    group = ade.InjectionParams(*contexts)
    before = [dict(vars(one)) for one in contexts]
    model = core.Model(group)
    assert len(animatediff_windows.turns(model, FALLING, 0)) == 2
    assert [vars(one) for one in contexts] == before
    assert group.context_options._current_index == group.context_options._current_used_steps == 0


@pytest.mark.parametrize(
    "info, properly, mixes",
    [
        (("AnimateDiff", "v1"), True, True),
        (("AnimateDiff", "v2"), True, False),
        (("AnimateDiff", "v2"), False, True),
        (("AnimateDiff", "v3"), False, False),
        (("PIA", "v3"), True, True),
        (("HotshotXL", "v1"), True, True),
        (None, False, False),
    ],
)
def test_which_motion_models_take_a_windows_frames_together(info, properly, mixes):
    motion = None if info is None else ade.MotionModelPatcher(*info)
    model = core.Model(ade.InjectionParams(apply_v2_properly=properly), motion=motion)
    assert animatediff.norms_by_windows(model) is mixes


class NewExtra(ade.Foreign):
    """Settings that AnimateDiff-Evolved 1.5.7 does not have."""


@pytest.mark.parametrize("field", ["tune", "mode", "keyframe", "start_percent"])
def test_context_settings_of_an_unknown_kind_are_refused(field):
    extras = ade.ContextExtrasGroup(ade.ContextRef(**{field: NewExtra()}))
    model = core.Model(ade.InjectionParams(of(4), extras=extras))
    with pytest.raises(
        UnsamplingError, match=r"does not know \(NewExtra, not in AnimateDiff-Evolved 1\.5\.7\)"
    ):
        animatediff_windows.extras(model)


def hashes(*extras) -> list[str]:
    return animatediff_windows.extras(core.Model(ade.InjectionParams(extras=ade.ContextExtrasGroup(*extras))))


@pytest.mark.parametrize(
    "one, other",
    [
        (torch.ones(2, 3), torch.ones(3, 2)),
        (torch.ones(2, 3), torch.ones(2, 3) + 1e-6),
        (1.0, torch.ones(1)),
        (1.0, 0.5),
    ],
)
def test_strengths_of_other_values_or_shapes_read_differently(one, other):
    assert hashes(ade.ContextRef(one)) != hashes(ade.ContextRef(other))


@pytest.mark.parametrize("strength", [1.0, torch.ones(2, 3), torch.ones(2, 3).half(), torch.ones(3, 2).T])
def test_the_same_strength_reads_the_same_from_another_object(strength):
    same = strength.clone() if isinstance(strength, torch.Tensor) else strength
    assert hashes(ade.ContextRef(strength)) == hashes(ade.ContextRef(same))


def test_indexes_have_no_order():
    up, down = (ade.ContextRefMode(indexes=one) for one in ([8, 0, 16], [16, 8, 0]))
    assert hashes(ade.ContextRef(mode=up)) == hashes(ade.ContextRef(mode=down))


def test_a_group_has_a_name_for_what_it_has():
    assert hashes() == []
    assert [name.split()[0] for name in hashes(ade.ContextRef(), ade.NaiveReuse())] == [
        "context_ref",
        "naive_reuse",
    ]

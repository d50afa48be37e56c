"""Two different window settings read differently, so that two passes with them are told apart."""

import copy
import re

import animatediff_objects as ade
import comfy_objects as core
import pytest
import torch
from torch import Tensor

from unsampling_pack.host.packs import animatediff, animatediff_windows
from unsampling_pack.host.packs import core as core_pack

SHAPE, FALLING = (8, 4, 3, 3), torch.tensor([14.6, 3.0, 0.5, 0.0])
# fields that say nothing about how the clip is cut
NO_SETTING = {
    "start_t": "the sigma of start_percent",
    "_step": "a place, not a setting",
    "use_on_equal_length": "whether the others count: see test_windows_of_the_clips_own_length",
    "view_options": "windows of their own: see test_views",
}


def keyframes() -> ade.ContextRefKeyframeGroup:
    replacing = ade.ContextRefKeyframe(0.5, 0.1, tune=ade.ContextRefTune(), mode=ade.ContextRefMode("first"))
    return ade.ContextRefKeyframeGroup(replacing, ade.ContextRefKeyframe(0.25, 0.6, torch.ones(2, 3)))


def extras() -> ade.ContextExtrasGroup:
    frames = ade.NaiveReuseKeyframe(0.5), ade.NaiveReuseKeyframe(0.7, 0.6, torch.ones(2, 3))
    reuse = ade.NaiveReuse(0.5, torch.ones(2, 3), ade.NaiveReuseKeyframeGroup(*frames))
    return ade.ContextExtrasGroup(ade.ContextRef(keyframe=keyframes()), reuse)


def windows() -> ade.ContextOptions:
    return ade.ContextOptions(context_length=4, start_percent=0.25)


def another(value):
    """Another value of the same kind of setting."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, Tensor):
        return value + 0.5
    if isinstance(value, set):
        return value | {7}
    if isinstance(value, list):
        return value[:-1] if value else [1]
    if isinstance(value, (int, float)):
        return value + 1
    # schedules and ways to fuse that the pack has nothing against, or no object in place of one
    words = {"standard_static": "batched", "pyramid": "flat"}
    return words.get(value, f"another {value}") if isinstance(value, str) else torch.ones(1)


def inside(thing) -> list:
    """An object and all that it is made of."""
    if isinstance(thing, (list, tuple)):
        return [part for one in thing for part in inside(one)]
    if not isinstance(thing, ade.Foreign):
        return []
    return [thing, *inside(list(vars(thing).values()))]


def words_of(admission, params: ade.InjectionParams, rising: bool, shape=SHAPE) -> str:
    guider = core.CFGGuider(core.Model(params))
    return admission.admit(guider, shape, FALLING, rising=rising).windows


def both_ways(admission, one: ade.InjectionParams, other: ade.InjectionParams) -> tuple[str, str]:
    """The words of the rising pass's windows and of the falling pass's."""
    return words_of(admission, one, True), words_of(admission, other, False)


@pytest.mark.parametrize("field", animatediff.CONTEXT.fields)
def test_every_field_of_context_options(admission, field):
    assert (field in NO_SETTING) == (field not in animatediff_windows.COMPARED)
    other = windows()
    if field not in NO_SETTING:
        setattr(other, field, another(getattr(other, field)))
    up, down = both_ways(admission, ade.InjectionParams(windows()), ade.InjectionParams(other))
    assert (up == down) == (field in NO_SETTING)


@pytest.mark.parametrize(
    "kind, field",
    [(kind, field) for kind in animatediff_windows.SETTINGS for field in kind.fields],
    ids=lambda one: getattr(one, "kind", one),
)
def test_every_field_of_the_extras(admission, kind, field):
    group = extras()
    changed = [one for one in inside(group) if type(one).__name__ == kind.kind][-1]
    setattr(changed, field, another(getattr(changed, field)))
    one, other = ade.InjectionParams(windows(), extras=extras()), ade.InjectionParams(windows(), extras=group)
    up, down = both_ways(admission, one, other)
    assert up.split("; ")[0] == down.split("; ")[0] and up != down
    assert words_of(admission, one, False) == up


# places and what follows from other settings; AnimateDiff-Evolved 1.5.7 has single_trigger always on
NO_EXTRA_SETTING = {"start_t", "single_trigger", "_previous_t", "_current_index", "_current_used_steps"}


def test_what_is_not_compared_is_no_setting():
    compared = {kind.kind: {*kind.fields} for kind in animatediff_windows.SETTINGS}
    objects = inside([extras().context_ref, extras().naive_reuse])
    assert {type(one).__name__ for one in objects} == set(compared)
    for one in objects:
        assert set(vars(one)) - NO_EXTRA_SETTING == compared[type(one).__name__]


@pytest.mark.parametrize("missing", animatediff.EXTRAS.fields)
def test_extras_that_are_not_there(admission, missing):
    group = extras()
    setattr(group, missing, None)
    params = ade.InjectionParams(windows(), extras=extras()), ade.InjectionParams(windows(), extras=group)
    up, down = both_ways(admission, *params)
    assert f"{missing} " in up and f"{missing} " not in down


def test_settings_of_the_same_values_read_alike(admission):
    one = ade.InjectionParams(windows(), extras=extras())
    other = copy.deepcopy(one)
    up, down = both_ways(admission, one, other)
    assert up == down
    assert re.fullmatch(r"windows: .*; context_ref [0-9a-f]{8}; naive_reuse [0-9a-f]{8}", up)


def test_extras_of_a_clip_that_is_not_cut_are_nobodys_business(admission):
    params = ade.InjectionParams(windows(), extras=extras())
    assert words_of(admission, params, True, (4, 4, 3, 3)) == ""


@pytest.mark.parametrize(
    "length, use, cuts", [(8, True, True), (8, False, False), (9, True, False), (7, False, True)]
)
def test_windows_of_the_clips_own_length(admission, length, use, cuts):
    """One looped window of the whole clip turns it round."""
    looped = ade.ContextOptions("looped_uniform", length, use_on_equal_length=use)
    assert bool(words_of(admission, ade.InjectionParams(looped), True)) == cuts


@pytest.mark.parametrize("field", animatediff_windows.COMPARED)
def test_views(admission, field):
    def with_views(**changes) -> ade.InjectionParams:
        views = ade.ContextOptions(context_length=3, **changes)
        return ade.InjectionParams(ade.ContextOptions(context_length=6, view_options=views))

    value = another(getattr(ade.ContextOptions(context_length=3), field))
    plain = words_of(admission, ade.InjectionParams(ade.ContextOptions(context_length=6)), True)
    one = words_of(admission, with_views(), True)
    changed = with_views()
    setattr(changed.context_options.contexts[0].view_options, field, value)
    assert one.startswith(f"{plain}; views: ") and words_of(admission, changed, False) != one


@pytest.mark.parametrize("field", core_pack.HANDLER.fields + core_pack.HANDLER.optional)
def test_every_field_of_cores_windows(admission, field):
    def words(handler, rising: bool) -> str:
        guider = core.CFGGuider(core.Model(handler=handler))
        return admission.admit(guider, SHAPE, FALLING, rising=rising).windows

    other = core.IndexListContextHandler()
    if field in ("context_schedule", "fuse_method"):
        getattr(other, field).name = another(getattr(other, field).name)
    elif field != "_step":  # a place, not a setting
        setattr(other, field, another(getattr(other, field)))
    shared = (core.IndexListContextHandler(), core.IndexListContextHandler())
    assert words(shared[0], True) == words(shared[1], False) != ""
    assert (words(shared[0], True) == words(other, False)) == (field == "_step")

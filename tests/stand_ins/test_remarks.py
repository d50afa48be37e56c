"""What a pass tells its user: about a direct path, about changed noise, and about settings that whole steps
round."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from unsampling_pack.host import mirrors, record, remarks, settings
from unsampling_pack.host.told import brief_of
from unsampling_pack.unsampling import Inversion, UnsamplingError
from unsampling_pack.unsampling.change import Change
from unsampling_pack.unsampling.direct import Direct
from unsampling_pack.unsampling.mirror import of_pixels
from unsampling_pack.unsampling.record import Record

CLIP = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
ANSWERS = (CLIP * 0.5, CLIP * 0.8)
DIRECT = Direct(ANSWERS, 1, (0, 1))
NOISE = Inversion(
    CLIP, torch.tensor([4.0, 2.0, 1.0, 0.0]), "midpoint", record=Record(CLIP, (), direct=DIRECT),
    info={"prompt positive": "abc"},
)  # fmt: skip


SETTINGS = {"turn": None, "mirror": of_pixels()}


def told(answers, prompt="xyz", path=range(2), inversion=NOISE):
    seen, calls = remarks.OnThePath(inversion, path, {"prompt positive": prompt}), []
    report = seen.watched(lambda *given: calls.append(given))
    for i, answer in enumerate(answers):
        report(i + 1, 5, float(NOISE.sigmas[path.start + i]), CLIP, answer)
    assert len(calls) == len(answers)
    return seen.remark(SETTINGS)


def test_another_look_is_nothing_to_remark():
    assert told([ANSWERS[0] + 1, ANSWERS[1] + 1, CLIP]) == ""


def test_the_same_answers_are_no_edit_and_one_other_is_one():
    assert "the direct path changed nothing: the model answered the other prompt" in told([*ANSWERS, CLIP])
    assert "the direct path changed nothing, since the noise was made with" in told([*ANSWERS, CLIP], "abc")
    assert told([ANSWERS[0], ANSWERS[1] + 1e-3, CLIP]) == ""


def test_the_same_prompt_is_seen_beside_a_controlnet():
    """Which makes the answers others."""
    remark = told([ANSWERS[0] + 0.1, ANSWERS[1] + 0.1], "abc")
    assert "was made with this very prompt, so the direct path restyles by the model and its" in remark
    assert told([CLIP], "abc", range(0)) == ""
    unknown = replace(NOISE, info={})
    assert told([ANSWERS[0] + 0.1], None, inversion=unknown) == ""


@pytest.mark.parametrize(
    ("turn", "across", "mirror", "turned"),
    [
        (True, None, of_pixels(), True),
        (None, True, of_pixels(), True),  # auto
        (None, False, of_pixels(), False),
        (None, True, None, False),
        (False, True, of_pixels(), False),
    ],
)
def test_the_mirror_is_what_changes_a_clip_under_the_same_prompt(turn, across, mirror, turned):
    seen = remarks.OnThePath(NOISE, range(2), {"prompt positive": "abc"})
    seen.watched(lambda *_: None)(1, 5, float(NOISE.sigmas[0]), CLIP, ANSWERS[0] + 0.1)
    seen.tell_across(across)
    remark = seen.remark({"turn": turn, "mirror": mirror})
    assert remark.startswith("; the noise was made with this very prompt, so the direct path")
    assert ("changes the clip by the mirror of turn_lightness, and not by the prompt" in remark) is turned
    assert ("set turn_lightness to off" in remark) is turned
    assert ("restyles by the model and its other conditions alone" in remark) is not turned
    assert ("set direct to 0" in remark) is not turned


def test_a_path_that_begins_lower_is_compared_from_there():
    assert "changed nothing" in told([ANSWERS[1]], path=range(1, 2))
    assert told([ANSWERS[0]], path=range(1, 2)) == ""


def test_what_a_pass_looks_at_before_its_path_is_no_answer_of_the_path():
    seen = remarks.OnThePath(NOISE, range(1, 2), {"prompt positive": "xyz"})
    report = seen.watched(lambda *_: None)
    report(1, 5, float(NOISE.sigmas[0]), CLIP, ANSWERS[0] + 1)
    report(2, 5, float(NOISE.sigmas[1]), CLIP, ANSWERS[1])
    assert "changed nothing" in seen.remark(SETTINGS) and seen.calls == 2


def test_an_answer_at_the_first_takes_noise_is_no_answer_of_another_take():
    """A pass looks at the same answers for all takes, at sigmas of its path."""
    seen = remarks.OnThePath(NOISE, range(2), {"prompt positive": "abc"})
    report = seen.watched(lambda *_: None)
    report(1, 5, float(NOISE.sigmas[0]), CLIP, ANSWERS[0] + 1)
    for i, answer in enumerate(ANSWERS):
        report(2 + i, 5, float(NOISE.sigmas[i]), CLIP, answer)
    assert "changed nothing" in seen.remark(SETTINGS)


def test_a_path_that_does_not_tell_of_lightness_says_so_where_lightness_is_to_be_found_out():
    seen = remarks.OnThePath(NOISE, range(2), {"prompt positive": "xyz"})
    seen.watched(lambda *_: None)(1, 5, float(NOISE.sigmas[0]), CLIP, ANSWERS[0] + 1)
    seen.tell_across(None)
    assert "set turn_lightness to on" in seen.remark(SETTINGS)
    assert seen.remark(SETTINGS | {"turn": False}) == ""
    assert seen.remark(SETTINGS | {"mirror": None}) == ""  # then on is refused


@pytest.mark.parametrize("kept", ["bare", "first"])
def test_a_schedule_that_begins_low_says_that_it_does_not_show_lightness(kept):
    """In the log alone: it is so in every run of SD1.5."""
    bare = replace(DIRECT, bare=CLIP)
    answers = bare if kept == "bare" else replace(DIRECT, first=bare)
    low = replace(NOISE, record=replace(NOISE.record, direct=answers))
    seen = remarks.OnThePath(low, range(2), {"prompt positive": "xyz"})
    seen.watched(lambda *_: None)(1, 5, float(NOISE.sigmas[0]), CLIP, ANSWERS[0] + 1)
    remark = seen.remark(SETTINGS)
    assert (
        "begins this low" in remark and remark.endswith("set turn_lightness to on") and brief_of(remark) == ()
    )
    for other in ({"turn": False}, {"turn": True}, {"mirror": None}):
        assert seen.remark(SETTINGS | other) == ""
    assert remarks.OnThePath(low, range(0), {"prompt positive": "xyz"}).remark(SETTINGS) == ""


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (SETTINGS, "; lightness was turned round, since the new look is dark where"),
        ({"turn": False, "mirror": of_pixels()}, "the other way round: set turn_lightness to auto"),
        ({"turn": False, "mirror": None}, "the other way round: set turn_lightness to auto"),
        (
            {"turn": None, "mirror": None},
            "the other way round: Turn Lightness before VAE Encode, with an empty",
        ),
    ],
)
def test_what_is_said_of_a_look_across_lightness_has_the_cure(settings, said):
    seen = remarks.OnThePath(NOISE, range(2), {"prompt positive": "xyz"})
    assert seen.remark(settings) == ""
    seen.tell_across(True)
    assert said in seen.remark(settings)
    seen.tell_across(False)
    assert seen.remark(settings) == ""


FORMAT = SimpleNamespace(latent_rgb_factors=[[0.3, 0.2, 0.3], [0.3, 0.5, 0.2], [-0.3, 0.2, 0.3]])


def test_the_mirror_is_of_comfyuis_preview_colours():
    plain, shifted = (
        mirrors.of(SimpleNamespace(**vars(FORMAT), latent_rgb_factors_bias=bias), 3, False)
        for bias in (None, [0.1, 0.2, 0.3])
    )
    x, factors = CLIP[:, :3], torch.tensor(FORMAT.latent_rgb_factors)
    for mirror, bias in ((plain, 0.0), (shifted, 0.2)):
        lightness = torch.einsum("nchw,cr->nhwr", x, factors).mean(-1) + bias
        turned = torch.einsum("nchw,cr->nhwr", mirror(x), factors).mean(-1) + bias
        assert torch.allclose(turned, -lightness, atol=1e-5)
    assert mirrors.of(FORMAT, 3, True).flow


@pytest.mark.parametrize(
    "unlike",
    [
        SimpleNamespace(),
        SimpleNamespace(latent_rgb_factors=None),
        SimpleNamespace(latent_rgb_factors=[[0.1, 0.2, 0.3]] * 4),
        SimpleNamespace(latent_rgb_factors=[[1.0, -1.0, 0.0]] * 3),
        SimpleNamespace(**vars(FORMAT), latent_rgb_factors_reshape=lambda x: x),
    ],
)
def test_latents_without_such_colours_have_none_and_on_is_refused(unlike):
    mirror = mirrors.of(unlike, 3, False)
    assert mirror is None
    assert (mirrors.check("auto", mirror, False), mirrors.check("off", mirror, False)) == (None, False)
    with pytest.raises(UnsamplingError, match="set it to off, and put Turn Lightness before VAE Encode"):
        mirrors.check("on", mirror, False)


def test_a_core_sampler_turns_nothing_round():
    mirror = mirrors.of(FORMAT, 3, False)
    assert mirrors.check("on", mirror, False) is True
    with pytest.raises(UnsamplingError, match="which a core sampler cannot do; set it to off"):
        mirrors.check("on", mirror, True)
    assert mirrors.check("auto", mirror, True) is None


@pytest.mark.parametrize("value, engine", [(-1.0, None), (0.0, 0.0), (0.4, 0.4), (1.0, 1.0)])
def test_minus_1_leaves_it_to_the_record(value, engine):
    assert settings.check_direct(value) == engine


@pytest.mark.parametrize("value", [-0.5, -0.01, 1.01, float("nan")])
def test_what_is_neither_is_refused(value):
    with pytest.raises(UnsamplingError, match="set it between 0 and 1, or to -1"):
        settings.check_direct(value)


@pytest.mark.parametrize(
    "wanted, named",
    [
        (["steady"], "steady above 0 needs"),
        (["hold"], "hold above 0 needs"),
        (["direct", "steady"], "direct and steady above 0 need"),
        (["direct", "hold", "steady"], "direct, hold and steady above 0 need"),
    ],
)
@pytest.mark.parametrize(
    "carried, why", [(False, "noise carries no record"), (True, "frames were added to the noise")]
)
def test_settings_that_need_a_lost_record_are_named(wanted, named, carried, why):
    fit = record.Fit(NOISE, Change.FRAMES_ADDED if carried else Change.NONE)
    given = {"direct": None, "hold": 0.0, "steady": 0.0, "structure": 0.0}
    settings.check_record(fit, given, carried)
    with pytest.raises(
        UnsamplingError, match=f"^{why}.* which {named};.* set {named.split(' above')[0]} to 0"
    ):
        settings.check_record(fit, given | dict.fromkeys(wanted, 0.5), carried)
    settings.check_record(replace(fit, change=Change.EDITED), given | dict.fromkeys(wanted, 0.5), True)


STEPS = torch.tensor([14.0, 5.0, 2.0, 1.0, 0.0])
MASK = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1)
PLAIN = {"structure": 0.0, "direct": None, "hold": 0.0, "steady": 0.0}


def recorded(mask=None, start: int = 0, path: int = 0) -> Inversion:
    direct = Direct((CLIP,) * path, 1, (0, 1)) if path else None
    return Inversion(CLIP, STEPS, "midpoint", start, Record(CLIP, (), mask=mask, direct=direct))


def changed(inversion: Inversion, change=Change.EDITED, path=range(0), **given) -> str:
    fit = record.Fit(inversion, change, (2, 2))
    return remarks.of_change(fit, inversion, PLAIN | given, path, lost_path=False)


EDITED = "; the noise was changed since: not exact"
BESIDE = (
    " the clip is the source as it was unsampled, beside what the change made of the rest: make the change (a"
    " flip, another clip) before VAE Encode, or "
)


@pytest.mark.parametrize(
    ("mask", "given", "where", "cure"),
    [
        (MASK, {}, "outside the mask", "remove the mask"),
        (
            None,
            {"structure": torch.tensor([0.0, 0.5])},
            "in the frames that structure starts lower",
            "give structure one number",
        ),
        (None, {"hold": 0.5}, "in the layout that hold keeps", "set hold to 0"),
        (None, {"steady": 0.5}, "in the changes over time that steady keeps", "set steady to 0"),
        (
            MASK,
            {"structure": torch.tensor([0.0, 1.0])},
            "outside the mask and in the frames that structure starts lower",
            "remove the mask and give structure one number",
        ),
    ],
)
def test_changed_noise_beside_the_unchanged_source_is_told_with_the_cure(mask, given, where, cure):
    assert changed(recorded(mask), **given) == f"{EDITED}, and {where}{BESIDE}{cure}"
    assert "beside" not in changed(recorded(mask), Change.SLICED, **given)
    assert "beside" not in changed(recorded(mask), Change.ROUNDED, **given)


@pytest.mark.parametrize(
    ("given", "has_effect"),
    [
        ({"structure": 0.0}, True),
        ({"structure": 0.1}, True),  # which begins in the first step
        ({"structure": torch.tensor([0.1, 0.1])}, True),
        ({"structure": 0.25}, False),
        ({"structure": torch.tensor([0.5, 0.25])}, False),
        ({"path": range(2), "direct": 0.5}, False),
    ],
)
def test_a_change_has_an_effect_where_a_frame_begins_at_the_noise(given, has_effect):
    found = changed(recorded(path=2 if "path" in given else 0), **{"direct": 0.0} | given)
    assert found.startswith(EDITED) == has_effect
    assert ("starts from the record, so the change made to the noise has no effect" in found) != has_effect
    rounded = changed(recorded(path=2 if "path" in given else 0), Change.ROUNDED, **{"direct": 0.0} | given)
    assert bool(rounded) == has_effect


@pytest.mark.parametrize(
    ("share", "taken", "expected"),
    [
        (None, 2, ""),
        (0.0, 0, ""),
        (1.0, 4, ""),
        (0.5, 2, ""),
        (0.6, 2, ""),
        (0.05, 1, "; end 0.05 is rounded to whole steps, of which there are 4: it means 1 of them, 0.25"),
        (0.9, 4, "; end 0.9 is rounded to whole steps, of which there are 4: it means all of them"),
    ],
)
def test_a_share_of_the_steps_that_is_rounded_up(share, taken, expected):
    assert remarks.of_share("end", share, taken, 4) == expected

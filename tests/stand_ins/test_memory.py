"""What is said of a model by its answers, and when two passes ask under the same settings."""

import uuid

import comfy_objects as core
import pytest
import torch
from foreign import Foreign

from unsampling_pack.host import repeats
from unsampling_pack.host.record import Fit
from unsampling_pack.unsampling import UnsamplingError
from unsampling_pack.unsampling.change import Change

CLIP = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("off, told", [(0.0, ""), (1e-2, ""), (0.05, "only within 5.0% of the noise")])
@pytest.mark.parametrize("sigma", [0.1, 1.0, 14.6])
def test_small_differences_are_rounding_and_larger_ones_are_told(off, told, sigma):
    seen = repeats.Repeats(rising=True)
    seen.compare(sigma, CLIP, CLIP + off * sigma)
    assert told in seen.remark and bool(told) == bool(seen.remark)


@pytest.mark.parametrize("rising, words", [(True, "the same a second time"), (False, "same prompts and")])
@pytest.mark.parametrize("shape", [(3, 4, 8, 8), (1, 4, 3, 8, 8)])
def test_other_answers_are_refused_even_in_one_frame(rising, words, shape):
    first = torch.zeros(shape)
    later = first.clone()
    (later if len(shape) == 4 else later[0].transpose(0, 1))[1] += 0.3
    with pytest.raises(UnsamplingError, match=f"does not repeat itself: .*{words}.* 0.3 times the noise"):
        repeats.Repeats(rising).compare(1.0, first, later)


def test_after_a_first_difference_the_questions_are_others():
    seen = repeats.Repeats(rising=False)
    seen.compare(1.0, CLIP, CLIP + 0.05)
    seen.compare(1.0, CLIP, CLIP + 1)
    assert "only within 5.0%" in seen.remark


@pytest.mark.parametrize("between", [0, 1])
def test_one_answer_for_two_latents_is_told_and_refused_beside_another_tell(between):
    seen = repeats.Repeats(rising=True)
    seen.see(CLIP, CLIP)
    for i in range(between):
        seen.see(CLIP + i, CLIP * 2)
    seen.see(CLIP * 1.1, CLIP)
    assert f"model calls 1 and {2 + between} got one answer for two latents" in seen.remark
    with pytest.raises(UnsamplingError, match="does not repeat itself"):
        seen.compare(1.0, CLIP, CLIP + 1e-3)


@pytest.mark.parametrize(
    "latent, answer",
    [(CLIP, CLIP), (CLIP * (1 + 1e-5), CLIP), (CLIP * 2, CLIP * 1.0001), (CLIP[:2], CLIP[:2])],
    ids=["the same again", "nearly the same", "another answer", "fewer frames"],
)
def test_other_calls_are_no_tell(latent, answer):
    seen = repeats.Repeats(rising=True)
    seen.see(CLIP, CLIP)
    seen.see(latent, answer)
    assert seen.remark == ""


def test_another_prompt_is_told_only_where_every_answer_is_the_recorded_one():
    seen = repeats.Repeats(rising=False, repeats=False)
    seen.compare(1.0, CLIP, CLIP)
    assert seen.remark == ""  # a slice of the noise, or a ControlNet made anew
    seen = repeats.Repeats(rising=False, repeats=False, other_prompt=True)
    assert seen.remark == ""
    seen.compare(1.0, CLIP, CLIP)
    assert "looks at no prompt, or re-uses answers" in seen.remark
    seen.compare(1.0, CLIP, CLIP + 1)
    assert seen.remark == ""


def test_at_cfg_0_another_positive_is_not_asked():
    seen = repeats.Repeats(rising=False, cfg=0.0, repeats=False, other_prompt=True)
    seen.compare(1.0, CLIP, CLIP)
    assert seen.remark == ""


def test_a_higher_cfg_magnifies_what_rounding_does():
    repeats.Repeats(rising=False, cfg=7.0).compare(1.0, CLIP, CLIP + 0.3)
    for cfg, off in ((7.0, 0.8), (0.0, 0.2)):
        with pytest.raises(UnsamplingError, match="does not repeat itself"):
            repeats.Repeats(rising=False, cfg=cfg).compare(1.0, CLIP, CLIP + off)


def conditions(text=1.0, **more):
    return {"positive": [{"cross_attn": torch.full((1, 3), text), "uuid": uuid.uuid4(), **more}]}


def guider(model, conds=None, cfg=1.0):
    return core.CFGGuider(model, conds or conditions(), cfg)


MODEL = core.Model()
CONTROL = Foreign(strength=1.0)


@pytest.mark.parametrize(
    "other, same",
    [
        (lambda: guider(MODEL), True),
        (lambda: guider(MODEL, conditions(control=None)), False),
        (lambda: guider(MODEL, conditions(2.0)), False),
        (lambda: guider(MODEL, cfg=2.0), False),
        (lambda: guider(core.Model()), False),
        (lambda: guider(MODEL, conditions(strength=0.5)), False),
        (lambda: guider(MODEL, {**conditions(), "negative": []}), False),
    ],
)
def test_only_the_same_settings_are_the_same(likeness, other, same):
    assert likeness.of(guider(MODEL)).same(likeness.of(other())) is same


def test_objects_are_known_by_which_they_are_and_not_held(likeness):
    first = likeness.of(guider(MODEL, conditions(control=CONTROL)))
    assert first.same(likeness.of(guider(MODEL, conditions(control=CONTROL))))
    assert not first.same(likeness.of(guider(MODEL, conditions(control=Foreign(strength=1.0)))))
    model = core.Model()
    before, after = likeness.of(guider(model)), likeness.of(guider(model))
    assert before.same(after)
    del model
    assert not before.same(after)


@pytest.mark.parametrize(
    "change, fidelity, same",
    [
        (Change.NONE, 1.0, True),
        (Change.NONE, torch.ones(3), True),
        (Change.NONE, 0.5, False),
        (Change.EDITED, 1.0, False),
        (Change.SLICED, torch.ones(3), False),
    ],
)
def test_a_pass_repeats_the_unsampling_with_unchanged_noise_and_its_whole_record(
    likeness, change, fidelity, same
):
    asker = guider(MODEL)
    carried = Foreign(likeness=likeness.of(asker))
    assert likeness.repeats(asker, carried, Fit(None, change), fidelity) is same
    assert not likeness.repeats(asker, None, Fit(None, change), fidelity)
    assert not likeness.repeats(asker, Foreign(likeness=None), Fit(None, change), fidelity)

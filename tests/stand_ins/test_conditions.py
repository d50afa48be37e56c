"""Prompts over a clip: which a slice of noise takes, what stays as it came in, and what the user is told."""

from types import SimpleNamespace

import pytest
import torch
from comfy_objects import CFGGuider, Model
from foreign import Foreign

from unsampling_pack.host import record
from unsampling_pack.host.packs import core_conditions
from unsampling_pack.host.places import Placed
from unsampling_pack.unsampling import Inversion, UnsamplingError
from unsampling_pack.unsampling.change import Change

WHOLE = 8
SIGMAS = torch.tensor([14.6, 9.0, 5.0, 1.0, 0.0])
STATIC = "standard_static pyramid: length 4"
NOISE = Inversion(torch.empty(0), SIGMAS, "midpoint")


def numbered(count: int, *shape: int) -> torch.Tensor:
    """A tensor of which row i holds i."""
    return torch.arange(count).float().reshape(-1, *(1 for _ in shape)).expand(count, *shape)


class ControlNet(Foreign):
    """A ControlNet with its pictures; others before it."""

    __module__ = "comfy.controlnet"

    def __init__(self, hint, before=None, **more):
        super().__init__(cond_hint_original=hint, previous_controlnet=before, **more)

    def copy(self):
        fields = {name: value for name, value in vars(self).items() if name != "previous_controlnet"}
        hint = fields.pop("cond_hint_original")
        return type(self)(hint, **fields)


class ControlNetAdvanced(ControlNet):
    """Advanced-ControlNet's, with a mask a frame."""

    __module__ = "pack.adv_control.control"


def guider(positive=None, negative=None, cfg: float = 1.0, **model) -> CFGGuider:
    conds = {"positive": positive or [], "negative": negative or []}
    return CFGGuider(Model(**model), conds, cfg)


def prompts(count: int, **more) -> dict:
    return {"cross_attn": numbered(count, 77, 8), "pooled_output": numbered(count, 8), **more}


def fit(frames: list[int] | None, cut=None, others=None) -> record.Fit:
    placed = Placed(frames or [], others or {})
    return record.Fit(NOISE, Change.SLICED, (len(frames or []), WHOLE), frames, cut, placed=placed)


def carried(recorded: int = WHOLE) -> SimpleNamespace:
    return SimpleNamespace(shape=(WHOLE, 4, 8, 8), digests=("",) * recorded)


def numbers(cond: dict, key: str = "cross_attn") -> list[float]:
    return cond[key].flatten(1)[:, 0].tolist()


@pytest.mark.parametrize(
    "frames, cut, recorded, own",
    [
        ([2, 3, 4], None, WHOLE, [2, 3, 4]),
        ([7, 0], None, WHOLE, [7, 0]),
        ([1, 0], (4, 6), 2, [6, 4]),  # of a file that holds two of the frames
        ([3, 3], None, WHOLE, [3, 3]),
        (list(range(WHOLE))[::-1], None, WHOLE, list(range(WHOLE))[::-1]),
    ],
)
@pytest.mark.parametrize("count", [WHOLE, 120])
def test_a_slice_takes_what_belongs_to_its_frames(conditions, count, frames, cut, recorded, own):
    mask = {"mask": numbered(count, 8, 8), "strength": 1.0, "area": (1, 2, 3, 4)}
    given = guider([prompts(count, **mask), prompts(1)], [prompts(1)])
    made = conditions.of_slice(given, fit(frames, cut), carried(recorded))
    first, alone = made.original_conds["positive"]
    assert [numbers(first, key) for key in ("cross_attn", "pooled_output", "mask")] == [own] * 3
    assert first["strength"] == 1.0 and first["area"] == (1, 2, 3, 4)
    assert numbers(alone) == [0.0]
    assert numbers(given.original_conds["positive"][0]) == list(range(count))  # what came in stays


@pytest.mark.parametrize(
    "frames, count",
    [([2, 3, 4], 3), ([2, 3, 4], 5), (list(range(WHOLE)), WHOLE), (list(range(WHOLE)) * 2, 2 * WHOLE)],
)
def test_prompts_of_the_frames_in_hand_stay_as_they_are(conditions, frames, count):
    made = conditions.of_slice(guider([prompts(count)]), fit(frames), carried())
    assert numbers(made.original_conds["positive"][0]) == list(range(count))


def test_noise_without_places_or_record_keeps_its_guider(conditions):
    given = guider([prompts(WHOLE)])
    assert conditions.of_slice(given, fit(None), carried()) is given
    assert conditions.of_slice(given, fit([1]), None) is given


def test_every_controlnet_gets_the_pictures_of_these_frames(conditions):
    first = ControlNet(numbered(WHOLE, 3, 8, 8))
    single = ControlNet(numbered(1, 3, 8, 8), first)
    last = ControlNetAdvanced(numbered(WHOLE, 3, 8, 8), single, mask_cond_hint_original=numbered(WHOLE, 8, 8))
    made = conditions.of_slice(guider([prompts(1, control=last)]), fit([5, 6]), carried())
    control = made.original_conds["positive"][0]["control"]
    assert numbers(vars(control), "cond_hint_original") == [5, 6]
    assert numbers(vars(control), "mask_cond_hint_original") == [5, 6]
    assert numbers(vars(control.previous_controlnet), "cond_hint_original") == [0]
    assert numbers(vars(control.previous_controlnet.previous_controlnet), "cond_hint_original") == [5, 6]
    assert len(last.cond_hint_original) == len(last.mask_cond_hint_original) == WHOLE
    assert last.previous_controlnet is single and single.previous_controlnet is first


def test_one_picture_for_all_frames_keeps_its_controlnet(conditions):
    control = ControlNet(numbered(1, 3, 8, 8), ControlNet(None))
    made = conditions.of_slice(guider([prompts(1, control=control)]), fit([5, 6]), carried())
    assert made.original_conds["positive"][0]["control"] is control


@pytest.mark.parametrize(
    "kind, field",
    [
        *((ControlNet, name) for name in core_conditions.CONTROL.fields),
        (ControlNetAdvanced, "mask_cond_hint_original"),
    ],
)
def test_a_controlnet_whose_field_was_renamed_is_missed(conditions, monkeypatch, kind, field):
    control = kind(numbered(WHOLE, 3, 8, 8), mask_cond_hint_original=numbered(WHOLE, 8, 8))
    monkeypatch.setattr(kind, "gone", frozenset({field}))
    with pytest.raises(UnsamplingError, match=f"has no {field} in its {kind.__name__} any more"):
        conditions.of_slice(guider([prompts(1, control=control)]), fit([5, 6]), carried())


def test_both_experts_take_their_own_prompts(conditions, experts):
    high, low = guider([prompts(WHOLE)]), guider([prompts(WHOLE)])
    made = conditions.of_slice(experts.Experts((high, low), 5.0), fit([4]), carried())
    assert [numbers(one.original_conds["positive"][0]) for one in made.guiders] == [[4.0], [4.0]]
    assert made.border == 5.0


def test_equal_frames_whose_prompts_differ_are_a_sentence(conditions):
    unsure = fit([2, 3], others={0: [2, 3], 1: [2, 3]})
    sentence = "the prompts are others in frames of the clip that are equal, and .* which 2 of its 8 frames"
    with pytest.raises(UnsamplingError, match=sentence):
        conditions.of_slice(guider([prompts(WHOLE)]), unsure, carried())
    same = {key: value[[0, 1, 2, 2, 4, 5, 6, 7]] for key, value in prompts(WHOLE).items()}
    made = conditions.of_slice(guider([same]), unsure, carried())
    assert numbers(made.original_conds["positive"][0]) == [2, 2]


def told(conditions, given, frames: int = WHOLE, windows: str = "", shape=(4, 8, 8)) -> str:
    return conditions.remark(given, torch.zeros(frames, *shape), windows, SIGMAS)


@pytest.mark.parametrize("count", [1, WHOLE])
@pytest.mark.parametrize("windows", ["", STATIC])
def test_a_prompt_for_all_or_one_a_frame_is_nothing_to_remark(conditions, count, windows):
    assert told(conditions, guider([prompts(count)], [prompts(1)]), windows=windows) == ""


@pytest.mark.parametrize("count", [3, 120])
def test_windows_want_as_many_prompts_as_frames(conditions, count):
    remark = told(conditions, guider([prompts(count)]), windows=STATIC)
    assert f"positive has {count} prompts for 8 frames, so that every context window begins" in remark
    assert "make it 8 (max_frames of Batch Prompt Schedule, max_length of Prompt Scheduling)" in remark


def test_a_whole_clip_says_only_what_begins_anew(conditions):
    assert told(conditions, guider([prompts(120)])) == ""
    remark = told(conditions, guider([prompts(1)], [prompts(3)]))
    assert remark == "; negative has 3 prompts for 8 frames, and begins anew after the last"


def test_a_model_of_whole_clips_takes_one_prompt(conditions):
    remark = told(conditions, guider([prompts(16)]), 1, shape=(4, 16, 8, 8))
    assert (
        "positive has 16 prompts, of which a model that makes all frames together takes the first" in remark
    )


@pytest.mark.parametrize(
    "ranges, between",
    [
        ([(0.0, 0.2), (0.5, 1.0)], "sigma 9:"),
        ([(0.5, 1.0)], "sigma 14.6 to 9,"),
        ([(0.0, 0.3)], "sigma 9 to 1,"),
    ],
)
def test_steps_without_a_prompt_are_named(conditions, ranges, between):
    """The stand-in's sigmas fall in proportion to the percent, from 14.6."""
    conds = [prompts(1, start_percent=start, end_percent=end) for start, end in ranges]
    remark = told(conditions, guider(conds))
    assert f"positive has no prompt at {between.rstrip(':,')}, where" in remark
    assert "let the ranges of Conditioning Set Timestep Range meet" in remark


@pytest.mark.parametrize(
    "ranges", [[(0.0, 0.5), (0.5, 1.0)], [(0.0, 1.0), (0.2, 0.3)], [(0.0, 0.6), (0.3, 1.0)]]
)
def test_ranges_that_meet_are_nothing_to_remark(conditions, ranges):
    conds = [prompts(1, start_percent=start, end_percent=end) for start, end in ranges]
    assert told(conditions, guider(conds)) == ""


def test_hooks_on_the_text_encoder_have_ranges_too(conditions):
    conds = [prompts(1, clip_start_percent=0.0, clip_end_percent=1.0, start_percent=0.3)]
    assert "positive has no prompt at sigma 14.6, where" in told(conditions, guider(conds))


def test_a_negative_that_is_not_asked_has_no_say(conditions):
    late = [prompts(1, start_percent=0.5)]
    assert told(conditions, guider([prompts(1)], late)) == ""
    assert "negative has no prompt at" in told(conditions, guider([prompts(1)], late, cfg=2.0))


def test_of_two_experts_each_answers_for_its_own_sigmas(conditions, experts):
    early, late = [prompts(1, end_percent=0.5)], [prompts(1, start_percent=0.5)]
    both = experts.Experts((guider(early), guider(late)), 7.3)
    assert told(conditions, both) == ""
    wrong = experts.Experts((guider(late), guider(early)), 7.3)
    remark = told(conditions, wrong)
    assert "high-noise positive has no prompt at sigma 14.6 to 9," in remark
    assert "low-noise positive has no prompt at sigma 5 to 1," in remark

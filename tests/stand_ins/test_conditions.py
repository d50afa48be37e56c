"""Prompts over a clip: which a slice of noise takes, what stays as it came in, and what the user is told."""

from types import SimpleNamespace

import animatediff_objects as ade
import controlnet_objects as acn
import pytest
import torch
from comfy_objects import CFGGuider, Model
from foreign import Foreign

from unsampling_pack.host import record
from unsampling_pack.host.packs import advanced_controlnet_frames, animatediff_frames, core_conditions
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

    def __init__(self, hint, before=None, **more):
        fields = {"latent_keyframe_override": None, "weights_override": None, "mask_cond_hint_original": None}
        super().__init__(hint, before, **fields | more)
        self.set_timestep_keyframes(
            more.get("timestep_keyframes") or acn.TimestepKeyframeGroup(acn.TimestepKeyframe())
        )

    def set_timestep_keyframes(self, keyframes) -> None:
        self.timestep_keyframes = keyframes


class Attn2Replace(Foreign):
    """ComfyUI_IPAdapter_plus's in the place of an attention, with the settings of its adapters."""

    def __init__(self, *adapters: dict):
        super().__init__(kwargs=list(adapters), multigpu_kwargs={"cuda:1": list(adapters)})


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


def strengths(control, frame: int = 0) -> dict[int, float]:
    """The latent keyframes of a timestep keyframe, by the places that they count."""
    group = vars(control)["timestep_keyframes"].keyframes[frame].latent_keyframes
    return {one.batch_index: one.strength for one in group.keyframes}


def over_time(latents: dict[int, float] | None = None) -> acn.TimestepKeyframeGroup:
    """Two timestep keyframes; on the second a mask a frame, weights by masks, and latent keyframes."""
    latents = {2: 0.2, 5: 0.5, -1: 0.7} if latents is None else latents
    more = {"mask": numbered(WHOLE, 8, 8), "weights": acn.ControlWeights(numbered(WHOLE, 8, 8))}
    second = acn.TimestepKeyframe(0.5, latents=acn.LatentKeyframeGroup(latents), **more)
    return acn.TimestepKeyframeGroup(acn.TimestepKeyframe(), second)


@pytest.mark.parametrize(
    "frames, found",
    [
        ([2, 3, 5], {0: 0.2, 2: 0.5}),
        ([7, 5], {0: 0.7, 1: 0.5}),  # one below 0 counts from the end of the whole clip
        ([5, 5, 0], {0: 0.5, 1: 0.5}),
        ([0, 1], {}),  # of these frames none has one: all take the strength of the others
        (list(range(WHOLE))[::-1], {0: 0.7, 2: 0.5, 5: 0.2}),
    ],
)
def test_latent_keyframes_go_with_their_frames(conditions, frames, found):
    control = ControlNetAdvanced(numbered(1, 3, 8, 8), timestep_keyframes=over_time())
    given = guider([prompts(1, control=control)])
    made = conditions.of_slice(given, fit(frames), carried())
    other = made.original_conds["positive"][0]["control"]
    assert strengths(other, 1) == pytest.approx(found)
    second = vars(other)["timestep_keyframes"].keyframes[1]
    assert numbers(vars(second), "mask_hint_orig") == frames
    assert numbers(vars(second.control_weights), "weight_mask") == frames
    assert vars(other)["timestep_keyframes"].keyframes[0] is control.timestep_keyframes.keyframes[0]
    # what came in stays
    assert strengths(control, 1) == {2: 0.2, 5: 0.5, -1: 0.7}
    said = told(conditions, made, len(frames), part=True)
    assert said == "; latent keyframes count the frames of the whole noise, of which these are a part"
    assert told(conditions, given) == ""


class SparseCtrlAdvanced(ControlNetAdvanced):
    """Spreads a few pictures over the frames in hand."""


def test_sparsectrl_on_a_part_is_told(conditions):
    given = guider([prompts(1, control=ControlNet(None, SparseCtrlAdvanced(numbered(1, 3, 8, 8))))])
    made = conditions.of_slice(given, fit([5, 6]), carried())
    said = told(conditions, made, 2, part=True)
    assert said.startswith("; SparseCtrl places its pictures as if these frames were the whole clip")
    assert told(conditions, given) == ""


NUMBERS = dict.fromkeys(animatediff_frames.OF_FRAMES, 0.5)
PER_FRAME = {
    **{name: ({name: numbered(2, 1, 1)}, {}) for name in animatediff_frames.OF_FRAMES},
    "a camera's way": ({"orig_camera_entries": ["pan", "pan"]}, {}),
    "a keyframe's scale": ({}, {"scale_multival": numbered(WHOLE, 1, 1)}),
}


@pytest.mark.parametrize("of_motion, of_keyframe", PER_FRAME.values(), ids=PER_FRAME)
def test_what_animatediff_has_for_each_frame_is_told_of_a_part(conditions, of_motion, of_keyframe):
    alike = dict.fromkeys(animatediff_frames.KEYFRAME.fields, numbered(1, 1, 1))
    said = []
    for of_one, of_other in (({}, {}), (of_motion, of_keyframe)):
        motion = ade.MotionModelPatcher(keyframes=[SimpleNamespace(**alike | of_other)])
        vars(motion.get_attachment("ADE")).update(NUMBERS | of_one)
        given = guider([prompts(1)], motion=motion)
        said.append(told(conditions, given, 2, part=True))
        assert told(conditions, given) == ""
    assert said[0] == ""
    assert said[1].startswith(
        "; AnimateDiff's settings for each frame (scale, effect, cfg, camera, pictures)"
    )


@pytest.mark.parametrize("field", animatediff_frames.MOTION.fields)
def test_a_motion_models_field_that_was_renamed_is_missed(conditions, monkeypatch, field):
    monkeypatch.setattr(ade.MotionModelAttachment, "gone", frozenset({field}))
    given = guider([prompts(1)], motion=ade.MotionModelPatcher())
    with pytest.raises(UnsamplingError, match=f"has no {field} in its MotionModelAttachment any more"):
        told(conditions, given, 2, part=True)


def test_custom_cfg_for_each_frame_is_told_of_a_part(conditions):
    frames = [ade.CustomCFGKeyframe(value) for value in (2.0, numbered(WHOLE, 1, 1))]
    for count, begins in ((1, ""), (2, "; AnimateDiff's settings for each frame")):
        group = ade.CustomCFGKeyframeGroup(*frames[:count])
        given = guider([prompts(1)], settings=ade.SampleSettings(custom_cfg=group))
        said = told(conditions, given, 2, part=True)
        assert said.startswith(begins) and bool(said) is bool(begins)


def test_what_takes_the_place_of_keyframes_goes_with_the_frames_as_well(conditions):
    control = ControlNetAdvanced(
        None,
        latent_keyframe_override=acn.LatentKeyframeGroup({4: 0.4, 99: 1.0}),
        weights_override=acn.ControlWeights(numbered(WHOLE, 8, 8)),
    )
    made = conditions.of_slice(guider([prompts(1, control=control)]), fit([3, 4]), carried())
    other = vars(made.original_conds["positive"][0]["control"])
    (one,) = other["latent_keyframe_override"].keyframes
    assert (one.batch_index, one.strength) == (1, 0.4)
    assert numbers(vars(other["weights_override"]), "weight_mask") == [3, 4]
    assert other["timestep_keyframes"] is control.timestep_keyframes


def test_equal_frames_with_other_latent_keyframes_are_a_sentence(conditions):
    unsure = fit([2, 3], others={0: [2, 3], 1: [2, 3]})
    with pytest.raises(UnsamplingError, match="differs in frames of the clip that are equal"):
        control = ControlNetAdvanced(None, timestep_keyframes=over_time())
        for field in ("mask_hint_orig", "control_weights"):
            setattr(control.timestep_keyframes.keyframes[1], field, None)
        conditions.of_slice(guider([prompts(1, control=control)]), unsure, carried())


@pytest.mark.parametrize("kind", ["LatentKeyframe", "LatentKeyframeGroup", "ControlWeights"])
def test_a_renamed_field_of_keyframes_is_missed(conditions, monkeypatch, kind):
    names = advanced_controlnet_frames
    declared = {one.kind: one for one in (names.LATENT, names.LATENTS, names.WEIGHTS)}
    for field in declared[kind].fields:
        monkeypatch.setattr(vars(acn)[kind], "gone", frozenset({field}))
        with pytest.raises(UnsamplingError, match=f"has no {field} in its {kind} any more"):
            control = ControlNetAdvanced(None, timestep_keyframes=over_time())
            conditions.of_slice(guider([prompts(1, control=control)]), fit([5, 6]), carried())


def adapter(count: int, masks: int = 1, **more) -> dict:
    """An IP-Adapter's settings, with so many pictures."""
    given = {"cond": numbered(count, 4, 8), "uncond": numbered(count, 4, 8), "cond_alt": None, "weight": 1.0}
    return given | {"mask": numbered(masks, 8, 8), "sigma_start": 14.6, "ipadapter": object()} | more


def adapted(*adapters: dict) -> CFGGuider:
    made = guider([prompts(1)])
    replaced = {"attn2": {("input", 1): Attn2Replace(*adapters), ("output", 3): max}, "attn1": {}}
    made.model_options["transformer_options"] = {"patches_replace": replaced, "other": 1}
    return made


def adapters(given) -> list[dict]:
    return given.model_options["transformer_options"]["patches_replace"]["attn2"]["input", 1].kwargs


@pytest.mark.parametrize(
    "count, frames, own",
    [
        (WHOLE, [5, 6], [5, 6]),
        (120, [7, 0], [7, 0]),
        (3, [1, 2, 6, 7], [1, 2, 2, 2]),  # the pack goes on with the last picture
        (2, [5, 6], [0, 1]),  # made for the part itself
    ],
)
def test_an_adapters_pictures_go_with_their_frames(conditions, count, frames, own):
    weights = {3: numbered(WHOLE, 1, 1)}
    given = adapted(adapter(count, WHOLE), adapter(1, weight=weights, cond_alt={3: numbered(count, 4, 8)}))
    made = conditions.of_slice(given, fit(frames), carried())
    first, second = adapters(made)
    assert [numbers(first, name) for name in ("cond", "uncond")] == [own] * 2
    assert numbers(first, "mask") == frames == numbers(second["weight"], 3)
    assert numbers(second["cond_alt"], 3) == own and len(second["cond"]) == 1
    assert first["ipadapter"] is adapters(given)[0]["ipadapter"]
    patches = made.model_options["transformer_options"]["patches_replace"]["attn2"]
    assert patches["input", 1].multigpu_kwargs == {} and patches["output", 3] is max
    assert made.model_options["transformer_options"]["other"] == 1
    assert len(adapters(given)[0]["mask"]) == WHOLE and made.model_patcher is given.model_patcher


def test_one_picture_for_all_frames_keeps_its_adapter(conditions):
    given = adapted(adapter(1), adapter(1, weight={3: 0.5}))
    made = conditions.of_slice(given, fit([5, 6]), carried())
    assert made.model_options is given.model_options


def test_an_adapter_whose_field_was_renamed_is_missed(conditions, monkeypatch):
    monkeypatch.setattr(Attn2Replace, "gone", frozenset({"kwargs"}))
    with pytest.raises(UnsamplingError, match="ComfyUI_IPAdapter_plus has no kwargs in its Attn2Replace any"):
        conditions.of_slice(adapted(adapter(WHOLE)), fit([5, 6]), carried())


def test_one_picture_for_all_frames_keeps_its_controlnet(conditions):
    control = ControlNet(numbered(1, 3, 8, 8), ControlNet(None))
    made = conditions.of_slice(guider([prompts(1, control=control)]), fit([5, 6]), carried())
    assert made.original_conds["positive"][0]["control"] is control


@pytest.mark.parametrize(
    "kind, field",
    [
        *((ControlNet, name) for name in core_conditions.CONTROL.fields),
        *((ControlNetAdvanced, name) for name in advanced_controlnet_frames.MASKED.fields),
        *((ControlNetAdvanced, name) for name in ("set_timestep_keyframes", "timestep_keyframes")),
    ],
)
def test_a_controlnet_whose_field_was_renamed_is_missed(conditions, monkeypatch, kind, field):
    more = {"timestep_keyframes": over_time()} if kind is ControlNetAdvanced else {}
    control = kind(numbered(WHOLE, 3, 8, 8), mask_cond_hint_original=numbered(WHOLE, 8, 8), **more)
    monkeypatch.setattr(kind, "gone", frozenset({field}))
    with pytest.raises(UnsamplingError, match=f"has no {field}"):
        conditions.of_slice(guider([prompts(1, control=control)]), fit([5, 6]), carried())


def test_both_experts_take_their_own_prompts(conditions, experts):
    high, low = guider([prompts(WHOLE)]), guider([prompts(WHOLE)])
    made = conditions.of_slice(experts.Experts((high, low), 5.0), fit([4]), carried())
    assert [numbers(one.original_conds["positive"][0]) for one in made.guiders] == [[4.0], [4.0]]
    assert made.border == 5.0


def test_equal_frames_whose_prompts_differ_are_a_sentence(conditions):
    unsure = fit([2, 3], others={0: [2, 3], 1: [2, 3]})
    sentence = "differs in frames of the clip that are equal, and .* which 2 of its 8 frames"
    with pytest.raises(UnsamplingError, match=sentence):
        conditions.of_slice(guider([prompts(WHOLE)]), unsure, carried())
    same = {key: value[[0, 1, 2, 2, 4, 5, 6, 7]] for key, value in prompts(WHOLE).items()}
    made = conditions.of_slice(guider([same]), unsure, carried())
    assert numbers(made.original_conds["positive"][0]) == [2, 2]


def told(conditions, given, frames: int = WHOLE, windows: str = "", shape=(4, 8, 8), part=False) -> str:
    return conditions.remark(given, torch.zeros(frames, *shape), windows, SIGMAS, part)


@pytest.mark.parametrize("count", [1, WHOLE])
@pytest.mark.parametrize("windows", ["", STATIC])
def test_a_prompt_for_all_or_one_a_frame_is_nothing_to_remark(conditions, count, windows):
    assert told(conditions, guider([prompts(count)], [prompts(1)]), windows=windows) == ""


def test_a_negative_that_nothing_is_asked_for_is_nothing_to_remark(conditions):
    for cfg, begins in ((1.0, ""), (2.0, "; negative has 3 prompts")):
        said = told(conditions, guider([prompts(1)], [prompts(3)], cfg))
        assert said.startswith(begins) and bool(said) is bool(begins)


@pytest.mark.parametrize("count", [3, 120])
def test_windows_want_as_many_prompts_as_frames(conditions, count):
    remark = told(conditions, guider([prompts(count)]), windows=STATIC)
    assert f"positive has {count} prompts for 8 frames, so that every context window begins" in remark
    assert "make it 8 (max_frames of Batch Prompt Schedule, max_length of Prompt Scheduling)" in remark


def test_a_whole_clip_says_only_what_begins_anew(conditions):
    assert told(conditions, guider([prompts(120)])) == ""
    remark = told(conditions, guider([prompts(1)], [prompts(3)], 2.0))
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

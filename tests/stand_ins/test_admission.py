"""What a MODEL is refused for, by every way in, and the facts of one that is admitted."""

from functools import partial

import animatediff_objects as ade
import comfy_objects as core
import controlnet_objects as acn
import pytest
import torch

from unsampling_pack.unsampling import UnsamplingError

SHAPE, FALLING = (8, 4, 3, 3), torch.tensor([14.6, 3.0, 0.5, 0.0])
FLOW = partial(core.sampling, core.CONST, highest=1.0, lowest=0.01)
# rising by our solver, falling by it, rising by core's, falling by core's
WAYS = ((True, False), (False, False), (True, True), (False, True))
ALL = (True, True, True, True)
UP, BY_CORE, NEVER = (True, False, True, False), (False, False, True, True), (False,) * 4


def guidance(momentum: float):
    """A function with a closure, as core's Adaptive Projected Guidance makes it."""
    running_avg = 0.0

    def pre_cfg_function(args: dict) -> list:
        nonlocal running_avg
        running_avg = momentum * running_avg + args["guidance"]
        return [running_avg]

    return {"sampler_pre_cfg_function": [lambda args: args, pre_cfg_function]}


def settings(**fields) -> core.Model:
    return core.Model(settings=ade.SampleSettings(**fields))


def evolved(*contexts: ade.ContextOptions, motion=None, **more) -> core.Model:
    return core.Model(ade.InjectionParams(*contexts, **more), motion=motion)


def controlled(*masks) -> dict:
    keyframes = [acn.TimestepKeyframe(place / 10, mask) for place, mask in enumerate(masks)]
    return {"positive": [{"control": acn.ControlBase(previous=acn.AdvancedControlBase(*keyframes))}]}


def looped(length: int = 4) -> ade.ContextOptions:
    return ade.ContextOptions("looped_uniform", length)


MASKS = torch.ones(3, 3), torch.zeros(3, 3)
# what is on the MODEL: how it is made, where it is refused, and a part of the sentence
MODELS = {
    "nothing": (core.Model, NEVER, ""),
    "EasyCache": (
        lambda: core.Model(transformer_options={"easycache": core.Foreign(name="LazyCache")}),
        ALL,
        "model has LazyCache, which skips model calls",
    ),
    "TeaCache": (
        lambda: core.Model(transformer_options={"rel_l1_thresh": 0.4}),
        ALL,
        "model has TeaCache, which skips model calls",
    ),
    "momentum": (lambda: core.Model(options=guidance(-0.5)), UP, "Adaptive Projected Guidance with momentum"),
    "no momentum": (lambda: core.Model(options=guidance(0.0)), NEVER, ""),
    "iterations": (lambda: settings(iteration_opts=ade.IterationOptions(2)), ALL, "samples again"),
    "FreeInit": (lambda: settings(iteration_opts=ade.FreeInitOptions(1, True)), ALL, "adds noise (FreeInit)"),
    "calibration": (
        lambda: settings(noise_calibration=object()),
        ALL,
        "noise calibration replaces the noise",
    ),
    "injection": (
        lambda: settings(image_injection=ade.NoisedImageToInjectGroup("image")),
        ALL,
        "image_inject replaces the latent half way",
    ),
    "plain settings": (settings, NEVER, ""),
    "moving windows": (
        lambda: evolved(looped()),
        BY_CORE,
        "model has context windows that move from step to step (looped_uniform)",
    ),
    "moving windows that cut nothing": (lambda: evolved(looped(9)), NEVER, ""),
    "moving views": (
        lambda: evolved(ade.ContextOptions(context_length=6, view_options=looped())),
        BY_CORE,
        "model has views that move from step to step (looped_uniform)",
    ),
    "core's moving windows": (
        lambda: core.Model(handler=core.IndexListContextHandler("standard_uniform")),
        BY_CORE,
        "model has context windows that move from step to step (standard_uniform)",
    ),
    "windows that stay": (lambda: evolved(ade.ContextOptions(context_length=4)), NEVER, ""),
    "overlap": (
        lambda: evolved(ade.ContextOptions(context_length=4, context_overlap=4)),
        ALL,
        "windows of 4 frames that overlap by 4; set context_overlap below 4",
    ),
    "axis": (
        lambda: core.Model(handler=core.IndexListContextHandler(dim=4)),
        ALL,
        "windows along dim 4, but the latent has 4 dimensions; set dim to 0",
    ),
    "norms": (
        lambda: evolved(ade.ContextOptions("batched", 3), motion=ade.MotionModelPatcher("AnimateDiff", "v1")),
        ALL,
        "windows side by side (batched) of 3 frames, of which 8 frames leave 2 over",
    ),
    "no such norms": (
        lambda: evolved(ade.ContextOptions("batched", 3), motion=ade.MotionModelPatcher("AnimateDiff", "v3")),
        NEVER,
        "",
    ),
}


@pytest.mark.parametrize("rising, by_core", WAYS)
@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_refused_alike_by_all_ways_in(admission, name, rising, by_core):
    make, outcome, words = MODELS[name]
    admit = partial(admission.admit, core.CFGGuider(make()), SHAPE, FALLING, rising=rising, by_core=by_core)
    if not outcome[WAYS.index((rising, by_core))]:
        assert admit().frames == 8
        return
    with pytest.raises(UnsamplingError) as refusal:
        admit()
    assert words in str(refusal.value)


@pytest.mark.parametrize("rising, by_core", WAYS)
@pytest.mark.parametrize(
    "masks, is_refused",
    [
        ((None, None), False),
        ((MASKS[0], MASKS[0], MASKS[0]), False),
        ((None, MASKS[0], MASKS[0]), False),
        ((MASKS[0], None), True),
        ((MASKS[0], MASKS[1]), True),
        ((None, MASKS[0], None), True),
        ((MASKS[0],), False),
    ],
)
def test_masks_of_timestep_keyframes_that_change(admission, masks, is_refused, rising, by_core):
    guider = core.CFGGuider(core.Model(), controlled(*masks))
    admit = partial(admission.admit, guider, SHAPE, FALLING, rising=rising, by_core=by_core)
    if not is_refused:
        assert admit().windows == ""
        return
    with pytest.raises(UnsamplingError, match="a ControlNet has timestep keyframes with a mask and later"):
        admit()


@pytest.mark.parametrize("rising, by_core", WAYS)
@pytest.mark.parametrize(
    ("group", "guides", "is_refused"),
    [
        ("positive", "here", True),
        ("negative", "here", True),
        ("middle", "here", True),
        ("positive", None, False),
    ],
)
def test_ltxvs_guides_are_refused_by_name(admission, group, guides, is_refused, rising, by_core):
    """LTXVCropGuides leaves None."""
    guider = core.CFGGuider(core.Model(), {group: [{}, {"keyframe_idxs": guides}]})
    admit = partial(admission.admit, guider, SHAPE, FALLING, rising=rising, by_core=by_core)
    if not is_refused:
        assert admit().windows == ""
        return
    with pytest.raises(UnsamplingError, match=r"LTXV's guides \(LTXVAddGuide\).*LTXVCropGuides"):
        admit()


@pytest.mark.parametrize("group", ["positive", "negative"])
@pytest.mark.parametrize(
    ("kind", "counts", "is_refused"),
    [
        (core.WAN21_Vace, [5], False),
        (core.WAN21_Vace, [6], True),  # one more for a reference
        (core.WAN21_Vace, [5, 4], True),
        (core.WAN21_Vace, [], False),
        (core.BaseModel, [6], False),  # which reads none of it
    ],
)
def test_vaces_video_is_as_long_as_the_clip(admission, kind, counts, is_refused, group):
    frames = [torch.zeros(1, 32, count, 3, 3) for count in counts]
    model = core.Model(model_sampling=FLOW(), latent_format=core.Wan21(), model=kind())
    guider = core.CFGGuider(model, {group: [{}, {"vace_frames": frames or None}]})
    falling = torch.tensor([1.0, 0.5, 0.0])
    admit = partial(admission.admit, guider, (1, 16, 5, 3, 3), falling, rising=False)
    if not is_refused:
        assert admit().flow
        return
    words = f"VACE's video of {counts[-1]} latent frames, and the clip has 5: .*LatentConcat"
    with pytest.raises(UnsamplingError, match=words):
        admit()


@pytest.mark.parametrize("rising, by_core", WAYS)
@pytest.mark.parametrize("highest, ours", [(1.0, False), (1.00005, False), (1.2, True), (14.6, True)])
def test_a_flow_model_has_noise_up_to_1_and_none_of_cores_samplers(admission, highest, ours, rising, by_core):
    model = core.Model(model_sampling=FLOW(), latent_format=core.Wan21())
    falling = torch.tensor([highest, 0.5, 0.0])
    admit = partial(
        admission.admit, core.CFGGuider(model), (1, 16, 5, 3, 3), falling, rising=rising, by_core=by_core
    )
    if ours or by_core:
        words = "sigmas starts at" if ours else "model is a flow model, whose latent core's samplers divide"
        with pytest.raises(UnsamplingError, match=words):
            admit()
        return
    facts = admit()
    assert facts.flow and facts.frames == 5


def test_a_context_keyframe_that_no_step_meets_may_be_what_it_likes(admission):
    later = ade.ContextOptions(context_length=4, context_overlap=5, start_percent=0.9)
    guider = core.CFGGuider(evolved(ade.ContextOptions(context_length=4), later))
    high = torch.tensor([14.6, 10.0, 6.0, 3.0])
    assert "overlap 5" in admission.admit(guider, SHAPE, high, rising=True).windows
    with pytest.raises(UnsamplingError, match="overlap by 5"):
        admission.admit(guider, SHAPE, FALLING, rising=True)
    with pytest.raises(UnsamplingError, match="overlap by 5"):
        admission.admit(guider, SHAPE, torch.tensor([14.6, 3.0, 0.5, 0.0]), 2, rising=True)


@pytest.mark.parametrize("schedule", ["standard_uniform", "looped_uniform"])
def test_a_stride_that_leaves_a_frame_out_at_one_of_the_steps(admission, schedule):
    """The stand-ins' windows of stride 2 have every second frame."""
    windows = ade.ContextOptions(schedule, 4, context_stride=2)
    guider = core.CFGGuider(evolved(windows))
    if schedule == "looped_uniform":
        assert admission.admit(guider, SHAPE, FALLING, rising=False).windows
        return
    with pytest.raises(UnsamplingError, match="stride 2 that do not fit 8 frames at step 2"):
        admission.admit(guider, SHAPE, FALLING, 1, rising=False)


def test_the_facts_of_a_model(admission):
    guider = core.CFGGuider(core.Model(model=core.SDXL()), cfg=2.5)
    facts = admission.admit(guider, SHAPE, FALLING, rising=True)
    assert facts.family.model == "SDXL" and facts.family.latent_format == "SD15"
    assert facts.family.sampling == "EPS+ModelSamplingDiscrete"
    assert facts.family.sigma_table.startswith("0.03 to 14.6 (") and facts.family.sigma_max == pytest.approx(
        14.6
    )
    assert (facts.windows, facts.frames, facts.cfg, facts.flow) == ("", 8, 2.5, False)
    assert facts.latent_format is guider.model_patcher.get_model_object("latent_format")


def test_the_windows_are_those_of_the_whole_noise_not_of_the_slice_in_hand(admission):
    guider = core.CFGGuider(evolved(ade.ContextOptions(context_length=4)))
    part = partial(admission.admit, guider, (4, 4, 3, 3), FALLING, rising=False)
    assert part().windows == ""
    assert part(whole=SHAPE).windows == admission.admit(guider, SHAPE, FALLING, rising=True).windows != ""

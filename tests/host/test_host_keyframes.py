"""Keyframes and ranges act at the same sigmas in both passes, and what comes back is the clip."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from host_graphs import Graph
from host_passes import EMPTY, SOURCE, TARGET, Bench
from host_trips import Trip, clip

from tools.client import RunError

EXACT = 1e-6
HALF = 0.5
EVOLVED = "use existing"


def sigma_at(percent: float) -> float:
    """The sigma that SD1.5 has at this fraction of the sampling, as core finds it."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    alphas = torch.cumprod(1 - betas, 0)
    logs = ((1 - alphas) / alphas).sqrt().log()
    place = (1 - percent) * 999
    low, share = int(place), place - int(place)
    return float((logs[low] * (1 - share) + logs[low + 1] * share).exp())


class Scene:
    """A bench with something keyframed on it, and the value that a model call had of it."""

    def __init__(
        self, bench: Bench, read: Callable[[], list[tuple[float, float]]], early: float, late: float, **conds
    ):
        self.bench, self.read, self.early, self.late, self.conds = bench, read, early, late, conds

    @property
    def negative(self):
        return self.conds.get("negative", self.bench.condition(EMPTY))

    def passes(self, solver: str = "midpoint", steps: int = 16, **inputs):
        noise = self.bench.unsample(self.bench.ays(steps), solver=solver, **self.conds, **inputs)
        return noise, self.bench.resample(noise, **self.conds)

    def core(self, latent, steps: int = 16):
        """Core's euler down the same schedule."""
        positive = self.conds.get("positive", self.bench.condition(SOURCE))
        return self.bench.graph.sample(
            self.bench.model, positive, self.negative, latent, self.bench.ays(steps)
        )


def watch(bench: Bench, probe: str, gain: float = 0.1) -> Callable[[], list[tuple[float, float]]]:
    log = f"{bench.log}-watch"
    bench.model = bench.graph.add("UNSTest_WatchedModel", model=bench.model, probe=probe, log=log, gain=gain)
    return lambda: [(call["sigma"], round(call["value"], 5)) for call in bench.comfy.calls(log)]


def hooks(comfy, name: str, percent: float = HALF, guarantee: int = 1) -> Scene:
    bench = Bench.set_up(comfy, name)
    read = watch(bench, "weight")
    keyframes = None
    for strength, start, steps in ((0.25, 0.0, 1), (1.0, percent, guarantee), (2.0, percent + 0.01, 1))[
        : 3 if guarantee > 1 else 2
    ]:
        more = {} if keyframes is None else {"prev_hook_kf": keyframes}
        keyframes = bench.graph.add(
            "ADE_LoraHookKeyframe",
            strength_model=strength,
            start_percent=start,
            guarantee_steps=steps,
            **more,
        )
    hook = bench.graph.add("SetHookKeyframes", hooks=bench.graph.add("UNSTest_BiasHook"), hook_kf=keyframes)
    positive = bench.graph.add(
        "ConditioningSetProperties",
        cond_NEW=bench.condition(SOURCE),
        strength=1.0,
        set_cond_area="default",
        hooks=hook,
    )
    return Scene(bench, read, 0.25, 1.0, positive=positive)


def evolved(bench: Bench, **given) -> None:
    bench.model = bench.graph.add("ADE_UseEvolvedSampling", model=bench.model, beta_schedule=EVOLVED, **given)


def custom_cfg(comfy, name: str, percent: float = HALF, guarantee: int = 1) -> Scene:
    bench = Bench.set_up(comfy, name)
    keyframes = None
    for cfg, start, steps in ((1.0, 0.0, 1), (3.0, percent, guarantee), (1.0, percent + 0.01, 1))[
        : 3 if guarantee > 1 else 2
    ]:
        more = {} if keyframes is None else {"prev_custom_cfg": keyframes}
        keyframes = bench.graph.add(
            "ADE_CustomCFGKeyframeSimple", cfg=cfg, start_percent=start, guarantee_steps=steps, **more
        )
    settings = bench.graph.add(
        "ADE_AnimateDiffSamplingSettings",
        batch_offset=0,
        noise_type="default",
        seed_gen="comfy",
        seed_offset=0,
        custom_cfg=keyframes,
    )
    evolved(bench, sample_settings=settings)
    return Scene(bench, lambda: [(c["sigma"], len(c["values"])) for c in bench.calls()], 1, 2)


def contexts(comfy, name: str, percent: float = HALF, guarantee: int = 1) -> Scene:
    bench = Bench.set_up(comfy, name, frames=12, window_bias=0.3)
    options = None
    for length, start, steps in ((4, 0.0, 1), (6, percent, guarantee), (4, percent + 0.01, 1))[
        : 3 if guarantee > 1 else 2
    ]:
        more = {} if options is None else {"prev_context": options}
        options = bench.graph.add(
            "ADE_StandardStaticContextOptions",
            context_length=length,
            context_overlap=1,
            start_percent=start,
            guarantee_steps=steps,
            **more,
        )
    evolved(bench, context_options=options)
    return Scene(bench, lambda: [(c["sigma"], len(c["frames"])) for c in bench.calls()], 4, 6)


def motion(comfy, name: str, percent: float = HALF, guarantee: int = 1) -> Scene:
    bench = Bench.set_up(comfy, name)
    base = bench.graph.add("CheckpointLoaderSimple", ckpt_name=comfy.model("narrow"))
    bench.model = bench.graph.add(
        "UNSTest_AnalyticModel", model=base, mixture=f"{name}-model.safetensors", log=name
    )
    read = watch(bench, "effect")
    keyframes = None
    for effect, start, steps in ((0.25, 0.0, 1), (0.75, percent, guarantee), (0.25, percent + 0.01, 1))[
        : 3 if guarantee > 1 else 2
    ]:
        more = {} if keyframes is None else {"prev_ad_keyframes": keyframes}
        keyframes = bench.graph.add(
            "ADE_AnimateDiffKeyframe",
            start_percent=start,
            guarantee_steps=steps,
            effect_multival=bench.graph.add("ADE_MultivalDynamic", float_val=effect),
            **more,
        )
    loaded = bench.graph.add("ADE_LoadAnimateDiffModel", model_name=comfy.model("motion"))
    applied = bench.graph.add(
        "ADE_ApplyAnimateDiffModel",
        motion_model=loaded,
        start_percent=0.0,
        end_percent=1.0,
        ad_keyframes=keyframes,
    )
    evolved(bench, m_models=applied)
    return Scene(bench, read, 0.25, 0.75)


def controlled(bench: Bench, loader: str, apply: str, **given) -> dict:
    """Both conditions with a ControlNet of random weights on them."""
    key = "cnet" if loader.startswith("ACN") else "control_net_name"
    net = bench.graph.add(loader, **{key: bench.comfy.model("controlnet_one_level")})
    hint = bench.graph.add("EmptyImage", width=64, height=64, batch_size=1, color=0x4080C0)
    both = bench.graph.add(
        apply,
        positive=bench.condition(SOURCE),
        negative=bench.condition(EMPTY),
        control_net=net,
        image=hint,
        **given,
    )
    return {"positive": both[0], "negative": both[1]}


def on_off(read: Callable[[], list[tuple[float, float]]]) -> Callable[[], list[tuple[float, bool]]]:
    return lambda: [(sigma, value > 0) for sigma, value in read()]


def timestep_keyframes(comfy, name: str, percent: float = HALF, guarantee: int = 1) -> Scene:
    bench = Bench.set_up(comfy, name)
    read = watch(bench, "control", gain=0.01)
    keyframes = None
    for strength, start, steps in ((0.0, 0.0, 1), (1.0, percent, guarantee), (0.0, percent + 0.01, 1))[
        : 3 if guarantee > 1 else 2
    ]:
        more = {} if keyframes is None else {"prev_timestep_kf": keyframes}
        keyframes = bench.graph.add(
            "TimestepKeyframe", start_percent=start, strength=strength, guarantee_steps=steps, **more
        )
    conds = controlled(
        bench,
        "ACN_ControlNetLoaderAdvanced",
        "ACN_AdvancedControlNetApply_v2",
        strength=0.4,
        start_percent=0.0,
        end_percent=1.0,
        timestep_kf=keyframes,
    )
    return Scene(bench, on_off(read), False, True, **conds)


SCENES = [hooks, custom_cfg, contexts, motion, timestep_keyframes]


@pytest.mark.parametrize("scene", SCENES)
def test_a_keyframe_is_in_force_below_its_sigma_in_both_passes_and_the_clip_comes_back(comfy, scene):
    made = scene(comfy, f"keyframe-{scene.__name__}")
    noise, clip = made.passes()
    found = made.bench.run(noise=noise, clip=clip)
    start = sigma_at(HALF)
    values = made.read()
    wrong = [
        (sigma, value) for sigma, value in values if value != (made.late if sigma <= start else made.early)
    ]
    assert wrong == []
    assert {value for _, value in values} == {made.early, made.late}
    assert made.bench.error(found["clip"]) < EXACT < made.bench.error(found["noise"])


@pytest.mark.parametrize("scene", SCENES)
def test_guaranteed_steps_are_steps_of_the_schedule_and_are_those_of_core(comfy, scene):
    """A middle keyframe that rules 4 steps by guarantee alone: what core's euler does on its way down, at the
    same sigmas, and no shorter where a solver calls between them or twice in a step."""
    core = scene(comfy, f"guarantee-core-{scene.__name__}", 0.3, 4)
    core.bench.run(clip=core.core(core.bench.latent))
    expected = dict(core.read())
    assert sum(value == core.late for value in expected.values()) == 4
    for solver in ("euler", "midpoint"):
        made = scene(comfy, f"guarantee-{solver}-{scene.__name__}", 0.3, 4)
        found = made.bench.run(clip=made.passes(solver)[1])
        assert made.bench.error(found["clip"]) < EXACT
        seen = made.read()
        if solver == "euler":
            assert [(s, v) for s, v in seen if s in expected and v != expected[s]] == []
            assert {s for s, _ in seen} >= set(expected)
        else:
            ruled = {s for s, value in seen if value == made.late}
            assert len(ruled) == 4 and max(expected) > max(ruled)


@pytest.mark.parametrize("scene", [hooks, custom_cfg, contexts, motion])
def test_core_samplers_meet_the_same_keyframes_on_their_way_up(comfy, scene):
    made = scene(comfy, f"core-sampler-{scene.__name__}")
    clip = made.bench.through_core("heun", **made.conds)
    made.bench.run(clip=clip)
    start = sigma_at(HALF)
    values = made.read()
    assert [(s, v) for s, v in values if v != (made.late if s <= start else made.early)] == []
    assert {value for _, value in values} == {made.early, made.late}


@pytest.mark.parametrize("scene", SCENES)
def test_a_pass_leaves_keyframes_as_it_found_them(comfy, scene):
    """Core's own sampling after ours is core's own sampling without ours, from the same cached nodes."""
    results = []
    for turn in ("before", "ours", "after"):
        made = scene(comfy, f"left-{turn}-{scene.__name__}", 0.0, 4)
        if turn == "ours":
            made.bench.run(noise=made.passes()[0])
        else:
            results.append(made.bench.run(clip=made.core(made.bench.latent))["clip"])
    assert torch.equal(*results)


def test_naive_reuse_keyframes_are_the_same_in_both_passes(comfy):
    clips = []
    for kept in (1.0, 0.0):
        bench = Bench.set_up(comfy, f"reuse-{kept}", frames=12, window_bias=0.3)
        keyframes = None
        for mult, start in ((kept, 0.0), (1.0, HALF)):
            more = {} if keyframes is None else {"prev_kf": keyframes}
            keyframes = bench.graph.add(
                "ADE_ContextExtras_NaiveReuse_Keyframe",
                mult=mult,
                start_percent=start,
                guarantee_steps=1,
                inherit_missing=True,
                **more,
            )
        extras = bench.graph.add(
            "ADE_ContextExtras_NaiveReuse",
            naivereuse_kf=keyframes,
            start_percent=0.0,
            end_percent=0.8,
            weighted_mean=0.5,
        )
        options = bench.graph.add("ADE_StandardStaticContextOptions", context_length=4, context_overlap=1)
        evolved(
            bench,
            context_options=bench.graph.add(
                "ADE_ContextExtras_Set", context_opts=options, context_extras=extras
            ),
        )
        noise = bench.unsample(bench.ays())
        clips.append(bench.run(noise=noise, clip=bench.resample(noise)))
        assert bench.error(clips[-1]["clip"]) < EXACT
    # above the second keyframe's sigma the first one rules on the way up too
    assert (clips[0]["noise"] - clips[1]["noise"]).norm() > 1e-3 * clips[0]["noise"].norm()


def referred(comfy, name: str, early: float, late: float) -> torch.Tensor:
    """The noise of a clip whose windows look at the first one, as much as keyframes say; it comes back."""
    graph, keyframes = Graph(), None
    for mult, start in ((early, 0.0), (late, HALF)):
        more = {} if keyframes is None else {"prev_kf": keyframes}
        keyframes = graph.add(
            "ADE_ContextExtras_ContextRef_Keyframe",
            mult=mult,
            start_percent=start,
            guarantee_steps=1,
            inherit_missing=True,
            **more,
        )
    extras = graph.add(
        "ADE_ContextExtras_ContextRef", contextref_kf=keyframes, start_percent=0.0, end_percent=1.0
    )
    options = graph.add("ADE_StandardStaticContextOptions", context_length=4, context_overlap=1)
    model = graph.add(
        "ADE_UseEvolvedSampling",
        beta_schedule=EVOLVED,
        model=graph.add("CheckpointLoaderSimple", ckpt_name=comfy.model("narrow")),
        context_options=graph.add("ADE_ContextExtras_Set", context_opts=options, context_extras=extras),
    )
    sigmas = graph.add("UNS_AYSScheduler", model_type="SD1", steps=4, denoise=1.0)
    trip = Trip(
        comfy, name, graph, model, partial(graph.add, "UNSTest_Conditioning"), sigmas, "midpoint", clip(6)
    )
    trip.check(14.61)
    return trip["noise"]


def test_context_ref_keyframes_are_the_same_in_both_passes(comfy):
    steady, early, late = (
        referred(comfy, f"ref-{first}-{second}", first, second)
        for first, second in ((1.0, 1.0), (0.0, 1.0), (1.0, 0.0))
    )
    # each keyframe has its own part of the way up
    assert not torch.allclose(steady, early, rtol=1e-4) and not torch.allclose(steady, late, rtol=1e-4)


@pytest.mark.parametrize("pack", ["core", "advanced"])
def test_a_controlnets_range_is_the_same_in_both_passes(comfy, pack):
    bench = Bench.set_up(comfy, f"range-{pack}")
    read = on_off(watch(bench, "control", gain=0.01))
    nodes = {
        "core": ("ControlNetLoader", "ControlNetApplyAdvanced"),
        "advanced": ("ACN_ControlNetLoaderAdvanced", "ACN_AdvancedControlNetApply_v2"),
    }
    conds = controlled(bench, *nodes[pack], strength=0.4, start_percent=0.1, end_percent=0.6)
    noise = bench.unsample(bench.ays(), **conds)
    found = bench.run(clip=bench.resample(noise, **conds))
    top, bottom = sigma_at(0.1), sigma_at(0.6)
    assert [call for call in read() if call[1] != (bottom <= call[0] <= top)] == []
    assert {on for _, on in read()} == {False, True}
    assert bench.error(found["clip"]) < EXACT


def test_a_prompts_timestep_range_is_the_same_in_both_passes(comfy):
    bench = Bench.set_up(comfy, "range-prompt")
    parts = [
        bench.graph.add(
            "ConditioningSetTimestepRange", conditioning=bench.condition(value), start=start, end=end
        )
        for value, start, end in ((SOURCE, 0.0, HALF), (TARGET, HALF, 1.0))
    ]
    both = bench.graph.add("ConditioningCombine", conditioning_1=parts[0], conditioning_2=parts[1])
    noise = bench.unsample(bench.ays(), positive=both)
    found = bench.run(clip=bench.resample(noise, positive=both))
    middle = sigma_at(HALF)
    assert [
        call for call in bench.calls() if call["values"] != [SOURCE if call["sigma"] >= middle else TARGET]
    ] == []
    assert {tuple(call["values"]) for call in bench.calls()} == {(SOURCE,), (TARGET,)}
    assert bench.error(found["clip"]) < EXACT


def masked_keyframes(bench: Bench, *masks: float | None) -> dict:
    """Conditions with a ControlNet whose two timestep keyframes have these masks."""
    keyframes, made = None, {}
    for start, value in zip((0.0, HALF), masks, strict=True):
        more = {} if keyframes is None else {"prev_timestep_kf": keyframes}
        if value is not None:
            made[value] = made.get(value) or bench.graph.add("SolidMask", value=value, width=64, height=64)
            more["mask_optional"] = made[value]
        keyframes = bench.graph.add("TimestepKeyframe", start_percent=start, **more)
    return controlled(
        bench,
        "ACN_ControlNetLoaderAdvanced",
        "ACN_AdvancedControlNetApply_v2",
        strength=0.4,
        start_percent=0.0,
        end_percent=1.0,
        timestep_kf=keyframes,
    )


@pytest.mark.parametrize("masks", [(0.3, 0.8), (0.3, None)])
def test_changing_masks_on_timestep_keyframes_are_refused_by_name(comfy, masks):
    bench = Bench.set_up(comfy, f"mask-keyframes-{masks[1]}")
    with pytest.raises(RunError, match=r"Exact Unsampler: .*disconnect mask_optional from Timestep Keyframe"):
        bench.run(noise=bench.unsample(bench.ays(), **masked_keyframes(bench, *masks)))
    assert bench.calls() == []


@pytest.mark.parametrize("masks", [(None, 0.3), (0.3, 0.3)])
def test_a_mask_that_stays_once_it_is_there_comes_back(comfy, masks):
    bench = Bench.set_up(comfy, f"mask-stays-{masks[0]}")
    conds = masked_keyframes(bench, *masks)
    noise = bench.unsample(bench.ays(), **conds)
    assert bench.error(bench.run(clip=bench.resample(noise, **conds))["clip"]) < EXACT

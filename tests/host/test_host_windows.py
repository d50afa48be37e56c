"""Context windows that move from step to step: both passes cut the clip the same way, and it comes back."""
from __future__ import annotations

import pytest
import torch
from host_graphs import Node
from host_passes import SOURCE, Bench
from host_windows import LENGTH, WINDOWS, cut

from tools.comfy_client import RunError

EXACT = 1e-6
FRAMES = 32
MOVING = [name for name in WINDOWS if "tatic" not in name]
CLOSED = {"closed_loop": True, "context_stride": 2}


def placed(comfy, name: str, windows: str, frames: int = FRAMES, **more) -> Bench:
    """A model whose answer depends on a frame's place in its window, as positional encodings make it."""
    bench = Bench.set_up(comfy, name, frames=frames, window_bias=0.3)
    cut(bench, windows, **more)
    return bench


@pytest.mark.parametrize(("windows", "more"), [(name, {}) for name in WINDOWS]
                         + [(name, CLOSED) for name in MOVING if "ooped" in name])
def test_a_long_clip_comes_back_through_every_kind_of_windows(comfy, windows, more):
    """32 frames in windows of 8 that overlap by 2, 16 AYS steps; core's euler loses a tenth and more."""
    bench = placed(comfy, f"windows-{windows}-{len(more)}", windows, **more)
    sigmas = bench.ays()
    core = bench.core_sample(bench.core_unsample(sigmas, "euler"), sigmas, "euler")
    found = bench.run(core=core, clip=bench.resample(bench.unsample(sigmas)))
    assert bench.error(found["clip"]) < EXACT
    assert bench.error(found["core"]) > 0.1
    assert max(call["rows"] for call in bench.calls()) <= LENGTH + 1  # core's may take a frame as an anchor


@pytest.mark.parametrize("windows", ["ADE_StandardUniformContextOptions", "ADE_LoopedUniformContextOptions"])
def test_windows_do_move_and_a_step_has_its_own_in_both_passes(comfy, windows):
    bench = placed(comfy, f"windows-move-{windows}", windows)
    bench.run(clip=bench.resample(bench.unsample(bench.ays(), solver="euler")))
    calls = bench.calls()
    cuts = {}
    for call in calls:
        cuts.setdefault(call["step"], []).append(tuple(call["frames"]))
    once = {step: tuple(dict.fromkeys(seen)) for step, seen in cuts.items()}
    assert len(set(once.values())) > 3
    # a step is asked up and down, with the same windows each time
    assert all(len(seen) == 2 * len(once[step]) for step, seen in cuts.items() if step < 15)


@pytest.mark.parametrize("windows", WINDOWS[3:])
@pytest.mark.parametrize("solver", ["midpoint", "dpmpp_2m"])
def test_a_partial_unsampling_comes_back_and_runs_do_not_remember(comfy, windows, solver):
    runs = []
    for again in (1, 2):
        bench = placed(comfy, f"windows-again-{windows}-{solver}-{again}", windows, 12, length=5)
        noise = bench.unsample(bench.ays(), solver=solver, end=0.8)
        runs.append(bench.run(noise=noise, clip=bench.resample(noise)))
        assert bench.error(runs[-1]["clip"]) < EXACT
        assert max(call["rows"] for call in bench.calls()) < 12
    assert torch.equal(runs[0]["noise"], runs[1]["noise"])


def through_core(bench: Bench) -> Node:
    """Up and down with core's euler in our advanced nodes."""
    guider = bench.graph.add("BasicGuider", model=bench.model, conditioning=bench.condition(SOURCE))
    sampler = bench.graph.add("KSamplerSelect", sampler_name="euler")
    noise = bench.graph.add("UNS_UnsamplerAdvanced", guider=guider, latent_image=bench.latent,
                            sigmas=bench.ays(), solver="midpoint", sampler=sampler)
    return bench.graph.add("UNS_NoiselessResamplerAdvanced", guider=guider, noise=noise, structure=0.0,
                           sampler=sampler)


@pytest.mark.parametrize("windows", MOVING)
def test_core_samplers_are_refused_windows_that_move(comfy, windows):
    """They count their steps up while sigma rises; the host would place the windows by that."""
    bench = placed(comfy, f"windows-core-{windows}", windows)
    with pytest.raises(RunError, match=r"windows that move from step to step .*use Standard Static, or disc"):
        bench.run(clip=through_core(bench))
    assert bench.calls() == []


@pytest.mark.parametrize(("windows", "frames"), [(WINDOWS[0], FRAMES), (WINDOWS[3], FRAMES),
                                                 (MOVING[0], LENGTH)])
def test_core_samplers_take_windows_that_stay_and_clips_that_are_not_cut(comfy, windows, frames):
    bench = placed(comfy, f"windows-core-{windows}-{frames}", windows, frames)
    assert 1e-3 < bench.error(bench.run(clip=through_core(bench))["clip"]) < 0.3


def viewed(bench: Bench, model: Node, views: str, overlap: int) -> Node:
    """That model in windows of 8 frames, whose motion module would see views of 4."""
    more = {"StandardStatic": {}, "StandardUniform": {"view_stride": 1},
            "LoopedUniform": {"view_stride": 1, "closed_loop": True}}
    seen = bench.graph.add(f"ADE_{views}ViewOptions", view_length=4, view_overlap=overlap, **more[views])
    options = bench.graph.add("ADE_StandardStaticContextOptions", context_length=8, context_overlap=2,
                              view_opts=seen)
    return bench.graph.add("ADE_UseEvolvedSampling", model=model, context_options=options,
                           beta_schedule="use existing")


@pytest.mark.parametrize("views", ["StandardStatic", "StandardUniform", "LoopedUniform"])
def test_views_inside_windows_are_the_same_in_both_passes_and_must_be(comfy, views):
    """The answer depends on where the views begin, which for two kinds of them moves with the step."""
    bench, log = Bench.set_up(comfy, f"views-{views}", frames=12), f"views-{views}-watch"
    plain = bench.graph.add("UNSTest_WatchedModel", model=bench.model, probe="views", log=log, gain=0.05)
    bench.model = viewed(bench, plain, views, 2)
    noise = bench.unsample(bench.ays())
    assert bench.error(bench.run(clip=bench.resample(noise))["clip"]) < EXACT
    cuts = {call["value"] for call in comfy.calls(log)}
    assert len(cuts) > 2 if "Uniform" in views else len(cuts) == 1
    bench.model = viewed(bench, plain, views, 1)
    with pytest.raises(RunError, match=r"cuts the clip into other context windows .*views of"):
        bench.run(other=bench.resample(noise))

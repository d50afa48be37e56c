"""Context windows that move from step to step: both passes cut the clip the same way, and it comes back."""

from __future__ import annotations

import pytest
import torch
from host_graphs import Node
from host_passes import Bench
from host_windows import LENGTH, WINDOWS, cut, defaults

from tools.client import RunError

EXACT = 1e-6
FRAMES = 32
MOVING = [name for name in WINDOWS if "tatic" not in name]
CLOSED = {"closed_loop": True, "context_stride": 2}


def placed(comfy, name: str, windows: str, frames: int = FRAMES, **more) -> Bench:
    """A model whose answer depends on a frame's place in its window, as positional encodings make it."""
    bench = Bench.set_up(comfy, name, frames=frames, window_bias=0.3)
    cut(bench, windows, **more)
    return bench


@pytest.mark.parametrize(
    ("windows", "more"),
    [(name, {}) for name in WINDOWS] + [(name, CLOSED) for name in MOVING if "ooped" in name],
)
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
    # a step is asked up and down, and one of them again, with the same windows each time
    times = sorted(len(seen) / len(once[step]) for step, seen in cuts.items() if step < 15)
    assert times == [2] * 14 + [3]


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


REFUSED = r"that move from step to step .*use Standard Static, or disconnect sampler"
# a clip as long as a window is looped too then, from another frame at each step
EQUAL = {"use_on_equal_length": True}


@pytest.mark.parametrize(
    ("windows", "frames", "more"),
    [(name, FRAMES, {}) for name in MOVING] + [("ADE_LoopedUniformContextOptions", LENGTH, EQUAL)],
)
def test_core_samplers_are_refused_windows_that_move(comfy, windows, frames, more):
    """They count their steps up while sigma rises; the host would place the windows by that."""
    bench = placed(comfy, f"windows-core-{windows}-{frames}", windows, frames, **more)
    with pytest.raises(RunError, match=f"context windows {REFUSED}"):
        bench.run(clip=bench.through_core("euler"))
    assert bench.calls() == []


@pytest.mark.parametrize(
    ("windows", "frames", "more"),
    [
        (WINDOWS[0], FRAMES, {}),
        (WINDOWS[3], FRAMES, {}),
        (MOVING[0], LENGTH, {}),
        (MOVING[0], LENGTH, EQUAL),
        ("ADE_LoopedUniformContextOptions", LENGTH, {}),
        ("looped_uniform", LENGTH, {}),
    ],
)
def test_core_samplers_take_windows_that_stay_and_clips_that_are_not_cut(comfy, windows, frames, more):
    bench = placed(comfy, f"windows-core-{windows}-{frames}-{len(more)}", windows, frames, **more)
    assert 1e-3 < bench.error(bench.run(clip=bench.through_core("euler"))["clip"]) < 0.3


def test_one_window_that_turns_round_is_the_same_in_both_passes_and_must_be(comfy):
    """Looped windows of a clip as long as they are: one window, which begins elsewhere at every step."""
    bench = placed(comfy, "windows-equal", "ADE_LoopedUniformContextOptions", LENGTH, **EQUAL)
    noise = bench.unsample(bench.ays())
    assert bench.error(bench.run(clip=bench.resample(noise))["clip"]) < EXACT
    assert len({tuple(call["frames"]) for call in bench.calls()}) > 3
    cut(bench, "ADE_LoopedUniformContextOptions")
    with pytest.raises(RunError, match="cuts the clip into other context windows"):
        bench.run(other=bench.resample(noise))


def keyframed(bench: Bench, *keyframes: tuple[int | None, float], schedule: str = "StandardUniform") -> None:
    """Windows of these lengths from these starts on; of no length: views of 4 frames alone."""
    options = None
    for length, start in keyframes:
        before = {"start_percent": start} | ({} if options is None else {"prev_context": options})
        if length is None:
            seen = bench.graph.add("ADE_StandardStaticViewOptions", view_length=4, view_overlap=1)
            options = bench.graph.add("ADE_ViewsOnlyContextOptions", view_opts_req=seen, **before)
            continue
        name = f"ADE_{schedule}ContextOptions"
        given = defaults(bench.comfy, name) | {"context_length": length, "context_overlap": 2}
        options = bench.graph.add(name, **given | before)
    bench.model = bench.graph.add(
        "ADE_UseEvolvedSampling", model=bench.model, beta_schedule="use existing", context_options=options
    )


@pytest.mark.parametrize(("lengths", "cuts"), [((16, 4), False), ((4, 16), True)])
def test_the_first_context_keyframe_decides_whether_any_cuts(comfy, lengths, cuts):
    """So AnimateDiff-Evolved has it: a first one longer than the clip switches the later ones off."""
    bench = Bench.set_up(comfy, f"windows-first-{lengths[0]}", frames=12, window_bias=0.3)
    keyframed(bench, (lengths[0], 0.0), (lengths[1], 0.5))
    noise = bench.unsample(bench.ays())
    assert bench.error(bench.run(clip=bench.resample(noise))["clip"]) < EXACT
    assert {call["rows"] for call in bench.calls()} == ({4, 12} if cuts else {12})
    back = bench.through_core("euler")
    if cuts:
        with pytest.raises(RunError, match=REFUSED):
            bench.run(core=back)
    else:
        assert bench.error(bench.run(core=back)["core"]) < 0.3


@pytest.mark.parametrize(
    ("up", "down"),
    [
        (((8, 0.0), (16, 0.5)), ((8, 0.0),)),
        (((8, 0.0),), ((8, 0.0), (32, 0.2))),
        (((8, 0.0), (16, 0.2)), ((8, 0.0), (16, 0.8))),
        (((8, 0.0), (None, 0.2)), ((8, 0.0), (None, 0.8))),
    ],
)
def test_context_keyframes_that_leave_the_clip_whole_must_be_the_same_too(comfy, up, down):
    """From their start on there are no windows, in 12 frames of which windows of 8 are cut before."""
    bench = Bench.set_up(comfy, f"windows-whole-{len(up)}-{up[-1]}", frames=12, window_bias=0.3)
    plain = bench.model
    keyframed(bench, *up, schedule="StandardStatic")
    noise = bench.unsample(bench.ays())
    assert bench.error(bench.run(clip=bench.resample(noise))["clip"]) < EXACT
    bench.model = plain
    keyframed(bench, *down, schedule="StandardStatic")
    with pytest.raises(RunError, match="cuts the clip into other context windows"):
        bench.run(other=bench.resample(noise))


def reusing(bench: Bench, model: Node, weight: float | None) -> Node:
    """That model in windows of 4, which share that much of the first one's result."""
    options = bench.graph.add("ADE_StandardStaticContextOptions", context_length=4, context_overlap=1)
    if weight is not None:
        extras = bench.graph.add(
            "ADE_ContextExtras_NaiveReuse", start_percent=0.0, end_percent=0.8, weighted_mean=weight
        )
        options = bench.graph.add("ADE_ContextExtras_Set", context_opts=options, context_extras=extras)
    return bench.graph.add(
        "ADE_UseEvolvedSampling", model=model, beta_schedule="use existing", context_options=options
    )


@pytest.mark.parametrize("other", [0.5, None])
def test_what_windows_share_is_the_same_in_both_passes_and_must_be(comfy, other):
    bench = Bench.set_up(comfy, f"windows-reuse-{other}", frames=12, window_bias=0.3)
    plain = bench.model
    bench.model = reusing(bench, plain, 0.9)
    noise = bench.unsample(bench.ays())
    bench.model = reusing(bench, plain, 0.9)  # other nodes, equal settings
    assert bench.error(bench.run(clip=bench.resample(noise))["clip"]) < EXACT
    bench.model = reusing(bench, plain, other)
    with pytest.raises(RunError, match=r"cuts the clip into other context windows .*naive_reuse"):
        bench.run(other=bench.resample(noise))


@pytest.mark.parametrize("windows", MOVING)
def test_the_inversion_sampler_meets_the_windows_that_the_plain_nodes_do(comfy, windows):
    bench = placed(comfy, f"windows-custom-{windows}", windows, 12)
    sigmas = bench.ays()
    up, custom_up = bench.unsample(sigmas, record="off"), bench.custom(bench.latent, "unsample", sigmas)
    found = bench.run(
        up=up,
        custom_up=custom_up,
        down=bench.resample(up),
        custom_down=bench.custom(custom_up, "resample", sigmas),
    )
    assert torch.equal(found["custom_up"], found["up"])
    assert torch.equal(found["custom_down"], found["down"])


VIEWS = {
    "StandardStatic": {},
    "StandardUniform": {"view_stride": 1},
    "LoopedUniform": {"view_stride": 1, "closed_loop": True},
}


def viewed(bench: Bench, model: Node, views: str, overlap: int, length: int = 4, **more) -> Node:
    """That model in windows of 8 frames, whose motion module would see views of that length."""
    seen = bench.graph.add(
        f"ADE_{views}ViewOptions", view_length=length, view_overlap=overlap, **VIEWS[views] | more
    )
    options = bench.graph.add(
        "ADE_StandardStaticContextOptions", context_length=8, context_overlap=2, view_opts=seen
    )
    return bench.graph.add(
        "ADE_UseEvolvedSampling", model=model, context_options=options, beta_schedule="use existing"
    )


def view_bench(comfy, name: str, frames: int) -> tuple[Bench, Node, str]:
    """A bench, its model whose answer depends on where the views begin, and the log of that."""
    bench, log = Bench.set_up(comfy, name, frames=frames), f"{name}-watch"
    plain = bench.graph.add("UNSTest_WatchedModel", model=bench.model, probe="views", log=log, gain=0.05)
    return bench, plain, log


@pytest.mark.parametrize(
    ("views", "more"), [(name, {}) for name in VIEWS] + [("LoopedUniform", {"length": 8} | EQUAL)]
)
def test_views_inside_windows_are_the_same_in_both_passes_and_must_be(comfy, views, more):
    """The answer depends on where the views begin, which for two kinds of them moves with the step."""
    bench, plain, log = view_bench(comfy, f"views-{views}-{len(more)}", 12)
    bench.model = viewed(bench, plain, views, 2, **more)
    noise = bench.unsample(bench.ays())
    assert bench.error(bench.run(clip=bench.resample(noise))["clip"]) < EXACT
    cuts = {call["value"] for call in comfy.calls(log)}
    assert len(cuts) > 2 if "Uniform" in views else len(cuts) == 1
    bench.model = viewed(bench, plain, views, 1, **more)
    with pytest.raises(RunError, match=r"cuts the clip into other context windows .*views:"):
        bench.run(other=bench.resample(noise))


def test_views_of_a_clip_that_is_not_cut_are_nobodys_business(comfy):
    """AnimateDiff-Evolved drops windows longer than the clip with the views in them."""
    bench = Bench.set_up(comfy, "views-unused", frames=6)
    plain = bench.model
    bench.model = viewed(bench, plain, "LoopedUniform", 4)
    noise, core = bench.unsample(bench.ays()), bench.through_core("euler")
    bench.model = plain
    found = bench.run(core=core, clip=bench.resample(noise))
    assert bench.error(found["clip"]) < EXACT
    assert 1e-3 < bench.error(found["core"]) < 0.3


@pytest.mark.parametrize("views", ["StandardUniform", "LoopedUniform"])
def test_core_samplers_are_refused_views_that_move(comfy, views):
    bench, plain, _ = view_bench(comfy, f"views-core-{views}", 12)
    bench.model = viewed(bench, plain, views, 2)
    with pytest.raises(RunError, match=f"views {REFUSED}"):
        bench.run(clip=bench.through_core("euler"))
    assert bench.calls() == []


def test_views_that_overlap_wholly_are_refused_in_a_sentence(comfy):
    bench, plain, _ = view_bench(comfy, "views-overlap", 12)
    bench.model = viewed(bench, plain, "StandardStatic", 4)
    with pytest.raises(RunError, match="views of 4 frames that overlap by 4; set view_overlap below 4"):
        bench.run(noise=bench.unsample(bench.ays()))
    assert bench.calls() == []


def views_only(bench: Bench, model: Node) -> Node:
    """That model whose motion module would see moving views of 4 frames of the whole clip."""
    seen = bench.graph.add("ADE_StandardUniformViewOptions", view_length=4, view_overlap=1, view_stride=1)
    options = bench.graph.add("ADE_ViewsOnlyContextOptions", view_opts_req=seen)
    return bench.graph.add(
        "ADE_UseEvolvedSampling", model=model, context_options=options, beta_schedule="use existing"
    )


def test_views_without_windows_are_those_of_the_whole_clip(comfy):
    """View as Context: a window over all frames, whose length AnimateDiff-Evolved learns in the first run."""
    bench, plain, log = view_bench(comfy, "views-only", 12)
    bench.model = views_only(bench, plain)
    noise = bench.unsample(bench.ays())
    assert bench.error(bench.run(clip=bench.resample(noise))["clip"]) < EXACT
    assert len({call["value"] for call in comfy.calls(log)}) > 2
    bench.model = plain
    with pytest.raises(RunError, match=r"cuts the clip into other context windows .*views:"):
        bench.run(other=bench.resample(noise))
    bench, plain, _ = view_bench(comfy, "views-only-core", 12)
    bench.model = views_only(bench, plain)
    with pytest.raises(RunError, match=f"views {REFUSED}"):
        bench.run(core=bench.through_core("euler"))

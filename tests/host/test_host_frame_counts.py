"""Clips that do not fit their context windows: they come back, or one sentence says what to set."""

from __future__ import annotations

import pytest
from host_passes import Bench
from host_windows import LENGTH, WINDOWS, cut, defaults

from tools.client import RunError

EXACT = 1e-6


@pytest.mark.parametrize("windows", [*WINDOWS, "ADE_BatchedContextOptions", "batched"])
def test_a_clip_of_any_length_comes_back(comfy, windows):
    """Fewer frames than a window, a window and a frame, two and a frame: the last window is pushed back, but
    for windows side by side, of which it is what is left over."""
    for frames in (1, 7, 8, 9, 17):
        bench = Bench.set_up(comfy, f"frames-{windows}-{frames}", frames=frames, window_bias=0.3)
        cut(bench, windows)
        found = bench.run(clip=bench.resample(bench.unsample(bench.ays(5))))
        assert found["clip"].shape == bench.clip.shape
        assert bench.error(found["clip"]) < EXACT, frames
        sizes = {min(frames, LENGTH)} | ({frames % LENGTH or LENGTH} if "atched" in windows else set())
        # core's windows may take one frame more, as an anchor
        anchored = set() if windows.startswith("ADE") else {size + 1 for size in sizes}
        rows = {call["rows"] for call in bench.calls()}
        assert rows <= sizes | anchored
        assert "atched" in windows or min(rows) == min(frames, LENGTH)


@pytest.mark.parametrize(
    ("windows", "overlap"),
    [(name, LENGTH) for name in WINDOWS] + [(WINDOWS[1], LENGTH + 1), (WINDOWS[4], LENGTH + 1)],
)
def test_windows_that_overlap_wholly_are_refused_in_a_sentence(comfy, windows, overlap):
    bench = Bench.set_up(comfy, f"overlap-{windows}-{overlap}", frames=17)
    cut(bench, windows, overlap=overlap)
    sentence = (
        f"Exact Unsampler: model has context windows of 8 frames that overlap by {overlap}; set "
        "context_overlap below 8"
    )
    with pytest.raises(RunError, match=sentence):
        bench.run(noise=bench.unsample(bench.ays(5)))
    assert bench.calls() == []


def test_a_clip_shorter_than_its_windows_may_have_any_overlap(comfy):
    bench = Bench.set_up(comfy, "overlap-unused", frames=7)
    cut(bench, WINDOWS[0], overlap=LENGTH)
    assert bench.error(bench.run(clip=bench.resample(bench.unsample(bench.ays(5))))["clip"]) < EXACT


def test_windows_side_by_side_have_no_overlap_to_refuse(comfy):
    """Core's node has the widget all the same, at 4 unless it is changed."""
    bench = Bench.set_up(comfy, "overlap-batched", frames=12)
    cut(bench, "batched", length=4, overlap=4)
    assert bench.error(bench.run(clip=bench.resample(bench.unsample(bench.ays(5))))["clip"]) < EXACT


@pytest.mark.parametrize("windows", [WINDOWS[0], WINDOWS[2], WINDOWS[3]])
def test_a_ramp_over_no_overlap_is_refused_in_a_sentence(comfy, windows):
    bench = Bench.set_up(comfy, f"ramp-{windows}", frames=17)
    cut(bench, windows, overlap=0, fuse_method="overlap-linear")
    with pytest.raises(RunError, match=r"ramp \(overlap 0\); choose another fuse_method, or .* from 1 to 7"):
        bench.run(noise=bench.unsample(bench.ays(5)))
    assert bench.calls() == []


def test_one_looped_window_has_no_ramp_to_refuse(comfy):
    bench = Bench.set_up(comfy, "ramp-equal", frames=LENGTH)
    cut(bench, WINDOWS[2], overlap=0, fuse_method="overlap-linear", use_on_equal_length=True)
    assert bench.error(bench.run(clip=bench.resample(bench.unsample(bench.ays(5))))["clip"]) < EXACT


ODD_FUSES = ["delayed reverse sawtooth", "pyramid-sigma", "pyramid-sigma inverse"]


@pytest.mark.parametrize("fuse", ODD_FUSES)
@pytest.mark.parametrize("length", [7, 8])
def test_ways_to_fuse_an_even_number_of_frames_are_refused_for_odd_ones(comfy, fuse, length):
    """AnimateDiff-Evolved has a weight too many for those, or none."""
    bench = Bench.set_up(comfy, f"odd-{fuse}-{length}", frames=17, window_bias=0.3)
    fuses = comfy.object_info[WINDOWS[0]]["input"]["optional"]["fuse_method"][0]
    cut(bench, WINDOWS[0], length, fuse_method=next(name for name in fuses if name.endswith(fuse)))
    clip = bench.resample(bench.unsample(bench.ays(5)))
    if length == 8:
        assert bench.error(bench.run(clip=clip)["clip"]) < EXACT
        return
    with pytest.raises(RunError, match=f"of 7 frames whose fuse_method .*{fuse} works with an even number"):
        bench.run(clip=clip)
    assert bench.calls() == []


def taking_turns(bench: Bench, *keyframes: tuple[str, dict]) -> None:
    """Context keyframes: windows with an overlap of 2, and what else is given."""
    options = None
    for windows, given in keyframes:
        before = {} if options is None else {"prev_context": options}
        options = bench.graph.add(
            windows, **defaults(bench.comfy, windows) | {"context_overlap": 2} | given | before
        )
    bench.model = bench.graph.add(
        "ADE_UseEvolvedSampling", model=bench.model, beta_schedule="use existing", context_options=options
    )


BAD_STRIDE = (WINDOWS[1], {"context_length": 16, "context_overlap": 4, "context_stride": 2})
BAD_RAMP = (WINDOWS[0], {"context_length": 8, "context_overlap": 0, "fuse_method": "overlap-linear"})
GOOD = (WINDOWS[0], {"context_length": 8})


def at(keyframe: tuple[str, dict], start: float, **more) -> tuple[str, dict]:
    return keyframe[0], keyframe[1] | {"start_percent": start} | more


@pytest.mark.parametrize(
    ("name", "keyframes", "words"),
    [
        ("first", (BAD_STRIDE, at(GOOD, 0.5)), "stride 2 that do not fit 24 frames at step 1;"),
        ("later", (GOOD, at(BAD_STRIDE, 0.5)), r"stride 2 that do not fit 24 frames at step \d+;"),
        ("guaranteed", (GOOD, at(BAD_STRIDE, 0.5, guarantee_steps=1), at(GOOD, 0.5)), "do not fit 24 frames"),
        ("between", (GOOD, at(BAD_RAMP, 0.86, guarantee_steps=0), at(GOOD, 0.861)), "no room for its ramp"),
    ],
)
def test_context_keyframes_that_get_a_step_and_do_not_fit_are_refused(comfy, name, keyframes, words):
    """Those that begin between two steps too: a solver asks the model there."""
    bench = Bench.set_up(comfy, f"turn-{name}", frames=24, window_bias=0.3)
    taking_turns(bench, *keyframes)
    with pytest.raises(RunError, match=words):
        bench.run(clip=bench.resample(bench.unsample(bench.ays())))
    assert bench.calls() == []


@pytest.mark.parametrize(
    ("name", "keyframes", "end"),
    [
        ("stride", ((WINDOWS[1], {"context_length": 8, "context_stride": 2}), at(GOOD, 0.5)), 1.0),
        ("above", (BAD_RAMP, at(GOOD, 0.1)), 0.3),
        ("below", (GOOD, at(BAD_RAMP, 1.0)), 1.0),
    ],
)
def test_context_keyframes_that_get_no_step_in_which_they_do_not_fit_are_taken(comfy, name, keyframes, end):
    """Windows that would leave a frame out at step 13, where the next keyframe has taken over; a keyframe
    that has passed before a partial pass begins; and one that begins where the schedule ends."""
    bench = Bench.set_up(comfy, f"no-turn-{name}", frames=17, window_bias=0.3)
    taking_turns(bench, *keyframes)
    found = bench.run(clip=bench.resample(bench.unsample(bench.ays(), end=end)))
    assert bench.error(found["clip"]) < EXACT


def test_windows_along_an_axis_that_is_not_there_are_refused_in_a_sentence(comfy):
    bench = Bench.set_up(comfy, "axis", frames=17)
    cut(bench, WINDOWS[3], dim=4)
    with pytest.raises(RunError, match="along dim 4, but the latent has 4 dimensions; set dim to 0"):
        bench.run(noise=bench.unsample(bench.ays(5)))
    assert bench.calls() == []


@pytest.mark.parametrize("windows", [WINDOWS[1], WINDOWS[4]])
@pytest.mark.parametrize(
    ("frames", "length", "overlap", "steps", "bad"),
    [(17, 8, 2, 16, 13), (24, 16, 4, 8, 1), (32, 8, 2, 16, None), (17, 8, 2, 5, None)],
)
def test_uniform_windows_of_stride_2_fit_or_are_refused(comfy, windows, frames, length, overlap, steps, bad):
    """Where a frame is in no window both hosts divide by zero; where one lies behind the clip they stop."""
    bench = Bench.set_up(comfy, f"stride-{windows}-{frames}-{steps}", frames=frames, window_bias=0.3)
    cut(bench, windows, length, overlap, context_stride=2)
    clip = bench.resample(bench.unsample(bench.ays(steps)))
    if bad is None:
        assert bench.error(bench.run(clip=clip)["clip"]) < EXACT
        return
    words = f"windows of stride 2 that do not fit {frames} frames at step {bad}; set context_stride to 1"
    with pytest.raises(RunError, match=words):
        bench.run(clip=clip)
    assert bench.calls() == []


def test_the_inversion_sampler_refuses_them_too(comfy):
    bench = Bench.set_up(comfy, "overlap-sampler", frames=9)
    cut(bench, WINDOWS[0], overlap=LENGTH)
    sampled = bench.custom(bench.latent, "unsample", bench.ays(5))
    with pytest.raises(RunError, match=r"Inversion Sampler .*set context_overlap below 8"):
        bench.run(clip=sampled)


def test_more_frames_than_a_motion_module_knows_need_windows(comfy):
    """Told before the first model call; with windows the same clip goes through."""
    for windows in (None, WINDOWS[1]):
        bench = Bench.set_up(comfy, f"limit-{windows}", frames=33)
        base = bench.graph.add("CheckpointLoaderSimple", ckpt_name=comfy.model("narrow"))
        bench.model = bench.graph.add(
            "UNSTest_AnalyticModel", model=base, log=bench.log, mixture=f"{bench.log}-model.safetensors"
        )
        loaded = bench.graph.add("ADE_LoadAnimateDiffModel", model_name=comfy.model("motion"))
        motion = bench.graph.add("ADE_ApplyAnimateDiffModelSimple", motion_model=loaded)
        given = (
            {}
            if windows is None
            else {
                "context_options": bench.graph.add(
                    windows, **defaults(comfy, windows) | {"context_length": 16, "context_overlap": 4}
                )
            }
        )
        bench.model = bench.graph.add(
            "ADE_UseEvolvedSampling",
            model=bench.model,
            m_models=motion,
            beta_schedule="use existing",
            **given,
        )
        clip = bench.resample(bench.unsample(bench.ays(4)))
        if windows is None:
            words = "model has the motion model .*takes 32 frames at once, but the clip has 33; connect"
            with pytest.raises(RunError, match=words):
                bench.run(clip=clip)
            assert bench.calls() == []
        else:
            assert bench.error(bench.run(clip=clip)["clip"]) < EXACT

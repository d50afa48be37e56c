"""Clips that do not fit their context windows: they come back, or one sentence says what to set."""
from __future__ import annotations

import pytest
from host_passes import Bench
from host_windows import LENGTH, WINDOWS, cut, defaults

from tools.comfy_client import RunError

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


@pytest.mark.parametrize(("windows", "overlap"), [(name, LENGTH) for name in WINDOWS]
                         + [(WINDOWS[1], LENGTH + 1), (WINDOWS[4], LENGTH + 1)])
def test_windows_that_overlap_wholly_are_refused_in_a_sentence(comfy, windows, overlap):
    bench = Bench.set_up(comfy, f"overlap-{windows}-{overlap}", frames=17)
    cut(bench, windows, overlap=overlap)
    sentence = f"Unsampler: model has context windows of 8 frames that overlap by {overlap}; set " \
               "context_overlap below 8"
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


def test_a_stride_that_fits_as_long_as_its_keyframe_rules_is_taken(comfy):
    """Its windows would leave a frame out at step 13, where the next keyframe has taken over."""
    bench = Bench.set_up(comfy, "stride-keyframe", frames=17, window_bias=0.3)
    first = bench.graph.add(WINDOWS[1], **defaults(comfy, WINDOWS[1]) | {
        "context_length": 8, "context_overlap": 2, "context_stride": 2})
    options = bench.graph.add(WINDOWS[0], **defaults(comfy, WINDOWS[0]) | {
        "context_length": 8, "context_overlap": 2, "start_percent": 0.5, "prev_context": first})
    bench.model = bench.graph.add("ADE_UseEvolvedSampling", model=bench.model, beta_schedule="use existing",
                                  context_options=options)
    assert bench.error(bench.run(clip=bench.resample(bench.unsample(bench.ays())))["clip"]) < EXACT


@pytest.mark.parametrize("windows", [WINDOWS[1], WINDOWS[4]])
@pytest.mark.parametrize(("frames", "length", "overlap", "steps", "bad"), [
    (17, 8, 2, 16, 13), (24, 16, 4, 8, 1), (32, 8, 2, 16, None), (17, 8, 2, 5, None)])
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
    """AnimateDiff-Evolved's own sentence reaches the user; with windows the same clip goes through."""
    for windows in (None, WINDOWS[1]):
        bench = Bench.set_up(comfy, f"limit-{windows}", frames=33)
        base = bench.graph.add("CheckpointLoaderSimple", ckpt_name=comfy.model("narrow"))
        bench.model = bench.graph.add("UNSTest_AnalyticModel", model=base, log=bench.log,
                                      mixture=f"{bench.log}-model.safetensors")
        loaded = bench.graph.add("ADE_LoadAnimateDiffModel", model_name=comfy.model("motion"))
        motion = bench.graph.add("ADE_ApplyAnimateDiffModelSimple", motion_model=loaded)
        given = {} if windows is None else {"context_options": bench.graph.add(
            windows, **defaults(comfy, windows) | {"context_length": 16, "context_overlap": 4})}
        bench.model = bench.graph.add("ADE_UseEvolvedSampling", model=bench.model, m_models=motion,
                                      beta_schedule="use existing", **given)
        clip = bench.resample(bench.unsample(bench.ays(4)))
        if windows is None:
            with pytest.raises(RunError, match=r"Without a context window.* upper limit of 32 frames"):
                bench.run(clip=clip)
        else:
            assert bench.error(bench.run(clip=clip)["clip"]) < EXACT

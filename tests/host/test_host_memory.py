"""A MODEL that does not repeat itself is named in a sentence, whatever it is called; no other one is."""

import json

import pytest
import torch
from host_passes import SOURCE, TARGET, Bench
from support_nodes.mixture import Mixture

from tools.client import RunError

EXACT = 1e-6
LOST = "model does not repeat itself: asked the same a second time"
# what the Exact Unsampler's own repeated question tells, whatever the resampler is asked
FORGETFUL = [
    "every second answer",
    "every third answer",
    "below a sigma",
    "every second noise",
    "deep cache",
    "momentum",
    "call counter",
    "warm-up",
    "torch generator",
    "numpy RandomState",
    "numpy Generator",
    "Python's Random",
    "system",
]


def patched(comfy, name: str, patch: str, **more) -> Bench:
    bench = Bench.set_up(comfy, name, **more)
    bench.model = bench.graph.add("UNSTest_PatchedModel", model=bench.model, patch=patch)
    return bench


def said(comfy, before: int, words: str) -> list[str]:
    """The lines of the server's log since then with these words."""
    return [line for line in comfy.log_text()[before:].splitlines() if words in line]


@pytest.mark.parametrize(
    "how",
    [{}, {"solver": "dpmpp_2m", "direct": -1.0}, {"solver": "euler", "record": "half", "direct": 0.5}],
    ids=["midpoint", "dpmpp_2m", "euler"],
)
@pytest.mark.parametrize("patch", FORGETFUL)
def test_a_patch_with_a_memory_is_refused_by_the_unsampler(comfy, patch, how):
    bench = patched(comfy, "memory", patch)
    with pytest.raises(RunError, match=rf"Exact Unsampler: {LOST}, .*; something on it remembers"):
        bench.run(noise=bench.unsample(bench.ays(), **how))


@pytest.mark.parametrize("patch", ["every second answer", "torch generator", "momentum", "deep cache"])
@pytest.mark.parametrize("how", [{"solver": "ees25"}, {"record": "off"}, {"end": 0.5}])
def test_without_a_record_and_on_a_partial_climb_too(comfy, patch, how):
    bench = patched(comfy, "memory-plain", patch)
    with pytest.raises(RunError, match=f"Exact Unsampler: {LOST}"):
        bench.run(noise=bench.unsample(bench.ays(), **how))


@pytest.mark.parametrize("patch", ["every second answer", "numpy Generator", "call counter", "deep cache"])
@pytest.mark.parametrize("steps", [4, 8, 20, 50])
def test_at_other_numbers_of_steps(comfy, patch, steps):
    bench = patched(comfy, "memory-steps", patch)
    with pytest.raises(RunError, match=f"Exact Unsampler: {LOST}"):
        bench.run(noise=bench.unsample(bench.ays(steps)))


@pytest.mark.parametrize("patch", ["every second answer", "torch generator", "deep cache"])
@pytest.mark.parametrize("sampler", ["euler", "heun"])
def test_through_a_core_sampler(comfy, patch, sampler):
    bench = patched(comfy, "memory-core", patch)
    with pytest.raises(RunError, match=rf"Exact Unsampler \(Advanced\): {LOST}"):
        bench.run(clip=bench.through_core(sampler))


@pytest.mark.parametrize("patch", ["every second answer", "torch generator"])
def test_through_the_inversion_sampler(comfy, patch):
    bench = patched(comfy, "memory-sampler", patch)
    with pytest.raises(RunError, match=rf"Inversion Sampler \(unsample\): {LOST}"):
        bench.run(noise=bench.custom(bench.latent, "unsample", bench.ays()))


@pytest.mark.parametrize("how", [{}, {"direct": 0.5}, {"direct": 1.0}], ids=["recorded", "half", "all"])
def test_what_shows_on_the_way_down_alone_is_refused_there(comfy, how):
    """Its third call is the last that is not disturbed: the way down is."""
    bench = patched(comfy, "memory-down", "early warm-up")
    noise = bench.unsample(bench.ays(), **how)
    if how.get("direct") == 1.0:  # no call of the path asks what the first three asked
        found = bench.run(clip=bench.resample(noise))
        assert bench.error(found["clip"]) < EXACT
        return
    with pytest.raises(
        RunError, match="Noiseless Resampler: model does not repeat itself: asked under the same"
    ):
        bench.run(clip=bench.resample(noise))


def test_one_answer_for_each_sigma_is_told(comfy):
    """The way back is exact, and so is every restyle: nothing is restyled."""
    before = len(comfy.log_text())
    bench = patched(comfy, "memory-sigma", "keyed by sigma")
    noise = bench.unsample(bench.ays(), direct=0.0)
    found = bench.run(clip=bench.resample(noise), edit=bench.resample(noise, 1.0, TARGET))
    assert bench.error(found["clip"]) < EXACT and bench.error(found["edit"]) < EXACT
    assert len(said(comfy, before, "each answer for the other prompt is the one recorded")) == 1
    before = len(comfy.log_text())
    bench.run(noise=bench.unsample(bench.ays(), direct=0.5))
    assert len(said(comfy, before, "got one answer for two latents")) == 1


@pytest.mark.parametrize("patch", ["Python's random", "rounded", "by sigma alone"])
@pytest.mark.parametrize("solver", ["midpoint", "dpmpp_2m"])
def test_a_patch_that_repeats_itself_comes_back(comfy, patch, solver):
    before = len(comfy.log_text())
    bench = patched(comfy, "memory-none", patch)
    noise = bench.unsample(bench.ays(), solver=solver, direct=0.5)
    found = bench.run(clip=bench.resample(noise), edit=bench.resample(noise, 2.0, TARGET))
    assert bench.error(found["clip"]) < EXACT
    assert said(comfy, before, "resampled in") and not said(comfy, before, ", but")


def test_a_little_noise_of_its_own_is_a_remark(comfy):
    before = len(comfy.log_text())
    bench = Bench.set_up(comfy, "memory-little", relative_noise=0.03)
    found = bench.run(clip=bench.resample(bench.unsample(bench.ays())))
    assert bench.error(found["clip"]) < 0.1
    assert said(comfy, before, "unsampled to sigma")[0].count("repeats itself only within")


def test_another_prompt_another_cfg_or_a_patch_is_no_fault(comfy):
    """Nor is an edit that begins halfway down."""
    before = len(comfy.log_text())
    bench = Bench.set_up(comfy, "memory-edits")
    noise = bench.unsample(bench.ays(), direct=0.5)
    late = [
        bench.graph.add("ConditioningSetTimestepRange", conditioning=bench.condition(value), start=a, end=b)
        for value, a, b in ((SOURCE, 0.0, 0.5), (TARGET, 0.5, 1.0))
    ]
    both = bench.graph.add("ConditioningCombine", conditioning_1=late[0], conditioning_2=late[1])
    other = bench.graph.add("UNSTest_PatchedModel", model=bench.model, patch="by sigma alone")
    found = bench.run(
        cfg=bench.resample(noise, 3.0),
        prompt=bench.resample(noise, 1.0, TARGET),
        late=bench.resample(noise, positive=both),
        patch=bench.resample(noise, model=other),
        fidelity=bench.resample(noise, fidelity=0.0),
        structure=bench.resample(noise, 2.0, TARGET, structure=0.5),
    )
    assert all(bench.error(clip) > 1e-4 for clip in found.values())
    assert len(said(comfy, before, "resampled in")) == 6 and not said(comfy, before, ", but")


def test_a_clip_that_the_model_knows_by_heart_is_no_fault(comfy):
    """Its answers hardly change from call to call."""
    before = len(comfy.log_text())
    still = Mixture(
        values=torch.tensor([0.0, SOURCE, TARGET]),
        means=torch.tensor([0.0]).reshape(1, 1, 1, 1, 1).repeat(3, 1, 1, 1, 1),
        stds=torch.full((3, 1), 1e-3),
        log_weights=torch.zeros(3, 1),
    )
    bench = Bench.set_up(comfy, "memory-still", mixture=still)
    found = bench.run(clip=bench.resample(bench.unsample(bench.ays(), direct=0.5)))
    assert found["clip"].isfinite().all() and not said(comfy, before, "one answer")


def test_the_repeated_question_is_one_call_that_is_counted(comfy):
    before = len(comfy.log_text())
    bench = Bench.set_up(comfy, "memory-calls")
    bench.run(noise=bench.unsample(bench.ays()))
    calls = [call["sigma"] for call in bench.calls()]
    assert len(calls) == 19 and calls[-1] == calls[5] and len(set(calls[:-1])) == 18
    assert said(comfy, before, "in 19 model calls")


def test_the_limit_in_comfyuis_settings_holds_without_a_restart(comfy):
    """js/settings.js shows it, and ComfyUI's own settings keep it, by its own address for them."""
    name, words = "/settings/Unsampling.RecordGiB", "the record on disk ("
    bench = Bench.set_up(comfy, "limit")

    def on_disk(limit: float) -> bool:
        before = len(comfy.log_text())
        comfy.client.http.read("POST", name, json.dumps(limit).encode())
        bench.run(noise=bench.unsample(bench.ays()))
        return bool(said(comfy, before, words))

    try:
        assert [on_disk(limit) for limit in (0, 2, 0.0)] == [True, False, True]
    finally:
        comfy.client.http.read("POST", name, b"2")

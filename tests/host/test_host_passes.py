"""The two passes in the real host: exact, silent about noise, the same again, and known to the user while
they run."""

import math
import time

import pytest
import torch
from host_passes import EMPTY, SOURCE, TARGET, Bench
from support_nodes.mixture import Mixture

from tools.client import InterruptedRun, RunError
from unsampling import Inversion, schedules, solvers
from unsampling.inversion import calls_falling, calls_rising

EXACT = 1e-6
CALLS = {"midpoint": 19 + 17, "dpmpp_2m": 18 + 16, "euler": 18 + 16}  # of a recorded round trip in 16 steps


@pytest.mark.parametrize("solver", solvers.recorded())
@pytest.mark.parametrize("cfg", [1.0, 2.0])
def test_round_trip_is_exact(comfy, solver, cfg):
    bench = Bench.set_up(comfy, f"exact-{solver}-{cfg}")
    noise = bench.unsample(bench.ays(), cfg, solver=solver)
    found = bench.run(noise=noise, clip=bench.resample(noise, cfg))
    assert bench.error(found["clip"]) < EXACT
    assert bench.error(found["noise"]) > 5
    assert len(bench.calls()) == CALLS.get(solver, _calls(solver, found["noise"]))


def _calls(solver: str, noise: torch.Tensor) -> int:
    """What the engine says of a pair that has no number here yet."""
    sigmas = schedules.ays("SD1", 16)
    return calls_rising(solver, sigmas, repeated=True) + calls_falling(Inversion(noise, sigmas, solver))


def test_a_half_precision_record_is_as_exact(comfy):
    bench = Bench.set_up(comfy, "half")
    noise = bench.unsample(bench.ays(), record="half")
    found = bench.run(clip=bench.resample(noise), edit=bench.resample(noise, condition=TARGET))
    assert bench.error(found["clip"]) < EXACT < bench.error(found["edit"])


@pytest.mark.parametrize("round_to", ["float16", "bfloat16"])
def test_round_trip_is_exact_with_a_half_precision_network(comfy, round_to):
    bench = Bench.set_up(comfy, f"exact-{round_to}", round_to=round_to)
    found = bench.run(clip=bench.resample(bench.unsample(bench.ays())))
    assert bench.error(found["clip"]) < EXACT


def test_a_network_that_is_not_reproducible_costs_no_more_than_its_own_noise(comfy):
    bench = Bench.set_up(comfy, "exact-noisy", relative_noise=1e-3)
    found = bench.run(clip=bench.resample(bench.unsample(bench.ays())))
    assert EXACT < bench.error(found["clip"]) < 2e-3


def test_another_prompt_restyles_and_structure_leads_back_to_the_source(comfy):
    bench = Bench.set_up(comfy, "structure")
    noise = bench.unsample(bench.ays())
    results = {
        f"at{structure}": bench.resample(noise, condition=TARGET, structure=structure)
        for structure in (0.0, 0.5, 0.9, 1.0)
    }
    found = bench.run(**results)
    errors = [bench.error(found[name]) for name in results]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 0.3
    assert errors[-1] < EXACT
    assert len(bench.calls()) == 19 + 17 + 8 + 2


def test_partial_unsampling_stops_where_it_is_told_and_comes_back(comfy):
    bench = Bench.set_up(comfy, "partial")
    noise = bench.unsample(bench.ays(), end=0.5)
    found = bench.run(clip=bench.resample(noise))
    calls = bench.calls()
    assert max(call["sigma"] for call in calls) < 2
    assert len(calls) == 11 + 9
    assert bench.error(found["clip"]) < EXACT


@pytest.mark.parametrize("noise_type", ["default", "constant", "empty", "repeated_context", "FreeNoise"])
def test_no_noise_type_of_sample_settings_gets_in(comfy, noise_type):
    plain, other = (Bench.set_up(comfy, f"noise-{noise_type}-{name}") for name in ("plain", "settings"))
    layers = other.graph.add(
        "ADE_NoiseLayerAdd",
        batch_offset=0,
        noise_type="constant",
        seed_gen_override="use existing",
        seed_offset=0,
        noise_weight=0.7,
        balance_multiplier=1.0,
    )
    settings = other.graph.add(
        "ADE_AnimateDiffSamplingSettings",
        batch_offset=3,
        noise_type=noise_type,
        seed_gen="comfy",
        seed_offset=5,
        noise_layers=layers,
    )
    for bench, given in ((plain, {}), (other, {"sample_settings": settings})):
        bench.model = bench.graph.add(
            "ADE_UseEvolvedSampling", model=bench.model, beta_schedule="use existing", **given
        )
    results = []
    for bench in (plain, other):
        noise = bench.unsample(bench.ays(6))
        results.append(bench.run(noise=noise, clip=bench.resample(noise, condition=TARGET)))
    assert torch.equal(results[0]["noise"], results[1]["noise"])
    assert torch.equal(results[0]["clip"], results[1]["clip"])


@pytest.mark.parametrize(
    ("node", "more"),
    [
        ("ADE_IterationOptsFreeInit", {"iterations": 2}),
        ("ADE_IterationOptsDefault", {"iterations": 2}),
        ("ADE_IterationOptsFreeInit", {"iterations": 1, "apply_to_1st_iter": True}),
    ],
)
@pytest.mark.parametrize(
    "way", ["Exact Unsampler", "Exact Unsampler .Advanced.", "Inversion Sampler .unsample."]
)
def test_iterations_which_sample_again_or_add_noise_are_refused(comfy, way, node, more):
    bench = Bench.set_up(comfy, f"iterations-{node}-{len(way)}-{len(more)}")
    known = comfy.object_info[node]["input"]["required"]
    given = {
        name: spec[0][0] if isinstance(spec[0], list) else spec[1]["default"] for name, spec in known.items()
    }
    options = bench.graph.add(node, **(given | more))
    settings = bench.graph.add(
        "ADE_AnimateDiffSamplingSettings",
        batch_offset=0,
        noise_type="default",
        seed_gen="comfy",
        seed_offset=0,
        iteration_opts=options,
    )
    bench.model = bench.graph.add(
        "ADE_UseEvolvedSampling", model=bench.model, beta_schedule="use existing", sample_settings=settings
    )
    made = {
        "Exact Unsampler": lambda: bench.unsample(bench.ays(6)),
        "Exact Unsampler .Advanced.": lambda: bench.through_core("euler"),
        "Inversion Sampler .unsample.": lambda: bench.custom(bench.latent, "unsample", bench.ays(6)),
    }
    with pytest.raises(RunError, match=f"{way}: .*iteration_opts samples .*FreeInit.*disconnect it"):
        bench.run(noise=made[way]())
    assert bench.calls() == []


def test_queued_again_the_bytes_are_the_same(comfy):
    runs = []
    for again in ("first", "second"):
        bench = Bench.set_up(comfy, f"again-{again}")
        noise = bench.unsample(bench.ays(8), 1.5)
        runs.append(bench.run(noise=noise, clip=bench.resample(noise, 3.0, TARGET)))
    assert torch.equal(runs[0]["noise"], runs[1]["noise"])
    assert torch.equal(runs[0]["clip"], runs[1]["clip"])


def test_the_record_travels_in_one_key_and_does_not_stick_to_results(comfy):
    bench = Bench.set_up(comfy, "key")
    noise = bench.unsample(bench.ays(4))
    bench.run(source=bench.latent, noise=noise, clip=bench.resample(noise))
    carried = {
        name: bool(comfy.tensors(f"key-{name}")["has_unsampling"]) for name in ("source", "noise", "clip")
    }
    assert carried == {"source": False, "noise": True, "clip": False}


def test_every_model_call_is_a_tick_and_the_node_says_what_it_does(comfy):
    bench = Bench.set_up(comfy, "ticks")
    noise = bench.unsample(bench.ays(5))
    bench.graph.save("ticks-noise", latent=noise)
    seen = []
    comfy.run(bench.graph.prompt, on_event=lambda kind, data: seen.append((kind, data)))
    ticks = [
        node["value"]
        for kind, data in seen
        if kind == "progress_state"
        for key, node in data["nodes"].items()
        if key == noise.id and node["max"] == 8
    ]
    assert ticks[-1] == 8
    coming = "unsampling, 8 model calls, then 6 or fewer to resample, the record in RAM (56 KiB with what the"
    assert coming in comfy.log_text()
    assert "the preview turns into noise; this is normal" in comfy.log_text()
    assert "unsampled to sigma 14.61 in 8 model calls" in comfy.log_text()


def test_cancel_works_within_one_call(comfy):
    bench = Bench.set_up(comfy, "cancel", delay_s=0.4)
    bench.graph.save("cancel-noise", latent=bench.unsample(bench.ays(40)))
    prompt_id = comfy.client.queue(bench.graph.prompt)
    log = comfy.output_dir / "cancel.jsonl"
    for _ in range(200):
        if log.exists() and len(bench.calls()) >= 2:
            break
        time.sleep(0.05)
    before = len(bench.calls())
    comfy.client.interrupt()
    with pytest.raises(InterruptedRun):
        comfy.client.wait(prompt_id)
    assert 2 <= before <= len(bench.calls()) <= before + 2


def test_nan_stops_at_its_step(comfy):
    bench = Bench.set_up(comfy, "nan", nan_at_call=5)
    sentence = r"Exact Unsampler: the model returned NaN .* at model call 5 of 19 \(step 13, sigma"
    with pytest.raises(RunError, match=sentence):
        bench.run(noise=bench.unsample(bench.ays()))
    assert len(bench.calls()) == 5


def test_conditions_and_cfg_reach_the_model(comfy):
    bench = Bench.set_up(comfy, "conditions")
    noise = bench.unsample(bench.ays(4))
    bench.run(clip=bench.resample(noise, 3.0, TARGET))
    up, down = bench.calls()[:7], bench.calls()[7:]
    assert {tuple(call["values"]) for call in up} == {(SOURCE,)}
    assert {frozenset(call["values"]) for call in down} == {frozenset((TARGET, EMPTY))}


def test_a_slice_of_the_noise_takes_its_slice_of_the_record_along(comfy):
    bench = Bench.set_up(comfy, "slice")
    noise = bench.unsample(bench.ays())
    part = bench.graph.add("LatentFromBatch", samples=noise, batch_index=1, length=2)
    twice = bench.graph.add("LatentBatch", samples1=part, samples2=noise)
    found = bench.run(part=bench.resample(part), twice=bench.resample(twice))
    assert "2 of 4 frames, exact where frames do not see each other" in comfy.log_text()
    clip = bench.clip / 0.18215
    assert (found["part"] - clip[1:3]).norm() < EXACT * clip.norm()
    assert len(found["twice"]) == 6


def test_frames_from_elsewhere_end_exactness_and_the_node_says_so(comfy):
    bench = Bench.set_up(comfy, "added")
    noise = bench.unsample(bench.ays())
    changed = bench.graph.add("LatentMultiply", samples=noise, multiplier=1.02)
    longer = bench.graph.add("LatentBatch", samples1=noise, samples2=changed)
    found = bench.run(clip=bench.resample(longer))
    assert "frames were added to the noise, or cut and changed: not exact" in comfy.log_text()
    assert len(found["clip"]) == 8 and found["clip"].isfinite().all()


def test_a_restyle_comes_near_the_known_ideal_at_half_of_heuns_calls(comfy):
    """Gaussian worlds, where the exact way up under one prompt and down under another is a formula."""
    fields = torch.randn(3, 1, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    stds = torch.tensor([[0.4], [0.3], [0.5]])
    world = Mixture(torch.tensor([EMPTY, SOURCE, TARGET]), fields, stds, torch.zeros(3, 1))
    bench = Bench.set_up(comfy, "ideal", mixture=world)
    sigmas = bench.ays()
    up = {name: bench.core_unsample(sigmas, name) for name in ("euler", "heun")}
    results = {name: bench.core_sample(noise, sigmas, name, condition=TARGET) for name, noise in up.items()}
    found = bench.run(ours=bench.resample(bench.unsample(sigmas), condition=TARGET), **results)
    (source, target), (narrow, wide), top = fields[1:, 0], (0.3, 0.5), 14.6146412293
    noise = source + math.hypot(narrow, top) / narrow * (bench.clip - source)
    ideal = target + wide / math.hypot(wide, top) * (noise - target)
    errors = {name: float((clip * 0.18215 - ideal).norm() / ideal.norm()) for name, clip in found.items()}
    # measured: ours 0.003 with 36 calls, heun 0.012 with 63, euler 0.11 with 32
    assert errors["ours"] < 0.015
    assert errors["ours"] < errors["heun"] < errors["euler"]
    assert len(bench.calls()) == 36 + 32 + 63


def test_a_flow_model_goes_up_to_sigma_1_and_back_exactly(comfy):
    bench = Bench.set_up(comfy, "flow")
    bench.model = bench.graph.add("ModelSamplingSD3", model=bench.model, shift=3.0)
    sigmas = bench.graph.add("BasicScheduler", model=bench.model, scheduler="simple", steps=12, denoise=1.0)
    noise = bench.unsample(sigmas)
    found = bench.run(noise=noise, clip=bench.resample(noise), edit=bench.resample(noise, 2.0, TARGET))
    assert max(call["sigma"] for call in bench.calls()) == 1.0
    assert bench.error(found["clip"]) < EXACT < bench.error(found["edit"])
    assert 0.7 < float(found["noise"].std()) * 0.18215 < 1.3


def test_changed_noise_and_structure_say_that_the_change_is_lost(comfy):
    bench = Bench.set_up(comfy, "changed-structure")
    noise = bench.unsample(bench.ays(8))
    changed = bench.graph.add("LatentMultiply", samples=noise, multiplier=1.05)
    found = bench.run(
        plain=bench.resample(noise, structure=0.5, condition=TARGET),
        changed=bench.resample(changed, structure=0.5, condition=TARGET),
    )
    assert torch.equal(found["plain"], found["changed"])
    words = "structure starts from the record, so the change made to the noise has no effect"
    assert words in comfy.log_text()


def test_a_clip_that_still_carries_the_record_is_a_clip(comfy):
    bench = Bench.set_up(comfy, "carried")
    sigmas = bench.ays(8)
    noise = bench.unsample(sigmas)
    clip = bench.core_sample(noise, sigmas, "euler")  # copies the LATENT's keys
    found = bench.run(again=bench.unsample(sigmas, latent_image=clip))
    assert float(found["again"].std()) > 50
    with pytest.raises(RunError, match="noise is not noise of this schedule"):
        bench.run(clip=bench.resample(clip))

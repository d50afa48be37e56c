"""structure and fidelity over the clip: numbers from AnimateDiff's Value Scheduling, curves from core's
editor."""

import pytest
import torch
from host_passes import TARGET, Bench
from test_host_refusals import refused

# eight frames: the first free, the last the source itself
RAMP = [i / 7 for i in range(8)]


def scheduled(bench: Bench, values: list[float]):
    text = ", ".join(f"{i} = {value}" for i, value in enumerate(values))
    return bench.graph.add("ADE_ValueScheduling", values=text, max_length=len(values))


@pytest.mark.parametrize("output", [0, 1], ids=["FLOAT", "FLOATS"])
def test_structure_from_value_scheduling(comfy, output):
    bench = Bench.set_up(comfy, f"curve-structure-{output}", frames=8)
    noise = bench.unsample(bench.ays(8), solver="euler")
    found = bench.run(
        curve=bench.resample(noise, 2.0, TARGET, structure=scheduled(bench, RAMP)[output]),
        half=bench.resample(noise, 2.0, TARGET, structure=RAMP[4]),
        free=bench.resample(noise, 2.0, TARGET, structure=0.0),
    )
    source = bench.clip / 0.18215
    assert torch.equal(found["curve"][0], found["free"][0])
    assert torch.equal(found["curve"][4], found["half"][4])
    assert torch.equal(found["curve"][7], source[7])
    away = (found["curve"] - source).square().flatten(1).mean(1)
    assert away[0] > away[4] > away[7] == 0


def test_a_short_list_is_stretched_over_the_clip(comfy):
    bench = Bench.set_up(comfy, "curve-stretched", frames=8)
    noise = bench.unsample(bench.ays(8), solver="euler")
    two = bench.resample(noise, 2.0, TARGET, structure=scheduled(bench, [0.0, 1.0])[1])
    eight = bench.resample(noise, 2.0, TARGET, structure=scheduled(bench, RAMP)[1])
    found = bench.run(two=two, eight=eight)
    assert torch.allclose(found["two"], found["eight"], atol=1e-4)  # the list's numbers are rounded


def test_fidelity_from_cores_curve_editor(comfy):
    comfy.needs("CurveEditor")
    bench = Bench.set_up(comfy, "curve-fidelity", frames=8)
    noise = bench.unsample(bench.ays(8), 2.0)
    points = {"points": [[0.0, 0.0], [1.0, 1.0]], "interpolation": "linear"}
    curve = bench.graph.add("CurveEditor", curve=points)
    found = bench.run(
        curve=bench.resample(noise, 2.0, fidelity=curve), plain=bench.resample(noise, 2.0, fidelity=0.0)
    )
    source = bench.clip / 0.18215
    assert torch.allclose(found["curve"][0], found["plain"][0], atol=1e-5)
    assert torch.allclose(found["curve"][7], source[7], atol=1e-6)
    assert (found["curve"] - source)[:3].abs().max() > 1e-4


def test_guider_nodes_take_curves_as_well(comfy):
    bench = Bench.set_up(comfy, "curve-guider", frames=8)
    noise = bench.unsample(bench.ays(8))
    guider = bench.graph.add(
        "CFGGuider",
        model=bench.model,
        positive=bench.condition(TARGET),
        negative=bench.condition(0.0),
        cfg=2.0,
    )
    structure = scheduled(bench, RAMP)[1]
    advanced = bench.graph.add(
        "UNS_NoiselessResamplerAdvanced", guider=guider, noise=noise, structure=structure
    )
    found = bench.run(advanced=advanced, simple=bench.resample(noise, 2.0, TARGET, structure=structure))
    assert torch.equal(found["advanced"], found["simple"])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0.0, 1.5], ["structure is 1.5", "set it between 0 and 1"]),
        ([-0.25, 0.0], ["structure is -0.25", "set it between 0 and 1"]),
    ],
)
def test_numbers_out_of_range_are_refused(comfy, values, words):
    bench = Bench.set_up(comfy, "curve-range")
    stored = comfy.put_latent("curve-range-noise", samples=bench.clip * 80)
    bench.latent = bench.graph.add("UNSTest_LoadLatent", file=stored)
    node = bench.resample(bench.latent, structure=scheduled(bench, values)[1], sigmas=bench.ays(4))
    refused(bench, node, "Noiseless Resampler: ", *words)

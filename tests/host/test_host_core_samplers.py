"""Every sampler of this ComfyUI is run backwards; the allow-list must be exactly those that come back."""

import re
from pathlib import Path

import pytest
import torch
from host_graphs import Node
from host_passes import EMPTY, SOURCE, Bench

from tools.client import RunError

LIST = Path(__file__).parents[2] / "host" / "packs" / "core_samplers.py"
# Both schedules: on the second a multistep formula in sigma itself overshoots on the way up.
SCHEDULES = ("ays", "normal")
# Measured on the mixture of host_passes with 16 steps; see the table that a failure prints.
LOST, LIKENESS = 0.2, 0.99
# Of euler's noise, which is too weak: the true noise is 1.10 to 1.14 of it (heun's). lms and
# gradient_estimation overshoot to 1.24 and 1.28.
WEAKEST, STRONGEST = 0.8, 1.22
# Choose their own steps between the ends, so no schedule binds both passes; dpm_adaptive loops on a NaN.
OWN_STEPS = {"dpm_adaptive", "dpm_fast"}
ALIASES = {"ddim": "euler"}


def allowed() -> tuple[str, ...]:
    names = re.search(r"INVERTIBLE = \((.*?)\)", LIST.read_text(), re.DOTALL).group(1)
    return tuple(re.findall(r'"(\w+)"', names))


def round_trip(comfy, name: str, schedule: str) -> tuple[float, float, float]:
    """Relative error of the round trip with core's own nodes; likeness and strength of its noise beside
    euler's (1 and 1: the same)."""
    bench = Bench.set_up(comfy, f"core-{name}-{schedule}")
    sigmas = (
        bench.ays()
        if schedule == "ays"
        else bench.graph.add("BasicScheduler", model=bench.model, scheduler="normal", steps=16, denoise=1.0)
    )
    up = bench.core_unsample(sigmas, name)
    try:
        found = bench.run(
            up=up, back=bench.core_sample(up, sigmas, name), euler=bench.core_unsample(sigmas, "euler")
        )
    except RunError:
        return float("inf"), 0.0, 0.0
    if not found["up"].isfinite().all() or not found["back"].isfinite().all():
        return float("inf"), 0.0, 0.0
    noises = torch.stack([found["up"].flatten(), found["euler"].flatten()])
    strength = float(found["up"].std() / found["euler"].std())
    return bench.error(found["back"]), float(torch.corrcoef(noises)[0, 1]), strength


def test_the_allow_list_is_what_comes_back(comfy):
    names = comfy.object_info["KSamplerSelect"]["input"]["required"]["sampler_name"]
    names = names[1]["options"] if isinstance(names[0], str) else names[0]
    assert len(names) > 30
    table = {
        name: [round_trip(comfy, name, schedule) for schedule in SCHEDULES]
        for name in names
        if name not in OWN_STEPS
    }
    text = "\n".join(
        f"{name:32}" + "".join("{:10.3g} {:6.3f} {:6.3f}".format(*trip) for trip in trips)
        for name, trips in table.items()
    )
    found = {
        ALIASES.get(name, name)
        for name, trips in table.items()
        if all(
            error < LOST and likeness > LIKENESS and WEAKEST < strength < STRONGEST
            for error, likeness, strength in trips
        )
    }
    assert found == set(allowed()), text


def refused(bench: Bench, sampler: Node, words: str) -> None:
    """Unsampling with this SAMPLER stops with these words and no model call."""
    guider = bench.graph.add("BasicGuider", model=bench.model, conditioning=bench.condition(SOURCE))
    noise = bench.graph.add(
        "UNS_UnsamplerAdvanced",
        guider=guider,
        latent_image=bench.latent,
        sigmas=bench.ays(),
        solver="midpoint",
        sampler=sampler,
    )
    with pytest.raises(RunError, match=words):
        bench.run(noise=noise)
    assert bench.calls() == []


@pytest.mark.parametrize("name", ["lcm", "euler_ancestral", "dpmpp_2m_sde", "dpm_adaptive", "unipc"])
def test_others_are_refused_by_name(comfy, name):
    bench = Bench.set_up(comfy, f"refused-{name}")
    sampler = bench.graph.add("KSamplerSelect", sampler_name={"unipc": "uni_pc"}.get(name, name))
    refused(bench, sampler, f"sampler {name} cannot be run backwards; choose one of")


def test_options_that_add_noise_are_refused(comfy):
    bench = Bench.set_up(comfy, "refused-options")
    sampler = bench.graph.add("UNSTest_ChurningEuler")
    refused(bench, sampler, r"sampler euler has options of its own \(such as s_churn\)")


def test_an_allowed_one_runs_both_ways_counts_its_calls_and_must_be_the_same(comfy):
    bench = Bench.set_up(comfy, "core-heun-nodes")
    heun, euler = (bench.graph.add("KSamplerSelect", sampler_name=name) for name in ("heun", "euler"))
    conditions = {"positive": bench.condition(SOURCE), "negative": bench.condition(EMPTY)}
    guider = bench.graph.add("CFGGuider", model=bench.model, cfg=1.0, **conditions)
    # not 16 steps: core's uni_pc writes into the SIGMAS it is given, which the server has cached
    noise = bench.graph.add(
        "UNS_UnsamplerAdvanced",
        guider=guider,
        latent_image=bench.latent,
        sigmas=bench.ays(17),
        solver="midpoint",
        sampler=heun,
    )

    def back(**given):
        return bench.graph.add(
            "UNS_NoiselessResamplerAdvanced", guider=guider, noise=noise, structure=0.0, **given
        )

    found = bench.run(clip=back(sampler=heun))
    assert 1e-4 < bench.error(found["clip"]) < 0.05
    assert "unsampled to sigma 14.61 in 35 model calls" in comfy.log_text()
    assert "resampled with core heun in 33 model calls" in comfy.log_text()
    for given, words in (
        ({}, "noise was made with core heun; connect the same SAMPLER"),
        ({"sampler": euler}, "solver is core euler, but the noise was made with core heun"),
    ):
        other = Bench(bench.comfy, bench.graph, bench.model, bench.clip, bench.latent, "core-heun-other")
        with pytest.raises(RunError, match=words):
            other.run(clip=back(**given))
        for key in [key for key, node in bench.graph.prompt.items() if "heun-other" in str(node["inputs"])]:
            bench.graph.prompt.pop(key)

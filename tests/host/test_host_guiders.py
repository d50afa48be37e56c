"""Any GUIDER, and our pairs as a SAMPLER in core's custom samplers."""

import pytest
import torch
from host_graphs import Node
from host_passes import EMPTY, SOURCE, TARGET, Bench

from tools.client import RunError
from unsampling import solvers

EXACT = 1e-6


def guider(bench: Bench, kind: str, positive: float) -> Node:
    conditions = [bench.condition(value) for value in (positive, TARGET, EMPTY)]
    if kind == "basic":
        return bench.graph.add("BasicGuider", model=bench.model, conditioning=conditions[0])
    if kind == "pag":
        guided = bench.graph.add("PerturbedAttentionGuidance", model=bench.model, scale=3.0)
        return bench.graph.add("BasicGuider", model=guided, conditioning=conditions[0])
    if kind == "cfg":
        return bench.graph.add(
            "CFGGuider", model=bench.model, positive=conditions[0], negative=conditions[2], cfg=2.0
        )
    if kind == "perp_neg":
        return bench.graph.add(
            "PerpNegGuider",
            model=bench.model,
            positive=conditions[0],
            negative=conditions[1],
            empty_conditioning=conditions[2],
            cfg=2.0,
            neg_scale=1.0,
        )
    return bench.graph.add(
        "DualCFGGuider",
        model=bench.model,
        cond1=conditions[0],
        cond2=conditions[1],
        negative=conditions[2],
        cfg_conds=2.0,
        cfg_cond2_negative=1.5,
        style="regular",
    )


@pytest.mark.parametrize("kind", ["basic", "cfg", "perp_neg", "dual", "pag"])
def test_the_round_trip_is_exact_through_any_guider(comfy, kind):
    bench = Bench.set_up(comfy, f"guider-{kind}")
    noise = bench.graph.add(
        "UNS_UnsamplerAdvanced",
        guider=guider(bench, kind, SOURCE),
        latent_image=bench.latent,
        sigmas=bench.ays(),
        solver="midpoint",
    )
    clip, edit = (
        bench.graph.add(
            "UNS_NoiselessResamplerAdvanced",
            guider=guider(bench, kind, condition),
            noise=noise,
            structure=0.0,
        )
        for condition in (SOURCE, TARGET)
    )
    found = bench.run(clip=clip, edit=edit)
    assert bench.error(found["clip"]) < EXACT
    assert bench.error(found["edit"]) > 0.1


def test_the_report_knows_the_guidance_of_a_dual_guider(comfy):
    bench = Bench.set_up(comfy, "guider-dual-report")
    noise = bench.graph.add(
        "UNS_UnsamplerAdvanced",
        guider=guider(bench, "dual", SOURCE),
        latent_image=bench.latent,
        sigmas=bench.ays(8),
        solver="midpoint",
    )
    report = bench.graph.add("UNS_InversionReport", noise=noise)
    entry = comfy.run(bench.graph.prompt)
    assert "cfg 2" in "".join(entry["outputs"][report.id]["text"])


def test_a_cfg_guider_is_the_plain_node(comfy):
    bench = Bench.set_up(comfy, "guider-same")
    plain = bench.unsample(bench.ays(6), 2.0)
    advanced = bench.graph.add(
        "UNS_UnsamplerAdvanced",
        guider=guider(bench, "cfg", SOURCE),
        latent_image=bench.latent,
        sigmas=bench.ays(6),
        solver="midpoint",
    )
    found = bench.run(plain=plain, advanced=advanced, crossed=bench.resample(advanced, 2.0))
    assert torch.equal(found["plain"], found["advanced"])
    assert bench.error(found["crossed"]) < EXACT


@pytest.mark.parametrize("solver", solvers.PAIRS)
def test_our_pairs_in_cores_sampler_are_the_plain_nodes(comfy, solver):
    bench = Bench.set_up(comfy, f"sampler-{solver}")
    sigmas = bench.ays()
    plain_up = bench.unsample(sigmas, solver=solver, record="off")
    custom_up = bench.custom(bench.latent, "unsample", sigmas, solver)
    found = bench.run(
        plain_up=plain_up,
        custom_up=custom_up,
        plain=bench.resample(plain_up),
        custom=bench.custom(custom_up, "resample", sigmas, solver),
    )
    assert torch.equal(found["plain_up"], found["custom_up"])
    assert torch.equal(found["plain"], found["custom"])
    assert bench.error(found["plain"]) < (0.15 if solvers.pair(solver).order == 1 else 0.05)


def test_a_rising_schedule_is_understood_and_added_noise_is_refused(comfy):
    bench = Bench.set_up(comfy, "sampler-rising")
    sigmas = bench.sigmas([14.6, 3.0, 0.5, 0.03])
    flipped = bench.graph.add("FlipSigmas", sigmas=sigmas)
    found = bench.run(
        falling=bench.custom(bench.latent, "unsample", sigmas, "midpoint"),
        rising=bench.custom(bench.latent, "unsample", flipped, "midpoint"),
    )
    assert torch.equal(found["falling"], found["rising"])
    with pytest.raises(RunError, match=r"Sampler \(unsample\): noise was added; switch add_noise off"):
        bench.run(noisy=bench.custom(bench.latent, "unsample", sigmas, "midpoint", noise=True))

"""Five published unsampling graphs, rebuilt with our nodes: they run on random weights, or are refused with
the sentence that helps. Each test names the graph whose part it is."""

from __future__ import annotations

import pytest
import torch
from host_graphs import Node
from host_passes import TARGET, Bench
from host_trips import EXACT
from host_windows import cut
from test_host_keyframes import controlled
from test_host_refusals import refused
from test_host_report import Reported

from tools.client import RunError

EMPTY_NOISE = {"batch_offset": 0, "noise_type": "empty", "seed_gen": "comfy", "seed_offset": 0}


# ---- the guide's HotshotXL graph: Standard Uniform 8/1/2, noise type "empty", cfg 2 up and 5 down


def guide_bench(comfy, name: str, **sizes) -> Bench:
    bench = Bench.set_up(comfy, name, **sizes)
    cut(bench, "ADE_StandardUniformContextOptions", context_stride=1, fuse_method="pyramid")
    evolved = bench.graph.prompt[bench.model.id]["inputs"]
    evolved["sample_settings"] = bench.graph.add("ADE_AnimateDiffSamplingSettings", **EMPTY_NOISE)[0]
    return bench


@pytest.mark.parametrize("frames", [17, 8, 7])
def test_g1_cfg_2_while_unsampling_is_reported_as_too_much(comfy, frames):
    bench = guide_bench(comfy, f"guide-report-{frames}", frames=frames, size=16)
    noise = bench.unsample(bench.ays(), 2.0, direct=0.0)
    text = Reported(bench, noise=noise).run().text
    assert "cfg 2 while unsampling pushes it off the Gaussian; lower the Unsampler's cfg" in text
    assert bench.error(bench.run(back=bench.resample(noise, 2.0))["back"]) < EXACT


def flipped(bench: Bench, kind: str) -> Node:
    more = {"model": bench.model} if kind == "UNS_ReverseSigmas" else {}
    return bench.graph.add(kind, sigmas=bench.ays(), **more)


FLIPPED = ["sigmas rises", "without FlipSigmas or Reverse Sigmas: the node turns it round itself"]


@pytest.mark.parametrize("kind", ["FlipSigmas", "UNS_ReverseSigmas"])
def test_g1_flip_sigmas_left_in_is_named(comfy, kind):
    bench = guide_bench(comfy, f"guide-{kind}")
    refused(bench, bench.unsample(flipped(bench, kind)), "Unsampler: ", *FLIPPED)


@pytest.mark.parametrize("kind", ["FlipSigmas", "UNS_ReverseSigmas"])
def test_g1_flip_sigmas_left_in_before_a_guiders_unsampler_is_named(comfy, kind):
    bench = guide_bench(comfy, f"guide-guider-{kind}")
    conds = {"positive": bench.condition(1.0), "negative": bench.condition(0.0)}
    guider = bench.graph.add("CFGGuider", model=bench.model, cfg=2.0, **conds)
    given = {"guider": guider, "latent_image": bench.latent, "solver": "euler"}
    node = bench.graph.add("UNS_UnsamplerAdvanced", sigmas=flipped(bench, kind), **given)
    refused(bench, node, "Unsampler (Advanced): ", *FLIPPED)


def test_g1_flip_sigmas_left_in_before_the_resampler_is_named(comfy):
    bench = guide_bench(comfy, "guide-flip-down")
    noise = bench.unsample(bench.ays(2))
    with pytest.raises(RunError, match=r"Noiseless Resampler: sigmas rises .*without FlipSigmas"):
        bench.run(clip=bench.resample(noise, sigmas=flipped(bench, "FlipSigmas")))


# ---- 30 steps up, 20 down, two ControlNets (outside the executor: test_host_scripts.py)


def basic(bench: Bench, scheduler: str, steps: int) -> Node:
    return bench.graph.add("BasicScheduler", model=bench.model, scheduler=scheduler, steps=steps, denoise=1.0)


@pytest.mark.parametrize(
    ("up", "down", "scheduler"), [(30, 20, "normal"), (20, 30, "karras"), (5, 6, "simple")]
)
def test_g2_another_number_of_steps_for_the_resampler_is_refused_with_both(comfy, up, down, scheduler):
    bench = Bench.set_up(comfy, f"steps-{up}-{down}", frames=2)
    noise = bench.unsample(basic(bench, scheduler, up), solver="euler")
    said = rf"Noiseless Resampler: sigmas \({down} steps .*\({up} steps .*disconnect sigmas"
    with pytest.raises(RunError, match=said):
        bench.run(clip=bench.resample(noise, sigmas=basic(bench, scheduler, down)))


def test_g2_without_sigmas_it_runs_with_two_controlnets_at_the_higher_cfg(comfy):
    bench = on_a_network(Bench.set_up(comfy, "thirty-up", frames=2))
    noise = bench.unsample(basic(bench, "normal", 30), solver="euler", direct=0.0)
    conds = controlled(bench, *CORE_CONTROL, strength=0.45, start_percent=0.0, end_percent=0.5)
    net = bench.graph.add("ControlNetLoader", control_net_name=comfy.model("controlnet_one_level"))
    hint = bench.graph.add("EmptyImage", width=64, height=64, batch_size=1, color=0xC04080)
    both = bench.graph.add(
        "ControlNetApplyAdvanced",
        **conds,
        control_net=net,
        image=hint,
        strength=0.45,
        start_percent=0.0,
        end_percent=0.5,
    )
    restyled = bench.resample(noise, 4.5, positive=both[0], negative=both[1])
    found = bench.run(back=bench.resample(noise), restyled=restyled)
    assert bench.error(found["back"]) < EXACT
    assert found["restyled"].isfinite().all() and bench.error(found["restyled"]) > 1e-3


CORE_CONTROL = ("ControlNetLoader", "ControlNetApplyAdvanced")


def on_a_network(bench: Bench) -> Bench:
    """The bench with the random network itself in place of the exact answers."""
    bench.model = bench.graph.add("CheckpointLoaderSimple", ckpt_name=bench.comfy.model("one_level"))
    return bench


# ---- textures: SDXL, circular padding, IP-Adapter and ControlNet in both passes at the same cfg 6


def test_g3_textures_at_cfg_6_in_both_passes_are_exact_and_the_report_names_the_cfg(comfy):
    bench = on_a_network(Bench.set_up(comfy, "textures", frames=1))
    bench.model = bench.graph.add("UNSTest_Textures", model=bench.model)
    conds = controlled(bench, *CORE_CONTROL, strength=0.8, start_percent=0.0, end_percent=1.0)
    noise = bench.unsample(bench.ays(25), 6.0, direct=0.0, **conds)
    back = bench.resample(noise, 6.0, **conds)
    report = Reported(bench, noise=noise, reconstruction=back)
    assert bench.error(bench.run(back=back)["back"]) < EXACT
    text = report.run().text
    assert "cfg 6 while unsampling" in text, text


# ---- windows without a motion model: 40 frames, Standard Static 20/10, "relative", a ControlNet


def test_g4_windows_without_a_motion_model(comfy):
    bench = Bench.set_up(comfy, "forty", frames=40)
    cut(bench, "ADE_StandardStaticContextOptions", 20, 10, fuse_method="relative")
    noise = bench.unsample(basic(bench, "normal", 20), solver="euler", direct=0.0)
    assert bench.error(bench.run(back=bench.resample(noise))["back"]) < EXACT
    with pytest.raises(RunError, match=r"sigmas \(10 steps .*\(20 steps .*disconnect sigmas"):
        bench.run(other=bench.resample(noise, sigmas=basic(bench, "karras", 10)))


def test_g4_another_solver_is_refused_by_name(comfy):
    bench = Bench.set_up(comfy, "forty-solver", frames=2)
    noise = bench.unsample(basic(bench, "normal", 4), solver="euler", direct=0.0)
    with pytest.raises(RunError, match="solver is dpmpp_2m, but the noise was made with euler"):
        bench.run(other=bench.resample(noise, solver="dpmpp_2m"))


# ---- the person only: a mask a frame, looped windows, LCM, 6 steps at cfg 2


def lcm_bench(comfy, name: str, frames: int) -> Bench:
    bench = Bench.set_up(comfy, name, frames=frames)
    bench.model = bench.graph.add("ModelSamplingDiscrete", model=bench.model, sampling="lcm", zsnr=False)
    cut(bench, "ADE_LoopedUniformContextOptions", 16, 4, context_stride=1)
    masks = torch.zeros(frames, 1, 64, 64)
    for i in range(frames):
        masks[i, :, 8 : 40 + i % 8, 16:48] = 1.0
    stored = comfy.put_latent(f"{name}-masked", samples=bench.clip / 0.18215, noise_mask=masks)
    bench.latent = bench.graph.add("UNSTest_LoadLatent", file=stored)
    return bench


def test_g5_the_person_only_runs_with_6_steps_and_keeps_the_rest(comfy):
    bench = lcm_bench(comfy, "person", 20)
    noise = bench.unsample(basic(bench, "sgm_uniform", 6), direct=0.0)
    found = bench.run(clip=bench.resample(noise, 2.0, TARGET), back=bench.resample(noise))
    source = bench.clip / 0.18215
    assert bench.error(found["back"]) < EXACT
    changed = (found["clip"] - source).abs().amax((0, 1))
    assert changed[2:4, 2:5].min() > 0 and torch.equal(found["clip"][..., 6:], source[..., 6:])


def test_g5_lcm_as_sampler_is_refused_by_name(comfy):
    bench = lcm_bench(comfy, "person-lcm", 16)
    with pytest.raises(RunError, match=r"Unsampler \(Advanced\): sampler lcm cannot be run backwards"):
        bench.run(clip=bench.through_core("lcm"))

"""Five published unsampling graphs, rebuilt with our nodes: they run on random weights, or are refused with
the sentence that helps. Each test names the graph whose part it is."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from family_models import family_model
from host_graphs import Graph, Node
from host_passes import TARGET, Bench
from host_prompts import come_back, node_id, round_trip_error, saved_video, the, watch
from host_trips import EXACT, clip
from host_windows import cut
from test_host_keyframes import controlled
from test_host_refusals import refused
from test_host_report import Reported
from test_host_sdxl import HOTSHOT, lowered

from demo.video import pan_over_photograph, read_video, write_video
from tools.client import RunError

EMPTY_NOISE = {"batch_offset": 0, "noise_type": "empty", "seed_gen": "comfy", "seed_offset": 0}


# ---- the guide's HotshotXL graph: Standard Uniform 8/1/2, noise type "empty", cfg 2 up and 5 down


def as_in_the_guide(prompt: dict) -> None:
    """Turns the Hotshot workflow of this pack into the guide's graph."""
    options = prompt[node_id(prompt, "ADE_StandardStaticContextOptions")]
    uniform = {"context_length": 8, "context_stride": 1, "context_overlap": 2, "fuse_method": "pyramid"}
    options |= {"class_type": "ADE_StandardUniformContextOptions", "inputs": uniform}
    prompt["settings"] = {"class_type": "ADE_AnimateDiffSamplingSettings", "inputs": EMPTY_NOISE}
    the(prompt, "ADE_UseEvolvedSampling")["sample_settings"] = ["settings", 0]
    the(prompt, "UNS_VideoFrames")["every_nth"] = 2
    the(prompt, "UNS_Unsampler").update(cfg=2.0, direct=0.0)
    the(prompt, "UNS_NoiselessResampler")["cfg"] = 5.0
    vae = the(prompt, "VAEDecode")["vae"]
    inputs = {"samples": [node_id(prompt, "UNS_Unsampler"), 0], "vae": vae}
    prompt["decoded noise"] = {"class_type": "VAEDecode", "inputs": inputs}
    inputs = {"images": ["decoded noise", 0], "filename_prefix": "noise"}
    prompt["saved noise"] = {"class_type": "SaveImage", "inputs": inputs}


@pytest.mark.parametrize(("frames", "steps"), [(17, 2), (8, 1), (7, 1)])
def test_g1_hotshot_runs_decodes_its_noise_and_comes_back(comfy, tmp_path, frames, steps):
    film = tmp_path / "film.mp4"
    write_video(film, pan_over_photograph(2 * frames, 67, 101), Fraction(16))
    prompt = lowered(comfy, HOTSHOT, "hotshot", film, steps)
    name = f"guide-{frames}"
    as_in_the_guide(prompt)
    watch(prompt, name)
    come_back(prompt, name)
    entry = comfy.run(prompt, timeout=500)
    assert len(entry["outputs"]["saved noise"]["images"]) == frames
    found, fps = read_video(saved_video(comfy, entry, tmp_path))
    assert (len(found), fps) == (frames, 8)
    noise, restyled = (comfy.tensors(f"{name}-{part}")["samples"] for part in ("noise", "clip"))
    assert noise.isfinite().all() and restyled.isfinite().all()
    assert round_trip_error(comfy, name) < EXACT  # the windows of both passes are the same


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
    assert "cfg 2 while unsampling pushes it off the Gaussian; lower the Exact Unsampler's cfg" in text
    assert bench.error(bench.run(back=bench.resample(noise, 2.0))["back"]) < EXACT


def flipped(bench: Bench, kind: str) -> Node:
    more = {"model": bench.model} if kind == "UNS_ReverseSigmas" else {}
    return bench.graph.add(kind, sigmas=bench.ays(), **more)


FLIPPED = ["sigmas rises", "without FlipSigmas or Reverse Sigmas: the node turns it round itself"]


@pytest.mark.parametrize("kind", ["FlipSigmas", "UNS_ReverseSigmas"])
def test_g1_flip_sigmas_left_in_is_named(comfy, kind):
    bench = guide_bench(comfy, f"guide-{kind}")
    refused(bench, bench.unsample(flipped(bench, kind)), "Exact Unsampler: ", *FLIPPED)


@pytest.mark.parametrize("kind", ["FlipSigmas", "UNS_ReverseSigmas"])
def test_g1_flip_sigmas_left_in_before_a_guiders_unsampler_is_named(comfy, kind):
    bench = guide_bench(comfy, f"guide-guider-{kind}")
    conds = {"positive": bench.condition(1.0), "negative": bench.condition(0.0)}
    guider = bench.graph.add("CFGGuider", model=bench.model, cfg=2.0, **conds)
    given = {"guider": guider, "latent_image": bench.latent, "solver": "euler"}
    node = bench.graph.add("UNS_UnsamplerAdvanced", sigmas=flipped(bench, kind), **given)
    refused(bench, node, "Exact Unsampler (Advanced): ", *FLIPPED)


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
ACN_CONTROL = ("ACN_ControlNetLoaderAdvanced", "ACN_AdvancedControlNetApply_v2")


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


def test_g3_textures_of_sdxl_are_exact_too(comfy):
    """The graph has 25 steps: 2 here, on a network of that size."""
    graph = Graph()
    checkpoint = graph.add("CheckpointLoaderSimple", ckpt_name=family_model(comfy.models_dir, "sdxl"))
    model = graph.add("UNSTest_Textures", model=checkpoint)
    wall, empty = (graph.add("CLIPTextEncode", text=t, clip=checkpoint[1]) for t in ("a wall", ""))
    net = graph.add("ControlNetLoader", control_net_name=family_model(comfy.models_dir, "canny_sdxl"))
    hint = graph.add("EmptyImage", width=64, height=64, batch_size=1, color=0x4080C0)
    both = graph.add(
        "ControlNetApplyAdvanced",
        positive=wall,
        negative=empty,
        control_net=net,
        image=hint,
        strength=0.8,
        start_percent=0.0,
        end_percent=1.0,
    )
    source = clip(1, scale=0.13025)
    latent = graph.add("UNSTest_LoadLatent", file=comfy.put_latent("textures", samples=source))
    bench = Bench(comfy, graph, model, source * 0.18215, latent, "textures")
    conds = {"positive": both[0], "negative": both[1]}
    sigmas = graph.add("UNS_AYSScheduler", model_type="SDXL", steps=2, denoise=1.0)
    noise = bench.unsample(sigmas, 6.0, direct=0.0, **conds)
    back = bench.resample(noise, 6.0, **conds)
    assert bench.error(bench.run(back=back)["back"]) < EXACT


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


def test_g4_windows_and_a_controlnet_on_a_network(comfy):
    """The graph has 20 steps up and 10 down: a tenth of both here, on a network."""
    bench = on_a_network(Bench.set_up(comfy, "forty-controlled", frames=40))
    cut(bench, "ADE_StandardStaticContextOptions", 20, 10, fuse_method="relative")
    conds = controlled(bench, *ACN_CONTROL, strength=0.6, start_percent=0.0, end_percent=1.0)
    noise = bench.unsample(basic(bench, "normal", 2), solver="euler", direct=0.0, **conds)
    assert bench.error(bench.run(back=bench.resample(noise, **conds))["back"]) < EXACT


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


@pytest.mark.parametrize("encoder", ["VAEEncodeForInpaint", "VAEEncode"])
def test_g5_the_grey_hole_of_the_inpainting_encoder_is_noticed(comfy, tmp_path, encoder):
    bench = lcm_bench(comfy, f"hole-{encoder}", 3)
    film = tmp_path / "film.mp4"
    write_video(film, pan_over_photograph(3, 256, 256), Fraction(8))
    video = bench.graph.add("LoadVideo", file=comfy.client.upload(film))
    pixels = bench.graph.add("GetVideoComponents", video=video)
    vae = bench.graph.add("VAELoader", vae_name=comfy.model("vae"))
    around = bench.graph.add("SolidMask", value=0.0, width=256, height=256)
    person = bench.graph.add("SolidMask", value=1.0, width=160, height=160)
    put = {"x": 48, "y": 48, "operation": "add"}
    mask = bench.graph.add("MaskComposite", destination=around, source=person, **put)
    if encoder == "VAEEncode":
        plain = bench.graph.add(encoder, pixels=pixels, vae=vae)
        bench.latent = bench.graph.add("SetLatentNoiseMask", samples=plain, mask=mask)
    else:
        bench.latent = bench.graph.add(encoder, pixels=pixels, vae=vae, mask=mask, grow_mask_by=6)
    before = len(comfy.log_text())
    bench.run(noise=bench.unsample(basic(bench, "sgm_uniform", 2), direct=0.0))
    said = "under its noise mask the clip is of one colour" in comfy.log_text()[before:]
    assert said == (encoder == "VAEEncodeForInpaint")


def test_g5_lcm_as_sampler_is_refused_by_name(comfy):
    bench = lcm_bench(comfy, "person-lcm", 16)
    with pytest.raises(RunError, match=r"Exact Unsampler \(Advanced\): sampler lcm cannot be run backwards"):
        bench.run(clip=bench.through_core("lcm"))

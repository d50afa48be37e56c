"""Bad input gets one sentence that names the node, the input and the cure, before any model call."""

import pytest
import torch
from host_passes import Bench

from tools.client import RefusedError, RunError

FALLING = [14.6, 3.0, 0.5, 0.0]


def refused(bench: Bench, node, *words: str) -> str:
    """Runs up to the node and returns the sentence it stopped with; no model call may have been made."""
    with pytest.raises(RunError) as stopped:
        bench.run(result=node)
    assert stopped.value.exception_type == "unsampling.UnsamplingError"
    message = stopped.value.exception_message
    for word in words:
        assert word in message, message
    assert "\n" not in message.strip()
    assert bench.calls() == []
    return message


@pytest.mark.parametrize(
    "numbers, words",
    [
        ([], ["sigmas is empty", "connect a scheduler"]),
        ([14.6], ["sigmas has one entry", "connect a scheduler"]),
        (FALLING[::-1], ["sigmas rises from 0 to 14.6", "without FlipSigmas"]),
        ([0.0001, 0.5, 3.0], ["sigmas rises", "turns it round itself"]),
        ([14.6, 3.0, 3.0, 0.5], ["sigmas does not fall at entry 1", "connect an ordinary scheduler"]),
        ([14.6, 3.0, 5.0, 0.5], ["sigmas does not fall at entry 1"]),
        ([3.0, 1.0, -0.5], ["sigmas ends below 0"]),
    ],
)
def test_schedules_that_cannot_be_unsampled(comfy, numbers, words):
    bench = Bench.set_up(comfy, "bad-sigmas")
    refused(bench, bench.unsample(bench.sigmas(numbers)), "Exact Unsampler: ", *words)


@pytest.mark.parametrize(
    "clip, words",
    [
        (torch.zeros(4, 4, 8, 8), ["latent_image is empty", "VAE Encode"]),
        (torch.full((2, 4, 8, 8), torch.nan), ["latent_image holds NaN", "check the VAE"]),
        (torch.ones(2, 16, 8, 8), ["latent_image has 16 channels", "works on 4"]),
        (torch.ones(0, 4, 8, 8), ["latent_image is empty"]),
    ],
)
def test_latents_that_are_no_clip(comfy, clip, words):
    bench = Bench.set_up(comfy, "bad-latent")
    stored = comfy.put_latent("bad-latent-clip", samples=clip)
    bench.latent = bench.graph.add("UNSTest_LoadLatent", file=stored)
    refused(bench, bench.unsample(bench.ays(4)), "Exact Unsampler: ", *words)


def test_a_noise_latent_given_to_the_unsampler(comfy):
    bench = Bench.set_up(comfy, "noise-again")
    noise = bench.unsample(bench.ays(4))
    with pytest.raises(
        RunError, match="Exact Unsampler: latent_image is already unsampled noise; connect the"
    ):
        bench.run(again=bench.unsample(bench.ays(4), latent_image=noise))
    assert len(bench.calls()) == 7


def test_a_plain_image_given_to_the_resampler(comfy):
    bench = Bench.set_up(comfy, "plain")
    refused(
        bench,
        bench.resample(bench.latent),
        "Noiseless Resampler: noise carries no record",
        "connect the Exact Unsampler's output",
    )
    bench = Bench.set_up(comfy, "plain-with-sigmas")
    given = bench.resample(bench.latent, sigmas=bench.ays(4))
    refused(bench, given, "Noiseless Resampler: noise is not noise", "not an image")


def test_noise_from_elsewhere_needs_its_schedule_and_then_works(comfy):
    bench = Bench.set_up(comfy, "elsewhere")
    sigmas = bench.sigmas([*FALLING[:-1], 0.03])
    core_up = bench.core_unsample(sigmas, "euler")
    found = bench.run(
        ours=bench.resample(core_up, sigmas=sigmas, solver="euler"),
        core=bench.core_sample(core_up, sigmas, "euler"),
    )
    assert torch.equal(found["ours"], found["core"])


@pytest.mark.parametrize(
    "inputs, words",
    [
        ({"solver": "euler"}, ["solver is euler, but the noise was made with midpoint", "leave it on auto"]),
        ({"structure": 1.5}, []),
    ],
)
def test_settings_that_contradict_the_record(comfy, inputs, words):
    bench = Bench.set_up(comfy, "contradiction")
    noise = bench.unsample(bench.ays(4))
    if not words:
        with pytest.raises(RefusedError, match="structure"):
            bench.run(result=bench.resample(noise, **inputs))
        return
    with pytest.raises(RunError, match="Noiseless Resampler: ") as stopped:
        bench.run(result=bench.resample(noise, **inputs))
    assert all(word in str(stopped.value) for word in words)
    assert len(bench.calls()) == 7


def test_a_schedule_that_contradicts_the_record_is_refused_and_one_that_agrees_is_not(comfy):
    bench = Bench.set_up(comfy, "schedules")
    noise = bench.unsample(bench.ays(4))
    bench.run(agrees=bench.resample(noise, sigmas=bench.ays(4)))
    with pytest.raises(RunError, match=r"Resampler: sigmas \(5 steps .* differ .*disconnect sigmas"):
        bench.run(differs=bench.resample(noise, sigmas=bench.ays(5)))


def test_noise_of_another_shape_or_family(comfy):
    bench = Bench.set_up(comfy, "other-shape")
    noise = bench.unsample(bench.ays(4))
    larger = bench.graph.add(
        "LatentUpscale", samples=noise, upscale_method="area", width=128, height=64, crop="disabled"
    )
    with pytest.raises(RunError, match=r"noise has shape \(4, 4, 8, 16\), its record \(4, 4, 8, 8\); do not"):
        bench.run(clip=bench.resample(larger))
    bench = Bench.set_up(comfy, "other-family")
    noise = bench.unsample(bench.ays(4))
    evolved = bench.graph.add(
        "ADE_UseEvolvedSampling", model=bench.model, beta_schedule="sqrt_linear (AnimateDiff)"
    )
    with pytest.raises(RunError, match=r"model differs .* sigma_table 0.02917 to 25.*use the same beta"):
        bench.run(clip=bench.resample(noise, model=evolved))
    assert len(bench.calls()) == 7


def test_changed_noise_goes_on_and_says_so(comfy):
    bench = Bench.set_up(comfy, "changed")
    noise = bench.unsample(bench.ays(8))
    changed = bench.graph.add("LatentMultiply", samples=noise, multiplier=1.01)
    found = bench.run(clip=bench.resample(changed))
    assert "the noise was changed since: not exact" in comfy.log_text()
    assert 1e-4 < bench.error(found["clip"]) < 0.2


@pytest.mark.parametrize("make", ["unsample", "resample"])
def test_cfg_below_zero(comfy, make):
    bench = Bench.set_up(comfy, "cfg")
    noise = bench.unsample(bench.ays(4), -1.0 if make == "unsample" else 1.0)
    result = bench.resample(noise, -1.0) if make == "resample" else noise
    with pytest.raises(RefusedError) as refusal:
        bench.run(result=result)
    errors = refusal.value.node_errors[result.id]
    assert errors["class_type"] in ("UNS_Unsampler", "UNS_NoiselessResampler")
    assert "cfg" in str(errors) and "smaller than min" in str(errors)


def test_cfg_below_zero_through_a_link(comfy):
    bench = Bench.set_up(comfy, "cfg-link")
    below = bench.graph.add("PrimitiveFloat", value=-0.5)
    refused(bench, bench.unsample(bench.ays(4), below), "Exact Unsampler: cfg is -0.5; set it to 0 or above")


def test_ays_needs_a_model_for_auto_and_knows_no_flow_model(comfy):
    bench = Bench.set_up(comfy, "ays-auto")
    lonely = bench.graph.add("UNS_AYSScheduler", model_type="auto", steps=4, denoise=1.0)
    refused(bench, bench.unsample(lonely), "AYS Scheduler: model_type is auto but no model is connected")
    bench = Bench.set_up(comfy, "ays-flow")
    flow = bench.graph.add("ModelSamplingSD3", model=bench.model, shift=3.0)
    auto = bench.graph.add("UNS_AYSScheduler", model_type="auto", steps=4, denoise=1.0, model=flow)
    refused(bench, bench.unsample(auto), "AYS Scheduler: model is a", "Basic Scheduler")
    bench = Bench.set_up(comfy, "ays-denoise-zero")
    none = bench.graph.add("UNS_AYSScheduler", model_type="SD1", steps=4, denoise=0.0)
    refused(bench, bench.unsample(none), "AYS Scheduler: steps 4 with denoise 0 leaves no step")


def test_reverse_sigmas_knows_the_model(comfy):
    bench = Bench.set_up(comfy, "reverse")
    up = bench.graph.add("UNS_ReverseSigmas", sigmas=bench.sigmas(FALLING), model=bench.model)
    bench.graph.save("reverse-up", sigmas=up)
    flow = bench.graph.add("ModelSamplingSD3", model=bench.model, shift=3.0)
    bench.graph.save(
        "reverse-flow",
        sigmas=bench.graph.add("UNS_ReverseSigmas", model=flow, sigmas=bench.sigmas([1.0, 0.5, 0.0])),
    )
    bench.graph.save(
        "reverse-kept",
        sigmas=bench.graph.add("UNS_ReverseSigmas", model=bench.model, sigmas=bench.sigmas([3.0, 1.0, 0.2])),
    )
    comfy.run(bench.graph.prompt)
    up = comfy.tensors("reverse-up")["sigmas"].tolist()
    assert up == pytest.approx([0.02917, 0.5, 3.0, 14.6], rel=1e-3)
    assert comfy.tensors("reverse-flow")["sigmas"].tolist() == pytest.approx([0.002994, 0.5, 1.0], rel=1e-3)
    assert comfy.tensors("reverse-kept")["sigmas"].tolist() == pytest.approx([0.2, 1.0, 3.0])


def test_other_context_windows_than_the_unsamplers(comfy):
    bench = Bench.set_up(comfy, "other-windows", frames=8)
    models = []
    for length in (4, 6):
        options = bench.graph.add(
            "ADE_StandardStaticContextOptions", context_length=length, context_overlap=1
        )
        models.append(
            bench.graph.add(
                "ADE_UseEvolvedSampling",
                model=bench.model,
                context_options=options,
                beta_schedule="use existing",
            )
        )
    noise = bench.unsample(bench.ays(4), model=models[0])
    with pytest.raises(RunError, match=r"other context windows .*length 6.*, not .*length 4.*same context"):
        bench.run(clip=bench.resample(noise, model=models[1]))

"""LATENTs that no node of core makes, noise that was changed on the way, and settings that do nothing: what
can be run is run, all else is one sentence."""

import pytest
import torch
from host_passes import TARGET, Bench
from test_host_masks import half, masked
from test_host_refusals import refused

from tools.client import RunError

REFUSED = {
    "sparse": "{} has samples that are a sparse_coo tensor of float32 and shape (4, 4, 8, 8), not plain",
    "a list": "{} has samples that are a list, not plain numbers; connect a VAE Encode",
    "no samples": "{} has samples that are missing",
    "video": "{} is a video model's latent, of shape (1, 4, 4, 8, 8), and the model works on (frames,",
    "mask is a list": "{} carries a noise_mask that is a list, which is no mask; set it with Set Latent",
    "mask is an array": "{} carries a noise_mask that is a ndarray, which is no mask",
    "mask is a number": "{} carries a noise_mask that is a tensor of float32 and shape (), which is no mask",
}


def odd(bench: Bench, latent, kind: str):
    return bench.graph.add("UNSTest_OddLatent", latent=latent, kind=kind)


@pytest.mark.parametrize("kind", REFUSED)
def test_a_latent_that_is_no_clip_is_one_sentence_in_both_passes(comfy, kind):
    bench = Bench.set_up(comfy, f"odd-up-{kind}")
    bench.latent = odd(bench, bench.latent, kind)
    refused(bench, bench.unsample(bench.ays(4)), "Exact Unsampler: " + REFUSED[kind].format("latent_image"))
    bench = Bench.set_up(comfy, f"odd-down-{kind}")
    noise = odd(bench, bench.unsample(bench.ays(4)), kind)
    with pytest.raises(RunError) as stopped:
        bench.run(clip=bench.resample(noise))
    assert "Noiseless Resampler: " + REFUSED[kind].format("noise") in stopped.value.exception_message


@pytest.mark.parametrize("kind", ["float8", "foreign entry"])
def test_what_can_be_run_is_run(comfy, kind):
    """Core's own sampler takes another pack's entry as well; it has no float8 on a CPU."""
    bench = Bench.set_up(comfy, f"odd-runs-{kind}")
    bench.latent = odd(bench, bench.latent, kind)
    found = bench.run(clip=bench.resample(bench.unsample(bench.ays(8))))
    assert bench.error(found["clip"]) < (0.05 if kind == "float8" else 1e-6)


def test_another_packs_entry_is_no_record(comfy):
    bench = Bench.set_up(comfy, "odd-foreign-noise")
    noise = odd(bench, bench.latent, "foreign entry")
    words = "noise carries no record of an unsampling: its entry unsampling is another pack's, a dict"
    refused(
        bench, bench.resample(noise), f"Noiseless Resampler: {words}; connect the Exact Unsampler's output"
    )
    bench = Bench.set_up(comfy, "odd-foreign-report")
    report = bench.graph.add("UNS_InversionReport", noise=odd(bench, bench.latent, "foreign entry"))
    bench.graph.add("PreviewImage", images=report)
    with pytest.raises(RunError, match=f"Inversion Report: {words}"):
        comfy.run(bench.graph.prompt)


@pytest.mark.parametrize("kind", ["float16", "next number"])
@pytest.mark.parametrize("weak", [False, True])
def test_noise_that_was_rounded_is_called_that(comfy, kind, weak):
    """A clip of one colour makes noise that is weaker than its schedule says, and noise all the same."""
    bench = Bench.set_up(comfy, f"odd-rounded-{kind}-{weak}")
    if weak:
        file = comfy.put_latent(f"{bench.log}-flat", samples=torch.full((4, 4, 8, 8), 5.0))
        bench.latent, bench.clip = (
            bench.graph.add("UNSTest_LoadLatent", file=file),
            torch.full((4, 4, 8, 8), 0.91),
        )
    noise = bench.unsample(bench.ays(8))
    part = bench.graph.add("LatentFromBatch", samples=noise, batch_index=1, length=2)
    found = bench.run(
        plain=bench.resample(noise),
        whole=bench.resample(odd(bench, noise, kind)),
        part=bench.resample(odd(bench, part, kind)),
    )
    words = "rounded on the way (half precision, another device): exact up to that rounding"
    assert f"the noise was {words}" in comfy.log_text() and f"2 of 4 frames, {words}" in comfy.log_text()
    assert torch.allclose(found["whole"], found["plain"], rtol=0.01, atol=0.02)
    assert torch.allclose(found["part"], found["plain"][1:3], rtol=0.01, atol=0.02)


@pytest.mark.parametrize(
    ("multiplier", "words"), [(10.0, "noise is too strong"), (0.1, "noise is not noise of")]
)
def test_noise_of_another_strength_is_refused(comfy, multiplier, words):
    bench = Bench.set_up(comfy, f"odd-strength-{multiplier}")
    other = bench.graph.add("LatentMultiply", samples=bench.unsample(bench.ays(4)), multiplier=multiplier)
    with pytest.raises(RunError, match=f"Noiseless Resampler: {words}"):
        bench.run(clip=bench.resample(other))


def test_flipped_noise_beside_the_source_says_what_comes_of_it(comfy):
    bench = Bench.set_up(comfy, "odd-flipped")
    masked(bench, half())
    noise = bench.unsample(bench.ays(8))
    flipped = bench.graph.add("LatentFlip", samples=noise, flip_method="y-axis: horizontally")
    ramp = bench.graph.add("ADE_ValueScheduling", values="0 = 0.0, 3 = 1.0", max_length=4)[1]
    bench.run(clip=bench.resample(flipped), ramp=bench.resample(flipped, structure=ramp))
    text = (
        "the clip is the source as it was unsampled, beside what the change made of the rest: make the change"
        " (a flip, another clip) before VAE Encode, or remove the mask"
    )
    log = comfy.log_text()
    assert f"not exact, and outside the mask {text}" in log
    lower = "outside the mask and in the frames that structure starts lower"
    assert f"{lower} {text} and give structure one number" in log


@pytest.mark.parametrize("structure", [0.05, 0.1, 0.12])
def test_a_little_structure_acts_at_four_steps(comfy, structure):
    bench = Bench.set_up(comfy, f"odd-structure-{structure}")
    noise = bench.unsample(bench.ays(4))
    values = {"none": 0.0, "some": structure, "more": 0.25}
    found = bench.run(
        **{name: bench.resample(noise, 2.0, TARGET, structure=value) for name, value in values.items()},
        back=bench.resample(noise, structure=structure),
    )
    assert bench.error(found["none"]) > bench.error(found["some"]) > bench.error(found["more"])
    assert bench.error(found["back"]) < 1e-6


def test_end_and_direct_that_are_rounded_up_are_said_to_be(comfy):
    bench = Bench.set_up(comfy, "odd-end")
    noise = bench.unsample(bench.ays(4), end=0.9, direct=0.05)
    bench.run(clip=bench.resample(noise, direct=0.1))
    log, words = comfy.log_text(), "is rounded to whole steps, of which there are 4: it means"
    assert f"end 0.9 {words} all of them; direct 0.05 {words} 1 of them, 0.25" in log
    assert f"direct 0.1 {words} 1 of them, 0.25" in log

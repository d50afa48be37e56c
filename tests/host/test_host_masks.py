"""A noise mask on the source means: restyle here. Outside it the result is the source, to the bit."""

import pytest
import torch
from host_passes import TARGET, Bench

from tools.client import RunError


def masked(bench: Bench, mask: torch.Tensor) -> None:
    """The bench's clip with a mask in pixels, (frames or 1, 1, height, width), as core's node makes it."""
    samples = bench.clip / 0.18215
    stored = bench.comfy.put_latent(f"{bench.log}-masked", samples=samples, noise_mask=mask)
    bench.latent = bench.graph.add("UNSTest_LoadLatent", file=stored)


def half(frames: int = 1) -> torch.Tensor:
    mask = torch.zeros(frames, 1, 64, 64)
    mask[..., :32] = 1
    return mask


@pytest.mark.parametrize("end", [1.0, 0.5])
@pytest.mark.parametrize("solver", ["midpoint", "dpmpp_2m"])
def test_outside_the_mask_the_source_stays(comfy, solver, end):
    bench = Bench.set_up(comfy, f"mask-{solver}-{end}")
    free = bench.unsample(bench.ays(), solver=solver, end=end)
    masked(bench, half())
    noise = bench.unsample(bench.ays(), solver=solver, end=end)
    found = bench.run(
        noise=noise, clip=bench.resample(noise, 2.0, TARGET), free=bench.resample(free, 2.0, TARGET)
    )
    source = bench.clip / 0.18215
    assert torch.equal(found["clip"][..., 4:], source[..., 4:])
    # the exact model judges every element alone, so inside the mask nothing may have changed either
    assert torch.allclose(found["clip"][..., :4], found["free"][..., :4], atol=1e-4)
    assert (found["clip"] - source)[..., :4].abs().mean() > 0.1
    assert "noise_mask" not in comfy.tensors(f"{bench.log}-noise")


def test_a_mask_for_each_frame(comfy):
    bench = Bench.set_up(comfy, "mask-frames")
    mask = torch.zeros(4, 1, 64, 64)
    mask[1], mask[3] = 1, 1
    masked(bench, mask)
    found = bench.run(clip=bench.resample(bench.unsample(bench.ays(8)), 2.0, TARGET))
    source = bench.clip / 0.18215
    same = [torch.equal(found["clip"][i], source[i]) for i in range(4)]
    assert same == [True, False, True, False]


def test_a_feathered_mask_cross_fades(comfy):
    bench = Bench.set_up(comfy, "mask-feather")
    free = bench.unsample(bench.ays(8))
    masked(bench, torch.full((1, 1, 64, 64), 0.25))
    found = bench.run(
        clip=bench.resample(bench.unsample(bench.ays(8)), 2.0, TARGET), free=bench.resample(free, 2.0, TARGET)
    )
    source = bench.clip / 0.18215
    assert torch.allclose(found["clip"], source + 0.25 * (found["free"] - source), atol=1e-4)


def test_a_mask_set_on_the_noise_protects_as_well(comfy):
    bench = Bench.set_up(comfy, "mask-noise")
    noise = bench.unsample(bench.ays(8))
    mask = bench.graph.add("SolidMask", value=0.0, width=64, height=64)
    protected = bench.graph.add("SetLatentNoiseMask", samples=noise, mask=mask)
    found = bench.run(clip=bench.resample(protected, 2.0, TARGET))
    assert bench.error(found["clip"]) < 1e-6


def test_a_mask_and_no_record_is_refused(comfy):
    from test_host_refusals import refused

    bench = Bench.set_up(comfy, "mask-no-record")
    masked(bench, half())
    unrecorded = bench.unsample(bench.ays(4), record="off")
    refused(bench, unrecorded, "Exact Unsampler: a mask needs the record", "switch record on")


def test_a_white_mask_on_the_noise_lifts_the_sources(comfy):
    bench = Bench.set_up(comfy, "mask-lifted")
    free = bench.unsample(bench.ays(8))
    masked(bench, half())
    noise = bench.unsample(bench.ays(8))
    white = bench.graph.add("SolidMask", value=1.0, width=64, height=64)
    lifted = bench.graph.add("SetLatentNoiseMask", samples=noise, mask=white)
    found = bench.run(lifted=bench.resample(lifted, 2.0, TARGET), free=bench.resample(free, 2.0, TARGET))
    assert torch.equal(found["lifted"], found["free"])


def test_frames_added_to_masked_noise_end_the_mask_and_the_node_says_so(comfy):
    bench = Bench.set_up(comfy, "mask-added")
    masked(bench, half())
    noise = bench.unsample(bench.ays(8))
    changed = bench.graph.add("LatentMultiply", samples=noise, multiplier=1.02)
    longer = bench.graph.add("LatentBatch", samples1=noise, samples2=changed)
    found = bench.run(clip=bench.resample(longer))
    assert len(found["clip"]) == 8
    assert "not exact, and the mask is lost" in comfy.log_text()


@pytest.mark.parametrize(("frames", "masks"), [(8, 4), (4, 8), (8, 7), (4, 2)])
def test_masks_of_another_number_of_frames_are_refused_with_both_numbers(comfy, frames, masks):
    from test_host_refusals import refused

    bench = Bench.set_up(comfy, f"mask-count-{frames}-{masks}", frames=frames)
    masked(bench, half(masks))
    words = (
        f"Exact Unsampler: latent_image has {frames} frames and {masks} noise masks; give one mask, or one"
    )
    words += " a frame"
    refused(bench, bench.unsample(bench.ays(4)), words, "every_nth")


def test_a_joined_clip_has_the_masks_of_its_first_part_alone(comfy):
    """Core's Latent Batch keeps those of the first LATENT."""
    from test_host_refusals import refused

    bench = Bench.set_up(comfy, "mask-joined")
    masked(bench, half(4))
    bench.latent = bench.graph.add("LatentBatch", samples1=bench.latent, samples2=bench.latent)
    refused(bench, bench.unsample(bench.ays(4)), "latent_image has 8 frames and 4 noise masks")


@pytest.mark.parametrize(("first", "count", "masks"), [(0, 4, 2), (1, 2, 4)])
def test_masks_on_the_noise_are_counted_by_the_frames_in_hand(comfy, first, count, masks):
    bench = Bench.set_up(comfy, f"mask-on-noise-{count}")
    noise = bench.unsample(bench.ays(4))
    part = bench.graph.add("LatentFromBatch", samples=noise, batch_index=first, length=count)
    mask = bench.graph.add("SolidMask", value=0.0, width=64, height=64)
    several = bench.graph.add(
        "RepeatImageBatch", image=bench.graph.add("MaskToImage", mask=mask), amount=masks
    )
    several = bench.graph.add("ImageToMask", image=several, channel="red")
    own = bench.graph.add("SetLatentNoiseMask", samples=part, mask=several)
    with pytest.raises(RunError, match=f"Noiseless Resampler: noise has {count} frames and {masks} noise"):
        bench.run(clip=bench.resample(own))

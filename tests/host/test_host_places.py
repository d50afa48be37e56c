"""Frames of equal noise (held drawings, title cards), cut and joined by core's nodes: each keeps its own
mask, structure and record."""

import pytest
import torch
from host_passes import TARGET, Bench
from host_windows import WINDOWS
from host_windows import cut as in_windows
from test_host_masks import masked

from tools.client import RunError

STILL, TWOS = [0] * 4, [0, 0, 1, 1, 2, 2]


def held(
    comfy,
    name: str,
    drawings: list[int],
    mask: list[float] | None,
    direct: float = 0.0,
    windows: str | None = None,
    **faults,
):
    """A clip of held drawings and its noise; a mask a frame, all of it or nothing. windows: of 2 frames."""
    bench = Bench.set_up(comfy, name, frames=max(drawings) + 1, **faults)
    if windows is not None:
        in_windows(bench, windows, 2, 1)
    bench.clip = bench.clip[drawings]
    pixels = torch.tensor(mask or [1.0] * len(drawings)).reshape(-1, 1, 1, 1)
    masked(bench, pixels.expand(-1, 1, 64, 64))
    return bench, bench.unsample(bench.ays(8), direct=direct, solver="euler")


def cut(bench: Bench, noise, first: int, count: int):
    return bench.graph.add("LatentFromBatch", samples=noise, batch_index=first, length=count)


def joined(bench: Bench, first, second):
    return bench.graph.add("LatentBatch", samples1=first, samples2=second)


def repeated(bench: Bench, noise, times: int):
    return bench.graph.add("RepeatLatentBatch", samples=noise, amount=times)


def every_second(bench: Bench, noise):
    return joined(bench, cut(bench, noise, 0, 1), cut(bench, noise, 2, 1))


def backwards(bench: Bench, noise):
    last, before = (joined(bench, cut(bench, noise, i, 1), cut(bench, noise, i - 1, 1)) for i in (3, 1))
    return joined(bench, last, before)


# how the noise of four equal frames is cut, and the places that come of it
CUTS = {
    "the end": (lambda bench, noise: cut(bench, noise, 2, 2), [2, 3]),
    "the middle": (lambda bench, noise: cut(bench, noise, 1, 2), [1, 2]),
    "a slice of a slice": (lambda bench, noise: cut(bench, cut(bench, noise, 1, 3), 1, 2), [2, 3]),
    "repeated": (lambda bench, noise: repeated(bench, noise, 2), [0, 1, 2, 3] * 2),
    "a slice, repeated": (lambda bench, noise: repeated(bench, cut(bench, noise, 1, 2), 2), [1, 2, 1, 2]),
    "a slice of it repeated": (lambda bench, noise: cut(bench, repeated(bench, noise, 2), 5, 2), [1, 2]),
    "every second": (every_second, [0, 2]),
    "backwards": (backwards, [3, 2, 1, 0]),
    "two slices": (lambda bench, noise: joined(bench, cut(bench, noise, 3, 1), noise), [3, 0, 1, 2, 3]),
}


@pytest.mark.parametrize("name", CUTS)
def test_a_slice_of_a_still_clip_takes_the_masks_of_its_own_frames(comfy, name):
    cutting, frames = CUTS[name]
    bench, noise = held(comfy, f"places-{name}", STILL, [0, 0, 1, 1])
    found = bench.run(
        whole=bench.resample(noise, 2.0, TARGET),
        part=bench.resample(cutting(bench, noise), 2.0, TARGET),
        back=bench.resample(cutting(bench, noise)),
    )
    source = bench.clip / 0.18215
    assert [torch.equal(one, source[0]) for one in found["part"]] == [i < 2 for i in frames]
    assert torch.allclose(found["part"], found["whole"][frames], atol=1e-4)
    assert torch.allclose(found["back"], source[frames], atol=1e-5)


@pytest.mark.parametrize("name", ["structure", "fidelity"])
def test_numbers_over_the_clip_are_those_of_the_slices_own_frames(comfy, name):
    bench, noise = held(comfy, f"places-{name}", STILL, None)
    text = ", ".join(f"{i} = {value}" for i, value in enumerate((0.0, 0.25, 0.5, 1.0)))
    values = bench.graph.add("ADE_ValueScheduling", values=text, max_length=4)[1]
    given = {name: values}
    if name == "fidelity":
        given["cfg"] = 2.0
    part = cut(bench, noise, 1, 3)
    found = bench.run(
        whole=bench.resample(noise, condition=TARGET, **given),
        part=bench.resample(part, condition=TARGET, **given),
    )
    assert torch.allclose(found["part"], found["whole"][1:], atol=1e-4)
    assert not torch.allclose(found["part"][0], found["part"][2], atol=1e-3)


def test_the_direct_path_has_the_fresh_noise_of_the_slices_own_frames(comfy):
    bench, noise = held(comfy, "places-direct", STILL, None, direct=0.5)
    found = bench.run(
        whole=bench.resample(noise, 2.0, TARGET), part=bench.resample(cut(bench, noise, 2, 2), 2.0, TARGET)
    )
    assert torch.allclose(found["part"], found["whole"][2:], atol=1e-4)
    assert not torch.allclose(found["whole"][0], found["whole"][2], atol=1e-3)


@pytest.mark.parametrize("drawings", [STILL, [0, 1, 2, 3]], ids=["still", "moving"])
@pytest.mark.parametrize("windows", WINDOWS)
def test_a_slice_under_context_windows_takes_the_masks_of_its_own_frames(comfy, windows, drawings):
    bench, noise = held(comfy, f"places-{windows}-{max(drawings)}", drawings, [0, 0, 1, 1], windows=windows)
    slices = {"end": (2, 2), "most": (1, 3)}
    parts = {name: cut(bench, noise, *at) for name, at in slices.items()}
    restyled = {name: bench.resample(part, 2.0, TARGET) for name, part in parts.items()}
    back = {f"{name}-back": bench.resample(part) for name, part in parts.items()}
    found = bench.run(whole=bench.resample(noise, 2.0, TARGET), **restyled, **back)
    source = bench.clip / 0.18215
    for name, (first, count) in slices.items():
        own = slice(first, first + count)
        same = [torch.equal(a, b) for a, b in zip(found[name], source[own], strict=True)]
        assert same == [i < 2 for i in range(first, first + count)]
        assert torch.allclose(found[name], found["whole"][own], atol=1e-4)
        assert torch.allclose(found[f"{name}-back"], source[own], atol=1e-5)


def test_a_slice_of_frames_that_see_each_other_is_said_to_be_less_exact(comfy):
    bench, noise = held(
        comfy,
        "places-seen",
        STILL,
        [0, 0, 1, 1],
        windows="ADE_StandardUniformContextOptions",
        window_bias=0.3,
    )
    found = bench.run(part=bench.resample(cut(bench, noise, 2, 2), 2.0, TARGET))
    assert "2 of 4 frames, exact where frames do not see each other" in comfy.log_text()
    assert found["part"].isfinite().all() and not torch.equal(found["part"][0], bench.clip[0] / 0.18215)


def lost(bench: Bench, noise):
    """Core's node that takes the numbers of the frames away."""
    return bench.graph.add("LatentBatchSeedBehavior", samples=noise, seed_behavior="random")


CUT = [(2, 2), (1, 2), (3, 1)]


@pytest.mark.parametrize("first, count", CUT)
def test_frames_whose_places_were_lost_are_a_sentence_where_the_masks_differ(comfy, first, count):
    bench, noise = held(comfy, f"places-lost-{first}-{count}", STILL, [0, 0, 1, 1])
    part = lost(bench, cut(bench, noise, first, count))
    sentence = (
        "Noiseless Resampler: frames of the clip that are equal have other masks, and a node on the way"
        f" dropped which {count} of its 4 frames noise has; cut the noise with Latent From Batch"
    )
    with pytest.raises(RunError, match=sentence):
        bench.run(part=bench.resample(part, 2.0, TARGET))


@pytest.mark.parametrize("first, count", CUT)
def test_their_own_mask_is_the_cure(comfy, first, count):
    bench, noise = held(comfy, f"places-cured-{first}-{count}", STILL, [0, 0, 1, 1])
    part = lost(bench, cut(bench, noise, first, count))
    mask = bench.graph.add("SolidMask", value=1.0, width=64, height=64)
    own = bench.graph.add("SetLatentNoiseMask", samples=part, mask=mask)
    found = bench.run(part=bench.resample(own, 2.0, TARGET))
    assert not any(torch.equal(one, bench.clip[0] / 0.18215) for one in found["part"])


def test_held_drawings_are_known_by_their_order(comfy):
    """On twos, with another mask in each half of a drawing: nothing else lies at equal distances."""
    bench, noise = held(comfy, "places-twos", TWOS, [0, 1, 0, 1, 0, 1])
    part = lost(bench, cut(bench, noise, 1, 4))
    found = bench.run(whole=bench.resample(noise, 2.0, TARGET), part=bench.resample(part, 2.0, TARGET))
    assert torch.allclose(found["part"], found["whole"][1:5], atol=1e-4)


def test_one_seed_for_all_frames_is_no_place(comfy):
    bench, noise = held(comfy, "places-fixed", STILL, [0, 0, 1, 1])
    fixed = bench.graph.add("LatentBatchSeedBehavior", samples=noise, seed_behavior="fixed")
    found = bench.run(whole=bench.resample(noise, 2.0, TARGET), fixed=bench.resample(fixed, 2.0, TARGET))
    assert torch.equal(found["whole"], found["fixed"])


def test_noises_of_a_still_clip_with_another_mask_each_are_not_taken_for_one(comfy):
    """Only the first one's record comes along with the joined noise."""
    bench, first = held(comfy, "places-two", [0, 0], [0, 0])
    bench.log += "-free"
    masked(bench, torch.ones(2, 1, 64, 64))
    second = bench.unsample(bench.ays(8), solver="euler")
    found = bench.run(clip=bench.resample(joined(bench, first, second), 2.0, TARGET))
    assert (
        "frames were added to the noise, or cut and changed: not exact, and the mask is lost"
        in comfy.log_text()
    )
    assert not torch.equal(found["clip"][2], bench.clip[0] / 0.18215)


def mask_of(bench: Bench, values: list[float]):
    """A MASK a frame, joined by core's own node."""
    masks = [bench.graph.add("SolidMask", value=value, width=64, height=64) for value in values]
    return bench.graph.add("BatchMasksNode", **{f"masks.mask{i}": mask for i, mask in enumerate(masks)})


@pytest.mark.parametrize("node", ["LatentBatch", "BatchLatentsNode"])
def test_joined_clips_with_masks_on_the_first_only_have_the_cure_that_works(comfy, node):
    bench, _ = held(comfy, f"places-joined-{node}", [0, 1], [0, 1])
    first, log = bench.latent, bench.log
    second = bench.graph.add("UNSTest_LoadLatent", file=comfy.put_latent(f"{log}-second", samples=bench.clip))
    names = ("samples1", "samples2") if node == "LatentBatch" else ("latents.latent0", "latents.latent1")
    both = bench.graph.add(node, **dict(zip(names, (first, second), strict=True)))
    bench.latent, prompt = both, dict(bench.graph.prompt)
    with pytest.raises(RunError) as refusal:
        bench.run(noise=bench.unsample(bench.ays(4), solver="euler"))
    said = (
        "latent_image has 4 frames and 2 noise masks; the node that joins clips keeps the masks of the first"
    )
    cure = "join the masks too (Batch Masks), and set all 4 behind it with Set Latent Noise Mask"
    assert f"{said} one alone: {cure}" in str(refusal.value)
    bench.graph.prompt = prompt
    every = mask_of(bench, [0, 1, 1, 0])
    bench.latent = bench.graph.add("SetLatentNoiseMask", samples=both, mask=every)
    noise = bench.unsample(bench.ays(4), solver="euler")
    found = bench.run(cured=bench.resample(noise, 2.0, TARGET), both=both)
    same = [torch.equal(a, b) for a, b in zip(found["cured"], found["both"], strict=True)]
    assert same == [True, False, False, True]

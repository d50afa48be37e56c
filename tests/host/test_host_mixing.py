"""Mix Noise over HTTP: nothing done is exact, what is done reaches the clip, and the record goes along."""

from __future__ import annotations

import re
from functools import partial

import pytest
import torch
from family_models import family_model
from host_graphs import Graph, Node
from host_passes import SOURCE, TARGET, Bench
from host_trips import EXACT, clip
from host_windows import WINDOWS, cut
from test_host_curves import scheduled

from tools.client import ClientError, RunError

FRESH, SLERP = "fresh noise", "other noise (slerp)"


def mix(bench: Bench, noise: Node, amount=0.0, mode: str = FRESH, seed: int = 0, **given) -> Node:
    return bench.graph.add("UNS_MixNoise", noise=noise, amount=amount, mode=mode, seed=seed, **given)


def part(bench: Bench, noise: Node, first: int, length: int) -> Node:
    return bench.graph.add("LatentFromBatch", samples=noise, batch_index=first, length=length)


@pytest.mark.parametrize("direct", [0.0, -1.0])
@pytest.mark.parametrize("windows", [None, WINDOWS[-1]])
def test_nothing_done_is_exact_and_a_little_done_changes_the_clip(comfy, windows, direct):
    bench = Bench.set_up(
        comfy, f"mix-nothing-{windows}-{direct}", frames=32 if windows else 4, window_bias=0.3
    )
    if windows is not None:
        cut(bench, windows)
    noise = bench.unsample(bench.ays(8), direct=direct)
    found = bench.run(
        same=bench.resample(mix(bench, noise)),
        toned=bench.resample(mix(bench, noise, tone=0.5)),
        little=bench.resample(mix(bench, noise, 0.3)),
        lower=bench.resample(mix(bench, noise, 0.3), structure=0.3),
        plain_lower=bench.resample(noise, structure=0.3),
    )
    assert bench.error(found["same"]) < EXACT and bench.error(found["plain_lower"]) < EXACT
    for name in ("toned", "little", "lower"):
        assert bench.error(found[name]) > 1e-3 and found[name].isfinite().all()


def test_the_nodes_say_what_was_done_and_raise_no_alarm(comfy):
    bench, begin = Bench.set_up(comfy, "mix-words"), len(comfy.log_text())
    noise = bench.unsample(bench.ays(4), direct=0.5)
    mixed = mix(bench, noise, 0.25, seed=9, normalise=True)
    bench.run(clip=bench.resample(mixed, 2.0, TARGET, hold=0.5, steady=0.5))
    said = comfy.log_text()[begin:]
    words = "25 percent fresh noise, seed 9, brought to the expected strength"
    assert f"{words}; strength 1 of the expected" in said
    assert re.search(rf"resampled in \d+ model calls; the noise was mixed \({words}\)", said)
    assert "not exact" not in said and "changed since" not in said and "has no effect" not in said


def test_a_slice_of_the_mix_is_the_mix_of_the_slice(comfy):
    """Frames do not see each other in this model, so its restyle is the clip's too."""
    bench = Bench.set_up(comfy, "mix-slices")
    noise = bench.unsample(bench.ays(8), direct=0.5)
    whole = mix(bench, noise, 0.4, seed=3)
    down = partial(bench.resample, cfg=2.0, condition=TARGET)
    found = bench.run(
        mixed=whole,
        first=mix(bench, part(bench, noise, 1, 2), 0.4, seed=3),
        clip=down(whole),
        cut=down(part(bench, whole, 1, 2)),
        before=down(mix(bench, part(bench, noise, 1, 2), 0.4, seed=3)),
    )
    assert torch.equal(found["first"], found["mixed"][1:3])
    assert torch.equal(found["cut"], found["before"])
    assert torch.allclose(found["cut"], found["clip"][1:3], atol=1e-4)


def test_it_is_saved_and_loaded_as_it_is(comfy):
    bench, names = Bench.set_up(comfy, "mix-saved"), ("structure", "direct")
    noise = mix(bench, bench.unsample(bench.ays(6), direct=0.5), 0.4, seed=3, tone=0.5)
    kept = bench.graph.add("UNS_SaveNoise", noise=noise, filename_prefix="mixed/noise", precision="lossless")
    ways = {"structure": {"direct": 0.0, "structure": 0.4}, "direct": {}}
    found = bench.run(**{name: bench.resample(kept, 2.0, TARGET, **ways[name]) for name in names})
    again = Bench.set_up(comfy, "mix-loaded")
    noise = again.graph.add("UNS_LoadNoise", file="mixed/noise_00001_.safetensors [output]")
    back = again.run(**{name: again.resample(noise, 2.0, TARGET, **ways[name]) for name in names})
    assert all(torch.equal(found[name], back[name]) for name in names)
    assert "the noise was mixed (40 percent fresh noise, seed 3, tone taken out by 0.5)" in comfy.log_text()


def test_outside_a_mask_the_source_stays(comfy):
    bench = Bench.set_up(comfy, "mix-masked")
    mask = torch.ones(4, 1, 64, 64)
    mask[..., :24] = 0
    file = comfy.put_latent("mix-masked-clip", samples=bench.clip / 0.18215, noise_mask=mask)
    bench.latent = bench.graph.add("UNSTest_LoadLatent", file=file)
    noise = mix(bench, bench.unsample(bench.ays(6), direct=-1.0), 0.5)
    found = bench.run(clip=bench.resample(noise, 2.0, TARGET))["clip"]
    assert torch.equal(found[..., :3], (bench.clip / 0.18215)[..., :3])
    assert not torch.allclose(found[..., 3:], (bench.clip / 0.18215)[..., 3:], atol=0.1)


def test_between_two_clips_both_ends_are_exact(comfy):
    first = Bench.set_up(comfy, "mix-slerp")
    other = torch.flip(first.clip, (0, 3)) * 0.9
    noise = first.unsample(first.ays(8), direct=0.5)
    latent = first.graph.add(
        "UNSTest_LoadLatent", file=comfy.put_latent("mix-slerp-other", samples=other / 0.18215)
    )
    second = first.unsample(first.ays(8), latent_image=latent)
    ways = {
        name: mix(first, noise, amount, SLERP, other=second)
        for name, amount in (("one", 0.0), ("half", 0.5), ("two", 1.0))
    }
    found = first.run(**{name: first.resample(node, 1.0, SOURCE) for name, node in ways.items()})
    assert first.error(found["one"]) < EXACT
    assert float((found["two"] * 0.18215 - other).norm() / other.norm()) < EXACT
    assert first.error(found["half"]) > 0.1
    assert "without a direct path, which would start from one of the two clips" in comfy.log_text()


def test_a_flow_models_clip_is_mixed_too(comfy):
    graph = Graph()
    model = graph.add("UNETLoader", unet_name=family_model(comfy.models_dir, "wan"), weight_dtype="default")
    model = graph.add("ModelSamplingSD3", model=model, shift=3.0)
    words = partial(graph.add, "UNSTest_TokensConditioning", tokens=10, width=768)
    one, two, empty = (words(value=value) for value in (1.0, -2.0, 0.0))
    source = clip(3, 16, 8, 12, 1.0).movedim(0, 1)[None]
    latent = graph.add("UNSTest_LoadLatent", file=comfy.put_latent("mix-wan", samples=source))
    sigmas = graph.add("BasicScheduler", model=model, scheduler="simple", steps=4, denoise=1.0)
    given = {"model": model, "positive": one, "negative": empty, "latent_image": latent, "cfg": 1.0}
    noise = graph.add("UNS_Unsampler", sigmas=sigmas, solver="midpoint", direct=0.5, **given)
    mixed = {
        amount: graph.add("UNS_MixNoise", noise=noise, amount=amount, mode=FRESH, seed=1)
        for amount in (0.0, 0.5)
    }
    down = {"model": model, "negative": empty, "structure": 0.0}
    for amount, node in mixed.items():
        graph.save(f"mix-wan-noise-{amount}", latent=node)
    graph.save(
        "mix-wan-back",
        latent=graph.add("UNS_NoiselessResampler", noise=mixed[0.0], positive=one, cfg=1.0, **down),
    )
    graph.save(
        "mix-wan-clip",
        latent=graph.add("UNS_NoiselessResampler", noise=mixed[0.5], positive=two, cfg=2.0, **down),
    )
    comfy.run(graph.prompt)
    back, made = (comfy.tensors(f"mix-wan-{name}")["samples"] for name in ("back", "clip"))
    assert float((back - source).norm() / source.norm()) < EXACT
    assert made.shape == source.shape and made.isfinite().all()
    plain, half = (comfy.tensors(f"mix-wan-noise-{amount}")["samples"] for amount in (0.0, 0.5))
    ratio = half.std((1, 3, 4)) / plain.std((1, 3, 4))
    assert ratio.shape == (1, 3) and float((ratio - 1).abs().max()) < 0.1


def test_core_samplers_noise_and_plain_noise_are_mixed(comfy):
    bench = Bench.set_up(comfy, "mix-plain")
    noise = bench.core_unsample(bench.ays(8), "euler")
    found = bench.run(
        clip=bench.resample(mix(bench, noise, 0.3), 1.0, SOURCE, sigmas=bench.ays(8), solver="euler"),
        plain=bench.resample(noise, 1.0, SOURCE, sigmas=bench.ays(8), solver="euler"),
    )
    assert found["clip"].isfinite().all() and bench.error(found["clip"]) > 2 * bench.error(found["plain"])


@pytest.mark.parametrize(
    "given, words",
    [
        ({"amount": 0.5, "mode": SLERP}, "mode is other noise (slerp) and other is not connected"),
        (
            {"amount": 0.5, "mode": SLERP, "other": "short"},
            "other has shape (2, 4, 8, 8), noise (4, 4, 8, 8)",
        ),
        ({"amount": 0.5, "mode": SLERP, "other": "coarse"}, "other was unsampled with another last sigma"),
        ({"amount": [0.5, 1.5]}, "amount is 1.16667; set it between 0 and 1"),
    ],
)
def test_what_cannot_be_mixed_is_refused_in_a_sentence(comfy, given, words):
    bench = Bench.set_up(comfy, "mix-refused")
    noise = bench.unsample(bench.ays(2))
    others = {
        "short": lambda: part(bench, noise, 0, 2),
        "coarse": lambda: bench.unsample(bench.ays(2), end=0.5),
    }
    given = given | ({"other": others[given["other"]]()} if "other" in given else {})
    if isinstance(given["amount"], list):
        given["amount"] = scheduled(bench, [0.5, 1.5])[1]
    with pytest.raises((ClientError, RunError)) as refused:
        bench.run(noise=mix(bench, noise, **given))
    assert "Mix Noise: " in str(refused.value) and words in str(refused.value)

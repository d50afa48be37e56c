"""What a user sees while a pass runs: the picture that the model has in mind, flow models' too."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pytest
from family_models import family_model
from host_graphs import Graph
from host_passes import TARGET, Bench
from host_trips import clip
from PIL import Image

KINDS = ["eps", "flow"]
JPEG = 0.5  # by which compression may shift a picture's contrast, of 255


def bench_of(comfy, kind: str, name: str) -> Bench:
    """A bench whose model predicts noise, or is a flow model."""
    bench = Bench.set_up(comfy, f"preview-{kind}-{name}", frames=2, size=24)
    if kind == "flow":
        bench.model = bench.graph.add("ModelSamplingAuraFlow", model=bench.model, shift=1.73)
    return bench


def schedule(bench: Bench, kind: str):
    return bench.ays(8) if kind == "eps" else bench.sigmas([i / 8 for i in range(8, -1, -1)])


def previews(bench: Bench, result) -> list[np.ndarray]:
    """The pictures that a run shows, as numbers; each run's last node is the result."""
    seen = []
    bench.graph.save(f"{bench.log}-result", latent=result)
    client = bench.comfy.client
    run = client.queue(bench.graph.prompt, {"preview_method": "latent2rgb"})
    client.wait(run, lambda kind, data: seen.append(data["image"]) if kind == "preview" else None, 120)
    return [np.asarray(Image.open(io.BytesIO(image)).convert("L"), np.float64) for image in seen]


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def shown_by_core(comfy, kind: str) -> np.ndarray:
    """The clip as core's sampler previews it: after a step that hardly has noise to take away."""
    bench = bench_of(comfy, kind, "core")
    return previews(bench, bench.core_sample(bench.latent, bench.sigmas([0.02, 0.01]), "euler"))[-1]


@pytest.mark.parametrize("kind", KINDS)
def test_unsampling_shows_the_clip_first_and_then_less_and_less_of_it(comfy, kind):
    bench = bench_of(comfy, kind, "up")
    clip, seen = shown_by_core(comfy, kind), previews(bench, bench.unsample(schedule(bench, kind)))
    assert len(seen) == len(bench.calls()) == 11
    assert likeness(clip, seen[0]) > 0.98 and likeness(clip, seen[4]) > 0.9
    contrasts = [picture.std() for picture in seen]
    assert np.array_equal(seen[-1], seen[-2])  # the last call asks again what was asked far below
    assert all(later < earlier + JPEG for earlier, later in pairwise(contrasts))
    assert contrasts[0] > 0.9 * clip.std() and contrasts[-1] < 0.1 * clip.std()


@pytest.mark.parametrize("kind", KINDS)
def test_resampling_ends_with_the_clip_in_view(comfy, kind):
    bench = bench_of(comfy, kind, "down")
    noise = bench.unsample(schedule(bench, kind))
    clip, seen = shown_by_core(comfy, kind), previews(bench, bench.resample(noise))
    assert len(seen) == len(bench.calls()) == 20
    assert likeness(clip, seen[-1]) > 0.98
    falling = [picture.std() for picture in seen[11:]]
    assert all(later > earlier - JPEG for earlier, later in pairwise(falling))
    assert falling[0] < 0.1 * clip.std() and falling[-1] > 0.9 * clip.std()


@pytest.mark.parametrize("kind", KINDS)
def test_another_prompt_shows_in_the_preview(comfy, kind):
    bench = bench_of(comfy, kind, "edit")
    noise = bench.unsample(schedule(bench, kind))
    seen = previews(bench, bench.resample(noise, condition=TARGET, cfg=2.0))
    other = bench_of(comfy, kind, "result")
    found = bench.comfy.tensors(f"{bench.log}-result")["samples"]
    other.latent = other.graph.add(
        "UNSTest_LoadLatent", file=comfy.put_latent(f"{other.log}-clip", samples=found)
    )
    core = previews(
        other, other.core_sample(other.latent, other.sigmas([0.02, 0.01]), "euler", condition=TARGET)
    )[-1]
    assert likeness(core, seen[-1]) > max(0.9, likeness(shown_by_core(comfy, kind), seen[-1]) + 0.05)


def wan_bench(comfy, name: str) -> Bench:
    """A bench with Wan's own network, small and random, and one video of rank 5."""
    graph, video = Graph(), clip(3, 16, 16, 24, scale=1.0).movedim(0, 1)[None]
    model = graph.add("UNETLoader", unet_name=family_model(comfy.models_dir, "wan"), weight_dtype="default")
    latent = graph.add("UNSTest_LoadLatent", file=comfy.put_latent(f"{name}-clip", samples=video))
    return Bench(comfy, graph, model, video, latent, name)


def test_a_video_of_rank_5_is_in_view_at_both_ends(comfy):
    first = wan_bench(comfy, "preview-wan-core")
    shown = previews(first, first.core_sample(first.latent, first.sigmas([0.02, 0.01]), "euler"))[-1]
    bench = wan_bench(comfy, "preview-wan")
    seen = previews(bench, bench.resample(bench.unsample(bench.sigmas([1.0, 0.6, 0.04, 0.0]))))
    assert len(seen) == 10
    assert all(picture.shape == shown.shape and picture.std() > JPEG for picture in seen)
    assert likeness(shown, seen[0]) > 0.98 and likeness(shown, seen[-1]) > 0.98

"""VAE Encode and VAE Decode (long clips) beside the core nodes whose place they take, on a real server: Wan's
VAE in its real format, small and with random weights."""

import pytest
import torch
from family_models import family_model
from host_graphs import Graph
from torch import equal

from tools.client import InterruptedRun, RunError

SIDES = {"width": 48, "height": 64}
WAYS = {"ours": ("UNS_EncodeClip", "UNS_DecodeClip"), "core": ("VAEEncode", "VAEDecode")}


def some_frames(graph: Graph, frames: int):
    """Frames that differ from each other, and from side to side."""
    plain = graph.add("EmptyImage", **SIDES, batch_size=frames, color=0x4080C0)
    return graph.add("ImageAddNoise", image=plain, seed=frames, strength=0.7)


def wan_vae(graph: Graph, comfy):
    return graph.add("VAELoader", vae_name=family_model(comfy.models_dir, "wan_vae"))


def sd_vae(graph: Graph, comfy):
    return graph.add("CheckpointLoaderSimple", ckpt_name=comfy.model("one_level"))[2]


def there_and_back(comfy, name: str, vae_of, frames: int) -> tuple[dict, dict[str, list]]:
    """What both ways made of some frames, and the progress that each of their nodes showed."""
    graph = Graph()
    vae, pixels, seen, nodes = vae_of(graph, comfy), some_frames(graph, frames), {}, {}
    for way, (encode, decode) in WAYS.items():
        latent = graph.add(encode, pixels=pixels, vae=vae)
        images = graph.add(decode, samples=latent, vae=vae)
        nodes |= {latent.id: f"{way} encode", images.id: f"{way} decode"}
        graph.save(f"{name}-{way}", latent=latent, images=images)

    def look(kind: str, data: dict) -> None:
        if kind == "position" and data["max"] and data["node"] in nodes:
            seen.setdefault(nodes[data["node"]], []).append((data["value"], data["max"]))

    comfy.run(graph.prompt, look)
    return {way: comfy.tensors(f"{name}-{way}") for way in WAYS}, seen


@pytest.mark.parametrize("frames", [1, 4, 5, 9, 18])
def test_wans_clips_are_those_of_cores_nodes_and_move_a_few_frames_at_a_time(comfy, frames):
    found, seen = there_and_back(comfy, f"vae-wan-{frames}", wan_vae, frames)
    for part in ("samples", "images"):
        assert equal(found["ours"][part], found["core"][part])
    kept = 1 + (frames - 1) // 4 * 4  # what Wan's VAE takes of a clip
    assert found["ours"]["images"].shape == (kept, 64, 48, 3)
    assert found["ours"]["samples"].std() > 0.01 and found["ours"]["images"].std() > 0.001
    if kept > 1:  # a bar of one may show nothing, and of ticks that come fast the server shows some
        assert seen["ours encode"] and seen["ours decode"]
    assert all(0 <= at <= kept and of == frames for at, of in seen.pop("ours encode", []))
    assert all(0 <= at <= of == kept for at, of in seen.pop("ours decode", []))
    assert not seen


def test_other_vaes_work_as_in_cores_nodes(comfy):
    found, seen = there_and_back(comfy, "vae-sd", sd_vae, 3)
    for part in ("samples", "images"):
        assert equal(found["ours"][part], found["core"][part])
    assert found["ours"]["images"].shape == (3, 64, 48, 3)
    assert not seen


@pytest.mark.parametrize(("decode", "same"), [("UNS_DecodeClip", True), ("VAEDecode", False)])
def test_a_vae_that_draws_noise_draws_the_same_each_time(comfy, decode, same):
    """LTXV's as of 0.9.1, whose noise core does not seed."""
    graph = Graph()
    checkpoint = family_model(comfy.models_dir, "ltxv_checkpoint")
    vae = graph.add("CheckpointLoaderSimple", ckpt_name=checkpoint)[2]
    source = torch.randn(1, 128, 2, 2, 2, generator=torch.Generator().manual_seed(3))
    latent = graph.add("UNSTest_LoadLatent", file=comfy.put_latent("vae-drawn", samples=source))
    for name in ("one", "other"):
        again = graph.add("UNSTest_Again", latent=latent)
        graph.save(f"vae-drawn-{name}", images=graph.add(decode, samples=again, vae=vae))
    comfy.run(graph.prompt)
    one, other = (comfy.tensors(f"vae-drawn-{name}")["images"] for name in ("one", "other"))
    assert one.shape == (9, 64, 64, 3) and one.std() > 0.001
    assert equal(one, other) == same


@pytest.mark.parametrize(("frames", "kept"), [(1, 1), (8, 1), (9, 9), (16, 9), (18, 17)])
def test_ltxvs_vae_takes_any_number_of_frames(comfy, frames, kept):
    """Older ComfyUI stops at all but 1 + 8n; newer drops the rest, as our node does in both."""
    graph = Graph()
    vae = graph.add("CheckpointLoaderSimple", ckpt_name=family_model(comfy.models_dir, "ltxv_checkpoint"))[2]
    pixels = some_frames(graph, frames)
    whole = graph.add("ImageFromBatch", image=pixels, batch_index=0, length=kept)
    graph.save("vae-any", latent=graph.add("UNS_EncodeClip", pixels=pixels, vae=vae))
    graph.save("vae-kept", latent=graph.add("VAEEncode", pixels=whole, vae=vae))
    comfy.run(graph.prompt)
    one, other = (comfy.tensors(f"vae-{name}")["samples"] for name in ("any", "kept"))
    assert one.shape[2] == 1 + (kept - 1) // 8 and equal(one, other)


def test_wans_vae_is_as_it_was_for_the_next_node(comfy):
    """Core's nodes behind ours, with the same loaded VAE, in another run."""
    graph = Graph()
    vae, pixels = wan_vae(graph, comfy), some_frames(graph, 5)
    before = graph.add("VAEDecode", samples=graph.add("VAEEncode", pixels=pixels, vae=vae), vae=vae)
    graph.save("vae-before", images=before)
    comfy.run(graph.prompt)
    there_and_back(comfy, "vae-between", wan_vae, 9)
    again = graph.add(
        "VAEDecode",
        samples=graph.add(
            "VAEEncode",
            pixels=graph.add("ImageScaleBy", image=pixels, upscale_method="nearest-exact", scale_by=1.0),
            vae=vae,
        ),
        vae=vae,
    )
    graph.save("vae-after", images=again)
    comfy.run(graph.prompt)
    assert equal(*(comfy.tensors(f"vae-{name}")["images"] for name in ("before", "after")))


def test_a_latent_of_another_model_is_refused_in_a_sentence(comfy):
    graph = Graph()
    latent = graph.add("EmptyLatentImage", **SIDES, batch_size=2)
    graph.save("vae-other", images=graph.add("UNS_DecodeClip", samples=latent, vae=wan_vae(graph, comfy)))
    told = r"VAE Decode \(long clips\): samples is a latent \[2, 4, 8, 6\], but vae decodes clips of 16"
    with pytest.raises(RunError, match=told):
        comfy.run(graph.prompt)


@pytest.mark.parametrize("node", ["UNS_EncodeClip", "UNS_DecodeClip"])
def test_a_cancel_stops_between_two_frames(comfy, node):
    graph = Graph()
    vae = wan_vae(graph, comfy)
    if node == "UNS_EncodeClip":
        long = graph.add(node, pixels=some_frames(graph, 401), vae=vae)
        graph.save("vae-cancel", latent=long)
    else:
        empty = graph.add("EmptyHunyuanLatentVideo", **SIDES, length=401, batch_size=1)
        long = graph.add(node, samples=empty, vae=vae)
        graph.save("vae-cancel", images=long)
    seen = []

    def stop(kind: str, data: dict) -> None:
        if kind == "position" and data["node"] == long.id and data["value"]:
            seen.append(data["value"])
            comfy.client.interrupt()

    with pytest.raises(InterruptedRun):
        comfy.run(graph.prompt, stop)
    assert len(seen) > 0 and max(seen) < 400

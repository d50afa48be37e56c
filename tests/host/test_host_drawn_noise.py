"""What a model draws at random in a call comes from the step: both passes draw the same, and every run."""

import pytest
import torch
from clips import make_clip
from host_graphs import Graph
from host_passes import EMPTY, SOURCE, Bench
from host_windows import cut

EXACT = 1e-6
REFERENCES = ["reference_attn", "reference_attn+adain"]


def referenced(comfy, name: str, kind: str, solver: str, tmp_path, change: float = 0.0) -> dict:
    """A round trip under Advanced-ControlNet's Reference, which noises its picture anew in every call."""
    graph = Graph()
    base = graph.add("CheckpointLoaderSimple", ckpt_name=comfy.model("narrow"))
    video = graph.add("LoadVideo", file=comfy.client.upload(make_clip("single.mp4", tmp_path)))
    picture = graph.add("GetVideoComponents", video=video)
    clip = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(3)) + change
    latent = graph.add("UNSTest_LoadLatent", file=comfy.put_latent(f"{name}-clip", samples=clip))
    prepared = graph.add("ACN_ReferencePreprocessor", image=picture, vae=base[2], latent_size=latent)
    reference = graph.add("ACN_ReferenceControlNet", reference_type=kind, style_fidelity=0.5, ref_weight=1.0)
    both = graph.add(
        "ACN_AdvancedControlNetApply_v2",
        control_net=reference,
        image=prepared,
        strength=1.0,
        start_percent=0.0,
        end_percent=1.0,
        positive=graph.add("UNSTest_Conditioning", value=SOURCE),
        negative=graph.add("UNSTest_Conditioning", value=EMPTY),
    )
    given = {"model": base, "positive": both[0], "negative": both[1], "cfg": 1.5}
    sigmas = graph.add("UNS_AYSScheduler", model_type="SD1", steps=4, denoise=1.0)
    noise = graph.add("UNS_Unsampler", latent_image=latent, sigmas=sigmas, solver=solver, **given)
    back = graph.add("UNS_NoiselessResampler", noise=noise, structure=0.0, **given)
    plain = graph.add(
        "UNS_NoiselessResampler",
        noise=noise,
        structure=0.0,
        **given
        | {
            "positive": graph.add("UNSTest_Conditioning", value=SOURCE),
            "negative": graph.add("UNSTest_Conditioning", value=EMPTY),
        },
    )
    for part, node in (("noise", noise), ("back", back), ("plain", plain)):
        graph.save(f"{name}-{part}", latent=node)
    comfy.run(graph.prompt)
    found = {part: comfy.tensors(f"{name}-{part}")["samples"] for part in ("noise", "back", "plain")}
    return found | {"clip": clip}


@pytest.mark.parametrize("solver", ["midpoint", "dpmpp_2m"])
@pytest.mark.parametrize("kind", REFERENCES)
def test_reference_controlnets_come_back(comfy, kind, solver, tmp_path):
    found = referenced(comfy, f"drawn-{kind}-{solver}", kind, solver, tmp_path)
    size = found["clip"].norm()
    assert (found["back"] - found["clip"]).norm() < EXACT * size
    assert (found["plain"] - found["clip"]).norm() > 1e-3 * size  # the reference has a say


def test_the_same_again_gives_the_same_bits(comfy, tmp_path):
    """The second run is a new one: its clip is read from another file."""
    first, again = (
        referenced(comfy, f"drawn-again-{turn}", REFERENCES[0], "midpoint", tmp_path) for turn in (0, 1)
    )
    assert torch.equal(first["noise"], again["noise"])
    assert torch.equal(first["back"], again["back"])


@pytest.mark.parametrize("windows", ["ADE_StandardUniformContextOptions", "standard_uniform"])
def test_windows_come_back_whatever_fuses_them(comfy, windows):
    """At random or by sigma too: frames that two windows share are mixed the same way in both passes."""
    inputs = comfy.object_info["ContextWindowsManual" if windows[0] == "s" else windows]["input"]
    [spec] = [inputs[kind]["fuse_method"] for kind in inputs if "fuse_method" in inputs[kind]]
    methods = spec[0] if isinstance(spec[0], list) else spec[1]["options"]
    assert len(methods) > 2
    noises = {}
    for i, method in enumerate(methods):
        bench = Bench.set_up(comfy, f"fuse-{windows}-{i}", frames=20, window_bias=0.3)
        cut(bench, windows, overlap=4, fuse_method=method)
        noise = bench.unsample(bench.ays(5))
        found = bench.run(noise=noise, clip=bench.resample(noise))
        assert bench.error(found["clip"]) < EXACT, method
        noises[method] = found["noise"]
    distinct = {noise.numpy().tobytes() for noise in noises.values()}
    assert len(distinct) > 2  # the methods do differ

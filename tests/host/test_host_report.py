"""Inversion Report in the real host: text, chart and numbers arrive, and no model is called for them."""

import pytest
import torch
from host_passes import EMPTY, SOURCE, TARGET, Bench

from tools.client import RunError

NUMBERS = (
    "noise_std",
    "psnr",
    "relative_error",
    "mean",
    "kurtosis",
    "pixel_correlation",
    "frame_correlation",
    "source_correlation",
)


class Reported:
    """A report node in a bench's graph, and what came of it after a run."""

    def __init__(self, bench: Bench, **inputs):
        self.bench = bench
        self.node = bench.graph.add("UNS_InversionReport", **inputs)
        self.seen = {
            name: bench.graph.add("PreviewAny", source=self.node[i])
            for i, name in enumerate(("text", *NUMBERS), start=1)
        }
        bench.graph.save(f"{bench.log}-chart", images=self.node[0])

    def run(self) -> "Reported":
        self.outputs = self.bench.comfy.run(self.bench.graph.prompt)["outputs"]
        self.text = self.outputs[self.node.id]["text"][0]
        self.numbers = {name: float(self.outputs[self.seen[name].id]["text"][0]) for name in NUMBERS}
        self.chart = self.bench.comfy.tensors(f"{self.bench.log}-chart")["images"]
        return self


def test_noise_and_reconstruction_are_reported_without_a_model_call(comfy):
    bench = Bench.set_up(comfy, "report", frames=6, size=32)
    noise = bench.unsample(bench.ays())
    found = Reported(bench, noise=noise, reconstruction=bench.resample(noise)).run()
    assert len(bench.calls()) == 19 + 17
    assert found.text.startswith("good: noise is what this schedule expects (std ")
    assert "16 steps of midpoint" in found.text and "6 frames" in found.text
    assert found.outputs[found.seen["text"].id]["text"][0] == found.text
    assert 0.95 < found.numbers["noise_std"] < 1.05
    assert found.numbers["psnr"] > 120 and found.numbers["relative_error"] < 1e-6


def test_the_numbers_are_those_of_the_latents(comfy):
    bench = Bench.set_up(comfy, "report-numbers", size=32)
    noise, sigma = bench.unsample(bench.ays(), end=0.5), 1.3943805
    edited = bench.resample(noise, condition=TARGET)
    report = Reported(bench, noise=noise, reconstruction=edited)
    latents = bench.run(noise=noise, edited=edited)
    found, clip = report.run(), bench.clip.double()
    source, state = clip.flatten(1), (latents["noise"] * 0.18215).double().flatten(1)
    expected = (source.var(1, correction=0) + sigma**2).sqrt()
    ratio = float((state.std(1, correction=0) / expected).mean())
    assert found.numbers["noise_std"] == pytest.approx(ratio, abs=1e-4)
    errors = (latents["edited"].double() * 0.18215 - clip).square().flatten(1).mean(1)
    psnr = 10 * (float(clip.max() - clip.min()) ** 2 / errors).log10()
    assert found.numbers["psnr"] == pytest.approx(float(psnr.mean()), abs=1e-3)
    assert found.numbers["relative_error"] == pytest.approx(bench.error(latents["edited"]), rel=1e-4)
    assert found.text.splitlines()[0].startswith("reconstruction is off by 0.")
    pairs = [torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(state, source, strict=True)]
    assert found.numbers["source_correlation"] == pytest.approx(float(sum(pairs) / len(pairs)), abs=1e-4)
    centred = state - state.mean(1, keepdim=True)
    kurtosis = centred.pow(4).mean(1) / centred.square().mean(1).square() - 3
    assert found.numbers["kurtosis"] == pytest.approx(float(kurtosis.mean()), abs=1e-4)
    mean = (state.mean(1) / state.std(1, correction=0)).mean()
    assert found.numbers["mean"] == pytest.approx(float(mean), abs=1e-4)
    assert abs(found.numbers["pixel_correlation"]) < 0.1
    assert abs(found.numbers["frame_correlation"]) < 1


def test_the_chart_is_an_image_on_the_node_and_an_output(comfy):
    bench = Bench.set_up(comfy, "report-chart", frames=2)
    found = Reported(bench, noise=bench.unsample(bench.ays(6))).run()
    assert found.chart.shape == (1, 640, 1024, 3)
    assert 0 <= float(found.chart.min()) < 0.2 and 0.8 < float(found.chart.max()) <= 1
    (shown,) = found.outputs[found.node.id]["images"]
    assert shown["type"] == "temp" and shown["filename"].endswith(".png")
    again = Reported(bench, noise=bench.unsample(bench.ays(6))).run()
    assert torch.equal(again.chart, found.chart)


def test_high_cfg_and_changed_noise_are_blamed(comfy):
    bench = Bench.set_up(comfy, "report-cfg", size=32)
    strong = Reported(bench, noise=bench.unsample(bench.ays(), 5.0)).run()
    assert (
        strong.text.startswith("noise too strong (") and "lower the Exact Unsampler's cfg (or" in strong.text
    )
    assert strong.numbers["noise_std"] > 1.14
    assert (strong.numbers["psnr"], strong.numbers["relative_error"]) == (0.0, 1.0)
    bench = Bench.set_up(comfy, "report-weak", size=32)
    weak = bench.graph.add("LatentMultiply", samples=bench.unsample(bench.ays()), multiplier=0.58)
    found = Reported(bench, noise=weak).run()
    assert found.text.startswith("noise too weak (0.5")
    assert "the noise was changed since; connect the Exact Unsampler's output directly" in found.text


def test_the_custom_cfg_of_animatediff_is_blamed_where_the_nodes_own_is_1(comfy):
    bench = Bench.set_up(comfy, "report-custom-cfg", frames=4, size=32)
    keyframes = None
    for cfg, start in ((5.0, 0.0), (1.0, 0.9)):
        more = {} if keyframes is None else {"prev_custom_cfg": keyframes}
        keyframes = bench.graph.add(
            "ADE_CustomCFGKeyframeSimple", cfg=cfg, start_percent=start, guarantee_steps=1, **more
        )
    settings = bench.graph.add(
        "ADE_AnimateDiffSamplingSettings",
        batch_offset=0,
        noise_type="default",
        seed_gen="comfy",
        seed_offset=0,
        custom_cfg=keyframes,
    )
    bench.model = bench.graph.add(
        "ADE_UseEvolvedSampling", model=bench.model, beta_schedule="use existing", sample_settings=settings
    )
    found = Reported(bench, noise=bench.unsample(bench.ays())).run()
    assert "cfg 5 while unsampling pushes it off the Gaussian" in found.text


def test_a_slice_of_the_noise_is_reported_with_its_slice_of_the_record(comfy):
    bench = Bench.set_up(comfy, "report-slice", frames=6, size=32)
    part = bench.graph.add("LatentFromBatch", samples=bench.unsample(bench.ays()), batch_index=2, length=3)
    found = Reported(bench, noise=part).run()
    assert found.text.startswith("good: ") and "3 frames: std" in found.text and "3 of 6 frames" in found.text
    assert "record: plain midpoint would miss" in found.text


def test_without_a_record_the_source_is_asked_for(comfy):
    bench = Bench.set_up(comfy, "report-off", size=32)
    noise = bench.unsample(bench.ays(), record="off")
    assert "connect source for exact figures" in Reported(bench, noise=noise).run().text
    known = Reported(bench, noise=noise, source=bench.latent, reconstruction=bench.resample(noise)).run()
    assert "record: " not in known.text and "(by chance 0.0" in known.text
    assert 1e-4 < known.numbers["relative_error"] < 0.1
    Reported(bench, noise=noise, reconstruction=bench.latent)
    with pytest.raises(RunError, match="Inversion Report: reconstruction has nothing to be compared with"):
        comfy.run(bench.graph.prompt)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"noise": "clip"}, "noise carries no record of an unsampling"),
        ({"reconstruction": "short"}, "reconstruction has shape"),
        ({"source": "short"}, "source has shape"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(comfy, wrong, sentence):
    bench = Bench.set_up(comfy, f"report-wrong-{'-'.join([*wrong, *wrong.values()])}")
    short = bench.graph.add("LatentFromBatch", samples=bench.latent, batch_index=0, length=2)
    inputs = {"noise": bench.unsample(bench.ays(2))}
    inputs |= {name: bench.latent if value == "clip" else short for name, value in wrong.items()}
    Reported(bench, **inputs)
    with pytest.raises(RunError, match=f"Inversion Report: {sentence}"):
        comfy.run(bench.graph.prompt)


def test_conditions_reach_the_model_as_before(comfy):
    """The report in the graph changes nothing about the passes."""
    bench = Bench.set_up(comfy, "report-beside")
    noise = bench.unsample(bench.ays(4))
    Reported(bench, noise=noise)
    bench.run(clip=bench.resample(noise, 3.0, TARGET))
    calls = bench.calls()
    assert len(calls) == 7 + 5
    assert {frozenset(call["values"]) for call in calls[7:]} == {frozenset((TARGET, EMPTY))}
    assert {tuple(call["values"]) for call in calls[:7]} == {(SOURCE,)}

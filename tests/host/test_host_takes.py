"""Takes of one restyle over HTTP: the resampler's variation counts up, and nothing is unsampled anew."""

import pytest
import torch
from host_passes import TARGET, Bench

from tools.client import RunError
from unsampling.direct import BARE_CALLS, TONE_CALLS

EXACT = 1e-6


def bench_of(comfy, name: str, **more):
    bench = Bench.set_up(comfy, f"takes-{name}")
    return bench, bench.unsample(bench.ays(), direct=0.5, **more)


def test_each_take_is_another_and_the_clip_is_unsampled_once(comfy):
    bench, noise = bench_of(comfy, "four")
    found = bench.run(**{f"take{n}": bench.resample(noise, 1.0, TARGET, variation=n) for n in range(4)})
    takes = [found[f"take{n}"] for n in range(4)]
    # up, the path's answers, and down; for the others the path's answers at other noise, and down. The clip
    # shows through 14.6, so noise alone is asked about each time, and the tone on the way down
    up, down = 8 + BARE_CALLS, BARE_CALLS + TONE_CALLS + 16
    assert len(bench.calls()) == 19 + up + down + 3 * (up + down)
    for i in range(4):
        assert not torch.allclose(takes[i], takes[i - 1], atol=1e-3)


def test_the_way_back_is_exact_in_each_take_and_frames_are_those_of_the_whole(comfy):
    bench, noise = bench_of(comfy, "exact", record="half")
    part = bench.graph.add("LatentFromBatch", samples=noise, batch_index=1, length=2)
    found = bench.run(
        clip=bench.resample(noise, variation=5),
        whole=bench.resample(noise, 1.0, TARGET, variation=5),
        part=bench.resample(part, 1.0, TARGET, variation=5),
    )
    assert bench.error(found["clip"]) < EXACT
    assert torch.equal(found["part"], found["whole"][1:3])


def test_the_advanced_nodes_have_takes_too(comfy):
    bench, _ = bench_of(comfy, "advanced")
    source, target = (
        bench.graph.add("CFGGuider", model=bench.model, cfg=1.0, positive=one, negative=bench.condition(-1.0))
        for one in (bench.condition(0.0), bench.condition(TARGET))
    )
    noise = bench.graph.add(
        "UNS_UnsamplerAdvanced",
        guider=source,
        latent_image=bench.latent,
        sigmas=bench.ays(),
        solver="midpoint",
        direct=-1.0,
    )
    found = bench.run(
        **{
            f"take{n}": bench.graph.add(
                "UNS_NoiselessResamplerAdvanced", guider=target, noise=noise, structure=0.0, variation=n
            )
            for n in (0, 1)
        }
    )
    assert not torch.allclose(found["take0"], found["take1"], atol=1e-3)


def test_noise_from_a_file_has_one_take_and_says_so(comfy):
    bench, noise = bench_of(comfy, "file")
    bench.graph.add("UNS_SaveNoise", noise=noise, filename_prefix="held", precision="lossless")
    comfy.run(bench.graph.prompt)
    (path,) = comfy.output_dir.glob("held*.safetensors")
    (comfy.input_dir / path.name).write_bytes(path.read_bytes())
    again, _ = bench_of(comfy, "file-again")
    loaded = again.graph.add("UNS_LoadNoise", file=path.name)
    assert again.run(clip=again.resample(loaded, 1.0, TARGET))["clip"].isfinite().all()
    with pytest.raises(RunError, match="this noise is from a file; set variation to 0"):
        again.run(clip=again.resample(loaded, 1.0, TARGET, variation=1))


def test_a_variation_without_a_direct_path_says_that_nothing_changes(comfy):
    bench = Bench.set_up(comfy, "takes-none")
    noise = bench.unsample(bench.ays(), direct=0.0)
    before = len(comfy.log_text())
    found = bench.run(
        zero=bench.resample(noise, 1.0, TARGET), one=bench.resample(noise, 1.0, TARGET, variation=1)
    )
    assert torch.equal(found["zero"], found["one"])
    assert comfy.log_text()[before:].count("variation has no effect without a direct path") >= 1

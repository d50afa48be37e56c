"""What a MODEL remembers from call to call answers the two passes differently: refused by name, before any
model call."""

import pytest
from host_passes import TARGET, Bench

from tools.client import RunError

CACHES = {
    "EasyCache": {"reuse_threshold": 0.2, "start_percent": 0.15, "end_percent": 0.95, "verbose": False},
    "LazyCache": {"reuse_threshold": 0.2, "start_percent": 0.15, "end_percent": 0.95, "verbose": False},
    "TeaCache": None,
}


def cached(bench: Bench, name: str):
    """The bench's MODEL with that cache on it."""
    if CACHES[name] is None:
        return bench.graph.add("UNSTest_TeaCached", model=bench.model)
    return bench.graph.add(name, model=bench.model, **CACHES[name])


@pytest.mark.parametrize("name", CACHES)
def test_a_cache_in_either_pass_is_refused_by_name(comfy, name):
    bench = Bench.set_up(comfy, f"cache-{name}")
    sentence = f"model has {name}, which skips model calls .*connect the MODEL without it"
    with pytest.raises(RunError, match=f": Exact Unsampler: {sentence}"):
        bench.run(noise=bench.unsample(bench.ays(4), model=cached(bench, name)))
    assert bench.calls() == []
    bench = Bench.set_up(comfy, f"cache-down-{name}")
    noise = bench.unsample(bench.ays(4))
    with pytest.raises(RunError, match=f"Noiseless Resampler: {sentence}"):
        bench.run(clip=bench.resample(noise, model=cached(bench, name)))
    assert len(bench.calls()) == 7  # of the Exact Unsampler, whose MODEL has none


def test_the_inversion_sampler_refuses_them_too(comfy):
    bench = Bench.set_up(comfy, "cache-sampler")
    bench.model = cached(bench, "EasyCache")
    sampled = bench.custom(bench.latent, "unsample", bench.ays(4))
    with pytest.raises(RunError, match=r"Inversion Sampler \(unsample\): model has EasyCache"):
        bench.run(clip=sampled)
    assert bench.calls() == []


def guided(bench: Bench, momentum: float):
    return bench.graph.add("APG", model=bench.model, eta=1.0, norm_threshold=0.0, momentum=momentum)


@pytest.mark.parametrize("momentum", [-0.5, 0.5])
def test_guidance_with_momentum_is_refused_on_the_way_up(comfy, momentum):
    bench = Bench.set_up(comfy, f"momentum-{momentum}")
    bench.model = guided(bench, momentum)
    words = r"model has Adaptive Projected Guidance with momentum, .*connect the MODEL without it here"
    with pytest.raises(RunError, match=f"Inversion Sampler .unsample.: {words}"):
        bench.run(custom=bench.custom(bench.latent, "unsample", bench.ays(4)))
    bench = Bench.set_up(comfy, f"momentum-unsampler-{momentum}")
    with pytest.raises(RunError, match=f"Exact Unsampler: {words}"):
        bench.run(noise=bench.unsample(bench.ays(4), cfg=2.0, model=guided(bench, momentum)))
    assert bench.calls() == []


def test_without_momentum_it_comes_back_and_with_it_it_may_restyle(comfy):
    bench = Bench.set_up(comfy, "momentum-none")
    plain, still, moving = bench.model, guided(bench, 0.0), guided(bench, -0.5)
    sigmas = bench.ays()
    back = bench.resample(bench.unsample(sigmas, cfg=2.0, model=still), cfg=2.0, model=still)
    edits = {
        name: bench.resample(bench.unsample(sigmas, model=plain), cfg=3.0, condition=TARGET, model=model)
        for name, model in (("still", still), ("moving", moving))
    }
    found = bench.run(back=back, **edits)
    assert bench.error(found["back"]) < 1e-6
    assert found["moving"].isfinite().all()
    assert (found["moving"] - found["still"]).norm() > 0.01 * found["still"].norm()


def test_noise_that_is_none_is_told(comfy):
    """At cfg 1 nothing asks the negative, which this guidance then takes for zeros: the noise stays small."""
    bench = Bench.set_up(comfy, "momentum-weak")
    before = comfy.log_text().count("times the strength it should have")
    bench.run(good=bench.unsample(bench.ays()))
    assert comfy.log_text().count("times the strength it should have") == before
    bench.model = guided(bench, 0.0)
    noise = bench.run(noise=bench.unsample(bench.ays()))["noise"]
    assert float(noise.std()) * 0.18215 < 2
    assert "in 19 model calls, but the noise has 0.07" in comfy.log_text()

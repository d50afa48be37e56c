"""Step caches answer the two passes differently: refused by name, before any model call."""
import pytest
from host_passes import Bench

from tools.comfy_client import RunError

CACHES = {"EasyCache": {"reuse_threshold": 0.2, "start_percent": 0.15, "end_percent": 0.95, "verbose": False},
          "LazyCache": {"reuse_threshold": 0.2, "start_percent": 0.15, "end_percent": 0.95, "verbose": False},
          "TeaCache": None}


def cached(bench: Bench, name: str):
    """The bench's MODEL with that cache on it."""
    if CACHES[name] is None:
        return bench.graph.add("UNSTest_TeaCached", model=bench.model)
    return bench.graph.add(name, model=bench.model, **CACHES[name])


@pytest.mark.parametrize("name", CACHES)
def test_a_cache_in_either_pass_is_refused_by_name(comfy, name):
    bench = Bench.set_up(comfy, f"cache-{name}")
    sentence = f"model has {name}, which skips model calls .*connect the MODEL without it"
    with pytest.raises(RunError, match=f": Unsampler: {sentence}"):
        bench.run(noise=bench.unsample(bench.ays(4), model=cached(bench, name)))
    assert bench.calls() == []
    bench = Bench.set_up(comfy, f"cache-down-{name}")
    noise = bench.unsample(bench.ays(4))
    with pytest.raises(RunError, match=f"Noiseless Resampler: {sentence}"):
        bench.run(clip=bench.resample(noise, model=cached(bench, name)))
    assert len(bench.calls()) == 6  # of the Unsampler, whose MODEL has none


def test_the_inversion_sampler_refuses_them_too(comfy):
    bench = Bench.set_up(comfy, "cache-sampler")
    bench.model = cached(bench, "EasyCache")
    sampled = bench.custom(bench.latent, "unsample", bench.ays(4))
    with pytest.raises(RunError, match=r"Inversion Sampler \(unsample\): model has EasyCache"):
        bench.run(clip=sampled)
    assert bench.calls() == []

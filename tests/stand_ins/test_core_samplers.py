"""Which of core's SAMPLERs can be run backwards, and how a record names them."""

from types import SimpleNamespace

import pytest

from unsampling_pack.host.packs import core_samplers
from unsampling_pack.unsampling import UnsamplingError


def sampler(name: str, **options):
    """A core SAMPLER (KSAMPLER) around a function of k-diffusion's name."""

    def function(): ...

    function.__name__ = name
    return SimpleNamespace(sampler_function=function, extra_options=options)


class UniPC:
    """A SAMPLER that has no function."""

    extra_options: dict = {}  # noqa: RUF012 - as core has it


@pytest.mark.parametrize("name", core_samplers.INVERTIBLE)
def test_those_that_come_back_have_their_name_in_the_record(name):
    assert core_samplers.solver_name(sampler(f"sample_{name}")) == f"core {name}"
    assert (
        core_samplers.solver_name(sampler(f"sample_{name}", s_churn=0.0, eta=0.0, order=3)) == f"core {name}"
    )


@pytest.mark.parametrize(
    "name, shown",
    [
        ("sample_euler_ancestral", "euler_ancestral"),
        ("sample_lms", "lms"),
        ("dpm_fast_function", "dpm_fast"),
        ("sample_dpmpp_2m_sde", "dpmpp_2m_sde"),
        ("sample_unipc", "unipc"),
    ],
)
def test_others_are_refused_by_name_with_those_that_work(name, shown):
    with pytest.raises(UnsamplingError) as refusal:
        core_samplers.solver_name(sampler(name))
    assert str(refusal.value) == (
        f"sampler {shown} cannot be run backwards; choose one of euler, heun, dpm_2, dpmpp_2m, ipndm, deis,"
        " res_multistep, or disconnect sampler and use this node's solver"
    )


def test_a_sampler_without_a_function_goes_by_its_class():
    with pytest.raises(UnsamplingError, match="sampler UniPC cannot be run backwards"):
        core_samplers.solver_name(UniPC())


@pytest.mark.parametrize("options", [{"s_churn": 1.0}, {"eta": 0.5}, {"s_churn": 0.0, "eta": 1.0}])
def test_options_that_add_noise(options):
    with pytest.raises(UnsamplingError, match=r"sampler heun has options .* that add noise; choose one of"):
        core_samplers.solver_name(sampler("sample_heun", **options))

"""What a LATENT of noise is compared with before its record is believed: each fact is contradicted alone."""

import comfy_objects as core
import pytest
import torch

from unsampling_pack.host import record
from unsampling_pack.unsampling import Inversion, UnsamplingError

SHAPE, FALLING = (8, 4, 3, 3), torch.tensor([14.6, 3.0, 0.5, 0.0])
DISCRETE = (core.EPS, core.ModelSamplingDiscrete)
SAME_FAMILY = "use the checkpoint family that the noise was made with"
SAME_VAE = "use the VAE and checkpoint family that the noise was made with"
SAME_SAMPLING = "use the same model sampling settings in both passes"
SAME_TABLE = "use the same beta schedule (Use Evolved Sampling) and motion model in both passes"
SAME_SHIFT = "use the same shift (ModelSampling node) in both passes"


@pytest.fixture
def facts(admission):
    def of(**model):
        return admission.admit(core.CFGGuider(core.Model(**model)), SHAPE, torch.ones(1), rising=False)

    return of


def carried(facts, sigmas=FALLING, start: int = 0) -> record.LatentRecord:
    return record.LatentRecord(Inversion(torch.empty(0), sigmas, "midpoint", start), facts, (), SHAPE, None)


def refusal(noise: record.LatentRecord, *given) -> str:
    with pytest.raises(UnsamplingError) as refused:
        noise.check(*given)
    return str(refused.value)


def windows(length: int) -> dict:
    return {"handler": core.IndexListContextHandler(context_length=length)}


@pytest.mark.parametrize("model", [{}, {"model": core.SDXL()}, windows(4)])
@pytest.mark.parametrize("solver", ["auto", "midpoint"])
@pytest.mark.parametrize("sigmas", [None, FALLING, FALLING.clone(), FALLING[1:]])
def test_what_contradicts_nothing_is_believed(facts, model, solver, sigmas):
    carried(facts(**model), start=1).check(facts(**model), sigmas, solver)


@pytest.mark.parametrize(
    "ours, theirs, name, cure",
    [
        ({}, {"model": core.SDXL()}, "model", SAME_FAMILY),
        ({"model": core.SDXL()}, {"model": core.SDXLRefiner()}, "model", SAME_FAMILY),
        ({}, {"latent_format": core.Wan21()}, "latent_format", SAME_VAE),
        ({}, {"model_sampling": core.sampling(core.EPS)}, "sampling", SAME_SAMPLING),
        ({}, {"model_sampling": core.sampling(*DISCRETE, highest=66.0)}, "sigma_table", SAME_TABLE),
        ({}, {"model_sampling": core.sampling(*DISCRETE, lowest=0.002)}, "sigma_table", SAME_TABLE),
        (
            {"model_sampling": core.sampling(core.CONST, highest=1.0)},
            {"model_sampling": core.sampling(core.CONST, highest=1.0, lowest=0.002)},
            "sigma_table",
            SAME_SHIFT,
        ),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_another_family_is_told_by_what_differs(facts, ours, theirs, name, cure, turned):
    ours, theirs = (facts(**one) for one in ((theirs, ours) if turned else (ours, theirs)))
    values = [getattr(one.family, name) for one in (theirs, ours)]
    assert refusal(carried(ours), theirs, None, "auto") == (
        f"model differs from the one the noise was unsampled with: {name} {values[0]}, not {values[1]};"
        f" {cure}"
    )
    assert values[0] != values[1]


@pytest.mark.parametrize("ours, theirs", [({}, windows(4)), (windows(4), {}), (windows(4), windows(6))])
def test_other_windows_are_told_in_words(facts, ours, theirs):
    ours, theirs = facts(**ours), facts(**theirs)
    shown = [one.windows or "none" for one in (theirs, ours)]
    assert refusal(carried(ours), theirs, None, "auto") == (
        f"model cuts the clip into other context windows than the Exact Unsampler's did ({shown[0]}, not"
        f" {shown[1]}); give both nodes the same context options and extras"
    )
    assert "length 4" in "".join(shown)


@pytest.mark.parametrize("solver", ["euler", "ees25", "core euler"])
def test_another_solver_is_told_by_both_names(facts, solver):
    assert refusal(carried(facts()), facts(), None, solver) == (
        f"solver is {solver}, but the noise was made with midpoint; leave it on auto, and sampler as it was"
        " in the Exact Unsampler"
    )


@pytest.mark.parametrize(
    "sigmas, start, told",
    [
        ([14.6, 3.0, 0.0], 0, "2 steps from 14.6"),
        ([14.6, 3.0, 0.6, 0.0], 0, "3 steps from 14.6"),
        ([14.5, 3.0, 0.5, 0.0], 0, "3 steps from 14.5"),
        ([3.0, 0.5, 0.0], 0, "2 steps from 3"),
        ([0.5, 0.0], 1, "1 steps from 0.5"),
    ],
)
def test_another_schedule_is_told_by_its_steps_and_its_first_sigma(facts, sigmas, start, told):
    assert refusal(carried(facts(), start=start), facts(), torch.tensor(sigmas), "auto") == (
        f"sigmas ({told}) differ from those the noise was made with (3 steps from 14.6); disconnect sigmas:"
        " the noise brings its own"
    )


def test_a_schedule_that_rises_is_none(facts):
    assert refusal(carried(facts()), facts(), FALLING.flip(0), "auto").startswith(
        "sigmas rises from 0 to 14.6"
    )


def test_what_may_differ_is_not_compared(facts, admission):
    """Prompt, guidance and patches are the edit."""
    guider = core.CFGGuider(core.Model(), {"positive": [{"cross_attn": torch.ones(2)}]}, cfg=8.0)
    guider.model_patcher.patches = {"lora": 1}
    carried(facts()).check(admission.admit(guider, SHAPE, FALLING, rising=False), None, "auto")

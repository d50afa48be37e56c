"""Schedules: Align Your Steps to the bit, turning round without 0.0001, and refusals that name the cure."""

import numpy as np
import pytest
import sigma_lists
import torch

from unsampling import UnsamplingError, schedules

PUBLISHED = {
    "SD1": [
        14.6146412293,
        6.4745760956,
        3.8636745985,
        2.6946151520,
        1.8841921177,
        1.3943805092,
        0.9642583904,
        0.6523686016,
        0.3977456272,
        0.1515232662,
        0.0291671582,
    ],
    "SDXL": [
        14.6146412293,
        6.3184485287,
        3.7681790315,
        2.1811480769,
        1.3405244945,
        0.8620721141,
        0.5550693289,
        0.3798540708,
        0.2332364134,
        0.1114188177,
        0.0291671582,
    ],
    "SVD": [700.00, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002],
}

# What ComfyUI's own node put out for them, float32.
FROM_COMFYUI = {
    ("SD1", 16): [
        14.614641189575195,
        8.786231994628906,
        5.69060754776001,
        4.121230602264404,
        3.22662615776062,
        2.576767921447754,
        2.060478448867798,
        1.6830469369888306,
        1.3943804502487183,
        1.107296347618103,
        0.8745171427726746,
        0.6850237250328064,
        0.5093886256217957,
        0.3525450825691223,
        0.19286829233169556,
        0.08168359845876694,
        0.0,
    ],
    ("SDXL", 8): [
        14.614641189575195,
        5.55252742767334,
        2.8668723106384277,
        1.514005184173584,
        0.8620721101760864,
        0.5048526525497437,
        0.29765045642852783,
        0.13401949405670166,
        0.0,
    ],
    ("SVD", 25): [
        700.0,
        252.12588500976562,
        90.81065368652344,
        42.591224670410156,
        26.011615753173828,
        15.88599967956543,
        12.059924125671387,
        9.155342102050781,
        7.0324811935424805,
        5.465709686279297,
        4.248000144958496,
        3.0057637691497803,
        2.1267926692962646,
        1.586434245109558,
        1.2475143671035767,
        0.9810000061988831,
        0.6872637271881104,
        0.48147955536842346,
        0.34029319882392883,
        0.2426328957080841,
        0.17299999296665192,
        0.09024418890476227,
        0.047075219452381134,
        0.019292527809739113,
        0.006211686879396439,
        0.0,
    ],
}


def published(model_type, steps, denoise=1.0):
    """The authors' script and ComfyUI's `denoise`, written again."""
    table = PUBLISHED[model_type]
    if steps + 1 != len(table):
        where = np.linspace(0, 1, steps + 1)
        table = np.exp(np.interp(where, np.linspace(0, 1, len(table)), np.log(table[::-1])))[::-1].tolist()
    kept = steps if denoise >= 1.0 else round(steps * denoise)
    return torch.tensor([*table[-(kept + 1) : -1], 0.0], dtype=torch.float32)


@pytest.mark.parametrize("model_type", PUBLISHED)
@pytest.mark.parametrize("steps", [1, 2, 3, 8, 9, 10, 11, 16, 20, 25, 50, 120, 1000])
def test_ays_is_the_published_schedule_bit_for_bit(model_type, steps):
    sigmas = schedules.ays(model_type, steps)
    assert sigmas.dtype == torch.float32
    assert torch.equal(sigmas, published(model_type, steps))


@pytest.mark.parametrize(("model_type", "steps"), FROM_COMFYUI)
def test_ays_is_what_comfyui_puts_out(model_type, steps):
    assert schedules.ays(model_type, steps).tolist() == FROM_COMFYUI[model_type, steps]


@pytest.mark.parametrize("model_type", PUBLISHED)
@pytest.mark.parametrize("steps", [2, 10, 16, 25])
@pytest.mark.parametrize("denoise", [0.25, 0.31, 0.5, 0.84, 0.99])
def test_ays_denoise_keeps_the_lower_part(model_type, steps, denoise):
    if round(steps * denoise) == 0:
        with pytest.raises(UnsamplingError, match=f"steps {steps} with denoise"):
            schedules.ays(model_type, steps, denoise)
    else:
        assert torch.equal(schedules.ays(model_type, steps, denoise), published(model_type, steps, denoise))


@pytest.mark.parametrize("model_type", PUBLISHED)
@pytest.mark.parametrize("steps", range(1, 101, 7))
def test_ays_falls_strictly_to_0(model_type, steps):
    sigmas = schedules.ays(model_type, steps)
    assert len(sigmas) == steps + 1 and sigmas[-1] == 0 and (sigmas.diff() < 0).all()


def test_ays_gives_a_new_tensor_each_time():
    first = schedules.ays("SD1", 10)
    first.zero_()
    assert torch.equal(schedules.ays("SD1", 10), published("SD1", 10))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("SD3", 10), "'SD3' has no AYS table; choose one of SD1, SDXL, SVD"),
        (("SD1", 0), "steps 0"),
        (("SD1", 10, 0.0), "denoise 0 leaves no step"),
        (("SD1", 10, 0.04), "denoise 0.04 leaves no step"),
        (("SD1", 10, -1.0), "denoise -1 leaves no step"),
    ],
)
def test_ays_refuses(arguments, words):
    with pytest.raises(UnsamplingError, match=words):
        schedules.ays(*arguments)


@pytest.mark.parametrize(("sigma_min", "first"), [(0.0292, 0.0292), (0.002, 0.002), (0.5, 0.0408418)])
def test_reverse_starts_where_the_model_can_be_asked(sigma_min, first):
    sigmas = schedules.ays("SD1", 16)
    rising = schedules.reverse(sigmas, sigma_min)
    assert float(rising[0]) == pytest.approx(first, rel=1e-5)
    assert torch.equal(rising[1:], sigmas[:-1].flip(0)) and (rising.diff() > 0).all()


def test_reverse_of_a_flow_schedule_stays_between_0_and_1():
    rising = schedules.reverse(sigma_lists.flow(12), 0.003)
    assert float(rising[0]) == pytest.approx(0.003) and rising[-1] == 1.0 and (rising.diff() > 0).all()


@pytest.mark.parametrize("last", [0.0001, 0.0292, 2.0])
def test_reverse_leaves_a_schedule_alone_that_ends_above_0(last):
    sigmas = torch.tensor([14.0, 5.0, last])
    assert schedules.reverse(sigmas, 0.5).tolist() == sigmas.flip(0).tolist()


def test_reverse_never_starts_at_0_even_for_a_model_that_knows_it():
    assert schedules.reverse(torch.tensor([1.0, 0.5, 0.0]), 0.0).tolist() == [0.25, 0.5, 1.0]


def test_reverse_does_not_change_its_input():
    sigmas = schedules.ays("SD1", 16)
    schedules.reverse(sigmas, 0.0292)
    assert torch.equal(sigmas, published("SD1", 16))


@pytest.mark.parametrize(
    ("sigmas", "words"),
    [
        ([], "sigmas is empty$"),
        ([3.0], r"one entry \(3\), which is no step"),
        ([0.0], r"one entry \(0\)"),
        ([0.0, 1.0, 14.0], "rises from 0 to 14$"),
        ([1.0, 1.0], "does not fall at entry 0: 1 is followed by 1"),
        ([9.0, 4.0, 4.0, 0.0], "does not fall at entry 1: 4 is followed by 4"),
        ([9.0, 4.0, 5.0, 0.0], "does not fall at entry 1: 4 is followed by 5"),
        ([9.0, 4.0, 0.0, 0.0], "does not fall at entry 2: 0 is followed by 0"),
        ([9.0, float("nan"), 0.0], "NaN"),
        ([float("inf"), 4.0, 0.0], "infinite"),
        ([9.0, 4.0, -0.5], "ends below 0, at -0.5"),
        ([9.0, 4.0, 1e-30], "ends too near 0 to divide by, at 1e-30"),
        ([[9.0, 4.0], [1.0, 0.0]], r"sigmas has shape \(2, 2\)$"),
    ],
)
def test_schedules_that_do_not_fall_are_refused(sigmas, words):
    for check in (schedules.check_falling, lambda sigmas: schedules.reverse(sigmas, 0.03)):
        with pytest.raises(UnsamplingError, match=words):
            check(torch.tensor(sigmas))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_checked_schedules_are_float32_copies(dtype):
    sigmas = torch.tensor([8.0, 2.0, 0.5, 0.0], dtype=dtype)
    checked = schedules.check_falling(sigmas)
    sigmas.zero_()
    assert checked.dtype == torch.float32 and checked.tolist() == [8.0, 2.0, 0.5, 0.0]


@pytest.mark.parametrize(
    ("end", "steps", "start"),
    [
        (1.0, 16, 0),
        (0.5, 16, 8),
        (0.3, 16, 11),
        (0.9, 16, 2),
        (0.01, 16, 15),
        (1.0, 1, 0),
        (0.01, 1, 0),
    ],
)
def test_end_is_a_fraction_of_the_steps_and_at_least_one(end, steps, start):
    assert schedules.start_index(torch.linspace(1, 0, steps + 1), end) == start

"""benchmarks/solvers: its truths are true, core's ways core's, and the command writes the same file again."""

import math
import re

import plain_solvers
import pytest
import torch

from benchmarks.report import number
from benchmarks.solvers import __main__ as solvers
from benchmarks.solvers import checks, distributions, schedules, ways
from benchmarks.solvers.measures import Scene, neighbours, passes, relative
from benchmarks.solvers.tables import Grid

TINY = solvers.Size(3, 60, Grid(("karras",), (4,), (1.0, 5.0), ("float32", "bfloat16")), (6,))
# ComfyUI's calculate_sigmas for SD1.5 with 6 steps
IN_COMFYUI = {
    "karras": [
        14.614643096923828,
        6.082151412963867,
        2.232154369354248,
        0.6925705671310425,
        0.16975659132003784,
        0.0291671771556139,
        0.0,
    ],
    "normal": [
        14.614640235900879,
        5.092408180236816,
        2.2797305583953857,
        1.1628645658493042,
        0.5711888670921326,
        0.029167160391807556,
        0.0,
    ],
    "beta": [
        14.614641189575195,
        8.707752227783203,
        3.675753355026245,
        1.6182788610458374,
        0.7624022960662842,
        0.3235326409339905,
        0.0,
    ],
}


@pytest.fixture(scope="module")
def scene():
    return Scene(distributions.SHARP, frames=4, truth_steps=200)


@pytest.mark.parametrize("name", IN_COMFYUI)
def test_schedules_are_comfyuis(name):
    expected = torch.tensor(IN_COMFYUI[name])
    torch.testing.assert_close(schedules.ALL[name](6), expected, rtol=1e-6, atol=0)


def test_a_beta_schedule_drops_the_timesteps_that_it_meets_twice():
    sigmas = schedules.beta(600)
    assert len(sigmas) < 601
    assert (sigmas.diff() < 0).all()


@pytest.mark.parametrize("sigma", [0.03, 0.3, 3.0, 14.0])
def test_the_denoiser_is_the_posterior_mean(scene, sigma):
    """Tweedie: E[x0 | x] = x + sigma^2 * grad log p(x), with log p written out here."""
    noise = torch.randn(scene.pictures.shape, generator=torch.Generator().manual_seed(3))
    x = (scene.pictures + sigma * noise).double().requires_grad_()
    (score,) = torch.autograd.grad(log_density(scene.world, x, sigma).sum(), x)
    expected = x.detach() + sigma**2 * score
    denoised = distributions.denoiser(scene.world, distributions.SOURCE)(x.detach(), sigma, 0)
    torch.testing.assert_close(denoised, expected, rtol=1e-8, atol=1e-10)


def log_density(world, x, sigma):
    total = 0.0
    for part in world.parts:
        seen = (x.flatten(1) @ world.basis.T)[:, part.columns].reshape(len(x), part.groups, 1, -1)
        squares = (seen - part.means).square().sum(3) / (part.std**2 + sigma**2)
        total = total + (part.weights[distributions.SOURCE].log() - squares / 2).logsumexp(2).sum(1)
    return total


def test_guidance_goes_from_all_prompts_together_past_the_one(scene):
    x, world, prompt = scene.pictures + 1.0, scene.world, distributions.SOURCE
    at_1, at_2, at_3 = (distributions.denoiser(world, prompt, cfg)(x, 1.0, 0) for cfg in (1.0, 2.0, 3.0))
    assert relative(at_2, at_1) > 0.01
    torch.testing.assert_close(at_3 - at_2, at_2 - at_1)


def test_the_pyramid_is_orthonormal_and_its_last_part_is_what_smooth_pictures_lack(scene):
    basis = scene.world.basis
    torch.testing.assert_close(basis @ basis.T, torch.eye(len(basis), dtype=torch.float64))
    blocks = torch.randn(2, 1, 8, 8).repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert distributions.finest(scene.world, blocks).abs().max() < 1e-6
    assert sum(p.groups * p.means.shape[1] for p in scene.world.parts) == len(basis)


def test_the_truth_converges_and_comes_back(scene):
    assert scene.doubt() < 1e-5
    back = scene.true_path(distributions.SOURCE, scene.true_noise(1.0), up=False, steps=200)
    assert relative(back, scene.pictures) < 1e-5
    assert float(scene.true_noise(1.0).std()) == pytest.approx(schedules.SIGMA_MAX, rel=0.15)


def test_every_pair_nears_the_truth_with_more_steps(scene):
    for how in ways.every_way():
        few, many = (passes(how, scene, schedules.karras(steps))[0] for steps in (16, 128))
        assert many.noise_error < few.noise_error / 2, how
        assert many.round_trip <= few.round_trip, how


@pytest.mark.parametrize("name", ["euler", "dpmpp_2m"])
def test_cores_ways_are_core_samplers_on_flipped_sigmas(scene, name):
    sigmas, denoise, sampler = schedules.ays(8), scene.source(), getattr(plain_solvers, name)
    rising = sigmas.flip(0)
    rising[0] = 0.0001
    how = ways.way(f"core {name}", "-")
    noise = how.rise(denoise, scene.pictures, sigmas)
    torch.testing.assert_close(noise, sampler(denoise, scene.pictures, rising), rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(
        how.fall(denoise, noise, sigmas), sampler(denoise, noise, sigmas), rtol=1e-5, atol=1e-5
    )


def test_core_heun_is_of_second_order():
    def exponential(x, sigma, step):
        return x * (1 - sigma)  # dx/dsigma = x

    x = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    grids = [torch.linspace(1, 2, steps + 1, dtype=torch.float64) for steps in (32, 64)]
    few, many = (float((ways.heun(exponential, x, grid) - math.e).abs()) for grid in grids)
    assert few / many == pytest.approx(4, rel=0.1)


def test_half_networks_round_what_goes_in_and_what_comes_out(scene):
    exact, half = (distributions.network(scene.world, 0, 1.0, dtype) for dtype in (None, torch.bfloat16))
    predicted = half(scene.pictures, 1.0, 0)
    assert torch.equal(predicted.bfloat16().float(), predicted)
    assert 1e-4 < relative(predicted, exact(scene.pictures, 1.0, 0)) < 0.05


def test_neighbours_correlate_in_smooth_pictures_and_not_in_noise():
    noise = torch.randn(8, 1, 32, 32, generator=torch.Generator().manual_seed(0)).double()
    assert abs(neighbours(noise)) < 0.03
    assert neighbours(noise.cumsum(3).cumsum(2)) > 0.8


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (1e-9, "1.0e-09"), (0.0123, "0.012"), (0.7, "0.7"), (123.0, "1.2e+02")]
)
def test_numbers_keep_two_digits_and_zero_is_zero_only(value, text):
    assert number(value) == text


def test_the_command_writes_the_same_bytes_again(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(solvers, "QUICK", TINY)
    monkeypatch.setattr(checks, "SCHEDULES", {"karras 4": schedules.karras(4)})
    for name in ("first", "second"):
        assert solvers.main(["--quick", "--output", str(tmp_path / name)]) == 0
    first, second = ((tmp_path / name).read_bytes() for name in ("first", "second"))
    assert first == second
    assert first.decode() in capsys.readouterr().out
    check_report(first.decode())


def check_report(text):
    """Every way at both cfgs with its calls; recorded rows exact; every promise computed."""
    row = r"^\| ([\w ]+) \| (full|half|none|-) \| (\d+) \+ (\d+) \| [\d.]+ \| [15] \| ([^|]+) \|"
    rows = re.findall(row, text, re.MULTILINE)
    assert len(rows) == 2 * len(ways.every_way())
    for name, record, up, down, round_trip in rows:
        assert (round_trip == "0") == (record in ("full", "half")), (name, record, round_trip)
        if name == "midpoint":
            assert (int(up), int(down)) == (6 if record != "none" else 5, 5)
    promises = re.findall(r"^- \*\*(holds|DOES NOT HOLD|for information)\*\*: ", text, re.MULTILINE)
    assert len(promises) == 13
    last_points = re.findall(r"^\| \w+ \| \w+ \| 6 \| 0\.\d+ \| (.+) \|$", text, re.MULTILINE)
    assert len(last_points) == 4
    for row in last_points:
        assert len(set(row.replace("**", "").split(" | "))) == 4 and row.count("**") == 2
    assert "python -m benchmarks.solvers --quick" in text
    assert "nan" not in text

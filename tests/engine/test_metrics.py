"""The figures against formulas written out on known tensors, and what they are said to mean."""

import math
from dataclasses import replace

import pytest
import torch
from analytic_denoisers import EMPTY, IMAGES, OTHER, SOURCE, VIDEO, clip, denoiser, world
from hypothesis import given, settings
from hypothesis import strategies as st

from unsampling import UnsamplingError, inversion, resample, schedules, solvers, unsample
from unsampling.change import Change
from unsampling.report import figures as report_module
from unsampling.report import metrics, verdict
from unsampling.report.figures import Report, where

SIGMAS = schedules.ays("SD1", 16)
TOP = float(SIGMAS[0])
BIG = (6, 4, 48, 48)
CHANGED = {"change": Change.EDITED}
SLICED = {"change": Change.SLICED, "counts": (4, 8)}


def white(shape=BIG, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def smooth(shape=BIG, rho=0.6, seed=0):
    """Noise of variance 1 whose pixels correlate by rho with the next one, across and down."""
    x = white(shape, seed)
    for axis in (-1, -2):
        x = x.movedim(axis, 0).clone()
        for i in range(1, len(x)):
            x[i] = rho * x[i - 1] + math.sqrt(1 - rho**2) * x[i]
        x = x.movedim(0, axis)
    return x


def drifting(shape=BIG, rho=0.7, seed=0):
    """Noise of variance 1 whose frames correlate by rho with the one before."""
    x = white(shape, seed)
    for i in range(1, len(x)):
        x[i] = rho * x[i - 1] + math.sqrt(1 - rho**2) * x[i]
    return x


def measured(x):
    return metrics.noise_figures(x, None, 1.0).measured


def test_statistics_are_the_textbook_ones():
    x = 3 * white() + 0.5
    flat, found = x.double().flatten(1), measured(x)
    centred = flat - flat.mean(1, keepdim=True)
    torch.testing.assert_close(found.mean, flat.mean(1))
    torch.testing.assert_close(found.std, flat.std(1, correction=0))
    kurtosis = (centred**4).mean(1) / (centred**2).mean(1) ** 2 - 3
    torch.testing.assert_close(found.kurtosis, kurtosis)
    torch.testing.assert_close(
        found.frame_correlation[1:],
        torch.stack([torch.corrcoef(flat[i - 1 : i + 1])[0, 1] for i in range(1, len(flat))]),
    )
    assert found.frame_correlation[0] == found.frame_correlation[1]
    assert found.pixel_correlation.abs().max() < 0.03


def test_known_correlations_are_found():
    assert measured(smooth(rho=0.6)).pixel_correlation.tolist() == pytest.approx([0.6] * 6, abs=0.06)
    assert measured(drifting(rho=0.7)).frame_correlation.tolist() == pytest.approx([0.7] * 6, abs=0.04)
    assert measured(drifting(rho=0.7)).pixel_correlation.abs().max() < 0.04


def test_tails_are_found():
    uniform = torch.rand(BIG, generator=torch.Generator().manual_seed(0))
    assert measured(uniform).kurtosis.tolist() == pytest.approx([-1.2] * 6, abs=0.05)


@pytest.mark.parametrize("sigma", [0.4, 2.0, TOP])
@pytest.mark.parametrize("flow", [False, True])
def test_noise_as_the_schedule_expects_it_is_recognised(sigma, flow):
    sigma = min(sigma, 0.9) if flow else sigma
    source = 1.7 * smooth(seed=1) + 0.4 + drifting(seed=2) ** 3
    noise = (1 - sigma if flow else 1.0) * source + sigma * white(seed=3)
    found = metrics.noise_figures(noise, source, sigma, flow)
    assert found.ratio.tolist() == pytest.approx([1] * 6, abs=0.03)
    for name, room in (
        ("mean", 0.03 * sigma),
        ("kurtosis", 0.3),
        ("pixel_correlation", 0.03),
        ("frame_correlation", 0.04),
    ):
        seen, law = getattr(found.measured, name), getattr(found.expected, name)
        torch.testing.assert_close(seen, law, rtol=0.05, atol=room)
    torch.testing.assert_close(found.source_correlation, found.chance, rtol=0.05, atol=0.04)


@pytest.mark.parametrize(("sigma", "flow"), [(0.5, False), (2.0, False), (0.3, True)])
def test_the_tails_of_the_clip_fade_with_the_square_of_its_share(sigma, flow):
    """Fourth cumulants add up, and Gaussian noise has none."""
    source = torch.rand(BIG, generator=torch.Generator().manual_seed(0)) ** 3
    data, power = measured(source), (1 - sigma) ** 2 if flow else 1.0
    share = power * data.std**2 / (power * data.std**2 + sigma**2)
    expected = metrics.noise_figures(white(), source, sigma, flow).expected
    torch.testing.assert_close(expected.kurtosis, share**2 * data.kurtosis)
    torch.testing.assert_close(expected.pixel_correlation, share * data.pixel_correlation)


def test_scaled_noise_has_that_ratio_and_keeps_its_correlations():
    source, noise = smooth(), smooth() + TOP * white(seed=3)
    full, weak = (metrics.noise_figures(factor * noise, source, TOP) for factor in (1.0, 0.58))
    torch.testing.assert_close(weak.ratio, 0.58 * full.ratio)
    torch.testing.assert_close(weak.measured.pixel_correlation, full.measured.pixel_correlation)
    torch.testing.assert_close(weak.source_correlation, full.source_correlation)


def test_without_a_source_the_data_have_variance_1():
    found = metrics.noise_figures(white() * 2, None, 0.75)
    assert found.expected.std.tolist() == pytest.approx([1.25] * 6)
    assert found.source_correlation is None and found.chance is None


def test_the_histogram_counts_every_element_in_expected_deviations():
    found = metrics.noise_figures(white() * 5, torch.zeros(BIG), 5.0)
    edges = torch.linspace(-4, 4, metrics.BINS + 1).double()
    gaussian = torch.distributions.Normal(0.0, 1.0).cdf(edges).diff()
    torch.testing.assert_close(found.histogram, gaussian, rtol=0, atol=0.005)
    far = metrics.noise_figures(torch.full(BIG, 1e4), torch.zeros(BIG), 5.0).histogram
    assert far[-1] == far.sum() == 1


def test_a_batch_of_videos_is_its_videos_one_after_the_other():
    videos, sources = white((2, 4, 5, 8, 8)), smooth((2, 4, 5, 8, 8), seed=1)
    whole = metrics.noise_figures(videos, sources, 1.0)
    each = [
        metrics.noise_figures(x.movedim(1, 0), s.movedim(1, 0), 1.0)
        for x, s in zip(videos, sources, strict=True)
    ]
    for name in ("mean", "std", "kurtosis", "pixel_correlation", "frame_correlation"):
        assert getattr(whole.measured, name).tolist() == [
            value for part in each for value in getattr(part.measured, name).tolist()
        ]
    assert torch.equal(whole.source_correlation, torch.cat([part.source_correlation for part in each]))


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 4)] * 4),
    value=st.sampled_from([0.0, -3.0, 1e-20, 1e6]),
    constant=st.booleans(),
    video=st.booleans(),
    sigma=st.sampled_from([0.03, 1.0, 4518.0]),
)
def test_constant_frames_and_tiny_clips_give_numbers(shape, value, constant, video, sigma):
    x = torch.full(shape, value)
    other = x.clone() if constant else white(shape)
    x, other = (x.unsqueeze(0), other.unsqueeze(0)) if video else (x, other)
    for noise, source in ((x, other), (other, x), (x, None)):
        found = metrics.noise_figures(noise, source, sigma)
        tensors = [
            *vars(found.measured).values(),
            *vars(found.expected).values(),
            found.histogram,
            found.ratio,
        ]
        assert all(torch.isfinite(t).all() for t in tensors)
        assert all(
            t.abs().max() <= 1 + 1e-9
            for t in (found.measured.frame_correlation, found.measured.pixel_correlation)
        )
    compared = metrics.compare(x, other)
    assert torch.isfinite(compared.psnr).all() and math.isfinite(compared.relative_error)


def test_psnr_and_relative_error_are_the_textbook_ones():
    source = smooth()
    off = source + torch.tensor([0.0, 0.01, 0.1, 0.2, 0.5, 1.0]).reshape(-1, 1, 1, 1) * white(seed=3)
    found = metrics.compare(off, source)
    peak = float(source.max() - source.min())
    errors = (off - source).double().square().flatten(1).mean(1)
    assert found.peak == peak
    assert found.psnr[0] == metrics.PSNR_LIMIT
    torch.testing.assert_close(found.psnr[1:], 10 * (peak**2 / errors[1:]).log10())
    assert found.relative_error == pytest.approx(float((off - source).norm() / source.norm()), rel=1e-5)


def test_another_shape_is_refused_by_name():
    sentence = r"reconstruction has shape \(5, 4, 48, 48\)"
    with pytest.raises(UnsamplingError, match=sentence):
        metrics.compare(white()[:5], white())
    with pytest.raises(UnsamplingError, match="source has shape"):
        metrics.noise_figures(white(), white()[..., :4], 1.0)


def made(shape=IMAGES, steps=16, solver="midpoint", prompt=SOURCE, cfg=1.0, flow=False, **more):
    """A clip of the analytic world, unsampled, with its denoiser."""
    place = world(shape, flow)
    denoise = denoiser(place, prompt, cfg)
    sigmas = schedules.ays("SD1", steps) if not flow else torch.linspace(0.9, 0, steps + 1)
    return unsample(denoise, clip(place), sigmas, solver, **more), denoise


@pytest.mark.parametrize("solver", solvers.recorded())
@pytest.mark.parametrize("shape", [IMAGES, VIDEO])
@pytest.mark.parametrize("flow", [False, True])
@pytest.mark.parametrize("end", [1.0, 0.5])
def test_corrections_are_the_misses_over_the_state(monkeypatch, solver, shape, flow, end):
    monkeypatch.setattr(metrics, "CHUNK", 3)
    found, _ = made(shape, 8, solver, flow=flow, end=end)
    power, below = (
        float(found.record.source.double().square().mean()),
        found.sigmas[found.start + 1 :].tolist(),
    )
    state = [math.sqrt((1 - s if flow else 1) ** 2 * power + s * s) for s in below]
    expected = [
        float(miss.double().square().mean()) ** 0.5 / rms
        for miss, rms in zip(inversion.misses(found), state, strict=True)
    ]
    assert metrics.corrections(found, flow).tolist() == pytest.approx(expected, rel=1e-6)
    assert len(expected) == 8 * end and max(expected) > 1e-4


def test_corrections_need_a_record():
    found, _ = made(record=False)
    with pytest.raises(UnsamplingError, match=r"no record to compare with$"):
        metrics.corrections(found)


def test_long_clips_are_taken_frame_by_frame(monkeypatch):
    sizes, double = [], metrics._double
    monkeypatch.setattr(metrics, "_double", lambda x: sizes.append(x.numel()) or double(x))
    walked = []
    monkeypatch.setattr(
        metrics.engine, "misses", lambda part: walked.append(part.record) or [part.record.source] * part.steps
    )
    noise = white((1000, 4, 4, 4))
    made_of = inversion.Inversion(noise, SIGMAS, "midpoint", 0, inversion.Record(noise, (noise, noise)))
    metrics.noise_figures(noise, noise, TOP)
    metrics.compare(noise, noise)
    metrics.corrections(made_of)
    assert max(sizes) == 4 * 4 * 4
    assert max(len(part.source) for part in walked) == metrics.CHUNK
    assert sum(len(part.outputs[1]) for part in walked) == 1000
    memory = noise.untyped_storage().data_ptr()
    assert all(part.source.untyped_storage().data_ptr() == memory for part in walked)


def report(found, noise=None, reconstruction=None, source=None, cfg=1.0, sigma_max=TOP, **change):
    its_clip = (found.record and found.record.source) if source is None else source
    figures = metrics.noise_figures(found.noise if noise is None else noise, its_clip, TOP)
    steps = metrics.corrections(found) if found.recorded else None
    compared = None if reconstruction is None else metrics.compare(reconstruction, its_clip)
    return Report(found, figures, steps, compared, cfg, sigma_max, source is not None, **change)


def whats(given_report):
    """The headings of what is wrong."""
    return [finding.what for finding in verdict.findings(given_report)]


def starts(sentences, beginning):
    return any(sentence.startswith(beginning) for sentence in sentences)


WIDE = (8, 4, 24, 24)


@pytest.fixture(scope="module")
def good():
    return made(WIDE)


def test_a_good_inversion_is_called_good(good):
    found, denoise = good
    shown = report(found, reconstruction=resample(denoise, found))
    assert whats(shown) == []
    what, detail = verdict.heading(shown)
    assert what == "good: noise is what this schedule expects"
    assert detail == f"std {float(shown.figures.ratio.mean()):.2f} of expected, 16 steps of midpoint"
    text = verdict.lines(shown)
    assert text[0] == f"{what} ({detail})"
    assert any(
        line == "reconstruction: identical to the source (peak"
        f" {shown.comparison.peak:.3g}, the source's range), relative error 0"
        for line in text
    )
    assert any(
        line.startswith("record: plain midpoint would miss by") and "of 16 (sigma " in line for line in text
    )


@pytest.mark.parametrize("end", [0.75, 0.5, 0.25])
def test_a_good_partial_inversion_is_called_good(end):
    found, _ = made(WIDE, end=end)
    figures = metrics.noise_figures(found.noise, found.record.source, float(found.sigmas[found.start]))
    assert whats(Report(found, figures, metrics.corrections(found), None, 1.0, TOP)) == []


def test_weak_frames_are_named(good):
    noise = good[0].noise.clone()
    noise[3:6] *= 0.58
    shown = report(good[0], noise, **CHANGED)
    left = 0.58 * report(good[0]).figures.ratio[3:6].mean()
    assert whats(shown)[0] == f"frames 3-5: noise too weak ({left:.2f} of expected)"
    assert 0.5 < left < 0.65
    assert (
        verdict.heading(shown)[1]
        == "the noise was changed since; connect the Exact Unsampler's output directly"
    )


@pytest.mark.parametrize("cfg", [2.0, 5.0])
def test_cfg_while_unsampling_is_blamed(cfg):
    shown = report(made(WIDE, cfg=cfg)[0], cfg=cfg)
    what, cure = verdict.heading(shown)
    assert what == f"noise too strong ({float(shown.figures.ratio.mean()):.2f} of expected)"
    assert cure == (
        f"cfg {cfg:g} while unsampling pushes it off the Gaussian; lower the Exact Unsampler's cfg (or"
        " its model's Custom CFG) to 1"
    )


def test_a_prompt_that_does_not_fit_is_blamed():
    what, cure = verdict.heading(report(made(WIDE, prompt=OTHER)[0]))
    assert what.startswith("noise too strong (1.3")
    assert cure.startswith("the prompt while unsampling does not fit the clip")
    assert whats(report(made(WIDE, prompt=EMPTY)[0])) == []


FEW = f"or, for a model for few steps (LCM, Lightning), {verdict.KEEP}"


def test_a_large_miss_is_written_out():
    made_up = made(WIDE, 6, "euler")[0]
    assert " by 123 percent at step 2 of 6 " in report_module.largest(made_up, torch.tensor([0.1, 1.234]))
    assert " by 99 percent at step 2 of 6 " in report_module.largest(made_up, torch.tensor([0.1, 0.99]))


def test_few_steps_of_euler_are_blamed():
    shown = report(made(WIDE, 6, "euler")[0])
    what, cure = verdict.heading(shown)
    assert what.startswith("noise too weak (0.7") or what.startswith("noise too weak (0.8")
    assert cure == f"6 steps of euler fall short; use midpoint or raise the steps; {FEW}"
    steps = verdict.findings(shown)[-1]
    worst = int(shown.corrections.argmax())
    percent = 100 * float(shown.corrections[worst])
    assert steps.what.startswith(f"steps are too large: plain euler would miss by {percent:.2g} percent")
    assert f"at step {worst + 1} of 6 (sigma {float(shown.inversion.sigmas[worst]):.2g})" in steps.what
    assert steps.cure.endswith(f"use midpoint or raise the steps; {FEW}")


def test_weak_noise_of_midpoint_is_blamed_on_steps_grain_or_settings():
    what, cure = verdict.heading(report(made(WIDE, 3)[0]))
    assert what.startswith("noise too weak (0.7")
    assert cure == (
        "3 steps of midpoint fall short; raise the steps, use the model's schedule and motion,"
        f" or add grain to a render; {FEW}"
    )


@pytest.mark.parametrize("levels", [25, 50, 100, 1000, 0])
@pytest.mark.parametrize("solver", ["midpoint", "euler"])
@pytest.mark.parametrize("steps", [4, 8, 16])
def test_the_advice_fits_a_model_for_few_steps(levels, solver, steps):
    """By what it knows of noise, or, where that does not tell, by the steps."""
    shown = replace(report(made(WIDE, steps, solver)[0]), levels=levels)
    cures = [verdict._more_steps(shown), verdict._why_weak(shown), verdict._why_structured(shown)]
    cures += [finding.cure for finding in verdict.findings(shown) if "steps are too large" in finding.what]
    known, few = levels in (25, 50, 100), steps <= 8
    for cure in cures:
        assert ("raise the steps" in cure) != known
        assert ("keep its steps, and set direct to 1" in cure) == (known or few)
        assert ("use midpoint" in cure) == (solver == "euler")


def test_a_model_that_takes_no_noise_away_is_blamed(good):
    what, cure = verdict.heading(report(good[0], noise=0.07 * good[0].noise))
    assert what == "noise too weak (0.07 of expected)"
    assert cure.startswith("16 steps of midpoint would do, but the model takes no noise away; disconnect")


def test_a_picture_in_the_noise_is_found(good):
    found, _ = good
    picture = smooth(WIDE, rho=0.9)
    mixed = 0.75 * found.noise + 9 * picture
    what, cure = verdict.heading(report(found, mixed, source=picture, **CHANGED))
    assert what.startswith("noise still carries the picture (neighbouring pixels correlate by 0.")
    assert "connect the Exact Unsampler's output directly" in cure


def test_noise_that_frames_share_is_found(good):
    found, _ = good
    shared = found.noise * 0.6 + 0.8 * TOP * white((1, *WIDE[1:]))
    what, cure = verdict.heading(report(found, shared))
    assert what.startswith("neighbouring frames share noise (correlation 0.6")
    assert cure.startswith("16 steps of midpoint leave it behind only in part; raise the steps")


def test_unrelated_noise_is_found_though_its_statistics_are_right(good):
    """Samplers that draw noise while they climb leave such noise: strong enough, white, of no clip at all."""
    found, _ = good
    random = found.record.source + TOP * white(WIDE, seed=7)
    sentence = "noise is no more like the source than random noise"
    assert whats(report(found, random, **CHANGED)) == [sentence]
    wrong = clip(world(WIDE), seed=9)
    assert "connect the clip that was unsampled" in verdict.heading(report(found, source=wrong))[1]
    assert whats(report(found, source=found.record.source)) == []


def test_heavy_tails_and_shifts_are_found(good):
    found, _ = good
    tails = found.noise.clone()
    tails[2] = TOP * white(WIDE, seed=5)[2] ** 3 / math.sqrt(15)
    assert starts(whats(report(found, tails)), "frame 2: noise is not Gaussian (excess kurtosis ")
    shifted = found.noise.clone()
    shifted[4:] += 0.6 * TOP
    assert starts(whats(report(found, shifted)), "frames 4-7: noise is off centre (by 0.")


def test_a_reconstruction_that_is_an_edit_is_told_apart(good):
    found, _ = good
    edited = resample(denoiser(world(WIDE), OTHER), found)
    shown = report(found, reconstruction=edited)
    assert whats(shown) == [f"reconstruction is off by {shown.comparison.relative_error:.2g} of the source"]
    assert "all else is an edit" in verdict.heading(shown)[1]
    bare, denoise = made(WIDE, record=False)
    plain = report(bare, reconstruction=resample(denoise, bare), source=found.record.source)
    assert (
        verdict.heading(plain)[1] == "switch record on in the Exact Unsampler and connect its output directly"
    )


def test_notes_say_what_is_good_to_know(good):
    found, _ = good
    below = verdict.lines(report(found, sigma_max=25.15))
    assert below[0].startswith("good")
    assert "begins at sigma 14.61, the model at 25.15" in below[1] and "(0.58)" in below[1]
    sliced = verdict.lines(report(found, **SLICED))
    assert sliced[1] == "4 of 8 frames, exact where frames do not see each other"
    bare, _ = made(WIDE, record=False)
    unknown = Report(bare, metrics.noise_figures(bare.noise, None, TOP), None, None, 1.0, TOP)
    assert "connect source for exact figures" in verdict.lines(unknown)[1]
    assert not any(line.startswith(("record", "reconstruction")) for line in verdict.lines(unknown))


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ([1, 1, 1], ""),
        ([0, 1, 0], "frame 1: "),
        ([1, 1, 0, 1], "frames 0-1, 3: "),
        ([1, 0] * 8, "frames 0, 2, 4, 6, 8, 10 and more: "),
    ],
)
def test_frames_are_named_in_runs(bad, words):
    assert where(torch.tensor(bad, dtype=torch.bool)) == words


@pytest.mark.parametrize("change", Change)
@pytest.mark.parametrize("mask_lost", [False, True])
def test_rewording_a_remark_changes_no_verdict(monkeypatch, good, change, mask_lost):
    """No sentence steers the program: in upper case the same is found, and the same is advised."""
    found, _ = good
    lost = report(made(WIDE, cfg=5.0)[0], cfg=5.0, change=change, counts=(4, 8), mask_lost=mask_lost)
    weak = report(found, 0.58 * found.noise, change=change, counts=(4, 8), mask_lost=mask_lost)
    other = clip(world(WIDE), seed=9)
    odd = report(found, source=other, reconstruction=other + 1, change=change, counts=(4, 8))
    before = [(whats(one), verdict.heading(one), verdict.lines(one)) for one in (lost, weak, odd)]
    for module, words in ((report_module, "in_words"), (verdict, "event")):
        reworded = getattr(module, words)
        monkeypatch.setattr(module, words, lambda *given, words=reworded: words(*given).upper())
    after = [(whats(one), verdict.heading(one), verdict.lines(one)) for one in (lost, weak, odd)]
    assert [one[0] for one in after] == [one[0] for one in before]
    assert str(after).upper() == str(before).upper()
    assert (after != before) == (change is not Change.NONE)

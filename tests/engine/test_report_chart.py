"""The report's chart: the same bytes for the same figures, other pixels for others, at any length of clip."""

import numpy as np
import pytest
import torch
from analytic_denoisers import IMAGES, clip, denoiser, world

from unsampling import schedules, unsample
from unsampling.inversion import Inversion
from unsampling.report import chart, metrics, panels
from unsampling.report.figures import Report

SIGMAS = schedules.ays("SD1", 16)
TOP = float(SIGMAS[0])


def draw(report, heading="noise is fine", detail="all of it", good=True):
    return chart.draw(heading, detail, good, panels.panels(report))


def white(frames, seed=0):
    return torch.randn((frames, 4, 6, 6), generator=torch.Generator().manual_seed(seed))


def bare(frames, factor=1.0, compared=False, noise=None):
    """A report on noise without a record."""
    source = white(frames, 1)
    noise = source + TOP * factor * white(frames) if noise is None else noise
    comparison = metrics.compare(source + 0.1 * white(frames), source) if compared else None
    figures = metrics.noise_figures(noise, source, TOP)
    return Report(Inversion(noise, SIGMAS, "midpoint"), figures, None, comparison, 1.0, TOP)


def recorded():
    place = world(IMAGES)
    found = unsample(denoiser(place), clip(place), SIGMAS)
    figures = metrics.noise_figures(found.noise, found.record.source, TOP)
    identical = metrics.compare(found.record.source, found.record.source)
    return Report(found, figures, metrics.corrections(found), identical, 1.0, TOP)


@pytest.mark.parametrize("frames", [1, 2, 24, 1000])
@pytest.mark.parametrize("compared", [False, True])
def test_any_number_of_frames_is_drawn_the_same_way_again(frames, compared):
    first, again = draw(bare(frames, compared=compared)), draw(bare(frames, compared=compared))
    assert first.shape == (640, 1024, 3) and first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert len(np.unique(first.reshape(-1, 3), axis=0)) > 50


def test_other_figures_are_other_pixels_in_their_own_panel_only():
    """Only the strength of noise that is 0.58 times as strong differs, and its distribution."""
    weak = bare(8, noise=0.58 * bare(8).inversion.noise, compared=True)
    differs = (draw(bare(8, compared=True)) != draw(weak)).any(2)
    upper, lower = differs[88:352], differs[364:]
    assert upper[:, :506].any() and not upper[:, 518:].any()
    assert lower[:, :506].sum() == 0 and lower[:, 518:].any()


def lines(values):
    """Which columns of the left panel show the line of these values, at the bottom of its axis."""
    series = [chart.Series("some", np.asarray(values, dtype=float), chart.PINK)]
    drawn = chart.draw("", "", True, [chart.Panel("some", series, 0.0, 1.0, [], [])] * 2).astype(int)
    pink = (abs(drawn - np.array([255, 134, 168])) < 40).all(2)
    return pink[150:300, 130:470].any(0)


def test_a_line_has_a_gap_where_there_is_no_value_and_a_dot_where_one_stands_alone():
    values = np.full(60, 0.5)
    assert lines(values).all()
    values[20:40] = np.nan
    assert not lines(values)[130:200].any() and lines(values)[:80].all()
    values[30] = 0.5
    assert 5 < lines(values)[130:200].sum() < 20
    assert not lines(np.full(60, np.nan)).any()


def test_what_there_is_to_see_is_shown():
    reports = {"bare": bare(4), "compared": bare(4, compared=True), "whole": recorded()}
    titles = {name: [panel.title for panel in panels.panels(report)] for name, report in reports.items()}
    always = ["noise std / expected", "correlation"]
    assert titles["bare"] == [*always, "noise values"]
    assert titles["compared"] == [*always, "reconstruction PSNR, dB", "noise values"]
    assert titles["whole"] == [*always, "correction per step", "reconstruction PSNR, dB"]


def test_each_series_is_the_figure_that_it_is_named_after():
    report = recorded()
    figures = report.figures
    shown = {
        (panel.title, series.label): series.values
        for panel in panels.panels(report)
        for series in panel.series
    }
    expected = {
        ("noise std / expected", "std"): figures.ratio,
        ("correlation", "source"): figures.source_correlation,
        ("correlation", "pixels"): figures.measured.pixel_correlation,
        ("correlation", "frames"): figures.measured.frame_correlation,
        ("correction per step", ""): report.corrections,
        ("reconstruction PSNR, dB", ""): report.comparison.psnr,
    }
    assert {key: values.tolist() for key, values in shown.items()} == {
        key: values.tolist() for key, values in expected.items()
    }


def test_values_are_drawn_where_their_axis_says():
    """A series of one point on a known axis: the middle of its dot, found by its colour."""
    for value in (0.0, 0.25, 1.0, 7.0):
        panel = chart.Panel("", [chart.Series("", np.array([value]), "#ff00ff")], 0.0, 1.0, [], [])
        rows, columns = np.nonzero((chart.draw("", "", True, [panel]) == (255, 0, 255)).all(2))
        top, bottom = 88 + 52, 88 + (640 - 88 - 24) // 2 - 38
        assert rows.mean() == pytest.approx(bottom - min(value, 1.0) * (bottom - top), abs=1)
        assert columns.mean() == pytest.approx((12 + 98 + 1012 - 24) / 2, abs=1)


def test_a_log_axis_is_in_powers():
    panel = chart.Panel("", [], 1e-4, 1.0, [], [], log=True)
    assert panel.height(np.array([0.0, 1e-4, 1e-2, 1.0, 9.0])).tolist() == pytest.approx([0, 0, 0.5, 1, 1])


def test_the_mark_is_green_for_good_and_orange_for_bad():
    good, bad = (draw(bare(2), good=good)[40, 17].tolist() for good in (True, False))
    assert good[1] > good[0] and bad[0] > bad[1] > bad[2]


def test_a_heading_too_long_is_cut_within_the_picture():
    image = draw(bare(2), "noise " * 60, "cure " * 90)
    assert (image[:88, 1012:] == image[0, 0]).all()
    assert (image[:88, 900:1012] != image[0, 0]).any()
    assert (image[:88, 1012:] == draw(bare(2))[:88, 1012:]).all()


@pytest.mark.parametrize("noise", [torch.zeros(3, 4, 6, 6), torch.full((3, 4, 6, 6), 1e9), 1e6 * white(3)])
def test_absurd_noise_stays_inside_its_panels(noise):
    image, plain = draw(bare(3, noise=noise)), draw(bare(3))
    frame = np.ones((640, 1024), dtype=bool)
    for y in (88, 364):
        frame[y : y + 264, 12:1012] = False
    assert (image[frame] == plain[frame]).all()


@pytest.mark.parametrize("steps", range(2, 20))
def test_the_words_below_few_bars_do_not_run_together(steps):
    """The first says "sigma" as well, so the next stands two bars on, where there are as many."""
    sigmas = schedules.ays("SD1", steps)
    panel = panels._corrections(Inversion(white(2), sigmas, "midpoint"), torch.full((steps,), 1e-3))
    first, *others = [place for place, _ in panel.x_ticks]
    assert first == 0 and others[-1] == steps - 1
    assert min(others) >= min(2, steps - 1)

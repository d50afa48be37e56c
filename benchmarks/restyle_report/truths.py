"""The true counterpart of each figure of the Restyle Report, from the known truth of the clip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.restyle_report.worsened import Case
from benchmarks.style_transfer import judge as styles
from demo import places
from unsampling.report.restyle import slope

PATCHES = 4  # each way, whose mean colours may flicker


@dataclass(frozen=True)
class Truths:
    """look_changed: the way that the looks went towards the target's, in the judge's units. structure_kept:
    mean distance of visible shapes from their true places in pixels, negative. motion_kept: mean error of
    their ways from frame to frame, negative. flicker: how far local means of the error go back and forth, as
    the deviation of white noise that does the same. fine_flicker: the same of each pixel of what was added
    anew to each frame; nan where that is not known. drift: how far the mean colour's error goes over the
    clip. jumps: its largest step where windows meet, beyond the ordinary step. change: rms of all that
    changes in the error from frame to frame, in which shapes in wrong places weigh most. A cut of the source
    counts for none of them."""

    look_changed: float
    structure_kept: float
    motion_kept: float
    flicker: float
    fine_flicker: float
    drift: float
    jumps: float
    change: float


def truths(case: Case) -> Truths:
    error = (case.result - case.truth).double() / 2
    scene = case.scene
    parts = list(_displacements(case))
    means = error.mean((2, 3))
    return Truths(
        _look(case),
        -_mean([away.norm(dim=2) for away in parts]),
        -_mean([away.diff(dim=0).norm(dim=2) for away in parts]),
        _back_and_forth(functional.adaptive_avg_pool2d(error, PATCHES), scene),
        _back_and_forth(case.unsteady.double() / 2, scene) if case.unsteady.dim() else float("nan"),
        float(slope(means, scene).norm()),
        _jumps(means, case.borders, scene),
        float(error.diff(dim=0)[scene.diff() == 0].square().mean().sqrt()),
    )


def _displacements(case: Case) -> Iterator[Tensor]:
    """Of the shapes of each scene, in its frames."""
    cut = case.then[1] if case.then else len(case.result)
    yield places.displacements(case.result, case.of, case.styles)[:cut]
    if case.then:
        yield places.displacements(case.result, case.then[0], case.styles)[cut:]


def _mean(parts: list[Tensor]) -> float:
    return float(torch.cat([part.flatten() for part in parts]).nanmean())


def _look(case: Case) -> float:
    judge = styles.taught()
    source, truth, result = (
        styles.looks(clip) @ judge.whiten for clip in (case.source, case.truth, case.result)
    )
    return float((result - source) @ (truth - source) / (truth - source).norm())


def _back_and_forth(values: Tensor, scene: Tensor) -> float:
    inside = scene[2:] == scene[:-2]
    return float((values.diff(n=2, dim=0)[inside].square().mean() / 6).sqrt())


def _jumps(means: Tensor, borders: tuple[int, ...], scene: Tensor) -> float:
    steps = means.diff(dim=0).norm(dim=1)
    at = torch.zeros(len(steps), dtype=torch.bool)
    at[[border - 1 for border in borders if border < len(means)]] = True
    inside = scene.diff() == 0
    at, steps = at[inside], steps[inside]
    return max(0.0, float(steps[at].max() - steps[~at].median())) if at.any() else 0.0

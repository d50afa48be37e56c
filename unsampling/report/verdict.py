"""What the figures of an inversion mean: what is wrong with the noise, in which frames, and the cure.

The limits come from measurements on exact denoisers (AYS, 16 steps of midpoint at cfg 1 unless said) and on a
small trained network ("the network"). What these checks cannot see: Gaussian noise of the right strength and
likeness that leads to another clip all the same; only a reconstruction shows that.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..change import event
from .figures import Report, largest, notes, numbers, solver_steps, where

# Std over expected. True noise has 0.95 to 1.06, midpoint on the network 0.86 with good edits, euler 0.85 to
# 0.90; below are six steps (0.64 to 0.80), euler on the network (0.72), noise of another schedule (0.58).
WEAK = 0.85
# A patch that makes cfg 1 no denoising leaves 0.07; one step of 14.6 to 0 makes 0.28, euler's six 0.64.
NONE, ENOUGH = 0.3, 4
# cfg 1.5 gives 1.13, cfg 2 1.35, cfg 5 2.9; a prompt that does not describe the clip up to 1.33 at cfg 1.
STRONG = 1.12
# Correlation of neighbouring pixels beyond what noise has of the clip: true noise 0.01, six euler steps on a
# smooth clip 0.13, a tenth of a clip mixed in 0.2.
PIXELS = 0.10
# The same for neighbouring frames: true noise 0.01, six euler steps 0.30, cfg 7.5 on the network 0.64.
FRAMES = 0.20
# Excess kurtosis: true noise 0.1, on the network 0.6, there at cfg 7.5 4.6.
HEAVY = 1.0
# Mean of a frame over expected std: true noise 0.03, at cfg 7.5 0.15 to 0.29.
SHIFTED = 0.15
# Likeness to the source, 0 by chance and 1 for the source itself: 0.12 to 0.75 at cfg 1, of partial
# unsamplings too, unrelated noise 0.02. Above cfg 1 it fades by itself and says nothing.
UNRELATED, GUIDED = 0.05, 1.05
# A step's correction over the state's rms: 0.01, euler 0.03; with 8 steps of euler 0.05 to 0.08, whose plain
# round trip loses 20 percent.
CORRECTION = 0.05
# Relative error of a reconstruction: recorded 1e-7, 7e-4 if the network is not reproducible; plain midpoint
# 7e-3, euler 0.1.
LOST = 2e-3
# A frame is blamed only beyond chance: so many standard errors of a figure of that few elements.
SURE = 3.0

GOOD = "good: noise is what this schedule expects"
COARSE = ("euler", "dpmpp_2m")  # pairs that midpoint betters at the same price
# Steps of a schedule up to which the model may be one that was distilled for few; sigmas that a model knows
# up to which it is one: LCM has 50, AnimateLCM 25 to 100, all others 1000.
FEW, DISTILLED = 8, 200
KEEP = "keep its steps, and set direct to 1 in the Exact Unsampler, which leaves the noise out"


@dataclass(frozen=True)
class Finding:
    """What is wrong, short enough for a heading, and where it comes from with the cure."""

    what: str
    cure: str

    def __str__(self) -> str:
        return f"{self.what}: {self.cure}"


def findings(report: Report) -> list[Finding]:
    """What is wrong, the worst first; nothing if all is well."""
    checks = (_strong, _weak, _picture, _frames, _unrelated, _tails, _shift, _steps, _lost)
    return [finding for check in checks for finding in check(report)]


def heading(report: Report) -> tuple[str, str]:
    """The verdict in a few words, and a line to go with it: the cure, or the figures that are good."""
    for worst in findings(report):
        return worst.what, worst.cure
    strength = f"std {float(report.figures.ratio.mean()):.2f} of expected"
    return GOOD, f"{strength}, {solver_steps(report)}"


def lines(report: Report) -> list[str]:
    """The whole report in words: each finding, or that there is none, then notes and figures."""
    verdict = [str(finding) for finding in findings(report)] or [" (".join(heading(report)) + ")"]
    return [*verdict, *notes(report), *numbers(report)]


def _strong(report: Report) -> Iterator[Finding]:
    ratio = report.figures.ratio
    bad = _beyond(ratio, STRONG, _chance(report) / 2**0.5)
    if bad.any():
        mean = _mean(ratio[bad])
        what = f"{where(bad)}noise too strong ({mean} of expected)"
        yield Finding(what, _why_strong(report))


def _weak(report: Report) -> Iterator[Finding]:
    ratio = report.figures.ratio
    bad = _beyond(-ratio, -WEAK, _chance(report) / 2**0.5)
    if bad.any():
        mean = _mean(ratio[bad])
        what = f"{where(bad)}noise too weak ({mean} of expected)"
        yield Finding(what, _why_weak(report))


def _picture(report: Report) -> Iterator[Finding]:
    excess = report.figures.measured.pixel_correlation - report.figures.expected.pixel_correlation
    bad = _beyond(excess, PIXELS, _chance(report))
    if bad.any():
        yield Finding(
            f"{where(bad)}noise still carries the picture (neighbouring pixels correlate by"
            f" {_mean(excess[bad])})",
            _why_structured(report),
        )


def _frames(report: Report) -> Iterator[Finding]:
    excess = report.figures.measured.frame_correlation - report.figures.expected.frame_correlation
    bad = _beyond(excess, FRAMES, _chance(report))
    if bad.any():
        yield Finding(
            f"{where(bad)}neighbouring frames share noise (correlation {_mean(excess[bad])})",
            f"{_why_structured(report)}; nothing is wrong where the clip stands still",
        )


def _unrelated(report: Report) -> Iterator[Finding]:
    """Only where it can be: the Exact Unsampler's own noise belongs to the source in its record."""
    figures = report.figures
    if figures.source_correlation is None or figures.chance is None:
        return
    if report.cfg > GUIDED or not (report.changed or report.source_given):
        return
    if figures.chance.max() > 0.95:  # so little noise that any is like the source
        return
    likeness = (figures.source_correlation - figures.chance) / (1 - figures.chance)
    bad = likeness < UNRELATED - _chance(report)
    if likeness.mean() < UNRELATED:
        bad = torch.ones_like(bad)
    if bad.any():
        cure = _reconnect(report) if report.changed else "connect the clip that was unsampled as source"
        what = "noise is no more like the source than random noise"
        yield Finding(f"{where(bad)}{what}", cure)


def _tails(report: Report) -> Iterator[Finding]:
    excess = report.figures.measured.kurtosis - report.figures.expected.kurtosis
    bad = _beyond(excess, HEAVY, _chance(report) * 24**0.5)
    if bad.any():
        mean = _mean(excess[bad])
        what = f"{where(bad)}noise is not Gaussian (excess kurtosis {mean})"
        yield Finding(what, _why_strong(report))


def _shift(report: Report) -> Iterator[Finding]:
    measured, expected = report.figures.measured, report.figures.expected
    shift = (measured.mean - expected.mean).abs() / expected.std
    bad = _beyond(shift, SHIFTED, _chance(report))
    if bad.any():
        yield Finding(
            f"{where(bad)}noise is off centre (by {_mean(shift[bad])} std), brightness or colours will drift",
            _why_strong(report),
        )


def _steps(report: Report) -> Iterator[Finding]:
    if report.corrections is None or report.corrections.max() <= CORRECTION:
        return
    yield Finding(
        f"steps are too large: {largest(report.inversion, report.corrections)}",
        f"the record makes up for it, but for the source alone; {_more_steps(report)}",
    )


def _lost(report: Report) -> Iterator[Finding]:
    if report.comparison is None or report.comparison.relative_error <= LOST:
        return
    cure = "switch record on in the Exact Unsampler and connect its output directly"
    if report.inversion.recorded and not report.changed:
        cure = (
            "it is exact with the Exact Unsampler's own prompt, cfg, models and windows; all else is an edit"
        )
    yield Finding(f"reconstruction is off by {report.comparison.relative_error:.2g} of the source", cure)


def _why_strong(report: Report) -> str:
    if report.changed:
        return _reconnect(report)
    if report.cfg > GUIDED:
        return (
            f"cfg {report.cfg:g} while unsampling pushes it off the Gaussian; lower the Exact Unsampler's cfg"
            " (or its model's Custom CFG) to 1"
        )
    return (
        "the prompt while unsampling does not fit the clip; describe the clip in the Exact Unsampler's"
        " prompt, or leave it empty"
    )


def _why_weak(report: Report) -> str:
    if report.changed:
        return _reconnect(report)
    if report.figures.ratio.mean() < NONE and report.inversion.steps >= ENOUGH:
        return (
            f"{solver_steps(report)} would do, but the model takes no noise away; disconnect patches of its"
            " guidance (APG, PerpNeg) in the Exact Unsampler"
        )
    if report.inversion.solver in COARSE:
        return f"{solver_steps(report)} fall short; {_more_steps(report)}"
    # what has learnt from filmed clips makes too weak a noise of a render: tests/demo/test_demo_model.py
    also = "use the model's schedule and motion, or add grain to a render"
    return f"{solver_steps(report)} fall short; {_more_steps(report, also=also)}"


def _why_structured(report: Report) -> str:
    if report.changed:
        return _reconnect(report)
    if report.cfg > GUIDED:
        return (
            f"cfg {report.cfg:g} while unsampling does that; lower the Exact Unsampler's cfg (or its model's"
            " Custom CFG) to 1"
        )
    return f"{solver_steps(report)} leave it behind only in part; {_more_steps(report)}"


def _more_steps(report: Report, also: str = "") -> str:
    """The cure for steps that are too large, which a model for few steps cannot have more of.

    also: another cure.
    """
    coarse, known = report.inversion.solver in COARSE, 0 < report.levels <= DISTILLED
    others = [*(["use midpoint"] if coarse else []), *([also] if also else [])]
    if known:
        return "; ".join([*others, f"the model is one for few steps: {KEEP}"])
    cure = ", ".join(["raise the steps", *others]) if also else " or ".join([*others, "raise the steps"])
    few = len(report.inversion.sigmas) - 1 <= FEW
    return cure + (f"; or, for a model for few steps (LCM, Lightning), {KEEP}" if few else "")


def _reconnect(report: Report) -> str:
    return f"{event(report.change)}; connect the Exact Unsampler's output directly"


def _chance(report: Report) -> float:
    """How far a mean over one frame of white noise strays."""
    return SURE / report.figures.elements**0.5


def _beyond(values: Tensor, limit: float, room: float) -> Tensor:
    """Which frames are past the limit, once any is surely so."""
    return values > limit if (values > limit + room).any() else torch.zeros_like(values, dtype=torch.bool)


def _mean(values: Tensor) -> str:
    return f"{float(values.mean()):.2f}"

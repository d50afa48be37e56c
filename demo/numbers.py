"""The figures of a run: as numbers for a file, and as a table for the terminal."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from unsampling.report import verdict
from unsampling.report.metrics import PSNR_LIMIT, Comparison

from .chart import good
from .clip import Clip
from .run import EXACT, Restyle, Results, RoundTrip, Settings

Numbers = dict[str, Any]


def numbers(clip: Clip, settings: Settings, results: Results) -> Numbers:
    """Everything measured; no times, so that the same run gives the same numbers."""
    frames, _, height, width = clip.x.shape
    return {
        "clip": {
            "title": clip.title,
            "frames": frames,
            "width": width,
            "height": height,
            "fps": str(clip.fps),
            "note": clip.note,
        },
        "settings": {
            "styles": settings.styles,
            "cfg": settings.cfgs,
            "steps": settings.steps,
            "solver": settings.solver,
            "structure": settings.structure,
            "direct_steps": results.exact.inversion.direct_steps,
            "source_style": settings.condition,
            "exact_below": EXACT,
        },
        "round_trips": [_round_trip(trip) for trip in (results.exact, results.plain)],
        "restyles": [_restyle(one) for one in results.restyles],
        "random_noise": _restyle(results.random) | {"random": True},
        "untouched_source": {style: _compared(still) for style, still in results.still.items()},
        "noise": _noise(results),
        "report": {"good": good(results.report), "lines": verdict.lines(results.report)},
    }


def table(measurements: Numbers) -> str:
    """The figures that matter, in lines for a terminal."""
    lines = ["to noise and back                model calls  relative error       PSNR"]
    lines += [_line(round_trip_name(trip), trip) for trip in measurements["round_trips"]]
    if measurements["untouched_source"]:
        lines += ["", "against the true clip            model calls  relative error       PSNR"]
        for one in [*measurements["restyles"], measurements["random_noise"]]:
            lines.append(_line(restyle_name(one), one))
        lines += [
            _line(f"{style}: source untouched", still)
            for style, still in measurements["untouched_source"].items()
        ]
    return "\n".join([*lines, "", *(f"report: {line}" for line in measurements["report"]["lines"])])


def round_trip_name(trip: Numbers) -> str:
    return f"{trip['solver']}, {'exact' if trip['record'] else 'plain'}"


def restyle_name(one: Numbers) -> str:
    return f"{one['style']}, cfg {one['cfg']:g}" + (", random noise" if "random" in one else "")


def error(figures: Numbers) -> str:
    value = figures["relative_error"]
    return f"{value:.2g}" if value == 0 or value >= 0.01 else f"{value:.1e}"


def psnr(figures: Numbers) -> str:
    value = figures["psnr"]
    return "identical" if value >= PSNR_LIMIT else f"{value:.1f} dB"


def _line(name: str, figures: Numbers) -> str:
    return f"{name:<32} {figures.get('calls', ''):>11}  {error(figures):>14}  {psnr(figures):>9}"


def _round_trip(trip: RoundTrip) -> Numbers:
    inversion = trip.inversion
    return {
        "solver": inversion.solver,
        "record": inversion.recorded,
        "calls": trip.calls,
        **_compared(trip.compared),
    }


def _restyle(one: Restyle) -> Numbers:
    return {
        "style": one.style,
        "cfg": one.cfg,
        "calls": one.calls,
        **(_compared(one.compared) if one.compared else {}),
        **({"kept": one.kept} if one.kept else {}),
    }


def _compared(comparison: Comparison) -> Numbers:
    return {"relative_error": comparison.relative_error, "psnr": float(comparison.psnr.mean())}


def _noise(results: Results) -> Numbers:
    """Means over the frames of what the report's node gives as FLOATs."""
    figures = results.report.figures
    noise = figures.measured
    shown = {
        "std_over_expected": figures.ratio,
        "mean_over_std": noise.mean / noise.std,
        "excess_kurtosis": noise.kurtosis,
        "pixel_correlation": noise.pixel_correlation,
        "frame_correlation": noise.frame_correlation,
        "source_correlation": figures.source_correlation,
    }
    return {name: _mean(values) for name, values in shown.items()}


def _mean(values: Tensor | None) -> float:
    return 0.0 if values is None else float(values.mean())

"""The tables of benchmarks.restyle_report, from its rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median, quantiles

import numpy as np

from benchmarks.report import Check, promises, table
from benchmarks.restyle_report.rows import NAMES, Row
from benchmarks.style_transfer.ours import DIRECT

BAR = 0.8  # rank correlation below which a figure is not shown
COUNTERPARTS = {
    "look_changed": "way of the looks towards the target's, in the units of a judge of styles",
    "structure_kept": "mean distance of the shapes from their true places",
    "motion_kept": "mean error of the shapes' ways from frame to frame",
    "flicker": "how far local means of the error go back and forth",
    "fine_flicker": "how far pixels of what was added anew to each frame go back and forth",
    "drift": "how far the colour's error goes over the clip, the ground and each shape from its own height",
    "jumps": "the step of the mean colour's error where windows meet, beyond the ordinary",
}

OTHERS = {
    "flicker": ("change", "all that changes in the error: shapes in wrong places change most"),
    "drift": (
        "tint",
        "how far the mean colour's error goes over the clip: a shape of a wrong colour that leaves moves it",
    ),
}  # truths that the figures are not held to


def spearman(some: Sequence[float], others: Sequence[float]) -> float:
    """The correlation of the ranks, equal values having their mean rank; nan where one is constant, and where
    there are none."""
    ranks = np.stack([_ranks(np.asarray(values, dtype=float)) for values in (some, others)])
    if not len(some) or not ranks.std(1).all():
        return float("nan")
    return float(np.corrcoef(ranks)[0, 1])


def tables(worsened: Sequence[Row], model: Sequence[Row], references: Sequence[Row]) -> str:
    """All sections, as Markdown."""
    return "\n".join(
        [
            _correlations(worsened, model),
            promises(_checks(worsened, model)),
            _sizes(references, model),
        ]
    )


def agreement(rows: Sequence[Row], name: str, truth: str = "") -> float:
    """The rank correlation of a figure with its truth, or another one; for jumps, over what was made in
    several windows; over the rows that have both."""
    used = [row for row in rows if row.windows or name != "jumps"]
    pairs = [(row.figures[name], row.truth[truth or name]) for row in used]
    told = [pair for pair in pairs if not any(math.isnan(value) for value in pair)]
    return spearman([figure for figure, _ in told], [truth for _, truth in told])


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def _correlations(worsened: Sequence[Row], model: Sequence[Row]) -> str:
    groups = _groups(worsened, model)
    counts = [f"{name}, {len(rows)}" for name, rows in groups.items()]
    held = [[name, COUNTERPARTS[name], *_agreements(groups, name)] for name in NAMES]
    others = [[name, what, *_agreements(groups, name, truth)] for name, (truth, what) in OTHERS.items()]
    return (
        f"## Rank correlation with the truth\n\n{table(['figure', 'true counterpart', *counts], held)}\n\n"
        f"## Rank correlation with other truths\n\n{table(['figure', 'against', *counts], others)}\n"
    )


def _agreements(groups: dict[str, list[Row]], name: str, truth: str = "") -> list[str]:
    return [_value(agreement(rows, name, truth), 2) for rows in groups.values()]


def _groups(worsened: Sequence[Row], model: Sequence[Row]) -> dict[str, list[Row]]:
    groups = {
        "known faults, chosen by": [row for row in worsened if row.tuning],
        "known faults, new": [row for row in worsened if not row.tuning],
        "model, chosen by": [row for row in model if row.tuning],
        "model, new": [row for row in model if not row.tuning],
        "of these the nodes' way": [row for row in model if not row.tuning and row.name == DIRECT],
    }
    return {name: rows for name, rows in groups.items() if rows}


def _checks(worsened: Sequence[Row], model: Sequence[Row]) -> list[Check]:
    reported = {"known faults": _new(worsened), "the model": _new(model)}
    return [
        _check(f"{name}, {kind}", agreement(rows, name))
        for kind, rows in reported.items()
        for name in NAMES
        if rows and not all(math.isnan(row.truth[name]) for row in rows)
    ]


def _new(rows: Sequence[Row]) -> list[Row]:
    """Those that no figure was chosen by; all, where there are no others."""
    return [row for row in rows if not row.tuning] or list(rows)


def _check(what: str, value: float) -> Check:
    return Check(f"{what}: rank correlation at least {BAR}", f"{value:.2f}", value >= BAR)


def _sizes(references: Sequence[Row], model: Sequence[Row]) -> str:
    groups: dict[str, list[Row]] = {}
    for row in [*references, *model]:
        groups.setdefault(row.name, []).append(row)
    rows = [
        [name, *(_spread([row.figures[n] for row in group]) for n in NAMES)] for name, group in groups.items()
    ]
    note = "Median (a tenth is below, a tenth above)."
    return f"## How large the figures are\n\n{note}\n\n{table(('', *NAMES), rows)}\n"


def _spread(values: Sequence[float]) -> str:
    told = [value for value in values if not math.isnan(value)]
    if len(told) < 2:
        return _value(told[0] if told else math.nan, 3)
    tenths = quantiles(told, n=10, method="inclusive")
    return f"{median(told):.3f} ({tenths[0]:.3f} to {tenths[-1]:.3f})"


def _value(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"

"""The tables of benchmarks.solvers, as Markdown."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from torch import Tensor

from benchmarks.report import number, table
from benchmarks.solvers import schedules
from benchmarks.solvers.measures import Edit, Passes, Scene, edit, passes
from benchmarks.solvers.ways import Way, every_way, way
from unsampling.solvers import midpoint

Progress = Callable[[str], None]
EDIT_CFGS = (1.0, 3.0, 7.5)
POINTS = (0.5, midpoint.LAST_POINT, midpoint.LAST_POINT_OF_FEW, 1.0)
WORLDS = (
    "Sharp: the kinds of picture lie apart, so the model decides abruptly. The full tables are of this"
    " world.",
    "Smooth: the kinds of picture overlap.",
)


@dataclass(frozen=True)
class Grid:
    """The full table: every way at every combination."""

    schedules: tuple[str, ...]
    steps: tuple[int, ...]
    cfgs: tuple[float, ...]
    dtypes: tuple[str, ...]


def to_compare(sharp: Scene, smooth: Scene) -> str:
    """The rows to compare: AYS 16, float32, unsampled at cfg 1, both worlds."""
    titles = (
        "pair",
        "record",
        "calls",
        "memory",
        "round trip",
        "worst frame",
        "noise",
        "std",
        "neighbours",
        *(f"edit cfg {cfg:g}" for cfg in EDIT_CFGS),
        "finest, 7.5",
    )
    texts = ["## The ones to compare", "AYS, 16 steps, float32, unsampled at cfg 1."]
    for scene, about in zip((sharp, smooth), WORLDS, strict=True):
        texts += [about, table(titles, (_compared(how, scene) for how in every_way()))]
    return "\n\n".join(texts) + "\n"


def _compared(how: Way, scene: Scene) -> list[str]:
    sigmas = schedules.ays(16)
    figures, state = passes(how, scene, sigmas)
    edits = [edit(how, scene, sigmas, state, cfg) for cfg in EDIT_CFGS]
    return [
        *_head(how, figures),
        number(figures.round_trip),
        number(figures.worst),
        number(figures.noise_error),
        f"{figures.noise_std:.3f}",
        f"{abs(figures.neighbours):.3f}",
        *(number(e.error) for e in edits),
        f"{edits[-1].band:.2f}",
    ]


def choosing(sharp: Scene, smooth: Scene, steps: Iterable[int], progress: Progress) -> str:
    """midpoint or dpmpp_2m, both recorded, by steps and cfg of the edit."""
    cfgs = (1.0, 3.0, 5.0, 7.5)
    titles = ("world", "schedule", "steps", *(f"edit cfg {cfg:g}" for cfg in cfgs))
    rows = []
    for name, scene in (("sharp", sharp), ("smooth", smooth)):
        for schedule in ("AYS", "karras"):
            progress(f"midpoint or dpmpp_2m: {name}, {schedule}")
            rows += [
                [name, schedule, str(n), *_rivals(scene, schedules.ALL[schedule](n), cfgs)] for n in steps
            ]
    about = (
        "Error of the edit, midpoint : dpmpp_2m, both recorded, the better in bold; in brackets the"
        " energy in the finest level, where 1 is right."
    )
    return f"## Which recorded pair\n\n{about}\n\n{table(titles, rows)}\n"


def _rivals(scene: Scene, sigmas: Tensor, cfgs: Iterable[float]) -> list[str]:
    rivals = [way("midpoint", "full"), way("dpmpp_2m", "full")]
    states = [passes(how, scene, sigmas)[1] for how in rivals]
    return [
        _duel(*(edit(how, scene, sigmas, state, cfg) for how, state in zip(rivals, states, strict=True)))
        for cfg in cfgs
    ]


def _duel(a: Edit, b: Edit) -> str:
    marks = ("**", "") if a.error <= b.error else ("", "**")
    texts = [f"{mark}{number(e.error)}{mark}" for mark, e in zip(marks, (a, b), strict=True)]
    return f"{' : '.join(texts)} ({a.band:.2f} : {b.band:.2f})"


def last_point(sharp: Scene, smooth: Scene, steps: Iterable[int], progress: Progress) -> str:
    """What the point does at which recorded midpoint asks the model in the step that ends at sigma 0."""
    titles = ("world", "schedule", "steps", "last sigma", *(f"point {point:g}" for point in POINTS))
    rows = []
    for name, scene in (("sharp", sharp), ("smooth", smooth)):
        for schedule in ("AYS", "beta"):
            progress(f"the last point: {name}, {schedule}")
            rows += [[name, schedule, str(n), *_points(scene, schedules.ALL[schedule](n))] for n in steps]
    about = (
        "Recorded midpoint, asked in its last step at that fraction of the last sigma: 0.5 is the"
        " middle, 1 a final denoise. Noise error; error of the edit at cfg 1 and at cfg 7.5; in brackets"
        f" the latter's energy in the finest level. The pair takes {midpoint.LAST_POINT:g}, above a last"
        f" sigma of {midpoint.LONG:g} {midpoint.LAST_POINT_OF_FEW:g}: in bold."
    )
    return f"## The last point\n\n{about}\n\n{table(titles, rows)}\n"


def _points(scene: Scene, sigmas: Tensor) -> list[str]:
    last = float(sigmas[-2])
    taken = midpoint.LAST_POINT_OF_FEW if last > midpoint.LONG else midpoint.LAST_POINT
    marks = ["**" if point == taken else "" for point in POINTS]
    return [
        f"{last:.3f}",
        *(
            f"{mark}{_asked_at(scene, sigmas, point)}{mark}"
            for mark, point in zip(marks, POINTS, strict=True)
        ),
    ]


def _asked_at(scene: Scene, sigmas: Tensor, point: float) -> str:
    how = way("midpoint", "full")
    with patch.multiple(midpoint, LAST_POINT=point, LAST_POINT_OF_FEW=point):
        figures, state = passes(how, scene, sigmas)
        plain, guided = (edit(how, scene, sigmas, state, cfg) for cfg in (1.0, 7.5))
    return f"{number(figures.noise_error)}; {number(plain.error)}, {number(guided.error)} ({guided.band:.2f})"


def full(scene: Scene, grid: Grid, progress: Progress) -> Iterable[str]:
    """One section a schedule, one table a number of steps."""
    titles = (
        "pair",
        "record",
        "calls",
        "memory",
        "cfg",
        "round trip",
        "noise",
        "std",
        "neighbours",
        "edit",
        "finest",
    )
    slashes = f"a / b / c: the model in {' / '.join(grid.dtypes)}; a single figure where all agree."
    for schedule in grid.schedules:
        yield f"## {schedule}\n\n{slashes}\n"
        for steps in grid.steps:
            progress(f"{schedule}, {steps} steps")
            sigmas = schedules.ALL[schedule](steps)
            rows = [row for how in every_way() for row in _rows(how, scene, sigmas, grid)]
            yield f"### {schedule}, {steps} steps\n\n{table(titles, rows)}\n"


def _rows(how: Way, scene: Scene, sigmas: Tensor, grid: Grid) -> list[list[str]]:
    """One way's rows, one a cfg."""
    bottoms = {dtype: passes(how, scene, sigmas, 1.0, dtype) for dtype in grid.dtypes}
    rows = []
    for cfg in grid.cfgs:
        both = [_both(how, scene, sigmas, cfg, dtype, bottoms[dtype]) for dtype in grid.dtypes]
        figures, edits = [f for f, _ in both], [e for _, e in both]
        columns = [
            [number(f.round_trip) for f in figures],
            [number(f.noise_error) for f in figures],
            [fixed(f.noise_std) for f in figures],
            [fixed(abs(f.neighbours)) for f in figures],
            [number(e.error) for e in edits],
            [fixed(e.band) for e in edits],
        ]
        rows.append([*_head(how, figures[0]), f"{cfg:g}", *map(joined, columns)])
    return rows


def _both(
    how: Way, scene: Scene, sigmas: Tensor, cfg: float, dtype: str, bottom: tuple[Passes, Any]
) -> tuple[Passes, Edit]:
    figures = bottom[0] if cfg == 1.0 else passes(how, scene, sigmas, cfg, dtype)[0]
    return figures, edit(how, scene, sigmas, bottom[1], cfg, dtype)


def _head(how: Way, figures: Passes) -> list[str]:
    return [how.name, how.record, "{} + {}".format(*figures.calls), f"{figures.record:.1f}"]


def joined(texts: list[str]) -> str:
    return texts[0] if len(set(texts)) == 1 else " / ".join(texts)


def fixed(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:.1e}"

"""Style against motion: the table and the plot over structure, with the other ways as points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.report import table
from benchmarks.style_transfer.cases import Result
from benchmarks.style_transfer.columns import COLUMNS, Column, Group, average, pick, rows
from benchmarks.style_transfer.ours import BASE, DIRECT
from benchmarks.style_transfer.rivals import FLOWALIGN, FLOWEDIT
from benchmarks.style_transfer.tables import compared
from benchmarks.style_transfer.ways import MANY

PLOTTED = {
    DIRECT: ("#0072b2", "o"),
    BASE: ("#56b4e9", "o"),
    "SDEdit": ("#d55e00", "s"),
    FLOWEDIT: ("#009e73", "v"),
    FLOWALIGN: ("#e69f00", "P"),
    "dpmpp_2m, recorded": ("#8c5a2b", "^"),
    "core euler": ("#000000", "x"),
    f"core euler, {MANY} steps": ("#777777", "+"),
    "core heun": ("#cc79a7", "D"),
}
PLACES = (2, (4, 4)), (3, (-14, -9))  # order and offset of numbers: ours lies on top, its numbers to the left


def curve(results: Sequence[Result]) -> str:
    """The table, as Markdown; nothing where no clip was restyled in every way."""
    few = compared(results)
    if not few:
        return ""
    lines = [
        [name, f"{structure:g}", rows(group), *(c.cell(group, group) for c in _plain())]
        for name in (DIRECT, BASE, "SDEdit")
        for structure, group in points(few, name)
    ]
    titles = ("way", "structure", "rows", *(column.title for column in COLUMNS))
    return (
        "## Style against motion\n\nThe clips of every way, at cfg 1. With so much structure that it starts"
        " below the direct path, nothing of the path is left. SDEdit's structure is the one whose noise level"
        f" it starts at; at 0 it is plain random noise.\n\n{table(titles, lines)}\n\n"
        "![style against motion](style_transfer.png)\n"
    )


def _plain() -> list[Column]:
    """The columns without differences."""
    return [replace(column, paired=False) for column in COLUMNS]


def points(results: Sequence[Result], name: str) -> list[tuple[float, Group]]:
    """The curve of a way over structure; SDEdit's begins at the plain random noise."""
    top = pick(results, "random noise" if name == "SDEdit" else name)
    values = sorted({r.structure for r in results if r.name == name and r.structure is not None})
    return [(0.0, top), *((s, pick(results, name, s)) for s in values)]


def plot(results: Sequence[Result], path: Path) -> None:
    """Style hits and restyle error against motion error, of the clips that were restyled in every way."""
    from matplotlib import pyplot

    few = compared(results)
    figure, panels = pyplot.subplots(1, 2, figsize=(11, 5.2), layout="constrained")
    for axes, what, title in zip(panels, ("hit", "error"), ("style hit rate", "restyle error"), strict=True):
        for name, (colour, marker) in PLOTTED.items():
            _draw(axes, points(few, name), what, name, colour, marker)
        axes.set(xlabel="motion error, pixels", ylabel=title)
        axes.grid(alpha=0.3)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=8)
    clips = len({r.clip for r in few})
    figure.suptitle(f"Style against motion at cfg 1, {clips} held-out clips; the numbers are structure")
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def _draw(axes, curve: list[tuple[float, Group]], what: str, name: str, colour: str, marker: str) -> None:
    x, y = (
        [average(group, lambda r, of=of: getattr(r.like, of)) for _, group in curve]
        for of in ("motion", what)
    )
    line, (order, beside) = "-" if len(curve) > 1 else "none", PLACES[name == DIRECT]
    axes.plot(x, y, color=colour, marker=marker, linestyle=line, label=name, zorder=order)
    for (structure, _), *place in zip(curve, x, y, strict=True) if len(curve) > 1 else ():
        axes.annotate(f"{structure:g}", place, beside, textcoords="offset points", fontsize=7, color=colour)

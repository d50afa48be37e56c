"""The columns of the tables: means over the clips, with the paired difference from the base and its error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, median, stdev

from benchmarks.report import table
from benchmarks.style_transfer.cases import Result
from benchmarks.style_transfer.measures import NEAR
from benchmarks.style_transfer.ours import BASE

Group = Sequence[Result]  # one row of a table: one way at one cfg, a clip each
Value = Callable[[Result], float | None]


@dataclass(frozen=True)
class Column:
    """What a table tells of a group. paired: with the difference from the base on the same clips."""

    title: str
    value: Value
    digits: int = 0
    percent: bool = False
    paired: bool = False
    unit: str = ""

    def cell(self, group: Group, base: Group) -> str:
        scale = 100 if self.percent else 1
        shown = f"{scale * average(group, self.value):.{self.digits}f}{' %' if self.percent else self.unit}"
        itself = bool(base) and (group[0].name, group[0].cfg) == (base[0].name, base[0].cfg)
        if itself or not self.paired or not made(group):
            return shown
        change, doubt = difference(group, base, self.value)
        error = None if doubt is None else scale * doubt
        change = round(scale * change, self.digits) + 0.0
        return f"{shown} ({change:+.{self.digits}f}{plus_minus(error, self.digits)})"


def _like(name: str) -> Value:
    return lambda result: getattr(result.like, name)


COLUMNS = (
    Column(f"in style within {NEAR:g} px", _like("placed"), percent=True, paired=True),
    Column("style hit", _like("hit"), percent=True),
    Column("restyle error", _like("error"), 3, paired=True),
    Column("drawn", _like("drawn"), percent=True, paired=True),
    Column("motion error", _like("motion"), 2, paired=True, unit=" px"),
    Column("lost", _like("lost"), percent=True),
    Column("flicker", _like("flicker"), 2, paired=True),
    Column("movement", _like("movement"), 2),
    Column("tone", _like("tone"), 1, percent=True, paired=True),
    Column("drift", _like("drift"), 1, percent=True),
)
JUMP = Column("jump", _like("jump"), 2, percent=True, paired=True)


def rows_table(
    results: Sequence[Result], columns: Sequence[Column] = COLUMNS, compared_with: str = BASE
) -> str:
    """A row for each way that was tried on all of these clips, as Markdown."""
    base = pick(results, compared_with)
    lines = [[*_head(group), *(column.cell(group, base) for column in columns)] for group in whole(results)]
    return table(("way", "cfg", "rows", "seconds", *(column.title for column in columns)), lines)


def _head(group: Group) -> list[str]:
    first = group[0]
    if not made(group):
        return [first.name, "-", "-", "-"]
    up, down = (_tenths(r.rows[i] for r in group) for i in (0, 1))
    seconds = median(r.seconds for r in group)
    return [first.name, f"{first.cfg:g}", f"{up} + {down} = {rows(group)}", f"{seconds:.1f}"]


def rows(group: Group) -> str:
    """All rows asked for a clip, on average: with a direct path they are not the same for all clips."""
    return _tenths(sum(r.rows) for r in group)


def _tenths(values: Iterable[float]) -> str:
    return f"{round(mean(values), 1):g}"


def whole(results: Sequence[Result]) -> list[Group]:
    """One group a row of the table, in the order of the first clip's results; those only that have a result
    for every clip, so that all rows are of the same clips."""
    groups: dict[tuple, list[Result]] = {}
    for result in results:
        if result.structure is None:
            groups.setdefault((result.name, result.cfg), []).append(result)
    clips = {r.clip for r in results}
    return [group for group in groups.values() if {r.clip for r in group} == clips]


def pick(
    results: Sequence[Result], name: str, structure: float | None = None, cfg: float = 1.0
) -> list[Result]:
    return [r for r in results if (r.name, r.cfg, r.structure) == (name, cfg, structure)]


def made(group: Group) -> bool:
    """Whether a model made these clips."""
    return sum(group[0].rows) > 0


def average(group: Group, value: Value) -> float:
    return mean(float(value(r) or 0) for r in group)


def difference(group: Group, base: Group, value: Value) -> tuple[float, float | None]:
    """The mean difference on the same clips, and its standard error."""
    theirs = {r.clip: float(value(r) or 0) for r in base}
    return spread([float(value(r) or 0) - theirs[r.clip] for r in group])


def spread(values: Sequence[float]) -> tuple[float, float | None]:
    """The mean and its standard error, which a single value does not have."""
    doubt = stdev(values) / len(values) ** 0.5 if len(values) > 1 else None
    return mean(values), doubt


def plus_minus(doubt: float | None, digits: int = 3) -> str:
    """A standard error as it stands behind its mean; "" without one."""
    return "" if doubt is None else f" ± {doubt:.{digits}f}"


def of_clips(count: int) -> str:
    """Over how many clips a mean is, in words."""
    return f"{count} clips" if count > 1 else "1 clip: no standard error"


def enough(count: int, holds: bool) -> bool | None:
    """Whether a promise of a mean holds; None where one clip cannot tell."""
    return holds if count > 1 else None

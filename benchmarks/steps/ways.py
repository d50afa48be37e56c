"""What benchmarks.steps compares: solvers and numbers of steps, with the direct path.

Not in __main__: what a worker runs must have a module that a fresh process can import.
"""

from __future__ import annotations

from itertools import chain

from benchmarks.solvers.ways import way
from benchmarks.style_transfer import cases, clips
from benchmarks.style_transfer.cases import Case, Down, Result
from benchmarks.style_transfer.clips import Job
from benchmarks.style_transfer.ours import falling, rising, without_path
from benchmarks.style_transfer.ways import MANY
from unsampling import solvers

COUNTS = (8, 16, 24)
SHIPPED = 16
CORE = f"core euler, {MANY} steps"


def named(solver: str, count: int, more: str = "") -> str:
    return f"{solver}, {count} steps{more}"


BASE = named(solvers.DEFAULT, SHIPPED)


def ways() -> list[Case]:
    """Every recorded solver at each number of steps, those of the shipped number without a path too."""
    return [*(_of(solver, count) for count in COUNTS for solver in solvers.recorded()), _core()]


def _of(solver: str, count: int) -> Case:
    name = named(solver, count)
    downs = [Down(name, falling())] + [without_path(f"{name}, no path")] * (count == SHIPPED)
    return Case(rising(direct=None, solver=solver), tuple(downs), steps=count, returns=False)


def _core() -> Case:
    return cases.straight(CORE, way("core euler", "-"), steps=MANY, returns=False)


def job_results(job: Job) -> list[Result]:
    """All restyles of one clip; runs in a worker."""
    each = (cases.results(job.transfer, case, clips.asked, False) for case in ways())
    return list(chain.from_iterable(each))

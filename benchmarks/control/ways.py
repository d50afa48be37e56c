"""What benchmarks.control compares: strengths of the ControlNet, from the old start and the fresh one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from torch import Tensor
from torch.nn import Module

from benchmarks.style_transfer import cases, clips
from benchmarks.style_transfer.cases import STEPS, Case, Down, Result
from benchmarks.style_transfer.clips import Job
from benchmarks.style_transfer.ours import (
    BASE,
    DIRECT,
    LOW_TURNED,
    MIRRORED_BASE,
    falling,
    rising,
    without_path,
)
from benchmarks.style_transfer.transfers import SETTINGS
from demo import control, model

STARTS = (BASE, DIRECT)  # alone, and with the fresh start
STRENGTHS = (0.0, 0.2, 0.4, 0.8)
USUAL, SHARE = 0.4, 0.4  # what the templates have: the strength, and the share of the steps from the top
LOW = 2.28  # the sigma at which an end_percent of 0.4 ends on SD1.5; 11 of 16 steps here begin above it
LOW_TOP = SETTINGS["low"].top
BOTH = "in both passes"

_network: dict[str, Module] = {}  # of a worker


def named(start: str, strength: float, more: str = "") -> str:
    """The name of a row: that start, with the ControlNet at that strength."""
    return f"{start}, control {strength:g} {more}".rstrip() if strength else start


def lower(start: str) -> str:
    return named(start, USUAL, f"to sigma {LOW:.1f}")


def in_both(start: str) -> str:
    return named(start, USUAL, BOTH)


def short() -> int:
    """The steps that have control, from the top."""
    return round(SHARE * STEPS)


def long(top: float = model.SIGMA_MAX) -> int:
    """The steps that begin above LOW, of a schedule that begins at top."""
    return int((model.schedule(STEPS, top) > LOW).sum())


def ways(net: Module, edges: Tensor, returned: bool) -> list[Case]:
    """All restyles of a clip with these edges. returned: those with control in both passes too, which need a
    way up of their own and are there for the way back."""
    downs = [_down(net, edges, start, named(start, s), s, short()) for start in STARTS for s in STRENGTHS]
    downs += [_down(net, edges, start, lower(start), USUAL, long()) for start in STARTS]
    alone = Case(rising(direct=None), tuple(downs))
    if not returned:
        return [alone]
    both = tuple(_down(net, edges, start, in_both(start), USUAL, short()) for start in STARTS)
    return [alone, Case(alone.rise, both, control=both[0].control)]


def low_starts(crosses: bool) -> dict[str, Down]:
    """From the low top: both starts, and across lightness both with it turned round, which the user says."""
    if crosses:
        return {
            MIRRORED_BASE: without_path(MIRRORED_BASE, turn=True),
            LOW_TURNED: Down(LOW_TURNED, falling(turn=True)),
        }
    return {start: _plain(start, start) for start in STARTS}


def low_ways(net: Module, edges: Tensor, crosses: bool) -> list[Case]:
    """From the low top: without control, and with it as the templates have it."""
    held = control.controlled(net, edges, USUAL, long(LOW_TOP))
    downs = [
        way
        for start, plain in low_starts(crosses).items()
        for way in (plain, replace(plain, name=lower(start), control=held))
    ]
    return [Case(rising(direct=None), tuple(downs), returns=False)]


def _plain(start: str, name: str) -> Down:
    return without_path(name) if start == BASE else Down(name, falling())


def _down(net: Module, edges: Tensor, start: str, name: str, strength: float, steps: int) -> Down:
    held = control.controlled(net, edges, strength, steps)
    returns = steps == short() and strength in (0.0, USUAL)
    return replace(_plain(start, name), control=held, returns=returns)


def start(weights: Path, precision: str, control_weights: Path) -> None:
    """What a worker begins with."""
    clips.start(weights, precision)
    _network["net"] = control.load(control_weights)


def job_results(job: Job) -> list[Result]:
    """All restyles of one clip; runs in a worker."""
    net, edges = _network["net"], control.edges(job.transfer.clip())
    crosses = job.transfer.crosses
    of = low_ways(net, edges, crosses) if job.transfer.setting == "low" else ways(net, edges, job.returned)
    return [r for case in of for r in cases.results(job.transfer, case, clips.asked, job.returned)]

"""What the benchmarks' files in results/ are written with: tables, numbers, promises, versions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

import unsampling
from benchmarks.origin import origin


@dataclass(frozen=True)
class Check:
    """A promise and what was found; holds is None where there is no bar, only a figure."""

    promise: str
    finding: str
    holds: bool | None


def promises(checks: Iterable[Check]) -> str:
    """The list as Markdown, one line a promise."""
    words = {True: "holds", False: "DOES NOT HOLD", None: "for information"}
    lines = [f"- **{words[check.holds]}**: {check.promise}. {check.finding}." for check in checks]
    return "\n".join(["## What must hold", "", *lines]) + "\n"


def table(titles: Iterable[str], rows: Iterable[list[str]]) -> str:
    lines = [list(titles), *rows]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float) -> str:
    """Two digits, 0 only for 0 itself."""
    if value == 0:
        return "0"
    return f"{value:.1e}" if value < 1e-3 or value >= 100 else f"{value:.2g}"


def versions(threads: int = 1) -> str:
    """The first line of a result's head: what it was made with, and where it comes from."""
    used = "one thread" if threads == 1 else f"{threads} threads"
    capability = torch.backends.cpu.get_cpu_capability()
    return (
        f"Unsampling {unsampling.__version__}, torch {torch.__version__} on the CPU, {used}"
        f" ({capability}). {origin()}"
    )

"""Where a file of results comes from: the commit, the date, the machine. Needs no torch."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ":!benchmarks/results"  # what a benchmark itself writes is no change


def origin() -> str:
    """For the head of the file, without a full stop: the commit, the date, the machine."""
    day = datetime.now(timezone.utc).date().isoformat()
    return f"Commit {commit(ROOT)}, {day}, on {processor()}, {os.cpu_count()} cores"


def commit(folder: Path) -> str:
    """The commit that is checked out, and whether the files differ from it; unknown outside git."""
    try:
        name = _git(folder, "rev-parse", "--short", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--", ".", RESULTS)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{name} + changes" if changed else name


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()

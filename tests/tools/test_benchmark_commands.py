"""Every file in benchmarks/results has its command, `python -m benchmarks.<name>`."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem for path in (ROOT / "benchmarks" / "results").glob("*.md"))


def test_there_are_results():
    assert len(NAMES) >= 6


@pytest.mark.parametrize("name", NAMES)
def test_a_result_has_its_command(name):
    command = [sys.executable, "-m", f"benchmarks.{name}", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: python -m benchmarks.{name} ")
    assert f"`python -m benchmarks.{name}" in (ROOT / "benchmarks" / "results" / f"{name}.md").read_text()

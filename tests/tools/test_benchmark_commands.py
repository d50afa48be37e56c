"""Every file in benchmarks/results has its command, `python -m benchmarks.<name>`."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import origin, report

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


@pytest.mark.parametrize("name", NAMES)
def test_a_result_says_where_it_comes_from(name):
    """Its writer asks for the commit, the date and the machine: versions() has them too."""
    folder = ROOT / "benchmarks" / name
    script = folder / "__main__.py" if folder.is_dir() else ROOT / "benchmarks" / "host" / f"{name}.py"
    text = script.read_text()
    assert "{origin()}" in text or "versions(" in text
    assert origin.origin() in report.versions()


def test_the_origin_is_the_commit_the_date_and_the_machine():
    found = re.fullmatch(r"Commit (\S+)( \+ changes)?, \d{4}-\d\d-\d\d, on .*, \d+ cores", origin.origin())
    assert found, origin.origin()
    assert origin.processor() in origin.origin()


def test_a_changed_file_is_said_and_a_result_is_none(tmp_path):
    def git(*arguments):
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    assert origin.commit(tmp_path) == "unknown"
    git("init")
    results = tmp_path / "benchmarks" / "results"
    results.mkdir(parents=True)
    for file in (tmp_path / "code.py", results / "some.md"):
        file.write_text("a")
    git("add", ".")
    git("commit", "-m", "first")
    name = origin.commit(tmp_path)
    assert re.fullmatch("[0-9a-f]{7,}", name)
    (results / "some.md").write_text("b")
    assert origin.commit(tmp_path) == name
    (tmp_path / "code.py").write_text("b")
    assert origin.commit(tmp_path) == f"{name} + changes"
    assert origin.commit(tmp_path / "none") == "unknown"

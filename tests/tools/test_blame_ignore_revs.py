"""The list of commits that git blame passes over. Git reads a line of it as one hash, and stops at anything
else: a remark belongs into a line of its own."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIST = ROOT / ".git-blame-ignore-revs"
HASH = re.compile(r"[0-9a-f]{40}")


def hashes(text: str) -> list[str]:
    """The lines that git reads as hashes."""
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def git(*command: str, folder: Path = ROOT) -> subprocess.CompletedProcess:
    return subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def history() -> None:
    """The whole history of this checkout; skips where there is none."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    asked = git("rev-parse", "--is-shallow-repository", "--show-toplevel")
    shallow, _, top = asked.stdout.strip().partition("\n")
    if asked.returncode or Path(top).resolve() != ROOT:
        pytest.skip(f"no git checkout: {asked.stderr.strip() or f'the repository is {top}'}")
    if shallow == "true":
        pytest.skip("a shallow clone has not the commits of the list")


def test_each_line_is_a_hash_alone():
    lines = hashes(LIST.read_text())
    assert lines and [line for line in lines if not HASH.fullmatch(line)] == []


def test_git_blame_takes_the_list_and_knows_its_commits(history):
    for commit in hashes(LIST.read_text()):
        assert git("cat-file", "-e", f"{commit}^{{commit}}").returncode == 0, commit
    asked = git("blame", "--ignore-revs-file", LIST.name, "--", "__init__.py")
    assert asked.returncode == 0, asked.stderr
    assert len(asked.stdout.splitlines()) == len((ROOT / "__init__.py").read_text().splitlines())


@pytest.mark.parametrize(
    "line", [f"{'a' * 40} Format everything", "a" * 39, "A" * 40, f" {'a' * 40}", "main"]
)
def test_what_is_no_hash_is_found(line):
    found = hashes(f"# a remark\n\n{'b' * 40}\n{line}\n")
    assert found == ["b" * 40, line] and not HASH.fullmatch(line)

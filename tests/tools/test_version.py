"""The version stands in one place, pyproject.toml."""

import re
from pathlib import Path

import pytest
import tomllib

import unsampling
from unsampling import version

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_engine_tells_the_projects_version():
    assert unsampling.__version__ == PROJECT["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", PROJECT["version"])


def test_no_other_file_of_the_pack_holds_it():
    sources = [
        *ROOT.glob("*.py"),
        *(
            path
            for name in ("nodes", "host", "unsampling", "js", "tools")
            for path in (ROOT / name).rglob("*.[pj][ys]")
        ),
    ]
    assert len(sources) > 80
    assert [path.name for path in sources if f'"{PROJECT["version"]}"' in path.read_text()] == []


def test_the_newest_entry_of_the_changelog_is_of_it():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest[1] == PROJECT["version"]


def test_a_project_without_a_version_is_said():
    assert version.of_project('name = "x"\nversion = "1.2.3"\nrequires = ">=0.14.0"\n') == "1.2.3"
    with pytest.raises(ValueError, match="no line"):
        version.of_project('name = "x"\n')

"""What the documents name is there."""

import re
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"(?<![\w*<>/.-])[\w./{},-]*\w\}?\.(?:py|js)\b")
FEWEST = {
    **{"ARCHITECTURE.md": 60, "AGENTS.md": 20, "CHANGELOG.md": 1},
    **{"README.md": 1, "README.zh-CN.md": 1, "README.ja.md": 1},
}


def named_in(text: str) -> set[str]:
    """The modules that a text names, with or without a folder; a{b,c}.py are two."""
    found = set()
    for name in NAMED.findall(text):
        parts = [
            part.strip("{}").split(",") if part.startswith("{") else [part]
            for part in re.split(r"(\{[^}]*\})", name)
        ]
        found |= {"".join(choice) for choice in product(*parts)}
    return found


@pytest.mark.parametrize("document", FEWEST)
def test_modules_that_a_document_names_exist(document):
    named = named_in((ROOT / document).read_text(encoding="utf-8"))
    there = [
        path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.[pj][ys]") if ".venv" not in path.parts
    ]
    missing = {name for name in named if not any(f"/{path}".endswith(f"/{name}") for path in there)}
    assert not missing
    assert len(named) >= FEWEST[document]


def test_folders_and_braces_are_read():
    assert named_in("`a/b.py`, run c/d_{e,f}.py and `*.js`") == {"a/b.py", "c/d_e.py", "c/d_f.py"}

"""The version of this pack. It stands in pyproject.toml alone, where the registry reads it."""

import re
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def of_project(text: str) -> str:
    """The version in a pyproject.toml, which ComfyUI's older Pythons have no parser for.

    Raises: ValueError where there is none.
    """
    line = re.search(r'^version = "([^"]+)"$', text, re.MULTILINE)
    if line is None:
        raise ValueError(f"{PYPROJECT.name} has no line 'version = \"...\"'")
    return line[1]


# a copy of the engine alone has no project file beside it
__version__ = of_project(PYPROJECT.read_text(encoding="utf-8")) if PYPROJECT.is_file() else "unknown"

"""docs/models.md's table of ComfyUI's own templates that were run, and the measurements that it is made of.

tests/host/test_host_official_graphs.py measures and, with UPDATE_SNAPSHOTS=1, records; tests/tools/
test_models_page.py holds the page to what is recorded.
"""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]
MEASURED = ROOT / "tests" / "data" / "official_graphs.json"
PAGE = ROOT / "docs" / "models.md"
BEGIN, END = "<!-- measured -->\n", "<!-- end of measured -->\n"
HEAD = "| family | ComfyUI's template | round trip |\n|---|---|---|\n"


def measured() -> dict:
    """What was recorded: `versions` by name; of `graphs` the family and the error of the way back."""
    return json.loads(MEASURED.read_text(encoding="utf-8"))


def record(versions: dict[str, str], name: str, family: str, error: float) -> None:
    """Keep one measurement, and write the page's table again."""
    known = measured() if MEASURED.exists() else {"graphs": {}}
    graphs = known["graphs"] | {name: {"family": family, "error": float(f"{error:.0e}")}}
    known = {"versions": versions, "graphs": dict(sorted(graphs.items()))}
    MEASURED.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), known), encoding="utf-8")


def with_table(page: str, known: dict) -> str:
    """The page with the table of these measurements."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + table(known) + END + rest.partition(END)[2]


def table(known: dict) -> str:
    """The measurements in Markdown, family by family."""
    named = sorted(known["graphs"].items(), key=lambda item: (item[1]["family"], item[0]))
    rows = [f"| {row['family']} | `{name}` | {row['error']:g} |\n" for name, row in named]
    versions = ", ".join(f"{name} {version}" for name, version in known["versions"].items())
    return HEAD + "".join(rows) + f"\nMeasured with {versions}.\n"

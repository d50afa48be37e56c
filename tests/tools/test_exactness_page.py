"""docs/exactness.md has every section that is cited, and the benchmark every figure that it quotes."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "exactness.md"
CODE = ("unsampling", "nodes", "host", "demo", "benchmarks", "tools")


def cited() -> set[str]:
    """The anchors of the page that code and documents name."""
    code = [path for folder in CODE for path in (ROOT / folder).rglob("*.py")]
    texts = [path.read_text() for path in (*code, *ROOT.glob("*.md"))]
    inside = re.findall(r"\]\(#([\w-]+)\)", PAGE.read_text())
    return {name for text in texts for name in re.findall(r"docs/exactness\.md#([\w-]+)", text)} | set(inside)


def test_every_cited_section_exists():
    sections = re.findall(r'^<a id="([\w-]+)"></a>\n##', PAGE.read_text(), re.MULTILINE)
    assert len(set(sections)) == len(sections)
    assert cited() <= set(sections)
    assert len(cited()) >= 9


def test_the_figures_are_the_benchmarks():
    """The headings that the page names are there, and so are the numbers of the sections that quote some."""
    results = (ROOT / "benchmarks" / "results" / "solvers.md").read_text()
    page = PAGE.read_text()
    headings = set(re.findall(r'\("([^"]+)"\)', page))
    assert len(headings) >= 3 and all(f"## {heading}\n" in results for heading in headings)
    for part in ("last-point", "fidelity", "half", "exact"):
        section = re.search(rf'<a id="{part}"></a>\n(.*?)(?=\n<a id=|\Z)', page, re.DOTALL).group(1)
        for figure in re.findall(r"\b\d\.\d{2,}\b|\b\d\.\de-\d+\b", section):
            assert figure.rstrip("0") in results, figure

"""docs/exactness.md has every section that is cited, and the benchmark every figure that it quotes."""

import re

from quoted import ROOT, figures, sections

from unsampling.direct import NEAR
from unsampling.start import GAIN, GIVEN_BACK, OUTWEIGHS, SHOWS

PAGE = ROOT / "docs" / "exactness.md"
CODE = ("unsampling", "nodes", "host", "demo", "benchmarks", "tools")


def cited() -> set[str]:
    """The anchors of the page that code and documents name."""
    code = [path for folder in CODE for path in (ROOT / folder).rglob("*.py")]
    texts = [path.read_text() for path in (*code, *ROOT.glob("*.md"))]
    inside = re.findall(r"\]\(#([\w-]+)\)", PAGE.read_text())
    return {name for text in texts for name in re.findall(r"docs/exactness\.md#([\w-]+)", text)} | set(inside)


def test_every_cited_section_exists():
    anchors = re.findall(r'^<a id="([\w-]+)"></a>\n##', PAGE.read_text(), re.MULTILINE)
    assert len(set(anchors)) == len(anchors)
    assert cited() <= set(anchors)
    assert len(cited()) >= 9


def test_the_figures_are_the_benchmarks():
    """What a part of the page quotes is in the section of the results that it names, as it is printed."""
    results = sections((ROOT / "benchmarks" / "results" / "solvers.md").read_text(), "^## (.*)\n")
    parts = sections(PAGE.read_text(), r'^<a id="([\w-]+)"></a>\n')
    named = {part: set(re.findall(r'\("([^"]+)"\)', text)) for part, text in parts.items()}
    assert len(set.union(*named.values())) >= 3 and set.union(*named.values()) <= set(results)
    assert {part for part in named if named[part]} >= {"last-point", "fidelity", "half", "exact", "record"}
    for part, headings in named.items():
        quoted = figures(parts[part]) if headings else set()
        printed = set.union(*(figures(results[heading]) for heading in headings), set())
        assert quoted <= printed, (part, headings, quoted - printed)


def test_the_start_of_a_low_path_has_the_numbers_of_the_code():
    text = " ".join(sections(PAGE.read_text(), r'^<a id="([\w-]+)"></a>\n')["bare"].split())
    for words in (
        f"$r$ of the whole clip lies between {SHOWS:g} and {OUTWEIGHS:g}",
        f"Above $r = {OUTWEIGHS:g}$",
        rf"P = {GAIN:g} \, (B - B^s) - m\left({GAIN:g} \, (B - B^s)\right)",
        f"kept within 0 and {GIVEN_BACK:g}",
    ):
        assert words in text
    assert f"with an answer that lies within {NEAR:g} of the source" in PAGE.read_text()


def test_a_figure_is_read_as_it_is_printed():
    assert figures("0.030 of 5.8e-04, 1e-3 and (0.99), 10.012 in 8 steps to 0.6.") == {
        *("0.030", "5.8e-04", "1e-3", "0.99", "10.012")
    }

"""The pages of docs/ quote the benchmarks as they are printed, and name file, section and command."""

import re

import pytest
from quoted import RESULTS, ROOT, cited, claims, results, sections, stale, tables

from tools.workflows import models

PAGES = ("index", "start", "tutorial", "settings", "faq", "comparison")
COMMAND = re.compile(r"`(python -m benchmarks\.\w+[^`]*)`")


def parts(page: str) -> dict[str, str]:
    """The parts of a page by their headings; the words above the first are one as well."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    return sections("## top\n" + text, "^##+ (.*)\n")


EVERY = [(page, heading) for page in PAGES for heading in parts(page)]


@pytest.mark.parametrize(("page", "heading"), EVERY, ids=[f"{page}: {heading}" for page, heading in EVERY])
def test_a_part_says_what_its_results_say(page, heading):
    assert stale(parts(page)[heading]) == []


@pytest.mark.parametrize(("page", "heading"), [each for each in EVERY if cited(parts(each[0])[each[1]])])
def test_a_part_that_cites_names_a_section_and_the_command(page, heading):
    part = parts(page)[heading]
    assert all(section in results(name) for name, section in cited(part))
    commands = [" ".join(found.split()) for found in COMMAND.findall(part)]
    for name, _ in cited(part):
        of_it = [found for found in commands if re.match(rf"python -m benchmarks\.{name}\b", found)]
        assert of_it, f"{heading} does not say how {name}.md is written"
        assert all(found in (RESULTS / f"{name}.md").read_text() for found in of_it)


def test_enough_is_cited_for_these_tests_to_mean_something():
    named = {name for page, heading in EVERY for name, _ in cited(parts(page)[heading])}
    assert named >= {"solvers", "style_transfer", "memory", "overhead", "lightness", "restyle_report"}


PART = """
Errs by {}, in 16 steps (`python -m benchmarks.solvers`, [x](../benchmarks/results/solvers.md),
"The ones to compare").

| pair | record | calls | edit cfg 1 |
|---|---|---|---|
| midpoint | full | 18 + 17 | {} |
| core heun | - | 32 + 31 | 0.065 |
"""


@pytest.mark.parametrize(
    ("word", "cell", "found"),
    [
        ("0.031", "0.068", []),
        ("0.0310", "0.068", ["0.0310"]),
        ("7 percent", "0.068", ["7"]),
        ("0.031", "0.069", ["midpoint | full | 18 + 17 | 0.069"]),
        ("0.031", "0.065", ["midpoint | full | 18 + 17 | 0.065"]),  # another row's
    ],
)
def test_a_stale_figure_is_found(word, cell, found):
    assert stale(PART.format(word, cell)) == found


def test_a_figure_without_a_source_is_found():
    assert stale("It errs by 0.25 and takes 3 GiB.") == ["0.25", "3"]
    assert stale("| a | b |\n|---|---|\n| x | 0.25 |\n") == ["x | 0.25"]
    assert stale('1.5 ([x](../benchmarks/results/solvers.md), "No such section"): 94 %') == ["94"]


def test_settings_versions_and_code_are_no_claims():
    assert claims("cfg 1.5 in ComfyUI 0.14, `0.25 MiB`, [x](0.25.md), 16 steps, 4K, 2.1") == set()
    assert claims("1,024 frames take 1088 MiB, 3.9e-04, 0.25 and 94 %") == {"1088", "3.9e-04", "0.25", "94"}


def test_tables_are_read_without_their_rule():
    assert tables("a\n\n| x | y |\n|---|---|\n| 1 | **2** |\n\nb") == [(["x", "y"], [["1", "**2**"]])]


def test_the_models_to_download_are_those_of_the_templates():
    """With the size and licence that the templates' own notes tell."""
    page = (ROOT / "docs" / "start.md").read_text(encoding="utf-8")
    rows = re.findall(r"\| `(\w+)` \| \[(.+?)\]\((.+?)\) \| (.+?) \|", page)
    known = [value for value in vars(models).values() if isinstance(value, dict) and "url" in value]
    assert {row[:3] for row in rows} == {(model["directory"], model["name"], model["url"]) for model in known}
    assert len(rows) >= 12
    told = {name: ", ".join(facts) for name, facts in models.FACTS.items()}
    assert told == {row[1]: row[3] for row in rows}

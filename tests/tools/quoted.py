"""What documents quote of benchmarks/results/, in words and in tables."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
CITED = re.compile(r'\]\((?:\.\./)?benchmarks/results/(\w+)\.md\),\s+"([^"]+)"')
FIGURE = r"\d[\d,]*(?:\.\d+)?(?:e-\d+)?"
UNIT = r"(?= ?(?:%|percent|px|pixels|MiB|GiB|dB|times|latents|seconds)(?!\w))"
# code, links, versions and the sizes of downloads
SETTINGS = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)|(?:ComfyUI|Python),?\s[\d.]+|[\d.]+ [GM]B\b", re.DOTALL)
Table = tuple[list[str], list[list[str]]]


def sections(text: str, heading: str) -> dict[str, str]:
    """The text below each line that matches, by what its group holds."""
    _, *pieces = re.split(heading, text, flags=re.MULTILINE)
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


def figures(text: str) -> set[str]:
    """The numbers with an exponent or two decimals and more: those with fewer are settings and counts."""
    return set(re.findall(r"(?<![\d.])(?:\d+(?:\.\d+)?e-\d+|\d+\.\d{2,})(?!\w)", text))


def claims(text: str) -> set[str]:
    """The figures of a text and its numbers with a unit, but for code, links and tables."""
    words = re.sub(r"^\|.*$", "", text, flags=re.MULTILINE)
    words = SETTINGS.sub(" ", words)
    return figures(words) | set(re.findall(rf"(?<![\w.,-]){FIGURE}{UNIT}", words))


def tables(text: str) -> list[Table]:
    """The header and the rows of each table, cell by cell."""
    found = []
    for block in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        lines = [[cell.strip() for cell in line.strip("| \n").split(" | ")] for line in block.splitlines()]
        found.append((lines[0], lines[2:]))
    return found


def results(name: str) -> dict[str, str]:
    """The sections of a results file; its title's is what stands above the first other one."""
    return sections((RESULTS / f"{name}.md").read_text(encoding="utf-8"), "^#{1,2} (.*)\n")


def cited(part: str) -> list[tuple[str, str]]:
    """File and section of each result that a part of a page names."""
    return CITED.findall(part)


def sources(part: str) -> list[str]:
    """The sections of results that a part of a page names."""
    return [results(name).get(heading, "") for name, heading in cited(part)]


def printed(part: str) -> set[str]:
    """The numbers in the results that a part of a page names."""
    return {number for source in sources(part) for number in re.findall(FIGURE, source)}


def stale(part: str) -> list[str]:
    """What a part of a page says and its results do not: figures in words, rows of tables."""
    measured = [table for source in sources(part) for table in tables(source)]
    wrong = sorted(claims(part) - printed(part))
    for header, rows in tables(part):
        known = [_columns(header, table) for table in measured if set(header) <= set(table[0])]
        there = {tuple(row) for rows_ in known for row in rows_}
        wrong += [" | ".join(row) for row in rows if tuple(row) not in there and (known or _measured(row))]
    return wrong


def _columns(header: list[str], table: Table) -> list[list[str]]:
    """The rows of a table, cut to the columns of that header."""
    places = [table[0].index(name) for name in header]
    return [[row[place] for place in places] for row in table[1] if len(row) == len(table[0])]


def _measured(row: list[str]) -> bool:
    """Whether a row holds a figure."""
    return bool(figures(SETTINGS.sub(" ", " ".join(row))))

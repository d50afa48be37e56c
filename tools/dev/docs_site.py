"""What the documentation's site has beside docs/: a hook of mkdocs (mkdocs.yml, `make docs`).

Pages of the repository become pages of the site, at the same place but for docs/, which becomes the root. So
a link that leads from one file of the repository to another leads there in the site too. Other files that a
page links travel along. What is neither, such as a folder, is a link into the repository once pyproject.toml
says where that lives; until then only its text stays. A link to nothing is a warning: no strict build.
"""

from __future__ import annotations

import fnmatch
import html
import logging
import posixpath
import re
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.dev import repository

ROOT = repository.PROJECT.parent
OWN = "docs/"  # mkdocs' own folder
HELP = "js/docs"  # the help pages: ComfyUI's frontend takes this folder for that of each page in it
PAGES = (
    *("api/README.md", "demo/model/README.md", "benchmarks/results/*.md", "js/docs/*/en.md"),
    *("CONTRIBUTING.md", "ARCHITECTURE.md", "AGENTS.md", "CHANGELOG.md"),
)
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
ELSEWHERE = re.compile(r"[a-z][a-z+.-]*:|#|/")  # another site, the same page
FORMULA = re.compile(r'(<(span|div) class="arithmatex">)\\[(\[](.*?)\\[)\]](</\2>)', re.DOTALL)
NESTED = re.compile(r"^ {2,3}(?=(?:[-*]|\d+\.) )", re.MULTILINE)  # a list inside a list, as GitHub reads it
log = logging.getLogger(f"mkdocs.{__name__}")  # mkdocs counts the warnings of its own loggers


def target(path: str, link: str) -> str:
    """The file of the repository that a link on the page at `path` leads to, without its #anchor."""
    folder = HELP if path.startswith(f"{HELP}/") else posixpath.dirname(path)
    return posixpath.normpath(posixpath.join(folder, link.partition("#")[0]))


def origin(uri: str) -> str:
    """The file of the repository that a file of the site is made of."""
    return f"{OWN}{uri}" if (ROOT / OWN / uri).exists() else uri


def links(text: str) -> list[str]:
    """What a text of Markdown links inside the repository, as it is written."""
    return [found[2] for found in LINK.finditer(text) if not ELSEWHERE.match(found[2])]


def pages(root: Path = ROOT) -> list[str]:
    """The pages of the site, as paths in the repository."""
    found = [path for pattern in (f"{OWN}**/*.md", *PAGES) for path in root.glob(pattern)]
    return sorted(path.relative_to(root).as_posix() for path in found)


def needed(root: Path = ROOT) -> list[str]:
    """The files of the repository outside docs/ that the site needs: its pages, and what those link."""
    shown = pages(root)
    texts = {path: (root / path).read_text(encoding="utf-8") for path in shown}
    linked = {target(path, link) for path, text in texts.items() for link in links(text)}
    kept = {path for path in linked if (root / path).is_file() and not path.endswith(".md")}
    return sorted(path for path in {*shown, *kept} if not path.startswith(OWN))


def mended(text: str, path: str, there: set[str], where: str | None) -> tuple[str, list[str]]:
    """The text of the page at `path` with the site's links and lists, and the links that lead to nothing.

    `there`: the files of the repository that the site has. `where`: OWNER/NAME, or None while nobody knows.
    """
    here = posixpath.dirname(path.removeprefix(OWN))
    dead = []

    def mend(found: re.Match[str]) -> str:
        words, link = found.groups()
        if ELSEWHERE.match(link):
            return found[0]
        led, anchor = target(path, link), "".join(link.partition("#")[1:])
        if led in there:
            return f"[{words}]({posixpath.relpath(led.removeprefix(OWN), here or '.')}{anchor})"
        if led.startswith("..") or not (ROOT / led).exists():
            dead.append(link)
        return f"[{words}](https://github.com/{where}/blob/main/{led}{anchor})" if where else words

    return NESTED.sub("    ", LINK.sub(mend, text)), dead


def opened(nav: list, names: list[str]) -> list:
    """The nav with the pages that its patterns match in their place; a section of none is left out."""
    found = []
    for entry in nav:
        if isinstance(entry, str):
            found += fnmatch.filter(names, entry) if "*" in entry else [entry]
            continue
        for title, inside in entry.items():
            inside = opened(inside, names) if isinstance(inside, list) else inside
            found += [{title: inside}] if inside else []
    return found


def drawn(page: str) -> str:
    """The page with what arithmatex marked as LaTeX turned into MathML."""

    def draw(found: re.Match[str]) -> str:
        opening, tag, latex, closing = found.groups()
        return (
            opening + convert(html.unescape(latex), display="block" if tag == "div" else "inline") + closing
        )

    return FORMULA.sub(draw, page)


def on_files(files: Files, /, *, config: MkDocsConfig, **_) -> Files:
    """Add the repository's files, and open the nav's patterns."""
    for path in needed():
        files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    config.nav = opened(config.nav or [], sorted(file.src_uri for file in files.documentation_pages()))
    return files


def on_page_markdown(markdown: str, /, *, page: Page, files: Files, **_) -> str:
    """Turn the repository's links into the site's."""
    path, there = origin(page.file.src_uri), {origin(file.src_uri) for file in files}
    where = repository.place(repository.PROJECT.read_text(encoding="utf-8"))
    text, dead = mended(markdown, path, there, where)
    for link in dead:
        log.warning("%s links %s, which is not there", path, link)
    return text


def on_page_content(page: str, /, **_) -> str:
    """Draw the formulas."""
    return drawn(page)

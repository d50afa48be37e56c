"""The documentation builds into a site without a network, and what it links is there."""

import os
import posixpath
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

pytest.importorskip("mkdocs", reason="mkdocs-material is not installed: `make setup` brings it")
pytest.importorskip("material", reason="mkdocs-material is not installed: `make setup` brings it")
pytest.importorskip("latex2mathml", reason="latex2mathml is not installed: `make setup` brings it")

from tools.dev import docs_site, repository

ROOT = Path(__file__).resolve().parents[2]
BUILD = """
import os, socket, sys
def refused(*_):
    os.write(2, b"the build asked for the network")
    os._exit(97)
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refused
from mkdocs.__main__ import cli
cli(["build", "--strict", "--site-dir", sys.argv[1]])  # with --quiet no warning is counted
"""
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src"}
OUTSIDE = re.compile(r"(?:[a-z][a-z+.-]*:)?//|mailto:", re.IGNORECASE)


class Read(HTMLParser):
    """A built page: what it loads by itself, where its links lead, the anchors in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values["id"]} if "id" in values else set()
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag == "link":
            self.loaded.append(values.get("href", ""))
        elif LOADED.get(tag) in values:
            self.loaded.append(values[LOADED[tag]])


def build(project: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a project into that folder, where any use of the network ends the program."""
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    line = [sys.executable, "-c", BUILD, str(folder)]
    return subprocess.run(line, cwd=project, env=env, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def built(site) -> dict[str, Read]:
    """The pages by their paths in the site."""
    found = {path.relative_to(site).as_posix(): path for path in site.rglob("*.html")}
    return {
        name: Read(path.read_text(encoding="utf-8")) for name, path in found.items() if name != "404.html"
    }


@pytest.mark.parametrize(
    ("page", "hook", "said"),
    [
        ("[x](none.md)", "", "1 warnings in strict mode"),
        ("[x](#none)", "", "1 warnings in strict mode"),
        ("x", "from urllib import request; request.urlopen('http://127.0.0.1:9')", "asked for the network"),
    ],
)
def test_a_build_that_must_fail_fails(tmp_path, page, hook, said):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(page)
    (tmp_path / "hook.py").write_text(hook)
    (tmp_path / "mkdocs.yml").write_text("site_name: x\nhooks: [hook.py]\nvalidation: {anchors: warn}\n")
    done = build(tmp_path, tmp_path / "out")
    assert done.returncode != 0 and said in done.stdout + done.stderr


def test_every_page_of_the_repository_is_built(built):
    names = {name.removeprefix("docs/") for name in docs_site.pages()}
    expected = {
        re.sub(r"(^|/)README\.md$", r"\1index.md", name).removesuffix(".md") + ".html" for name in names
    }
    assert expected == set(built)
    assert expected >= {
        *("index.html", "start.html", "tutorial.html", "settings.html", "faq.html", "comparison.html"),
        *("exactness.html", "noise_format.html", "api/index.html", "CONTRIBUTING.html"),
        *("benchmarks/results/solvers.html", "js/docs/UNS_Unsampler/en.html"),
    }


def test_nothing_is_loaded_from_elsewhere(site, built):
    loaded = [link for page in built.values() for link in page.loaded]
    assert len(loaded) > 100 and not [link for link in loaded if OUTSIDE.match(link)]
    sheets = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert sheets
    named = [url for sheet in sheets for url in re.findall(r"""(?:url\(|@import )["']?([^"')]+)""", sheet)]
    assert not [url for url in named if OUTSIDE.match(url)]


def test_links_lead_to_files_and_headings_of_the_site(site, built):
    wrong, checked = [], 0
    for name, page in built.items():
        for link in page.links + page.loaded:
            path, _, anchor = unquote(link).partition("#")
            if OUTSIDE.match(link) or (not path and not anchor):
                continue
            led = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
            led = posixpath.join(led, "index.html") if (site / led).is_dir() else led
            there = (site / led).is_file() and (
                not anchor or led not in built or anchor in built[led].anchors
            )
            wrong += [] if there else [f"{name}: {link}"]
            checked += 1
    assert wrong == [] and checked > 1000


def test_no_address_of_the_repository_is_made_up(site):
    """Until pyproject.toml says where it lives, no page does."""
    known = repository.place(repository.PROJECT.read_text(encoding="utf-8"))
    texts = [path.read_text(encoding="utf-8") for path in site.rglob("*.html")]
    made_up = [text for text in texts if f"{repository.UNKNOWN}/unsampling" in text]
    assert not made_up and (known is None) == (not any("/unsampling/blob/main/" in text for text in texts))


def test_formulas_are_drawn_without_a_script(site):
    text = (site / "exactness.html").read_text(encoding="utf-8")
    marked = len(re.findall('class="arithmatex"', text))
    assert marked > 100 and len(re.findall("<math ", text)) == marked
    assert not re.search(
        r"\\(?:frac|sigma|\(|\[|left)|\$", re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    )


@pytest.mark.parametrize(
    ("latex", "holds"),
    [
        (r"\hat\sigma", "<mover"),
        (r"a &lt; b", "&#x0003C;"),
        (r"\frac{x - D}{\sigma}", "<mfrac"),
        (r"x^s", "<msup"),
    ],
)
def test_a_formula_becomes_mathml(latex, holds):
    drawn = docs_site.drawn(f'<p>so <span class="arithmatex">\\({latex}\\)</span> is</p>')
    assert drawn.startswith('<p>so <span class="arithmatex"><math') and drawn.endswith(
        "</math></span> is</p>"
    )
    assert holds in drawn


THERE = {
    "docs/settings.md",
    "docs/images/a.png",
    "benchmarks/results/solvers.md",
    "api/README.md",
    "api/queue_prompt.py",
    "js/docs/UNS_A/effect.webp",
    "js/docs/UNS_B/en.md",
}


@pytest.mark.parametrize(
    ("path", "link", "leads"),
    [
        ("docs/settings.md", "../benchmarks/results/solvers.md", "benchmarks/results/solvers.md"),
        ("docs/faq.md", "settings.md#cfg", "settings.md#cfg"),
        ("api/README.md", "queue_prompt.py", "queue_prompt.py"),
        ("benchmarks/results/solvers.md", "../../docs/settings.md", "../../settings.md"),
        ("CONTRIBUTING.md", "docs/settings.md", "settings.md"),
        ("docs/faq.md", "images/a.png", "images/a.png"),
        ("docs/faq.md", "https://example.org/a", "https://example.org/a"),
        ("docs/faq.md", "#cfg", "#cfg"),
        # a help page's links begin where ComfyUI's frontend has them begin
        ("js/docs/UNS_A/en.md", "UNS_A/effect.webp", "effect.webp"),
        ("js/docs/UNS_A/en.md", "UNS_B/en.md", "../UNS_B/en.md"),
    ],
)
def test_a_link_between_files_of_the_repository_is_one_of_the_site(path, link, leads):
    assert docs_site.mended(f"see [a `b`]({link}).", path, THERE, None) == (f"see [a `b`]({leads}).", [])


def test_what_the_site_has_not_is_a_link_once_the_repository_has_an_address():
    text = "[the client](../tools/client/) and ![x](images/a.png)"
    assert docs_site.mended(text, "docs/faq.md", THERE, None)[0] == "the client and ![x](images/a.png)"
    address = "https://github.com/someone/unsampling/blob/main/tools/client"
    mended, dead = docs_site.mended(text, "docs/faq.md", THERE, "someone/unsampling")
    assert mended == f"[the client]({address}) and ![x](images/a.png)" and dead == []


@pytest.mark.parametrize("link", ["no_such_page.md", "../no/such.py", "../../outside.md", "images/none.png"])
@pytest.mark.parametrize("where", [None, "someone/unsampling"])
def test_a_link_to_nothing_is_told(link, where):
    assert docs_site.mended(f"[x]({link})", "docs/faq.md", THERE, where)[1] == [link]


def test_a_list_inside_a_list_stays_inside():
    """GitHub takes two or three spaces for that, mkdocs four."""
    mended, _ = docs_site.mended("1. a\n   - b\n     c\n2. d\n- e\n  - f\n", "docs/faq.md", THERE, None)
    assert mended == "1. a\n    - b\n     c\n2. d\n- e\n    - f\n"


def test_patterns_of_the_nav_take_the_pages_that_are_there():
    nav = ["index.md", {"Farms": ["farms*.md", "scale*.md"]}, {"Nodes": ["js/docs/*/en.md"]}, {"A": "a.md"}]
    names = ["farms.md", "farms_windows.md", "index.md", "js/docs/A/en.md", "js/docs/B/en.md"]
    assert docs_site.opened(nav, names) == [
        *("index.md", {"Farms": ["farms.md", "farms_windows.md"]}),
        *({"Nodes": ["js/docs/A/en.md", "js/docs/B/en.md"]}, {"A": "a.md"}),
    ]
    assert docs_site.opened(nav, names[2:])[1] == {"Nodes": ["js/docs/A/en.md", "js/docs/B/en.md"]}

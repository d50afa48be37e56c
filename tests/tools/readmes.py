"""What must be the same in README.md and its translations, paragraph by paragraph."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token
from quoted import ROOT

ENGLISH = "README.md"
TRANSLATIONS = {"README.zh-CN.md": "zh", "README.ja.md": "ja"}  # with the language of locales/
NUMBER = re.compile(r"-?[0-9]+(?:[.,][0-9]+)*")
COMMENT = re.compile(r"\s*#.*$", re.MULTILINE)
NAMED = re.compile(r'"[^"]+"|[A-Z_]{4,}|[\w~.-]*/[\w./-]*', re.ASCII)  # in a comment: arguments, files
EAST_ASIAN = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
READER = MarkdownIt("commonmark").enable("table")


class Paragraph(NamedTuple):
    """A heading, paragraph, list item, cell of a table or block of code.

    kind: its HTML element, in a list of items with that in front. source: as it is written. words: what a
    reader sees of it, but for code. facts: what no translation may change.
    """

    kind: str
    source: str
    words: str
    emphasised: list[str]
    facts: dict[str, list[str]]


def paragraphs(text: str) -> list[Paragraph]:
    found, inside = [], []
    for token in READER.parse(text):
        if token.type == "fence":
            found.append(_code(token))
        elif token.type == "inline":
            found.append(_prose("".join(inside[-2:]), token))
        elif token.nesting == 1:
            inside.append(token.tag)
        elif token.nesting == -1:
            inside.pop()
    return found


def _code(token: Token) -> Paragraph:
    """Comments in code may be translated, but not what they name."""
    comments = "\n".join(COMMENT.findall(token.content))
    facts = {
        "language": [token.info],
        "code": COMMENT.sub("", token.content).splitlines(),
        "named in comments": sorted(NAMED.findall(comments) + NUMBER.findall(comments)),
    }
    return Paragraph("code", token.content, "", [], facts)


def _prose(kind: str, token: Token) -> Paragraph:
    parts = token.children or []
    words = "".join(" " if part.type == "softbreak" else part.content for part in parts if _seen(part))
    alternatives = [part.content for part in parts if part.type == "image"]
    links = [str(part.attrGet("href") or part.attrGet("src")) for part in parts if part.tag in ("a", "img")]
    facts = {
        "numbers": sorted(NUMBER.findall(" ".join([words, *alternatives]))),
        "code": sorted(part.content for part in parts if part.type == "code_inline"),
        "links": sorted(link for link in links if link not in ("None", ENGLISH, *TRANSLATIONS)),
        "sections": sorted(re.findall(r'"[^"]+"', words)),
    }
    emphasised = re.findall(r"\*{1,2}(\w+)\*{1,2}", token.content)
    return Paragraph(kind, token.content, " ".join([words, *alternatives]), emphasised, facts)


def _seen(part: Token) -> bool:
    return part.type in ("text", "softbreak")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def differences(ours: str, theirs: str) -> list[str]:
    """What a translation has otherwise than README.md, or lacks."""
    english, other = paragraphs(ours), paragraphs(theirs)
    if [one.kind for one in english] != [one.kind for one in other]:
        return [_first_other(english, other)]
    return [
        f"{what}: {one.facts[what]} in {_begin(one)!r}, {same.facts[what]} in {_begin(same)!r}"
        for one, same in zip(english, other, strict=True)
        for what in one.facts
        if one.facts[what] != same.facts[what]
    ]


def _first_other(english: list[Paragraph], other: list[Paragraph]) -> str:
    """Where the order of headings, paragraphs, items, cells and code first differs."""
    for one, same in zip(english, other, strict=False):
        if one.kind != same.kind:
            return f"kind: {one.kind} {_begin(one)!r}, {same.kind} {_begin(same)!r}"
    longer = english if len(english) > len(other) else other
    return f"kind: one text ends before {_begin(longer[min(len(english), len(other))])!r}"


def _begin(one: Paragraph) -> str:
    return one.source[:60]


def untranslated(ours: str, theirs: str) -> list[str]:
    """The paragraphs of words that a translation has in English."""
    pairs = zip(paragraphs(ours), paragraphs(theirs), strict=True)
    return [
        _begin(same)
        for one, same in pairs
        if len(re.findall(r"\b[a-z]{2,}\b", one.words)) >= 3 and not EAST_ASIAN.search(same.words)
    ]


def digests(text: str) -> list[str]:
    """A mark for each paragraph that is another once its words are; line breaks do not count."""
    each = (" ".join(one.source.split()) for one in paragraphs(text))
    return [hashlib.blake2b(one.encode(), digest_size=4).hexdigest() for one in each]

"""The nodes' texts in every language: all there, none breaks the frontend, English is what the nodes say."""

import json
import re

import pytest

from tools.dev import translations
from tools.dev.translations import (
    COMPILED,
    ENGLISH,
    INTERFACE,
    LANGUAGES,
    digest,
    english,
    flat,
    texts_of,
    todo,
)

OURS = dict(flat(english(json.loads(INTERFACE.read_text(encoding="utf-8")))))


def test_english_is_what_the_nodes_say():
    """Renewed by: python tools/dev/translations.py --english"""
    assert texts_of(ENGLISH) == OURS
    assert len(OURS) > 250 and all(OURS.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_every_text_and_no_other(language):
    """What is to be done says: python tools/dev/translations.py"""
    found = todo(texts_of(language), OURS, translations.made_from().get(language, {}))
    assert not found["missing"] and not found["gone"]


@pytest.mark.parametrize("language", [ENGLISH, *LANGUAGES])
def test_no_text_is_code_to_the_frontend(language):
    assert not [key for key, text in texts_of(language).items() if set(text) & set(COMPILED)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_and_files_are_those_of_english(language):
    """A translation that says 0.1 where English says 0.01, or that turns a file's ending, misleads."""
    odd = {
        key: text
        for key, text in texts_of(language).items()
        if key in OURS and _figures(text) != _figures(OURS[key]) and key in fits_today(language)
    }
    assert not odd


def fits_today(language: str) -> set[str]:
    """The keys whose text was made from today's English."""
    made = translations.made_from().get(language, {})
    return {key for key, text in OURS.items() if made.get(key) == digest(text)}


def _figures(text: str) -> list[str]:
    return sorted(re.findall(r"(?<![A-Za-z0-9])\d+(?:[.,]\d+)*", text.replace(",", ".")))


def test_what_is_to_be_done_is_found():
    ours = {"a": "one", "b": "two", "c": "three", "d": "four"}
    theirs = {"a": "eins", "b": "zwei", "d": " ", "x": "weg"}
    made = {"a": digest("one"), "b": digest("another two")}
    assert todo(theirs, ours, made) == {"missing": ["c", "d"], "changed": ["b"], "gone": ["x"]}


def test_done_keeps_what_a_language_was_made_from(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(translations, "LOCALES", tmp_path)
    monkeypatch.setattr(translations, "MADE_FROM", tmp_path / "made.json")
    first = english(json.loads(INTERFACE.read_text(encoding="utf-8")))
    first["UNS_Unsampler"]["description"] = "an older sentence"
    translations.write(tmp_path / "ja" / "nodeDefs.json", first)
    assert translations.main(["--done", "ja"]) == 1
    told = capsys.readouterr().out
    assert "ja: changed" not in told and "ko: missing: UNS_Unsampler.description: " in told
    made = translations.made_from()
    made["ja"]["UNS_Unsampler.description"] = digest("an older sentence")
    translations.write(translations.MADE_FROM, made)
    translations.main([])
    assert (
        f"ja: changed: UNS_Unsampler.description: {OURS['UNS_Unsampler.description']}"
        in capsys.readouterr().out
    )

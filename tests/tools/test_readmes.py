"""README.md quotes its results, names every node, and its translations say the same.

A change of README.md is done when README.zh-CN.md and README.ja.md have it too. Then
UPDATE_SNAPSHOTS=1 python -m pytest tools/test_readmes.py records which text they were made from.
"""

import json
import os
import re
from decimal import Decimal
from pathlib import Path

import pytest
import torch
from quoted import cited, claims, printed, results, tables
from readmes import ENGLISH, TRANSLATIONS, differences, digests, paragraphs, read, untranslated

from tools.dev import translations
from unsampling import schedules, solvers, storage

MADE_FROM = Path(__file__).parents[1] / "data" / "readme_translated_from.json"
OURS = read(ENGLISH)
PLACES = ("on disk", "in memory")
SHARES = r"(\d[\d.]*) %"


def names(language: str) -> dict[str, str]:
    """What ComfyUI calls our nodes in a language, by id."""
    texts = translations.texts_of(language)
    return {key.split(".")[0]: text for key, text in texts.items() if key.endswith(".display_name")}


def cells(text: str) -> list[str]:
    """The first cells of the rows of the table of nodes, which is the last table of two columns."""
    found = paragraphs(text)
    header = max(place for place, one in enumerate(found) if one.kind == "trth")
    return [one.words for one in found[header + 1 :] if one.kind == "trtd"][::2]


# README.md alone


@pytest.mark.parametrize(
    "one", [one for one in paragraphs(OURS) if cited(one.source)], ids=lambda one: one.source[:40]
)
def test_a_figure_is_in_the_section_that_stands_beside_it(one):
    assert all(section in results(name) for name, section in cited(one.source))
    assert unprinted(one.source) == set()


def unprinted(text: str) -> set[str]:
    """Figures that are not in the results named; a percentage may stand there as a share."""
    there = printed(text)
    shares = {number for number in re.findall(SHARES, text) if str(Decimal(number) / 100) in there}
    return claims(text) - there - shares


def test_a_stale_figure_is_found():
    text = 'Loses {} %, {} pixels ([x](benchmarks/results/solvers.md), "The ones to compare").'
    assert unprinted(text.format("2.5", "0.068")) == set()
    assert unprinted(text.format("61", "0.0681")) == {"61", "0.0681"}
    assert unprinted(text.format("23", "0.23")) == set()


def rows_of(name: str, section: str, of: str) -> list[dict[str, str]]:
    """The rows of a results' section whose first cells, joined, begin so; each by its header."""
    found = [(header, row) for header, rows in tables(results(name)[section]) for row in rows]
    return [dict(zip(header, row, strict=True)) for header, row in found if " | ".join(row).startswith(of)]


def of_solvers() -> list[str]:
    compared = "The ones to compare"
    euler, dpmpp_2m = (rows_of("solvers", compared, f"core {pair} |") for pair in ("euler", "dpmpp_2m"))
    lost = [100 * float(row["round trip"]) for row in euler + dpmpp_2m]
    worst = max(100 * float(row["worst frame"]) for row in euler + dpmpp_2m)
    ours = [row["edit cfg 1"] for row in rows_of("solvers", compared, "midpoint | full |")]
    core = [row["edit cfg 1"] for row in euler]
    return [
        f"loses {min(lost):.2g} % to {max(lost):.2g} % of it, in one frame {worst:.2g} %",
        f"within {ours[1]} of the ideal in one analytic world and within {ours[0]} in a harder one",
        f"those by core's euler within {core[1]} and {core[0]}.",
    ]


def of_style_transfer() -> list[str]:
    light = "Between light styles"
    ways = ("direct path, then recorded", "core euler", "FlowEdit")
    ours, euler, flow_edit = (rows_of("style_transfer", light, f"{way} | 1 |")[0] for way in ways)
    good = [row["in style within 1 px"].split(" (")[0] for row in (ours, euler, flow_edit)]
    clips = re.search(r"(\d+) clips\.", results("style_transfer")[light])[1]
    taken = round(int(good[0].removesuffix(" %")) * int(clips) / 100)
    (guided,) = rows_of("style_transfer", light, f"{ways[0]} | 2 |")
    assert guided["in style within 1 px"].startswith("100 %")
    strong = rows_of("style_transfer", light, "FlowEdit | 3 |")[0]["in style within 1 px"].split(" (")[0]
    down, total = re.search(r"[+] (.*?) = (.*)", ours["rows"]).groups()
    return [
        f"{taken} of {clips} clips of the demo's world take the new look at cfg 1 with their shapes in place,"
        f" {ours['motion error'].split(' px')[0]} pixels off on average, and at cfg 2, where the nodes begin,"
        " all do.",
        f"With FlipSigmas and euler {good[1]} of the clips do",
        f"{taken} of {clips} take the look and keep their shapes within a pixel (mean of a clip),"
        " at cfg 2 all.",
        f"With core's euler {good[1]} of them do, with FlowEdit {good[2]}, at cfg 3 {strong}.",
        *of_lightness(),
        *of_low_schedules(),
        f"Both passes cost {total} model calls, a further restyle {down}.",
    ]


def of_lightness() -> list[str]:
    """Across lightness, with and without turn_lightness."""
    of, way = "Across lightness", "direct path, then recorded"
    turned, kept = (
        rows_of("style_transfer", of, f"{name} | 1 |")[0] for name in (way, f"{way}, lightness kept")
    )
    error, lost = ([row[key].split(" (")[0] for row in (kept, turned)] for key in ("restyle error", "lost"))
    return [
        f"*turn_lightness* takes the restyle error from {error[0]} to {error[1]}.",
        f"{lost[1]} of the shapes lose their place, {lost[0]} without it.",
    ]


def of_low_schedules() -> list[str]:
    """From sigma 14.6."""
    ways = (
        "direct path, then recorded | 1",
        "direct path, then recorded | 3",
        "core euler | 1",
        "FlowEdit | 1",
    )
    section = "From sigma 14.6, between light styles"
    at_1, at_3, euler, flow_edit = (rows_of("style_transfer", section, f"{way} |")[0] for way in ways)
    further = re.search(r"[+] (.*?) =", at_1["rows"])[1]
    return [
        f"{at_1['style hit']} of the clips take the look at cfg 1, and {at_3['style hit']} at cfg 3. "
        f"With core's euler {euler['style hit']} do, with FlowEdit {flow_edit['style hit']}.",
        f"The restyle error is {at_1['restyle error'].split(' (')[0]} at cfg 1, "
        f"core's euler's {euler['restyle error'].split(' (')[0]}.",
        f"A further restyle takes {further} calls there.",
    ]


def of_overhead() -> list[str]:
    of = "Overhead: our two passes beside core's"
    core, shipped = (rows_of("overhead", of, row)[0] for row in ("core: FlipSigmas", "ours as shipped"))
    assert int(shipped["model calls"]) - int(core["model calls"]) == 3
    return [
        f"a model call takes {shipped['per call over core']} times core's time",
        f"and {shipped['memory over core']} times its memory, and there are three calls more in all.",
    ]


def of_memory() -> list[str]:
    of = "Memory: our two passes on long clips"
    disk, memory = (rows_of("memory", of, f"1024 | ours, record {where} |")[0] for where in PLACES)
    return [
        f"1,024 frames of 512x512 take {disk['peak MiB']} MiB with the record on disk",
        f"and {memory['peak MiB']} MiB with the record in memory.",
    ]


@pytest.mark.parametrize("measured", [of_solvers, of_style_transfer, of_overhead, of_memory])
def test_a_sentence_says_what_the_rows_that_it_means_say(measured):
    text = " ".join(OURS.split())
    assert not [words for words in measured() if words not in text]


def test_other_figures_are_those_of_the_code():
    said = set().union(*(claims(one.source) for one in paragraphs(OURS) if not cited(one.source)))
    clip = torch.zeros(16, 4, 64, 64)
    steps = schedules.ays("SD1", 16)
    sees_repeats = 1  # a call that sees whether the model repeats itself
    calls = solvers.pair("midpoint").calls_rising(steps, True) + sees_repeats
    size, _ = storage.latents(clip, calls, False, 16)
    assert size == (16 + 4) * clip.nbytes
    flip_sigmas = "0.0001"
    assert said == {f"{size / 2**20:.0f}", f"{storage.LIMIT_GIB:.0f}", flip_sigmas}


def test_the_table_names_every_node_as_comfyui_does():
    assert sorted(" / ".join(cells(OURS)).split(" / ")) == sorted(names("en").values())


# the translations


@pytest.mark.parametrize("name", TRANSLATIONS)
def test_a_translation_has_the_same_headings_code_links_and_numbers(name):
    assert differences(OURS, read(name)) == []


@pytest.mark.parametrize("name", TRANSLATIONS)
def test_all_of_it_is_translated_and_drawn(name):
    text = read(name)
    assert untranslated(OURS, text) == []
    assert not [one.words for one in paragraphs(text) if re.search(r"[*`]|\]\(", one.words)]


@pytest.mark.parametrize(("name", "language"), TRANSLATIONS.items())
def test_nodes_and_inputs_are_called_as_comfyui_calls_them_there(name, language):
    assert misnamed(read(name), language) == []
    assert {word for one in paragraphs(OURS) for word in one.emphasised} >= {"record", "cfg", "structure"}


def misnamed(text: str, language: str) -> list[str]:
    """The nodes and inputs without the name that ComfyUI shows in a language and the English one."""
    ours, theirs, shown = names("en"), names(language), inputs(language)
    wrong = [
        ours[node]
        for row, same in zip(cells(OURS), cells(text), strict=True)
        for node in ours
        if ours[node] in row.split(" / ") and f"{theirs[node]}（{ours[node]}）" not in same  # noqa: RUF001
    ]
    for one, same in zip(paragraphs(OURS), paragraphs(text), strict=True):
        for word in set(one.emphasised) & set(shown):
            named = shown[word] & set(same.emphasised) and word in same.words
            wrong += [] if named else [word]
    return wrong


def inputs(language: str) -> dict[str, set[str]]:
    """What the inputs of our nodes are called in a language, by the name that the API has."""
    found: dict[str, set[str]] = {}
    for key, text in translations.texts_of(language).items():
        if re.fullmatch(r"\w+\.inputs\.\w+\.name", key):
            found.setdefault(key.split(".")[2], set()).add(text)
    return found


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("README.md", "English · [中文](README.zh-CN.md) · [日本語](README.ja.md)"),
        ("README.zh-CN.md", "[English](README.md) · 中文 · [日本語](README.ja.md)"),
        ("README.ja.md", "[English](README.md) · [中文](README.zh-CN.md) · 日本語"),
    ],
)
def test_the_first_lines_lead_to_the_other_languages(name, line):
    assert read(name).splitlines()[:3] == ["# Unsampling", "", line]


def test_they_were_made_from_this_text():
    """A sentence may change without a figure: then both translations are to be looked at."""
    now = digests(OURS)
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        MADE_FROM.write_text(json.dumps(now, indent=0) + "\n", encoding="utf-8")
    made = json.loads(MADE_FROM.read_text(encoding="utf-8"))
    new = [one.source for one, digest in zip(paragraphs(OURS), now, strict=True) if digest not in made]
    assert new == [], f"bring {' and '.join(TRANSLATIONS)} up to date, then run with UPDATE_SNAPSHOTS=1"
    assert now == made, "a paragraph of README.md is gone, or has moved"


# that these tests can fail


@pytest.mark.parametrize("name", TRANSLATIONS)
@pytest.mark.parametrize(
    ("there", "instead", "found"),
    [
        ("0.0096", "0.0097", "numbers"),
        ("1,024", "1,204", "numbers"),
        ("-1", "1", "numbers"),
        ("(1 ", "(2 ", "numbers"),
        ("`record: half`", "`record: full`", "code"),
        ("(docs/farms.md)", "(docs/scale.md)", "links"),
        ("(docs/images/workflow_sd15.jpg)", "(docs/images/icon.png)", "links"),
        ('"Between light styles"', '"Every clip"', "sections"),
        ("unsample(denoise, x0, sigmas", "unsample(denoise, sigmas, x0", "code"),
        ("clip my.mp4", "clip your.mp4", "named in comments"),
        ("# falling, last 0", "# falling, last 1", "named in comments"),
        ("```python", "```", "language"),
        ("## Install\n", "### Install\n", "kind"),
        ("## Install\n", "## Install\n\n### Windows\n", "kind"),
        ("## Install\n", "", "kind"),
        ("\nThe licence is GPL-3.0-or-later: [LICENSE](LICENSE).\n", "", "kind"),
        ("| First Frames |", "| Last Frames | new |\n| First Frames |", "kind"),
        ("- You queue many clips", "- You like it.\n- You queue many clips", "kind"),
        ("\nBoth set themselves up", "\n```\nmake docs\n```\n\nBoth set themselves up", "kind"),
    ],
)
def test_another_fact_in_readme_is_found(name, there, instead, found):
    assert there in OURS
    told = differences(OURS.replace(there, instead, 1), read(name))
    assert told and all(line.startswith(f"{found}:") for line in told)


@pytest.mark.parametrize(
    ("name", "there", "instead", "found"),
    [
        ("README.ja.md", "ノイズを混合（", "ノイズ混合（", ["Mix Noise"]),  # noqa: RUF001
        ("README.zh-CN.md", "（VAE Encode (long clips)）", "", ["VAE Encode (long clips)"]),  # noqa: RUF001
        ("README.zh-CN.md", "**结构**", "**构图**", ["structure"]),
        ("README.ja.md", "（record、", "（", ["record"]),  # noqa: RUF001
    ],
)
def test_another_name_is_found(name, there, instead, found):
    text = read(name)
    assert there in text
    assert misnamed(text.replace(there, instead, 1), TRANSLATIONS[name]) == found


def test_another_sentence_is_found_and_a_line_break_is_none():
    assert digests("A red\nfox.\n\nB.") == digests("A red fox.\n\nB.") != digests("A dead fox.\n\nB.")
    assert untranslated("The look changes here.", "The look changes there.") == ["The look changes there."]
    assert untranslated("The look changes here.", "风格改变。") == []

"""Every node has a help page that the frontend can find, with a picture, typical values and what to do about
trouble; and no page is left of a node that is gone."""

import ast
import json
import re
from pathlib import Path

import pytest
from PIL import Image

REPOSITORY = Path(__file__).parents[2]
NODES = json.loads((REPOSITORY / "tests/data/node_interfaces.json").read_text())
PAGES = REPOSITORY / "js" / "docs"
PICTURE = re.compile(r"^!\[([^\]]+)\]\(([^)]+)\)$", re.MULTILINE)
LARGEST, ALL = 40_000, 700_000  # bytes of a picture, and of all of them
NARROW = 400  # pixels that a help panel is wide; pictures are drawn for twice that
ALTERNATIVE = 40  # characters that a picture's alternative text has at least
# an entry of the trouble list: a table of three columns would not fit into the help panel
TROUBLE = re.compile(r"^- (.+?)\. \*\*Why\*\*: (.+?)\. \*\*Do\*\*: (.+)\.$", re.MULTILINE)
FAMILIES = ["SD1.5", "SDXL", "Wan"]
TEMPLATES = {  # the ones whose values the tables give, by family
    "SD1.5": ("unsampling_animatediff_sd15", "restyle_saved_noise"),
    "SDXL": ("unsampling_animatediff_sdxl", "unsampling_hotshotxl"),
    "Wan": ("unsampling_wan_video", "unsampling_wan22_video"),
}
SAME_EVERYWHERE = {  # nodes whose settings have nothing to do with the family of the model
    *("UNS_LabelledGrid", "UNS_SaveNoise", "UNS_LoadNoise", "UNS_MixNoise"),
}
WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")


def page(node: str) -> str:
    return (PAGES / node / "en.md").read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands below a heading; "" without it."""
    _, found, rest = text.partition(f"\n## {heading}\n")
    return re.split(r"^## ", rest, flags=re.MULTILINE)[0] if found else ""


def table(text: str) -> list[list[str]]:
    """Header and rows of the table in a text, cell by cell."""
    rows = [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in text.splitlines()
        if line[:1] == "|"
    ]
    return [*rows[:1], *rows[2:]]


def settings(node: str) -> dict[str, object]:
    """A node's widgets and their defaults."""
    inputs = NODES[node]["input"]
    every = {**inputs.get("required", {}), **inputs.get("optional", {})}
    return {
        name: (how[1] if len(how) > 1 else {}).get("default")
        for name, how in every.items()
        if isinstance(how[0], list) or any(kind in WIDGETS for kind in str(how[0]).split(","))
    }


def test_each_node_has_its_page():
    pages = {page.parent.name for page in PAGES.glob("*/en.md")}
    assert pages == set(NODES)


def test_pages_begin_with_the_nodes_name_and_know_its_inputs():
    for node_id, node in NODES.items():
        assert page(node_id).startswith(f"# {node['display_name']}\n")
    for name in ("sigmas", "cfg", "solver", "end", "record", "positive", "latent_image", "model"):
        assert f"**{name}**" in page("UNS_Unsampler")


@pytest.mark.parametrize("node", NODES)
def test_a_page_has_one_picture_near_its_top(node):
    """Where the frontend looks for it: from the folder of all help pages, not from the page's own."""
    text = page(node)
    [(alternative, path)] = PICTURE.findall(text)
    assert path == f"{node}/effect.webp" and (PAGES / path).is_file()
    assert len(alternative) >= ALTERNATIVE and "effect" not in alternative
    before, after = text.split("](" + path, 1)
    assert before.count("\n\n") == 2, "the picture stands behind the first words"
    assert len(after.split("\n\n")[1]) > 30, "and what it shows stands below it"


@pytest.mark.parametrize("node", NODES)
def test_a_picture_is_small_and_can_be_read_in_a_narrow_panel(node):
    path = PAGES / node / "effect.webp"
    assert path.stat().st_size <= LARGEST
    with Image.open(path) as picture:
        assert picture.format == "WEBP" and picture.width == 2 * NARROW and picture.height <= 1000


def test_all_pictures_together_are_small():
    pictures = list(PAGES.glob("*/effect.webp"))
    assert len(pictures) == len(NODES) and sum(path.stat().st_size for path in pictures) <= ALL


def test_a_picture_by_the_demos_model_says_so():
    """No picture looks as if a pretrained model had made it."""
    by_model = {
        path.parent.name
        for path in PAGES.glob("*/en.md")
        if "The demo's small model made" in path.read_text()
    }
    source = (REPOSITORY / "demo/help/passes.py").read_text(encoding="utf-8")
    assert by_model == set(re.findall(r'"(UNS_\w+)":', source)) and len(by_model) > 8


@pytest.mark.parametrize("node", NODES)
def test_a_page_says_what_to_do_about_trouble(node):
    text = section(page(node), "Trouble")
    entries = [line for line in text.splitlines() if line.startswith("- ")]
    assert len(TROUBLE.findall(text)) == len(entries) >= 2 and "|" not in text


def said() -> list[str]:
    """All texts in the code that users may be shown, with ... for what is put in."""
    found = []
    for folder in ("host", "unsampling", "nodes"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
                elif isinstance(node, ast.JoinedStr):
                    parts = (part.value if isinstance(part, ast.Constant) else "..." for part in node.values)
                    found.append("".join(map(str, parts)))
    return found


SAID = said()


def unsaid(cell: str) -> list[str]:
    """The sentences that a cell quotes and no code says; two words at most are a name."""
    quoted = [quote for quote in re.findall(r"\*([^*]+)\*", cell) if len(quote.split()) > 2]
    return [quote for quote in quoted if not any(in_order(quote.split("..."), text) for text in SAID)]


def in_order(pieces: list[str], text: str) -> bool:
    """Whether a text has these pieces, one after the other."""
    at = 0
    for piece in (piece.strip() for piece in pieces):
        at = text.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


@pytest.mark.parametrize("node", NODES)
def test_what_a_trouble_list_quotes_is_what_a_node_says(node):
    found = TROUBLE.findall(section(page(node), "Trouble"))
    assert [quote for seen, *_ in found for quote in unsaid(seen)] == []


def test_a_sentence_that_nobody_says_is_found():
    assert unsaid("*noise is not noise of that schedule*") == ["noise is not noise of that schedule"]
    assert unsaid("*noise is not noise of this schedule*") == []
    assert unsaid("*model has ..., which skips model calls*") == []
    assert unsaid("*which skips model calls ... model has*") != []


def test_most_trouble_lists_quote_a_sentence():
    quoting = [
        node for node in NODES if re.search(r"^- \*\w+ \w+ \w+", section(page(node), "Trouble"), re.MULTILINE)
    ]
    assert len(quoting) > 15


def test_a_node_with_settings_has_typical_values():
    with_table = {node for node in NODES if section(page(node), "Typical values")}
    assert with_table == {node for node in NODES if settings(node)} - SAME_EVERYWHERE


def in_template(name: str) -> list[dict]:
    """The nodes of a template with their values by name, as its API prompt has them; a link is no value."""
    prompt = json.loads((REPOSITORY / "api" / f"{name}.json").read_text(encoding="utf-8"))
    return [
        {name: value for name, value in node["inputs"].items() if not isinstance(value, list)}
        | {"type": node["class_type"]}
        for node in prompt.values()
    ]


def shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def differing(node: str) -> list[str]:
    """What the table of typical values has otherwise than the shipped workflows."""
    wrong = []
    header, *rows = table(section(page(node), "Typical values"))
    for name, *cells in rows:
        for family, cell in zip(header[1:], cells, strict=True):
            values = [
                shown(one[name.strip("*")])
                for template in TEMPLATES.get(family, ())
                for one in in_template(template)
                if one["type"] == node and name.strip("*") in one
            ]
            wrong += [
                f"{name} {family}: {value}, not {cell}" for value in values if not cell.startswith(value)
            ]
    return wrong


@pytest.mark.parametrize(
    "node", sorted(node for node in NODES if settings(node) and node not in SAME_EVERYWHERE)
)
def test_typical_values_are_those_of_the_shipped_workflows(node):
    header, *rows = table(section(page(node), "Typical values"))
    assert header == ["setting", *FAMILIES] and rows
    named = {name.strip("*") for name, *_ in rows if name.startswith("**")}
    inputs = NODES[node]["input"]
    assert named <= {*inputs.get("required", {}), *inputs.get("optional", {})}
    assert differing(node) == []


def test_a_page_that_names_a_result_quotes_it():
    cited = {}
    for node in NODES:
        for paragraph in page(node).split("\n\n"):
            for name in re.findall(r"`(benchmarks/results/\w+\.md)`", paragraph):
                printed = set(re.findall(r"\d[\d,.]*\d|\d", (REPOSITORY / name).read_text(encoding="utf-8")))
                cited[node] = set(re.findall(r"\d[\d,]*(?= MiB)", paragraph))
                assert cited[node] and cited[node] <= printed
    assert {"UNS_EncodeClip", "UNS_DecodeClip"} <= set(cited)

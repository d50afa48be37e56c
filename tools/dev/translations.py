"""What our nodes say in other languages, and which of it English has outgrown.

    python tools/dev/translations.py              what is missing, changed or gone, language by language
    python tools/dev/translations.py --english    renews locales/en from the recorded interface of the nodes
    python tools/dev/translations.py --done zh    zh fits today's English: call it after translating

ComfyUI's frontend reads locales/LANGUAGE/nodeDefs.json of every pack.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCALES = ROOT / "locales"
INTERFACE = ROOT / "tests" / "data" / "node_interfaces.json"
MADE_FROM = Path(__file__).with_name("translated_from.json")  # by language: the digest of each text's English
ENGLISH = "en"
LANGUAGES = ("zh", "zh-TW", "ja", "ko", "fr", "es", "de", "ru")
COMPILED = "{}@|"  # vue-i18n reads these as code in some of the texts

Texts = dict[str, str]


def english(interface: dict) -> dict:
    """All texts of our nodes as the frontend names them: node, inputs by name, outputs by number."""
    return {kind: _of_node(node) for kind, node in sorted(interface.items())}


def _of_node(node: dict) -> dict:
    specs = {}
    for group in ("required", "optional"):
        specs |= {name: (spec[1:] or [{}])[0] for name, spec in node["input"].get(group, {}).items()}
    inputs = {
        name: {"name": specs[name].get("display_name") or name, "tooltip": specs[name].get("tooltip", "")}
        for group in ("required", "optional")
        for name in node["input_order"].get(group, ())
    }
    outputs = {
        str(place): {"name": name, "tooltip": tooltip}
        for place, (name, tooltip) in enumerate(
            zip(node["output_name"], node["output_tooltips"], strict=True)
        )
    }
    texts = {"display_name": node["display_name"], "description": node["description"]}
    return texts | {key: one for key, one in (("inputs", inputs), ("outputs", outputs)) if one}


def flat(nested: dict, before: str = "") -> Iterator[tuple[str, str]]:
    """Each text with its path, parts joined by dots."""
    for key, one in nested.items():
        if isinstance(one, dict):
            yield from flat(one, f"{before}{key}.")
        else:
            yield before + key, one


def texts_of(language: str) -> Texts:
    """What a language has; nothing where it has no file."""
    path = LOCALES / language / "nodeDefs.json"
    return dict(flat(json.loads(path.read_text(encoding="utf-8")))) if path.is_file() else {}


def todo(theirs: Texts, ours: Texts, made_from: Texts) -> dict[str, list[str]]:
    """Which texts of a language are missing, were made from other English than ours, or are of nothing."""
    there = {key for key, text in theirs.items() if text.strip()}
    return {
        "missing": [key for key in ours if key not in there],
        "changed": [key for key in ours if key in there and made_from.get(key) != digest(ours[key])],
        "gone": [key for key in theirs if key not in ours],
    }


def digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def write(path: Path, value: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def made_from() -> dict[str, Texts]:
    return json.loads(MADE_FROM.read_text(encoding="utf-8")) if MADE_FROM.is_file() else {}


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    nested = english(json.loads(INTERFACE.read_text(encoding="utf-8")))
    ours = dict(flat(nested))
    if options.english:
        write(LOCALES / ENGLISH / "nodeDefs.json", nested)
    for language in options.done:
        now = {key: digest(ours[key]) for key in texts_of(language) if key in ours}
        write(MADE_FROM, made_from() | {language: now})
    left = 0
    for language in LANGUAGES:
        found = todo(texts_of(language), ours, made_from().get(language, {}))
        for what, keys in found.items():
            for key in keys:
                left += 1
                print(f"{language}: {what}: {key}: {ours.get(key, '')}")
    print(f"{len(ours)} texts; {left} left to do in {len(LANGUAGES)} languages", file=sys.stderr)
    return int(left > 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--english", action="store_true", help="renew locales/en")
    parser.add_argument(
        "--done", choices=LANGUAGES, nargs="+", default=[], help="languages that fit today's English"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""Records the node types our workflows, blueprints and menu use from a running ComfyUI.

    python tools/dev/record_object_info.py --server http://127.0.0.1:8188

Combos that list files of that machine are replaced by the names that the workflows use: nothing local is
kept. VideoHelperSuite and ComfyUI_IPAdapter_plus have a file each, which stays as it is when the server does
not have that pack.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.workflows.build import IPADAPTER_INFO, OBJECT_INFO, VHS_INFO, blueprints, build
from tools.workflows.graph import NOTE
from tools.workflows.models import FILE_COMBOS, OUR_PACK

PROSE = ("tooltip", "output_tooltips", "description", "search_aliases", "essentials_category")


# what js/menu.js adds beside a node of ours
OF_THE_MENU = {"FlipSigmas", "ImageCompare", "KSamplerSelect", "PreviewImage", "SamplerCustom"}


def used_types(object_info: dict) -> list[str]:
    """Node types in any of our workflows and blueprints, notes and subgraphs left out, and in the menu."""
    texts = [*build(object_info).values(), *blueprints(object_info).values()]
    graphs = [graph for text in texts for graph in _graphs(json.loads(text))]
    types = {node["type"] for graph in graphs for node in graph["nodes"]}
    return sorted((types | OF_THE_MENU) - {NOTE} - {graph["id"] for graph in graphs if "id" in graph})


def _graphs(workflow: dict) -> list[dict]:
    """A workflow's graph, and those that are folded in it."""
    return [workflow, *workflow.get("definitions", {}).get("subgraphs", [])]


def without_local_files(object_info: dict) -> dict:
    """The same entries with every file list replaced by the names our workflows use."""
    for (kind, name), files in FILE_COMBOS.items():
        spec = object_info[kind]["input"]["required"][name]
        if isinstance(spec[0], list):
            spec[0] = files
        else:
            spec[1]["options"] = files
    return object_info


def without_prose(value: Any) -> Any:
    """The same without tooltips: they change often, and no slot or widget depends on them."""
    if isinstance(value, dict):
        return {key: without_prose(item) for key, item in value.items() if key not in PROSE}
    return [without_prose(item) for item in value] if isinstance(value, list) else value


def trim(full: dict) -> dict:
    """What the repository keeps of a server's /object_info."""
    for entry in full.values():
        entry["python_module"] = our_module(entry)
    return without_prose(without_local_files({kind: full[kind] for kind in used_types(full)}))


def our_module(entry: dict) -> str:
    """The entry's module; for our nodes the pack's own name, whatever its folder is called there."""
    return f"custom_nodes.{OUR_PACK}" if entry["name"].startswith("UNS_") else entry["python_module"]


APART = {"VHS_": VHS_INFO, "IPAdapter": IPADAPTER_INFO}  # the packs with a file of their own, by prefix


def known_before() -> dict:
    """Their entries as they were last recorded."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in APART.values() if path.exists()]
    return {kind: entry for entries in found for kind, entry in entries.items()}


def write(path: Path, entries: dict) -> None:
    """Write one of the recorded files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    print(f"recorded {len(entries)} node types into {path.name}")


def main() -> None:
    """Record and write tests/data/object_info*.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--server", required=True, help="address of a ComfyUI that has every pack installed")
    with urlopen(parser.parse_args().server.rstrip("/") + "/object_info", timeout=60) as answer:
        entries = trim(known_before() | json.load(answer))
    for prefix, path in APART.items():
        write(path, {kind: entry for kind, entry in entries.items() if kind.startswith(prefix)})
    write(OBJECT_INFO, {kind: entry for kind, entry in entries.items() if not kind.startswith((*APART,))})


if __name__ == "__main__":
    main()

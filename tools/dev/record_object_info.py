"""Records the node types our workflows, blueprints and menu use from a running ComfyUI.

    python tools/dev/record_object_info.py --server http://127.0.0.1:8188

Combos that list files of that machine are replaced by the names that the workflows use: nothing local is
kept. VideoHelperSuite has a file of its own, which stays as it is when the server does not have that pack.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.workflows.build import OBJECT_INFO, VHS_INFO, blueprints, build
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


def known_before() -> dict:
    """VideoHelperSuite's entries as they were last recorded."""
    return json.loads(VHS_INFO.read_text(encoding="utf-8")) if VHS_INFO.exists() else {}


def write(path: Path, entries: dict) -> None:
    """Write one of the recorded files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    print(f"recorded {len(entries)} node types into {path.name}")


def main() -> None:
    """Record and write tests/data/object_info.json and object_info_vhs.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--server", required=True, help="address of a ComfyUI that has every pack installed")
    with urlopen(parser.parse_args().server.rstrip("/") + "/object_info", timeout=60) as answer:
        entries = trim(known_before() | json.load(answer))
    write(OBJECT_INFO, {kind: entry for kind, entry in entries.items() if not kind.startswith("VHS_")})
    write(VHS_INFO, {kind: entry for kind, entry in entries.items() if kind.startswith("VHS_")})


if __name__ == "__main__":
    main()

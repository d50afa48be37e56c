"""Which of core's templates is held beside which of ours, and the folders of a server that offers both."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import comfyui_workflow_templates_json as core

ROOT = Path(__file__).resolve().parents[2]
OURS, CORES = ROOT / "workflows", Path(core.__file__).parent / "templates"
IN_THE_BROWSER = {"Note", "MarkdownNote", "Reroute", "PrimitiveNode"}


@dataclass(frozen=True)
class Template:
    """A file: its name without the suffix, how many nodes it shows, and how many with those in subgraphs."""

    name: str
    shown: int
    nodes: int
    types: frozenset[str]

    def apart(self, other: Template) -> int:
        """By how many nodes two differ."""
        return abs(self.shown - other.shown) + abs(self.nodes - other.nodes)


def read(path: Path) -> Template | None:
    """None for a file that is no graph."""
    graph = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(graph, dict) or not isinstance(graph.get("nodes"), list):
        return None
    inside = (graph.get("definitions") or {}).get("subgraphs", [])
    nodes = [node for one in (graph, *inside) for node in one["nodes"]]
    types = {node["type"] for node in nodes} - {one["id"] for one in inside} - IN_THE_BROWSER
    return Template(path.stem, len(graph["nodes"]), len(nodes), frozenset(types))


def graphs(folder: Path, known: set[str]) -> list[Template]:
    """The templates of a folder whose nodes this server knows."""
    return [one for path in sorted(folder.glob("*.json")) if (one := read(path)) and one.types <= known]


def pairs(known: set[str]) -> Iterator[tuple[Template, Template]]:
    """Each of ours with that of core's, not taken yet, that has the most similar number of nodes; both are
    those whose nodes this server knows."""
    found = graphs(CORES, known)
    for ours in graphs(OURS, known):
        nearest = min(found, key=lambda one: (ours.apart(one), one.name))
        found.remove(nearest)
        yield ours, nearest


def offer(base: Path, names: Iterable[str]) -> None:
    """Core's templates as a pack's, so that the same server sends them the same way as ours."""
    folder = base / "custom_nodes" / "cores_templates"
    (folder / "example_workflows").mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").write_text("NODE_CLASS_MAPPINGS = {}\n")
    for name in names:
        (folder / "example_workflows" / f"{name}.json").write_bytes((CORES / f"{name}.json").read_bytes())

"""Scanners of registries read the source: they find the pack's nodes, and none of those that tests make.

They take each class whose base is called ComfyNode, by the literal node_id of its Schema or else by its name,
and the keys of node mappings, in whatever file of the repository.
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = [
    path
    for path in sorted(ROOT.rglob("*.py"))
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
]


def last_name(node: ast.expr) -> str:
    """The name itself of a.b.name."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def literal_id(of_class: ast.ClassDef) -> str | None:
    for call in ast.walk(of_class):
        if isinstance(call, ast.Call) and last_name(call.func) == "Schema":
            for keyword in call.keywords:
                if keyword.arg == "node_id" and isinstance(keyword.value, ast.Constant):
                    return keyword.value.value
    return None


def scanned(source: str) -> Iterator[str]:
    """The nodes that a scanner believes to be in a file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and "ComfyNode" in map(last_name, node.bases):
            yield literal_id(node) or node.name
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any("mapping" in last_name(target).lower() for target in targets):
                yield from (key.value for key in node.value.keys if isinstance(key, ast.Constant))
        if isinstance(node, ast.Subscript) and last_name(node.value).endswith("_CLASS_MAPPINGS"):
            yield ast.unparse(node.slice)


def test_every_node_of_the_pack_is_found_and_no_other():
    """Nodes for tests derive from `Base` of tests/host/support_nodes."""
    found = {path: set(scanned(path.read_text(encoding="utf-8"))) for path in FILES}
    forms = {path: names for path, names in found.items() if path.parent == ROOT / "nodes"}
    assert not {str(path): names for path, names in found.items() if names and path not in forms}
    recorded = json.loads((ROOT / "tests" / "data" / "node_interfaces.json").read_text())
    assert set.union(*forms.values()) == set(recorded)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("class A(io.ComfyNode): pass", {"A"}),
        ("class A(ComfyNode):\n def define_schema(cls): return io.Schema(node_id='B')", {"B"}),
        ("class A(io.ComfyNode):\n def define_schema(cls): return Schema(node_id=f'x{B}')", {"A"}),
        ("NODE_CLASS_MAPPINGS: dict = {'C': D}", {"C"}),
        ("mappings = {'C': D}", {"C"}),
        ("x = nodes.NODE_CLASS_MAPPINGS['C']", {"'C'"}),
        ("Base = io.ComfyNode\nclass A(Base): pass", set()),
    ],
)
def test_what_a_scanner_takes_for_a_node(source, found):
    assert set(scanned(source)) == found

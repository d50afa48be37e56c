"""The workflow that travels with a result, with the values that its prompt was queued with."""

from __future__ import annotations

import copy
from typing import Any

from tools.client.node_values import with_values
from tools.widgets import types_given


def edited(graph: dict, object_info: dict, before: dict, after: dict) -> dict | None:
    """The workflow with what was changed in its prompt; None where a changed node is in a subgraph.

    before, after: the prompt as the workflow has it, and as it is queued.
    """
    result = copy.deepcopy(graph)
    nodes = {str(node["id"]): node for node in result["nodes"]}
    for id, entry in after.items():
        old = before.get(id, {"class_type": None, "inputs": {}})
        changed = {k: _plain(v) for k, v in entry["inputs"].items() if old["inputs"].get(k, ...) != v}
        if not changed and entry["class_type"] == old["class_type"]:
            continue
        if id not in nodes or nodes[id]["type"] != old["class_type"]:
            return None
        _change(result, nodes[id], entry["class_type"], changed, object_info)
    return result


def _change(graph: dict, node: dict, kind: str, values: dict, object_info: dict) -> None:
    node["type"] = kind
    for slot in node.get("inputs") or []:
        if slot["name"] in values and slot.get("link") is not None:
            _cut(graph, slot["link"])
            slot["link"] = None
    given = types_given(object_info)
    node["widgets_values"] = with_values(node, object_info[kind], values, given)
    if node.get("widgets_values_named"):
        node["widgets_values_named"] |= {k: v for k, v in values.items() if k in node["widgets_values_named"]}


def _cut(graph: dict, link: Any) -> None:
    """Take a link out of the workflow, at its beginning too."""
    ids = [one["id"] if isinstance(one, dict) else one[0] for one in graph["links"]]
    graph["links"] = [one for id, one in zip(ids, graph["links"], strict=True) if id != link]
    for node in graph["nodes"]:
        for output in node.get("outputs") or []:
            if link in (output.get("links") or []):
                output["links"].remove(link)


def _plain(value: Any) -> Any:
    """A value as a widget has it: a prompt wraps lists."""
    return value["__value__"] if isinstance(value, dict) and "__value__" in value else value

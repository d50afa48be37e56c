"""Subgraphs of a saved workflow, unfolded into one graph, with the ids that the frontend gives: 4:2 is node 2
in the subgraph of node 4.

What enters a subgraph comes out of a node of the type INPUTS in it. A node with "inside" is an unfolded one,
and has there the link behind each of its outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tools.client.node_values import ConversionError

INPUTS = "inputs of the subgraph"
INPUT_ID, OUTPUT_ID = -10, -20  # of the two ends of a subgraph, in its links
ITSELF = "-1"  # the node that a subgraph's own inputs are of
SWITCHED_OFF = (2, 4)  # modes: muted, bypassed
Output = tuple[str, int]


@dataclass
class Unfolded:
    """links: what each link comes from. everywhere: what feeds an input without a link, as cg-use-everywhere
    saves it. senders: the nodes that feed so."""

    nodes: dict[str, dict] = field(default_factory=dict)
    links: dict[Any, Output] = field(default_factory=dict)
    everywhere: dict[Output, Output] = field(default_factory=dict)
    senders: set[str] = field(default_factory=set)


def unfolded(workflow: dict) -> Unfolded:
    """Every node of the workflow and of its subgraphs. Raises: ConversionError for one that holds itself."""
    found = (workflow.get("definitions") or {}).get("subgraphs") or []
    result = Unfolded()
    _add(result, workflow, "", {one["id"]: one for one in found}, ())
    return result


def _add(result: Unfolded, graph: dict, prefix: str, definitions: dict, around: tuple) -> None:
    for link in graph.get("links") or []:
        id, origin, slot = _ends(link)[:3]
        result.links[_key(prefix, id)] = (f"{prefix}{origin}", slot)
    for link in (graph.get("extra") or {}).get("ue_links") or []:
        target = (f"{prefix}{link['downstream']}", link["downstream_slot"])
        result.everywhere[target] = (f"{prefix}{link['upstream']}", link["upstream_slot"])
        result.senders.add(f"{prefix}{link.get('controller')}")
    for node in graph.get("nodes") or []:
        own = _placed(node, prefix)
        result.nodes[str(own["id"])] = own
        definition = definitions.get(node["type"])
        if definition is not None and node.get("mode", 0) not in SWITCHED_OFF:
            if node["type"] in around:
                raise ConversionError(
                    f"Subgraph {definition.get('name')} is inside itself: take it out there."
                )
            _unfold(result, own, definition, definitions, (*around, node["type"]))


def _unfold(result: Unfolded, instance: dict, definition: dict, definitions: dict, around: tuple) -> None:
    prefix = f"{instance['id']}:"
    ends = [_ends(link) for link in definition.get("links") or []]
    instance["inside"] = {to[4]: _key(prefix, to[0]) for to in ends if to[3] == OUTPUT_ID}
    names = [slot["name"] for slot in definition.get("inputs") or []]
    entry = f"{prefix}{INPUT_ID}"
    own: dict[str, Any] = {}  # of the subgraph's inputs that are widgets
    result.nodes[entry] = {"id": entry, "type": INPUTS, "instance": instance, "names": names, "values": own}
    _add(result, definition, prefix, definitions, around)
    for id, name, value in _promoted(instance, definition):
        if id == ITSELF:
            own[name] = value
        elif f"{prefix}{id}" in result.nodes:
            result.nodes[f"{prefix}{id}"].setdefault("pushed", {})[name] = value


def _promoted(instance: dict, definition: dict) -> Iterator[tuple[str, str, Any]]:
    """The values on a subgraph's own node: the inner node or ITSELF, the name, and the value."""
    drawn = (instance.get("properties") or {}).get("proxyWidgets")
    if not drawn:  # the node has a value for each of these, but saves the slots of few
        drawn = [(ITSELF, name) for name in _widget_inputs(instance, definition)]
    values = instance.get("widgets_values") or []
    if isinstance(values, list):
        for (id, name, *_), value in zip(drawn, values, strict=False):
            yield str(id), name, value


def _widget_inputs(instance: dict, definition: dict) -> list[str]:
    """The subgraph's inputs that lead to a widget, or have one on its own node, in order."""
    inner = {node["id"]: node.get("inputs") or [] for node in definition.get("nodes") or []}
    led = set()
    for _, origin, index, target, slot in map(_ends, definition.get("links") or []):
        if origin == INPUT_ID and target in inner and inner[target][slot].get("widget"):
            led.add(index)
    shown = {slot["name"] for slot in instance.get("inputs") or [] if slot.get("widget")}
    names = [slot["name"] for slot in definition.get("inputs") or []]
    return [name for index, name in enumerate(names) if index in led or name in shown]


def outer_slot(entry: dict, index: int) -> dict | None:
    """The input of the subgraph's node that an output of INPUTS stands for."""
    slots = {slot["name"]: slot for slot in entry["instance"].get("inputs") or []}
    return slots.get(input_name(entry, index))


def input_name(entry: dict, index: int) -> str | None:
    """The name of the input that an output of INPUTS stands for."""
    return entry["names"][index] if index < len(entry["names"]) else None


def _placed(node: dict, prefix: str) -> dict:
    """The node with the ids that it and its links have in the whole."""
    if not prefix:
        return dict(node)
    slots = [
        slot | {"link": None if slot.get("link") is None else _key(prefix, slot["link"])}
        for slot in node.get("inputs") or []
    ]
    return node | {"id": f"{prefix}{node['id']}", "inputs": slots}


def _key(prefix: str, link: Any) -> Any:
    return f"{prefix}{link}" if prefix else link


def _ends(link: list | dict) -> list:
    """Id, origin and its slot, target and its slot."""
    if isinstance(link, dict):  # workflow format 1, and every subgraph
        return [link.get(key) for key in ("id", "origin_id", "origin_slot", "target_id", "target_slot")]
    return list(link[:5])

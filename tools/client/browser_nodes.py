"""Nodes that exist in the browser only: what they pass on, and which of them say nothing to a server."""

from __future__ import annotations

from collections.abc import Iterable

NOTES = ("Note", "MarkdownNote")
REROUTES = ("Reroute", "Reroute (rgthree)")
SETTERS, GETTERS = ("SetNode", "easy setNode"), ("GetNode", "easy getNode")  # KJNodes, Easy-Use
# rgthree's switches for the modes of other nodes, which a saved file has already, and its labels
PANELS = tuple(
    f"{name} (rgthree)"
    for name in (
        *("Fast Muter", "Fast Bypasser", "Fast Groups Muter", "Fast Groups Bypasser", "Random Unmuter"),
        *("Node Collector", "Mute / Bypass Repeater", "Mute / Bypass Relay", "Fast Actions Button"),
        *("Label", "Bookmark"),
    )
)
# cg-use-everywhere: its pack has the classes, the browser makes the links
EVERYWHERE = (
    *("Anything Everywhere", "Anything Everywhere?", "Anything Everywhere3"),
    *("Prompts Everywhere", "Seed Everywhere"),
)
KNOWN = frozenset((*NOTES, *REROUTES, *SETTERS, *GETTERS, *PANELS, *EVERYWHERE, "PrimitiveNode"))
GROUP_NODES = ("workflow>", "workflow/")  # how the types of group nodes begin


def name_of(node: dict) -> str | None:
    """The name that a Set or Get node has."""
    values = node.get("widgets_values") or []
    if isinstance(values, dict):
        values = list(values.values())
    return str(values[0]) if values else None


def setter(node: dict, nodes: Iterable[dict]) -> dict | None:
    """The Set node that a Get node means: of its own graph, else of one around it."""
    name, own = name_of(node), _graph_of(node)
    found = [one for one in nodes if one["type"] in SETTERS and name_of(one) == name]
    around = [one for one in found if own.startswith(_graph_of(one))]
    return max(around, key=lambda one: len(_graph_of(one)), default=None)


def _graph_of(node: dict) -> str:
    """Where a node lies: the ids of the subgraphs around it."""
    before, colon, _ = str(node["id"]).rpartition(":")
    return before + colon

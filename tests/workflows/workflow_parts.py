"""Looking things up in a saved workflow, subgraphs included."""

from __future__ import annotations

from collections.abc import Iterator

NOTE = "MarkdownNote"
INPUT_ID, OUTPUT_ID = -10, -20  # of the two ends of a subgraph, in its links
LINK = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")


def subgraphs(workflow: dict) -> list[dict]:
    """The definitions of its subgraphs."""
    return workflow.get("definitions", {}).get("subgraphs", [])


def all_nodes(workflow: dict) -> Iterator[dict]:
    """Every node, those in subgraphs too."""
    for graph in (workflow, *subgraphs(workflow)):
        yield from graph["nodes"]


def real_nodes(workflow: dict) -> list[dict]:
    """The nodes a server knows: neither notes nor the nodes of subgraphs."""
    folded = {one["id"] for one in subgraphs(workflow)}
    return [node for node in all_nodes(workflow) if node["type"] != NOTE and node["type"] not in folded]


def links_of(graph: dict) -> list[list]:
    """Its links as 6-tuples, as a subgraph does not save them."""
    return [[link[key] for key in LINK] if isinstance(link, dict) else link for link in graph["links"]]


def node_of(workflow: dict, kind: str) -> dict:
    """The first node of a type."""
    return next(node for node in all_nodes(workflow) if node["type"] == kind)


def notes(workflow: dict) -> str:
    """All that its notes say."""
    return " ".join(node["widgets_values"][0] for node in workflow["nodes"] if node["type"] == NOTE)

"""Graphs of a few nodes in UI format, and the classes of a server to convert them with."""

from __future__ import annotations

import json
from pathlib import Path

RECORDED = json.loads(Path(__file__).with_name("frontend_prompts.json").read_text(encoding="utf-8"))
INFO = RECORDED["object_info"]


def node(
    id: int, type: str, values: list | dict = (), inputs: dict | None = None, outputs: list = (), **more
) -> dict:
    """A saved node; `inputs` maps a name to (type, link), with a third item when the input has a widget."""
    slots = [
        {"name": name, "type": spec[0], "link": spec[1]}
        | ({"widget": {"name": name}} if len(spec) > 2 else {})
        for name, spec in (inputs or {}).items()
    ]
    return {
        "id": id,
        "type": type,
        "mode": 0,
        "inputs": slots,
        "properties": {},
        "widgets_values": values or [],
        "outputs": [{"name": kind, "type": kind, "links": []} for kind in outputs],
    } | more


def graph(*nodes: dict, links: list = ()) -> dict:
    """A workflow; a link is (id, origin node, origin slot, target node, target slot, type)."""
    return {"version": 0.4, "nodes": list(nodes), "links": [list(link) for link in links]}


def recorded(name: str) -> tuple[dict, dict]:
    """A graph and the prompt the real frontend made of it, as fresh copies."""
    copy = json.loads(json.dumps(RECORDED["graphs"][name]))
    return copy["workflow"], copy["prompt"]

"""Folds nodes of a graph into one: a subgraph, which a double click opens.

    models = fold(g, "Models", [loader, lora], shown={(loader, "ckpt_name"): "checkpoint"})

Its node has the widgets in `shown`, an input for what comes in and an output for what goes out. The nodes
inside keep their ids, so that a prompt names them "27:6".
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.workflows.graph import Graph, Node, Output, node_json

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMESPACE = uuid.UUID("6f1c3a64-0d0c-4a57-9d2b-5f4f4b9f5f0e")  # of the ids of our subgraphs
INPUT_ID, OUTPUT_ID = -10, -20  # of the two ends of a subgraph, in its links
END_WIDTH, SLOT = 140, 20
Shown = dict[tuple[Node, str], str]


@dataclass
class Subgraph:
    """What is folded: the nodes, and what crosses the border. entering: the outer output behind each input.
    leaving: the inner output behind each output."""

    id: str
    name: str
    nodes: list[Node]
    shown: dict[tuple[int, str], str]
    entering: dict[str, Output] = field(default_factory=dict)
    leaving: dict[str, Output] = field(default_factory=dict)

    @property
    def inputs(self) -> list[str]:
        """The names of its inputs, in order: links first, then widgets."""
        return [*self.entering, *self.named.values()]

    @property
    def named(self) -> dict[tuple[int, str], str]:
        """By inner node and widget the name of its input: the widget's; the label where two have one name."""
        names = [widget for _, widget in self.shown]
        return {
            (id, widget): widget if names.count(widget) == 1 else label
            for (id, widget), label in self.shown.items()
        }

    def links(self) -> list[list]:
        """Every link inside as a 6-tuple."""
        rows = [row for node in self.nodes for row in self._into(node)]
        rows += [
            [out.node.id, out.slot, OUTPUT_ID, index, out.type]
            for index, out in enumerate(self.leaving.values())
        ]
        return [[number, *row] for number, row in enumerate(rows, start=1)]

    def _into(self, node: Node) -> Iterator[list]:
        entering = list(self.entering.values())
        for slot, item in enumerate(node.inputs):
            source = node.sources.get(item["name"])
            if (node.id, item["name"]) in self.shown:
                name = self.named[(node.id, item["name"])]
                yield [INPUT_ID, self.inputs.index(name), node.id, slot, item["type"]]
            elif source in entering:
                yield [INPUT_ID, entering.index(source), node.id, slot, source.type]
            elif source is not None:
                yield [source.node.id, source.slot, node.id, slot, source.type]

    def to_json(self) -> dict:
        """The definition in the workflow file."""
        links, types = self.links(), self.types()
        right = max(node.pos[0] + node.size[0] for node in self.nodes)
        outputs = [(name, out.type) for name, out in self.leaving.items()]
        return {
            "id": self.id,
            "version": 1,
            "state": {
                "lastGroupId": 0,
                "lastNodeId": max(node.id for node in self.nodes),
                "lastLinkId": len(links),
                "lastRerouteId": 0,
            },
            "revision": 0,
            "config": {},
            "name": self.name,
            "inputNode": {"id": INPUT_ID, "bounding": end(-END_WIDTH - 60, len(types))},
            "outputNode": {"id": OUTPUT_ID, "bounding": end(right + 60, len(outputs))},
            "inputs": [
                self._slot("input", name, kind, links, INPUT_ID, index)
                for index, (name, kind) in enumerate(types)
            ],
            "outputs": [
                self._slot("output", name, kind, links, OUTPUT_ID, index)
                for index, (name, kind) in enumerate(outputs)
            ],
            "widgets": [],
            "nodes": [node_json(node, order, links) for order, node in enumerate(self.nodes)],
            "groups": [],
            "links": [
                dict(
                    zip(
                        ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type"),
                        link,
                        strict=True,
                    )
                )
                for link in links
            ],
            "extra": {},
        }

    def types(self) -> list[tuple[str, str]]:
        """Name and type of every input."""
        kinds = {name: out.type for name, out in self.entering.items()}
        for node in self.nodes:
            kinds |= {
                self.named[(node.id, item["name"])]: item["type"]
                for item in node.inputs
                if (node.id, item["name"]) in self.shown
            }
        return [(name, kinds[name]) for name in self.inputs]

    def _slot(self, side: str, name: str, kind: str, links: list[list], end: int, index: int) -> dict:
        """One slot of the subgraph's ends."""
        place, number = (1, 2) if end == INPUT_ID else (3, 4)
        found = [link[0] for link in links if link[place] == end and link[number] == index]
        label = {self.named[where]: label for where, label in self.shown.items()}.get(name)
        slot = {"id": key(self.id, side, name), "name": name, "type": kind, "linkIds": found}
        return slot | ({"label": label} if label and side == "input" else {})


def key(*parts: str) -> str:
    """The id of something of ours, the same in every build."""
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))


def end(left: int, slots: int) -> list[int]:
    """Where one of its two ends lies."""
    return [left, 100, END_WIDTH, SLOT * max(slots, 1) + 40]


def fold(
    g: Graph,
    name: str,
    nodes: list[Node],
    shown: Shown,
    outputs: dict[str, Output],
    colors: dict | None = None,
    renamed: dict[Output, str] | None = None,
) -> Node:
    """Fold the nodes, and return the node that stands for them; the links of the others lead to it.

    renamed: what the socket of something that comes in is called, if not as the input inside.
    Raises: SystemExit for two sockets of one name, and for a link from a node inside to one outside that is
    not among `outputs`.
    """
    ids = {node.id for node in nodes}
    entering: dict[str, Output] = {}
    for node in nodes:
        for item, source in node.sources.items():
            if source.node.id not in ids and source not in entering.values():
                called = (renamed or {}).get(source, item)
                if called in entering:
                    raise SystemExit(
                        f"{name} has two sockets named {called}: give one another name in `renamed`."
                    )
                entering[called] = source
    made = Subgraph(
        key(name, *(f"{node.type} {node.values}" for node in nodes)),
        name,
        nodes,
        {(node.id, widget): label for (node, widget), label in shown.items()},
        entering,
        outputs,
    )
    g.nodes = [node for node in g.nodes if node.id not in ids]
    instance = standing_for(g, made, colors)
    for node in g.nodes:
        for item, source in node.sources.items():
            if source.node.id in ids:
                node.sources[item] = Output(instance, slot_of(made, source))
    g.nodes.append(instance)
    g.subgraphs.append(made)
    return instance


def slot_of(made: Subgraph, source: Output) -> int:
    """Which output of the subgraph that is."""
    if source not in made.leaving.values():
        raise SystemExit(f"{made.name} has no output for {source.node.type}: name it in `outputs`.")
    return list(made.leaving.values()).index(source)


def standing_for(g: Graph, made: Subgraph, colors: dict | None) -> Node:
    """The node of a subgraph."""
    inner = {node.id: node for node in made.nodes}
    sockets = {name: [out.type, {}] for name, out in made.entering.items()}
    widgets, values = {}, {}
    for (id, inside), name in made.named.items():
        (widget,) = [widget for widget in inner[id].widgets if widget.name == inside]
        widgets[name] = [widget.choices or widget.type, widget.options]
        values[name] = inner[id].value(widget)
    entry = {
        "input": {"required": sockets | widgets},
        "output": [out.type for out in made.leaving.values()],
        "output_name": list(made.leaving),
    }
    labels = {made.named[where]: label for where, label in made.shown.items()}
    # Its widgets are those of its linked inputs; frontend 1.38 hides them where `proxyWidgets` lists them.
    node = Node(g.next_id(), made.id, entry, values, dict(made.entering), {}, made.name, colors or {})
    node.labels, node.saves_values = labels, False
    return node

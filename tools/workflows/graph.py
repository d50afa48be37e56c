"""A ComfyUI graph written in Python and saved in the UI format, version 0.4.

    graph = Graph(object_info, packs)
    load = graph.add("LoadImage", image="example.png")
    graph.add("VAEEncode", pixels=load["IMAGE"], vae=...)

Slots, widget order and types come from a recorded /object_info, so they are right by construction.
"""

from dataclasses import dataclass, field
from typing import Any

from tools.widgets import Widget, drawn_widgets, grown, inputs_of

OPTIONAL_SHAPE = 7  # LiteGraph's hollow circle: the slot may stay empty
NOTE = "MarkdownNote"
FIXED, COUNTING = "fixed", "increment"  # of "control after generate", behind a number that may count up
REPORTS, REPORT_OUTPUTS = ("UNS_InversionReport", "UNS_RestyleReport"), 2  # js/inversion_report.js
ALWAYS, BYPASSED = 0, 4  # modes of a node; what is bypassed hands its input on, until Ctrl+B
# VideoHelperSuite saves its widgets by name, these among them. Without them frontend 1.58 takes a node that
# has as many values as inputs for one saved by place, and gives the values to the wrong widgets.
PREVIEW = {"videopreview": {"hidden": False, "paused": False, "params": {}}}
UPLOAD_BUTTON = "choose video to upload"
SAVED_BY_NAME = {"VHS_LoadVideo": {UPLOAD_BUTTON: "image"} | PREVIEW, "VHS_VideoCombine": PREVIEW}
# What a template opens with, by js/template_view.js: text of 10 px, the smallest on a node, is 9 px high, and
# the first group lies beside the frontend's own bars.
VIEW = {"scale": 0.9, "offset": [80, 110]}
NOTE_COLORS = {"color": "#432", "bgcolor": "#211d17"}  # dark, for the grey text of Nodes 2.0


@dataclass(frozen=True)
class Pack:
    """Where a node type comes from: its registry id and the version this graph was made with."""

    cnr_id: str
    version: str


@dataclass(frozen=True)
class Output:
    """One output slot of a node, as the source of a link."""

    node: "Node"
    slot: int

    @property
    def type(self) -> str:
        return self.node.entry["output"][self.slot]


@dataclass(eq=False)
class Node:
    """One node of the graph; `node["name"]` is an output to link from."""

    id: int
    type: str
    entry: dict
    values: dict[str, Any]
    sources: dict[str, Output]
    properties: dict
    title: str | None = None
    colors: dict[str, str] = field(default_factory=dict)
    pos: tuple[int, int] = (0, 0)
    size: tuple[int, int] = (0, 0)
    labels: dict[str, str] = field(default_factory=dict)  # what the screen says in place of an input's name
    controls: dict[str, str] = field(default_factory=dict)  # by the widget's name; any other is fixed
    saves_values: bool = True
    collapsed: bool = False
    bypassed: bool = False

    def __getitem__(self, output: str) -> Output:
        return Output(self, self.entry["output_name"].index(output))

    @property
    def inputs(self) -> list[dict]:
        """Input slots in the frontend's order: sockets first, then one behind each widget."""
        sockets = [
            slot(item.name, item.type, item.optional)
            for item in inputs_of(self.entry)
            if item.widget() is None
        ]
        behind = [
            slot(widget.name, widget.slot_type, widget.optional) | {"widget": {"name": widget.name}}
            for widget in self.widgets
        ]
        return [self._labelled(item) for item in sockets + behind]

    def _labelled(self, item: dict) -> dict:
        label = self.labels.get(item["name"])
        return item | ({"label": label} if label else {})

    @property
    def widgets(self) -> list[Widget]:
        """Its widgets in the frontend's order."""
        return list(drawn_widgets(self.entry, self.value))

    def value(self, widget: Widget) -> Any:
        """What a widget shows."""
        return self.values.get(widget.name, widget.default)

    @property
    def widget_values(self) -> list[Any] | dict[str, Any]:
        """Widget values in the frontend's order, or by name."""
        if self.type in SAVED_BY_NAME:
            return {widget.name: self.value(widget) for widget in self.widgets} | SAVED_BY_NAME[self.type]
        return [one for widget in self.widgets for one in (self.value(widget), *self._controlled(widget))]

    def _controlled(self, widget: Widget) -> list[str]:
        return [self.controls.get(widget.name, FIXED)] * widget.controls


def slot(name: str, kind: str, optional: bool) -> dict:
    """An unlinked input slot."""
    return {"name": name, "type": kind} | ({"shape": OPTIONAL_SHAPE} if optional else {}) | {"link": None}


class Graph:
    """Nodes, links and groups on their way into a workflow file."""

    def __init__(self, object_info: dict, packs: dict[str, Pack]) -> None:
        self.object_info = object_info
        self.packs = packs
        self.nodes: list[Node] = []
        self.groups: list[dict] = []
        self.subgraphs: list[Any] = []
        self.last_id = 0
        self.app: dict[str, list] = {}  # what App mode shows

    def add(
        self,
        kind: str,
        title: str | None = None,
        models: list[dict] | None = None,
        colors: dict[str, str] | None = None,
        **inputs: object,
    ) -> Node:
        """Add a node: an Output as an input's value is a link, None an empty socket of an input that grows,
        anything else a widget's value."""
        if kind not in self.object_info:
            raise SystemExit(
                f"{kind} is not in the recorded /object_info: run tools/dev/record_object_info.py."
            )
        entry = grown(self.object_info[kind], inputs)
        sources = {name: value for name, value in inputs.items() if isinstance(value, Output)}
        values = {name: value for name, value in inputs.items() if not isinstance(value, Output)}
        node = Node(
            self.next_id(),
            kind,
            entry,
            values,
            sources,
            self.properties(kind, entry, models),
            title,
            colors or {},
        )
        unknown = set(inputs) - {item["name"] for item in node.inputs}
        if unknown:
            raise SystemExit(f"{kind} has no input named {', '.join(sorted(unknown))}.")
        self.nodes.append(node)
        return node

    def note(self, title: str, text: str, collapsed: bool = False) -> Node:
        """A note in Markdown; it lives in the frontend only, so no server knows its type."""
        entry = {"input": {"required": {"text": ["STRING", {}]}}, "output": [], "output_name": []}
        node = Node(self.next_id(), NOTE, entry, {"text": text}, {}, {}, title, NOTE_COLORS)
        node.collapsed = collapsed
        self.nodes.append(node)
        return node

    def next_id(self) -> int:
        """The id of the next node; nodes in subgraphs are counted too."""
        self.last_id += 1
        return self.last_id

    def properties(self, kind: str, entry: dict, models: list[dict] | None) -> dict:
        """What lets the frontend find a missing pack or model."""
        pack = self.packs[entry["python_module"].removeprefix("custom_nodes.").split(".")[0].lower()]
        properties = {"cnr_id": pack.cnr_id, "ver": pack.version, "Node name for S&R": kind}
        return properties | ({"models": models} if models else {})

    def links(self) -> list[list]:
        """Every link as a 6-tuple, numbered in the order of the nodes they end in."""
        rows: list[list] = []
        for node in self.nodes:
            names = [item["name"] for item in node.inputs]
            for name in sorted(node.sources, key=names.index):
                source, slot_in = node.sources[name], names.index(name)
                rows.append([len(rows) + 1, source.node.id, source.slot, node.id, slot_in, source.type])
        return rows

    def to_json(self) -> dict:
        """The workflow file's content."""
        links = self.links()
        folded = [made.to_json() for made in self.subgraphs]
        app = {"linearData": self.app} if self.app else {}
        return {
            "last_node_id": self.last_id,
            "last_link_id": len(links),
            "nodes": [node_json(node, order, links) for order, node in enumerate(self.nodes)],
            "links": links,
            "groups": self.groups,
            "config": {},
            **({"definitions": {"subgraphs": folded}} if folded else {}),
            "extra": {"ds": VIEW, "unsampling": True, **app},
            "version": 0.4,
        }


def shown_outputs(node: Node, links: list[list]) -> list[tuple[str, str]]:
    """Names and types of a node's outputs; of a report those that our script shows, and what is linked."""
    slots = list(zip(node.entry["output_name"], node.entry["output"], strict=True))
    linked = [link[2] + 1 for link in links if link[1] == node.id]
    return slots[: max([REPORT_OUTPUTS, *linked])] if node.type in REPORTS else slots


def node_json(node: Node, order: int, links: list[list]) -> dict:
    """One node as the frontend saves it."""
    inputs = [] if node.type == NOTE else node.inputs
    for link in links:
        if link[3] == node.id:
            inputs[link[4]]["link"] = link[0]
    outputs = [
        {
            "name": name,
            "type": kind,
            "links": [link[0] for link in links if link[1] == node.id and link[2] == index] or None,
        }
        for index, (name, kind) in enumerate(shown_outputs(node, links))
    ]
    head = {
        "id": node.id,
        "type": node.type,
        "pos": list(node.pos),
        "size": list(node.size),
        "flags": {"collapsed": True} if node.collapsed else {},
        "order": order,
        "mode": BYPASSED if node.bypassed else ALWAYS,
        "inputs": inputs,
        "outputs": outputs,
    }
    title = {"title": node.title} if node.title else {}
    values = {"widgets_values": node.widget_values} if node.widget_values and node.saves_values else {}
    return head | title | {"properties": node.properties} | values | node.colors

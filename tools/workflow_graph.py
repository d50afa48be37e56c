"""A ComfyUI graph written in Python and saved in the UI format, version 0.4.

    graph = Graph(object_info, packs)
    load = graph.add("LoadImage", image="example.png")
    graph.add("VAEEncode", pixels=load["IMAGE"], vae=...)

Slots, widget order and types come from a recorded /object_info, so they are right by construction.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

WIDGET_TYPES = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
AUTOGROW = "COMFY_AUTOGROW_V3"
OPTIONAL_SHAPE = 7  # LiteGraph's hollow circle: the slot may stay empty
NOTE = "MarkdownNote"
# VideoHelperSuite saves its widgets by name, these among them. Without them frontend 1.58 takes a node that
# has as many values as inputs for one saved by place, and gives the values to the wrong widgets.
PREVIEW = {"videopreview": {"hidden": False, "paused": False, "params": {}}}
UPLOAD_BUTTON = "choose video to upload"
SAVED_BY_NAME = {"VHS_LoadVideo": {UPLOAD_BUTTON: "image"} | PREVIEW, "VHS_VideoCombine": PREVIEW}
YELLOW = {"color": "#432", "bgcolor": "#653"}


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


@dataclass
class Node:
    """One node of the graph; `node["name"]` is an output to link from."""

    id: int
    type: str
    entry: dict
    values: dict[str, object]
    sources: dict[str, Output]
    properties: dict
    title: str | None = None
    colors: dict[str, str] = field(default_factory=dict)
    pos: tuple[int, int] = (0, 0)
    size: tuple[int, int] = (0, 0)

    def __getitem__(self, output: str) -> Output:
        return Output(self, self.entry["output_name"].index(output))

    @property
    def inputs(self) -> list[dict]:
        """Input slots in the frontend's order: sockets first, then one behind each widget."""
        specs = list(input_specs(self.entry))
        sockets = [slot(name, spec[0], optional) for name, spec, optional in specs if not is_widget(spec)]
        widgets = [
            slot(name, widget_type(spec), optional) | {"widget": {"name": name}}
            for name, spec, optional in widget_specs(self.entry, self.values)
        ]
        return sockets + widgets

    @property
    def widget_values(self) -> list[object] | dict[str, object]:
        """Widget values in the frontend's order, or by name."""
        named = {
            name: self.values.get(name, default_of(spec))
            for name, spec, _ in widget_specs(self.entry, self.values)
        }
        return named | SAVED_BY_NAME[self.type] if self.type in SAVED_BY_NAME else list(named.values())


def slot(name: str, kind: str, optional: bool) -> dict:
    """An unlinked input slot."""
    return {"name": name, "type": kind} | ({"shape": OPTIONAL_SHAPE} if optional else {}) | {"link": None}


def input_specs(entry: dict) -> Iterator[tuple[str, list, bool]]:
    """(name, spec, optional) of every visible input of an /object_info entry, required ones first."""
    for section in ("required", "optional"):
        for name, spec in entry["input"].get(section, {}).items():
            yield name, spec, section == "optional"


def grown(entry: dict, names: Iterable[str]) -> dict:
    """The entry of a node whose growing input, if it has one, shows the sockets named: `images.image0` ..."""
    required, optional = dict(entry["input"].get("required", {})), dict(entry["input"].get("optional", {}))
    for parent, spec in entry["input"].get("required", {}).items():
        if spec[0] == AUTOGROW:
            del required[parent]
            template = options_of(spec)["template"]
            (socket,) = template["input"]["required"].values()
            shown = [name for name in names if name.startswith(f"{parent}.")]
            required |= dict.fromkeys(shown[: template["min"]], socket)
            optional = dict.fromkeys(shown[template["min"] :], socket) | optional
    return entry | {"input": entry["input"] | {"required": required, "optional": optional}}


def options_of(spec: list) -> dict:
    """The second, optional half of an input spec."""
    return spec[1] if len(spec) > 1 else {}


def is_widget(spec: list) -> bool:
    """Whether the frontend draws a widget for this input."""
    known = isinstance(spec[0], list) or kind_of(spec) in WIDGET_TYPES or spec[0] == DYNAMIC_COMBO
    return known and not options_of(spec).get("forceInput")


def kind_of(spec: list) -> str:
    """The kind of the widget; an input of several types says which of them it is."""
    return options_of(spec).get("widgetType", spec[0])


def widget_type(spec: list) -> str:
    """The slot type behind a widget; V1 combos give their choices in place of a type."""
    return "COMBO" if isinstance(spec[0], list) else spec[0]


def choices_of(spec: list) -> list | None:
    """What a combo allows, or None for other widgets."""
    if isinstance(spec[0], list):
        return spec[0]
    options = options_of(spec).get("options")
    return [item["key"] for item in options] if spec[0] == DYNAMIC_COMBO else options


def default_of(spec: list) -> object:
    """The value the frontend gives a fresh widget."""
    choices = choices_of(spec)
    return options_of(spec).get("default", choices[0] if choices else "")


def widget_specs(entry: dict, values: dict) -> Iterator[tuple[str, list, bool]]:
    """Every widget in the frontend's order.

    A dynamic combo brings the widgets of its choice along, an upload its button.
    """
    uploads = False
    for name, spec, optional in input_specs(entry):
        if is_widget(spec):
            yield from expand(name, spec, optional, values)
            uploads |= any(options_of(spec).get(kind) for kind in ("image_upload", "video_upload"))
    if uploads:
        yield "upload", ["IMAGEUPLOAD", {"default": "image"}], False


def expand(name: str, spec: list, optional: bool, values: dict) -> Iterator[tuple[str, list, bool]]:
    """A widget and those its choice adds: `parent.child` for a dynamic combo, plain names for VHS formats."""
    yield name, spec, optional
    added = options_of(spec).get("formats", {}).get(values.get(name, default_of(spec)))
    if isinstance(added, list):  # VideoHelperSuite's loader has presets there, which are no widgets
        yield from ((child, child_spec[:2], True) for child, *child_spec in added)
    if spec[0] == DYNAMIC_COMBO and not options_of(spec).get("hidden"):
        chosen = values.get(name, default_of(spec))
        picked = next(item for item in options_of(spec)["options"] if item["key"] == chosen)
        for child, child_spec, child_optional in input_specs({"input": picked["inputs"]}):
            yield from expand(f"{name}.{child}", child_spec, child_optional, values)


class Graph:
    """Nodes, links and groups on their way into a workflow file."""

    def __init__(self, object_info: dict, packs: dict[str, Pack]) -> None:
        self.object_info = object_info
        self.packs = packs
        self.nodes: list[Node] = []
        self.groups: list[dict] = []

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
            raise SystemExit(f"{kind} is not in the recorded /object_info: run tools/record_object_info.py.")
        entry = grown(self.object_info[kind], inputs)
        sources = {name: value for name, value in inputs.items() if isinstance(value, Output)}
        values = {name: value for name, value in inputs.items() if not isinstance(value, Output)}
        node = Node(
            len(self.nodes) + 1,
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

    def note(self, title: str, text: str) -> Node:
        """A note in Markdown; it lives in the frontend only, so no server knows its type."""
        entry = {"input": {"required": {"text": ["STRING", {}]}}, "output": [], "output_name": []}
        node = Node(len(self.nodes) + 1, NOTE, entry, {"text": text}, {}, {}, title, YELLOW)
        self.nodes.append(node)
        return node

    def properties(self, kind: str, entry: dict, models: list[dict] | None) -> dict:
        """What lets the frontend find a missing pack or model."""
        pack = self.packs[entry["python_module"].removeprefix("custom_nodes.").split(".")[0].lower()]
        found = {"cnr_id": pack.cnr_id, "ver": pack.version, "Node name for S&R": kind}
        return found | ({"models": models} if models else {})

    def links(self) -> list[list]:
        """Every link as a 6-tuple, numbered in the order of the nodes they end in."""
        found: list[list] = []
        for node in self.nodes:
            names = [item["name"] for item in node.inputs]
            for name in sorted(node.sources, key=names.index):
                source, slot_in = node.sources[name], names.index(name)
                found.append([len(found) + 1, source.node.id, source.slot, node.id, slot_in, source.type])
        return found

    def to_json(self) -> dict:
        """The workflow file's content."""
        links = self.links()
        return {
            "last_node_id": len(self.nodes),
            "last_link_id": len(links),
            "nodes": [node_json(node, order, links) for order, node in enumerate(self.nodes)],
            "links": links,
            "groups": self.groups,
            "config": {},
            "extra": {"ds": {"scale": 0.6, "offset": [0, 100]}},
            "version": 0.4,
        }


def node_json(node: Node, order: int, links: list[list]) -> dict:
    """One node as the frontend saves it."""
    inputs = [] if node.type == NOTE else node.inputs
    for link in links:
        if link[3] == node.id:
            inputs[link[4]]["link"] = link[0]
    slots = zip(node.entry["output_name"], node.entry["output"], strict=True)
    outputs = [
        {
            "name": name,
            "type": kind,
            "links": [link[0] for link in links if link[1] == node.id and link[2] == index] or None,
        }
        for index, (name, kind) in enumerate(slots)
    ]
    head = {
        "id": node.id,
        "type": node.type,
        "pos": list(node.pos),
        "size": list(node.size),
        "flags": {},
        "order": order,
        "mode": 0,
        "inputs": inputs,
        "outputs": outputs,
    }
    title = {"title": node.title} if node.title else {}
    values = {"widgets_values": node.widget_values} if node.widget_values else {}
    return head | title | {"properties": node.properties} | values | node.colors

"""Places the nodes of a graph: groups in rows, from left to right, nodes in columns, from top to bottom."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tools.widgets import UPLOAD
from tools.workflows.graph import NOTE, REPORT_OUTPUTS, REPORTS, UPLOAD_BUTTON, Graph, Node

TITLE, PAD, GROUP_TITLE = 30, 20, 50
GAP = 40  # room for a pack's badge: below the node in Nodes 2.0, above it in the classic design
ROW, WIDGET = 20, 24
MULTILINE = 100
PREVIEW = 240
SAMPLER_PREVIEW = 260  # what a sampler grows by while it shows its preview
NARROW = 320
WITH_A_BUTTON = ("UNS_LoadNoise",)  # by its script, js/load_noise.js


@dataclass(frozen=True)
class Column:
    """Nodes below each other.

    heights, by node id, makes nodes taller than they need; room leaves that much free below a node that
    grows when it shows something.
    """

    nodes: list[Node]
    width: int = NARROW
    heights: dict[int, int] = field(default_factory=dict)
    room: dict[int, int] = field(default_factory=dict)

    def placed(self, left: int, top: int) -> int:
        """Give each node its place; where the last one ends, or what it grows to."""
        for node in self.nodes:
            height = self.heights.get(node.id) or needed_height(node)
            node.pos, node.size = (left, top + TITLE), (self.width, height)
            top += TITLE + (0 if node.collapsed else height + self.room.get(node.id, 0)) + GAP
        return top - GAP


@dataclass(frozen=True)
class Area:
    """A group: its title, its colour and its columns, of which `more` has all but the first."""

    title: str
    color: str
    nodes: list[Node]
    width: int = NARROW
    heights: dict[int, int] | None = None
    room: dict[int, int] | None = None
    more: tuple[Column, ...] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        return (Column(self.nodes, self.width, self.heights or {}, self.room or {}), *self.more)

    @property
    def inside(self) -> int:
        """Its width without the border."""
        return sum(column.width + GAP for column in self.columns) - GAP


def needed_height(node: Node) -> int:
    """The height the frontend gives a fresh node of this type, title not counted."""
    if node.type == NOTE:
        return MULTILINE
    shown = [widget for widget in node.widgets if not widget.options.get("hidden")]
    sockets = sum("widget" not in item for item in node.inputs)
    buttons = int(UPLOAD_BUTTON in node.widget_values or node.type in WITH_A_BUTTON)
    outputs = REPORT_OUTPUTS if node.type in REPORTS else len(node.entry["output"])
    controls = sum(widget.controls for widget in shown)
    height = ROW * max(sockets, outputs) + WIDGET * (len(shown) + controls + buttons) + 14
    if UPLOAD in shown:
        return height + PREVIEW
    return height + MULTILINE * sum(bool(widget.options.get("multiline")) for widget in shown)


def place(graph: Graph, *rows: list[Area]) -> None:
    """Give every node its position and size, and the graph its groups."""
    top = 0
    for row in rows:
        bottom = max(bottoms(row, top)) + PAD
        graph.groups += groups(row, top, bottom, len(graph.groups))
        top = bottom + GAP


def bottoms(row: list[Area], top: int) -> Iterator[int]:
    """Place the nodes of a row of groups; where each column ends."""
    left = 0
    for area in row:
        inside = left + PAD
        for column in area.columns:
            yield column.placed(inside, top + GROUP_TITLE)
            inside += column.width + GAP
        left += area.inside + 2 * PAD + GAP


def groups(row: list[Area], top: int, bottom: int, before: int) -> Iterator[dict]:
    """A row of groups as the frontend saves them."""
    left = 0
    for number, area in enumerate(row, start=before + 1):
        width = area.inside + 2 * PAD
        yield {
            "id": number,
            "title": area.title,
            "bounding": [left, top, width, bottom - top],
            "color": area.color,
            "font_size": 24,
            "flags": {},
        }
        left += width + GAP

"""Places the nodes of a graph: groups from left to right, the nodes of each from top to bottom."""

from dataclasses import dataclass

from tools.widgets import UPLOAD
from tools.workflows.graph import NOTE, UPLOAD_BUTTON, Graph, Node

TITLE, PAD, GROUP_TITLE = 30, 20, 50
GAP = 60  # room for a pack's badge: below the node in Nodes 2.0, above it in the classic design
ROW, WIDGET = 20, 24
MULTILINE = 120
PREVIEW = 240
NARROW = 320
WITH_A_BUTTON = ("UNS_LoadNoise",)  # by its script, js/load_noise.js


@dataclass(frozen=True)
class Area:
    """A group: its title, colour and nodes.

    heights, by node id, makes nodes taller than they need; room leaves that much free below a node that
    grows when it shows something.
    """

    title: str
    color: str
    nodes: list[Node]
    width: int = NARROW
    heights: dict[int, int] | None = None
    room: dict[int, int] | None = None


def needed_height(node: Node) -> int:
    """The height the frontend gives a fresh node of this type, title not counted."""
    shown = [widget for widget in node.widgets if not widget.options.get("hidden")]
    sockets = sum("widget" not in item for item in node.inputs)
    buttons = int(UPLOAD_BUTTON in node.widget_values or node.type in WITH_A_BUTTON)
    height = ROW * max(sockets, len(node.entry["output"])) + WIDGET * (len(shown) + buttons) + 14
    if UPLOAD in shown:
        return height + PREVIEW
    return height + MULTILINE * sum(bool(widget.options.get("multiline")) for widget in shown)


def place(graph: Graph, areas: list[Area]) -> None:
    """Give every node its position and size, and the graph its groups."""
    left = 0
    bottoms = []
    for area in areas:
        bottoms.append(stack(area, left + PAD))
        left += area.width + 2 * PAD + GAP
    left = 0
    for number, area in enumerate(areas, start=1):
        width = area.width + 2 * PAD
        bounding = [left, 0, width, max(bottoms) + PAD]
        graph.groups.append(
            {
                "id": number,
                "title": area.title,
                "bounding": bounding,
                "color": area.color,
                "font_size": 24,
                "flags": {},
            }
        )
        left += width + GAP


def stack(area: Area, left: int) -> int:
    """Put the nodes of one area below each other; returns where the last one ends."""
    top = GROUP_TITLE
    for node in area.nodes:
        fixed = (area.heights or {}).get(node.id)
        height = fixed or (MULTILINE if node.type == NOTE else needed_height(node))
        node.pos, node.size = (left, top + TITLE), (area.width, height)
        top += TITLE + height + GAP + (area.room or {}).get(node.id, 0)
    return top - GAP

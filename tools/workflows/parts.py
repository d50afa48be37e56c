"""What several workflows have in common: their colours and their prompts."""

from dataclasses import dataclass
from typing import TypedDict

from tools.workflows.graph import Graph, Node, Output

BLUE, PURPLE, GREEN = "#3f789e", "#8A5FA8", "#3f7d4f"
POSITIVE = {"color": "#232", "bgcolor": "#353"}
NEGATIVE = {"color": "#322", "bgcolor": "#533"}
OURS = {"color": "#323", "bgcolor": "#535"}


class Shared(TypedDict):
    """The inputs that both passes take from the same nodes."""

    model: Output
    positive: Output
    negative: Output


@dataclass(frozen=True)
class Prompts:
    """The prompts of a video workflow: two in use, two that wait for their link."""

    target: Node
    negative: Node
    source: Node
    empty: Node

    @property
    def nodes(self) -> list[Node]:
        return [self.target, self.negative, self.source, self.empty]


def prompt(graph: Graph, title: str, clip: object, text: str, colors: dict | None = None) -> Node:
    """One titled prompt."""
    return graph.add("CLIPTextEncode", title, colors=colors, clip=clip, text=text)


def prompts(graph: Graph, clip: object) -> Prompts:
    """The four prompts of a video workflow."""
    target = prompt(
        graph,
        "Target prompt",
        clip,
        "oil painting of a person walking through a city, "
        "thick brush strokes, warm evening light, highly detailed",
        POSITIVE,
    )
    negative = prompt(
        graph, "Negative prompt", clip, "blurry, low quality, deformed, watermark, text", NEGATIVE
    )
    source = prompt(
        graph, "Source description (optional)", clip, "a video of a person walking through a city"
    )
    return Prompts(target, negative, source, prompt(graph, "Empty prompt (optional)", clip, ""))

"""What several workflows have in common: their colours and their prompts."""

from dataclasses import dataclass
from typing import TypedDict

from tools.workflows.graph import Graph, Node, Output

BLUE, PURPLE, GREEN = "#3f789e", "#8A5FA8", "#3f7d4f"
POSITIVE = {"color": "#232", "bgcolor": "#353"}
NEGATIVE = {"color": "#322", "bgcolor": "#533"}
SOURCE = {"color": "#223", "bgcolor": "#335"}
OURS = {"color": "#323", "bgcolor": "#535"}

TARGET = "Target: the new look"


class Shared(TypedDict):
    """The inputs that both passes take from the same nodes."""

    model: Output
    negative: Output


@dataclass(frozen=True)
class Prompts:
    """The prompts of a video workflow: the source's for the way up, the target's for the way down."""

    source: Node
    target: Node
    negative: Node

    @property
    def nodes(self) -> list[Node]:
        return [self.source, self.target, self.negative]


def prompt(graph: Graph, title: str, clip: object, text: str, colors: dict | None = None) -> Node:
    """One titled prompt."""
    return graph.add("CLIPTextEncode", title, colors=colors, clip=clip, text=text)


def prompts(graph: Graph, clip: object) -> Prompts:
    """The three prompts of a video workflow."""
    source = prompt(
        graph, "Source: what the clip shows", clip, "a video of a person walking through a city", SOURCE
    )
    target = prompt(
        graph,
        TARGET,
        clip,
        "oil painting of a person walking through a city, "
        "thick brush strokes, warm evening light, highly detailed",
        POSITIVE,
    )
    return Prompts(
        source,
        target,
        prompt(graph, "Negative prompt", clip, "blurry, low quality, deformed, watermark, text", NEGATIVE),
    )

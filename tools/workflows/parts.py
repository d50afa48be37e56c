"""What several workflows have in common: their colours and their prompts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from tools.workflows import notes
from tools.workflows.graph import COUNTING, Graph, Node, Output
from tools.workflows.layout import SAMPLER_PREVIEW, Area, Column, needed_height
from tools.workflows.models import Model, table

BLUE, PURPLE, GREEN = "#3f789e", "#8A5FA8", "#3f7d4f"
POSITIVE = {"color": "#232", "bgcolor": "#353"}
NEGATIVE = {"color": "#322", "bgcolor": "#533"}
SOURCE = {"color": "#223", "bgcolor": "#335"}
OURS = {"color": "#323", "bgcolor": "#535"}

TARGET = "Target: the new look"
# in App mode
AVOIDED, HOW_STRONG, CLOSE = "what to avoid", "{}: how strong", "structure: how close"
STRONG = HOW_STRONG.format("cfg")
TAKE = "variation: which take"


class Shared(TypedDict):
    """The inputs that both passes take from the same nodes."""

    model: Output
    negative: Output


@dataclass(frozen=True)
class Prompts:
    """The prompts of a video workflow: the source's for the way up, the target's for the way down, and the
    negative one, unless the model reads none."""

    source: Node
    target: Node
    avoided: Node | None

    @property
    def negative(self) -> Node:
        assert self.avoided is not None
        return self.avoided

    @property
    def nodes(self) -> list[Node]:
        return [self.source, self.target, *([self.avoided] if self.avoided else [])]


def prompt(graph: Graph, title: str, clip: object, text: str, colors: dict | None = None) -> Node:
    """One titled prompt."""
    return graph.add("CLIPTextEncode", title, colors=colors, clip=clip, text=text)


def prompts(graph: Graph, clip: object, negative: bool = True) -> Prompts:
    """The prompts of a video workflow."""
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
    if not negative:
        return Prompts(source, target, None)
    words = "blurry, low quality, deformed, watermark, text"
    return Prompts(source, target, prompt(graph, "Negative prompt", clip, words, NEGATIVE))


def unsampled(
    graph: Graph, model: Node, source: Node, negative: Node, latent: Node, schedule: str
) -> tuple[Node, Node]:
    """A schedule of Align Your Steps, and the Exact Unsampler on it."""
    steps = graph.add("UNS_AYSScheduler", colors=OURS, model_type=schedule, steps=16, model=model["MODEL"])
    shared: Shared = {"model": model["MODEL"], "negative": negative["CONDITIONING"]}
    return steps, rising(graph, shared, source["CONDITIONING"], latent["LATENT"], steps["SIGMAS"])


def rising(graph: Graph, shared: Shared, prompt: Output, latent: Output, sigmas: Output) -> Node:
    """The way to the noise."""
    more = {"latent_image": latent, "sigmas": sigmas, "cfg": 1.0}
    return graph.add("UNS_Unsampler", colors=OURS, positive=prompt, **shared, **more)


def falling(
    graph: Graph, shared: Shared, prompt: Output, noise: Node, cfg: float = 2.0, title: str | None = None
) -> Node:
    """The way back."""
    more = {"noise": noise["noise"], "cfg": cfg}
    return graph.add("UNS_NoiselessResampler", title, colors=OURS, positive=prompt, **shared, **more)


REPORT_WIDTH, REPORT_HEIGHT, REPORT_CHART = 380, 360, 235
PROMPT_HEIGHT = 106
WIDE, NOTE_WIDTH = 400, 360  # of the notes at the left and at the right


def taller(folded: Node) -> dict[int, int]:
    """Room for the button that Nodes 2.0 draws below a subgraph."""
    return {folded.id: needed_height(folded) + 50}


def read_me(start: Node) -> Area:
    """The first note, beside the source."""
    return Area("Read me", GREEN, [start], width=WIDE, heights={start.id: 450})


def files_note(graph: Graph, kind: str, *files: Model) -> Node:
    """Which models to download, and what kind of model fits in place of the first."""
    return graph.note("Models to download", table(*files) + notes.CHECKPOINTS.format(kind=kind))


def migration_note(graph: Graph, collapsed: bool = True) -> Node:
    """What other nodes' users look for."""
    return graph.note("From FlipSigmas?", notes.MIGRATION, collapsed)


def prompt_heights(nodes: list[Node]) -> dict[int, int]:
    """Room for a few lines of text in each."""
    return {node.id: PROMPT_HEIGHT for node in nodes}


def passes(
    number: int,
    noise: Node,
    report: Node,
    *results: Node,
    above: tuple[list[Node], list[Node]] = ([], []),
    folded: Sequence[str] = (),
) -> tuple[Area, Area]:
    """The groups of the two passes: each sampler with room for its preview, and the report on the noise.

    above: what stands over each sampler. folded: the types of those that have nodes inside.
    """
    tall = [taller(node) for node in above[1] if node.type in folded]
    result = results[0]
    return (
        Area(
            f"{number} Unsample",
            PURPLE,
            [*above[0], noise],
            300,
            room={noise.id: SAMPLER_PREVIEW},
            more=(reading(report),),
        ),
        Area(
            f"{number + 1} Resample",
            PURPLE,
            [*above[1], *results],
            300,
            {id: height for one in tall for id, height in one.items()},
            room={result.id: SAMPLER_PREVIEW},
        ),
    )


def reading(report: Node) -> Column:
    """The report on the noise, with room for its text and its chart."""
    return Column([report], REPORT_WIDTH, {report.id: REPORT_HEIGHT}, {report.id: REPORT_CHART})


def app_mode(
    g: Graph,
    source: list[tuple[Node, str, str]],
    texts: list[Node],
    result: Node,
    saved: Node,
    strong: tuple[Node, str] | None = None,
) -> None:
    """What App mode shows: the source's widgets with their labels, the texts, what is turned, the result.

    strong: the node and widget that make the second pass follow its text, if that is not its sampler's cfg.
    """
    node, widget = strong or (result, "cfg")
    turned = [(node, widget, HOW_STRONG.format(widget)), (result, "structure", CLOSE)]
    words = ("what the source shows", "the new look", AVOIDED)
    written = [(node, "text", label) for node, label in zip(texts, words, strict=False)]
    show_in_app(g, [*source, *written, *turned, takes(result)], saved)


def takes(result: Node) -> tuple[Node, str, str]:
    """Which take it is, for App mode; it counts up, so that each of a number of runs is another."""
    result.controls["variation"] = COUNTING
    return result, "variation", TAKE


def show_in_app(g: Graph, shown: list[tuple[Node, str, str]], saved: Node) -> None:
    """Give App mode these widgets under these labels, and the result."""
    for node, widget, label in shown:
        node.labels[widget] = label
    g.app = {"inputs": [[node.id, widget] for node, widget, _ in shown], "outputs": [saved.id]}


def help_notes(title: str, width: int, *pairs: tuple[Node, int]) -> Area:
    """Notes below each other, each with its height."""
    return Area(
        title,
        GREEN,
        [note for note, _ in pairs],
        width,
        heights={note.id: height for note, height in pairs},
    )

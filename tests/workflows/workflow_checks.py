"""Checks of a UI-format workflow against a recorded /object_info; each yields its complaints."""

from collections.abc import Iterator
from functools import partial
from itertools import combinations

from workflow_parts import INPUT_ID, OUTPUT_ID, all_nodes, links_of, real_nodes, subgraphs

from tools.widgets import Widget, drawn_widgets, grown, inputs_of
from tools.workflows.graph import REPORT_OUTPUTS, REPORTS, SAVED_BY_NAME

TOP = {
    "last_node_id": int,
    "last_link_id": int,
    "nodes": list,
    "links": list,
    "groups": list,
    "config": dict,
    "extra": dict,
    "version": float,
}
NODE = {
    "id": int,
    "type": str,
    "pos": list,
    "size": list,
    "flags": dict,
    "order": int,
    "mode": int,
    "inputs": list,
    "outputs": list,
    "properties": dict,
}
GROUP = {"id": int, "title": str, "bounding": list, "color": str, "font_size": int, "flags": dict}
INPUT = {"name": str, "type": str, "link": (int, type(None))}
OUTPUT = {"name": str, "type": str, "links": (list, type(None))}
SUBGRAPH = {
    "id": str,
    "version": int,
    "state": dict,
    "name": str,
    "inputNode": dict,
    "outputNode": dict,
    "inputs": list,
    "outputs": list,
    "nodes": list,
    "links": list,
}
LINK = (int, int, int, int, int, str)
APART, PREVIEW = 40, 260  # pixels between nodes; below a sampler, for its preview
SAMPLERS = (
    *("UNS_Unsampler", "UNS_NoiselessResampler", "UNS_RestyleGrid"),
    *("UNS_UnsamplerAdvanced", "UNS_NoiselessResamplerAdvanced"),
)
COLLAPSED = 20  # characters of a title that the frontend draws
SCREEN, FITTED, READABLE = (1920, 1080), 0.75, 0.6  # a template opens in three quarters of the window
NUMBERS = {"INT": int, "FLOAT": (int, float)}
TITLE = 30  # LiteGraph draws a node's title above its position
PACKS = {
    "UNS_": "unsampling",
    "ADE_": "comfyui-animatediff-evolved",
    "ACN_": "comfyui-advanced-controlnet",
    "VHS_": "comfyui-videohelpersuite",
    "IPAd": "comfyui_ipadapter_plus",
}
LOADERS = {
    "CheckpointLoaderSimple": "checkpoints",
    "VAELoader": "vae",
    "UNETLoader": "diffusion_models",
    "CLIPLoader": "text_encoders",
    "DualCLIPLoader": "text_encoders",
    "ADE_LoadAnimateDiffModel": "animatediff_models",
    "ACN_ControlNetLoaderAdvanced": "controlnet",
    "IPAdapterModelLoader": "ipadapter",
    "CLIPVisionLoader": "clip_vision",
}
# whose file has another name at its address; the note says so
RENAMED = {"CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors": "model.safetensors"}


def shape(workflow: dict, _info: dict) -> Iterator[str]:
    """The keys and types of format 0.4, as the frontend reads them."""
    yield from fields("workflow", workflow, TOP)
    if workflow["version"] != 0.4:
        yield f"version is {workflow['version']}, not 0.4"
    for one in subgraphs(workflow):
        yield from fields(f"subgraph {one.get('name')}", one, SUBGRAPH)
    for node in all_nodes(workflow):
        name = f"node {node.get('id')}"
        yield from fields(name, node, NODE)
        for number, (slots, kind) in enumerate([(node["inputs"], INPUT), (node["outputs"], OUTPUT)]):
            for item in slots:
                yield from fields(f"{name} {('input', 'output')[number]} {item.get('name')}", item, kind)
        if len(node["pos"]) != 2 or len(node["size"]) != 2:
            yield f"{name} needs two numbers for pos and size"
    for graph in (workflow, *subgraphs(workflow)):
        for link in links_of(graph):
            if len(link) != 6 or not all(
                isinstance(item, kind) for item, kind in zip(link, LINK, strict=True)
            ):
                yield f"link {link} is not a 6-tuple of five ints and a type"
    for group in workflow["groups"]:
        yield from fields(f"group {group.get('title')}", group, GROUP)


def fields(owner: str, value: dict, kinds: dict) -> Iterator[str]:
    """Missing keys and wrong types."""
    for key, kind in kinds.items():
        if key not in value:
            yield f"{owner} lacks {key}"
        elif not isinstance(value[key], kind):
            yield f"{owner} has a {type(value[key]).__name__} as {key}"


def ids(workflow: dict, _info: dict) -> Iterator[str]:
    """Unique ids, and the counters at the last of them."""
    nodes = [node["id"] for node in all_nodes(workflow)]
    for kind, found in (("node", nodes), ("link", [link[0] for link in workflow["links"]])):
        if len(set(found)) != len(found):
            yield f"a {kind} id is used twice"
        if workflow[f"last_{kind}_id"] != max(found):
            yield f"last_{kind}_id is {workflow[f'last_{kind}_id']}, the last {kind} is {max(found)}"
    kinds = [one["id"] for one in subgraphs(workflow)]
    placed = [node["type"] for node in workflow["nodes"] if node["type"] in kinds]
    if sorted(placed) != sorted(kinds):
        yield f"the subgraphs {kinds} are not each on the canvas once"


def links(workflow: dict, _info: dict) -> Iterator[str]:
    """Every link exists at both of its ends, with one type; and no end names a link that is not there."""
    for graph in (workflow, *subgraphs(workflow)):
        yield from links_in(graph)


def links_in(graph: dict) -> Iterator[str]:
    """The same for one of its graphs. The ends of a subgraph are nodes there."""
    ends = {node["id"]: (node["inputs"], node["outputs"]) for node in graph["nodes"]}
    if "inputNode" in graph:
        ends |= {INPUT_ID: ([], graph["inputs"]), OUTPUT_ID: (graph["outputs"], [])}
    outgoing = {
        (node, index, link)
        for node, (_, outputs) in ends.items()
        for index, item in enumerate(outputs)
        for link in item.get("links", item.get("linkIds")) or []
    }
    incoming = {
        (node, index, link)
        for node, (inputs, _) in ends.items()
        for index, item in enumerate(inputs)
        for link in item.get("linkIds", [item.get("link")])
        if link is not None
    }
    for number, source, out_slot, target, in_slot, kind in links_of(graph):
        if (source, out_slot, number) not in outgoing or (target, in_slot, number) not in incoming:
            yield f"link {number} is not in both of its ends"
            continue
        types = ends[source][1][out_slot]["type"], ends[target][0][in_slot]["type"]
        if types[0] != kind or kind not in types[1].split(","):  # an input of several types names them all
            yield f"link {number} of type {kind} joins {types[0]} to {types[1]}"
    known = {link[0] for link in links_of(graph)}
    for node, _, link in outgoing | incoming:
        if link not in known:
            yield f"node {node} names link {link}, which is not there"


def folded(workflow: dict, _info: dict) -> Iterator[str]:
    """The node of a subgraph has its slots, and every socket is linked; every widget on it is one inside."""
    for one in subgraphs(workflow):
        node = next(node for node in workflow["nodes"] if node["type"] == one["id"])
        for side in ("inputs", "outputs"):
            given, wanted = ([(slot["name"], slot["type"]) for slot in of[side]] for of in (node, one))
            if given != wanted:
                yield f"{one['name']} has the {side} {given}, inside there are {wanted}"
        for slot in node["inputs"]:
            if "widget" not in slot and slot["link"] is None:
                yield f"{one['name']} needs a link into {slot['name']}"
        entering = {link[0] for link in links_of(one) if link[1] == INPUT_ID}
        inside = [
            slot["widget"]["name"]
            for found in one["nodes"]
            for slot in found["inputs"]
            if "widget" in slot and slot["link"] in entering
        ]
        # two of one name are called by their labels
        shown = [slot["name"] for slot in node["inputs"] if "widget" in slot]
        labels = {slot.get("label") for slot in node["inputs"]}
        single = {name for name in inside if inside.count(name) == 1}
        others = set(shown) - single
        if not single <= set(shown) or len(shown) != len(inside) or not others <= labels:
            yield f"{one['name']} shows other widgets than it links inside"


def slots(workflow: dict, info: dict) -> Iterator[str]:
    """Slots are those of the node type, and required sockets are linked."""
    for node in real_nodes(workflow):
        if node["type"] not in info:
            yield f"node type {node['type']} is not in the recorded /object_info"
            continue
        entry = grown(info[node["type"]], [item["name"] for item in node["inputs"]])
        outputs = [(item["name"], item["type"]) for item in node["outputs"]]
        offered = list(zip(entry["output_name"], entry["output"], strict=True))
        if node["type"] in REPORTS:  # the last ones are shown where they are linked
            offered = offered[: max(REPORT_OUTPUTS, len(outputs))]
        if outputs != offered:
            yield f"{node['type']} has other outputs than its node type"
        given = {item["name"]: item for item in node["inputs"]}
        for item in inputs_of(entry):
            if item.name not in given:
                yield f"{node['type']} lacks the input {item.name}"
            elif not item.optional and not item.widget() and given[item.name]["link"] is None:
                yield f"{node['type']} needs a link into {item.name}"


def widgets(workflow: dict, info: dict) -> Iterator[str]:
    """Every widget value is one that the node type allows, and none is missing or left over."""
    for node in real_nodes(workflow):
        if node["type"] not in info:
            continue
        entry, given = info[node["type"]], node.get("widgets_values", [])
        names = [item["name"] for item in node["inputs"] if "widget" in item]
        if isinstance(given, dict):
            yield from by_name(node["type"], given)
            given = [given[name] for name in given if name not in SAVED_BY_NAME.get(node["type"], {})]
        else:
            given = without_controls(entry, names, given)
        if len(names) != len(given):
            yield f"{node['type']} has {len(given)} values for {len(names)} widgets"
            continue
        values = dict(zip(names, given, strict=True))
        drawn = {w.name: w for w in drawn_widgets(entry, partial(shown_value, values))}
        if list(drawn) != names:
            yield f"{node['type']} has the widgets {names}, its node type {list(drawn)}"
            continue
        for name, widget in drawn.items():
            if not allowed(values[name], widget):
                yield f"{node['type']} does not allow {values[name]!r} as {name}"


def without_controls(entry: dict, names: list[str], given: list) -> list:
    """The values of a node's widgets, without those of "control after generate" behind them."""
    controls = {
        widget.name: widget.controls for widget in drawn_widgets(entry, lambda widget: widget.default)
    }
    left = list(given)
    kept = []
    for name in names:
        kept += left[:1]
        left = left[1 + controls.get(name, 0) :]
    return kept + left


def by_name(kind: str, given: dict) -> Iterator[str]:
    """Values by name only where a pack reads them so, and then with everything it saves."""
    for name in SAVED_BY_NAME.get(kind, {"values by place": None}):
        if name not in given:
            yield f"{kind} lacks {name} among its saved values"


def shown_value(values: dict, widget: Widget) -> object:
    """What a widget shows when these values are set."""
    return values.get(widget.name, widget.default)


def allowed(value: object, widget: Widget) -> bool:
    """Whether a widget takes this value."""
    if widget.choices is not None:
        return value in widget.choices
    kind, options = widget.type, widget.options
    if kind in NUMBERS:
        return (
            isinstance(value, NUMBERS[kind])
            and not isinstance(value, bool)
            and options.get("min", value) <= value <= options.get("max", value)
        )
    return isinstance(value, bool if kind == "BOOLEAN" else str)


def origin(workflow: dict, info: dict) -> Iterator[str]:
    """What lets the frontend name and fetch a missing pack or model."""
    for node in real_nodes(workflow):
        found, kind = node["properties"], node["type"]
        if found.get("Node name for S&R") != kind:
            yield f"{kind} has another name for search and replace"
        if found.get("cnr_id") != PACKS.get(kind[:4], "comfy-core") or not found.get("ver"):
            yield f"{kind} does not say which pack and version it is from"
        if kind in LOADERS:
            yield from model(kind, found.get("models", []), node["widgets_values"])


def model(kind: str, models: list[dict], values: list) -> Iterator[str]:
    """A loader's models: named like its widgets, in the right folder, with a public address."""
    if len(models) != (2 if kind == "DualCLIPLoader" else 1):
        yield f"{kind} offers {len(models)} models to download"
    for one in models:
        name, url, folder = (one.get(key, "") for key in ("name", "url", "directory"))
        if name not in values:
            yield f"{kind} offers {name} but its widget shows {values}"
        if folder != LOADERS[kind]:
            yield f"{kind} puts its model into {folder}, not {LOADERS[kind]}"
        inside = url.partition("/resolve/main/")[2]
        if not url.startswith("https://huggingface.co/") or inside.rpartition("/")[2] != RENAMED.get(
            name, name
        ):
            yield f"{kind} has no Hugging Face address of {name}"


def layout(workflow: dict, _info: dict) -> Iterator[str]:
    """Each node lies in one group, groups run in rows from left to right, and nothing overlaps."""
    groups = {group["title"]: tuple(group["bounding"]) for group in workflow["groups"]}
    nodes = {f"{node['id']} {node['type']}": box(node) for node in workflow["nodes"]}
    for boxes in (groups, nodes):
        for (a, first), (b, second) in combinations(boxes.items(), 2):
            if overlap(first, second):
                yield f"{a} overlaps {b}"
    for name, found in nodes.items():
        if sum(inside(found, group) for group in groups.values()) != 1:
            yield f"{name} is not inside one group"
    numbered = [title for title in groups if title[0].isdigit()]
    read = sorted(numbered, key=lambda title: (groups[title][1], groups[title][0]))
    if numbered != read or numbered != sorted(numbered):
        yield f"the groups {numbered} do not run from left to right"


def spacing(workflow: dict, _info: dict) -> Iterator[str]:
    """Nodes keep apart, samplers have room for their preview, and it opens large enough to be read."""
    boxes = {f"{node['id']} {node['type']}": grown_box(node) for node in workflow["nodes"]}
    for (a, first), (b, second) in combinations(boxes.items(), 2):
        x, y, width, height = first
        if overlap((x - APART, y - APART, width + 2 * APART, height + 2 * APART), second):
            yield f"{a} lies closer to {b} than {APART} px"
    left, top = (min(found[axis] for found in boxes.values()) for axis in (0, 1))
    right = max(found[0] + found[2] for found in boxes.values())
    bottom = max(found[1] + found[3] for found in map(box, workflow["nodes"]))
    scale = min(FITTED * SCREEN[0] / (right - left), FITTED * SCREEN[1] / (bottom - top))
    if scale < READABLE:
        yield f"it opens at {scale:.2f} on a screen of {SCREEN}"


def titles(workflow: dict, _info: dict) -> Iterator[str]:
    """What is collapsed shows its whole title: the frontend draws the first 20 characters."""
    for node in workflow["nodes"]:
        if node["flags"].get("collapsed") and len(node.get("title", node["type"])) > COLLAPSED:
            yield f"the title of {node['id']} {node['type']} is cut off while it is collapsed"


def grown_box(node: dict) -> tuple[float, float, float, float]:
    """Its box with the preview that it shows while it runs."""
    x, y, width, height = box(node)
    return x, y, width, height + (PREVIEW if node["type"] in SAMPLERS else 0)


def box(node: dict) -> tuple[float, float, float, float]:
    """x, y, width and height of a node with its title."""
    height = 0 if node["flags"].get("collapsed") else node["size"][1]
    return node["pos"][0], node["pos"][1] - TITLE, node["size"][0], height + TITLE


def overlap(a: tuple, b: tuple) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def inside(a: tuple, b: tuple) -> bool:
    return b[0] <= a[0] and b[1] <= a[1] and a[0] + a[2] <= b[0] + b[2] and a[1] + a[3] <= b[1] + b[3]


CHECKS = (shape, ids, links, folded, slots, widgets, origin, layout, spacing, titles)


def complaints(workflow: dict, info: dict) -> list[str]:
    """Everything that is wrong with the workflow."""
    return [complaint for check in CHECKS for complaint in check(workflow, info)]

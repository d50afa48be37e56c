"""Turn a saved workflow (UI format 0.4) into the API prompt, as the frontend's graphToPrompt does."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tools.client import browser_nodes
from tools.client.frontend_text import chosen_prompt, replaced
from tools.client.node_values import ConversionError, Values, check, left_out, saved_values
from tools.client.subgraphs import INPUTS, input_name, outer_slot, unfolded
from tools.widgets import Widget, inputs_of, types_given

MUTED, BYPASSED = 2, 4
EXPORT = "save the workflow with File > Export (API) in ComfyUI and queue that file"
Source = tuple[str, int]


def graph_to_prompt(workflow: dict, object_info: dict, warn: Callable[[str], None] = warnings.warn) -> dict:
    """The API prompt of a UI workflow, for the server that gave this object_info. warn: is told what the
    workflow has and the prompt cannot have."""
    graph = Graph(workflow, object_info)
    refuse_unknown(graph)
    active = [node for node in graph.nodes.values() if graph.runs(node)]
    prompt = {
        str(node["id"]): {"inputs": graph.inputs(node), "class_type": node["type"], "_meta": graph.meta(node)}
        for node in active
    }
    refuse_unfed(graph, prompt)
    for node in active:
        warn_of_values(graph, node, warn)
    return prompt


def warn_of_values(graph: Graph, node: dict, warn: Callable[[str], None]) -> None:
    """Say which values of a node are lost, because only its pack's code in the browser knows their names."""
    lost = left_out(node, graph.object_info[node["type"]], graph.given)
    if lost:
        shown = ", ".join(map(repr, lost))
        shown = shown if len(shown) < 80 else shown[:77] + "..."
        warn(
            f"{graph.named(node)} has values that its class on the server does not declare, so they are left "
            f"out: {shown}. Where they matter, {EXPORT}."
        )


@dataclass
class Graph:
    """A saved workflow with the class information of one server."""

    workflow: dict
    object_info: dict

    def __post_init__(self) -> None:
        whole = unfolded(self.workflow)
        self.nodes, self.links = whole.nodes, whole.links
        self.everywhere, self.senders = whole.everywhere, whole.senders
        self.given = types_given(self.object_info)

    def title(self, node: dict) -> str:
        return node.get("title") or self.object_info.get(node["type"], {}).get("display_name") or node["type"]

    def meta(self, node: dict) -> dict:
        """What the prompt says about a node for people and tools to read; the server leaves it alone."""
        said = node.get("properties") or {}
        pack = {key: said[key] for key in ("cnr_id", "aux_id", "ver") if isinstance(said.get(key), str)}
        return {"title": self.title(node)} | pack

    def runs(self, node: dict) -> bool:
        return node["type"] in self.object_info and node.get("mode", 0) not in (MUTED, BYPASSED)

    def sends(self, node: dict) -> bool:
        """Whether the node feeds others without a link."""
        return node["type"] in browser_nodes.EVERYWHERE and node.get("mode", 0) not in (MUTED, BYPASSED)

    def inputs(self, node: dict) -> dict:
        """The node's inputs in the prompt: its widgets' values, then its links, which take precedence."""
        inputs = {
            name: self._sent(widget, value) for name, (widget, value) in self.widget_values(node).items()
        }
        for slot in node.get("inputs") or []:
            source = self.source(node, slot)
            if source is not None:
                inputs[slot["name"]] = list(source)
            elif slot["name"] not in inputs:  # a socket that takes a value of the subgraph's own node
                inputs.update((slot["name"], value) for value in self._value_behind(slot))
        return inputs | {name: list(source) for name, source in self._fed(node, inputs)}

    def _fed(self, node: dict, inputs: dict) -> Iterator[tuple[str, Source]]:
        """What Anything Everywhere gives the node's inputs that have no link."""
        for index, slot in enumerate(self._all_inputs(node)):
            origin, output = self.everywhere.get((str(node["id"]), index), ("", 0))
            linked = isinstance(inputs.get(slot["name"]), list)
            if origin in self.nodes and slot.get("link") is None and not linked:
                source = self._output(self.nodes[origin], output, slot.get("type", "*"), frozenset())
                if source is not None:
                    yield slot["name"], source

    # ---- widgets

    def widget_values(self, node: dict) -> Values:
        """Every widget of the node with its value, refused when a value cannot be that widget's."""
        values = saved_values(node, self.object_info[node["type"]], dict(self._pushed(node)), self.given)
        check(node, self.title(node), values)
        return values

    def _pushed(self, node: dict) -> Iterator[tuple[str, Any]]:
        yield from node.get("pushed", {}).items()
        for slot in node.get("inputs") or []:
            for value in self._value_behind(slot):
                yield slot["name"], value

    def _value_behind(self, slot: dict | None) -> Iterator[Any]:
        """The value that a PrimitiveNode, or the node of a subgraph, has for an input; none or one."""
        origin, output = self.links.get((slot or {}).get("link"), ("", 0))
        node = self.nodes.get(origin, {})
        if node.get("type") == "PrimitiveNode" and node.get("widgets_values"):
            yield node["widgets_values"][0]
        if node.get("type") == INPUTS:
            outer = outer_slot(node, output)
            if outer and outer.get("link") is not None:
                yield from self._value_behind(outer)
            else:
                name = input_name(node, output)
                yield from [node["values"][name]] if name in node["values"] else []

    def _sent(self, widget: Widget, value: Any) -> Any:
        """A value as the prompt carries it: a list would be taken for a link, so it is wrapped."""
        if widget.type == "CURVE" and value is not None:
            return {"__type__": "CURVE", "__value__": value}
        if isinstance(value, list):
            return {"__value__": value}
        if isinstance(value, str) and widget.options.get("dynamicPrompts"):
            return chosen_prompt(value)
        if isinstance(value, str) and widget.name == "filename_prefix":
            return replaced(value, self._replacement)
        return value

    def _replacement(self, name: str, widget: str) -> Any:
        """The value that %name.widget% stands for."""
        named = [
            n for n in self.nodes.values() if (n.get("properties") or {}).get("Node name for S&R") == name
        ]
        named = named or [
            n for n in self.nodes.values() if n["type"] in self.object_info and self.title(n) == name
        ]
        if not named or named[0]["type"] not in self.object_info:
            raise KeyError(name)
        return self.widget_values(named[0])[widget][1]

    # ---- links

    def source(
        self, node: dict, slot: dict, wanted: str | None = None, seen: frozenset = frozenset()
    ) -> Source | None:
        """The running node and output behind an input, through reroutes and bypassed nodes; None for none."""
        if slot.get("link") is None:
            return None
        if slot["link"] not in self.links:
            raise ConversionError(
                f"Input {slot['name']} of {self.named(node)} uses link {slot['link']}, which the file "
                "lacks: open the workflow in ComfyUI, mend the connection and save it again."
            )
        origin, index = self.links[slot["link"]]
        if origin not in self.nodes:
            raise ConversionError(
                f"Input {slot['name']} of {self.named(node)} is linked to node {origin}, which the file "
                "lacks: open the workflow in ComfyUI, mend the connection and save it again."
            )
        if (origin, index) in seen:
            raise ConversionError(
                f"The links around {self.named(self.nodes[origin])} run in a circle: break it."
            )
        return self._output(
            self.nodes[origin], index, wanted or slot.get("type", "*"), seen | {(origin, index)}
        )

    def _output(self, node: dict, index: int, wanted: str, seen: frozenset) -> Source | None:
        if node.get("mode") == MUTED:
            return None
        if node.get("mode") == BYPASSED:
            slot = self._bypass(node, index, wanted)
            return self.source(node, slot, None, seen) if slot else None
        if "inside" in node:
            slot = {"name": f"output {index}", "link": node["inside"].get(index)}
            return self.source(node, slot, wanted, seen)
        if node["type"] == INPUTS:
            slot = outer_slot(node, index)
            return self.source(node["instance"], slot, wanted, seen) if slot else None
        if node["type"] in browser_nodes.GETTERS:
            node = self._setter(node)
        if node["type"] in (*browser_nodes.REROUTES, *browser_nodes.SETTERS):
            slot = next(iter(node.get("inputs") or []), None)
            return self.source(node, slot, wanted, seen) if slot else None
        return (str(node["id"]), index) if node["type"] in self.object_info else None

    def _setter(self, node: dict) -> dict:
        found = browser_nodes.setter(node, self.nodes.values())
        if found is None:
            raise ConversionError(
                f"{self.named(node)} gets '{browser_nodes.name_of(node)}', which no Set node of the workflow "
                "sets: open the workflow in ComfyUI, choose another name there and save it again."
            )
        return found

    def _bypass(self, node: dict, index: int, wanted: str) -> dict | None:
        """The input a bypassed node passes on: the one beside the output, else the first that fits."""
        inputs = self._all_inputs(node)
        outputs = node.get("outputs") or []
        kind = outputs[index].get("type", "*") if index < len(outputs) else "*"
        beside = inputs[index] if index < len(inputs) else None
        if wanted in ("*", "", 0):
            return beside or next(iter(inputs), None)

        def fits(slot: dict) -> bool:
            return connects(slot.get("type"), kind) and connects(slot.get("type"), wanted)

        if beside and fits(beside):
            return beside
        exact = [slot for slot in inputs if slot.get("type") == wanted]
        return next(iter(exact), None) or next(filter(fits, inputs), None)

    def _all_inputs(self, node: dict) -> list[dict]:
        """The node's inputs as the frontend rebuilds them: saved files leave unlinked widgets out."""
        saved = {slot["name"]: slot for slot in node.get("inputs") or []}
        if node["type"] not in self.object_info:
            return list(saved.values())
        sockets, widgets = {}, {}
        for item in inputs_of(self.object_info[node["type"]]):
            name, unlinked = item.name, {"name": item.name, "type": item.type, "link": None}
            drawn = item.widget(shown=bool(saved.get(name, {}).get("widget")))
            (widgets if drawn else sockets)[name] = saved.get(name, unlinked)
        return list((sockets | widgets | saved).values())

    def named(self, node: dict) -> str:
        return f"node {node['id']} ({self.title(node)})"


def connects(one: Any, other: Any) -> bool:
    """Whether two slot types may be joined: wildcards, and lists separated by commas, in any case."""
    if one in ("*", "", 0, None) or other in ("*", "", 0, None):
        return True
    return bool(set(str(one).lower().split(",")) & set(str(other).lower().split(",")))


def refuse_unknown(graph: Graph) -> None:
    """Stop at what would have to be guessed: group nodes, and node types the server does not have."""
    lacking: dict[str, set[str]] = {}
    for node in graph.nodes.values():
        kind = node["type"]
        known = kind in graph.object_info or kind in browser_nodes.KNOWN or kind == INPUTS
        if known or "inside" in node or node.get("mode") in (MUTED, BYPASSED):
            continue
        if kind.startswith(browser_nodes.GROUP_NODES):
            raise ConversionError(
                f"{graph.named(node)} is a group node, which the browser unfolds: {EXPORT}."
            )
        if _linked(node):  # an unlinked one is a label or a panel of its pack's user interface
            said = node.get("properties") or {}
            lacking.setdefault(said.get("cnr_id") or said.get("aux_id") or "", set()).add(kind)
    if lacking:
        packs = "; ".join(
            f"{', '.join(sorted(types))} (pack {pack or 'not named in the workflow'})"
            for pack, types in sorted(lacking.items())
        )
        raise ConversionError(
            f"The server lacks these node types: {packs}. Install the pack in ComfyUI-Manager and "
            f"restart ComfyUI. Where it is installed, its node lives in the browser only: {EXPORT}."
        )


def refuse_unfed(graph: Graph, prompt: dict) -> None:
    """Stop where Anything Everywhere feeds inputs, and the file does not say which."""
    silent = [node for id, node in graph.nodes.items() if id not in graph.senders and graph.sends(node)]
    if not silent:
        return
    for id, entry in prompt.items():
        sockets = [
            item for item in inputs_of(graph.object_info[entry["class_type"]]) if item.widget() is None
        ]
        open_ones = [item.name for item in sockets if not item.optional and item.name not in entry["inputs"]]
        if open_ones and entry["class_type"] not in browser_nodes.EVERYWHERE:
            raise ConversionError(
                f"Input {open_ones[0]} of {graph.named(graph.nodes[id])} has no link, and "
                f"{graph.named(silent[0])} makes its links in the browser: {EXPORT}."
            )


def _linked(node: dict) -> bool:
    return any(slot.get("link") is not None for slot in node.get("inputs") or []) or any(
        slot.get("links") for slot in node.get("outputs") or []
    )

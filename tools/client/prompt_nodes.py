"""Find nodes of an API prompt by id, title or class, and set their inputs with the server's own checks."""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import Any

from tools.client.errors import ClientError
from tools.widgets import DYNAMIC_COMBO, Widget, inputs_of, widgets_of


class EditError(ClientError):
    """A --set, --prompt, --video or --image that does not fit the workflow."""


def title(prompt: dict, node: str) -> str:
    """The node's title, else its class type."""
    return (prompt[node].get("_meta") or {}).get("title") or prompt[node]["class_type"]


def label(prompt: dict, node: str) -> str:
    """How messages name a node: its title, id and class type."""
    name, kind = title(prompt, node), prompt[node]["class_type"]
    return f"'{name}' (node {node})" if name == kind else f"'{name}' (node {node}, {kind})"


def find_nodes(prompt: dict, name: str) -> list[str]:
    """The nodes a name means: an id before titles, titles before class types."""
    if name in prompt:
        return [name]
    return [n for n in prompt if title(prompt, n) == name] or [
        n for n in prompt if prompt[n]["class_type"] == name
    ]


def node_widgets(prompt: dict, object_info: dict, node: str) -> dict[str, Widget]:
    """The widgets the node shows with its present inputs, by name."""
    inputs = prompt[node]["inputs"]
    info = object_info.get(prompt[node]["class_type"], {})
    return {w.name: w for w in widgets_of(info, lambda w: inputs.get(w.name, w.default))}


def apply_set(prompt: dict, object_info: dict, text: str) -> None:
    """Apply one --set Node.input=value to the prompt."""
    left, equals, raw = text.partition("=")
    if not equals or "." not in left:
        raise EditError(f'--set {text} is not of the form Node.input=value, like "KSampler.steps=20".')
    node, name = _addressed(prompt, left, text)
    set_input(prompt, object_info, node, name, raw)


def _addressed(prompt: dict, left: str, text: str) -> tuple[str, str]:
    """The node and input of Node.input; both may hold dots, so the split that names a node wins."""
    dots = [i for i, char in enumerate(left) if char == "."]
    for dot in reversed(dots):
        nodes = find_nodes(prompt, left[:dot])
        if len(nodes) > 1:
            raise EditError(
                f"--set {text}: {left[:dot]} means {len(nodes)} nodes, "
                + ", ".join(label(prompt, n) for n in nodes)
                + ": use the id."
            )
        if nodes:
            return nodes[0], left[dot + 1 :]
    names = sorted({title(prompt, n) for n in prompt} | {entry["class_type"] for entry in prompt.values()})
    asked = left[: dots[0]]
    raise EditError(
        f"--set {text}: the workflow has no running node {asked}{_meant(asked, names)}. It has "
        + ", ".join(label(prompt, n) for n in prompt)
        + "."
    )


def set_input(prompt: dict, object_info: dict, node: str, name: str, raw: str) -> None:
    """Set one input of a node from text; a link it had is replaced."""
    widgets = node_widgets(prompt, object_info, node)
    if name not in widgets:
        raise EditError(_no_such_input(prompt, object_info, node, name, list(widgets)))
    value = read_value(widgets[name], raw, f"{name} of {label(prompt, node)}")
    inputs = prompt[node]["inputs"]
    inputs[name] = {"__value__": value} if isinstance(value, list) else value
    if widgets[name].type == DYNAMIC_COMBO:  # its choice decides which inputs exist beside it
        shown = node_widgets(prompt, object_info, node)
        for old in [key for key in inputs if key.startswith(name + ".") and key not in shown]:
            del inputs[old]
        inputs.update(
            {
                w.name: w.default
                for w in shown.values()
                if w.name.startswith(name + ".") and w.name not in inputs
            }
        )


def _no_such_input(prompt: dict, object_info: dict, node: str, name: str, widgets: list[str]) -> str:
    info = object_info.get(prompt[node]["class_type"], {})
    sockets = {item.name: item.spec[0] for item in inputs_of(info)}
    if name in sockets:
        return f"Input {name} of {label(prompt, node)} takes a connection ({sockets[name]}), not a value."
    return (
        f"{label(prompt, node)} has no input {name}{_meant(name, widgets)}; it has "
        f"{', '.join(widgets) or 'none that can be set'}."
    )


def _meant(name: str, names: list[str]) -> str:
    close = get_close_matches(name, names, 1, 0.6) or [n for n in names if n.lower() == name.lower()]
    return f" (did you mean {close[0]}?)" if close else ""


def read_value(widget: Widget, raw: str, what: str) -> Any:
    """A value from the command line: JSON of the right kind, else the text; checked for the widget."""
    try:
        value = json.loads(raw, parse_constant=lambda constant: raw)
    except ValueError:
        value = raw
    if widget.type == "STRING" and not isinstance(value, str):
        value = raw
    if widget.choices is not None and value not in widget.choices and raw in widget.choices:
        value = raw
    if widget.type == "INT" and isinstance(value, float) and value.is_integer():
        value = int(value)
    problem = _problem(widget, value)
    if problem:
        raise EditError(
            f"{raw} does not fit {what}: it takes {problem}{'' if problem.endswith('?') else '.'}"
        )
    return value


def _problem(widget: Widget, value: Any) -> str | None:
    """What the widget takes, in words, when it does not take this value."""
    kinds = {
        "INT": (int, "a whole number"),
        "FLOAT": ((int, float), "a number"),
        "BOOLEAN": (bool, "true or false"),
        "STRING": (str, "text"),
    }
    if widget.type in kinds:
        kind, words = kinds[widget.type]
        if not isinstance(value, kind) or (isinstance(value, bool) and widget.type != "BOOLEAN"):
            return words
    if widget.type in ("INT", "FLOAT"):
        low, high = widget.options.get("min"), widget.options.get("max")
        if (low is not None and value < low) or (high is not None and value > high):
            return f"{low if low is not None else 'any'} to {high if high is not None else 'any'}"
    if widget.choices and not _chosen(widget, value):
        close = get_close_matches(str(value), map(str, widget.choices), 1, 0.6)
        shown = ", ".join(map(str, widget.choices[:12])) + (", ..." if len(widget.choices) > 12 else "")
        return f"one of {shown}" + (f"; did you mean {close[0]}?" if close else "")
    return None


def _chosen(widget: Widget, value: Any) -> bool:
    if isinstance(value, list):
        return bool(widget.options.get("multiselect")) and all(v in widget.choices for v in value)
    return value in widget.choices

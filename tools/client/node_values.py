"""The values a saved node's widgets hold: a bare list, in the order the widgets are shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tools.client import browser_widgets
from tools.client.errors import ClientError
from tools.widgets import (
    CONTROL_MODES,
    DYNAMIC_COMBO,
    WIDGET_TYPES,
    Widget,
    inputs_of,
    widgets_of,
)

Values = dict[str, tuple[Widget, Any]]
TYPES_OF_CORE = ("COMFY_AUTOGROW_V3", "COMFY_MATCHTYPE_V3", "COMFY_DYNAMICSLOT_V3")  # sockets, all of them
UPLOADED = ("image", "video", "audio", "file")  # what a button can upload


class ConversionError(ClientError):
    """A workflow that cannot be turned into a prompt; the message names the node and the cure."""


def saved_values(node: dict, info: dict, pushed: dict[str, Any], given: frozenset = frozenset()) -> Values:
    """Each widget of the node with its saved value, else what it meant before the node had it; `pushed` by a
    PrimitiveNode wins. given: the types that the server's nodes give, which are never a widget's own."""
    saved, names = node.get("widgets_values") or [], node.get("widgets_values_named") or {}
    shown = _shown(node, info, given)
    if isinstance(saved, dict):  # VideoHelperSuite saves by name, with widgets of its own among them
        return _extra_values(saved) | _by_name(info, saved, shown | frozenset(saved), pushed)
    if _are_named(saved, names):
        values = _by_name(info, names, shown | frozenset(names), pushed)
        others = {name: value for name, value in names.items() if name not in values}
        return values | _of_the_browser(browser_widgets.sent_by_name(_undeclared(info, others)), pushed)
    in_place = saved if names else _without_forced(info, saved)
    values = _by_place(info, in_place, shown, pushed)
    rest = _placed(info, in_place, shown)[2]
    return values | _of_the_browser(browser_widgets.sent(node, rest) or {}, pushed)


def left_out(node: dict, info: dict, given: frozenset) -> list:
    """The saved values that belong to no widget the server or this client knows."""
    saved, names = node.get("widgets_values") or [], node.get("widgets_values_named") or {}
    if isinstance(saved, dict) or _are_named(saved, names) or info.get("output_node"):
        return []  # an output node keeps there what it shows
    in_place = saved if names else _without_forced(info, saved)
    rest = _placed(info, in_place, _shown(node, info, given))[2]
    rest = rest[1:] if _uploads(info) else rest  # the name of its button
    return [] if browser_widgets.sent(node, rest) is not None else list(filter(browser_widgets.matters, rest))


def _are_named(saved: list, names: dict) -> bool:
    """Whether the file says which value is whose: frontend 1.5x saves the names too."""
    return list(names.values()) == saved


def _uploads(info: dict) -> bool:
    return any(item.options.get(f"{kind}_upload") for item in inputs_of(info) for kind in UPLOADED)


def _shown(node: dict, info: dict, given: frozenset) -> frozenset[str]:
    """The inputs that have a widget though their type is a pack's own: the file says so beside their slot, or
    has no slot of theirs, and values that no other widget takes."""
    slots = node.get("inputs") or []
    shown = frozenset(slot["name"] for slot in slots if slot.get("widget"))
    own = _own_widgets(info, given) - {slot["name"] for slot in slots}
    saved = node.get("widgets_values") or []
    if not own or isinstance(saved, dict):
        return shown
    rest = _placed(info, _without_forced(info, saved), shown)[2]
    return shown | own if any(map(browser_widgets.matters, rest)) else shown


def _own_widgets(info: dict, given: frozenset) -> set[str]:
    """The inputs whose types neither the frontend has widgets for nor any node gives."""
    bare = (item for item in inputs_of(info) if item.widget() is None and not item.options.get("forceInput"))
    named = [(item.name, set(str(item.type).split(","))) for item in bare]
    return {name for name, types in named if given and not types & {"*", *given, *TYPES_OF_CORE}}


def _undeclared(info: dict, values: dict) -> dict:
    declared = {item.name for item in inputs_of(info)}
    return {name: value for name, value in values.items() if name not in declared}


def _of_the_browser(values: dict, pushed: dict) -> Values:
    return {name: (Widget(name, "*"), pushed.get(name, value)) for name, value in values.items()}


def with_values(
    node: dict, info: dict, values: dict[str, Any], given: frozenset = frozenset()
) -> list | dict:
    """What the node saves once its widgets have these values."""
    saved, names = node.get("widgets_values") or [], node.get("widgets_values_named") or {}
    if isinstance(saved, dict):
        return saved | values
    if list(names.values()) == saved and set(values) <= set(names):
        return list((names | values).values())
    shown = _shown(node, info, given)
    old, controls, rest = _placed(info, saved if names else _without_forced(info, saved), shown)
    result: list = []

    def take(widget: Widget) -> Any:
        value = values.get(widget.name, old.get(widget.name, widget.default))
        result.extend([value, *controls.get(widget.name, [])])
        return value

    _exhaust(widgets_of(info, take, shown))
    return result + rest


def _placed(info: dict, saved: list, shown: frozenset[str]) -> tuple[dict, dict, list]:
    """The saved value of each widget, the values of its controls, and what no widget that is known has."""
    rest, values, controls = list(saved), {}, {}

    def take(widget: Widget) -> Any:
        values[widget.name] = rest.pop(0) if rest else widget.before
        if widget.controls and rest and rest[0] in CONTROL_MODES:
            controls[widget.name] = rest[: widget.controls]
            del rest[: widget.controls]
        return values[widget.name]

    _exhaust(widgets_of(info, take, shown))
    return values, controls, rest


def check(node: dict, title: str, values: Values) -> None:
    """Catch values that slipped: a node saved by another version of its pack has them in other places."""
    for widget, value in values.values():
        if value is not None and not takes(widget, value):
            kind = "one of " + ", ".join(map(str, widget.choices)) if widget.choices else widget.type
            raise ConversionError(
                f"Node {node['id']} ({title}) has {value!r} saved for {widget.name}, which takes {kind}: "
                "its pack has changed since; open the workflow in ComfyUI, check that node and save it again."
            )


def takes(widget: Widget, value: Any) -> bool:
    """Whether the server can read the value as the widget's; what a plain combo offers is its own affair."""
    if widget.type in ("INT", "FLOAT"):
        return _is_number(value)
    if widget.type == "BOOLEAN":
        return isinstance(value, (bool, int))
    if widget.type == "STRING":
        return not isinstance(value, dict)
    return widget.type != DYNAMIC_COMBO or value in (widget.choices or [])


def _by_name(info: dict, saved: dict, shown: frozenset[str], pushed: dict) -> Values:
    result: Values = {}

    def take(widget: Widget) -> Any:
        value = pushed.get(widget.name, saved.get(widget.name, widget.before))
        result[widget.name] = (widget, value)
        return value

    _exhaust(widgets_of(info, take, shown))
    return result


def _by_place(info: dict, saved: list, shown: frozenset[str], pushed: dict) -> Values:
    rest, result = list(saved), {}

    def take(widget: Widget) -> Any:
        value = rest.pop(0) if rest else widget.before
        if widget.controls and rest and rest[0] in CONTROL_MODES:
            del rest[: widget.controls]
        value = pushed.get(widget.name, value)
        result[widget.name] = (widget, value)
        return value

    _exhaust(widgets_of(info, take, shown))
    return result


def _exhaust(widgets: Iterator[Widget]) -> None:
    for _ in widgets:
        pass


def _extra_values(saved: dict) -> Values:
    return {
        name: (Widget(name, "*"), value)
        for name, value in saved.items()
        if name.isidentifier() and not isinstance(value, (dict, list))
    }


def _without_forced(info: dict, saved: list) -> list:
    """Frontends before 1.16 saved a value for inputs that are sockets by `forceInput`: drop those."""
    forced: list[bool] = []
    for item in inputs_of(info):
        if item.options.get("forceInput"):
            forced += [True] * (item.type in WIDGET_TYPES)
        elif widget := item.widget():
            forced += [False] * (1 + widget.controls)
    if True not in forced or len(saved) != len(forced):
        return saved
    return [value for value, drop in zip(saved, forced, strict=True) if not drop]


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True

"""The one model of a node's inputs and widgets, which the frontend draws from a server's /object_info.

An input is declared as [type, options], or as [choices, options] by nodes of the first API. A widget is the
field that the frontend draws for an input whose value can be given by hand; any other input is a bare socket.
This module says which types have a widget, its name, its choices, its first value, and which widgets a value
adds. Both sides use it: the client reads saved widgets, the builder of our workflows writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"  # its choice decides which inputs follow
AUTOGROW = "COMFY_AUTOGROW_V3"  # one more socket whenever the last is linked
# Input types frontend 1.58 turns into widgets; anything else is a socket, unless the saved node says
# otherwise: packs bring widget types of their own.
# fmt: off
WIDGET_TYPES = frozenset((
    "INT", "FLOAT", "BOOLEAN", "STRING", "MARKDOWN", "COMBO", "COLOR", "BOUNDING_BOX", "CHART",
    "GALLERIA", "PAINTER", "COMPOSITOR", "TEXTAREA", "CURVE", "RANGE", "VIDEO_EDIT",
    "BOUNDING_BOXES", "COLORS", "IMAGECOMPARE", "RESOLUTION_PREVIEW", "LIGHT_INFO_PREVIEW",
    "COMFY_DYNAMICCOMBO_V3", "COMFY_BRANCH_SELECTOR", "COMFY_BRANCH_INPUT_NAMES",
))
# fmt: on
CONTROL_MODES = ("fixed", "increment", "decrement", "randomize", "increment-wrap")
BLANK = {"INT": 0, "FLOAT": 0, "STRING": "", "BOOLEAN": False}


@dataclass(frozen=True)
class Widget:
    """One widget: `name` is the key in the API prompt ("format.codec" for one inside a dynamic combo)."""

    name: str
    type: str
    options: dict = field(default_factory=dict)
    choices: list | None = None  # of a combo whose list the server has told
    slot_type: str = ""  # what the socket beside it takes; "FLOAT,CURVE" beside a FLOAT that may be either
    optional: bool = False

    @property
    def default(self) -> Any:
        if "default" in self.options:
            return self.options["default"]
        return self.choices[0] if self.choices else BLANK.get(self.type)

    @property
    def before(self) -> Any:
        """What a node saved without it means: an input that came later may declare that."""
        return self.options.get("before", self.default)

    @property
    def controls(self) -> int:
        """How many saved values behind this one belong to the "control after generate" widgets."""
        seed = self.type == "INT" and self.name in ("seed", "noise_seed")
        if not self.options.get("control_after_generate", seed):
            return 0
        return {"INT": 1, "FLOAT": 1, "COMBO": 2}.get(self.type, 0)


UPLOAD = Widget("upload", "IMAGEUPLOAD", {"default": "image"}, slot_type="IMAGEUPLOAD")


class Input(NamedTuple):
    """One declared input of a node class."""

    name: str
    spec: list
    optional: bool = False

    @property
    def options(self) -> dict:
        return self.spec[1] if len(self.spec) > 1 and isinstance(self.spec[1], dict) else {}

    @property
    def type(self) -> str:
        """The type of its socket."""
        return "COMBO" if isinstance(self.spec[0], list) else self.spec[0]

    @property
    def choices(self) -> list | None:
        """What a combo offers; None for other types, and for a combo whose list the server has not told."""
        if isinstance(self.spec[0], list):
            return self.spec[0]
        offered = self.options.get("options")
        if self.widget_type == DYNAMIC_COMBO:
            return [option["key"] for option in offered or []]
        return offered if self.widget_type == "COMBO" else None

    @property
    def widget_type(self) -> str:
        """The type of its widget; an input of several types says which of them that is."""
        return self.type if isinstance(self.spec[0], list) else self.options.get("widgetType") or self.type

    def widget(self, shown: bool = False) -> Widget | None:
        """Its widget, None for a socket. `shown`: the saved node says that it has a widget."""
        kind = self.widget_type
        if self.options.get("forceInput") or not (kind in WIDGET_TYPES or shown):
            return None
        return Widget(self.name, kind, self.options, self.choices, self.type, self.optional)


def inputs_of(info: dict) -> Iterator[Input]:
    """The visible inputs of a class: required before optional, each in the declared order."""
    for section in ("required", "optional"):
        specs = info.get("input", {}).get(section) or {}
        order = (info.get("input_order") or {}).get(section) or []
        for name in [n for n in order if n in specs] + [n for n in specs if n not in order]:
            yield Input(name, specs[name], section == "optional")


def types_given(object_info: dict) -> frozenset[str]:
    """The types that come out of some node of the server: inputs of these are sockets."""
    outputs = (kind for info in object_info.values() for kind in info.get("output") or [])
    return frozenset(kind for kind in outputs if isinstance(kind, str))


def grown(info: dict, names: Iterable[str]) -> dict:
    """The class with the sockets named in place of an input that grows: `images.image0` ..."""
    required = {item.name: item.spec for item in inputs_of(info) if not item.optional}
    optional = {item.name: item.spec for item in inputs_of(info) if item.optional}
    for item in inputs_of(info):
        if item.type == AUTOGROW and not item.optional:
            del required[item.name]
            template = item.options["template"]
            (socket,) = template["input"]["required"].values()
            shown = [name for name in names if name.startswith(f"{item.name}.")]
            required |= dict.fromkeys(shown[: template["min"]], socket)
            optional = dict.fromkeys(shown[template["min"] :], socket) | optional
    return info | {"input": info["input"] | {"required": required, "optional": optional}, "input_order": {}}


def widgets_of(
    info: dict, value_of: Callable[[Widget], Any], shown: frozenset[str] = frozenset()
) -> Iterator[Widget]:
    """The widgets that the server knows of, in order; `value_of` gives each its value, which may decide the
    next. `shown` names inputs that the saved node has a widget for."""
    for item in inputs_of(info):
        yield from _expanded(item, value_of, shown)


def _expanded(item: Input, value_of: Callable[[Widget], Any], shown: frozenset[str]) -> Iterator[Widget]:
    widget = item.widget(item.name in shown)
    if widget is None:
        return
    value = value_of(widget)
    yield widget
    if widget.type == DYNAMIC_COMBO:
        for option in widget.options.get("options", []):
            if option["key"] == value:
                for inner in inputs_of({"input": option["inputs"]}):
                    yield from _expanded(inner._replace(name=f"{item.name}.{inner.name}"), value_of, shown)


def drawn_widgets(info: dict, value_of: Callable[[Widget], Any]) -> Iterator[Widget]:
    """The widgets that the frontend draws: also those of a VideoHelperSuite format and the upload button."""
    uploads = False
    for widget in widgets_of(info, value_of):
        yield widget
        yield from _of_format(widget, value_of)
        uploads |= any(widget.options.get(kind) for kind in ("image_upload", "video_upload"))
    if uploads:
        yield UPLOAD


def _of_format(widget: Widget, value_of: Callable[[Widget], Any]) -> Iterator[Widget]:
    formats = widget.options.get("formats")
    added = formats.get(value_of(widget)) if formats else None
    if isinstance(added, list):  # VideoHelperSuite's loader has presets there, which are no widgets
        for name, *spec in added:
            if format_widget := Input(name, spec[:2], optional=True).widget():
                yield format_widget

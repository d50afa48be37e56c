"""Which widgets a node class shows, in what order and of what kind, as ComfyUI's frontend builds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
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

    @property
    def default(self) -> Any:
        if "default" in self.options:
            return self.options["default"]
        return self.choices[0] if self.choices else BLANK.get(self.type)

    @property
    def controls(self) -> int:
        """How many saved values behind this one belong to the "control after generate" widgets."""
        seed = self.type == "INT" and self.name in ("seed", "noise_seed")
        if not self.options.get("control_after_generate", seed):
            return 0
        return {"INT": 1, "FLOAT": 1, "COMBO": 2}.get(self.type, 0)


def ordered_inputs(info: dict) -> Iterator[tuple[str, list]]:
    """The inputs of a class as (name, spec): required before optional, each in the declared order."""
    for section in ("required", "optional"):
        specs = info.get("input", {}).get(section) or {}
        order = (info.get("input_order") or {}).get(section) or []
        for name in [n for n in order if n in specs] + [n for n in specs if n not in order]:
            yield name, specs[name]


def as_widget(name: str, spec: list, shown: bool = False) -> Widget | None:
    """The widget of an input, None for a socket. `shown`: the saved node says that it has a widget."""
    kind, options = spec[0], (spec[1] if len(spec) > 1 and isinstance(spec[1], dict) else {})
    if options.get("forceInput"):
        return None
    if isinstance(kind, list):
        return Widget(name, "COMBO", options, kind)
    kind = options.get("widgetType") or kind
    if kind == DYNAMIC_COMBO:
        return Widget(name, kind, options, [option["key"] for option in options.get("options", [])])
    if kind in WIDGET_TYPES or shown:
        return Widget(name, kind, options, options.get("options") if kind == "COMBO" else None)
    return None


def widgets_of(
    info: dict, value_of: Callable[[Widget], Any], shown: frozenset[str] = frozenset()
) -> Iterator[Widget]:
    """The widgets of a node in order; `value_of` gives each its value: a dynamic combo's decides the next."""
    for name, spec in ordered_inputs(info):
        yield from _expanded(name, spec, value_of, shown)


def _expanded(name: str, spec: list, value_of: Callable, shown: frozenset[str]) -> Iterator[Widget]:
    widget = as_widget(name, spec, name in shown)
    if widget is None:
        return
    value = value_of(widget)
    yield widget
    if widget.type == DYNAMIC_COMBO:
        for option in widget.options.get("options", []):
            if option["key"] == value:
                for inner, inner_spec in ordered_inputs({"input": option["inputs"]}):
                    yield from _expanded(f"{name}.{inner}", inner_spec, value_of, shown)

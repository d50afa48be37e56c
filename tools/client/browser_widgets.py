"""Widgets that a pack draws in the browser and its class on the server reads without declaring them: a saved
file has their values behind the others, or under the names that the browser gives them."""

from __future__ import annotations

from typing import Any

from tools.widgets import CONTROL_MODES

CONTROLS = ("control_after_generate", "control_filter_list", "upload")
BOTH_STRENGTHS = "Separate Model & Clip"
# the names that a pack gives in the browser to what it saves behind the declared widgets
NAMES = {
    "Power Primitive (rgthree)": ("type", "value"),
    "Power Puter (rgthree)": ("outputs", "code"),
    "Lora Loader (LoraManager)": ("loras",),
    "Lora Stacker (LoraManager)": ("loras",),
    "WanVideo Lora Select (LoraManager)": ("loras",),
    "TriggerWord Toggle (LoraManager)": ("toggle_trigger_words", "orinalMessage"),  # as the pack spells it
}


def sent(node: dict, rest: list) -> dict[str, Any] | None:
    """What the browser sends for the values that no declared widget has; None where nobody knows."""
    if node["type"] == "Power Lora Loader (rgthree)":
        both = (node.get("properties") or {}).get("Show Strengths") == BOTH_STRENGTHS
        rows = [row for row in rest if isinstance(row, dict) and "lora" in row]
        return {f"lora_{number}": _strengths(row, both) for number, row in enumerate(rows, 1)}
    if node["type"] == "CustomCombo":  # core's: which of its options is chosen, and the options
        return {f"option{number}" if number else "index": value for number, value in enumerate(rest)}
    names = NAMES.get(node["type"])
    return None if names is None else dict(zip(names, rest, strict=False))


def sent_by_name(values: dict[str, Any]) -> dict[str, Any]:
    """The same for a file that saves the names too: whatever has a value, but for what the browser keeps."""
    return {name: value for name, value in values.items() if name not in CONTROLS and matters(value)}


def matters(value: Any) -> bool:
    """Whether the value says anything: a button has none, nor has a line between widgets."""
    return value not in (None, "", {}, []) and value not in CONTROL_MODES


def _strengths(row: dict, both: bool) -> dict:
    """A row as the browser sends it: the second strength only where it is shown, and then never empty."""
    one = {key: value for key, value in row.items() if key != "strengthTwo"}
    return one | {"strengthTwo": 1 if row.get("strengthTwo") is None else row["strengthTwo"]} if both else one

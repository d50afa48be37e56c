"""What is kept of 0.1.0, and what its prompts have today."""

import json
from functools import partial
from pathlib import Path

from tools.workflows.layout import WIDGET

FOLDER = Path(__file__).parent / "data" / "0.1.0"
NAMES = sorted(path.stem for path in (FOLDER / "workflows").glob("*.json"))
# The widgets that came after it, with what they mean in its workflows.
LATER = {
    "UNS_Unsampler": {"keep_on_disk": False},
    "UNS_NoiselessResampler": {"turn_lightness": "off", "variation": 0},
}
CONTROLS = {"UNS_NoiselessResampler": ["fixed"]}  # what stands below the last of them: control after generate
TITLES = {"Unsampler": "Exact Unsampler"}  # names of nodes that were called otherwise


def saved(kind: str, name: str) -> dict:
    """A file as people have it: of "workflows" or of "api"."""
    return json.loads((FOLDER / kind / f"{name}.json").read_text(encoding="utf-8"))


def queued_today(name: str) -> dict:
    """The prompt that its workflow queues today: the same, with the later widgets."""
    prompt = saved("api", name)
    for node in prompt.values():
        node["inputs"] |= LATER.get(node["class_type"], {})
        title = node["_meta"]["title"]
        node["_meta"]["title"] = TITLES.get(title, title)
    return prompt


KINDS = {"api": partial(saved, "api"), "workflow": queued_today}  # the prompt of each file, by its kind


def opened_today(name: str) -> dict:
    """Its workflow with the later widgets, which are a node's last ones and make it taller."""
    workflow = saved("workflows", name)
    for node in workflow["nodes"]:
        if node["type"] in LATER:
            new = [*LATER[node["type"]].values(), *CONTROLS.get(node["type"], [])]
            node["widgets_values"] += new
            node["size"][1] += WIDGET * len(new)
    return workflow

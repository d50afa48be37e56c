"""Values of widgets that the server does not declare: sent under the browser's names, or said to be lost."""

from __future__ import annotations

import json

import pytest
from small_graphs import graph, node

from tools.client.graph_to_prompt import graph_to_prompt

MODEL_AND_CLIP = {"model": ["MODEL"], "clip": ["CLIP"]}
LOADER = {"input": {"required": {}}, "output": ["MODEL", "CLIP"]}
MANAGER = {"model": ["MODEL"], "text": ["AUTOCOMPLETE_TEXT_LORAS", {}], "loras": ["LORAS", {}]}
BOOLEANS = {name: ["BOOLEAN", {}] for name in ("group_mode", "default_active")}
INFO = {
    "CheckpointLoaderSimple": LOADER,
    "Power Lora Loader (rgthree)": {"input": {"required": {}, "optional": MODEL_AND_CLIP}},
    "Power Primitive (rgthree)": {"input": {"required": {}, "optional": {}}},
    "Power Puter (rgthree)": {"input": {"required": {}, "optional": {}}},
    "Lora Loader (LoraManager)": {"input": {"required": MANAGER}},
    "Lora Stacker (LoraManager)": {"input": {"required": {"text": ["STRING", {}]}}},
    "TriggerWord Toggle (LoraManager)": {"input": {"required": BOOLEANS}},
    "Strange": {"input": {"required": {"steps": ["INT", {}]}, "optional": MODEL_AND_CLIP}},
    "LoadAudio": {"input": {"required": {"audio": ["COMBO", {"options": ["a.mp3"], "audio_upload": True}]}}},
    "Preview": {"input": {"required": {"source": ["*", {}]}}, "output_node": True},
}


def inputs(type: str, values: list, **more) -> dict:
    return graph_to_prompt(graph(node(1, type, values, **more)), INFO)["1"]["inputs"]


def row(on: bool = True, name: str | None = "ink.safetensors", strength: float = 0.8, **more) -> dict:
    return {"on": on, "lora": name, "strength": strength} | more


def power_loras(*rows: dict) -> list:
    """As the pack saves its node: a line, the header, the rows, a line, the button."""
    return [{}, {"type": "PowerLoraLoaderHeaderWidget"}, *rows, {}, ""]


def test_power_lora_loader_sends_a_row_a_lora():
    rows = [row(strengthTwo=None), row(False, "old/a.safetensors", -0.5, strengthTwo=0.25), row(name=None)]
    shown = {"lora_1": row(), "lora_2": row(False, "old/a.safetensors", -0.5), "lora_3": row(name=None)}
    assert inputs("Power Lora Loader (rgthree)", power_loras(*rows)) == shown
    both = {"properties": {"Show Strengths": "Separate Model & Clip"}}
    seconds = [
        value["strengthTwo"]
        for value in inputs(
            "Power Lora Loader (rgthree)", power_loras(row(strengthTwo=None), row(strengthTwo=0.25)), **both
        ).values()
    ]
    assert seconds == [1, 0.25]


def test_a_file_of_the_first_version_and_one_without_loras():
    assert inputs("Power Lora Loader (rgthree)", [row()]) == {"lora_1": row()}
    assert inputs("Power Lora Loader (rgthree)", power_loras()) == {}


LORAS = [{"name": "ink", "strength": 0.5, "active": True}]
WORDS = [{"text": "ink drawing", "active": False}]


@pytest.mark.parametrize(
    ("type", "values", "sent"),
    [
        ("Power Primitive (rgthree)", ["INT", 7], {"type": "INT", "value": 7}),
        (
            "Power Puter (rgthree)",
            [{"outputs": ["STRING"]}, "a + 1"],
            {"outputs": {"outputs": ["STRING"]}, "code": "a + 1"},
        ),
        ("Lora Loader (LoraManager)", ["<lora:ink:0.5>", LORAS], {"text": "<lora:ink:0.5>", "loras": LORAS}),
        ("Lora Stacker (LoraManager)", ["<lora:ink:0.5>", LORAS], {"text": "<lora:ink:0.5>", "loras": LORAS}),
        (
            "TriggerWord Toggle (LoraManager)",
            [True, False, WORDS, "ink drawing"],
            {
                "group_mode": True,
                "default_active": False,
                "toggle_trigger_words": WORDS,
                "orinalMessage": "ink drawing",
            },
        ),
    ],
)
def test_others_of_the_kind(type, values, sent):
    wrapped = {key: {"__value__": v} if isinstance(v, list) else v for key, v in sent.items()}
    assert inputs(type, values) == wrapped


def test_names_beside_the_values_tell_for_every_pack():
    names = {"steps": 3, "rows": [[1, 2]], "control_after_generate": "fixed", "button": "", "kind": "odd"}
    sent = inputs("Strange", list(names.values()), widgets_values_named=names)
    assert sent == {"steps": 3, "rows": {"__value__": [[1, 2]]}, "kind": "odd"}


def test_a_primitive_gives_its_value_to_them_too():
    primitive = node(2, "PrimitiveNode", [9, "fixed"], outputs=["INT"])
    values = node(1, "Power Primitive (rgthree)", ["INT", 7], {"value": ("*", 1, "w")})
    workflow = graph(primitive, values, links=[(1, 2, 0, 1, 0, "INT")])
    assert graph_to_prompt(workflow, INFO)["1"]["inputs"] == {"type": "INT", "value": 9}


@pytest.mark.parametrize("value", [{"lora": "a", "on": True}, [{"name": "a"}], "a word", 0.5])
def test_a_value_that_nobody_can_name_is_said_to_be_lost(value):
    with pytest.warns(UserWarning) as said:
        assert inputs("Strange", [3, value]) == {"steps": 3}
    (line,) = [str(one.message) for one in said]
    assert "node 1 (Strange) has values that its class on the server does not declare" in line
    assert repr(value) in line and "File > Export (API)" in line


def test_a_socket_that_the_file_lacks_takes_no_value_that_is_left():
    growing = {"latents": ["COMFY_AUTOGROW_V3", {}], "images": ["IMAGE,MASK", {}]}
    info = INFO | {"Growing": {"input": {"required": growing}}, "Load": {"output": ["IMAGE"]}}
    with pytest.warns(UserWarning, match="does not declare"):
        assert graph_to_prompt(graph(node(1, "Growing", ["odd"])), info)["1"]["inputs"] == {}


@pytest.mark.parametrize(
    ("type", "values"),
    [
        ("Strange", [3, None, "", {}, []]),
        ("Strange", [3, "fixed"]),
        ("LoadAudio", ["a.mp3", "audio", ""]),
        ("LoadAudio", ["a.mp3", None, ""]),
        ("Preview", ["what it showed"]),
        ("Preview", [[{"name": "A"}]]),
    ],
)
def test_buttons_lines_and_what_a_node_showed_are_no_loss(type, values, recwarn):
    inputs(type, values)
    assert not recwarn.list


def test_the_command_says_it(capsys):
    from tools.client.command import warned

    graph_to_prompt(graph(node(1, "Strange", [3, {"a": json.dumps(["x"] * 40)}])), INFO, warned)
    line = capsys.readouterr().err
    assert line.startswith("warning: node 1 (Strange)") and line.endswith("queue that file.\n")
    assert "..." in line and len(line) < 320

"""The converter against prompts recorded from ComfyUI's own frontend, and one small graph for each rule."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_graphs import INFO, RECORDED, graph, node, recorded

from tools.client.frontend_text import chosen_prompt, replaced
from tools.client.graph_to_prompt import connects, graph_to_prompt
from tools.client.node_values import ConversionError
from tools.client.workflow_files import is_api, is_graph

SAVE = {"images": ("IMAGE", 1)}
SCALE_VALUES = ["nearest-exact", 64, 48, "disabled"]


@pytest.mark.parametrize("name", RECORDED["graphs"])
def test_the_prompt_is_the_frontends(name):
    workflow, prompt = recorded(name)
    assert graph_to_prompt(workflow, INFO) == prompt


@pytest.mark.parametrize("name", RECORDED["graphs"])
def test_formats_are_told_apart(name):
    workflow, prompt = recorded(name)
    assert (is_graph(workflow), is_api(workflow), is_graph(prompt), is_api(prompt)) == (
        True,
        False,
        False,
        True,
    )
    assert not is_api({}) and not is_graph({}) and not is_api({"a": 1})


def loaded(*others: dict, links: list) -> dict:
    return graph(node(1, "LoadImage", ["a.png", "image"], outputs=["IMAGE", "MASK"]), *others, links=links)


def source_of(prompt: dict, id: str = "9", name: str = "images"):
    return prompt[id]["inputs"].get(name)


def save() -> dict:
    return node(9, "SaveImage", ["x"], SAVE)


def middle(mode: int, type: str = "ImageScale", values=SCALE_VALUES) -> dict:
    return loaded(
        node(2, type, values, {"image": ("IMAGE", 2)}, ["IMAGE"], mode=mode),
        save(),
        links=[(1, 2, 0, 9, 0, "IMAGE"), (2, 1, 0, 2, 0, "IMAGE")],
    )


@pytest.mark.parametrize("mode, source, nodes", [(0, ["2", 0], "129"), (4, ["1", 0], "19"), (2, None, "19")])
def test_running_bypassed_and_muted_nodes(mode, source, nodes):
    prompt = graph_to_prompt(middle(mode), INFO)
    assert source_of(prompt) == source and "".join(prompt) == nodes


def test_a_bypassed_or_muted_node_may_be_unknown():
    for mode, source in ((4, ["1", 0]), (2, None)):
        assert source_of(graph_to_prompt(middle(mode, "Nowhere", []), INFO)) == source


def test_a_bypass_takes_the_input_of_the_outputs_type():
    workflow = loaded(
        node(
            2,
            "Nowhere",
            [],
            {"text": ("STRING", None), "mask": ("MASK", 3), "image": ("IMAGE", 2)},
            ["IMAGE"],
            mode=4,
        ),
        save(),
        links=[(1, 2, 0, 9, 0, "IMAGE"), (2, 1, 0, 2, 2, "IMAGE"), (3, 1, 1, 2, 1, "MASK")],
    )
    assert source_of(graph_to_prompt(workflow, INFO)) == ["1", 0]


def test_a_bypass_prefers_the_very_type_to_a_wildcard():
    inputs = {"any": ("*", 3), "image": ("IMAGE", 2)}
    workflow = loaded(
        node(2, "Nowhere", [], inputs, ["A", "B", "IMAGE"], mode=4),
        save(),
        links=[(1, 2, 2, 9, 0, "IMAGE"), (2, 1, 0, 2, 1, "IMAGE"), (3, 1, 1, 2, 0, "MASK")],
    )
    assert source_of(graph_to_prompt(workflow, INFO)) == ["1", 0]


def test_a_chain_of_reroutes_is_followed():
    reroutes = [node(id, "Reroute", [], {"": ("*", link)}, ["IMAGE"]) for id, link in ((2, 2), (3, 3))]
    workflow = loaded(
        *reroutes, save(), links=[(1, 2, 0, 9, 0, "IMAGE"), (2, 3, 0, 2, 0, "*"), (3, 1, 0, 3, 0, "*")]
    )
    assert source_of(graph_to_prompt(workflow, INFO)) == ["1", 0]


def test_reroutes_in_a_circle_are_refused():
    reroutes = [node(id, "Reroute", [], {"": ("*", link)}, ["IMAGE"]) for id, link in ((2, 2), (3, 3))]
    workflow = loaded(
        *reroutes, save(), links=[(1, 2, 0, 9, 0, "IMAGE"), (2, 3, 0, 2, 0, "*"), (3, 2, 0, 3, 0, "*")]
    )
    with pytest.raises(ConversionError, match="in a circle"):
        graph_to_prompt(workflow, INFO)


def test_a_primitive_gives_its_value_to_every_widget_it_is_linked_to():
    workflow = graph(
        node(1, "PrimitiveNode", [96, "fixed"], outputs=["INT"]),
        node(2, "EmptyLatentImage", [512, 320, 4], {"width": ("INT", 1, "w"), "height": ("INT", 2, "w")}),
        links=[(1, 1, 0, 2, 0, "INT"), (2, 1, 0, 2, 1, "INT")],
    )
    assert graph_to_prompt(workflow, INFO)["2"]["inputs"] == {"width": 96, "height": 96, "batch_size": 4}


def test_a_linked_widget_is_a_link():
    workflow = graph(
        node(1, "PrimitiveInt", [96, "fixed"], outputs=["INT"]),
        node(2, "EmptyLatentImage", [512, 320, 4], {"width": ("INT", 1, "w")}),
        links=[(1, 1, 0, 2, 0, "INT")],
    )
    assert graph_to_prompt(workflow, INFO)["2"]["inputs"] == {
        "width": ["1", 0],
        "height": 320,
        "batch_size": 4,
    }


def test_title_and_pack_travel_along():
    named = node(1, "EmptyLatentImage", title="Canvas", properties={"cnr_id": "comfy-core", "ver": "0.33.0"})
    prompt = graph_to_prompt(graph(named, node(2, "EmptyLatentImage")), INFO)
    assert prompt["1"]["_meta"] == {"title": "Canvas", "cnr_id": "comfy-core", "ver": "0.33.0"}
    assert prompt["2"]["_meta"] == {"title": "Empty Latent Image"}


def test_notes_and_unlinked_labels_are_left_out():
    workflow = middle(0)
    workflow["nodes"] += [
        node(20, "Note", ["x"]),
        node(21, "MarkdownNote", ["x"]),
        node(22, "Label (rgthree)"),
    ]
    assert set(graph_to_prompt(workflow, INFO)) == {"1", "2", "9"}


def sampler(values: list, **more) -> dict:
    return graph_to_prompt(graph(node(1, "KSampler", values, **more)), INFO)["1"]["inputs"]


def test_the_control_value_behind_a_seed_is_skipped_where_it_is():
    rest = {"steps": 20, "cfg": 8, "sampler_name": "euler", "scheduler": "normal", "denoise": 1}
    assert sampler([7, "randomize", 20, 8, "euler", "normal", 1]) == {"seed": 7} | rest
    assert sampler([7, 20, 8, "euler", "normal", 1]) == {"seed": 7} | rest


def test_a_combo_with_a_control_has_a_filter_too():
    choices = ["COMBO", {"options": ["a", "b"], "control_after_generate": True}]
    info = {"Pick": {"input": {"required": {"which": choices, "text": ["STRING", {}]}}}}
    prompt = graph_to_prompt(graph(node(1, "Pick", ["b", "increment-wrap", "/x/", "said"])), info)
    assert prompt["1"]["inputs"] == {"which": "b", "text": "said"}


def test_the_declared_order_decides():
    inputs = {"required": {"one": ["INT", {}], "two": ["STRING", {}]}, "optional": {"zero": ["INT", {}]}}
    info = {"Pick": {"input": inputs, "input_order": {"required": ["two", "one"], "optional": ["zero"]}}}
    prompt = graph_to_prompt(graph(node(1, "Pick", ["x", 1, 0])), info)
    assert prompt["1"]["inputs"] == {"one": 1, "two": "x", "zero": 0}


def test_values_that_are_not_saved_are_the_defaults():
    assert sampler([7, "fixed", 30]) == {
        "seed": 7,
        "steps": 30,
        "cfg": 8.0,
        "sampler_name": "euler",
        "scheduler": "simple",
        "denoise": 1.0,
    }


def test_values_that_slipped_are_refused():
    with pytest.raises(
        ConversionError, match=r"Node 1 \(KSampler\) has 'euler' saved for steps, which takes INT"
    ):
        sampler([7, "fixed", "euler", 20, 8, "normal", 1])


def test_names_saved_beside_the_values_settle_where_they_belong():
    values, names = ["odd", 7, 30], {"a button": "odd", "seed": 7, "steps": 30}
    assert sampler(values, widgets_values_named=names)["steps"] == 30


def test_edited_values_win_over_stale_names():
    values, names = [8, "fixed", 31], {"seed": 7, "control_after_generate": "fixed", "steps": 30}
    assert sampler(values, widgets_values_named=names)["steps"] == 31


LATER = {
    "Keys": {
        "input": {
            "required": {"cfg": ["FLOAT", {"default": 1.0}]},
            "optional": {"direct": ["FLOAT", {"default": -1.0, "before": 0.0}], "variation": ["INT", {}]},
        }
    }
}


@pytest.mark.parametrize("saved", [[], [3.0], {"cfg": 3.0}])
@pytest.mark.parametrize("named", [True, False])
def test_a_widget_that_came_after_the_file_means_what_it_declares(saved: list | dict, named: bool):
    names = {"widgets_values_named": {"cfg": 3.0}} if named and saved == [3.0] else {}
    prompt = graph_to_prompt(graph(node(1, "Keys", saved, **names)), LATER)
    assert prompt["1"]["inputs"] == {"cfg": 3.0 if saved else 1.0, "direct": 0.0, "variation": 0}


@pytest.mark.parametrize("named", [True, False])
def test_a_file_that_has_the_widget_has_its_value(named: bool):
    values = {"cfg": 3.0, "direct": -1.0, "variation": 4}
    names = {"widgets_values_named": values} if named else {}
    prompt = graph_to_prompt(graph(node(1, "Keys", list(values.values()), **names)), LATER)
    assert prompt["1"]["inputs"] == values


def test_a_value_pushed_by_a_primitive_wins_in_an_earlier_file():
    workflow = graph(
        node(1, "PrimitiveNode", [0.5, "fixed"], outputs=["FLOAT"]),
        node(2, "Keys", [3.0], {"direct": ("FLOAT", 1, "w")}),
        links=[(1, 1, 0, 2, 0, "FLOAT")],
    )
    assert graph_to_prompt(workflow, LATER)["2"]["inputs"]["direct"] == 0.5


FORCED = {
    "Keys": {
        "input": {
            "required": {
                "strength": ["FLOAT", {"forceInput": True}],
                "start": ["FLOAT", {"default": 0.0}],
                "on": ["BOOLEAN", {}],
            }
        }
    }
}


@pytest.mark.parametrize("values", [[0.5, True], [1.0, 0.5, True]])
def test_a_value_old_frontends_saved_for_a_socket_is_dropped(values):
    assert graph_to_prompt(graph(node(1, "Keys", values)), FORCED)["1"]["inputs"] == {
        "start": 0.5,
        "on": True,
    }


def test_new_frontends_save_no_value_for_a_socket():
    names = {"start": 0.5, "on": True, "warning": ""}  # the last is a widget of its pack's own
    edited = node(1, "Keys", [0.25, True, ""], widgets_values_named=names)
    assert graph_to_prompt(graph(edited), FORCED)["1"]["inputs"] == {"start": 0.25, "on": True}


def test_values_saved_by_name():
    info = {
        "VHS_VideoCombine": {"input": {"required": {"frame_rate": ["FLOAT", {}], "format": [["gif", "mp4"]]}}}
    }
    values = {
        "frame_rate": 8,
        "format": "mp4",
        "crf": 19,
        "choose file to upload": "image",
        "videopreview": {},
    }
    prompt = graph_to_prompt(graph(node(1, "VHS_VideoCombine", values)), info)
    assert prompt["1"]["inputs"] == {"frame_rate": 8, "format": "mp4", "crf": 19}


def test_lists_are_wrapped_and_pack_widgets_known_by_their_slot():
    info = {"Pack": {"input": {"required": {"own": ["PACK_WIDGET", {}], "links": ["PACK_SOCKET", {}]}}}}
    workflow = graph(
        node(1, "Pack", [[1, 2]], {"own": ("PACK_WIDGET", None, "w"), "links": ("PACK_SOCKET", None)})
    )
    assert graph_to_prompt(workflow, info)["1"]["inputs"] == {"own": {"__value__": [1, 2]}}


def test_lacking_nodes_are_named_with_their_packs():
    workflow = loaded(
        node(2, "ADE_Thing", [], {"image": ("IMAGE", 1)}, properties={"cnr_id": "animatediff-evolved"}),
        node(3, "Odd", [], {"image": ("IMAGE", 2)}),
        links=[(1, 1, 0, 2, 0, "IMAGE"), (2, 1, 0, 3, 0, "IMAGE")],
    )
    with pytest.raises(
        ConversionError, match=r"Odd \(pack not named.*; ADE_Thing \(pack animatediff-evolved\)"
    ):
        graph_to_prompt(workflow, INFO)


@pytest.mark.parametrize("type", ["workflow>My group", "workflow/My group"])
def test_a_group_node_is_refused_with_the_cure(type):
    workflow = middle(0, type, [])
    with pytest.raises(ConversionError, match=r"node 2 .*My group\) is a group node.*Export \(API\)"):
        graph_to_prompt(workflow, INFO)


def test_a_subgraph_inside_itself_is_refused():
    workflow, _ = recorded("subgraph")
    outer, inner = workflow["definitions"]["subgraphs"]
    inner["nodes"][0] |= {"type": outer["id"]}
    with pytest.raises(ConversionError, match="Subgraph Outer is inside itself"):
        graph_to_prompt(workflow, INFO)


def test_a_missing_link_inside_a_subgraph_names_its_node():
    workflow, _ = recorded("subgraph")
    outer = workflow["definitions"]["subgraphs"][0]
    outer["links"] = [link for link in outer["links"] if link["id"] != 13]
    with pytest.raises(ConversionError, match=r"Input image of node 4:5.*uses link 4:13, which the"):
        graph_to_prompt(workflow, INFO)


@pytest.mark.parametrize(
    "links, said",
    [
        ([], "uses link 1, which the file lacks"),
        ([(1, 77, 0, 9, 0, "IMAGE")], "is linked to node 77, which the file lacks"),
    ],
)
def test_a_damaged_file_is_refused(links, said):
    with pytest.raises(ConversionError, match=rf"Input images of node 9 \(SaveImage\) {said}|{said}"):
        graph_to_prompt(graph(save(), links=links), INFO)


@pytest.mark.parametrize(
    "one, other, joined",
    [
        ("IMAGE", "IMAGE", True),
        ("image", "IMAGE", True),
        ("*", "X", True),
        ("A,B", "B,C", True),
        ("A", "B", False),
        ("AB", "A", False),
    ],
)
def test_types_that_may_be_joined(one, other, joined):
    assert connects(one, other) is joined


@pytest.mark.parametrize(
    "text, result",
    [
        ("a /* b\n */c // d\ne", "a c \ne"),
        ("{a|b} {c|{d|e}}", "b e"),
        (r"\{a\|b\}", "{a|b}"),
        ("{a", "a"),
        ("a|b}", "a|b}"),
        (r"x\y", r"x\y"),
        ("{}", ""),
    ],
)
def test_wildcards_and_comments(text, result):
    assert chosen_prompt(text, lambda choices: choices[-1]) == result


@given(st.text(alphabet="ab {|}\\/*\n", max_size=30))
def test_any_text_comes_out_without_its_choices(text):
    result = chosen_prompt(text, lambda choices: choices[0])
    assert len(result) <= len(text) and set(result) <= set(text)


def test_names_and_dates_in_file_names():
    now = datetime(2026, 3, 4, 5, 6, 7)
    values = {("K", "seed"): 7.0, ("K", "name"): "a/b:c", ("K", "on"): True, ("K", "no"): None}
    text = "%date:yyyy-MM-dd_hhmmss% %date:yy d M% %K.seed% %K.name% %K.on% %K.no% %K.x% %width% 50%"
    assert (
        replaced(text, lambda *key: values[key], now)
        == "2026-03-04_050607 26 4 3 7 a_b_c true  %K.x% %width% 50%"
    )

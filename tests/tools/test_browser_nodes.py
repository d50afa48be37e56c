"""Nodes that exist in the browser only: resolved, left out, or refused with the cure that works."""

from __future__ import annotations

import pytest
from small_graphs import INFO, graph, node, recorded

from tools.client import browser_nodes
from tools.client.graph_to_prompt import graph_to_prompt
from tools.client.node_values import ConversionError

SAVE = {"images": ("IMAGE", 1)}


def load() -> dict:
    return node(1, "LoadImage", ["a.png", "image"], outputs=["IMAGE", "MASK"])


def set_and_get(setter: str = "SetNode", getter: str = "GetNode", names=("picture", "picture")) -> dict:
    return graph(
        load(),
        node(2, setter, [names[0]], {"IMAGE": ("IMAGE", 2)}, ["*"]),
        node(3, getter, [names[1]], outputs=["IMAGE"]),
        node(9, "SaveImage", ["x"], SAVE),
        links=[(1, 3, 0, 9, 0, "IMAGE"), (2, 1, 0, 2, 0, "IMAGE")],
    )


@pytest.mark.parametrize("setter", browser_nodes.SETTERS)
@pytest.mark.parametrize("getter", browser_nodes.GETTERS)
def test_a_get_node_stands_for_what_its_set_node_gets(setter, getter):
    prompt = graph_to_prompt(set_and_get(setter, getter), INFO)
    assert set(prompt) == {"1", "9"} and prompt["9"]["inputs"]["images"] == ["1", 0]


def test_a_set_node_passes_on_what_it_gets_as_well():
    workflow = set_and_get()
    workflow["links"][0] = [1, 2, 0, 9, 0, "IMAGE"]
    assert graph_to_prompt(workflow, INFO)["9"]["inputs"]["images"] == ["1", 0]


def test_sets_and_gets_in_a_row_are_followed_to_the_end():
    workflow = set_and_get()
    workflow["nodes"] += [
        node(4, "SetNode", ["again"], {"IMAGE": ("IMAGE", 3)}),
        node(5, "GetNode", ["again"], outputs=["IMAGE"]),
    ]
    workflow["links"] = [[1, 5, 0, 9, 0, "IMAGE"], [2, 1, 0, 2, 0, "IMAGE"], [3, 3, 0, 4, 0, "IMAGE"]]
    assert graph_to_prompt(workflow, INFO)["9"]["inputs"]["images"] == ["1", 0]


def test_a_set_node_of_a_running_node_that_is_bypassed():
    workflow = set_and_get()
    workflow["nodes"].append(node(6, "ImageScale", [], {"image": ("IMAGE", 4)}, ["IMAGE"], mode=4))
    workflow["links"][1] = [2, 6, 0, 2, 0, "IMAGE"]
    workflow["links"].append([4, 1, 0, 6, 0, "IMAGE"])
    assert graph_to_prompt(workflow, INFO)["9"]["inputs"]["images"] == ["1", 0]


def test_a_name_that_nobody_sets_is_refused():
    workflow = set_and_get(names=("picture", "pictures"))
    with pytest.raises(ConversionError, match=r"node 3 \(GetNode\) gets 'pictures', which no Set node"):
        graph_to_prompt(workflow, INFO)


def test_a_get_node_in_a_subgraph_finds_the_set_node_around_it_and_its_own_first():
    workflow, prompt = recorded("subgraph")
    outer = workflow["definitions"]["subgraphs"][0]
    outer["nodes"].append(node(8, "GetNode", ["picture"], outputs=["IMAGE"]))
    outer["links"][0] |= {"origin_id": 8, "origin_slot": 0}
    workflow["nodes"].append(node(20, "SetNode", ["picture"], {"IMAGE": ("IMAGE", 21)}))
    workflow["links"].append([21, 1, 0, 20, 0, "IMAGE"])
    assert graph_to_prompt(workflow, INFO) == prompt
    outer["nodes"].append(node(7, "SetNode", ["picture"], {"IMAGE": ("IMAGE", 22)}))
    own = {"id": 22, "origin_id": 5, "origin_slot": 0, "target_id": 7, "target_slot": 0, "type": "IMAGE"}
    outer["links"].append(own)
    assert graph_to_prompt(workflow, INFO)["4:2"]["inputs"]["image"] == ["4:5:3", 0]


@pytest.mark.parametrize("kind", browser_nodes.REROUTES)
def test_reroutes(kind):
    workflow = graph(
        load(),
        node(2, kind, [], {"": ("*", 2)}, ["IMAGE"]),
        node(9, "SaveImage", ["x"], SAVE),
        links=[(1, 2, 0, 9, 0, "IMAGE"), (2, 1, 0, 2, 0, "*")],
    )
    prompt = graph_to_prompt(workflow, INFO)
    assert set(prompt) == {"1", "9"} and prompt["9"]["inputs"]["images"] == ["1", 0]


@pytest.mark.parametrize("kind", [*browser_nodes.PANELS, *browser_nodes.NOTES])
def test_panels_labels_and_notes_are_left_out_though_they_are_linked(kind):
    workflow = graph(
        load(),
        node(2, kind, [], {"1": ("*", 2), "2": ("*", 3)}, ["OPT_CONNECTION"]),
        node(3, "Fast Muter (rgthree)", [], {"1": ("*", 4)}),
        node(9, "SaveImage", ["x"], SAVE),
        links=[(1, 1, 0, 9, 0, "IMAGE"), (2, 1, 1, 2, 0, "*"), (3, 9, 0, 2, 1, "*"), (4, 2, 0, 3, 0, "*")],
    )
    assert set(graph_to_prompt(workflow, INFO)) == {"1", "9"}


def everywhere(kind: str = "Anything Everywhere", **saved) -> dict:
    workflow = graph(
        load(),
        node(2, kind, [], {"IMAGE": ("*", 2)}),
        node(9, "SaveImage", ["x"], {"images": ("IMAGE", None)}),
        links=[(2, 1, 0, 2, 0, "IMAGE")],
    )
    return workflow | {"extra": saved}


LINK = {"downstream": 9, "downstream_slot": 0, "upstream": "1", "upstream_slot": 0, "controller": 2}


@pytest.mark.parametrize("kind", browser_nodes.EVERYWHERE)
def test_the_links_that_anything_everywhere_saved_are_made(kind):
    prompt = graph_to_prompt(everywhere(kind, ue_links=[LINK | {"type": "IMAGE"}]), INFO)
    assert set(prompt) == {"1", "9"} and prompt["9"]["inputs"]["images"] == ["1", 0]


def test_a_link_of_its_own_wins():
    workflow = everywhere(ue_links=[LINK | {"upstream_slot": 1}])
    workflow["nodes"][2]["inputs"][0]["link"] = 3
    workflow["links"].append([3, 1, 0, 9, 0, "IMAGE"])
    assert graph_to_prompt(workflow, INFO)["9"]["inputs"]["images"] == ["1", 0]


@pytest.mark.parametrize("saved", [{}, {"ue_links": []}])
def test_what_anything_everywhere_feeds_is_not_guessed(saved):
    said = r"Input images of node 9 \(Save Image\) has no link, and node 2 .*File > Export \(API\)"
    with pytest.raises(ConversionError, match=said.replace("Save Image", "SaveImage|Save Image")):
        graph_to_prompt(everywhere(**saved), INFO)


def test_anything_everywhere_that_feeds_nothing_is_no_fault():
    workflow = everywhere()
    workflow["nodes"][2] |= {"mode": 2}
    assert set(graph_to_prompt(workflow, INFO)) == {"1"}


def test_an_unknown_node_has_the_cure_for_packs_and_the_one_for_the_browser():
    workflow = graph(
        load(),
        node(2, "Strange", [], {"a": ("IMAGE", 2)}, ["IMAGE"]),
        node(9, "SaveImage", ["x"], SAVE),
        links=[(1, 2, 0, 9, 0, "IMAGE"), (2, 1, 0, 2, 0, "IMAGE")],
    )
    with pytest.raises(
        ConversionError, match=r"Strange.*Install the pack.*lives in the browser only.*Export"
    ):
        graph_to_prompt(workflow, INFO)

"""The committed workflow files: well formed, true to the node types, and what build_workflows.py writes."""

import copy
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tomllib
from PIL import Image
from workflow_checks import complaints, inside

from tools.build_workflows import OBJECT_INFO, WORKFLOWS, build

FOLDER = Path(__file__).resolve().parents[2] / "workflows"
INFO = json.loads(OBJECT_INFO.read_text(encoding="utf-8"))
VIDEO = "unsampling_animatediff_sd15"
MOST_BYTES = 150_000


def read(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def node_of(workflow: dict, kind: str) -> dict:
    return next(node for node in workflow["nodes"] if node["type"] == kind)


def source_of(workflow: dict, kind: str, name: str) -> dict:
    """The node whose output goes into this input."""
    number = next(item["link"] for item in node_of(workflow, kind)["inputs"] if item["name"] == name)
    link = next(link for link in workflow["links"] if link[0] == number)
    return next(node for node in workflow["nodes"] if node["id"] == link[1])


def notes(workflow: dict) -> str:
    return " ".join(node["widgets_values"][0] for node in workflow["nodes"] if node["type"] == "MarkdownNote")


def test_the_folder_holds_templates_and_thumbnails_only():
    found = {path.name for path in FOLDER.iterdir()}
    assert found == {f"{name}.{suffix}" for name in WORKFLOWS for suffix in ("json", "jpg")}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_file_is_sound(name):
    assert complaints(read(name), INFO) == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_file_is_what_the_description_builds(name):
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert text == build()[name], "run tools/build_workflows.py and commit what it writes"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_thumbnail_is_a_picture(name):
    path = FOLDER / f"{name}.jpg"
    with Image.open(path) as picture:
        assert picture.format == "JPEG"
        assert picture.width >= 800
        assert np.asarray(picture).std() > 10
    assert path.stat().st_size <= MOST_BYTES


def test_our_nodes_carry_the_pack_version():
    project = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name in WORKFLOWS:
        ours = [node["properties"] for node in read(name)["nodes"] if node["type"].startswith("UNS_")]
        assert {(found["cnr_id"], found["ver"]) for found in ours} == {(project["name"], project["version"])}


def test_both_passes_and_the_schedule_share_one_model():
    workflow = read(VIDEO)
    model = node_of(workflow, "ADE_UseEvolvedSampling")
    for kind in ("UNS_Unsampler", "UNS_NoiselessResampler", "UNS_AYSScheduler"):
        assert source_of(workflow, kind, "model") == model


def test_the_target_prompt_feeds_both_passes_and_two_prompts_wait():
    workflow = read(VIDEO)
    assert source_of(workflow, "UNS_Unsampler", "positive")["title"] == "Target prompt"
    assert source_of(workflow, "ACN_AdvancedControlNetApply_v2", "positive")["title"] == "Target prompt"
    hint = source_of(workflow, "UNS_NoiselessResampler", "positive")
    assert hint["type"] == "ACN_AdvancedControlNetApply_v2"
    waiting = {node["title"] for node in workflow["nodes"]
               if node["type"] == "CLIPTextEncode" and not node["outputs"][0]["links"]}
    assert waiting == {"Source description (optional)", "Empty prompt (optional)"}


def test_the_video_keeps_its_rate_and_sound_and_any_shape_becomes_a_multiple_of_8():
    workflow = read(VIDEO)
    for name in ("fps", "audio"):
        assert source_of(workflow, "CreateVideo", name)["type"] == "GetVideoComponents"
    assert source_of(workflow, "VAEEncode", "pixels")["type"] == "ImageScaleToTotalPixels"
    assert source_of(workflow, "Canny", "image")["type"] == "ImageScaleToTotalPixels"
    assert node_of(workflow, "ImageScaleToTotalPixels")["widgets_values"][2] % 8 == 0


@pytest.mark.parametrize("words", [
    "ComfyUI-AnimateDiff-Evolved", "ComfyUI-Advanced-ControlNet",
    "**Target prompt**", "**Source description**", "**Empty prompt**", "Drag it",
    "five changes", "1. **Checkpoint**", "2. **VAE**", "3. **Motion model**", "4. **ControlNet**",
    "5. **Step schedule**", "Too close", "Too far", "*structure*", "*cfg*", "*strength*",
])
def test_the_notes_explain(words):
    assert words in notes(read(VIDEO))


def test_the_groups_are_the_six_steps():
    titles = [group["title"] for group in read(VIDEO)["groups"]]
    assert [title for title in titles if title[0].isdigit()] == [
        "1 Source video", "2 Models", "3 Prompts", "4 Unsample", "5 Resample", "6 Result"]


def test_each_of_our_nodes_lies_in_the_group_of_its_pass():
    workflow = read(VIDEO)
    groups = {group["title"]: tuple(group["bounding"]) for group in workflow["groups"]}
    for kind, title in (("UNS_Unsampler", "4 Unsample"), ("UNS_NoiselessResampler", "5 Resample"),
                        ("SaveVideo", "6 Result"), ("LoadVideo", "1 Source video")):
        node = node_of(workflow, kind)
        assert inside((*node["pos"], *node["size"]), groups[title])


def lose_a_link(workflow: dict) -> None:
    node_of(workflow, "UNS_NoiselessResampler")["inputs"][3]["link"] = None


def join_wrong_types(workflow: dict) -> None:
    workflow["links"][0][5] = "MODEL"


def take_an_unknown_node(workflow: dict) -> None:
    node_of(workflow, "UNS_Unsampler")["type"] = "UNS_Unsampeler"


def take_a_wrong_value(workflow: dict) -> None:
    node_of(workflow, "UNS_Unsampler")["widgets_values"][1] = "euler_ancestral"


def leave_a_range(workflow: dict) -> None:
    node_of(workflow, "UNS_AYSScheduler")["widgets_values"][2] = 1.5


def forget_a_widget(workflow: dict) -> None:
    node_of(workflow, "CheckpointLoaderSimple")["widgets_values"].clear()


def offer_another_model(workflow: dict) -> None:
    node_of(workflow, "CheckpointLoaderSimple")["properties"]["models"][0]["name"] = "other.safetensors"


def move_onto_another(workflow: dict) -> None:
    workflow["nodes"][2]["pos"] = workflow["nodes"][1]["pos"]


def use_an_id_twice(workflow: dict) -> None:
    workflow["nodes"][2]["id"] = workflow["nodes"][1]["id"]



@pytest.mark.parametrize(("spoil", "complaint"), [
    (lose_a_link, "is not in both of its ends"),
    (join_wrong_types, "of type MODEL joins"),
    (take_an_unknown_node, "UNS_Unsampeler is not in the recorded"),
    (take_a_wrong_value, "does not allow 'euler_ancestral' as solver"),
    (leave_a_range, "does not allow 1.5 as denoise"),
    (forget_a_widget, "has 0 values for 1 widgets"),
    (offer_another_model, "offers other.safetensors"),
    (move_onto_another, "overlaps"),
    (use_an_id_twice, "a node id is used twice"),
])
def test_the_checks_notice(spoil: Callable[[dict], None], complaint: str):
    workflow = copy.deepcopy(read(VIDEO))
    spoil(workflow)
    assert any(complaint in found for found in complaints(workflow, INFO))

"""The committed workflow files: well formed, true to the node types, and what build.py writes."""

import copy
import json
from collections.abc import Callable

import pytest
import tomllib
from workflow_checks import complaints, inside
from workflow_parts import all_nodes, node_of, notes, real_nodes

from tools.client.graph_to_prompt import graph_to_prompt
from tools.workflows.build import FOLDER, PROMPTS, WORKFLOWS, build, file_of, recorded_info

INFO = recorded_info()
VIDEO = "unsampling_animatediff_sd15"
VHS, WAN = "unsampling_animatediff_sd15_vhs", "unsampling_wan_video"
WAN22 = "unsampling_wan22_video"
IPADAPTER, REFERENCE = "unsampling_look_ipadapter_sd15", "unsampling_look_reference_sd15"
CROSS_FADE, SCHEDULE = "unsampling_cross_fade_sd15", "ADE_PromptSchedulingLatents"
VACE, LTXV, HUNYUAN = "unsampling_wan_vace", "unsampling_ltxv_video", "unsampling_hunyuan_video"
HOTSHOT, ANIMATEDIFF_SDXL = "unsampling_hotshotxl", "unsampling_animatediff_sdxl"
ANIMATEDIFF = (VIDEO, VHS, HOTSHOT, ANIMATEDIFF_SDXL)
SAVED_NOISE = "restyle_saved_noise"
BOTH_PASSES = [name for name in WORKFLOWS if name != SAVED_NOISE]
UP, DOWN = "UNS_Unsampler", "UNS_NoiselessResampler"
TURNED, TAKE = ["what to avoid", "cfg: how strong", "structure: how close"], "variation: which take"
# what a pass of theirs has its texts, its model and its strength from
GUIDERS = {WAN22: "UNS_ExpertsBySigma", HUNYUAN: "FluxGuidance"}
# what else changes a text between its node and the pass
ON_THE_WAY = {LTXV: ("LTXVConditioning", 2), VACE: ("WanVaceToVideo", 1)}


def read(name: str) -> dict:
    return json.loads(file_of(name).read_text(encoding="utf-8"))


def source_of(workflow: dict, kind: str, name: str) -> dict:
    """The node whose output goes into this input, through subgraphs."""
    prompt = graph_to_prompt(workflow, INFO)
    found = next(node for node in prompt.values() if node["class_type"] == kind)["inputs"][name]
    id = int(found[0].rpartition(":")[2])
    return next(node for node in all_nodes(workflow) if node["id"] == id)


def passes_of(name: str) -> tuple[str, str]:
    """The types of its samplers."""
    return (f"{UP}Advanced", f"{DOWN}Advanced") if name in GUIDERS else (UP, DOWN)


def text_of(name: str, kind: str) -> dict:
    """The text that a pass has, behind its guider and what a family does with texts."""
    prompt = graph_to_prompt(read(name), INFO)
    node = next(node for node in prompt.values() if node["class_type"] == kind)
    while not {"text", "prompts"} & node["inputs"].keys():
        slots = ("guider", "positive", "conditioning")
        node = prompt[next(node["inputs"][slot][0] for slot in slots if slot in node["inputs"])]
    return node


def value_of(workflow: dict, kind: str, name: str) -> object:
    """What a widget of the node shows."""
    node = node_of(workflow, kind)
    values = node["widgets_values"]
    if isinstance(values, dict):
        return values[name]
    return values[[item["name"] for item in node["inputs"] if "widget" in item].index(name)]


def users_of(workflow: dict, title: str) -> int:
    """How many inputs a text goes into."""
    prompt = graph_to_prompt(workflow, INFO)
    id = next(key for key, node in prompt.items() if node["_meta"]["title"] == title)
    return sum([id, 0] in node["inputs"].values() for node in prompt.values())


def test_the_folder_holds_templates_and_thumbnails_only():
    found = {path.name for path in FOLDER.iterdir()}
    assert found == {
        file_of(name).with_suffix(suffix).name for name in WORKFLOWS for suffix in (".json", ".jpg")
    }


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_file_is_sound(name):
    assert complaints(read(name), INFO) == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_file_is_what_the_description_builds(name):
    text = file_of(name).read_text(encoding="utf-8")
    assert text == build()[name], "run tools/workflows/build.py and commit what it writes"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_our_own_conversion_gives_the_prompt_that_the_frontend_makes(name):
    committed = json.loads((PROMPTS / f"{name}.json").read_text(encoding="utf-8"))
    assert graph_to_prompt(read(name), INFO) == committed


def test_our_nodes_carry_the_pack_version():
    project = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name in WORKFLOWS:
        ours = [node["properties"] for node in real_nodes(read(name)) if node["type"].startswith("UNS_")]
        assert {(found["cnr_id"], found["ver"]) for found in ours} == {(project["name"], project["version"])}


@pytest.mark.parametrize("name", ANIMATEDIFF)
def test_both_passes_and_the_schedule_share_one_model(name):
    workflow = read(name)
    model = node_of(workflow, "ADE_UseEvolvedSampling")
    for kind in ("UNS_Unsampler", "UNS_NoiselessResampler", "UNS_AYSScheduler"):
        assert source_of(workflow, kind, "model") == model


@pytest.mark.parametrize("name", BOTH_PASSES)
def test_the_source_is_described_to_the_unsampler_and_the_target_to_the_resampler(name):
    """Noise made with the target prompt makes no edit on the direct path."""
    workflow = read(name)
    if name in (*ANIMATEDIFF, REFERENCE):
        assert source_of(workflow, DOWN, "positive")["type"] == "ACN_AdvancedControlNetApply_v2"
    source, target = (text_of(name, kind) for kind in passes_of(name))
    titles = [node["_meta"]["title"] for node in (source, target)]
    assert titles[0].startswith("Source: what the ") and titles[1] == "Target: the new look"
    assert users_of(workflow, titles[0]) == users_of(workflow, titles[1]) == 1
    words = [node["inputs"].get("text", node["inputs"].get("prompts")) for node in (source, target)]
    assert words[0] and words[1] and words[0] != words[1]


@pytest.mark.parametrize("name", ON_THE_WAY)
def test_what_a_family_adds_to_texts_is_in_the_passes_that_need_it(name):
    """LTXV's frame rate in both, VACE's edges in the falling one alone."""
    kind, count = ON_THE_WAY[name]
    prompt = graph_to_prompt(read(name), INFO).values()
    assert len([node for node in prompt if node["class_type"] == kind]) == count
    assert source_of(read(name), DOWN, "positive")["type"] == kind


@pytest.mark.parametrize("name", BOTH_PASSES)
def test_the_clip_decides_how_far_the_direct_path_goes(name):
    for kind in passes_of(name):
        assert value_of(read(name), kind, "direct") == -1


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_report_judges_the_noise(name):
    made_by = passes_of(name)[0] if name in BOTH_PASSES else "UNS_LoadNoise"
    assert source_of(read(name), "UNS_InversionReport", "noise")["type"] == made_by


@pytest.mark.parametrize("name", BOTH_PASSES)
def test_the_cfg_shows_an_effect_at_once(name):
    prompt = graph_to_prompt(read(name), INFO).values()
    kinds = (GUIDERS[name],) if name in GUIDERS else passes_of(name)
    widget = "guidance" if name == HUNYUAN else "cfg"
    up, down = (node["inputs"][widget] for node in prompt if node["class_type"] in kinds)
    assert up == 1 and down >= 2


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_note_has_every_model_with_its_link_folder_size_and_licence(name):
    workflow = read(name)
    rows = [line for line in notes(workflow).splitlines() if line.startswith("| [")]
    models = [model for node in real_nodes(workflow) for model in node["properties"].get("models", [])]
    assert len(rows) == len(models) > 0
    for model in models:
        (row,) = [row for row in rows if f"[{model['name']}]({model['url']})" in row]
        assert model["directory"] in row and (" GB" in row or " MB" in row or "size and licence: see" in row)
    assert "and brings its own look" in notes(workflow)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_note_says_what_takes_the_place_of_other_nodes(name):
    for words in ("*FlipSigmas*", "*SamplerCustom*", "ComfyUI_Noise", "*add_noise*"):
        assert words in notes(read(name))


@pytest.mark.parametrize("name", [name for name in WORKFLOWS if name != "unsample_resample_image"])
def test_loaders_and_animatediff_are_folded_into_one_node(name):
    shown = {node["type"] for node in read(name)["nodes"]} - {SCHEDULE}
    assert not any(kind.startswith("ADE_") or kind.endswith(("Loader", "LoaderSimple")) for kind in shown)
    (models,) = [node for node in read(name)["nodes"] if node.get("title") == "Models"]
    labels = [slot["label"] for slot in models["inputs"]]
    first = ("checkpoint", "video model", "video model, high noise", "video model, VAE")
    assert labels[0] in first and ("VAE" in labels or labels[0].endswith("VAE"))
    made = ["HIGH NOISE", "LOW NOISE"] if name == WAN22 else ["MODEL"]
    assert [slot["name"] for slot in models["outputs"]] == [*made, "CLIP", "VAE"]


def in_app_mode(workflow: dict) -> tuple[list[str], str]:
    """The labels that App mode shows, and the type of the node whose result it shows."""
    shown = workflow["extra"]["linearData"]
    nodes = {node["id"]: node for node in workflow["nodes"]}
    labels = []
    for id, widget in shown["inputs"]:
        (slot,) = [slot for slot in nodes[id]["inputs"] if slot["name"] == widget and "widget" in slot]
        labels.append(slot["label"])
    (output,) = shown["outputs"]
    return labels, nodes[output]["type"]


@pytest.mark.parametrize("name", BOTH_PASSES)
def test_app_mode_shows_what_people_change_and_the_result(name):
    labels, result = in_app_mode(read(name))
    looks = "the new looks, with their places" if name == CROSS_FADE else "the new look"
    turned = [*(["guidance: how strong", TURNED[-1]] if name == HUNYUAN else TURNED), TAKE]
    assert labels[-2 - len(turned) :] == ["what the source shows", looks, *turned]
    assert labels[0] in ("clip", "picture")
    assert result in ("SaveVideo", "SaveImage", "VHS_VideoCombine")


def test_app_mode_of_saved_noise_shows_file_looks_and_what_is_turned():
    labels, result = in_app_mode(read(SAVED_NOISE))
    assert labels == ["saved noise", "the new looks, one a line", *TURNED]
    assert result == "SaveVideo"


@pytest.mark.parametrize("name", BOTH_PASSES)
def test_every_text_is_used(name):
    texts = [node for node in read(name)["nodes"] if node["type"] in ("CLIPTextEncode", SCHEDULE)]
    count = 2 if name == HUNYUAN else 3  # its guidance is built in: no negative text
    assert len(texts) == count and all(node["outputs"][0]["links"] for node in texts)


def test_the_ipadapter_is_on_the_resamplers_model_alone():
    workflow = read(IPADAPTER)
    plain = node_of(workflow, "ADE_UseEvolvedSampling")
    for kind in ("UNS_Unsampler", "UNS_AYSScheduler"):
        assert source_of(workflow, kind, "model") == plain
    assert source_of(workflow, "UNS_NoiselessResampler", "model")["type"] == "IPAdapterAdvanced"
    assert source_of(workflow, "IPAdapterAdvanced", "model") == plain
    assert source_of(workflow, "IPAdapterAdvanced", "image")["title"] == "Load Image: the look"
    assert value_of(workflow, "IPAdapterAdvanced", "weight_type") == "style transfer"
    for words in ("ComfyUI_IPAdapter_plus", "the *Exact Unsampler* has the plain MODEL", "*IPAdapter Batch*"):
        assert words in notes(workflow)


def test_the_reference_is_on_the_resamplers_conditions_alone():
    workflow = read(REFERENCE)
    for name in ("positive", "negative"):
        reference = source_of(workflow, "UNS_NoiselessResampler", name)
        assert reference["type"] == "ACN_AdvancedControlNetApply_v2"
        assert source_of(workflow, "UNS_Unsampler", name)["type"] == "CLIPTextEncode"
    apply = "ACN_AdvancedControlNetApply_v2"
    assert source_of(workflow, apply, "control_net")["type"] == "ACN_ReferenceControlNet"
    assert source_of(workflow, "ACN_ReferencePreprocessor", "image")["title"] == "Load Image: the look"


def test_two_prompts_cross_fade_over_as_many_frames_as_the_clip_has():
    workflow = read(CROSS_FADE)
    assert source_of(workflow, "UNS_NoiselessResampler", "positive")["type"] == SCHEDULE
    assert source_of(workflow, SCHEDULE, "latent") == node_of(workflow, "VAEEncode")
    lines = [line for line in str(value_of(workflow, SCHEDULE, "prompts")).splitlines() if line]
    assert [line.split('"')[1] for line in lines] == ["0.25", "0.75"]
    for words in ("**Batch Prompt Schedule (FizzNodes)**", "*max_frames*", "one prompt for each frame"):
        assert words in notes(workflow)


def test_saved_noise_is_restyled_with_three_prompts_into_one_labelled_video():
    workflow = read(SAVED_NOISE)
    assert source_of(workflow, "UNS_RestyleGrid", "noise")["type"] == "UNS_LoadNoise"
    assert source_of(workflow, "UNS_RestyleGrid", "model")["type"] == "ADE_UseEvolvedSampling"
    for name in ("clips", "labels", "columns"):
        assert source_of(workflow, "UNS_LabelledGrid", name)["type"] == "UNS_RestyleGrid"
    assert source_of(workflow, "CreateVideo", "images")["type"] == "UNS_LabelledGrid"
    prompts = value_of(workflow, "UNS_RestyleGrid", "prompts")
    assert isinstance(prompts, str) and len(prompts.splitlines()) == 3
    assert value_of(workflow, "UNS_RestyleGrid", "direct") == -1
    for words in ("**Save Noise**", "**Restyle Grid**", "**Labelled Grid**", "model calls", "*width*"):
        assert words in notes(workflow)


def test_the_video_keeps_its_rate_and_sound_and_any_shape_becomes_a_multiple_of_8():
    workflow = read(VIDEO)
    for name in ("fps", "audio"):
        assert source_of(workflow, "CreateVideo", name)["type"] == "UNS_VideoFrames"
    assert source_of(workflow, "VAEEncode", "pixels")["type"] == "UNS_VideoFrames"
    assert source_of(workflow, "UNS_CannyEdges", "images")["type"] == "UNS_VideoFrames"
    assert value_of(workflow, "UNS_VideoFrames", "multiple_of") == 8
    assert value_of(read(WAN), "UNS_VideoFrames", "multiple_of") == 16


@pytest.mark.parametrize(
    "words",
    [
        "ComfyUI-AnimateDiff-Evolved",
        "ComfyUI-Advanced-ControlNet",
        "**Source** goes into the *Exact Unsampler*",
        "**Target** goes into the *Resampler*",
        "**direct path**",
        "five changes",
        "1. **Checkpoint**",
        "2. **VAE**",
        "3. **Motion model**",
        "4. **ControlNet**",
        "5. **Step schedule**",
        "Too close",
        "Too far",
        "*structure*",
        "*cfg*",
        "*direct*",
        "*variation*",
        "*strength*",
    ],
)
def test_the_notes_explain(words):
    assert words in notes(read(VIDEO))


@pytest.mark.parametrize(
    ("name", "window", "overlap", "beta", "motion"),
    [
        (HOTSHOT, 8, 2, "linear (HotshotXL/default)", "hsxl_temporal_layers.f16.safetensors"),
        (ANIMATEDIFF_SDXL, 16, 4, "linear (AnimateDiff-SDXL)", "mm_sdxl_v10_beta.ckpt"),
    ],
)
def test_the_sdxl_workflows_make_the_five_changes_and_say_them(name, window, overlap, beta, motion):
    workflow = read(name)
    for kind, widget, value in (
        ("CheckpointLoaderSimple", "ckpt_name", "sd_xl_base_1.0.safetensors"),
        ("VAELoader", "vae_name", "sdxl_vae.safetensors"),
        ("ADE_LoadAnimateDiffModel", "model_name", motion),
        ("ACN_ControlNetLoaderAdvanced", "cnet", "diffusers_xl_canny_mid.safetensors"),
        ("UNS_AYSScheduler", "model_type", "SDXL"),
        ("ADE_StandardStaticContextOptions", "context_length", window),
        ("ADE_StandardStaticContextOptions", "context_overlap", overlap),
        ("ADE_UseEvolvedSampling", "beta_schedule", beta),
    ):
        assert value_of(workflow, kind, widget) == value
        if isinstance(value, str):
            assert f"*{value}*" in notes(workflow)
    for number, change in enumerate(["Checkpoint", "VAE", "Motion model", "ControlNet", "Step schedule"], 1):
        assert f"{number}. **{change}**" in notes(workflow)


def test_the_sdxl_size_is_1024_by_576_for_a_wide_clip():
    megapixels = value_of(read(HOTSHOT), "UNS_VideoFrames", "megapixels")
    scale = (megapixels * 1024**2 / (1920 * 1080)) ** 0.5  # as the node does it
    assert [round(side * scale / 8) * 8 for side in (1920, 1080)] == [1024, 576]


def test_the_vhs_variant_takes_every_second_frame_up_to_a_cap_and_keeps_the_speed():
    workflow = read(VHS)
    height = value_of(workflow, "VHS_LoadVideo", "custom_height")  # scaled while loading, not after it
    assert 0 < height < 540 and height % 8 == 0
    assert f"*custom_height* {height}" in notes(workflow)
    assert "set *custom_height* to 576" in notes(workflow) and "megapixels" not in notes(workflow)
    assert value_of(workflow, "VHS_LoadVideo", "select_every_nth") == 2
    assert value_of(workflow, "VHS_LoadVideo", "frame_load_cap") == 48
    assert source_of(workflow, "VHS_VideoCombine", "frame_rate")["type"] == "VHS_VideoInfoLoaded"
    assert "ComfyUI-VideoHelperSuite" in notes(workflow)
    both = [{node["type"] for node in real_nodes(read(name))} for name in (VHS, VIDEO)]
    assert both[0] - both[1] == {"VHS_LoadVideo", "VHS_VideoInfoLoaded", "VHS_VideoCombine"}


def test_the_wan_workflow_samples_on_the_models_own_schedule():
    workflow = read(WAN)
    model = node_of(workflow, "ModelSamplingSD3")
    for kind in ("UNS_Unsampler", "UNS_NoiselessResampler", "BasicScheduler"):
        assert source_of(workflow, kind, "model") == model
    assert source_of(workflow, "UNS_Unsampler", "sigmas")["type"] == "BasicScheduler"
    assert not any(node["type"] == "UNS_AYSScheduler" for node in all_nodes(workflow))
    assert value_of(workflow, "CLIPLoader", "type") == "wan"


def test_the_wan22_workflow_gives_both_models_and_one_border_to_both_passes():
    workflow = read(WAN22)
    prompt = graph_to_prompt(workflow, INFO)
    guiders = [node["inputs"] for node in prompt.values() if node["class_type"] == "UNS_ExpertsBySigma"]
    assert len(guiders) == 2
    files = []
    for guider in guiders:
        assert guider["border"] == 0.875
        shifts = [prompt[guider[side][0]]["inputs"] for side in ("high_model", "low_model")]
        assert {shift["shift"] for shift in shifts} == {8.0}
        files.append([prompt[shift["model"][0]]["inputs"]["unet_name"] for shift in shifts])
    names = [f"wan2.2_t2v_{noise}_noise_14B_fp8_scaled.safetensors" for noise in ("high", "low")]
    assert files == [names, names]
    for words in ("**0.875**", "**0.9** for image-to-video", "**Not two Exact Unsamplers in a row**"):
        assert words in notes(workflow)


def test_vaces_edges_are_the_clips_own_at_its_size_and_weak():
    workflow = read(VACE)
    assert source_of(workflow, "WanVaceToVideo", "control_video")["type"] == "UNS_CannyEdges"
    for kind, slot in (("UNS_CannyEdges", "images"), ("GetImageSize", "image")):
        assert source_of(workflow, kind, slot)["type"] == "UNS_VideoFrames"
    for slot in ("width", "height", "length"):
        assert source_of(workflow, "WanVaceToVideo", slot)["type"] == "GetImageSize"
    assert value_of(workflow, "WanVaceToVideo", "strength") == 0.4
    assert source_of(workflow, UP, "positive")["type"] == "CLIPTextEncode"


@pytest.mark.parametrize(
    ("name", "multiple", "repeated"),
    [(WAN, 16, 3), (WAN22, 16, 3), (VACE, 16, 3), (LTXV, 32, 7), (HUNYUAN, 16, 3)],
)
def test_a_flow_models_workflow_takes_its_sizes_and_gives_the_frames_that_came_in(name, multiple, repeated):
    workflow = read(name)
    assert source_of(workflow, "UNS_EncodeClip", "pixels")["type"] == "UNS_VideoFrames"
    assert value_of(workflow, "UNS_VideoFrames", "multiple_of") == multiple
    assert value_of(workflow, "UNS_VideoFrames", "repeat_last") == repeated
    assert f"a multiple of {multiple}." in notes(workflow) and f"*repeat_last* {repeated}" in notes(workflow)
    cut = source_of(workflow, "CreateVideo", "images")
    assert source_of(workflow, "UNS_FirstFrames", "images")["type"] == "UNS_DecodeClip"
    assert cut["type"] == "UNS_FirstFrames" and cut["title"] == "As many frames as came in"
    link = next(item["link"] for item in cut["inputs"] if item["name"] == "count")
    count = next(out for out in node_of(workflow, "UNS_VideoFrames")["outputs"] if out["name"] == "count")
    assert link in count["links"]


def test_the_groups_are_the_six_steps():
    titles = [group["title"] for group in read(VIDEO)["groups"]]
    assert [title for title in titles if title[0].isdigit()] == [
        "1 Source video",
        "2 Prompts",
        "3 Models",
        "4 Unsample",
        "5 Resample",
        "6 Result",
    ]


def test_each_of_our_nodes_lies_in_the_group_of_its_pass():
    workflow = read(VIDEO)
    groups = {group["title"]: tuple(group["bounding"]) for group in workflow["groups"]}
    for kind, title in (
        ("UNS_Unsampler", "4 Unsample"),
        ("UNS_NoiselessResampler", "5 Resample"),
        ("SaveVideo", "6 Result"),
        ("LoadVideo", "1 Source video"),
    ):
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
    node_of(workflow, "VAEDecode")["pos"] = node_of(workflow, "UNS_Unsampler")["pos"]


def move_a_little_closer(workflow: dict) -> None:
    node_of(workflow, "CreateVideo")["pos"][1] -= 10


def take_the_room_for_a_preview(workflow: dict) -> None:
    unsampler = node_of(workflow, "UNS_Unsampler")
    node_of(workflow, "VAEDecode")["pos"] = [
        unsampler["pos"][0],
        unsampler["pos"][1] + unsampler["size"][1] + 200,
    ]


def make_it_wide(workflow: dict) -> None:
    node_of(workflow, "CreateVideo")["pos"][0] += 800


def collapse_a_long_title(workflow: dict) -> None:
    node_of(workflow, "LoadVideo").update(flags={"collapsed": True}, title="The video that is restyled")


def cut_inside(workflow: dict) -> None:
    workflow["definitions"]["subgraphs"][0]["links"].pop()


def rename_an_output(workflow: dict) -> None:
    workflow["definitions"]["subgraphs"][0]["outputs"][0]["name"] = "model"


def use_an_id_twice(workflow: dict) -> None:
    workflow["nodes"][2]["id"] = workflow["nodes"][1]["id"]


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lose_a_link, "is not in both of its ends"),
        (join_wrong_types, "of type MODEL joins"),
        (collapse_a_long_title, "is cut off while it is collapsed"),
        (take_an_unknown_node, "UNS_Unsampeler is not in the recorded"),
        (take_a_wrong_value, "does not allow 'euler_ancestral' as solver"),
        (leave_a_range, "does not allow 1.5 as denoise"),
        (forget_a_widget, "has 0 values for 1 widgets"),
        (offer_another_model, "offers other.safetensors"),
        (move_onto_another, "overlaps"),
        (move_a_little_closer, "lies closer to"),
        (take_the_room_for_a_preview, "lies closer to"),
        (make_it_wide, "it opens at 0.5"),
        (cut_inside, "names link"),
        (rename_an_output, "inside there are"),
        (use_an_id_twice, "a node id is used twice"),
    ],
)
def test_the_checks_notice(spoil: Callable[[dict], None], complaint: str):
    workflow = copy.deepcopy(read(VIDEO))
    spoil(workflow)
    assert any(complaint in found for found in complaints(workflow, INFO))

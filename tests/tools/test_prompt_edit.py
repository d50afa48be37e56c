"""--set, --prompt and --video on prompts: what they change, what they refuse, and what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_graphs import INFO, recorded

from tools.client.prompt_edit import UnclearMedia, media_input, set_text, text_inputs
from tools.client.prompt_nodes import EditError, apply_set, find_nodes, read_value
from tools.widgets import Widget

C = "CONDITIONING"
UNS = {
    "UNS_Unsampler": {"input": {"required": {"positive": [C], "negative": [C]}}, "output": ["LATENT"]},
    "UNS_NoiselessResampler": {
        "input": {"required": {"positive": [C], "negative": [C], "cfg": ["FLOAT", {}]}},
        "output": ["LATENT"],
    },
    "Combine": {"input": {"required": {"one": [C], "two": [C]}}, "output": [C], "output_name": [C]},
    "ZeroOut": {"input": {"required": {"conditioning": [C]}}, "output": [C], "output_name": [C]},
    "PrimitiveString": {"input": {"required": {"value": ["STRING", {}]}}, "output": ["STRING"]},
    "SDXL": {
        "input": {
            "required": {
                "clip": ["CLIP"],
                "text_g": ["STRING", {"multiline": True}],
                "text_l": ["STRING", {"multiline": True}],
            }
        },
        "output": [C],
    },
    "VHS_LoadVideo": {
        "input": {"required": {"video": [["a.mp4"]]}},
        "output": ["IMAGE"],
    },
}
ALL = INFO | UNS


def nodes(**kinds) -> dict:
    """A prompt from n1="Class", n2=("Class", inputs) or n3=("Class", inputs, "title")."""
    result = {}
    for id, spec in kinds.items():
        kind, inputs, title = (spec, {}, None) if isinstance(spec, str) else (*spec, None)[:3]
        result[id[1:]] = {"class_type": kind, "inputs": inputs, "_meta": {"title": title or kind}}
    return result


def encoder(text: object = "old", title: str | None = None) -> tuple:
    return "CLIPTextEncode", {"text": text, "clip": ["0", 1]}, title


def edit(prompt: dict, *sets: str) -> dict:
    for text in sets:
        apply_set(prompt, ALL, text)
    return prompt


def sampling() -> dict:
    return recorded("sampling")[1]


@pytest.mark.parametrize("node", ["10", "KSampler"])
def test_a_node_is_found_by_id_and_class(node):
    assert edit(sampling(), f"{node}.steps=9")["10"]["inputs"]["steps"] == 9


def test_a_node_is_found_by_title_and_both_parts_may_hold_dots():
    prompt = sampling()
    prompt["10"]["_meta"]["title"] = "v1.5 main"
    assert edit(prompt, "v1.5 main.cfg=2.5", "Style.text=a = b.c")["10"]["inputs"]["cfg"] == 2.5
    assert prompt["3"]["inputs"]["text"] == "a = b.c"


def test_an_id_comes_before_a_title_and_a_title_before_a_class():
    prompt = nodes(n1=encoder(title="2"), n2=encoder(title="ZeroOut"), n3="ZeroOut")
    assert find_nodes(prompt, "2") == ["2"] and find_nodes(prompt, "ZeroOut") == ["2", "3"]
    assert find_nodes(nodes(n1=encoder(title="KSampler"), n2=("KSampler", {}, "other")), "KSampler") == ["1"]


@pytest.mark.parametrize(
    "text, said",
    [
        (
            "CLIPTextEncode.text=x",
            r"CLIPTextEncode means 2 nodes, 'Style' \(node 3, CLIPTextEncode\), 'CLIP Text Encode",
        ),
        (
            "KSampel.steps=1",
            r"no running node KSampel \(did you mean KSampler\?\)\. It has .*'KSampler' \(node 10\)",
        ),
        ("KSampler.stepps=1", r"has no input stepps \(did you mean steps\?\); it has seed, steps, cfg"),
        ("KSampler.model=1", r"Input model of 'KSampler' \(node 10\) takes a connection \(MODEL\)"),
        ("KSampler.steps=many", r"many does not fit steps .* a whole number"),
        ("KSampler.steps=2.5", "a whole number"),
        ("KSampler.steps=true", "a whole number"),
        ("KSampler.steps=0", "it takes 1 to 10000"),
        ("KSampler.cfg=NaN", "a number"),
        ("KSampler.sampler_name=eulr", r"one of euler, .*\.\.\.; did you mean euler\?"),
        ("KSampler.steps", "is not of the form Node.input=value"),
        ("steps=3", "is not of the form"),
    ],
)
def test_what_does_not_fit_is_refused_and_says_why(text, said):
    prompt = sampling()
    with pytest.raises(EditError, match=said):
        edit(prompt, text)
    assert prompt == sampling()


def test_a_choice_of_a_dynamic_combo_brings_its_inputs():
    prompt = recorded("video_auto")[1]
    edit(
        prompt,
        "SaveVideo.format=mp4",
        "SaveVideo.format.codec=h264",
        "SaveVideo.format.codec.encoding=re-encode",
        "SaveVideo.format.codec.encoding.crf=18",
    )
    inputs = prompt["5"]["inputs"]
    assert (inputs["format.codec"], inputs["format.codec.encoding.crf"]) == ("h264", 18)
    assert inputs["format.codec.encoding.color_space"] == "auto"
    edit(prompt, "SaveVideo.format.codec=auto")
    assert [key for key in inputs if key.startswith("format.codec.")] == []


def test_a_value_replaces_a_link():
    prompt = recorded("video_auto")[1]
    assert isinstance(prompt["4"]["inputs"]["fps"], list)
    assert edit(prompt, "CreateVideo.fps=12")["4"]["inputs"]["fps"] == 12


@given(st.text(max_size=40))
def test_any_text_reaches_a_text_input_as_it_is(text):
    prompt = sampling()
    try:
        expected = json.loads(text)
    except ValueError:
        expected = text
    edit(prompt, f"Style.text={text}")
    assert prompt["3"]["inputs"]["text"] == (expected if isinstance(expected, str) else text)


@given(st.one_of(st.integers(-(2**63), 2**64), st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_are_read_as_written(number):
    assert read_value(Widget("x", "FLOAT"), json.dumps(number), "x") == number


@pytest.mark.parametrize("raw, text", [("123", "123"), ('"1.5"', "1.5"), ("null", "null"), ("[1]", "[1]")])
def test_a_text_may_look_like_anything(raw, text):
    assert edit(sampling(), f"Style.text={raw}")["3"]["inputs"]["text"] == text


def test_a_choice_that_looks_like_a_number_is_found():
    assert read_value(Widget("x", "COMBO", {}, ["8", "16"]), "16", "x") == "16"
    assert read_value(Widget("x", "COMBO", {}, [8, 16]), "16", "x") == 16
    assert read_value(Widget("x", "COMBO", {"multiselect": True}, ["a", "b"]), '["b"]', "x") == ["b"]
    assert read_value(Widget("x", "INT"), "8.0", "x") == 8


def test_the_prompt_goes_to_the_text_behind_the_sampler():
    prompt = sampling()
    set_text(prompt, ALL, "positive", "{new} // kept")
    set_text(prompt, ALL, "negative", "ugly")
    assert (prompt["3"]["inputs"]["text"], prompt["4"]["inputs"]["text"]) == ("{new} // kept", "ugly")


def controlled() -> dict:
    """A source prompt for the unsampler, another for the resampler behind a ControlNet."""
    return nodes(
        n1=encoder(title="source"),
        n2=encoder(title="style"),
        n3=encoder(title="bad"),
        n4=("ControlNetApplyAdvanced", {"positive": ["2", 0], "negative": ["3", 0]}),
        n5=("UNS_Unsampler", {"positive": ["1", 0], "negative": ["3", 0]}),
        n6=("UNS_NoiselessResampler", {"positive": ["4", 0], "negative": ["4", 1]}),
    )


def test_the_resampler_comes_before_the_unsampler_and_each_side_of_a_controlnet_stays_apart():
    prompt = controlled()
    assert text_inputs(prompt, ALL, "positive") == [("2", "text")]
    assert text_inputs(prompt, ALL, "negative") == [("3", "text")]


def test_a_controlnets_outputs_are_told_apart_by_name():
    prompt = controlled()
    prompt["6"]["inputs"]["positive"] = ["4", 1]
    assert text_inputs(prompt, ALL, "positive") == [("3", "text")]


def test_a_guider_without_a_negative():
    prompt = nodes(
        n1=encoder(),
        n2=("BasicGuider", {"conditioning": ["1", 0]}),
        n3=("SamplerCustomAdvanced", {"guider": ["2", 0]}),
    )
    assert text_inputs(prompt, ALL, "positive") == [("1", "text")]
    assert text_inputs(prompt, ALL, "negative") == []


def test_a_guider_is_looked_through():
    prompt = recorded("animatediff")[1]
    assert text_inputs({k: v for k, v in prompt.items() if k != "7"}, ALL, "positive") == [("6", "text")]


def two_experts(**more) -> dict:
    """Wan 2.2's template, of which the low-noise expert of both guiders has prompts of its own."""
    prompt, _ = committed("unsampling_wan22_video")
    guiders = {id: n["inputs"] for id, n in prompt.items() if n["class_type"] == "UNS_ExpertsBySigma"}
    for name, inputs in zip(("up", "down"), guiders.values(), strict=True):
        for role in ("positive", "negative"):
            encoder = prompt[inputs[role][0]] | {"_meta": {"title": f"low {role} {name}"}}
            prompt[f"{name}-{role}"] = json.loads(json.dumps(encoder))
            inputs[f"low_{role}"] = [f"{name}-{role}", 0]
    return prompt | more


def test_a_new_style_goes_into_the_prompts_of_both_experts():
    prompt, known = two_experts(), committed("unsampling_wan22_video")[1]
    before = two_experts()
    set_text(prompt, known, "positive", "ink")
    set_text(prompt, known, "negative", "ugly")
    changed = {id: n["inputs"]["text"] for id, n in prompt.items() if n != before[id]}
    # the source's, 12 and that of its low-noise expert, stay; 14 is the negative of both passes
    assert changed == {"13": "ink", "down-positive": "ink", "14": "ugly", "down-negative": "ugly"}


def test_one_text_for_both_experts_is_set_once_and_another_kind_of_guider_has_no_second():
    prompt, known = committed("unsampling_wan22_video")
    set_text(prompt, known, "positive", "ink")
    assert prompt["13"]["inputs"]["text"] == "ink"
    prompt = two_experts()
    prompt["21"]["class_type"] = "OtherGuider"
    assert text_inputs(prompt, known, "positive") == [("13", "text")]


def test_two_texts_for_one_expert_and_none_for_it_are_refused():
    known = committed("unsampling_wan22_video")[1]
    prompt = two_experts(other=encoder_node("other"))
    both = {"one": ["other", 0], "two": ["down-positive", 0]}
    prompt["both"] = {"class_type": "Combine", "inputs": both}
    prompt["21"]["inputs"]["low_positive"] = ["both", 0]
    with pytest.raises(EditError, match=r"--prompt: 2 texts feed low_positive: 'low positive down'"):
        set_text(prompt, known | ALL, "positive", "ink")
    prompt["21"]["inputs"]["low_positive"] = ["loaded", 0]
    prompt["loaded"] = {"class_type": "LoadConditioning", "inputs": {}}
    with pytest.raises(EditError, match="no text encoder feeds a sampler's low_positive input"):
        set_text(prompt, known | ALL, "positive", "ink")


def encoder_node(title: str) -> dict:
    return {"class_type": "CLIPTextEncode", "inputs": {"text": "x"}, "_meta": {"title": title}}


def test_a_text_that_is_linked_is_set_where_it_comes_from():
    prompt = nodes(
        n1=("PrimitiveString", {"value": "x"}),
        n2=encoder(["1", 0]),
        n3=("UNS_NoiselessResampler", {"positive": ["2", 0]}),
    )
    set_text(prompt, ALL, "positive", "new")
    assert prompt["1"]["inputs"]["value"] == "new"


def test_an_encoder_of_two_texts_gets_both():
    prompt = nodes(
        n1=("SDXL", {"text_g": "", "text_l": ""}), n2=("UNS_NoiselessResampler", {"positive": ["1", 0]})
    )
    set_text(prompt, ALL, "positive", "new")
    assert prompt["1"]["inputs"] == {"text_g": "new", "text_l": "new"}


def test_several_texts_are_refused():
    prompt = nodes(
        n1=encoder(title="a"),
        n2=encoder(title="b"),
        n3=("Combine", {"one": ["1", 0], "two": ["2", 0]}),
        n4=("UNS_NoiselessResampler", {"positive": ["3", 0]}),
    )
    with pytest.raises(
        EditError, match=r"--prompt: 2 texts feed positive: 'a' \(node 1.*'b' \(node 2.*use --set"
    ):
        set_text(prompt, ALL, "positive", "x")


def test_no_text_is_refused():
    with pytest.raises(EditError, match="--negative: no text encoder feeds"):
        set_text(nodes(n1="ZeroOut"), ALL, "negative", "x")


def test_a_negative_made_of_the_positive_is_not_overwritten():
    prompt = nodes(
        n1=encoder(),
        n2=("ZeroOut", {"conditioning": ["1", 0]}),
        n3=("UNS_NoiselessResampler", {"positive": ["1", 0], "negative": ["2", 0]}),
    )
    with pytest.raises(EditError, match="the same text feeds positive and negative"):
        set_text(prompt, ALL, "negative", "x")
    set_text(prompt, ALL, "positive", "new")
    assert prompt["1"]["inputs"]["text"] == "new"


def test_the_node_that_loads_a_video():
    assert media_input(recorded("video_auto")[1], ALL, "video") == ("1", "file")
    prompt = nodes(n1="LoadVideo", n2=("VHS_LoadVideo", {}, "Second"))
    assert media_input(prompt, ALL, "video", "Second") == ("2", "video")
    with pytest.raises(
        EditError, match=r"loads 2 videos, 'LoadVideo' \(node 1\), 'Second' \(node 2, VHS_LoadVideo\)"
    ):
        media_input(prompt, ALL, "video")
    with pytest.raises(EditError, match="no running node that loads images: add a Load Image node"):
        media_input(prompt, ALL, "image")


API = Path(__file__).parents[2] / "api"
DATA = Path(__file__).parents[1] / "data"


def committed(name: str) -> tuple[dict, dict]:
    """A template's prompt, and the recorded classes of its server."""
    known: dict = {}
    for file in ("object_info.json", "object_info_vhs.json", "object_info_ipadapter.json"):
        known |= json.loads((DATA / file).read_text())
    return json.loads((API / f"{name}.json").read_text()), known


def test_of_a_clip_and_its_mask_the_clip_is_meant():
    prompt, known = committed("unsampling_masked_sd15")
    assert [node for node in prompt if prompt[node]["class_type"] == "LoadVideo"] == ["2", "5"]
    assert media_input(prompt, known, "video") == ("2", "file")
    assert media_input(prompt, known, "video", "Load Video (mask)") == ("5", "file")
    with pytest.raises(
        UnclearMedia, match=r"'Load Video' \(node 2, LoadVideo\), 'Load Video \(mask\)' .node 5"
    ):
        media_input(prompt, known, "video", "LoadVideo")
    # the same the other way round: nothing goes by the order or the names
    prompt["2"], prompt["5"] = prompt["5"], prompt["2"]
    for node in prompt.values():
        links = [value for value in node["inputs"].values() if isinstance(value, list)]
        for link in links:
            link[0] = {"2": "5", "5": "2"}.get(link[0], link[0])
    assert media_input(prompt, known, "video") == ("5", "file")


def test_of_a_clip_and_a_control_video_the_clip_is_meant():
    prompt, known = committed("unsampling_wan_vace")
    prompt["control"] = {"class_type": "LoadVideo", "inputs": {"file": "edges.mp4"}}
    prompt["read"] = {"class_type": "UNS_VideoFrames", "inputs": {"video": ["control", 0]}}
    (vace,) = [node["inputs"] for node in prompt.values() if node["class_type"] == "WanVaceToVideo"]
    vace["control_video"] = ["read", 0]
    assert media_input(prompt, known, "video") == ("3", "file")


def test_of_a_picture_and_a_look_the_picture_is_meant_and_of_two_looks_none():
    prompt, known = committed("unsample_resample_image")
    look, more = {"class_type": "LoadImage", "inputs": {"image": "look.png"}}, {}
    adapter = {"class_type": "IPAdapterAdvanced", "inputs": {"model": ["1", 0], "image": ["look", 0]}}
    more = {"look": look, "adapter": adapter}
    resampler = next(n for n in prompt.values() if n["class_type"] == "UNS_NoiselessResampler")
    resampler["inputs"]["model"] = ["adapter", 0]
    assert media_input(prompt | more, known, "image") == ("3", "image")
    prompt, known = committed("unsampling_look_ipadapter_sd15")
    assert media_input(prompt, known, "image") == ("5", "image")
    with pytest.raises(UnclearMedia, match="loads 2 images"):
        media_input(prompt | {"look": look}, known, "image")


def test_of_two_clips_that_are_one_source_none_is_meant():
    prompt, known = committed("unsampling_masked_sd15")
    encode = next(n["inputs"] for n in prompt.values() if n["class_type"] == "VAEEncode")
    film = next(i for i, n in prompt.items() if n["class_type"] == "UNS_VideoFrames" and i.startswith("36"))
    both = {"destination": encode["pixels"], "source": [film, 0], "x": 0, "y": 0, "resize_source": False}
    prompt["plate"] = {"class_type": "ImageCompositeMasked", "inputs": both}
    encode["pixels"] = ["plate", 0]
    with pytest.raises(UnclearMedia, match='say which, as --video "ID=FILE"'):
        media_input(prompt, known, "video")


def test_video_helper_suites_loader_as_it_really_is_takes_the_video():
    """Its list of files says nothing of an upload: the recorded node, in the committed prompt."""
    prompt, known = committed("unsampling_animatediff_sd15_vhs")
    node, name = media_input(prompt, known, "video")
    assert prompt[node]["class_type"] == "VHS_LoadVideo" and name == "video"

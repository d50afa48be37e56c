"""The model of a node's widgets: what is drawn, in what order, and what a value brings along."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_graphs import INFO

from tools.widgets import UPLOAD, Input, Widget, drawn_widgets, grown, inputs_of, widgets_of

RECORDED = Path(__file__).resolve().parents[1] / "data"
VHS = json.loads((RECORDED / "object_info_vhs.json").read_text(encoding="utf-8"))


def drawn(info: dict, **values: object) -> list[str]:
    return [w.name for w in drawn_widgets(info, lambda w: values.get(w.name, w.default))]


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        (["INT", {}], "INT"),
        ([["a", "b"]], "COMBO"),
        (["FLOAT,CURVE", {"widgetType": "FLOAT"}], "FLOAT"),
        (["FLOAT", {"forceInput": True}], None),
        (["IMAGE"], None),
    ],
)
def test_which_inputs_have_a_widget(spec, kind):
    widget = Input("x", spec).widget()
    assert (widget.type if widget else None) == kind


def test_what_a_widget_means_where_it_is_not_saved():
    assert Input("x", ["FLOAT", {"default": -1.0, "before": 0.0}]).widget().before == 0.0
    assert Input("x", ["FLOAT", {"default": -1.0}]).widget().before == -1.0


def test_an_input_of_a_packs_own_type_has_a_widget_where_the_saved_node_says_so():
    assert Input("x", ["PACK_WIDGET"]).widget() is None
    assert Input("x", ["PACK_WIDGET"], optional=True).widget(shown=True) == Widget(
        "x", "PACK_WIDGET", slot_type="PACK_WIDGET", optional=True
    )


def test_the_button_of_an_upload_is_drawn_last_and_the_server_does_not_know_it():
    assert drawn(INFO["LoadImage"]) == ["image", UPLOAD.name]
    assert [w.name for w in widgets_of(INFO["LoadImage"], lambda w: w.default)] == ["image"]


def test_a_format_of_videohelpersuite_adds_its_widgets_behind_it_and_a_preset_none():
    combine = drawn(VHS["VHS_VideoCombine"], format="video/webm")
    at = combine.index("format")
    assert combine[at : at + 5] == ["format", "pix_fmt", "crf", "save_metadata", "trim_to_audio"]
    assert drawn(VHS["VHS_LoadVideo"], format="AnimateDiff") == drawn(VHS["VHS_LoadVideo"], format="None")


def test_the_choice_of_a_dynamic_combo_adds_its_widgets():
    names = drawn(
        INFO["SaveVideo"], format="mp4", **{"format.codec": "h264", "format.codec.encoding": "auto"}
    )
    assert names == ["filename_prefix", "format", "format.codec", "format.codec.encoding", "codec"]


def test_an_input_that_grows_shows_the_sockets_named_first_the_required_ones():
    template = {"input": {"required": {"image": ["IMAGE", {}]}}, "min": 2}
    required = {"images": ["COMFY_AUTOGROW_V3", {"template": template}], "count": ["INT", {}]}
    info = {"input": {"required": required, "optional": {"mask": ["MASK"]}}}
    names = [f"images.image{number}" for number in range(3)]
    assert [(item.name, item.type, item.optional) for item in inputs_of(grown(info, names))] == [
        ("count", "INT", False),
        ("images.image0", "IMAGE", False),
        ("images.image1", "IMAGE", False),
        ("images.image2", "IMAGE", True),
        ("mask", "MASK", True),
    ]

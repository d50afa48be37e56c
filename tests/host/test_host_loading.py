"""The pack loads, alone and beside the packs it works with, and its interface is the recorded one."""

import json
import os
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "data" / "node_interfaces.json"
IDS = {
    "UNS_Unsampler",
    "UNS_NoiselessResampler",
    "UNS_UnsamplerAdvanced",
    "UNS_NoiselessResamplerAdvanced",
    "UNS_ExpertsBySigma",
    "UNS_AYSScheduler",
    "UNS_ReverseSigmas",
    "UNS_InversionSampler",
    "UNS_InversionReport",
    "UNS_RestyleReport",
    "UNS_VideoFrames",
    "UNS_FirstFrames",
    "UNS_CannyEdges",
    "UNS_TurnLightness",
    "UNS_EncodeClip",
    "UNS_DecodeClip",
    "UNS_SaveNoise",
    "UNS_LoadNoise",
    "UNS_MixNoise",
    "UNS_RestyleGrid",
    "UNS_LabelledGrid",
}


def ours(object_info: dict) -> dict:
    return {
        key: {part: value for part, value in node.items() if part != "python_module"}
        for key, node in sorted(object_info.items())
        if key.startswith("UNS_")
    }


def test_our_nodes_are_there_without_models_and_without_animatediff(bare_comfy):
    assert set(ours(bare_comfy.object_info)) == IDS
    assert not any(key.startswith("ADE_") for key in bare_comfy.object_info)


def test_interfaces_are_the_recorded_ones(comfy):
    """An id, an input or a default that changes breaks saved workflows. UPDATE_SNAPSHOTS=1 records a wanted
    change."""
    found = ours(comfy.object_info)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        GOLDEN.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    recorded = json.loads(GOLDEN.read_text())
    known = {
        part for node in comfy.object_info.values() for part in node
    }  # older ComfyUIs say less of any node
    assert found == {
        key: {part: value for part, value in node.items() if part in known} for key, node in recorded.items()
    }


def test_every_input_and_output_has_a_tooltip(comfy):
    for key, node in ours(comfy.object_info).items():
        for kind in ("required", "optional"):
            for name, spec in node["input"].get(kind, {}).items():
                assert len(spec[1].get("tooltip", "")) > 15, f"{key}.{name}"
        assert all(len(tip or "") > 15 for tip in node["output_tooltips"]), key
        assert node["description"] and node["category"] == "sampling/unsampling"

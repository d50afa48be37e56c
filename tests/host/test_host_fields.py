"""The contract of host/packs: whatever it reads of other projects is there, in this ComfyUI and its packs."""

import json

import pytest

NEWEST_READ = (0, 33)  # host/packs/core.py


def asked(comfy) -> dict:
    comfy.run({"1": {"class_type": "UNSTest_ForeignFields", "inputs": {"name": "foreign-fields"}}})
    return json.loads((comfy.output_dir / "foreign-fields.json").read_text())


@pytest.fixture(scope="module")
def report(comfy):
    return asked(comfy)


def test_every_class_field_and_key_that_is_read_exists(report):
    assert report["missing"] == []


def test_what_is_read_of_an_optional_pack_exists_where_it_is(ipadapter_comfy):
    found = asked(ipadapter_comfy)
    place = "ComfyUI_IPAdapter_plus CrossAttentionPatch:Attn2Replace"
    assert {f"{place}.kwargs", f"{place}.callback", "ad_params"} <= set(found["declared"])
    assert found["missing"] == []


def test_what_older_versions_lack_is_there_in_the_version_that_we_read(report):
    """A renamed optional field cannot be told from an older host by a pass: so here."""
    version = tuple(map(int, report["comfyui"][0].split(".")[:2]))
    if version < NEWEST_READ:
        pytest.skip(f"ComfyUI {report['comfyui'][0]} is older than the version that host/packs was read at")
    assert report["missing_optional"] == []


def test_the_files_of_all_projects_were_asked(report):
    declared = set(report["declared"])
    assert len(declared) > 100
    assert {"ADE_params", "ADGS", "context_handler", "easycache"} <= declared
    for project in ("AnimateDiff-Evolved", "Advanced-ControlNet", "ComfyUI"):
        assert any(name.startswith(f"{project} ") for name in declared)


def test_a_name_that_is_gone_would_be_found(report):
    """The same questions about a class and a field that nobody has: see the support node."""
    gone, changed = report["invented"]
    assert gone.endswith(" animatediff.context:NoSuchClass")
    assert changed.endswith(" animatediff.context:ContextOptions.no_such_field")

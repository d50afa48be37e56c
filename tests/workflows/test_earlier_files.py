"""The templates and API prompts of 0.1.0, as people saved them: they stay what they were."""

import json
import subprocess
import sys

import pytest
from earlier import FOLDER as EARLIER
from earlier import NAMES, queued_today

from tools.client import workflow_files
from tools.client.graph_to_prompt import graph_to_prompt
from tools.template_names import FORMER, TITLES, found
from tools.workflows.build import FOLDER, PROMPTS, ROOT, file_of, recorded_info

INFO = recorded_info()


def test_there_are_six():
    assert len(NAMES) == 6 and set(NAMES) <= set(TITLES)
    assert {path.stem for path in (EARLIER / "api").glob("*.json")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_file_still_gives_its_prompt(name):
    workflow = workflow_files.read(EARLIER / "workflows" / f"{name}.json").graph
    assert workflow
    assert graph_to_prompt(workflow, INFO) == queued_today(name)


@pytest.mark.parametrize("name", NAMES)
def test_every_node_and_input_of_its_prompt_is_still_there(name):
    for node in json.loads((EARLIER / "api" / f"{name}.json").read_text()).values():
        declared = INFO[node["class_type"]]["input"]
        known = {**declared.get("required", {}), **declared.get("optional", {})}
        assert {key.partition(".")[0] for key in node["inputs"]} - {"crf", "pix_fmt", "save_metadata"} <= set(
            known
        ) | {"trim_to_audio"}


@pytest.mark.parametrize("name", NAMES)
def test_what_scripts_changed_in_the_prompt_is_where_it_was(name):
    """Clip, texts and the resampler keep their numbers."""
    before, now = (json.loads((folder / f"{name}.json").read_text()) for folder in (EARLIER / "api", PROMPTS))
    kinds = ("Load", "VHS_Load", "CLIPTextEncode", "UNS_Unsampler", "UNS_NoiselessResampler", "Save")
    media = ("LoadVideo", "LoadImage", "VHS_LoadVideo")
    changed = {
        key: node["class_type"]
        for key, node in before.items()
        if node["class_type"] in media or node["class_type"].startswith(kinds[2:])
    }
    assert len(changed) >= 6
    assert {key: now[key]["class_type"] for key in changed} == changed


@pytest.mark.parametrize("name", NAMES)
def test_the_tool_finds_the_template_by_its_earlier_path(name):
    assert not (FOLDER / f"{name}.json").exists()
    assert found(FOLDER / f"{name}.json") == file_of(name)


@pytest.mark.parametrize("name", TITLES)
def test_the_tool_finds_the_template_by_its_earlier_title(name):
    for title in FORMER[name]:
        assert not (FOLDER / f"{title}.json").exists()
        assert found(FOLDER / f"{title}.json") == file_of(name)
    assert found(file_of(name)) == file_of(name)


def test_paths_that_are_there_or_nowhere_stay(tmp_path):
    name = NAMES[0]
    mine = tmp_path / f"{name}.json"
    assert found(mine) == mine
    mine.write_text("{}")
    (tmp_path / f"{TITLES[name]}.json").write_text("{}")
    assert found(mine) == mine
    assert found(tmp_path / "other.json") == tmp_path / "other.json"


@pytest.mark.parametrize("name", [NAMES[0], NAMES[-1], *FORMER[NAMES[0]]])
def test_the_command_takes_the_earlier_path(name):
    """Without a server it gets as far as asking one, past the file."""
    line = [
        sys.executable,
        "tools/queue_workflow.py",
        f"workflows/{name}.json",
        "--server",
        "http://127.0.0.1:9",
    ]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "127.0.0.1:9" in done.stderr and "cannot be read" not in done.stderr

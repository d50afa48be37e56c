"""The API prompts that ship, and the two short scripts that queue them."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fake_comfy import PROMPT_ID, FakeComfy

from tools.workflows.build import PROMPTS, WORKFLOWS

IMAGE = {"filename": "a b.png", "subfolder": "x & y", "type": "output"}
PREVIEW = {"filename": "preview.png", "subfolder": "", "type": "temp"}
VIDEO = {
    "filename": "v.mp4",
    "subfolder": "",
    "type": "output",
    "format": "video/h264-mp4",
    "frame_rate": 8.0,
}
OUTPUTS = {
    "5": {"images": [PREVIEW]},
    "6": {"text": ["verdict: filename type"]},
    "9": {"images": [IMAGE], "animated": [True]},
    "10": {"gifs": [VIDEO]},
}
ROW = re.compile(
    r"^\| `(.+?)\.json` \| `(.+?)` \| `(.+?)` \| `(.+?)` \| `(.+?)` \| `(.+?)` \|$", re.MULTILINE
)


def interpreter(suffix: str) -> str:
    found = sys.executable if suffix == "py" else shutil.which("node")
    return found or pytest.skip("NOT RUN: no node on this machine")


@pytest.fixture(params=["py", "mjs"])
def script(request) -> tuple[str, Path]:
    """What runs it, and the file."""
    return interpreter(request.param), PROMPTS / f"queue_prompt.{request.param}"


def queued(script: tuple[str, Path], fake: FakeComfy, folder: Path, name: str) -> subprocess.CompletedProcess:
    """The script in that folder, with the fake server in the place of ComfyUI's address."""
    text = script[1].read_text(encoding="utf-8")
    assert text.count("http://127.0.0.1:8188") == 1
    copy = folder / script[1].name
    copy.write_text(text.replace("http://127.0.0.1:8188", fake.url), encoding="utf-8")
    line = [script[0], copy.name, str(PROMPTS / f"{name}.json")]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=30)


class Late(dict):
    """A history that has the run when it is asked a second time."""

    asked = 0

    def items(self):
        self.asked += 1
        if self.asked == 2:
            self[PROMPT_ID] = {"outputs": OUTPUTS, "status": {"status_str": "success"}}
        return super().items()


@pytest.mark.parametrize("name", ["unsample_resample_image", "unsampling_wan_video"])
def test_a_script_queues_the_prompt_waits_and_fetches_the_results(script, tmp_path, name):
    with FakeComfy() as fake:
        fake.history = Late()
        fake.files[("a b.png", "x & y", "output")] = b"picture"
        fake.files[("v.mp4", "", "output")] = b"film"
        done = queued(script, fake, tmp_path, name)
        assert fake.prompts[0]["client_id"]  # without one ComfyUI 0.14 tells no results that it has kept
        assert fake.prompts[0]["prompt"] == json.loads((PROMPTS / f"{name}.json").read_text())
    assert done.returncode == 0 and fake.history.asked >= 2, done.stderr
    assert (tmp_path / "a b.png").read_bytes() == b"picture" and (tmp_path / "v.mp4").read_bytes() == b"film"
    assert not (tmp_path / "preview.png").exists()


def test_a_script_says_how_a_run_failed(script, tmp_path):
    error = ["execution_error", {"node_id": "10", "exception_message": "Exact Unsampler: no memory"}]
    with FakeComfy() as fake:
        fake.finish(status={"status_str": "error", "completed": False, "messages": [error]})
        done = queued(script, fake, tmp_path, "unsample_resample_image")
    assert done.returncode == 1 and "Exact Unsampler: no memory" in done.stderr


def test_a_script_ends_when_the_prompt_is_refused(script, tmp_path):
    with FakeComfy() as fake:
        fake.refusal = {"error": {"message": "Prompt outputs failed validation"}, "node_errors": {}}
        done = queued(script, fake, tmp_path, "unsample_resample_image")
    assert done.returncode == 1 and "failed validation" in done.stderr and "Traceback" not in done.stderr


def test_a_script_says_that_a_run_made_no_file(script, tmp_path):
    with FakeComfy() as fake:
        fake.finish({"9": {"images": [PREVIEW]}})
        done = queued(script, fake, tmp_path, "unsample_resample_image")
    assert done.returncode == 1 and "The run made no file" in done.stderr


def test_a_servers_name_cannot_leave_the_folder(script, tmp_path):
    with FakeComfy() as fake:
        fake.files[("../../a.png", "", "output")] = b"picture"
        fake.finish({"9": {"images": [{"filename": "../../a.png", "subfolder": "", "type": "output"}]}})
        (tmp_path / "deep/er").mkdir(parents=True)
        queued(script, fake, tmp_path / "deep/er", "unsample_resample_image")
    assert (tmp_path / "deep/er/a.png").read_bytes() == b"picture" and not (tmp_path / "a.png").exists()


@pytest.mark.parametrize("name", ["queue_prompt.py", "queue_prompt.mjs"])
def test_a_script_is_short(name):
    lines = (PROMPTS / name).read_text(encoding="utf-8").splitlines()
    left_out = ("import ", "from ", "#", "//", '"""', "}")
    assert len([line for line in lines if line.strip() and not line.startswith(left_out)]) <= 18


def test_every_template_has_its_prompt_and_its_row():
    assert {path.stem for path in PROMPTS.glob("*.json")} == set(WORKFLOWS)
    rows = [row[0] for row in ROW.findall((PROMPTS / "README.md").read_text(encoding="utf-8"))]
    assert rows == list(WORKFLOWS)


@pytest.mark.parametrize(
    "row", ROW.findall((PROMPTS / "README.md").read_text(encoding="utf-8")), ids=lambda row: row[0]
)
def test_the_table_names_the_inputs_to_change(row):
    name, clip, source, target, negative, resampler = row
    prompt = json.loads((PROMPTS / f"{name}.json").read_text(encoding="utf-8"))

    def node(of: str) -> dict:
        key, _, field = of.partition(".")
        assert not field or isinstance(prompt[key]["inputs"][field], str)
        return prompt[key]

    assert negative == "-" or node(negative)["_meta"]["title"] == "Negative prompt"
    if source == "-":
        assert node(clip)["class_type"] == "UNS_LoadNoise"
        assert node(target) is node(resampler) and node(resampler)["class_type"] == "UNS_RestyleGrid"
    else:
        assert node(clip)["class_type"].startswith(("Load", "VHS_Load"))
        assert node(source)["_meta"]["title"].startswith("Source: ")
        assert node(target)["_meta"]["title"] == "Target: the new look"
        assert node(resampler)["class_type"].startswith("UNS_NoiselessResampler")
    asked = node(resampler)["inputs"]
    guider = prompt[asked["guider"][0]]["inputs"] if "guider" in asked else asked
    assert {"structure", "direct"} <= asked.keys() and ("cfg" in guider or negative == "-")
    if negative == "-":  # the model's own guidance in place of cfg
        assert "guidance" in prompt[guider["conditioning"][0]]["inputs"]

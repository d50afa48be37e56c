"""What docs/farms.md tells farm managers: the template, the loop and the scripts, as far as they run here."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
import types
from pathlib import Path
from typing import ClassVar

import pytest
import tomllib
from fake_farm import API, FakeFarm

from tools.farm import batches, jobs
from tools.farm.commands import main

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "farms.md").read_text()
TEMPLATE = ROOT / "docs" / "farms" / "restyle_openjd.yaml"
OPENJD = Path(sys.executable).with_name("openjd")


def block(language: str, holding: str) -> str:
    (found,) = [one for one in re.findall(rf"```{language}\n(.*?)```", PAGE, re.S) if holding in one]
    return found


def write_batch(folder: Path) -> Path:
    for name in ("walk", "cat"):
        (folder / f"{name}.mp4").write_bytes(name.encode())
    told = {"workflow": str(API / "unsampling_animatediff_sd15.json"), "clips": ["walk.mp4", "cat.mp4"]}
    told |= {"styles": {"oil": "oil", "ink": {"prompt": "ink", "settings": {"22.cfg": 3}}}}
    (folder / "jobs.yaml").write_text(json.dumps(told))
    return folder / "jobs.yaml"


def split(folder: Path) -> Path:
    assert main(["split", str(write_batch(folder)), str(folder / "jobs")]) == 0
    return folder / "jobs"


def test_job_files_of_a_batch_are_its_jobs(tmp_path):
    written = split(tmp_path)
    assert sorted(path.name for path in written.iterdir()) == ["1.json", "2.json", "3.json", "4.json"]
    batch = batches.read(tmp_path / "jobs.yaml", [])
    for number, job in enumerate(batch.jobs, 1):
        found = jobs.read(written / f"{number}.json")
        assert (found.mark, found.output, found.noise) == (job.mark, job.output, job.noise)


def test_the_template_passes_the_openjd_check():
    done = subprocess.run([OPENJD, "check", TEMPLATE], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_broken_template_does_not(tmp_path):
    (tmp_path / "bad.yaml").write_text(TEMPLATE.read_text().replace("Task.Param.Number", "Task.Param.Numbr"))
    assert subprocess.run([OPENJD, "check", tmp_path / "bad.yaml"], capture_output=True).returncode != 0


def openjd_run(tmp_path: Path, folder: Path, farm: FakeFarm) -> subprocess.CompletedProcess:
    told = {"Jobs": folder, "Count": 4, "Unsampling": ROOT, "Python": sys.executable, "Server": farm.url}
    parameters = [word for key, value in told.items() for word in ("-p", f"{key}={value}")]
    command = [OPENJD, "run", TEMPLATE, "--step", "Restyle", *parameters]
    return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)


def test_openjd_runs_the_template_here(tmp_path):
    folder = split(tmp_path)
    with FakeFarm() as farm:
        done = openjd_run(tmp_path, folder, farm)
        assert done.returncode == 0, done.stdout
        assert "openjd_progress: 100.0" in done.stdout
        assert farm.kinds().count("inversion") == 2 and farm.kinds().count("style") == 4
        farm.die()
        assert openjd_run(tmp_path, folder, farm).returncode == 0  # all is there already


def test_openjd_sees_a_failure(tmp_path):
    folder = split(tmp_path)
    (folder / "1.json").write_text("{}")
    with FakeFarm() as farm:
        assert openjd_run(tmp_path, folder, farm).returncode != 0


def test_the_shell_loop_tries_again_and_goes_past_what_is_refused(tmp_path):
    folder = split(tmp_path)
    (folder / "2.json").write_text("{}")
    loop = (
        block("sh", "for job in")
        .replace("sleep 60", "echo again")
        .replace("python tools", '"$PY" "$ROOT"/tools')
    )
    with FakeFarm() as farm:
        farm.errors = ["OSError", "torch.OutOfMemoryError"]
        for path in folder.glob("*.json"):
            path.write_text(path.read_text().replace("http://127.0.0.1:8188", farm.url))
        done = subprocess.run(
            ["sh", "-c", loop],
            cwd=tmp_path,
            env={"PY": sys.executable, "ROOT": str(ROOT), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.stdout.count("again\n") == 2, done.stdout + done.stderr
    assert "clip is missing" in done.stderr
    assert len(list((tmp_path / "restyled").glob("*.mp4"))) == 3


class Recorder:
    """Stands for a class of a farm manager's module, and keeps what was asked of it."""

    made: ClassVar[list[Recorder]] = []

    def __init__(self, *args, **more):
        self.args, self.more, self.calls = args, more, []
        self.tasks, self.blocks = [], []
        Recorder.made.append(self)

    def __getattr__(self, name: str):
        return lambda *args, **more: self.calls.append((name, args, more))


def run_script(monkeypatch, folder: Path, script: str, **modules: types.ModuleType) -> list[Recorder]:
    monkeypatch.setattr(Recorder, "made", [])
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name.replace("__", "."), module)
    (folder / "script.py").write_text(script)
    runpy.run_path(str(folder / "script.py"))
    return Recorder.made


def test_the_afanasy_script_makes_a_task_a_job_file(monkeypatch, tmp_path):
    af = types.ModuleType("af")
    af.Block = af.Task = af.Job = Recorder
    folder = split(tmp_path)
    made = run_script(
        monkeypatch, tmp_path, block("python", "import af").replace("/shared/jobs", str(folder)), af=af
    )
    first, *tasks, job = made
    assert [task.args[0] for task in tasks] == ["1", "2", "3", "4"] and first.tasks == tasks
    name, (command,), _ = tasks[0].calls[0]
    assert name == "setCommand" and command.endswith(f'restyle.py job "{folder / "1.json"}"')
    assert job.blocks == [first] and job.calls[-1][0] == "send"


def test_the_opencue_script_makes_a_frame_a_job_file(monkeypatch, tmp_path):
    outline, cuerun, modules, shell = (
        types.ModuleType(name) for name in ("outline", "cuerun", "modules", "shell")
    )
    launched = []
    outline.Outline = shell.Shell = Recorder
    outline.cuerun, outline.modules, modules.shell = cuerun, modules, shell
    cuerun.launch = lambda job, **more: launched.append(job)
    script = block("python", "import outline")
    layer, job = run_script(
        monkeypatch,
        tmp_path,
        script,
        outline=outline,
        outline__cuerun=cuerun,
        outline__modules=modules,
        outline__modules__shell=shell,
    )
    assert layer.more["range"] == "1-4" and layer.more["command"][-1] == "/shared/jobs/#IFRAME#.json"
    assert launched == [job] and job.calls == [("add_layer", (layer,), {})]


def test_the_batch_of_the_page_is_one(tmp_path):
    text = block("yaml", "clips:").replace("../api", str(API))
    (tmp_path / "clips").mkdir()
    for name in ("walk", "cat"):
        (tmp_path / "clips" / f"{name}.mp4").write_bytes(b"x")
    (tmp_path / "jobs.yaml").write_text(text)
    batch = batches.read(tmp_path / "jobs.yaml", [])
    assert [job.output.name for job in batch.jobs] == [
        f"{clip}__{style}.mp4" for clip in ("walk", "cat") for style in ("oil", "ink")
    ]
    assert len(batch.servers) == 2


def test_the_job_of_the_page_is_one(tmp_path):
    told = json.loads(block("json", '"clip"').replace("../api", str(API)))
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "walk.mp4").write_bytes(b"x")
    (tmp_path / "job.json").write_text(json.dumps(told))
    assert jobs.read(tmp_path / "job.json").settings == {"UNS_NoiselessResampler.cfg": 2}


def test_every_key_and_event_is_on_the_page():
    for key in {*jobs.KEYS, *batches.TOP, *batches.OF_CLIP, *batches.OF_STYLE, *batches.COLUMNS}:
        assert f"`{key}`" in PAGE or f'"{key}"' in PAGE, key
    source = "".join(path.read_text() for path in (ROOT / "tools" / "farm").glob("*.py"))
    events = set(re.findall(r'tell\(\s*"(\w+)"', source))
    assert len(events) > 15
    for event in events:
        assert f"`{event}`" in PAGE, event


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_an_install_brings_the_tools_libraries_and_no_package(project):
    """The pack's folders must not become packages of a site: `nodes` would hide ComfyUI's."""
    assert project["tool"]["setuptools"] == {"packages": []}
    assert "dependencies" not in project["project"]
    named = {re.match(r"[\w-]+", one)[0] for one in project["project"]["optional-dependencies"]["farm"]}
    assert named == {"av", "pillow", "pyyaml", "ray", "rich", "typer", "websocket-client"}

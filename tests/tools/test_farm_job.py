"""`restyle.py job` against a fake server: exit codes, one sentence, whole files or none, nothing twice."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fake_farm import API, FakeFarm

from tools.farm import outputs
from tools.farm.commands import main
from tools.template_names import FORMER, TITLES

RESTYLE = Path(__file__).resolve().parents[2] / "tools" / "restyle.py"
WORKFLOW = API / "unsampling_animatediff_sd15.json"


@pytest.fixture(autouse=True)
def handlers():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def farm():
    with FakeFarm() as server:
        yield server


def write_job(folder: Path, farm: FakeFarm | None = None, **more) -> Path:
    """A job file with a clip beside it; more: keys, of which None removes one."""
    (folder / "walk.mp4").write_bytes(b"a clip")
    told = {"clip": "walk.mp4", "workflow": str(WORKFLOW), "prompt": "ink", "output": "out/walk.mp4"}
    told |= {"server": farm.url} if farm else {}
    path = folder / "job.json"
    path.write_text(json.dumps({k: v for k, v in (told | more).items() if v is not None}))
    return path


def job(path: Path, *options: str) -> int:
    return main(["job", str(path), "--reconnect", "0.2", *options])


def test_a_job_is_done_once(farm, tmp_path, capsys):
    path = write_job(tmp_path, farm)
    assert job(path) == 0
    result = tmp_path / "out" / "walk.mp4"
    text = result.read_text()
    assert '"ink"' in text and '"walk.mp4"' in text and farm.uploads == {"walk.mp4": b"a clip"}
    assert job(path) == 0
    assert len(farm.prompts) == 1 and result.read_text() == text
    assert "is there already: nothing to do" in capsys.readouterr().out
    assert sorted(p.name for p in result.parent.iterdir()) == [".restyle", "walk.mp4"]


def test_a_finished_job_asks_no_server(farm, tmp_path):
    path = write_job(tmp_path, farm)
    assert job(path) == 0
    farm.die()
    assert job(path) == 0


def test_each_step_is_a_line_with_a_percentage(farm, tmp_path, capsys):
    assert job(write_job(tmp_path, farm)) == 0
    lines = capsys.readouterr().out.splitlines()
    steps = [line for line in lines if "Noiseless Resampler" in line and "/3" in line]
    assert len(steps) == 3 and all(" PROGRESS: " in line and line.endswith("%") for line in steps)
    assert lines[-1].endswith("PROGRESS: 100%")


def test_heartbeats_for_openjd_begin_their_lines(farm, tmp_path, capsys):
    assert job(write_job(tmp_path, farm), "--heartbeat", "openjd") == 0
    lines = capsys.readouterr().out.splitlines()
    told = [float(line.removeprefix("openjd_progress: ")) for line in lines if "openjd_progress: " in line]
    assert told[-1] == 100.0 and all(0 <= one <= 100 for one in told) and len(told) > 20
    assert any(line.startswith("openjd_status: Noiseless Resampler") for line in lines)


def test_noise_is_kept_once_for_all_styles(farm, tmp_path):
    for style in ("ink", "oil", "chalk"):
        path = write_job(tmp_path, farm, prompt=style, output=f"out/{style}.mp4", noise="kept")
        assert job(path) == 0
    assert farm.kinds() == ["inversion", "style", "style", "style"]
    assert len(list((tmp_path / "kept").glob("walk-*.safetensors"))) == 1
    styles = [message["prompt"] for message in farm.prompts[1:]]
    assert all("18" not in one and one["22"]["inputs"]["noise"] == ["restyle-noise", 0] for one in styles)
    assert {one["14"]["inputs"]["text"] for one in styles} == {"ink", "oil", "chalk"}


@pytest.mark.parametrize(
    "more",
    [
        {"source": "a cat"},
        {"settings": {"17.steps": 8}},
        {"settings": {"UNS_Unsampler.solver": "euler"}},
        {"settings": {"4.start_time": 1.5}},
        {"precision": "half"},
    ],
)
def test_what_changes_the_inversion_makes_another(farm, tmp_path, more):
    assert job(write_job(tmp_path, farm, noise="kept")) == 0
    assert job(write_job(tmp_path, farm, noise="kept", output="out/b.mp4", **more)) == 0
    assert farm.kinds() == ["inversion", "style"] * 2


@pytest.mark.parametrize(
    "settings",
    [{"22.cfg": 3}, {"UNS_CannyEdges.low_threshold": 0.2}, {"UNS_NoiselessResampler.structure": 0.2}],
)
def test_what_only_the_style_needs_does_not(farm, tmp_path, settings):
    assert job(write_job(tmp_path, farm, noise="kept")) == 0
    assert job(write_job(tmp_path, farm, noise="kept", output="out/b.mp4", settings=settings)) == 0
    assert farm.kinds() == ["inversion", "style", "style"]


def test_another_clip_of_the_same_name_makes_another_inversion(farm, tmp_path):
    assert job(write_job(tmp_path, farm, noise="kept")) == 0
    path = write_job(tmp_path, farm, noise="kept", output="out/b.mp4")
    (tmp_path / "walk.mp4").write_bytes(b"another clip")
    assert job(path) == 0
    assert farm.kinds() == ["inversion", "style"] * 2


def test_noise_that_the_server_lists_is_not_sent(farm, tmp_path):
    assert job(write_job(tmp_path, farm, noise="kept")) == 0
    (noise,) = (tmp_path / "kept").iterdir()
    assert noise.name in farm.uploads
    farm.uploads.clear()
    farm.lists_noise = ["other.safetensors", f"shared/{noise.name} [output]"]
    assert job(write_job(tmp_path, farm, noise="kept", output="out/b.mp4", prompt="oil")) == 0
    assert noise.name not in farm.uploads
    assert farm.prompts[-1]["prompt"]["restyle-noise"]["inputs"]["file"] == f"shared/{noise.name} [output]"


@pytest.mark.parametrize("how", ["damaged", "gone"])
def test_a_server_whose_own_copy_of_the_noise_is_bad_is_sent_another(farm, tmp_path, how):
    assert job(write_job(tmp_path, farm, noise="kept")) == 0
    (noise,) = (tmp_path / "kept").iterdir()
    farm.uploads.clear()
    farm.lists_noise, farm.bad_noise = [f"shared/{noise.name}"], (f"shared/{noise.name}", how)
    assert job(write_job(tmp_path, farm, noise="kept", output="out/b.mp4", prompt="oil")) == 0
    assert noise.name in farm.uploads


def test_noise_that_is_cut_short_is_made_anew(farm, tmp_path):
    assert job(write_job(tmp_path, farm, noise="kept")) == 0
    (noise,) = (tmp_path / "kept").iterdir()
    noise.write_bytes(noise.read_bytes()[:-1])
    farm.history.clear()
    assert job(write_job(tmp_path, farm, noise="kept", output="out/b.mp4")) == 0
    assert farm.kinds() == ["inversion", "style"] * 2 and outputs.is_whole_noise(noise)


def refused(capsys, code: int, expected: int, *parts: str) -> str:
    """One sentence on stderr, and the exit code."""
    said = capsys.readouterr().err
    assert code == expected, said
    assert said.count("\n") == 1 and said.startswith("error: "), said
    for part in parts:
        assert part in said, said
    return said


@pytest.mark.parametrize(
    "more, part",
    [
        ({"clip": None}, "clip is missing"),
        ({"clip": ""}, "clip is ''; it takes a text"),
        ({"clip": 3}, "clip is 3; it takes a text"),
        ({"clip": "none.mp4"}, "there is no file"),
        ({"clip": "."}, "there is no file"),
        ({"clip": "job.json"}, "does not end like a film or picture"),
        ({"workflow": "none.json"}, "there is no file"),
        ({"workflow": "job.json"}, "neither a saved workflow nor an API export"),
        ({"workflow": "walk.mp4"}, "neither JSON nor a picture"),
        ({"output": None}, "output is missing"),
        ({"output": "out/"}, "does not end like a film or picture"),
        ({"output": "walk"}, "does not end like a film or picture"),
        ({"output": "walk.mp4"}, "the same file as clip"),
        ({"output": "a\0b.mp4"}, "no path"),
        ({"output": "a" * 300 + ".mp4"}, "too long"),
        ({"promt": "ink"}, "did you mean prompt?"),
        ({"prompt": 7}, "prompt is 7; it takes a text"),
        ({"prompt": ["ink"]}, "it takes a text"),
        ({"precision": "quarter"}, "lossless or half"),
        ({"server": "ftp://x"}, "no address"),
        ({"server": "http://"}, "no address"),
        ({"server": "http://[x"}, "no address"),
        ({"settings": ["22.cfg"]}, "it takes pairs"),
        ({"settings": {"cfg": 2}}, "a key is NODE.INPUT"),
        ({"settings": {"22.cfg": {"a": 1}}}, "a value is a text or a number"),
        ({"settings": {"99.cfg": 2}}, "no running node 99"),
        ({"settings": {"22.cgf": 2}}, "did you mean cfg?"),
        ({"settings": {"22.cfg": "much"}}, "it takes a number"),
        ({"settings": {"22.cfg": 1e9}}, "does not fit"),
        ({"settings": {"22.model": "x"}}, "takes a connection"),
        ({"settings": {"CLIPTextEncode.text": "x"}}, "means 3 nodes"),
        ({"clip_node": "99"}, "no running node named 99"),
        ({"output_node": "99"}, "0 nodes 99"),
    ],
)
def test_a_bad_job_is_one_sentence_and_no_run(farm, tmp_path, capsys, more, part):
    path = write_job(tmp_path, farm, **more)
    refused(capsys, job(path), 1, part)
    assert not farm.prompts and not farm.uploads and not (tmp_path / "out").exists()


def test_both_experts_get_the_texts_of_a_job(farm, tmp_path):
    told = json.loads((API / "unsampling_wan22_video.json").read_text())
    for guider, text in (("17", "12"), ("21", "13")):
        told[f"low {text}"] = json.loads(json.dumps(told[text]))
        told[guider]["inputs"]["low_positive"] = [f"low {text}", 0]
    two = tmp_path / "two.json"
    two.write_text(json.dumps(told))
    assert job(write_job(tmp_path, farm, workflow=str(two), source="a walk")) == 0
    prompt = farm.prompts[0]["prompt"]
    texts = {node: prompt[node]["inputs"]["text"] for node in ("12", "low 12", "13", "low 13")}
    assert texts == {"12": "a walk", "low 12": "a walk", "13": "ink", "low 13": "ink"}


def test_of_two_loaders_the_clip_goes_to_the_unsampled_one(farm, tmp_path, capsys):
    """The mask keeps its place on the server; where both may be meant, clip_node is asked for."""
    masked, both = API / "unsampling_masked_sd15.json", tmp_path / "both.json"
    assert job(write_job(tmp_path, farm, workflow=str(masked))) == 0
    prompt = farm.prompts[0]["prompt"]
    assert [prompt[node]["inputs"]["file"] for node in ("2", "5")] == ["walk.mp4", "your_mask.mp4"]
    told = json.loads(masked.read_text())
    del told["23"]["inputs"]["latent_image"]
    both.write_text(json.dumps(told))
    said = refused(
        capsys,
        job(write_job(tmp_path, farm, workflow=str(both), output="out/b.mp4")),
        1,
        "loads 2 videos, 'Load Video' (node 2, LoadVideo), 'Load Video (mask)' (node 5, LoadVideo)",
        "name the node that gets the clip in clip_node",
    )
    assert "--video" not in said


@pytest.mark.parametrize(
    "content, part",
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[]", "a job is an object"),
        (b"3", "a job is an object"),
        (b"[" * 100_000, "is not JSON"),
        (b"{}", "clip is missing"),
        (b'{"prompt": "ink", "prompt": "oil"}', "prompt is there 2 times"),
        (b'{"settings": {"22.cfg": 1, "22.cfg": 2}}', "22.cfg is there 2 times"),
    ],
)
def test_a_file_that_is_no_job_is_one_sentence(tmp_path, capsys, content, part):
    (tmp_path / "job.json").write_bytes(content)
    refused(capsys, job(tmp_path / "job.json"), 1, part)


def test_no_job_file_and_a_folder_are_one_sentence(tmp_path, capsys):
    refused(capsys, job(tmp_path / "none.json"), 1, "cannot be read")
    refused(capsys, job(tmp_path), 1, "cannot be read")
    refused(capsys, main(["job"]), 1, "Missing argument")
    refused(capsys, main(["jbo"]), 1, "No such command")
    refused(capsys, main(["job", "x", "--again=2"]), 1)


def test_one_text_for_source_and_result_is_refused_where_they_differ(farm, tmp_path, capsys):
    workflow = json.loads(WORKFLOW.read_text())
    workflow["18"]["inputs"]["positive"] = ["14", 0]
    (tmp_path / "one_text.json").write_text(json.dumps(workflow))
    path = write_job(tmp_path, farm, workflow="one_text.json", source="a cat")
    refused(capsys, job(path), 1, "prompt and source are one text")
    assert job(write_job(tmp_path, farm, workflow="one_text.json", source="ink")) == 0


def test_what_the_server_refuses_is_refused(farm, tmp_path, capsys):
    error = {"type": "value_not_in_list", "details": "x", "extra_info": {"input_name": "ckpt_name"}}
    farm.refusal = {
        "error": {"message": "no"},
        "node_errors": {"31:6": {"errors": [error], "class_type": "C"}},
    }
    refused(capsys, job(write_job(tmp_path, farm)), 1, "Load Checkpoint", "models/checkpoints")


@pytest.mark.parametrize(
    "kind, code",
    [
        ("ValueError", 1),
        ("unsampling.UnsamplingError", 1),
        ("torch.OutOfMemoryError", 75),
        ("torch.cuda.OutOfMemoryError", 75),
        ("MemoryError", 75),
        ("OSError", 75),
        ("", 75),
    ],
)
def test_what_a_run_ended_with_decides_whether_it_is_tried_again(farm, tmp_path, capsys, kind, code):
    farm.errors = [kind]
    path = write_job(tmp_path, farm)
    refused(capsys, job(path), code, "it broke")
    assert not (tmp_path / "out").exists()
    assert job(path) == 0  # the failed run is not taken for one that ended well


def spoil(farm: FakeFarm, how: str) -> None:
    match how:
        case "500s":
            farm.answers_500 = 10**6
        case "half a file":
            farm.cut = 7
        case "no bytes":
            farm.empty = True
        case "forgets":
            farm.forgets = True
        case "lost file":
            farm.lost_files = 10**6
        case "html":
            farm.html = True
        case "dead":
            farm.die()


@pytest.mark.parametrize("how", ["500s", "half a file", "no bytes", "forgets", "lost file", "html", "dead"])
@pytest.mark.parametrize("noise", [None, "kept"])
def test_a_server_that_fails_means_try_again_and_leaves_nothing(farm, tmp_path, capsys, how, noise):
    path = write_job(tmp_path, farm, noise=noise)
    spoil(farm, how)
    refused(capsys, job(path), 75)
    left = [p for p in tmp_path.rglob("*") if p.is_file() and ".restyle" not in p.parts]
    assert {p.name for p in left} == {"job.json", "walk.mp4"}
    with FakeFarm() as other:
        assert job(path, "--server", other.url) == 0
    assert (tmp_path / "out" / "walk.mp4").is_file()


def test_an_upload_that_is_too_large_is_refused(farm, tmp_path, capsys):
    farm.full = True
    refused(capsys, job(write_job(tmp_path, farm)), 1, "--max-upload-size")


@pytest.mark.parametrize("outcome", ["form", "two"])
def test_a_file_that_is_not_the_one_asked_for_is_refused(farm, tmp_path, capsys, outcome):
    workflow = json.loads(WORKFLOW.read_text())
    if outcome == "two":
        workflow["27"] = workflow["26"]
        part = "saves 2 .mp4 files"
    else:
        farm.form, part = ".webm", "saves .webm"
    (tmp_path / "w.json").write_text(json.dumps(workflow))
    refused(capsys, job(write_job(tmp_path, farm, workflow="w.json")), 1, part)
    if outcome == "two":
        assert job(write_job(tmp_path, farm, workflow="w.json", output_node="27")) == 0


@pytest.mark.parametrize("noise", [None, "kept"])
def test_a_run_whose_client_was_killed_is_taken_over(farm, tmp_path, noise):
    """The server is at it or has made it: it does not run twice."""
    path = write_job(tmp_path, farm, noise=noise)
    farm.delay = 1.0
    command = [sys.executable, str(RESTYLE), "job", str(path)]
    for _ in range(2):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 20
            while not farm.runs and time.monotonic() < deadline:
                time.sleep(0.02)
            process.kill()
    assert job(path) == 0
    assert farm.kinds() == (["whole"] if noise is None else ["inversion", "style"])[: len(farm.prompts)]
    assert (tmp_path / "out" / "walk.mp4").is_file()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_job_that_is_told_to_stop_stops_the_server_and_can_be_tried_again(farm, tmp_path, sign):
    path, farm.delay = write_job(tmp_path, farm), 30.0
    command = [sys.executable, str(RESTYLE), "job", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 20
        while not farm.runs and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(sign)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 75 and said.startswith("error: Stopped"), said
    assert farm.interrupted.wait(5)
    farm.delay = 0
    assert job(path) == 0


def test_the_command_line_gives_the_exit_codes(farm, tmp_path):
    def code(path: Path) -> int:
        done = subprocess.run(
            [sys.executable, str(RESTYLE), "job", str(path)], capture_output=True, text=True
        )
        assert done.returncode == 0 or done.stderr.startswith("error: "), done.stderr
        return done.returncode

    path = write_job(tmp_path, farm)
    assert code(path) == 0
    assert code(write_job(tmp_path, farm, promt="x")) == 1
    assert code(write_job(tmp_path, output="out/b.mp4", server="http://127.0.0.1:9")) == 75


def test_a_result_of_other_settings_or_of_somebody_else_is_not_touched(farm, tmp_path, capsys):
    path = write_job(tmp_path, farm)
    assert job(path) == 0
    result = tmp_path / "out" / "walk.mp4"
    before = result.read_bytes()
    capsys.readouterr()
    other = write_job(tmp_path, farm, prompt="oil")
    refused(capsys, job(other), 1, "was made with other settings", "--again")
    assert result.read_bytes() == before
    assert job(other, "--again") == 0 and b"oil" in result.read_bytes()
    result.write_bytes(b"mine")
    capsys.readouterr()
    refused(capsys, job(other), 1, "was not made by this tool, or was changed")
    assert result.read_bytes() == b"mine"


@pytest.mark.parametrize("name", [WORKFLOW.stem, *FORMER[WORKFLOW.stem]])
def test_a_template_is_found_by_its_earlier_names(farm, tmp_path, name):
    (tmp_path / f"{TITLES[WORKFLOW.stem]}.json").write_bytes(WORKFLOW.read_bytes())
    assert job(write_job(tmp_path, farm, workflow=f"{name}.json")) == 0
    assert (tmp_path / "out" / "walk.mp4").is_file()


def test_a_changed_clip_or_workflow_is_other_settings(farm, tmp_path, capsys):
    workflow = tmp_path / "w.json"
    workflow.write_bytes(WORKFLOW.read_bytes())
    path = write_job(tmp_path, farm, workflow="w.json")
    assert job(path) == 0
    capsys.readouterr()
    workflow.write_text(workflow.read_text().replace("your_clip", "any_clip"))
    refused(capsys, job(path), 1, "other settings")
    workflow.write_bytes(WORKFLOW.read_bytes())
    assert job(path) == 0
    capsys.readouterr()
    (tmp_path / "walk.mp4").write_bytes(b"another")
    refused(capsys, job(path), 1, "other settings")


@pytest.mark.parametrize("code, expected", [(errno.ENOSPC, 75), (errno.EROFS, 1), (errno.EACCES, 1)])
def test_a_disk_that_takes_nothing_leaves_nothing(farm, tmp_path, capsys, monkeypatch, code, expected):
    path = write_job(tmp_path, farm)

    def full(handle):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(outputs.os, "fsync", full)
    refused(capsys, job(path), expected, os.strerror(code))
    monkeypatch.undo()
    assert [p.name for p in (tmp_path / "out").iterdir()] == []
    assert job(path) == 0


def test_a_folder_in_the_way_is_refused(farm, tmp_path, capsys):
    (tmp_path / "out").write_text("a file")
    refused(capsys, job(write_job(tmp_path, farm)), 1)


def test_two_at_once_make_one_result(farm, tmp_path):
    path, codes = write_job(tmp_path, farm), []
    farm.delay = 0.3
    command = [sys.executable, str(RESTYLE), "job", str(path)]
    processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    codes = [process.wait(60) for process in processes]
    assert codes == [0, 0]
    assert outputs.found(tmp_path / "out" / "walk.mp4", "x") is outputs.Found.OTHER  # it has its record
    assert job(path) == 0
    assert not [p for p in (tmp_path / "out").iterdir() if p.suffix == ".part"]


def killed_at(folder: Path, name: str, count: int) -> None:
    """A child that dies at the count-th call of a function of os while it writes a result."""
    child = os.fork()
    if child == 0:
        real, left = getattr(os, name), [count]

        def dying(*args, **more):
            left[0] -= 1
            if not left[0]:
                os._exit(9)
            return real(*args, **more)

        setattr(os, name, dying)
        outputs.write(folder / "walk.mp4", [b"new " * 1000], "mark")
        os._exit(0)
    os.waitpid(child, 0)


@pytest.mark.parametrize("name", ["fsync", "replace", "chmod", "open"])
@pytest.mark.parametrize("count", range(1, 6))
@pytest.mark.parametrize("before", [None, b"old"])
def test_killed_at_any_moment_a_result_is_whole_or_absent_and_known(tmp_path, name, count, before):
    target = tmp_path / "walk.mp4"
    if before:
        outputs.write(target, [before], "old mark")
    killed_at(tmp_path, name, count)
    state = outputs.found(target, "mark")
    if target.exists() and target.read_bytes() != before:
        assert target.read_bytes() == b"new " * 1000 and state is outputs.Found.THIS
    else:
        assert state is (outputs.Found.OTHER if before else outputs.Found.NOTHING)
    outputs.write(target, [b"new " * 1000], "mark")
    assert outputs.found(target, "mark") is outputs.Found.THIS


def test_what_a_killed_process_left_goes_after_a_day(tmp_path):
    for name, age in ((".a[1].mp4.x.part", 25), (".a[1].mp4.y.part", 1), (".b.mp4.z.part", 25)):
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (time.time() - age * 3600,) * 2)
    outputs.write(tmp_path / "a[1].mp4", [b"x"])
    assert {p.name for p in tmp_path.iterdir()} == {"a[1].mp4", ".a[1].mp4.y.part", ".b.mp4.z.part"}


def test_threads_and_a_lost_server_are_followed_again(farm, tmp_path):
    """The websocket hangs up during the run, and the client comes back."""
    path, farm.delay = write_job(tmp_path, farm), 0.6
    timer = threading.Timer(0.3, farm.hang_up)
    timer.start()
    assert main(["job", str(path), "--reconnect", "5"]) == 0
    timer.join()

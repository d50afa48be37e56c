"""`restyle.py run` on two real servers: one is killed, the driver is stopped and killed, all is made."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from farm_servers import STYLES, alive, servers, workflow, write_batch

REPOSITORY = Path(__file__).resolve().parents[2]
RESTYLE = REPOSITORY / "tools" / "restyle.py"
NAMES = {f"clip{clip}__{style}.mp4" for clip in range(4) for style in STYLES}


@pytest.fixture(scope="module")
def farm(tmp_path_factory):
    with servers(tmp_path_factory.mktemp("farm")) as sessions:
        yield sessions


def begun(path: Path, sessions: list, *options: str) -> subprocess.Popen:
    urls = [word for one in sessions for word in ("--server", one.server.url)]
    command = [sys.executable, str(RESTYLE), "run", str(path), *urls, "--pause", "1", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def results(path: Path) -> set[str]:
    return {one.name for one in (path.parent / "restyled").glob("*.mp4")}


def log(path: Path) -> list[dict]:
    return [
        json.loads(line) for line in (path.parent / "restyled/restyle_log.jsonl").read_text().splitlines()
    ]


def until(path: Path, count: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 240
    while len(results(path)) < count:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, f"only {results(path)}"
        time.sleep(0.05)


def done_once(path: Path) -> None:
    assert results(path) == NAMES
    done = [line["task"] for line in log(path) if line["event"] == "done" and line["task"] in NAMES]
    assert sorted(done) == sorted(set(done))


def frames(path: Path) -> np.ndarray:
    with av.open(str(path)) as film:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)])


def test_one_of_two_servers_is_killed_half_way_and_all_is_made_once(farm, tmp_path):
    """By Ray, as is the default where it is installed."""
    sessions = alive(farm)
    path = write_batch(tmp_path / "batch", workflow(sessions[0].model("one_level"), 0.15))
    with begun(path, sessions) as process:
        until(path, 4, process)
        os.killpg(sessions[0].server.process.pid, signal.SIGKILL)
        said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    done_once(path)
    assert len(log(path)) and any("Ray on this machine" in line.get("pool", "") for line in log(path)), said
    equal = [line for line in log(path) if line["event"] == "probe_equal"]
    assert len(equal) == 1, said
    killed = sessions[0].server.url
    told = [line for line in log(path) if line.get("server") == killed]
    assert {"server_in", "begun"} <= {line["event"] for line in told}
    assert {"server_lost", "server_away"} & {line["event"] for line in told}, said
    assert {line["server"] for line in log(path) if line["event"] == "done"} == {
        one.server.url for one in sessions
    }
    with begun(path, sessions) as again:
        said, _ = again.communicate(timeout=60)
    assert again.returncode == 0 and "All 12 results are there already: nothing to do." in said
    sheet = path.parent / "restyled" / "contact_sheet.html"
    assert sheet.read_text().count("<video") == 12 and sheet.with_suffix(".png").stat().st_size > 1000


def test_a_stopped_and_a_killed_run_are_finished_by_the_next(farm, tmp_path):
    sessions = alive(farm)
    path = write_batch(tmp_path / "batch", workflow(sessions[0].model("one_level"), 0.15))
    with begun(path, sessions, "--threads") as process:
        until(path, 2, process)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 75 and "the same command makes the rest" in said
    assert len(results(path)) < 12
    with begun(path, sessions, "--threads") as process:
        until(path, 6, process)
        process.kill()
    assert len(results(path)) < 12
    with begun(path, sessions, "--threads") as process:
        said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    done_once(path)
    assert len(list((path.parent / "restyled" / "noise").glob("*.safetensors"))) == 4


def test_a_restyle_of_kept_noise_has_the_bits_of_one_in_one_piece(farm, tmp_path):
    session = alive(farm)[0]
    path = write_batch(tmp_path / "batch", workflow(session.model("one_level"), 0.0), clips=1)
    told = {"clip": "clip0.mp4", "workflow": "workflow.json", "settings": {"resample.cfg": 3}}
    for name, more in (("kept", {"noise": "noise"}), ("whole", {})):
        file = path.with_name(f"{name}.json")
        file.write_text(json.dumps(told | more | {"output": f"{name}.mp4", "server": session.server.url}))
        done = subprocess.run(
            [sys.executable, str(RESTYLE), "job", str(file)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "Noiseless Resampler" in done.stdout or "resample" in done.stdout
    kept, whole = (frames(path.with_name(f"{name}.mp4")) for name in ("kept", "whole"))
    assert len(list((path.parent / "noise").glob("clip0-*.safetensors"))) == 1
    assert len(kept) == 4 and np.array_equal(kept, whole)


def test_a_server_without_the_pack_of_the_workflow_is_named(farm, tmp_path):
    session = alive(farm)[0]
    prompt = workflow("another.safetensors", 0.0)
    prompt["4"]["class_type"] = "UNSTest_NoSuchModel"
    path = write_batch(tmp_path / "batch", prompt, clips=1)
    with begun(path, [session], "--threads") as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode != 0 and not results(path)
    assert "UNSTest_NoSuchModel" in said and "another.safetensors in models/checkpoints" in said

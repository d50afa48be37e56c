"""`restyle.py run` against fake servers: clips x styles, whatever goes wrong, and what was asked of whom."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest
from fake_farm import API, OBJECT_INFO, FakeFarm

from tools.farm import batches, driver, pools, sheet
from tools.farm.commands import main

RESTYLE = Path(__file__).resolve().parents[2] / "tools" / "restyle.py"
WORKFLOW = API / "unsampling_animatediff_sd15.json"
STYLES = ("ink", "oil", "chalk")
CLIPS = ("walk", "cat", "sea", "fire")


@pytest.fixture(autouse=True)
def handlers():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def two():
    with FakeFarm() as first, FakeFarm() as second:
        yield first, second


def has_models(farm: FakeFarm) -> FakeFarm:
    """It offers what the workflow asks for, as the recorded object_info already does."""
    return farm


def write_batch(folder: Path, clips=CLIPS, styles=STYLES, **more) -> Path:
    for clip in clips:
        (folder / f"{clip}.mp4").write_bytes(f"clip {clip}".encode())
    told = {"workflow": str(WORKFLOW), "clips": [f"{clip}.mp4" for clip in clips], "styles": list(styles)}
    path = folder / "jobs.yaml"
    path.write_text(json.dumps(told | more))  # JSON is YAML
    return path


def run(path: Path, *farms: FakeFarm, options: tuple = ("--threads", "--no-probe", "--pause", "0.05")) -> int:
    servers = [word for farm in farms for word in ("--server", farm.url)]
    return main(["run", str(path), *servers, *options])


def results(folder: Path) -> set[str]:
    return {path.name for path in (folder / "restyled").glob("*.mp4")}


def wanted(clips=CLIPS, styles=STYLES) -> set[str]:
    return {f"{clip}__{style}.mp4" for clip in clips for style in styles}


def log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "restyled" / "restyle_log.jsonl").read_text().splitlines()]


def events(folder: Path, event: str) -> list[dict]:
    return [line for line in log(folder) if line["event"] == event]


def done_once(folder: Path, count: int) -> None:
    """The log has each style once as done."""
    names = [line["task"] for line in events(folder, "done") if not line["task"].startswith("noise of")]
    assert len(names) == len(set(names)) == count


def test_all_are_made_once_on_both_servers_and_the_second_run_does_nothing(two, tmp_path, capsys):
    path = write_batch(tmp_path)
    for farm in two:
        farm.delay = 0.05
    assert run(path, *two) == 0
    assert results(tmp_path) == wanted()
    done_once(tmp_path, 12)
    kinds = [kind for farm in two for kind in farm.kinds()]
    assert kinds.count("inversion") == 4 and kinds.count("style") == 12
    assert all(farm.prompts for farm in two)
    assert len(list((tmp_path / "restyled" / "noise").iterdir())) == 4
    capsys.readouterr()
    assert run(path, *two) == 0
    assert "All 12 results are there already: nothing to do." in capsys.readouterr().out
    assert sum(len(farm.prompts) for farm in two) == 16


def test_each_result_is_of_its_clip_and_style(two, tmp_path):
    assert run(write_batch(tmp_path), *two) == 0
    for clip in CLIPS:
        for style in STYLES:
            text = (tmp_path / "restyled" / f"{clip}__{style}.mp4").read_text()
            assert f'"text": "{style}"' in text and f'"{clip}.mp4"' in text and f'"{clip}-' in text


def test_more_styles_need_no_more_inversions(two, tmp_path):
    assert run(write_batch(tmp_path), *two) == 0
    assert run(write_batch(tmp_path, styles=(*STYLES, "wool")), *two) == 0
    assert results(tmp_path) == wanted(styles=(*STYLES, "wool"))
    assert [kind for farm in two for kind in farm.kinds()].count("inversion") == 4


def dies_at(farm: FakeFarm, count: int, then=lambda: None) -> threading.Thread:
    """A server that dies while it runs its count-th prompt; a second later something else happens."""

    def wait() -> None:
        until(lambda: len(farm.prompts) >= count and farm.runs)
        farm.die()
        time.sleep(1.0)
        then()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_a_server_that_dies_half_way_costs_nothing_but_time(two, tmp_path):
    path, (first, second) = write_batch(tmp_path), two
    first.delay = second.delay = 0.3
    killer = dies_at(first, 4)
    assert run(path, *two) == 0
    killer.join()
    assert results(tmp_path) == wanted()
    done_once(tmp_path, 12)
    lost = events(tmp_path, "server_lost")
    assert lost and {line["server"] for line in lost} == {first.url}
    assert all(line["given_up"] is False and line["says"] for line in lost)


def test_a_server_that_comes_back_is_used_again(tmp_path):
    with FakeFarm() as second:
        first = FakeFarm()
        port = first.port
        first.delay = second.delay = 0.3
        later: dict[str, FakeFarm] = {}

        def comes_back() -> None:
            until(lambda: events(tmp_path, "server_lost"))  # sooner, nobody may have missed it
            later["farm"] = FakeFarm(port=port)

        killer = dies_at(first, 3, comes_back)
        path = write_batch(tmp_path, styles=(*STYLES, "wool", "tin", "clay"))
        assert run(path, first, second) == 0
        killer.join()
        later["farm"].die()
    assert any(line["server"] == first.url for line in events(tmp_path, "server_lost"))
    assert later["farm"].prompts, "the server that came back got nothing"
    done_once(tmp_path, 24)


def test_a_run_that_fails_is_tried_again_elsewhere(two, tmp_path):
    two[0].errors = ["torch.OutOfMemoryError"] * 2
    assert run(write_batch(tmp_path), *two) == 0
    assert len(events(tmp_path, "failed")) == 2 and results(tmp_path) == wanted()


def test_what_a_node_refuses_is_not_tried_again_and_the_rest_is_made(two, tmp_path, capsys):
    path = write_batch(tmp_path, clips=("walk",))
    two[0].errors = ["", "UnsamplingError"]  # passing, then for good
    two[1].errors = []
    assert run(path, two[0]) == 1
    assert len(events(tmp_path, "refused")) == 1
    missing = wanted(clips=("walk",)) - results(tmp_path)
    assert len(missing) in (1, 3)
    assert f"{len(missing)} of 3 results are missing" in capsys.readouterr().out


def test_what_fails_too_often_is_given_up_and_can_be_run_again(two, tmp_path):
    path = write_batch(tmp_path, clips=("walk",), styles=("ink",))
    two[0].errors = ["OSError"] * 2
    assert run(path, two[0], options=("--threads", "--tries", "2", "--pause", "0.05")) == 75
    assert events(tmp_path, "failed")[-1]["given_up"] is True
    assert run(path, two[0]) == 0


def test_no_server_at_all_means_try_again(tmp_path, capsys):
    path = write_batch(tmp_path)
    code = main(["run", str(path), "--server", "http://127.0.0.1:9", "--threads"])
    said = capsys.readouterr()
    assert code == 75 and said.err.count("\n") == 1 and "does not answer" in said.err


def test_servers_that_vanish_for_good_end_the_run(tmp_path):
    farm = FakeFarm()
    farm.delay = 0.2
    threading.Timer(0.7, farm.die).start()
    path = write_batch(tmp_path)
    assert run(path, farm, options=("--threads", "--patience", "1", "--pause", "0.2")) == 75
    assert events(tmp_path, "end")[-1]["missing"] == 12 - len(results(tmp_path))


def test_what_a_server_lacks_is_named_and_the_others_do_the_work(tmp_path, capsys):
    poor = json.loads(json.dumps(OBJECT_INFO))
    del poor["UNS_CannyEdges"]
    names = poor["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"]
    names[:] = ["COMBO", {"options": ["other.safetensors"]}]
    with FakeFarm() as rich, FakeFarm(object_info=poor) as other:
        assert run(write_batch(tmp_path), other, rich) == 0
        assert not other.prompts
        (line,) = events(tmp_path, "server_lacks")
        assert line["server"] == other.url and len(line["lacks"]) == 2
        assert "the node UNS_CannyEdges" in line["lacks"]
        assert any(
            "v1-5-pruned-emaonly-fp16.safetensors in models/checkpoints" in one for one in line["lacks"]
        )
    with FakeFarm(object_info=poor) as other:
        path = write_batch(tmp_path, styles=("wool",))
        assert run(path, other) == 1
        assert not other.prompts and "lacks" in capsys.readouterr().out


def probed(*farms: FakeFarm, path: Path, more: tuple = ()) -> int:
    return run(path, *farms, options=("--threads", "--pause", "0.05", *more))


def test_equal_bits_are_said_once_and_all_servers_work(two, tmp_path):
    assert probed(*two, path=write_batch(tmp_path)) == 0
    assert len(events(tmp_path, "probe_equal")) == 1 and not events(tmp_path, "probe_differs")
    for farm in two:
        first = farm.prompts[0]["prompt"]
        assert first["5"]["inputs"]["max_frames"] == 1 and "24" not in first
        assert first["restyle-noise"]["inputs"]["noise"] == ["22", 0]


def test_a_server_of_other_bits_is_reported_and_left_out(tmp_path):
    with FakeFarm() as one, FakeFarm() as other, FakeFarm() as third:
        one.sums = "another card"
        assert probed(one, other, third, path=write_batch(tmp_path)) == 0
        assert len(one.prompts) == 1  # the probe alone: the two that agree are more
        (line,) = events(tmp_path, "probe_differs")
        assert line["server"] == one.url
        assert results(tmp_path) == wanted()
        first_work = next(i for i, line in enumerate(log(tmp_path)) if line["event"] == "begun")
        assert log(tmp_path).index(line) < first_work, "reported after results were begun"


def test_mixed_bits_are_used_where_asked_for(two, tmp_path):
    two[1].sums = "another card"
    for farm in two:
        farm.delay = 0.05
    assert probed(*two, path=write_batch(tmp_path), more=("--mix",)) == 0
    assert all(len(farm.prompts) > 2 for farm in two)
    assert "mixed in, as you asked" in events(tmp_path, "probe_differs")[0]["says"]


def test_a_server_that_is_at_other_work_holds_nobody_up(two, tmp_path, monkeypatch):
    """Its probe frame waits behind that work; its bits are compared when it is there."""
    monkeypatch.setattr(driver, "FIRST_S", 0.3)
    two[1].delay = 3.0
    two[0].delay = 0.6
    path = write_batch(tmp_path, clips=("walk", "cat"))
    assert probed(*two, path=path) == 0
    assert results(tmp_path) == wanted(clips=("walk", "cat"))
    told = [(line["event"], line.get("server")) for line in log(tmp_path)]
    assert "has not answered yet" in events(tmp_path, "server_away")[0]["says"]
    assert told.index(("begun", two[0].url)) < told.index(("server_in", two[1].url))
    assert [farm.kinds().count("inversion") for farm in two][1] <= 2  # the probe is sent once


def test_differing_versions_are_said(tmp_path):
    newer = json.loads(json.dumps(OBJECT_INFO))
    newer["UNS_NoiselessResampler"]["input"]["required"]["new_knob"] = ["FLOAT", {"default": 0}]
    newer["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"] = [
        "COMBO",
        {"options": ["v1-5-pruned-emaonly-fp16.safetensors", "more.safetensors"]},
    ]
    with FakeFarm() as one, FakeFarm(object_info=newer) as other:
        assert run(write_batch(tmp_path), one, other) == 0
    (line,) = events(tmp_path, "servers_differ")  # a longer list of files is no difference
    assert "the node UNS_NoiselessResampler" in line["says"]


def test_a_straggler_does_not_hold_the_batch_up(two, tmp_path):
    path = write_batch(tmp_path, clips=("walk",), styles=[f"s{i}" for i in range(8)])
    for farm in two:
        farm.delay = 0.05
    first_style = two[0].made

    def slow(prompt: dict) -> dict:
        two[0].made = first_style
        two[0].slow_first = 60.0  # the next run of this server takes a minute
        return first_style(prompt)

    two[0].made = slow
    began = time.monotonic()
    assert run(path, *two) == 0
    assert time.monotonic() - began < 40
    done_once(tmp_path, 8)
    (copy,) = [line for line in events(tmp_path, "begun") if line["copy"]]
    assert copy["server"] == two[1].url and two[0].interrupted.wait(5)


def started(path: Path, *farms: FakeFarm, more: tuple = ("--threads",)) -> subprocess.Popen:
    servers = [word for farm in farms for word in ("--server", farm.url)]
    command = [sys.executable, str(RESTYLE), "run", str(path), *servers, "--no-probe", *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(what, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_goes_on_where_it_was(two, tmp_path, capsys, sign):
    path = write_batch(tmp_path)
    for farm in two:
        farm.delay = 1.0  # long enough that a busy machine stops it before it is done
    with started(path, *two) as process:
        until(lambda: len(results(tmp_path)) >= 3)
        process.send_signal(sign)
        out, err = process.communicate(timeout=30)
    for farm in two:
        farm.delay = 0.2
    there = len(results(tmp_path))
    assert 3 <= there < 12
    if sign != signal.SIGKILL:
        assert process.returncode == 75 and "the same command makes the rest" in out, err
    assert run(path, *two) == 0
    assert results(tmp_path) == wanted()
    assert f"{12 - there} of 12 results are to be made, {there} are there" in capsys.readouterr().out
    queued = sum(kind == "style" for farm in two for kind in farm.kinds())
    # what was interrupted has to run again; what was killed with its client is taken over, unless that was
    # just about to write down what it had queued
    assert 12 <= queued <= 14
    # a kill leaves what it was writing, one file a server at most, under a name that is no result's
    assert len(list((tmp_path / "restyled").glob(".*.part"))) <= (2 if sign == signal.SIGKILL else 0)


def test_a_result_of_other_settings_stops_the_batch_before_it_begins(two, tmp_path, capsys):
    assert run(write_batch(tmp_path), *two) == 0
    path = write_batch(tmp_path, settings={"22.cfg": 3})
    capsys.readouterr()
    assert run(path, *two) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "was made with other settings" in said
    assert run(path, *two, options=("--threads", "--no-probe", "--again")) == 0
    assert '"cfg": 3' in (tmp_path / "restyled" / "walk__ink.mp4").read_text()


def test_a_result_that_could_not_be_replaced_is_missing(two, tmp_path, capsys):
    assert run(write_batch(tmp_path, clips=("walk",), styles=("ink",)), *two) == 0
    path = write_batch(tmp_path, clips=("walk",), styles=("ink",), settings={"22.cfg": 3})
    two[0].errors = ["UnsamplingError"]
    capsys.readouterr()
    assert run(path, two[0], options=("--threads", "--no-probe", "--again")) == 1
    assert "1 of 1 results are missing" in capsys.readouterr().out
    assert events(tmp_path, "end")[-1]["done"] == 0
    two[0].errors = ["OSError"] * 2
    more = ("--threads", "--no-probe", "--again", "--tries", "2", "--pause", "0.05")
    assert run(path, two[0], options=more) == 75
    assert '"cfg": 3' not in (tmp_path / "restyled" / "walk__ink.mp4").read_text()


def test_the_contact_sheet_has_every_result(two, tmp_path):
    from PIL import Image

    path = write_batch(tmp_path, styles={"ink & <b>": "ink", "oil": {"prompt": "oil"}})
    assert run(path, *two) == 0
    page = (tmp_path / "restyled" / "contact_sheet.html").read_text()
    assert page.count("<video") == 8 and "8 of 8 results" in page and "ink &amp; &lt;b&gt;" in page
    with Image.open(tmp_path / "restyled" / "contact_sheet.png") as sheet:
        assert sheet.width > 2 * 192 and sheet.height > 4 * 192


SWEEP = "clip,prompt,output,workflow\n" + "".join(
    f"walk.mp4,ink,{name}.mp4,{WORKFLOW}\n" for name in ("weak", "strong", "steady")
)


def test_the_contact_sheet_has_results_of_one_clip_and_style(tmp_path):
    for clip in CLIPS:
        (tmp_path / f"{clip}.mp4").write_bytes(clip.encode())
    (tmp_path / "jobs.csv").write_text(SWEEP)
    made = batches.read(tmp_path / "jobs.csv", [])
    made.folder.mkdir()
    for job in made.jobs:
        job.output.write_bytes(b"a film")
    there = {job.output for job in made.jobs}
    page = sheet.write(made, there, "today").read_text()
    assert page.count("<video") == 3 and "3 of 3 results" in page
    page = sheet.write(made, [made.jobs[1].output], "today").read_text()  # the others are of other settings
    assert page.count("<video") == 1 and "1 of 3 results" in page and page.count(": missing") == 2
    assert all(f"<th>ink ({name})</th>" in page for name in ("weak", "strong", "steady"))


def without_pictures(path: Path) -> None:
    """A film of sound alone."""
    with av.open(str(path), "w") as film:
        stream = film.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 44100
        film.mux(stream.encode(frame))
        film.mux(stream.encode(None))


NO_PICTURE = {
    "sound alone": ("a.mp4", without_pictures),
    "no film": ("a.mp4", lambda path: path.write_bytes(b"a film")),
    "a picture cut short": ("a.png", lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")),
    "a folder": ("a.mp4", Path.mkdir),
}


@pytest.mark.parametrize("name", NO_PICTURE)
def test_a_result_that_shows_nothing_spoils_no_contact_sheet(tmp_path, name):
    file, make = NO_PICTURE[name]
    make(tmp_path / file)
    assert sheet.middle(tmp_path / file) is None


def test_a_workflow_without_an_unsampler_runs_whole(two, tmp_path, capsys):
    workflow = json.loads(WORKFLOW.read_text())
    del workflow["18"]
    workflow["22"]["inputs"]["noise"] = ["16", 0]
    (tmp_path / "w.json").write_text(json.dumps(workflow))
    assert run(write_batch(tmp_path, clips=("walk",), workflow="w.json"), *two) == 0
    assert {kind for farm in two for kind in farm.kinds()} == {"whole"}
    assert "0 Exact Unsamplers, so that no inversion is kept" in capsys.readouterr().out


CSV = 'clip,style,prompt,22.cfg\nwalk.mp4,ink,ink drawing,2\ncat.mp4,oil,"oil, thick",3.5\n\n'


def test_a_table_has_a_job_a_row(two, tmp_path):
    write_batch(tmp_path)
    (tmp_path / "jobs.csv").write_text(CSV)
    servers = [
        "--server",
        two[0].url,
        "--threads",
        "--workflow",
        str(WORKFLOW),
        "--output",
        str(tmp_path / "o"),
    ]
    assert main(["run", str(tmp_path / "jobs.csv"), *servers]) == 0
    assert {p.name for p in (tmp_path / "o").glob("*.mp4")} == {"walk__ink.mp4", "cat__oil.mp4"}
    text = (tmp_path / "o" / "cat__oil.mp4").read_text()
    assert '"oil, thick"' in text and '"cfg": 3.5' in text


def test_the_prompt_of_the_whole_batch_is_that_of_styles_without_one(tmp_path):
    styles = {"weak": {"settings": {"22.cfg": 1}}, "own": "ink", "plain": {"negative": "blur"}}
    path = write_batch(tmp_path, prompt="oil")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"styles": styles}))
    found = batches.read(path, []).jobs
    assert {job.style: job.prompt for job in found} == {"weak": "oil", "own": "ink", "plain": "oil"}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_may_come_from_any_spreadsheet(tmp_path, separator, end):
    (tmp_path / "walk.mp4").write_bytes(b"x")
    first, second = ("clip", "prompt", "workflow", "22.cfg"), ("walk.mp4", '"oil, thick; wet"', str(WORKFLOW))
    text = f"{separator.join(first)}{end}{separator.join((*second, '3.5'))}{end}"
    (tmp_path / "jobs.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (job,) = batches.read(tmp_path / "jobs.csv", []).jobs
    assert job.prompt == "oil, thick; wet" and job.settings == {"22.cfg": "3.5"}


@pytest.mark.parametrize(
    "name, content, part",
    [
        ("jobs.txt", "clips: [a]", "a .csv or a .yaml file"),
        ("jobs.yaml", "a: [", "is not YAML"),
        ("jobs.yaml", "", "keys and values"),
        ("jobs.yaml", "- a", "keys and values"),
        ("jobs.yaml", "!!python/object/apply:os.system [ls]", "is not YAML"),
        ("jobs.yaml", "clips: [walk.mp4]\nworkflow: w.json", "styles is empty"),
        ("jobs.yaml", "clips: []\nstyles: [a]\nworkflow: w.json", "clips is []"),
        ("jobs.yaml", "clips: [walk.mp4]\nstyles: [a]", "workflow is missing"),
        ("jobs.yaml", "clips: [none.mp4]\nstyles: [a]\nworkflow: w.json", "there is no file"),
        ("jobs.yaml", "clip: [walk.mp4]\nstyles: [a]", "did you mean clips?"),
        ("jobs.yaml", "clips: [walk.mp4]\nstyles: {a: {promt: b}}\nworkflow: w.json", "did you mean prompt?"),
        ("jobs.yaml", "clips: [walk.mp4]\nstyles: {a: {negative: b}}\nworkflow: w.json", "prompt is missing"),
        ("jobs.yaml", "clips: [walk.mp4]\nstyles: {a: 3}\nworkflow: w.json", "styles: a is 3"),
        ("jobs.yaml", "clips: [walk.mp4, ./walk.mp4]\nstyles: [a]\nworkflow: w.json", "have one name"),
        ("jobs.yaml", "clips: [walk.mp4]\nstyles: [a b, a-b]\nworkflow: w.json", "2 jobs have the output"),
        ("jobs.yaml", "clips: [walk.mp4]\nstyles: [a]\nworkflow: w.json\nservers: 3", "a list of addresses"),
        ("jobs.yaml", "clips: [walk.mp4]\nstyles: [a]\nworkflow: w.json\nservers: ['ftp://a']", "no address"),
        ("jobs.yaml", "clips: [walk.mp4]\nstyles: [a]\nworkflow: w.json\nform: exe", "does not end like"),
        ("jobs.yaml", "clips:\n a: walk.mp4\n a: w.mp4\nstyles: [a]", "a is there 2 times"),
        ("jobs.yaml", "clips: [walk.mp4]\nstyles: [a]\nstyles: [b]", "styles is there 2 times"),
        ("jobs.yaml", "clips: [walk.mp4]\nstyles: {1: a, '1': b}", "1 is there 2 times"),
        ("jobs.csv", "clip,prompt,prompt\nwalk.mp4,ink,oil", "prompt is there 2 times"),
        ("jobs.csv", "", "the column clip is missing"),
        ("jobs.csv", "prompt\nink", "the column clip is missing"),
        ("jobs.csv", "clip,promt\nwalk.mp4,ink", "did you mean prompt?"),
        ("jobs.csv", "clip,prompt\n", "has no job"),
        ("jobs.csv", "clip,prompt\nwalk.mp4,ink,more", "not as many cells"),
        ("jobs.csv", "clip,prompt\nwalk.mp4", "not as many cells"),
        ("jobs.csv", "clip,prompt\nwalk.mp4,ink", "workflow is missing"),
        ("jobs.csv", 'clip,prompt\n"walk.mp4,ink', "no table"),
        ("jobs.csv", "clip,workflow,prompt\nwalk.mp4,w.json,a\nwalk.mp4,w.json,a", "2 jobs have the output"),
        ("jobs.csv", "clip,workflow,output\nwalk.mp4,w.json,../walk.mp4", "the same file as clip"),
    ],
)
def test_a_bad_list_of_jobs_is_one_sentence(tmp_path, capsys, name, content, part):
    (tmp_path / "walk.mp4").write_bytes(b"x")
    (tmp_path / "w.json").write_bytes(WORKFLOW.read_bytes())
    (tmp_path / name).write_text(content)
    assert main(["run", str(tmp_path / name), "--server", "http://127.0.0.1:9", "--threads"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and part in said, said
    assert not (tmp_path / "restyled").exists()


def test_a_log_that_was_cut_off_is_gone_on_with(two, tmp_path):
    assert run(write_batch(tmp_path, clips=("walk",)), *two) == 0
    file = tmp_path / "restyled" / "restyle_log.jsonl"
    file.write_bytes(file.read_bytes() + b'{"time": "20')
    assert run(write_batch(tmp_path), *two) == 0
    bad = [line for line in file.read_text().splitlines() if not line.endswith("}")]
    assert bad == ['{"time": "20']


def test_threads_serve_where_there_is_no_ray(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    pool, words = pools.chosen(None, False, 2)
    assert isinstance(pool, pools.Threads) and "since Ray is not installed" in words
    with pytest.raises(Exception, match="pip install ray"):
        pools.Ray(None, 1)


def test_rays_clusters_are_refused_on_windows(monkeypatch):
    monkeypatch.setattr(pools.sys, "platform", "win32")
    with pytest.raises(Exception, match="Ray's clusters are Linux"):
        pools.chosen("auto", False, 2)
    assert isinstance(pools.chosen(None, False, 2)[0], pools.Threads)

"""The command as a user runs it, from the file to the exit code, against a fake server."""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
from pathlib import Path

import pytest
from fake_comfy import PROMPT_ID, FakeComfy
from small_graphs import INFO, graph, node, recorded

from tools import queue_workflow
from tools.client.errors import RefusedError
from tools.client.graph_to_prompt import graph_to_prompt
from tools.client.refusals import explained

ITEM = {"filename": "a.mp4", "subfolder": "video", "type": "output"}
OUTPUTS = {"5": {"images": [ITEM], "animated": [True]}}


def finish(fake: FakeComfy) -> None:
    fake.files[("a.mp4", "video", "output")] = b"film"
    fake.event("execution_cached", nodes=["1", "2"])
    fake.steps("4", 3)
    fake.preview()
    fake.end(OUTPUTS)


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    path = tmp_path / "my workflow.json"
    path.write_text(json.dumps(recorded("video_auto")[0]))
    return path


def command(fake: FakeComfy, workflow: Path, *options: str) -> int:
    return queue_workflow.main(
        [str(workflow), "--server", fake.url, "--output", str(workflow.parent / "out"), *options]
    )


def test_from_the_clip_to_the_film(workflow, tmp_path, capsys):
    (tmp_path / "my=clip.mp4").write_bytes(b"clip")
    with FakeComfy(finish, INFO) as fake:
        assert (
            command(fake, workflow, "--video", str(tmp_path / "my=clip.mp4"), "--set", "CreateVideo.fps=12")
            == 0
        )
        prompt = fake.prompts[0]["prompt"]
        assert fake.uploads == {"my=clip.mp4": b"clip"}
    assert (prompt["1"]["inputs"]["file"], prompt["4"]["inputs"]["fps"]) == ("my=clip.mp4", 12)
    carried = fake.prompts[0]["extra_data"]["extra_pnginfo"]["workflow"]
    assert graph_to_prompt(carried, INFO) == prompt
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'out' / 'a.mp4'}\n" and (tmp_path / "out" / "a.mp4").read_bytes() == b"film"
    assert err.splitlines() == [
        "2 nodes unchanged since the last run",
        "Create Video",
        "Create Video 3/3 0:00",
    ]


def test_an_unedited_workflow_travels_along_and_an_api_prompt_as_it_is(workflow):
    with FakeComfy(finish, INFO) as fake:
        assert command(fake, workflow) == 0
        workflow.write_text(json.dumps(recorded("video_auto")[1]))
        assert command(fake, workflow) == 0
    first, second = fake.prompts
    assert first["prompt"] == second["prompt"] == recorded("video_auto")[1]
    assert first["extra_data"] == {"extra_pnginfo": {"workflow": recorded("video_auto")[0]}}
    assert second["extra_data"] == {}


VHS_INPUTS = {"video": ["STRING", {"vhs_path_extensions": ["mp4"]}], "force_rate": ["FLOAT", {"default": 0}]}
VHS_INFO = INFO | {
    kind: {"input": {"required": VHS_INPUTS | ({} if "Path" in kind else {"video": [["old.mp4"]]})}}
    for kind in ("VHS_LoadVideoPath", "VHS_LoadVideo", "VHS_LoadVideoFFmpegPath", "VHS_LoadVideoFFmpeg")
}


@pytest.mark.parametrize("kind", ["VHS_LoadVideoPath", "VHS_LoadVideoFFmpegPath"])
@pytest.mark.parametrize("values", [{"video": "X://a.mp4", "force_rate": 8}, ["X://a.mp4", 8]])
def test_a_clip_for_a_loader_of_paths_goes_to_its_packs_loader_of_uploads(workflow, tmp_path, kind, values):
    (tmp_path / "clip.mp4").write_bytes(b"clip")
    loader = node(1, kind, values, outputs=["IMAGE"], title="Source")
    save = node(9, "SaveImage", ["x"], {"images": ("IMAGE", 1)})
    workflow.write_text(json.dumps(graph(loader, save, links=[(1, 1, 0, 9, 0, "IMAGE")])))
    with FakeComfy(finish, VHS_INFO) as fake:
        assert command(fake, workflow, "--video", f"Source={tmp_path / 'clip.mp4'}") == 0
    prompt = fake.prompts[0]["prompt"]
    assert fake.uploads == {"clip.mp4": b"clip"} and prompt["1"]["class_type"] == kind.replace("Path", "")
    assert prompt["1"]["inputs"] == {"video": "clip.mp4", "force_rate": 8}
    carried = fake.prompts[0]["extra_data"]["extra_pnginfo"]["workflow"]
    assert graph_to_prompt(carried, VHS_INFO) == prompt


@pytest.mark.parametrize(
    "name, set_",
    [
        ("sampling", "KSampler.steps=9"),
        ("animatediff", "RandomNoise.noise_seed=123"),
        ("animatediff", "KSamplerAdvanced.cfg=2.5"),
        ("video_auto", "SaveVideo.filename_prefix=other"),
        ("video_reencode", "CreateVideo.fps=9"),
    ],
)
def test_a_result_queued_with_edits_carries_the_edited_workflow(workflow, name, set_):
    saved, _ = recorded(name)
    workflow.write_text(json.dumps(saved))
    with FakeComfy(finish, INFO) as fake:
        assert command(fake, workflow, "--set", set_) == 0
    carried = fake.prompts[0]["extra_data"]["extra_pnginfo"]["workflow"]
    assert graph_to_prompt(carried, INFO) == fake.prompts[0]["prompt"] != graph_to_prompt(saved, INFO)
    assert len(carried["nodes"]) == len(saved["nodes"])


def test_an_edit_of_a_linked_value_cuts_the_link_in_the_carried_workflow(workflow):
    saved = graph(
        node(1, "PrimitiveNode", [96, "fixed"], outputs=["INT"]),
        node(2, "EmptyLatentImage", [512, 320, 4], {"width": ("INT", 1, "w"), "height": ("INT", 2, "w")}),
        links=[(1, 1, 0, 2, 0, "INT"), (2, 1, 0, 2, 1, "INT")],
    )
    saved["nodes"][0]["outputs"][0]["links"] = [1, 2]
    workflow.write_text(json.dumps(saved))
    with FakeComfy(finish, INFO) as fake:
        assert command(fake, workflow, "--set", "2.width=64") == 0
    carried = fake.prompts[0]["extra_data"]["extra_pnginfo"]["workflow"]
    assert carried["nodes"][0]["outputs"][0]["links"] == [2] and len(carried["links"]) == 1
    inputs = graph_to_prompt(carried, INFO)["2"]["inputs"]
    assert inputs == {"width": 64, "height": 96, "batch_size": 4} == fake.prompts[0]["prompt"]["2"]["inputs"]


def test_an_edit_inside_a_subgraph_is_queued_and_the_old_workflow_is_not_passed_off(workflow, capsys):
    workflow.write_text(json.dumps(recorded("subgraph")[0]))
    with FakeComfy(finish, INFO) as fake:
        assert command(fake, workflow, "--set", "4:5:3.amount=3") == 0
        assert command(fake, workflow, "--set", "SaveImage.filename_prefix=y") == 0
    assert fake.prompts[0]["prompt"]["4:5:3"]["inputs"]["amount"] == 3 and not fake.prompts[0]["extra_data"]
    assert "carry their prompt but no workflow" in capsys.readouterr().err
    carried = fake.prompts[1]["extra_data"]["extra_pnginfo"]["workflow"]
    assert graph_to_prompt(carried, INFO) == fake.prompts[1]["prompt"]


def test_the_body_of_a_request_brings_its_workflow_along(workflow):
    saved, prompt = recorded("video_auto")
    body = {"prompt": prompt, "client_id": "x", "extra_data": {"extra_pnginfo": {"workflow": saved}}}
    workflow.write_text(json.dumps(body))
    with FakeComfy(finish, INFO) as fake:
        assert command(fake, workflow) == 0
        assert command(fake, workflow, "--set", "CreateVideo.fps=9") == 0
    first, second = fake.prompts
    assert first["prompt"] == prompt and first["extra_data"]["extra_pnginfo"]["workflow"] == saved
    assert second["prompt"]["4"]["inputs"]["fps"] == 9
    assert graph_to_prompt(second["extra_data"]["extra_pnginfo"]["workflow"], INFO) == second["prompt"]


def test_overwrite(workflow, tmp_path, capsys):
    with FakeComfy(finish, INFO) as fake:
        assert [command(fake, workflow), command(fake, workflow), command(fake, workflow, "--overwrite")] == [
            0,
            0,
            0,
        ]
    names = [Path(line).name for line in capsys.readouterr().out.splitlines()]
    assert names == ["a.mp4", "a (1).mp4", "a.mp4"]


def test_a_file_for_a_node_by_name(workflow, tmp_path):
    (tmp_path / "b.png").write_bytes(b"picture")
    nodes = [
        node(i, "LoadImage", ["x.png", "image"], outputs=["IMAGE"], title=f"Picture {i}") for i in (1, 2)
    ]
    workflow.write_text(json.dumps(graph(*nodes)))
    with FakeComfy(finish, INFO) as fake:
        assert command(fake, workflow, "--image", str(tmp_path / "b.png")) == 1
        assert command(fake, workflow, "--image", f"Picture 2={tmp_path / 'b.png'}") == 0
    assert [n["inputs"]["image"] for n in fake.prompts[0]["prompt"].values()] == ["x.png", "b.png"]


def test_a_clip_and_its_mask_go_to_their_loaders(tmp_path):
    """The clip needs no name: it is what is unsampled. Files of one name are two uploads."""
    data = Path(__file__).parents[1] / "data" / "object_info.json"
    template = Path(__file__).parents[2] / "api" / "unsampling_masked_sd15.json"
    for name in ("walk.mp4", "white.mp4"):
        (tmp_path / name).write_bytes(name.encode())
    clip, mask = ("--video", str(tmp_path / "walk.mp4")), f"Load Video (mask)={tmp_path / 'white.mp4'}"
    info = json.loads(data.read_text())
    with FakeComfy(finish, info) as fake:
        out = ("--server", fake.url, "--output", str(tmp_path / "out"))
        assert queue_workflow.main([str(template), *out, *clip, "--video", mask]) == 0
        assert queue_workflow.main([str(template), *out, *clip]) == 0
    both, alone = ([one["prompt"][node]["inputs"]["file"] for node in ("2", "5")] for one in fake.prompts)
    assert both == ["walk.mp4", "white.mp4"] and alone == ["walk.mp4", "your_mask.mp4"]


def test_two_files_for_one_loader_are_refused(workflow, tmp_path, capsys):
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"clip")
    given = [part for name in ("a.mp4", "b.mp4") for part in ("--video", str(tmp_path / name))]
    with FakeComfy(finish, INFO) as fake:
        assert command(fake, workflow, *given) == 1
    assert fake.uploads == {} and error_of(capsys).endswith(
        'is given two files: name the node of each, as --video "ID=FILE" or --image "ID=FILE".'
    )


def test_dry_run_prints_the_prompt_and_touches_nothing(workflow, tmp_path, capsys):
    (tmp_path / "c.mp4").write_bytes(b"clip")
    with FakeComfy(finish, INFO) as fake:
        assert command(fake, workflow, "--dry-run", "--video", str(tmp_path / "c.mp4")) == 0
        assert (fake.prompts, fake.uploads) == ([], {})
    assert json.loads(capsys.readouterr().out)["1"]["inputs"]["file"] == "c.mp4"


def error_of(capsys) -> str:
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: ")
    return last.removeprefix("error: ")


@pytest.mark.parametrize(
    "text, said", [("{", "is not JSON"), ("[]", "neither a saved workflow nor"), ("{}", "neither")]
)
def test_files_that_are_no_workflow(workflow, capsys, text, said):
    workflow.write_text(text)
    with FakeComfy(finish, INFO) as fake:
        assert command(fake, workflow) == 1
    assert said in error_of(capsys) and fake.prompts == []


def test_a_file_that_is_not_there(workflow, capsys):
    with FakeComfy(finish, INFO) as fake:
        assert command(fake, workflow, "--video", "nowhere.mp4") == 1
        assert "There is no file nowhere.mp4" in error_of(capsys)
        workflow.unlink()
        assert command(fake, workflow) == 1
    assert "cannot be read (No such file or directory)" in error_of(capsys)


def test_a_bad_edit_stops_before_anything_is_uploaded(workflow, tmp_path, capsys):
    (tmp_path / "c.mp4").write_bytes(b"clip")
    with FakeComfy(finish, INFO) as fake:
        assert (
            command(fake, workflow, "--video", str(tmp_path / "c.mp4"), "--set", "CreateVideo.fps=fast") == 1
        )
        assert (fake.prompts, fake.uploads) == ([], {})
    assert "fast does not fit fps of 'Create Video' (node 4, CreateVideo)" in error_of(capsys)


def test_usage_errors_end_with_2(capsys):
    with pytest.raises(SystemExit) as caught:
        queue_workflow.main(["x.json", "--nonsense"])
    assert caught.value.code == 2


def test_a_refused_prompt(workflow, capsys):
    errors = [
        {
            "type": "required_input_missing",
            "message": "Required input is missing",
            "details": "images",
            "extra_info": {"input_name": "images"},
        }
    ]
    with FakeComfy(finish, INFO) as fake:
        fake.refusal = {"error": {}, "node_errors": {"4": {"errors": errors, "class_type": "CreateVideo"}}}
        assert command(fake, workflow) == 1
    assert error_of(capsys) == (
        "The server refuses the workflow: Input images of 'Create Video' (node 4, CreateVideo) is "
        "not connected."
    )


def test_outputs_the_server_leaves_out_are_told(workflow, capsys):
    errors = [
        {
            "type": "value_smaller_than_min",
            "message": "Value 0 smaller than min of 1",
            "details": "fps",
            "extra_info": {"input_name": "fps"},
        }
    ]
    with FakeComfy(finish, INFO) as fake:
        fake.node_errors = {"4": {"errors": errors}}
        assert command(fake, workflow) == 0
    assert capsys.readouterr().err.splitlines()[0] == (
        "warning: an output is left out. Input fps of 'Create Video' (node "
        "4, CreateVideo): Value 0 smaller than min of 1."
    )


def test_a_node_that_fails_is_named_by_its_title(workflow, capsys):
    def script(fake):
        fake.event("execution_error", node_id="4", node_type="CreateVideo", exception_message="no frames\n")

    with FakeComfy(script, INFO) as fake:
        assert command(fake, workflow) == 1
    assert error_of(capsys) == "The run failed in 'Create Video' (node 4, CreateVideo): no frames"


def test_a_server_that_dies_is_named_with_node_and_step(workflow, capsys):
    def script(fake):
        fake.steps("4", 30, upto=11)
        fake.die()

    with FakeComfy(script, INFO) as fake:
        assert command(fake, workflow, "--reconnect", "0") == 1
    assert "at 'Create Video' (node 4, CreateVideo), step 11 of 30, and did not come back" in error_of(capsys)


def test_a_run_without_files(workflow, capsys):
    with FakeComfy(lambda fake: fake.end(), INFO) as fake:
        assert command(fake, workflow) == 1
    assert "saved nothing: add a Save Image or Save Video node" in error_of(capsys)


def test_a_missing_node_is_found_before_anything_is_queued(workflow, capsys):
    without = {kind: info for kind, info in INFO.items() if kind != "CreateVideo"}
    with FakeComfy(finish, without) as fake:
        assert command(fake, workflow) == 1
    assert "lacks these node types: CreateVideo" in error_of(capsys) and fake.prompts == []


@pytest.fixture
def ctrl_c():
    """Ctrl-C raises KeyboardInterrupt, as for a user; a suite run in the background begins ignoring it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_stops_the_run_on_the_server(workflow, capsys, ctrl_c):
    def script(fake):
        fake.steps("4", 30, upto=2)
        os.kill(os.getpid(), signal.SIGINT)

    with FakeComfy(script, INFO) as fake:
        assert command(fake, workflow) == 130
        assert (fake.interrupts, fake.deleted) == ([{"prompt_id": PROMPT_ID}], [PROMPT_ID])
    assert capsys.readouterr().err.endswith("Interrupted: the run on the server was told to stop.\n")


def test_the_file_runs_from_anywhere(workflow, monkeypatch, capsys):
    script = Path(queue_workflow.__file__)
    monkeypatch.chdir(workflow.parent)
    with FakeComfy(finish, INFO) as fake:
        monkeypatch.setattr(sys, "path", [str(script.parent), *sys.path])
        monkeypatch.setattr(sys, "argv", [str(script), workflow.name, "--server", fake.url])
        with pytest.raises(SystemExit) as caught:
            runpy.run_path(str(script), run_name="__main__")
        assert Path(sys.path[0]) == script.parent.parent.resolve()
    assert caught.value.code == 0 and (workflow.parent / "a.mp4").exists()


def refusal(kind: str, name: str, value: object = None, details: str = "") -> RefusedError:
    error = {
        "type": kind,
        "message": "Value not in list",
        "details": details,
        "extra_info": {"input_name": name, "received_value": value},
    }
    return RefusedError("x", {}, {"7": {"errors": [error], "class_type": "?"}})


def told(class_type: str, refused: RefusedError, workflow: dict | None = None) -> str:
    return explained(refused, {"7": {"class_type": class_type, "inputs": {}}}, workflow or {})


@pytest.mark.parametrize(
    "kind, name, folder",
    [
        ("CheckpointLoaderSimple", "ckpt_name", "checkpoints"),
        ("ADE_LoadAnimateDiffModel", "model_name", "animatediff_models"),
        ("UpscaleModelLoader", "model_name", "upscale_models"),
        ("ControlNetLoader", "control_net_name", "controlnet"),
    ],
)
def test_a_missing_model_says_where_to_put_it(kind, name, folder):
    assert told(kind, refusal("value_not_in_list", name, "a.safetensors")).endswith(
        f"needs {name} a.safetensors, which the server lacks: put the file into models/{folder}."
    )


def test_the_workflows_own_word_on_a_model_comes_first():
    model = {"name": "a.ckpt", "url": "https://example.org/a.ckpt", "directory": "odd"}
    workflow = graph(node(1, "X", properties={"models": [{"name": "b"}, model]}))
    said = told("CheckpointLoaderSimple", refusal("value_not_in_list", "ckpt_name", "a.ckpt"), workflow)
    assert said.endswith("put the file (from https://example.org/a.ckpt) into models/odd.")


def test_a_missing_clip_says_which_option_helps():
    said = told(
        "LoadVideo", refusal("custom_validation_failed", "file", details="file - Invalid video file: x.mp4")
    )
    assert "Invalid video file: x.mp4; give a file of yours with --video." in said


def test_of_several_loaders_the_one_that_lacks_its_file_is_named():
    prompt = {
        id: {"class_type": kind, "inputs": {}} for id, kind in (("7", "LoadVideo"), ("9", "VHS_LoadVideo"))
    }
    details = "file - Invalid video file: your_mask.mp4"
    refused = refusal("custom_validation_failed", "file", details=details)
    assert 'your_mask.mp4; give a file of yours with --video "7=FILE".' in explained(refused, prompt, {})


def test_several_refusals_stand_on_lines_of_their_own():
    refused = refusal("required_input_missing", "a")
    refused.node_errors["7"]["errors"].append({"type": "required_input_missing", "details": "b"})
    assert told("X", refused).splitlines() == [
        "The server refuses the workflow:",
        "  Input a of 'X' (node 7) is not connected.",
        "  Input b of 'X' (node 7) is not connected.",
    ]


def test_any_other_choice_shows_what_the_server_said():
    said = told(
        "KSampler", refusal("value_not_in_list", "scheduler", "x", "scheduler: 'x' not in ['normal']")
    )
    assert said.endswith("the server does not offer 'x' (scheduler: 'x' not in ['normal']).")


@pytest.mark.parametrize(
    "kind, said",
    [
        ("prompt_no_outputs", "no running node that saves"),
        ("missing_node_type", "Install its pack"),
        ("other", "Server words"),
    ],
)
def test_refusals_without_a_node(kind, said):
    assert said in explained(RefusedError("x", {"type": kind, "message": "Server words"}), {}, {})

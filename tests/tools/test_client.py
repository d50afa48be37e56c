"""The client against a fake server: every way a run can go, and the files that come out."""

from __future__ import annotations

import socket
import threading

import pytest
from fake_comfy import PROMPT_ID, FakeComfy

from tools.client import (
    Client,
    ClientError,
    InterruptedRun,
    RefusedError,
    RunError,
    ServerAway,
    ServerDied,
)
from tools.client.http import Http, Transfer

PROMPT = {"3": {"class_type": "KSampler", "inputs": {}}}
IMAGE = {"filename": "a.png", "subfolder": "", "type": "output"}


def client_of(fake: FakeComfy, **options) -> Client:
    return Client(fake.url, **({"timeout": 5, "reconnect_s": 2, "idle_s": 0.3} | options))


def run(fake: FakeComfy, on_event=None, timeout=None, names=None, **options) -> dict:
    with client_of(fake, **options) as client:
        return client.wait(client.queue(PROMPT), on_event, timeout, names)


def test_a_run_is_followed_to_its_history_entry():
    def script(fake):
        fake.event("execution_cached", nodes=["1"])
        fake.steps("3", 4)
        fake.preview()
        fake.event("executing", node="9", prompt_id="somebody-elses")
        fake.end({"9": {"images": [IMAGE]}})

    events = []
    with FakeComfy(script) as fake:
        entry = run(fake, lambda kind, data: events.append((kind, data)))
        assert fake.prompts[0]["prompt"] == PROMPT and fake.prompts[0]["client_id"]
        assert client_of(fake).outputs(entry) == [IMAGE | {"node": "9"}]
    assert [data["image"][:4] for kind, data in events if kind == "preview"] == [b"\xff\xd8\xff\xd8"]
    places = [data for kind, data in events if kind == "position"]
    assert places == [{"node": "3", "value": None, "max": None}] + [
        {"node": "3", "value": v, "max": 4} for v in (1, 2, 3, 4)
    ]


def test_progress_inside_an_expanded_node_is_shown_at_the_node_on_screen():
    def script(fake):
        fake.event("executing", node="3.0.1", display_node="3")
        fake.event("progress", node="3.0.1", value=2, max=5)
        fake.end()

    events = []
    with FakeComfy(script) as fake:
        run(fake, lambda kind, data: events.append(data) if kind == "position" else None)
    assert [e["node"] for e in events] == ["3", "3"]


def test_a_run_that_ended_before_anybody_listened_is_found_in_the_history():
    with FakeComfy() as fake:
        client = client_of(fake)
        prompt_id = client.queue(PROMPT)
        fake.finish({"9": {"images": [IMAGE]}})
        assert client.wait(prompt_id)["outputs"]
        client.close()


@pytest.mark.parametrize("late_s", [0.0, 0.2], ids=["heard before", "heard after"])
def test_a_run_that_ends_before_it_is_asked_for_is_heard_all_the_same(late_s):
    """A quick run on a busy machine: its pictures came, or still come, though the history has it already."""
    events = []
    with FakeComfy() as fake, client_of(fake, idle_s=2) as client:
        prompt_id = client.queue(PROMPT)
        assert fake.connected.wait(5)

        def tell():
            fake.steps("3", 2)
            fake.preview()
            fake.event("executing", node=None)

        fake.finish({"9": {"images": [IMAGE]}})
        teller = threading.Timer(late_s, tell)
        teller.start()
        if not late_s:
            teller.join()
        entry = client.wait(prompt_id, lambda kind, data: events.append(kind))
        teller.join()
        assert client.outputs(entry) == [IMAGE | {"node": "9"}]
        assert events.count("preview") == 1 and events.count("position") == 3
        assert client.wait(prompt_id) == entry  # and once more, at once


def test_a_server_that_hangs_up_after_the_end_has_told_the_result():
    with FakeComfy() as fake, client_of(fake, idle_s=2) as client:
        prompt_id = client.queue(PROMPT)
        assert fake.connected.wait(5)
        fake.finish({"9": {"images": [IMAGE]}})
        fake.hang_up()
        assert client.wait(prompt_id)["outputs"]


def test_a_silent_server_is_asked_for_the_result():
    with FakeComfy(lambda fake: fake.finish()) as fake:
        assert run(fake, idle_s=0.05)["status"]["completed"]


def test_an_execution_error_names_node_and_reason():
    def script(fake):
        fake.steps("3", 20, upto=7)
        fake.event(
            "execution_error",
            node_id="3",
            node_type="KSampler",
            exception_type="ValueError",
            exception_message="shapes differ\n",
            traceback=["line"],
        )

    with FakeComfy(script) as fake, pytest.raises(RunError, match=r"in 'Style': shapes differ$") as caught:
        run(fake, names={"3": "'Style'"})
    error = caught.value
    assert (error.node, error.node_type, error.exception_message) == ("3", "KSampler", "shapes differ")
    assert (error.position.value, error.traceback, error.exception_type) == (7, ["line"], "ValueError")


def test_an_execution_error_found_in_the_history_is_the_same_error():
    messages = [
        ["execution_start", {}],
        ["execution_error", {"node_id": "3", "node_type": "KSampler", "exception_message": "out of memory"}],
    ]
    status = {"status_str": "error", "completed": False, "messages": messages}
    with (
        FakeComfy(lambda fake: fake.finish(status=status)) as fake,
        pytest.raises(RunError, match=r"node 3 \(KSampler\): out of memory"),
    ):
        run(fake, idle_s=0.05)


def test_an_interruption_says_where():
    def script(fake):
        fake.steps("3", 20, upto=2)
        fake.event("execution_interrupted", node_id="3", node_type="KSampler")

    with FakeComfy(script) as fake, pytest.raises(InterruptedRun, match="at node 3, step 2 of 20"):
        run(fake)


def test_a_server_that_dies_half_way_is_named_with_node_and_step():
    def script(fake):
        fake.steps("3", 20, upto=12)
        fake.die()

    with (
        FakeComfy(script) as fake,
        pytest.raises(ServerDied, match=r"at node 3, step 12 of 20.*within 0.6 s") as caught,
    ):
        run(fake, reconnect_s=0.6)
    assert (caught.value.node, caught.value.position.value) == ("3", 12)


def test_a_lost_websocket_is_opened_again_and_the_run_goes_on():
    def script(fake):
        fake.steps("3", 20, upto=5)
        fake.hang_up()
        fake.reconnected()
        fake.steps("4", 2)
        fake.end({"9": {"images": [IMAGE]}})

    kinds = []
    with FakeComfy(script) as fake:
        entry = run(fake, lambda kind, data: kinds.append(kind))
        assert fake.connections == 2
    assert entry["outputs"] and kinds.count("lost") == 1


def test_a_run_that_ends_while_the_websocket_is_down_is_found():
    def script(fake):
        fake.steps("3", 20, upto=5)
        fake.finish({"9": {"images": [IMAGE]}})
        fake.hang_up()

    with FakeComfy(script) as fake:
        assert run(fake)["outputs"]


def test_a_server_that_restarts_has_forgotten_the_run():
    def script(fake):
        fake.steps("3", 20, upto=5)
        fake.running = False
        fake.hang_up()

    with (
        FakeComfy(script) as fake,
        pytest.raises(ServerDied, match="restarted during the run, at node 3, step 5 of 20"),
    ):
        run(fake)


def test_a_run_that_ends_between_two_questions_is_found(monkeypatch):
    with FakeComfy() as fake, client_of(fake) as client:
        prompt_id = client.queue(PROMPT)
        monkeypatch.setattr(
            client, "in_queue", lambda prompt_id: bool(fake.finish({"9": {"images": [IMAGE]}}))
        )
        assert client.wait(prompt_id)["outputs"]


def test_a_run_somebody_took_out_of_the_queue_ends():
    def script(fake):
        fake.running = False

    with FakeComfy(script) as fake, pytest.raises(InterruptedRun, match="neither in the server's queue"):
        run(fake, idle_s=0.05)


def test_a_timeout_says_how_far_the_run_is():
    with (
        FakeComfy(lambda fake: fake.steps("3", 20, upto=5)) as fake,
        pytest.raises(RunError, match=r"within 0.3 s; it is at node 3, step 5 of 20"),
    ):
        run(fake, timeout=0.3)


def test_a_refused_prompt_carries_the_servers_words():
    errors = {
        "3": {"class_type": "KSampler", "errors": [{"message": "Value not in list", "details": "x: 'a'"}]}
    }
    with FakeComfy() as fake:
        fake.refusal = {
            "error": {"type": "prompt_outputs_failed_validation", "message": "bad"},
            "node_errors": errors,
        }
        with pytest.raises(RefusedError, match=r"node 3 \(KSampler\): Value not in list: x: 'a'") as caught:
            run(fake)
    assert caught.value.node_errors == errors and caught.value.error["message"] == "bad"


def test_a_refusal_without_nodes_still_has_a_reason():
    with FakeComfy() as fake:
        fake.refusal = {"error": {"message": "Prompt has no outputs"}, "node_errors": []}
        with pytest.raises(RefusedError, match="Prompt has no outputs") as caught:
            run(fake)
    assert caught.value.node_errors == {}


def test_a_server_that_is_away():
    with FakeComfy() as fake:
        client = client_of(fake)
    with pytest.raises(ServerAway, match=r"127\.0\.0\.1:\d+ does not answer .*start ComfyUI"):
        client.object_info()
    with pytest.raises(ServerAway, match="opens no websocket"):
        client.queue(PROMPT)


def test_something_else_answers():
    with FakeComfy() as fake:
        fake.html = True
        with pytest.raises(ServerAway, match="not as ComfyUI does"):
            client_of(fake).object_info()


@pytest.mark.parametrize(
    "url, base",
    [
        ("127.0.0.1:8188", "http://127.0.0.1:8188"),
        ("http://h/", "http://h"),
        ("https://h:1/comfy/?x", "https://h:1/comfy"),
    ],
)
def test_addresses(url, base):
    assert Client(url).url == base


@pytest.mark.parametrize("url", ["ftp://h", "http://", "http://:80"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ClientError, match="is not one like"):
        Client(url)


def test_upload_sends_the_bytes_and_gives_the_servers_name(tmp_path):
    data = bytes(range(256)) * 9000  # more than one chunk, with newlines and dashes in it
    (tmp_path / "cl\u00efp one.mp4").write_bytes(data)
    with FakeComfy() as fake:
        name = client_of(fake).upload(tmp_path / "cl\u00efp one.mp4")
        assert fake.uploads == {name: data} and name == "cl\u00efp one.mp4"


def test_an_upload_the_server_does_not_take(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"x")
    with FakeComfy() as fake:
        fake.full = True
        with pytest.raises(
            ClientError, match=r"refuses the upload of .*a\.mp4 as too large: raise .*--max-upload"
        ):
            client_of(fake).upload(tmp_path / "a.mp4")


def test_a_server_that_leaves_during_an_upload(tmp_path):
    (tmp_path / "a.mp4").write_bytes(bytes(20_000_000))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
        client = Client(f"127.0.0.1:{listener.getsockname()[1]}", timeout=5)
        with pytest.raises(
            ServerAway, match=r"closed the connection during the upload of .*--max-upload-size"
        ):
            client.upload(tmp_path / "a.mp4")


@pytest.mark.parametrize("what", ["the upload of a.mp4", "THE UPLOAD OF A.MP4"])
def test_the_words_for_an_upload_do_not_decide_its_cure(what):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
        http = Http(f"127.0.0.1:{listener.getsockname()[1]}", timeout=5)
        with pytest.raises(ServerAway, match=rf"closed the connection during {what}: .*--max-upload-size"):
            http.read("POST", "/upload/image", bytes(20_000_000), what=what, transfer=Transfer.UPLOAD)


@pytest.mark.parametrize("what", ["output a.png", "OUTPUT A.PNG"])
def test_the_words_for_an_output_do_not_decide_its_cure(what):
    path = "/view?filename=a.png&subfolder=&type=output"
    with FakeComfy() as fake, pytest.raises(ClientError, match=f"lists {what} but no longer has the file"):
        Http(fake.url, timeout=5).read("GET", path, what=what, transfer=Transfer.OUTPUT)


@pytest.mark.parametrize("what", ["", "the prompt", "THE PROMPT"])
def test_the_words_for_a_prompt_do_not_decide_its_cure(what):
    with FakeComfy() as fake:
        fake.refusal = {"error": {"message": "no"}, "node_errors": {}}
        with pytest.raises(RefusedError, match="The server refuses the workflow: no"):
            Http(fake.url, timeout=5).read("POST", "/prompt", b"{}", what=what)


def test_interrupt_names_the_run_only():
    with FakeComfy() as fake:
        client_of(fake).interrupt(PROMPT_ID)
        assert (fake.interrupts, fake.deleted) == ([{"prompt_id": PROMPT_ID}], [PROMPT_ID])


def test_outputs_lists_every_kind_of_file_once():
    files = [{"filename": f"{i}.x", "subfolder": "s", "type": "temp"} for i in range(4)]
    entry = {
        "outputs": {
            "1": {"images": files[:2], "animated": [True], "text": ["a.png"]},
            "2": {"gifs": [files[2] | {"fullpath": "/x"}], "audio": [files[3], files[0]], "n": 3},
        }
    }
    with FakeComfy() as fake:
        found = client_of(fake).outputs(entry)
    assert [f["filename"] for f in found] == ["0.x", "1.x", "2.x", "3.x"]
    assert [f["node"] for f in found] == ["1", "1", "2", "2"]


def served(fake: FakeComfy, name: str = "a.png", data: bytes = b"data", subfolder: str = "") -> dict:
    fake.files[(name, subfolder, "output")] = data
    return {"filename": name, "subfolder": subfolder, "type": "output"}


def test_download_never_overwrites_unless_told(tmp_path):
    (tmp_path / "a.png").write_bytes(b"mine")
    with FakeComfy() as fake:
        client, item = client_of(fake), served(fake, subfolder="sub dir")
        first, second = client.download(item, tmp_path), client.download(item, tmp_path)
        assert [first.name, second.name] == ["a (1).png", "a (2).png"]
        assert (tmp_path / "a.png").read_bytes() == b"mine" and second.read_bytes() == b"data"
        assert client.download(item, tmp_path, overwrite=True).read_bytes() == b"data"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a (1).png", "a (2).png", "a.png"]


def test_downloads_at_the_same_time_get_names_of_their_own(tmp_path):
    with FakeComfy() as fake:
        item, client = served(fake), client_of(fake)
        threads = [threading.Thread(target=client.download, args=(item, tmp_path)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(list(tmp_path.iterdir())) == 8


def test_a_missing_output_leaves_nothing_behind(tmp_path):
    with FakeComfy() as fake, pytest.raises(ClientError, match=r"lists output a\.png but no longer has"):
        client_of(fake).download(IMAGE, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_half_a_file_is_no_file(tmp_path):
    with FakeComfy() as fake:
        item = served(fake, data=b"x" * 5000)
        fake.cut = 1000
        with pytest.raises(ServerAway, match=r"4000 of 5000 bytes of output a\.png"):
            client_of(fake).download(item, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name, local",
    [("../../evil.png", "evil.png"), ("/etc/passwd", "passwd"), ("..\\..\\w.png", "w.png"), ("..", "output")],
)
def test_a_servers_name_cannot_leave_the_folder(tmp_path, name, local):
    folder = tmp_path / "deep" / "er"
    with FakeComfy() as fake:
        path = client_of(fake).download(served(fake, name), folder)
    assert path == folder / local and [p for p in tmp_path.rglob("*") if p.is_file()] == [path]

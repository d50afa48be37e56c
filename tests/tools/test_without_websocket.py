"""The client where websocket-client is not installed: it follows a run by the server's history."""

import importlib
import json
import sys
import threading
import types
from collections.abc import Iterator

import pytest
from fake_comfy import FakeComfy
from small_graphs import INFO, recorded

from tools.client.errors import RunError, ServerAway, ServerDied

PROMPT = {"3": {"class_type": "KSampler", "inputs": {}}}
IMAGE = {"filename": "a.png", "subfolder": "", "type": "output"}


@pytest.fixture(params=["not installed", "another package of that name"])
def client(request, monkeypatch) -> Iterator[types.ModuleType]:
    """tools.client, imported anew on a machine without the package; waits are short."""
    before = {name: module for name, module in sys.modules.items() if name.startswith("tools.")}
    other = None if request.param == "not installed" else types.ModuleType("websocket")
    monkeypatch.setitem(sys.modules, "websocket", other)
    for name in before:
        del sys.modules[name]
    found = importlib.import_module("tools.client")
    assert not sys.modules["tools.client.sockets"].EVENTS
    monkeypatch.setattr(sys.modules["tools.client.silent_socket"], "POLL_S", 0.02)
    monkeypatch.setattr(sys.modules["tools.client.run"], "RETRY_S", 0.02)
    yield found
    for name in [name for name in sys.modules if name.startswith("tools.")]:
        del sys.modules[name]
    sys.modules.update(before)
    for name, module in before.items():
        package, _, leaf = name.rpartition(".")
        setattr(sys.modules[package], leaf, module)


def made(error: Exception, kind: type) -> bool:
    """Whether it is of that kind; the modules were imported anew, so that their classes are others."""
    return type(error).__name__ == kind.__name__


def test_a_run_is_followed_to_its_result(client, tmp_path):
    with FakeComfy(
        lambda fake: threading.Timer(0.2, fake.finish, [{"9": {"images": [IMAGE]}}]).start()
    ) as fake:
        fake.files[("a.png", "", "output")] = b"picture"
        with client.Client(fake.url) as one:
            entry = one.wait(one.queue(PROMPT))
            paths = [one.download(item, tmp_path) for item in one.outputs(entry)]
        assert fake.connections == 0
    assert [path.read_bytes() for path in paths] == [b"picture"]


def test_a_failed_run_names_its_node_and_reason(client):
    error = ["execution_error", {"node_id": "3", "node_type": "KSampler", "exception_message": "no memory"}]
    status = {"status_str": "error", "completed": False, "messages": [error]}
    with (
        FakeComfy(lambda fake: fake.finish(status=status)) as fake,
        client.Client(fake.url) as one,
        pytest.raises(Exception, match=r"node 3 \(KSampler\): no memory") as caught,
    ):
        one.wait(one.queue(PROMPT))
    assert made(caught.value, RunError)


def test_a_timeout_is_kept(client):
    with (
        FakeComfy(lambda fake: None) as fake,
        client.Client(fake.url) as one,
        pytest.raises(Exception, match=r"did not end within 0\.2 s") as caught,
    ):
        one.wait(one.queue(PROMPT), timeout=0.2)
    assert made(caught.value, RunError)


def test_a_server_that_dies_is_said(client):
    with (
        FakeComfy(lambda fake: fake.die()) as fake,
        client.Client(fake.url, reconnect_s=0.1) as one,
        pytest.raises(Exception, match="did not come back within") as caught,
    ):
        one.wait(one.queue(PROMPT))
    assert made(caught.value, ServerDied)


def test_a_server_that_is_not_there_is_said(client):
    with FakeComfy() as fake:
        url = fake.url
    with pytest.raises(Exception, match="does not answer") as caught, client.Client(url) as one:
        one.queue(PROMPT)
    assert made(caught.value, ServerAway)


def test_the_command_fetches_the_file_and_says_why_it_shows_no_progress(client, tmp_path, capsys):
    def script(fake: FakeComfy) -> None:
        fake.files[("a.png", "", "output")] = b"picture"
        fake.finish({"5": {"images": [IMAGE]}})

    (tmp_path / "w.json").write_text(json.dumps(recorded("video_auto")[0]))
    command = importlib.import_module("tools.client.command")
    with FakeComfy(script, INFO) as fake:
        options = [str(tmp_path / "w.json"), "--server", fake.url, "--output", str(tmp_path / "out")]
        assert command.main(options) == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'out' / 'a.png'}\n" and (tmp_path / "out/a.png").read_bytes() == b"picture"
    assert "pip install websocket-client" in err

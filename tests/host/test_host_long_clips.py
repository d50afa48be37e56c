"""A record on disk in the real host: as exact, in files that come and go as they should."""

from __future__ import annotations

import re
import time

import pytest
import websocket
from comfy_server import ComfyServer
from host_passes import TARGET, Bench
from host_session import started

from tools.client import InterruptedRun

EXACT = 1e-6
FRAMES = 24


@pytest.fixture(scope="module")
def disk_comfy(tmp_path_factory):
    """A server whose records all go to disk, as long clips' do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNSAMPLING_RECORD_GIB", "0")
        session = started(lambda: ComfyServer(tmp_path_factory.mktemp("disk_comfy"), ("ours", "support")))
    yield session
    session.close()


def files(comfy) -> list[str]:
    """What our nodes have in ComfyUI's temp folder."""
    return [path.name for path in (comfy.server.base / "temp").glob("unsampling-*")]


def wait_for(condition, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def windowed(comfy, name: str, **faults) -> Bench:
    """A clip that core's windows cut up."""
    bench = Bench.set_up(comfy, name, frames=FRAMES, window_bias=0.3, **faults)
    known = comfy.object_info["ContextWindowsManual"]["input"]
    given = {
        key: spec[1]["default"]
        for kind in known.values()
        for key, spec in kind.items()
        if "default" in spec[1]
    }
    given |= {"context_length": 8, "context_overlap": 2, "context_schedule": "standard_static", "dim": 0}
    bench.model = bench.graph.add("ContextWindowsManual", model=bench.model, **given)
    return bench


def forget(comfy, name: str) -> None:
    """A prompt without what ran before: ComfyUI drops the outputs that it kept."""
    bench = Bench.set_up(comfy, name)
    bench.run(source=bench.latent)


@pytest.mark.parametrize("record", ["full", "half"])
def test_the_way_through_files_is_exact_and_they_go_when_comfyui_forgets_the_noise(disk_comfy, record):
    bench = windowed(disk_comfy, f"disk-{record}")
    noise = bench.unsample(bench.ays(8), record=record)
    part = bench.graph.add("LatentFromBatch", samples=noise, batch_index=4, length=8)
    clip = bench.resample(noise)
    report = bench.graph.add("UNS_InversionReport", noise=noise, reconstruction=clip)
    bench.graph.save(f"disk-{record}-chart", images=report[0])
    edit = bench.resample(noise, 2.0, TARGET, structure=0.5)
    found = bench.run(clip=clip, edit=edit, part=bench.resample(part))
    assert bench.error(found["clip"]) < EXACT < bench.error(found["edit"])
    assert found["part"].isfinite().all() and len(found["part"]) == 8
    assert "the record on disk (" in disk_comfy.log_text()
    assert len(files(disk_comfy)) == 1 + 10  # the source and ten answers; nothing of the three falling passes
    assert all(name.endswith(".safetensors") for name in files(disk_comfy))
    forget(disk_comfy, f"disk-{record}-forget")
    assert wait_for(lambda: files(disk_comfy) == [], 10)


@pytest.mark.parametrize("call", [2, 13])
def test_a_cancel_leaves_no_file_of_the_pass_that_it_stopped(disk_comfy, call):
    """8 steps: calls 1 to 11 are the rising pass's, the rest the falling one's."""
    bench = windowed(disk_comfy, f"cancel-{call}", delay_s=0.15)
    noise = bench.unsample(bench.ays(8))
    bench.graph.save(f"cancel-{call}-clip", latent=bench.resample(noise))
    prompt_id = disk_comfy.client.queue(bench.graph.prompt)
    windows = 4  # rows of the log a call
    assert wait_for(lambda: len(bench.calls()) >= windows * (call - 1) + 1)
    assert len(files(disk_comfy)) > (0 if call < 12 else 11)
    disk_comfy.client.interrupt()
    with pytest.raises(InterruptedRun):
        disk_comfy.client.wait(prompt_id)
    assert len(files(disk_comfy)) == (0 if call < 12 else 11)
    forget(disk_comfy, f"cancel-{call}-forget")
    assert wait_for(lambda: files(disk_comfy) == [], 10)


def said_while(comfy, bench: Bench, clip) -> bytes:
    """All that the server sends to a browser while it makes this clip."""
    socket = websocket.create_connection(f"ws{comfy.server.url.removeprefix('http')}/ws", timeout=1)
    bench.run(clip=clip)
    said, given = b"", None
    while given is None or given[0] != websocket.ABNF.OPCODE_CLOSE:
        try:
            given = socket.recv_data()
        except websocket.WebSocketTimeoutException:
            break
        said += given[1] + b"|"
    socket.close()
    return said


def test_the_node_says_how_long_a_core_sampler_will_still_take(disk_comfy):
    bench = Bench.set_up(disk_comfy, "time-left-core", delay_s=0.05)
    said = said_while(disk_comfy, bench, bench.through_core("euler"))
    assert re.search(rb"step 2 of 16, \d+ s left, noise is right, then", said)
    assert re.search(rb"step 15 of 16, \d+ s left[^,]", said)
    assert re.search(rb"step 1 of 16, \d+ s left, noise is right, then \d+ s to \d+ s", said)
    assert b"step 16 of" not in said


def test_cores_node_says_how_long_our_sampler_in_it_will_still_take(disk_comfy):
    bench = Bench.set_up(disk_comfy, "time-left-plain", delay_s=0.05)
    noise = bench.custom(bench.latent, "unsample", bench.ays(5))
    said = said_while(disk_comfy, bench, bench.custom(noise, "resample", bench.ays(5)))
    assert re.search(
        rb"call 2 of \d, \d+ s left.*unsampled.*call 2 of \d, \d+ s left.*resampled", said, re.DOTALL
    )


def test_the_node_says_how_long_each_pass_will_still_take(disk_comfy):
    bench = Bench.set_up(disk_comfy, "time-left", delay_s=0.1)
    said = said_while(disk_comfy, bench, bench.resample(bench.unsample(bench.ays(5))))
    later = rb"noise is right, then \d+ s to \d+ s"
    for call in range(1, 8):
        assert re.search(rb"call %d of 8, \d+ s left, %b" % (call, later), said)
    assert re.search(rb"call 5 of 6, \d+ s left[^,]", said)
    assert b"call 8 of 8, " not in said


def test_a_model_that_fails_half_way_leaves_no_file(disk_comfy):
    bench = Bench.set_up(disk_comfy, "disk-nan", nan_at_call=5)
    with pytest.raises(Exception, match="Exact Unsampler: the model returned NaN"):
        bench.run(noise=bench.unsample(bench.ays(8)))
    assert len(bench.calls()) == 5 and files(disk_comfy) == []

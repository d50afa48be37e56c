"""The nodes outside ComfyUI's executor: exported Python scripts, ComfyScript, nodes that call nodes."""

from __future__ import annotations

import pytest
from called_directly import WAYS
from comfy_server import find_host
from test_host_loading import IDS

from benchmarks.host import in_host
from tools.dev.find_comfy import HostMissing


@pytest.fixture(scope="module")
def called() -> dict:
    """What became of each node in each way of calling it."""
    try:
        find_host()
    except HostMissing as missing:
        pytest.skip(f"host test not run: {missing}")
    return in_host.answer(in_host.REPOSITORY / "tests/host/called_directly.py", [], tidy=False)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("node", sorted(IDS))
def test_a_node_runs_without_the_executor_and_shows_nothing(called, node, way):
    told = called[way][node]
    assert "error" not in told, told["error"]
    assert not told["sent"] and not told["shown"]
    assert told["outputs"] and not [one for one in told["outputs"] if "NaN" in one]

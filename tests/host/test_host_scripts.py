"""The nodes outside ComfyUI's executor: exported Python scripts, ComfyScript, nodes that call nodes."""

from __future__ import annotations

import called_directly
import pytest
from host_session import not_started, skip_all
from test_host_loading import IDS

from benchmarks.host import in_host
from tools.dev.find_comfy import HostMissing


@pytest.fixture(scope="module")
def called() -> dict:
    """What became of each node in each way of calling it."""
    try:
        return in_host.asked(called_directly.__file__, [], tidy=False)
    except HostMissing as missing:
        skip_all(str(missing))
    except SystemExit as failed:
        why = str(failed)
    not_started(why)


@pytest.mark.parametrize("way", called_directly.WAYS)
@pytest.mark.parametrize("node", sorted(IDS))
def test_a_node_runs_without_the_executor_and_shows_nothing(called, node, way):
    told = called[way][node]
    assert "error" not in told, told["error"]
    assert not told["sent"] and not told["shown"]
    assert told["outputs"] and not [one for one in told["outputs"] if "NaN" in one]

"""`restyle.py run` over Ray: a worker that is killed, and a cluster by its address."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from fake_farm import FakeFarm
from test_farm_run import RESTYLE, done_once, events, results, until, wanted, write_batch

pytest.importorskip("ray", reason="Ray has no wheel for this system")
WORKER = "ray::_call"  # the name that Ray gives a worker while it serves us


@contextmanager
def batch(path: Path, *farms: FakeFarm, options: tuple = ()):
    servers = [word for farm in farms for word in ("--server", farm.url)]
    command = [sys.executable, str(RESTYLE), "run", str(path), *servers, "--no-probe", "--pause", "0.05"]
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def workers() -> list[psutil.Process]:
    """Ray's workers that serve a run at this moment, of the batches and clusters of this process alone."""
    found = []
    for one in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if " ".join(one.cmdline()).startswith(WORKER):
                found.append(one)
    return found


def kill_a_worker(folder: Path, made: int, farms: tuple[FakeFarm, ...]) -> None:
    """Once so many files are there: kills one worker, while each waits for a run that does not end."""
    until(lambda: len(results(folder)) >= made)
    for farm in farms:
        farm.held = True
    until(lambda: all(farm.runs for farm in farms) and len(workers()) == len(farms))
    workers()[0].kill()
    until(lambda: len(workers()) < len(farms))
    for farm in farms:
        farm.held = False


@pytest.fixture(scope="module")
def cluster():
    """The address of a cluster, whose head runs beside this process."""
    utils = pytest.importorskip("ray.cluster_utils")
    head = utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    yield head.address
    head.shutdown()


@pytest.fixture
def two():
    with FakeFarm() as first, FakeFarm() as second:
        first.delay = second.delay = 0.5
        yield first, second


def test_a_cluster_makes_the_batch_though_a_worker_is_killed(cluster, two, tmp_path):
    with batch(write_batch(tmp_path), *two, options=("--ray", cluster)) as process:
        kill_a_worker(tmp_path, 3, two)
        out, _ = process.communicate(timeout=180)
    assert process.returncode == 0, out
    assert f"Ray's cluster at {cluster}" in out
    assert results(tmp_path) == wanted()
    done_once(tmp_path, 12)
    (lost,) = events(tmp_path, "worker_lost")
    assert "the worker went away" in lost["says"] and lost["given_up"] is False


def test_workers_of_this_machine_do_the_same(two, tmp_path):
    with batch(write_batch(tmp_path), *two) as process:
        kill_a_worker(tmp_path, 2, two)
        out, _ = process.communicate(timeout=180)
    assert process.returncode == 0 and "Ray on this machine" in out, out
    assert results(tmp_path) == wanted()
    done_once(tmp_path, 12)
    assert len(events(tmp_path, "worker_lost")) == 1


def test_no_cluster_at_the_address_is_one_sentence(two, tmp_path):
    with batch(write_batch(tmp_path), *two, options=("--ray", "127.0.0.1:1")) as process:
        out, _ = process.communicate(timeout=180)
    assert (
        process.returncode == 1 and "Ray does not start at 127.0.0.1:1" in out and "Traceback" not in out
    ), out
    assert not any(farm.prompts for farm in two)

"""Who speaks to the servers: threads of this process, or Ray's workers, here or on a cluster."""

from __future__ import annotations

import os
import queue
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from tools.farm.errors import Refused

ROOT = Path(__file__).resolve().parents[2]
Key = tuple[str, ...]
ANSWER_S = 10.0  # until a cluster's address has to answer
STORE = 100 << 20  # bytes of Ray's object store: what comes back is a few numbers


class Lost(Exception):
    """The worker went away before it gave a result."""


class Pool(Protocol):
    """Runs functions elsewhere."""

    def start(self, key: Key, function: Callable, *args: Any) -> None:
        """Begin; the result is given by `wait` under the key."""
        ...

    def wait(self, seconds: float) -> list[tuple[Key, Any]]:
        """What has ended: keys with results, or with the exception raised; after this time perhaps none."""
        ...

    def close(self) -> None: ...


class Threads:
    """A thread for each call; they end with the process."""

    def __init__(self) -> None:
        self._ended: queue.Queue[tuple[Key, Any]] = queue.Queue()

    def start(self, key: Key, function: Callable, *args: Any) -> None:
        threading.Thread(target=self._run, args=(key, function, args), daemon=True).start()

    def _run(self, key: Key, function: Callable, args: tuple) -> None:
        try:
            self._ended.put((key, function(*args)))
        except Exception as error:
            self._ended.put((key, error))

    def wait(self, seconds: float) -> list[tuple[Key, Any]]:
        found = []
        try:
            found.append(self._ended.get(timeout=max(seconds, 0.0)))
            while True:
                found.append(self._ended.get_nowait())
        except queue.Empty:
            return found

    def close(self) -> None:
        """Nothing holds anything."""


class Ray:
    """Workers of Ray: started here, or those of the cluster at an address.

    Raises: Refused where Ray is not installed, or the cluster does not answer.
    """

    def __init__(self, address: str | None, servers: int):
        # Ray reports its use to its makers unless told not to
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
            import ray.exceptions
        except ImportError:
            raise Refused("Ray is not installed: pip install ray, or leave --ray out.") from None
        self._ray: Any = ray
        options: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
        if address is None:
            # "local", or Ray would join a cluster that it finds here
            options |= {"address": "local", "num_cpus": max(servers, 1), "include_dashboard": False}
            options |= {"object_store_memory": STORE, "runtime_env": {"env_vars": {"PYTHONPATH": str(ROOT)}}}
        else:
            _check_answers(address)
            options |= {"address": address, "runtime_env": {"py_modules": [str(ROOT / "tools")]}}
        try:
            ray.init(**options)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            where = "here" if address is None else f"at {address}"
            raise Refused(f"Ray does not start {where} ({' '.join(str(error).split())[:200]}).") from None
        # a worker only waits for its server: it needs no core of its own
        self._call = ray.remote(num_cpus=0, max_retries=0, scheduling_strategy="SPREAD")(_call)
        self._open: dict[Any, Key] = {}

    def start(self, key: Key, function: Callable, *args: Any) -> None:
        self._open[self._call.remote(function, args)] = key

    def wait(self, seconds: float) -> list[tuple[Key, Any]]:
        if not self._open:
            threading.Event().wait(min(seconds, 0.2))
            return []
        ended, _ = self._ray.wait(
            list(self._open), num_returns=len(self._open), timeout=0.0, fetch_local=True
        )
        if not ended:
            ended, _ = self._ray.wait(list(self._open), num_returns=1, timeout=max(seconds, 0.0))
        return [(self._open.pop(one), self._result(one)) for one in ended]

    def _result(self, reference: Any) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            return error.as_instanceof_cause()
        except self._ray.exceptions.RayError as error:
            return Lost(" ".join(str(error).split())[:200])

    def close(self) -> None:
        self._ray.shutdown()


def _check_answers(address: str) -> None:
    """Raises: Refused where nobody listens at a cluster's address, for which Ray itself waits for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return  # "auto" and what else Ray has a name for
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise Refused(f"Ray does not start at {address} (nothing answers there: {error}).") from None


def _call(function: Callable, args: tuple) -> Any:
    return function(*args)


def chosen(ray: str | None, threads: bool, servers: int) -> tuple[Pool, str]:
    """The pool that was asked for, and what to say of it.

    ray: the address of a cluster. threads: no Ray. Without both: Ray here if it is installed, else threads.
    """
    if ray is not None and sys.platform == "win32":
        raise Refused("Ray's clusters are Linux: on Windows leave --ray out and name the servers.")
    if ray is not None:
        return Ray(ray, servers), f"Ray's cluster at {ray}"
    if threads or sys.platform == "win32":
        return Threads(), "threads"
    try:
        import ray as _  # noqa: F401
    except ImportError:
        return Threads(), "threads, since Ray is not installed"
    return Ray(None, servers), "Ray on this machine"

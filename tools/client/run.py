"""Follow one run on a server: its events, its end, and what to do when the server goes away meanwhile."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from tools.client.errors import InterruptedRun, Position, RunError, ServerAway, ServerDied
from tools.client.sockets import websocket

Event = Callable[[str, dict], None]
LOST = (ServerAway, OSError, websocket.WebSocketException)
RETRY_S = 0.5
LATE_S = 5.0  # how long to wait for the events of a run that has ended


class Connection(Protocol):
    """What following a run asks of a client."""

    reconnect_s: float

    def connect(self) -> None: ...

    def reconnect(self) -> None: ...

    def receive(self, deadline: float | None) -> tuple[str, dict] | None: ...

    def hears_all_of(self, prompt_id: str) -> bool: ...

    def history(self, prompt_id: str) -> dict | None: ...

    def in_queue(self, prompt_id: str) -> bool: ...


@dataclass
class Run:
    """A run being followed. `on_event` gets the server's events as they are, and "position" and "lost"."""

    client: Connection
    prompt_id: str
    on_event: Event
    names: dict[str, str] = field(default_factory=dict)  # what messages call a node
    position: Position = field(default_factory=Position)
    lost: bool = False
    heard_end: bool = False
    shown_as: dict[str, str] = field(default_factory=dict)  # nodes a node expanded into -> that node

    @property
    def where(self) -> str:
        return self.position.place(self.names)

    def error(self, kind: type[RunError], message: str, report: dict | None = None) -> RunError:
        return kind(message, self.prompt_id, self.position, report)


def follow(run: Run, timeout: float | None = None) -> dict:
    """The history entry of the run once it has ended well; raises the RunError of any other end."""
    deadline = None if timeout is None else time.monotonic() + timeout
    run.client.connect()
    while True:
        try:
            entry = ended(run)
            if entry is not None:
                hear_rest(run)
                return checked(run, entry)
            listen(run, deadline)
        except LOST as error:
            reconnect(run, error)
        if deadline is not None and time.monotonic() >= deadline:
            raise run.error(RunError, f"The run did not end within {timeout:g} s; it is {run.where}.")


def listen(run: Run, deadline: float | None) -> None:
    """Take events until the run ends, the server is silent for a while, or the deadline passes."""
    while True:
        event = run.client.receive(deadline)
        if event is None:
            return
        kind, data = event
        if data.get("prompt_id", run.prompt_id) != run.prompt_id:
            continue
        run.on_event(kind, data)
        move(run, kind, data)
        raise_bad_end(run, kind, data)
        if kind == "executing" and data.get("node") is None:
            run.heard_end = True
            return


def hear_rest(run: Run) -> None:
    """Take the events of a run that ended before they were asked for, previews among them."""
    if run.heard_end or not run.client.hears_all_of(run.prompt_id):
        return
    with contextlib.suppress(*LOST):  # it has ended, and its result is known
        listen(run, time.monotonic() + LATE_S)


def ended(run: Run) -> dict | None:
    """The history entry if there is one; None while the run waits or runs; an error if the server lost it."""
    entry = run.client.history(run.prompt_id)
    if entry is not None or run.client.in_queue(run.prompt_id):
        return entry
    entry = run.client.history(run.prompt_id)  # it may have ended between the two questions
    if entry is not None:
        return entry
    if run.lost:
        raise run.error(
            ServerDied,
            f"The server restarted during the run, {run.where}, and has forgotten it: look at "
            "its log for the reason, then queue the workflow again.",
        )
    raise run.error(
        InterruptedRun,
        "The run is neither in the server's queue nor in its history: somebody cleared "
        "it; queue the workflow again.",
    )


def reconnect(run: Run, reason: Exception) -> None:
    """Try to reach a lost server again for `reconnect_s`, then say where the run was."""
    run.lost = True
    run.on_event("lost", {"reason": str(reason)})
    deadline = time.monotonic() + run.client.reconnect_s
    while True:
        try:
            return run.client.reconnect()
        except ServerAway:
            if time.monotonic() + RETRY_S > deadline:
                raise run.error(
                    ServerDied,
                    f"The server went away during the run, {run.where}, and did not come back "
                    f"within {run.client.reconnect_s:g} s: look at its log for the reason.",
                ) from None
        time.sleep(RETRY_S)


def move(run: Run, kind: str, data: dict) -> None:
    """Keep the position up to date, and tell the caller when it changes."""
    position = _moved(run, kind, data)
    if position is not None and position != run.position:
        run.position = position
        run.on_event("position", {"node": position.node, "value": position.value, "max": position.max})


def _moved(run: Run, kind: str, data: dict) -> Position | None:
    if kind == "executing" and data.get("node") is not None:
        shown = run.shown_as[data["node"]] = data.get("display_node") or data["node"]
        return Position(shown)
    if kind == "progress":
        node = data.get("node") or run.position.node
        return Position(node and run.shown_as.get(node, node), data.get("value"), data.get("max"))
    if kind == "progress_state":
        nodes = [
            n for n in data.get("nodes", {}).values() if n.get("state") == "running" and n.get("max", 1) > 1
        ]
        for at in nodes[-1:]:
            return Position(at.get("display_node_id") or at.get("node_id"), at.get("value"), at.get("max"))
    return None


def raise_bad_end(run: Run, kind: str, data: dict) -> None:
    """Turn the two events of a bad end into their errors."""
    if kind not in ("execution_error", "execution_interrupted"):
        return
    node = str(data.get("node_id"))
    if run.position.node != node:
        run.position = Position(node)
    if kind == "execution_interrupted":
        raise run.error(InterruptedRun, f"The run was interrupted on the server, {run.where}.", data)
    error = run.error(RunError, "", data)
    name = run.names.get(node, f"node {node} ({error.node_type})")
    error.args = (f"The run failed in {name}: {error.exception_message}",)
    raise error


def checked(run: Run, entry: dict) -> dict:
    """The entry of a run that ended well; the error a bad end left in the entry's messages otherwise."""
    status = entry.get("status") or {}
    for kind, data in status.get("messages") or []:
        raise_bad_end(run, kind, data)
    if status.get("status_str", "success") != "success":
        raise run.error(
            RunError,
            f"The server ended the run as '{status['status_str']}' without a reason: look at its log.",
        )
    return entry

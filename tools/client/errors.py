"""What can go wrong between a client and a ComfyUI server, each with what a caller needs to explain it."""

from __future__ import annotations

from dataclasses import dataclass


class ClientError(Exception):
    """Anything the client has to say to the user: the message is one complete sentence."""


class ServerAway(ClientError):
    """The server does not answer, or what answers is not ComfyUI."""


class RefusedError(ClientError):
    """POST /prompt was answered with an error: `error` and `node_errors` are the server's own dicts."""

    def __init__(self, message: str, error: dict | None = None, node_errors: dict | None = None):
        super().__init__(message)
        self.error = error or {}
        self.node_errors = node_errors or {}


@dataclass(frozen=True)
class Position:
    """Where a run is: the id of the node at work and its step, as far as the server has said."""

    node: str | None = None
    value: float | None = None
    max: float | None = None

    def place(self, names: dict[str, str]) -> str:
        """The place in words; `names` says what to call a node."""
        if self.node is None:
            return "before the first node"
        steps = "" if not self.max or self.value is None else f", step {self.value:g} of {self.max:g}"
        return f"at {names.get(self.node, f'node {self.node}')}{steps}"


class RunError(ClientError):
    """A queued run that did not end well; `node` is the id of the node it ended in, None when unknown."""

    def __init__(self, message: str, prompt_id: str, position: Position, report: dict | None = None):
        super().__init__(message)
        report = report or {}  # the server's own words, when it had any
        self.prompt_id = prompt_id
        self.position = position
        self.node = position.node
        self.node_type: str = report.get("node_type") or ""
        self.exception_type: str = report.get("exception_type") or ""
        self.exception_message = str(report.get("exception_message") or "").strip()
        self.traceback: list[str] = report.get("traceback") or []


class InterruptedRun(RunError):
    """Somebody stopped the run on the server, or took it out of the queue."""


class ServerDied(RunError):
    """The server went away during the run and did not come back with a result in time."""

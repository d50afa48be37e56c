"""What a job tells while it runs: a line for each step, as people and farm managers read it."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum
from typing import Protocol, TextIO


class Form(str, Enum):
    """plain has "PROGRESS: 40%", which Afanasy's generic parser reads; openjd adds what OpenJD reads."""

    plain = "plain"
    openjd = "openjd"


class Say(Protocol):
    """Takes a line, and how much of the whole is done, where that is known."""

    def __call__(self, text: str, percent: float | None = None) -> None: ...


def silent(text: str, percent: float | None = None) -> None:
    """Says nothing."""


def on_stream(stream: TextIO, form: Form, clock: Callable[[], str] | None = None) -> Say:
    """A line at once for each thing said."""
    now = clock or (lambda: time.strftime("%H:%M:%S"))

    def say(text: str, percent: float | None = None) -> None:
        done = "" if percent is None else f" PROGRESS: {percent:.0f}%"
        lines = [f"{now()} {text}{done}"]
        if form is Form.openjd:
            lines.append(f"openjd_status: {text}")
            lines += [] if percent is None else [f"openjd_progress: {percent:.1f}"]
        encoding = stream.encoding or "ascii"
        stream.write("".join(f"{line}\n" for line in lines).encode(encoding, "replace").decode(encoding))
        stream.flush()

    return say


class Beat:
    """An `on_event` of Client.wait that says each step; every node is an equal part of the whole."""

    def __init__(self, say: Say, titles: dict[str, str]):
        self.say, self.titles = say, titles
        self.done: set[str] = set()
        self.node: str | None = None

    def __call__(self, kind: str, data: dict) -> None:
        if kind == "position" and data["node"] is not None:
            self._position(data["node"], data["value"], data["max"])
        elif kind == "execution_cached":
            self.done |= set(data.get("nodes") or [])
        elif kind == "lost":
            self.say("lost the server, trying to reach it again")

    def _position(self, node: str, value: float | None, maximum: float | None) -> None:
        if node != self.node:
            self.done |= {self.node} if self.node else set()
            self.node = node
        name = self.titles.get(node, f"node {node}")
        inside = value / maximum if value is not None and maximum else 0.0
        percent = 100.0 * (len(self.done) + inside) / max(len(self.titles), len(self.done) + 1)
        steps = f" {value:g}/{maximum:g}" if value is not None and maximum and maximum > 1 else ""
        self.say(f"{name}{steps}", min(percent, 99.0))

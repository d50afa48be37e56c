"""Show how a run gets on: one line redrawn on a terminal, plain lines now and then anywhere else."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TextIO

PLAIN_S = 10.0  # at least so long between two plain lines of one node


def clock(seconds: float) -> str:
    """1:05, or 1:02:03 from an hour on."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


class ProgressBar:
    """An `on_event` for Client.wait. `titles` names nodes by id."""

    def __init__(self, stream: TextIO, titles: dict[str, str], now: Callable[[], float] = time.monotonic):
        self.stream, self.titles, self.now = stream, titles, now
        self.terminal = stream.isatty()
        self.node: str | None = None
        self.began = self.drawn_at = now()
        self.first: tuple[float, float] | None = (
            None  # step and time the rate is measured from: loading is left out
        )
        self.last = 0.0
        self.open = False

    def __call__(self, kind: str, data: dict) -> None:
        if kind == "position" and data["node"] is not None:
            self._position(data["node"], data["value"], data["max"])
        elif kind == "execution_cached" and data.get("nodes"):
            count = len(data["nodes"])
            self.line(f"{count} node{'s' * (count > 1)} unchanged since the last run")
        elif kind == "lost":
            self.line("lost the server, trying to reach it again")
        elif kind == "status" and self.node is None:
            self._waiting(((data.get("status") or {}).get("exec_info") or {}).get("queue_remaining") or 0)

    def _waiting(self, runs: int) -> None:
        if runs > 1:
            self.line(f"waiting: {runs} runs in the server's queue")

    def _position(self, node: str, value: float | None, maximum: float | None) -> None:
        now = self.now()
        if node != self.node:
            self.close()
            self.node, self.began, self.first = node, now, None
            self._draw(node, value, maximum, now)
        elif value is not None and maximum:
            if self.first is None or value < self.last:  # the first step, or that of a second pass
                self.first = (value, now)
            self.last = value
            if self.terminal or value >= maximum or now - self.drawn_at >= PLAIN_S:
                self._draw(node, value, maximum, now)

    def _draw(self, node: str, value: float | None, maximum: float | None, now: float) -> None:
        self.drawn_at = now
        name = self.titles.get(node, f"node {node}")
        if value is None or not maximum or maximum <= 1:
            text = name
        else:
            text = f"{name} {value:g}/{maximum:g} {clock(now - self.began)}{self._left(value, maximum, now)}"
        if not self.terminal:
            self._write(text + "\n")
            return
        room = max(10, shutil.get_terminal_size().columns - 1)
        done = 0.0 if value is None or not maximum else min(1.0, value / maximum)
        bar = f"[{'#' * round(20 * done):20}] " if room > 50 else ""
        self._write("\r" + (bar + text)[:room].ljust(room))
        self.open = True

    def _left(self, value: float, maximum: float, now: float) -> str:
        step, began = self.first or (value, now)
        if value <= step or value >= maximum:
            return ""
        return f", {clock((now - began) / (value - step) * (maximum - value))} left"

    def line(self, text: str) -> None:
        """A line of its own, below whatever is being drawn."""
        self.close()
        self._write(text + "\n")

    def close(self) -> None:
        """End the line being drawn."""
        if self.open:
            self._write("\n")
        self.open = False

    def _write(self, text: str) -> None:
        encoding = self.stream.encoding or "ascii"
        self.stream.write(text.encode(encoding, "replace").decode(encoding))
        self.stream.flush()

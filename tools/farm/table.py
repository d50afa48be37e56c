"""What a person sees while a batch runs: on a terminal a table with progress and time left, else lines."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table as Grid
from rich.text import Text

from tools.client.progress_bar import clock
from tools.farm.scheduler import Scheduler
from tools.farm.tasks import Health, State

HEALTH = {
    Health.AWAY: "away",
    Health.ASKED: "asked",
    Health.FREE: "free",
    Health.BUSY: "",
    Health.OUT: "left out",
}


class Table:
    """A context in which the table is drawn; `say` writes lines above it."""

    def __init__(self, console: Console):
        self.console = console
        self._live: Live | None = None
        self._began = time.monotonic()

    def say(self, line: str) -> None:
        self.console.print(Text(line), soft_wrap=True)

    def __enter__(self) -> Table:
        if self.console.is_terminal:
            self._live = Live(console=self.console, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def of(self, scheduler: Scheduler, there: int) -> Callable[[float], None]:
        """Draws this scheduler at a time; `there`: results that are no task of it."""

        def show(now: float) -> None:
            if self._live is not None:
                self._live.update(drawn(scheduler, now, there, now - self._began), refresh=True)

        return show


def drawn(scheduler: Scheduler, now: float, there: int, passed_s: float) -> Group:
    """The table: a line for each server, and how far the whole is."""
    grid = Grid("server", "runs", "for", expand=True)
    at = {one.server: one.task for one in scheduler.running()}
    for name in scheduler.names:
        since = scheduler.since(name)
        words = at.get(name) or HEALTH[scheduler.health(name)]
        grid.add_row(Text(name), Text(words), "" if since is None else clock(now - since))
    done, total = scheduler.count(State.DONE), sum(scheduler.count(state) for state in State)
    return Group(
        grid, ProgressBar(total=max(total, 1), completed=done), Text(summary(scheduler, now, there, passed_s))
    )


def summary(scheduler: Scheduler, now: float, there: int, passed_s: float) -> str:
    """How far the whole is, in a line."""
    done, total = scheduler.count(State.DONE), sum(scheduler.count(state) for state in State)
    failed = scheduler.count(State.FAILED) + scheduler.count(State.BLOCKED)
    left = scheduler.left_s(now)
    parts = [f"{done} of {total} runs done in {clock(passed_s)}"]
    parts += [f"about {clock(left)} left"] if left is not None else []
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{there} results were there"] if there else []
    return ", ".join(parts)

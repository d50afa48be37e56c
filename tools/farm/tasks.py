"""The words of the scheduler: what a task is, how a run of it ends, how patient one is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Outcome(Enum):
    """How a run of a task ended."""

    DONE = auto()
    AGAIN = auto()  # it may go well another time
    REFUSED = auto()  # it never will
    SERVER_LOST = auto()  # the server went away
    WORKER_LOST = auto()  # what spoke to the server went away


class State(Enum):
    """Where a task is."""

    WAITING = auto()  # for another task, a server, or a pause
    RUNNING = auto()
    DONE = auto()
    FAILED = auto()  # refused, or tried too often
    BLOCKED = auto()  # a task that it needs has failed


class Health(Enum):
    """Whether a server may be given work."""

    AWAY = auto()  # to be asked again
    ASKED = auto()
    FREE = auto()
    BUSY = auto()
    OUT = auto()  # for good


@dataclass(frozen=True)
class Limits:
    """How patient a scheduler is; all times in seconds."""

    tries: int = 3  # of a task that ends with AGAIN
    losses: int = 3  # of servers or workers under one task, before it counts as the reason
    pause: float = 5.0  # after a first failure; doubled with each
    longest_pause: float = 120.0
    row: int = 3  # failures of different tasks on a server, one after another, before it pauses too
    straggler: float = 3.0  # times the median of its kind, before an idle server runs the same
    known: int = 3  # runs of a kind that make a median


@dataclass(frozen=True)
class Task:
    """What is to be done once. kind: tasks of one kind take about as long."""

    name: str
    kind: str = "style"
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Assignment:
    """A task for a server; a copy is the second run of a straggler."""

    task: str
    server: str
    copy: bool = False

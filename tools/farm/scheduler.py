"""Which task runs where and when: a state machine without a clock, a network or a thread.

`tools/restyle.py run` drives it with servers, `benchmarks/farm` with simulated ones. A task is run until it
has been done once; a server has one task at a time. Times are seconds of any clock that does not go back.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tools.farm.tasks import Assignment, Health, Limits, Outcome, State, Task

WINDOW = 64  # so many ready tasks are looked at for one that suits a server


@dataclass
class _Server:
    health: Health = Health.AWAY
    due: float = 0.0  # when it is asked again
    task: str | None = None
    row: int = 0  # failures, one after another
    pauses: int = 0
    has: dict[str, None] = field(default_factory=dict)  # tasks done there, and what these needed


@dataclass
class _Run:
    task: Task
    order: int
    open_needs: int
    state: State = State.WAITING
    due: float = 0.0
    tries: int = 0
    losses: int = 0
    on: dict[str, float] = field(default_factory=dict)  # servers that run it, since when
    avoid: set[str] = field(default_factory=set)

    @property
    def began(self) -> float:
        return min(self.on.values())


class Scheduler:
    """Tasks and servers. Servers begin as AWAY: they get work once `server_back` says that they answer.

    Raises: ValueError for a task that needs one that is not there, itself, or a task that needs it.
    """

    def __init__(self, tasks: Iterable[Task], servers: Iterable[str], limits: Limits | None = None):
        self.limits = limits or Limits()
        self._runs = {task.name: _Run(task, i, len(task.needs)) for i, task in enumerate(tasks)}
        self._by_order = list(self._runs.values())
        self._servers = {name: _Server() for name in servers}
        self._took: dict[str, list[float]] = {}  # sorted, by kind
        self._dependents: dict[str, list[_Run]] = {name: [] for name in self._runs}
        for run in self._by_order:
            for need in run.task.needs:
                if need not in self._runs or self._runs[need].task.needs:
                    raise ValueError(f"{run.task.name} needs {need}, which is no task that needs nothing")
                self._dependents[need].append(run)
        self._counts = Counter({State.WAITING: len(self._runs)})
        self._running: dict[str, _Run] = {}
        self._paused: list[_Run] = []
        self._away, self._free = dict.fromkeys(self._servers), dict[str, None]()  # in the order of coming
        # orders of what can begin: what others wait for, and the rest, this also by what it needs
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._ends_of: dict[str, list[int]] = {}
        for run in self._by_order:
            self._offer(run)

    # ---- what there is to know

    def state(self, task: str) -> State:
        return self._runs[task].state

    def health(self, server: str) -> Health:
        return self._servers[server].health

    def count(self, state: State) -> int:
        return self._counts[state]

    @property
    def names(self) -> list[str]:
        """The servers."""
        return list(self._servers)

    @property
    def settled(self) -> bool:
        """Whether each task has its end; a second run of one may still go on."""
        return not self._counts[State.WAITING] + self._counts[State.RUNNING]

    @property
    def over(self) -> bool:
        """Whether nothing is left to run, and nothing runs."""
        return self.settled and not any(server.task for server in self._servers.values())

    @property
    def out_of_servers(self) -> bool:
        return all(server.health is Health.OUT for server in self._servers.values())

    def running(self) -> list[Assignment]:
        """What each busy server is at."""
        return [Assignment(one.task, name) for name, one in self._servers.items() if one.task]

    def since(self, server: str) -> float | None:
        """When a server began what it is at."""
        task = self._servers[server].task
        return None if task is None else self._runs[task].on[server]

    def left_s(self, now: float) -> float | None:
        """Seconds until all is done, if all goes on as so far; None while nothing is known."""
        usable = sum(s.health in (Health.FREE, Health.BUSY) for s in self._servers.values())
        if not self._took or not usable:
            return None
        work = 0.0
        for run in self._by_order:
            if run.state in (State.WAITING, State.RUNNING):
                passed = now - run.began if run.on else 0.0
                work += max(self._usual(run.task.kind) - passed, 0.0)
        return work / usable

    def _usual(self, kind: str) -> float:
        times = self._took.get(kind) or next(iter(self._took.values()))
        return times[len(times) // 2]

    def next_due(self, now: float) -> float | None:
        """When a pause ends, of a task or a server; None where only an event can change anything."""
        times = [run.due for run in self._paused]
        times += [self._servers[name].due for name in self._away]
        return min((time for time in times if time > now), default=None)

    # ---- servers

    def to_ask(self, now: float) -> list[str]:
        """Servers to ask whether they are there; each is to be answered by one of the three below."""
        due = [name for name in self._away if self._servers[name].due <= now]
        for name in due:
            self._set(name, Health.ASKED)
        return due

    def server_back(self, name: str) -> None:
        """It answers and fits."""
        server = self._servers[name]
        if server.health in (Health.AWAY, Health.ASKED):
            server.row = 0
            self._set(name, Health.FREE)

    def server_away(self, name: str, now: float) -> None:
        """It does not answer: it is asked again after a pause."""
        server = self._servers[name]
        if server.health in (Health.AWAY, Health.ASKED, Health.FREE):
            self._pause_server(name, now)

    def server_out(self, name: str) -> None:
        """It does not fit, and never gets work again. Not for a server that is at work."""
        self._set(name, Health.OUT)

    def _set(self, name: str, health: Health) -> None:
        self._servers[name].health = health
        for one, group in ((Health.AWAY, self._away), (Health.FREE, self._free)):
            group.pop(name, None)
            if health is one:
                group[name] = None

    def _pause_server(self, name: str, now: float) -> None:
        server = self._servers[name]
        server.due = now + self._pause(server.pauses)
        server.pauses, server.row = server.pauses + 1, 0
        self._set(name, Health.AWAY)

    def _pause(self, times: int) -> float:
        return min(self.limits.pause * 2.0 ** min(times, 30), self.limits.longest_pause)

    # ---- what begins

    def assign(self, now: float) -> list[Assignment]:
        """What free servers begin now."""
        for run in [one for one in self._paused if one.due <= now]:
            self._paused.remove(run)
            self._offer(run)
        made, slow = [], None
        for name in list(self._free):
            run = self._take(name)
            if run is None:
                slow = self._slow(now) if slow is None else slow
                run = next((one for one in slow if name not in one.on and len(one.on) == 1), None)
            if run is not None:
                made.append(self._begin(run, name, now))
        return made

    def _begin(self, run: _Run, name: str, now: float) -> Assignment:
        copy = bool(run.on)
        run.on[name] = now
        self._running[run.task.name] = run
        self._move(run, State.RUNNING)
        self._servers[name].task = run.task.name
        self._set(name, Health.BUSY)
        return Assignment(run.task.name, name, copy)

    def _offer(self, run: _Run) -> None:
        """Put a task among those that can begin, once all that it needs is done."""
        if run.state is not State.WAITING or run.open_needs:
            return
        if self._dependents[run.task.name]:
            return insort(self._starts, run.order)
        insort(self._ends, run.order)
        for need in run.task.needs:
            insort(self._ends_of.setdefault(need, []), run.order)

    def _take(self, name: str) -> _Run | None:
        """The task for a server: one whose needs lie there; else one that others wait for; else any."""
        here = [orders for need in self._servers[name].has if (orders := self._ends_of.get(need))]
        for orders in (*here, self._starts, self._ends):
            for order in orders[:WINDOW]:
                run = self._by_order[order]
                if name not in run.avoid or self._free.keys() <= run.avoid:
                    self._withdraw(run)
                    return run
        return None

    def _withdraw(self, run: _Run) -> None:
        if self._dependents[run.task.name]:
            return self._starts.remove(run.order)
        self._ends.remove(run.order)
        for need in run.task.needs:
            self._ends_of[need].remove(run.order)

    def _slow(self, now: float) -> list[_Run]:
        """Tasks that run far longer than is usual, on one server only; the slowest first."""
        found = [run for run in self._running.values() if len(run.on) == 1 and self._is_slow(run, now)]
        return sorted(found, key=lambda run: (run.began, run.order))

    def _is_slow(self, run: _Run, now: float) -> bool:
        times = self._took.get(run.task.kind, [])
        return len(times) >= self.limits.known and (
            now - run.began > self.limits.straggler * times[len(times) // 2]
        )

    # ---- what ends

    def ended(self, task: str, server: str, outcome: Outcome, now: float) -> list[Assignment]:
        """A run ended. Returns the other runs of the task, which need not go on."""
        run, host = self._runs[task], self._servers[server]
        if host.task != task:
            raise ValueError(f"{server} does not run {task}")
        seconds = now - run.on.pop(server)
        host.task = None
        self._set(server, Health.FREE)
        if outcome is Outcome.SERVER_LOST:
            self._pause_server(server, now)
        if run.state is not State.RUNNING:  # its other run was faster
            return []
        if outcome is Outcome.DONE:
            return self._done(run, host, seconds)
        host.row += outcome is Outcome.AGAIN
        if host.row >= self.limits.row and host.health is Health.FREE:
            self._pause_server(server, now)
        return self._failed(run, server, outcome, now)

    def _done(self, run: _Run, host: _Server, seconds: float) -> list[Assignment]:
        host.row = host.pauses = 0
        host.has |= dict.fromkeys(
            [*run.task.needs, *([run.task.name] if self._dependents[run.task.name] else [])]
        )
        insort(self._took.setdefault(run.task.kind, []), seconds)
        for other in self._dependents[run.task.name]:
            other.open_needs -= 1
            self._offer(other)
        return self._close(run, State.DONE)

    def _failed(self, run: _Run, server: str, outcome: Outcome, now: float) -> list[Assignment]:
        run.avoid.add(server)
        run.tries += outcome is Outcome.AGAIN
        run.losses += outcome in (Outcome.SERVER_LOST, Outcome.WORKER_LOST)
        spent = run.tries >= self.limits.tries or run.losses >= self.limits.losses
        if outcome is Outcome.REFUSED or (spent and not run.on):
            for other in self._dependents[run.task.name]:
                if other.state is State.WAITING:
                    self._move(other, State.BLOCKED)
            return self._close(run, State.FAILED)
        if not run.on:
            del self._running[run.task.name]
            self._move(run, State.WAITING)
            run.due = now + (self._pause(run.tries - 1) if outcome is Outcome.AGAIN else 0.0)
            self._paused.append(run)
        return []

    def _close(self, run: _Run, state: State) -> list[Assignment]:
        del self._running[run.task.name]
        self._move(run, state)
        return [Assignment(run.task.name, other) for other in run.on]

    def _move(self, run: _Run, state: State) -> None:
        self._counts[run.state] -= 1
        run.state = state
        self._counts[state] += 1

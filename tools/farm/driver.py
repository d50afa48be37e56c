"""Servers, a pool and the scheduler brought together: who is admitted, what runs, what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tools.farm import probe, servers, work
from tools.farm.errors import FarmError, TryAgain
from tools.farm.journal import Journal
from tools.farm.pieces import Piece
from tools.farm.pools import Lost, Pool
from tools.farm.scheduler import Scheduler
from tools.farm.servers import Asked
from tools.farm.tasks import Assignment, Health, Outcome, State
from tools.farm.work import Attempt

TICK_S = 0.5
GRACE_S = 10.0
FIRST_S = 120.0  # after a first server is in, the others' answers are waited for: they may be at work
WORDS = {
    Outcome.AGAIN: "failed",
    Outcome.REFUSED: "refused",
    Outcome.SERVER_LOST: "server lost",
    Outcome.WORKER_LOST: "worker lost",
}


@dataclass(frozen=True)
class Admission:
    """What a server said of itself, and the bits of its probe frame."""

    asked: Asked
    sums: dict[str, str] | None = None
    failed: str = ""  # why the probe frame did not come out


def admission(url: str, needed: list[Piece], probed: Piece | None) -> Admission:
    """Ask a server, and run the probe frame on it if it has all that is needed."""
    asked = servers.ask(url, needed)
    if asked.away or asked.lacks or probed is None:
        return Admission(asked)
    try:
        return Admission(asked, probe.sums(probed, url))
    except TryAgain as error:
        return Admission(Asked(url, away=str(error)))
    except FarmError as error:
        return Admission(asked, failed=str(error))


@dataclass
class Drive:
    """A batch that runs. records: the mark that a style's record gets, by the piece's name."""

    scheduler: Scheduler
    pieces: dict[str, Piece]
    records: dict[str, str]
    needed: list[Piece]
    probed: Piece | None
    pool: Pool
    journal: Journal
    mix: bool = False
    timeout: float | None = None
    patience_s: float = 600.0
    show: Callable[[float], None] = lambda now: None
    clock: Callable[[], float] = time.monotonic
    reference: dict[str, str] | None = None
    reasons: dict[str, str] = field(default_factory=dict)  # why a task failed, the last time
    refused: set[str] = field(default_factory=set)  # tasks for which another try is in vain
    _first: dict[str, Admission] | None = field(default_factory=dict)  # answers of the first round
    _seen: float = 0.0
    _asking: set[str] = field(default_factory=set)
    _heard_at: float | None = None  # when the first server answered

    def run(self) -> None:
        """Until all is done or has failed, or no server is left. A KeyboardInterrupt stops what runs."""
        self._seen = self.clock()
        try:
            while not self.scheduler.settled and not self._hopeless():
                self._step()
            # the slower runs of stragglers were told to stop; one that hangs is left alone
            until = self.clock() + GRACE_S
            while not self.scheduler.over and self.scheduler.settled and self.clock() < until:
                self._step()
        except KeyboardInterrupt:
            self._stop_all()
            raise

    def _hopeless(self) -> bool:
        """Whether no server has been there for longer than we are patient."""
        now, names = self.clock(), self.scheduler.names
        if self._first is not None or any(
            self.scheduler.health(name) in (Health.FREE, Health.BUSY) for name in names
        ):
            self._seen = now
        return self.scheduler.out_of_servers or now - self._seen > self.patience_s

    def _step(self) -> None:
        now = self.clock()
        for url in self.scheduler.to_ask(now):
            if url in self._asking:  # it is still at what it was asked before
                continue
            self._asking.add(url)
            self.pool.start(("ask", url), admission, url, self.needed, self.probed)
        self._wait_no_longer(now)
        for one in self.scheduler.assign(now) if self._first is None else ():
            self._begin(one)
        due = self.scheduler.next_due(now)
        for key, result in self.pool.wait(TICK_S if due is None else min(max(due - now, 0.01), TICK_S)):
            self._heard(key, result)
        self.show(self.clock())

    def _begin(self, one: Assignment) -> None:
        piece = self.pieces[one.task]
        again = " once more, since it takes long elsewhere" if one.copy else ""
        self.journal.tell(
            "begun",
            f"{one.task} begins on {one.server}{again}",
            task=one.task,
            server=one.server,
            copy=one.copy,
        )
        fresh = one.task in self.reasons  # a listed file may be what spoilt it
        self.pool.start(
            ("run", one.task, one.server),
            work.attempt,
            *(piece, one.server, self.records.get(one.task), self.timeout, fresh),
        )

    def _heard(self, key: tuple[str, ...], result: object) -> None:
        if key[0] == "ask":
            self._asking.discard(key[1])
            self._answered(key[1], result)
        elif key[0] == "run":
            self._ended(key[1], key[2], result)

    # ---- tasks

    def _ended(self, task: str, server: str, result: object) -> None:
        if isinstance(result, Attempt):
            attempt = result
        elif isinstance(result, Lost):
            attempt = Attempt(Outcome.WORKER_LOST, f"the worker went away ({result})")
        else:  # a fault of ours: it is told, and tried again as often as any failure
            attempt = Attempt(Outcome.AGAIN, f"{type(result).__name__}: {result}")
        since, open_ = self.scheduler.since(server), self.scheduler.state(task) is State.RUNNING
        now = self.clock()
        others = self.scheduler.ended(task, server, attempt.outcome, now)
        told = {"task": task, "server": server, "seconds": round(now - (since or now), 3)}
        if not open_ and attempt.outcome is Outcome.SERVER_LOST:
            self.journal.tell("server_lost", f"{server} was lost: {attempt.message}", given_up=False, **told)
        elif not open_:
            self.journal.tell("surplus", **told)
        elif attempt.outcome is Outcome.DONE:
            self.journal.tell("done", f"{task} is done on {server}", bytes=attempt.size, **told)
        else:
            self._failed(attempt, told)
        for other in others:
            self.pool.start(("stop", other.server), work.stop, other.server, self.pieces[task].mark)

    def _failed(self, attempt: Attempt, told: dict) -> None:
        self.reasons[told["task"]] = attempt.message
        if attempt.outcome is Outcome.REFUSED:
            self.refused.add(told["task"])
        word = WORDS[attempt.outcome]
        given_up = self.scheduler.state(told["task"]) is State.FAILED
        end = "given up" if given_up else "it will be tried again"
        sentence = f"{told['task']}: {word} on {told['server']}, {end}: {attempt.message}"
        self.journal.tell(word.replace(" ", "_"), sentence, given_up=given_up, **told)

    def _stop_all(self) -> None:
        for one in self.scheduler.running():
            work.stop(one.server, self.pieces[one.task].mark)
            self.journal.tell("stopped", task=one.task, server=one.server)
        until = self.clock() + GRACE_S  # what is being written gets whole
        while self.scheduler.running() and self.clock() < until:
            for key, result in self.pool.wait(TICK_S):
                self._heard(key, result)

    # ---- servers

    def _wait_no_longer(self, now: float) -> None:
        """Begin without servers that have not answered: the probe frame waits in their queues."""
        if self._first is None or not any(not one.asked.away for one in self._first.values()):
            return
        self._heard_at = now if self._heard_at is None else self._heard_at
        if now - self._heard_at > FIRST_S:
            for url in self.scheduler.names:
                if self._first is not None and url not in self._first:
                    self._answered(url, Admission(Asked(url, away="it has not answered yet")))

    def _answered(self, url: str, result: object) -> None:
        found = result if isinstance(result, Admission) else Admission(Asked(url, away=str(result)))
        if self._first is None:
            return self._judge(url, found)
        self._first[url] = found
        if len(self._first) == len(self.scheduler.names):
            answers, self._first = self._first, None
            self._compare(answers)
            for name, one in answers.items():
                self._judge(name, one)

    def _compare(self, answers: dict[str, Admission]) -> None:
        """Say in what servers differ, and choose whose bits count."""
        for line in servers.differences([one.asked for one in answers.values() if not one.asked.away]):
            self.journal.tell("servers_differ", line)
        probed = {url: one.sums for url, one in answers.items() if one.sums is not None}
        for url, one in answers.items():
            if one.failed:
                self.journal.tell("probe_failed", f"{url}: the probe frame failed: {one.failed}", server=url)
        if not probed:
            return
        first, *rest = probe.groups(probed)
        self.reference = probed[first[0]]
        if not rest and len(first) > 1:
            self.journal.tell("probe_equal", f"The probe frame has the same bits on {len(first)} servers.")

    def _judge(self, url: str, found: Admission) -> None:
        """Let a server in, or say why not."""
        now, tell = self.clock(), self.journal.tell
        if found.asked.away:
            if self._first is None and self.scheduler.health(url) is Health.ASKED:
                self.scheduler.server_away(url, now)
            return tell("server_away", f"{url} is not there: {found.asked.away}", server=url)
        if found.asked.lacks:
            self.scheduler.server_out(url)
            lacks = "; ".join(found.asked.lacks)
            return tell("server_lacks", f"{url} lacks {lacks}", server=url, lacks=list(found.asked.lacks))
        self.reference = self.reference or found.sums
        other = found.sums is not None and found.sums != self.reference
        if other:
            end = "its results are mixed in, as you asked" if self.mix else "it is left out (--mix uses it)"
            tell("probe_differs", f"{url} gives other bits for the probe frame: {end}.", server=url)
        if other and not self.mix:
            return self.scheduler.server_out(url)
        if found.failed and self.reference is not None and not self.mix:
            tell(
                "server_unknown",
                f"{url} is left out: its bits cannot be compared (--mix uses it).",
                server=url,
            )
            return self.scheduler.server_out(url)
        self.scheduler.server_back(url)
        tell("server_in", f"{url} is in", server=url, facts=found.asked.facts)

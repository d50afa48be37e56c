"""The scheduler of tools/farm, played by hand and by chance: everything is done once, whatever fails."""

from __future__ import annotations

import heapq
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.farm.scheduler import Scheduler
from tools.farm.tasks import Assignment, Health, Limits, Outcome, State, Task

LIMITS = Limits(pause=1.0, longest_pause=8.0)


def styles(count: int, needs: str | None = None, first: int = 0) -> list[Task]:
    need = frozenset() if needs is None else frozenset([needs])
    return [Task(f"{needs or 'job'}-{first + i}", needs=need) for i in range(count)]


def clip(name: str, count: int) -> list[Task]:
    return [Task(name, kind="inversion"), *styles(count, name)]


def begun(tasks: list[Task], servers: str = "ab", limits: Limits = LIMITS) -> Scheduler:
    scheduler = Scheduler(tasks, servers, limits)
    assert scheduler.to_ask(0.0) == list(servers) and scheduler.to_ask(0.0) == []
    for server in servers:
        scheduler.server_back(server)
    return scheduler


def pairs(assignments: list[Assignment]) -> list[tuple[str, str]]:
    return [(one.task, one.server) for one in assignments]


def test_a_style_waits_for_its_inversion():
    scheduler = begun(clip("one", 2))
    assert pairs(scheduler.assign(0)) == [("one", "a")]
    assert scheduler.assign(1) == []
    assert scheduler.ended("one", "a", Outcome.DONE, 2) == []
    assert sorted(pairs(scheduler.assign(2))) == [("one-0", "b"), ("one-1", "a")]


def test_a_style_goes_where_its_noise_lies():
    scheduler = begun([*clip("one", 2), *clip("two", 2)])
    assert pairs(scheduler.assign(0)) == [("one", "a"), ("two", "b")]
    scheduler.ended("two", "b", Outcome.DONE, 1)
    scheduler.ended("one", "a", Outcome.DONE, 1)
    assert sorted(pairs(scheduler.assign(1))) == [("one-0", "a"), ("two-0", "b")]


def test_inversions_are_not_all_made_before_the_first_style():
    scheduler = begun([*clip("one", 4), *clip("two", 4), *clip("three", 4)], "a")
    order, now = [], 0.0
    while made := scheduler.assign(now):
        order.append(made[0].task)
        now += 1
        scheduler.ended(made[0].task, "a", Outcome.DONE, now)
    assert order[:6] == ["one", "one-0", "one-1", "one-2", "one-3", "two"]
    assert scheduler.over and scheduler.count(State.DONE) == 15


def test_a_failed_task_pauses_longer_each_time_and_goes_elsewhere():
    scheduler = begun(styles(1))
    assert pairs(scheduler.assign(0)) == [("job-0", "a")]
    scheduler.ended("job-0", "a", Outcome.AGAIN, 0)
    assert scheduler.assign(0.5) == [] and scheduler.next_due(0.5) == 1.0
    assert pairs(scheduler.assign(1)) == [("job-0", "b")]
    scheduler.ended("job-0", "b", Outcome.AGAIN, 1)
    assert scheduler.next_due(1) == 3.0
    scheduler.assign(3)
    (last,) = scheduler.running()
    scheduler.ended("job-0", last.server, Outcome.AGAIN, 4)
    assert scheduler.state("job-0") is State.FAILED and scheduler.over


def test_a_lost_server_is_no_try_of_the_task_and_is_asked_again():
    scheduler = begun(styles(2))
    scheduler.assign(0)
    scheduler.ended("job-0", "a", Outcome.SERVER_LOST, 1)
    assert scheduler.health("a") is Health.AWAY and scheduler.to_ask(1.5) == []
    assert scheduler.assign(1) == []
    scheduler.ended("job-1", "b", Outcome.DONE, 2)
    assert pairs(scheduler.assign(2)) == [("job-0", "b")]
    assert scheduler.to_ask(2) == ["a"]
    scheduler.server_away("a", 2)
    assert scheduler.next_due(2) == 4.0  # twice as long
    assert scheduler.to_ask(4) == ["a"]
    scheduler.server_back("a")
    assert scheduler.health("a") is Health.FREE


def test_a_task_that_takes_servers_down_is_given_up():
    scheduler = begun(styles(1), "abcd")
    for now in range(LIMITS.losses):
        (made,) = scheduler.assign(now)
        scheduler.ended("job-0", made.server, Outcome.SERVER_LOST, now)
    assert scheduler.state("job-0") is State.FAILED


def test_a_refused_inversion_blocks_its_styles_alone():
    scheduler = begun([*clip("bad", 3), *clip("good", 1)])
    scheduler.assign(0)
    scheduler.ended("bad", "a", Outcome.REFUSED, 1)
    scheduler.ended("good", "b", Outcome.DONE, 1)
    assert [scheduler.state(f"bad-{i}") for i in range(3)] == [State.BLOCKED] * 3
    assert pairs(scheduler.assign(1)) == [("good-0", "a")] or pairs(scheduler.assign(1)) == [("good-0", "b")]


def test_a_server_on_which_all_fails_pauses_though_it_answers():
    scheduler = begun(styles(9))
    now = 0.0
    for _ in range(LIMITS.row):
        at_a = [one for one in scheduler.assign(now) if one.server == "a"]
        scheduler.ended(at_a[0].task, "a", Outcome.AGAIN, now)
    assert scheduler.health("a") is Health.AWAY and scheduler.health("b") is Health.BUSY


def slow_one(known: int = 3) -> Scheduler:
    scheduler = begun(styles(known + 1))
    scheduler.assign(0)
    for i in range(1, known + 1):
        scheduler.ended(f"job-{i}", "b", Outcome.DONE, i)
        scheduler.assign(i)
    return scheduler


def test_a_straggler_runs_a_second_time_on_an_idle_server_and_counts_once():
    scheduler = slow_one()
    assert scheduler.assign(3.0) == []  # three times the median of one second is not exceeded yet
    (copy,) = scheduler.assign(3.1)
    assert copy == Assignment("job-0", "b", copy=True)
    assert scheduler.assign(4) == []
    (loser,) = scheduler.ended("job-0", "b", Outcome.DONE, 4.1)
    assert loser == Assignment("job-0", "a") and not scheduler.over
    assert scheduler.ended("job-0", "a", Outcome.AGAIN, 4.2) == []
    assert scheduler.over and scheduler.count(State.DONE) == 4


def test_the_second_run_of_a_straggler_may_be_lost():
    scheduler = slow_one()
    scheduler.assign(4)
    scheduler.ended("job-0", "b", Outcome.SERVER_LOST, 5)
    assert scheduler.state("job-0") is State.RUNNING
    scheduler.ended("job-0", "a", Outcome.DONE, 6)
    assert scheduler.over


def test_a_server_that_does_not_fit_gets_nothing():
    scheduler = Scheduler(styles(2), "ab", LIMITS)
    scheduler.to_ask(0)
    scheduler.server_out("a")
    scheduler.server_back("b")
    assert pairs(scheduler.assign(0)) == [("job-0", "b")]
    assert not scheduler.out_of_servers
    assert scheduler.to_ask(100) == []


def test_the_time_left_is_the_usual_time_of_what_is_left_over_the_servers_there_are():
    scheduler = begun(styles(5))
    assert scheduler.left_s(0) is None
    scheduler.assign(0)
    scheduler.ended("job-0", "a", Outcome.DONE, 10)
    assert scheduler.left_s(10) == 15.0  # three wait for 10 s each, one has run its 10 s
    scheduler.ended("job-1", "b", Outcome.SERVER_LOST, 10)
    assert scheduler.left_s(10) == 40.0


@pytest.mark.parametrize(
    "tasks",
    [
        [Task("a", needs=frozenset(["b"]))],
        [Task("a", needs=frozenset(["a"]))],
        [Task("a"), Task("b", needs=frozenset(["a"])), Task("c", needs=frozenset(["b"]))],
    ],
)
def test_needs_that_cannot_be_met_are_refused(tasks):
    with pytest.raises(ValueError, match="no task that needs nothing"):
        Scheduler(tasks, "a")


def test_an_end_that_nothing_began_is_an_error():
    scheduler = begun(styles(2))
    scheduler.assign(0)
    with pytest.raises(ValueError, match="a does not run job-1"):
        scheduler.ended("job-1", "a", Outcome.DONE, 1)


class World:
    """Servers that take drawn times and end as drawn, for one scheduler; it checks each step."""

    def __init__(self, scheduler: Scheduler, tasks: list[Task], draw):
        self.scheduler, self.draw = scheduler, draw
        self.tasks = {task.name: task for task in tasks}
        self.at: dict[str, str] = {}
        self.done: set[str] = set()
        self.refused: set[str] = set()
        self.events: list[tuple[float, int, str, str]] = []
        self.count = itertools.count()

    def later(self, when: float, kind: str, server: str) -> None:
        heapq.heappush(self.events, (when, next(self.count), kind, server))

    def step(self, now: float) -> None:
        for server in self.scheduler.to_ask(now):
            self.later(now + 0.1, "asked", server)
        for one in self.scheduler.assign(now):
            assert one.server not in self.at, "a server has two tasks"
            assert one.task not in self.done | self.refused, "what is done is begun again"
            assert self.tasks[one.task].needs <= self.done, "begun before what it needs"
            assert one.copy == (one.task in self.at.values())
            self.at[one.server] = one.task
            self.later(now + self.draw(st.sampled_from([0.5, 1.0, 20.0])), "ended", one.server)
        due = self.scheduler.next_due(now)
        if due is not None:
            self.later(due, "due", "")

    def happens(self, now: float, kind: str, server: str) -> None:
        if kind == "asked":
            answer = self.draw(st.sampled_from(["back", "back", "away", "out"]))
            if answer == "away":
                self.scheduler.server_away(server, now)
            elif answer == "out" and server != "a":  # one server stays in the play
                self.scheduler.server_out(server)
            else:
                self.scheduler.server_back(server)
        elif kind == "ended":
            task = self.at.pop(server)
            outcome = self.draw(st.sampled_from([*[Outcome.DONE] * 4, *Outcome]))
            first = task not in self.done | self.refused
            others = self.scheduler.ended(task, server, outcome, now)
            assert {one.server for one in others} <= {s for s, t in self.at.items() if t == task}
            if first and outcome is Outcome.DONE:
                self.done.add(task)
            elif first and self.scheduler.state(task) is State.FAILED:
                self.refused.add(task)
            for one in others:  # told to stop, it ends soon
                self.later(now + 0.1, "stop", one.server)
        elif kind == "stop" and server in self.at:
            self.scheduler.ended(self.at.pop(server), server, Outcome.AGAIN, now)

    def play(self) -> None:
        now, guard = 0.0, itertools.count()
        while not self.scheduler.over:
            assert next(guard) < 20_000, "it never ends"
            self.step(now)
            assert self.events, "it stands still"
            now, _, kind, server = heapq.heappop(self.events)
            if kind != "ended" or server in self.at:
                self.happens(now, kind, server)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), clips=st.integers(0, 4), each=st.integers(0, 5), servers=st.integers(1, 5))
def test_whatever_fails_each_task_ends_once_and_in_order(data, clips, each, servers):
    tasks = [task for number in range(clips) for task in clip(f"clip{number}", each)] + styles(2)
    scheduler = Scheduler(tasks, "abcde"[:servers], LIMITS)
    world = World(scheduler, tasks, data.draw)
    world.play()
    counts = {state: scheduler.count(state) for state in State}
    assert sum(counts.values()) == len(tasks) and not counts[State.WAITING] + counts[State.RUNNING]
    for task in tasks:
        state = scheduler.state(task.name)
        assert (state is State.DONE) == (task.name in world.done)
        assert (state is State.BLOCKED) == (
            any(scheduler.state(need) is State.FAILED for need in task.needs)
        ), task

"""A farm that exists on paper: SimPy's clock and servers, and the scheduler that `restyle.py run` drives.

Servers die and come back, some are slow, noise and films go over one shared store. All that is drawn comes
from one seed.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import simpy

from tools.farm.scheduler import Scheduler
from tools.farm.tasks import Assignment, Limits, Outcome, State, Task

HOUR = 3600.0


@dataclass(frozen=True)
class Work:
    """Clips x styles, and what a run takes. Times in seconds on a usual server, sizes in bytes."""

    clips: int
    styles: int
    inversion_s: float
    style_s: float
    overhead_s: float  # of a run, in which the server does not compute: queueing, asking, the driver's tick
    spread: float  # of times: the standard deviation of their logarithm
    clip_bytes: float
    noise_bytes: float
    result_bytes: float

    @property
    def results(self) -> int:
        return self.clips * self.styles


@dataclass(frozen=True)
class Farm:
    """Servers and the store between them."""

    servers: int
    deaths: float = 0.0  # of a server, an hour
    back_s: float = 300.0  # until a dead server answers again
    slow_share: float = 0.0  # of runs that take slow_times as long
    slow_times: float = 5.0
    store_bytes_s: float = 1.25e9  # of the shared store, 10 Gbit/s
    seed: int = 0


@dataclass
class Report:
    """What came of it."""

    seconds: float = 0.0
    done: int = 0
    twice: int = 0  # results that were counted more than once
    failed: int = 0
    deaths: int = 0
    copies: int = 0
    computed_s: float = 0.0  # of all servers, also for what was lost
    store_s: float = 0.0
    store_bytes: float = 0.0
    scheduler_s: float = 0.0  # real time that the scheduler took
    events: int = 0

    @property
    def results_an_hour(self) -> float:
        return self.done / self.seconds * HOUR


@dataclass
class _World:
    environment: simpy.Environment
    scheduler: Scheduler
    work: Work
    farm: Farm
    report: Report
    draw: random.Random
    store: simpy.Resource
    wake: simpy.Event
    runs: dict[str, simpy.Process] = field(default_factory=dict)  # by server
    dies_at: dict[str, float] = field(default_factory=dict)
    up_at: dict[str, float] = field(default_factory=dict)
    has: dict[str, set[str]] = field(default_factory=dict)  # clips and noise that lie on a server
    done: set[str] = field(default_factory=set)


def tasks(work: Work) -> list[Task]:
    """What `restyle.py run` makes of such a batch."""
    found = []
    for clip in range(work.clips):
        found.append(Task(f"n{clip}", "inversion"))
        needs = frozenset([f"n{clip}"])
        found += [Task(f"s{clip}.{style}", "style", needs) for style in range(work.styles)]
    return found


def simulate(work: Work, farm: Farm, limits: Limits | None = None) -> Report:
    """Run the batch on the farm to its end."""
    environment, names = simpy.Environment(), [f"server{i}" for i in range(farm.servers)]
    world = _World(
        environment,
        Scheduler(tasks(work), names, limits),
        work,
        farm,
        Report(),
        random.Random(farm.seed),
        simpy.Resource(environment),
        environment.event(),
    )
    for name in names:
        world.dies_at[name], world.up_at[name], world.has[name] = _life(world, 0.0), 0.0, set()
    environment.run(until=environment.process(_drive(world)))
    world.report.failed = world.scheduler.count(State.FAILED) + world.scheduler.count(State.BLOCKED)
    return world.report


def _life(world: _World, now: float) -> float:
    """When a server that is up now dies."""
    rate = world.farm.deaths
    return now + world.draw.expovariate(rate) * HOUR if rate else float("inf")


def _timed(world: _World, function, *args: Any) -> Any:
    began = time.perf_counter()
    found = function(*args)
    world.report.scheduler_s += time.perf_counter() - began
    world.report.events += 1
    return found


def _drive(world: _World) -> Generator:
    """The loop of tools/farm/driver.py with another clock."""
    environment, scheduler = world.environment, world.scheduler
    while not scheduler.settled:
        now = environment.now
        for server in _timed(world, scheduler.to_ask, now):
            _ask(world, server, now)
        for one in _timed(world, scheduler.assign, now):
            world.report.copies += one.copy
            world.runs[one.server] = environment.process(_run(world, one))
        due = scheduler.next_due(now)
        world.wake = environment.event()
        waits = [world.wake] if due is None else [world.wake, environment.timeout(due - now)]
        yield environment.any_of(waits)
    world.report.seconds = environment.now


def _ask(world: _World, server: str, now: float) -> None:
    if now >= world.up_at[server]:
        world.scheduler.server_back(server)
    else:
        world.scheduler.server_away(server, now)


def _ring(world: _World) -> None:
    if not world.wake.triggered:
        world.wake.succeed()


def _run(world: _World, one: Assignment) -> Generator:
    """One task on one server, until it is done, the server dies, or it is told to stop."""
    environment, outcome = world.environment, Outcome.AGAIN
    working = environment.process(_steps(world, one))
    death = environment.timeout(max(world.dies_at[one.server] - environment.now, 0.0))
    try:
        yield environment.any_of([working, death])
        outcome = Outcome.DONE if working.processed or working.triggered else Outcome.SERVER_LOST
    except simpy.Interrupt:
        pass
    if outcome is not Outcome.DONE and working.is_alive:
        working.interrupt()
    if outcome is Outcome.SERVER_LOST:
        _die(world, one.server)
    _end(world, one, outcome)


def _die(world: _World, server: str) -> None:
    now = world.environment.now
    world.report.deaths += 1
    world.up_at[server] = now + world.farm.back_s
    world.dies_at[server] = _life(world, world.up_at[server])
    world.has[server].clear()


def _end(world: _World, one: Assignment, outcome: Outcome) -> None:
    environment, scheduler = world.environment, world.scheduler
    first = scheduler.state(one.task) is State.RUNNING
    others = _timed(world, scheduler.ended, one.task, one.server, outcome, environment.now)
    if first and outcome is Outcome.DONE:
        world.report.twice += one.task in world.done
        world.done.add(one.task)
        world.report.done += one.task.startswith("s")
    for other in others:
        world.runs[other.server].interrupt()
    _ring(world)


def _steps(world: _World, one: Assignment) -> Generator:
    """What goes in, what is computed, what comes out."""
    work, clip = world.work, one.task[1:].partition(".")[0]
    inversion = one.task.startswith("n")
    needed = {f"clip{clip}": work.clip_bytes} | ({} if inversion else {f"noise{clip}": work.noise_bytes})
    missing = {name: size for name, size in needed.items() if name not in world.has[one.server]}
    try:
        yield from _moved(world, sum(missing.values()))
        world.has[one.server] |= missing.keys()
        seconds = _seconds(world, work.inversion_s if inversion else work.style_s)
        began = world.environment.now
        try:
            yield world.environment.timeout(seconds + work.overhead_s)
        finally:
            world.report.computed_s += min(world.environment.now - began, seconds)
        yield from _moved(world, work.noise_bytes if inversion else work.result_bytes)
    except simpy.Interrupt:
        return


def _seconds(world: _World, usual: float) -> float:
    spread, farm = world.work.spread, world.farm
    # the mean of a lognormal of this spread is the usual time
    found = usual * world.draw.lognormvariate(-(spread**2) / 2, spread) if spread else usual
    return found * (farm.slow_times if world.draw.random() < farm.slow_share else 1.0)


def _moved(world: _World, size: float) -> Generator:
    """Bytes over the store, one transfer after another: as fast as shared, and simpler."""
    if not size:
        return
    with world.store.request() as turn:
        yield turn
        seconds = size / world.farm.store_bytes_s
        yield world.environment.timeout(seconds)
    world.report.store_s += seconds
    world.report.store_bytes += size


@dataclass(frozen=True)
class Expected:
    """The formula of docs/scale.md: results an hour between two bounds, and what limits them."""

    least: float
    most: float
    limit: str


def expected(work: Work, farm: Farm) -> Expected:
    """At most what servers and store take, were the batch endless and every style made where its noise was.

    At least that with noise read a second time, and the last run, which may be the slowest one, waited for.
    """
    run_s = work.style_s + work.overhead_s + (work.inversion_s + work.overhead_s) / work.styles
    slow = 1.0 + farm.slow_share * (farm.slow_times - 1.0)
    up = 1.0 / (1.0 + farm.deaths * (farm.back_s + run_s / 2) / HOUR)
    by_servers = farm.servers * up * HOUR / (run_s * slow)
    by_store = [farm.store_bytes_s * HOUR / size for size in bytes_a_result(work, farm)]
    most, limit = min((by_servers, "servers"), (by_store[1], "store"))
    end_s = slowest(work, farm) * max(work.inversion_s, work.style_s)
    least = work.results / (work.results / min(by_servers, by_store[0]) + end_s / HOUR)
    return Expected(least, most, limit)


def slowest(work: Work, farm: Farm) -> float:
    """How many times as long as usual the last run may take.

    It is the longest of those that the servers are in at the end, or a slow one, itself of no set length.
    """
    if farm.slow_share:
        return farm.slow_times * math.exp(work.spread)
    return math.exp(work.spread * math.sqrt(2 * math.log(1 + farm.servers)))


def bytes_a_result(work: Work, farm: Farm) -> tuple[float, float]:
    """Bytes over the store for each result, at most and at least.

    Its own, the noise written once, and noise and clip read by each server that restyles the clip. That is
    one at least, and one more where servers that are done take over styles of others. Where there are more
    servers than clips it may be another one for each style.
    """
    fewest = min(work.styles, max(1.0, farm.servers / work.clips))
    readers = work.styles if farm.servers > work.clips else fewest + 1
    once = (work.noise_bytes + work.clip_bytes) / work.styles
    return work.result_bytes + (1 + readers) * once, work.result_bytes + (1 + fewest) * once

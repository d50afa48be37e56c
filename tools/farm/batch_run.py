"""A batch from its file to its results: what is there, what is left, who makes it, what came of it."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.client import Client, ClientError
from tools.farm import outputs, pieces, pools, probe, servers, sheet
from tools.farm.batches import Batch
from tools.farm.driver import Drive
from tools.farm.errors import AGAIN, DONE, REFUSED, FarmError, Refused, TryAgain, judged
from tools.farm.jobs import Job
from tools.farm.journal import Journal
from tools.farm.outputs import Found
from tools.farm.pieces import Piece, Pieces
from tools.farm.scheduler import Scheduler
from tools.farm.table import Table
from tools.farm.tasks import Limits, State, Task


@dataclass(frozen=True)
class Options:
    """How a batch is run."""

    ray: str | None = None  # the address of a cluster
    threads: bool = False  # no Ray
    again: bool = False  # replace results that other settings made
    mix: bool = False  # use servers whose bits differ
    probe: bool = True
    tries: int = 3
    pause: float = 5.0
    timeout: float | None = None  # seconds of one run on a server
    patience: float = 600.0  # seconds without any server


def run(batch: Batch, options: Options, table: Table) -> int:
    """Run what is left of a batch; the exit code. Raises: FarmError before anything ran."""
    left = _left(batch, options)
    if not left:
        table.say(f"All {len(batch.jobs)} results are there already: nothing to do.")
        return DONE
    journal = Journal(batch.folder, table.say)
    there = len(batch.jobs) - len(left)
    begin = f"{len(left)} of {len(batch.jobs)} results are to be made" + (
        f", {there} are there" if there else ""
    )
    journal.tell("start", begin, jobs=len(batch.jobs), left=len(left), servers=list(batch.servers))
    try:
        with tempfile.TemporaryDirectory(prefix="restyle-") as scratch:
            return _made(batch, left, options, table, journal, Path(scratch))
    except FarmError as error:
        journal.tell("refused_all", error=str(error))
        raise
    finally:
        journal.close()


def _left(batch: Batch, options: Options) -> list[Job]:
    """The jobs whose results are not there. Raises: Refused where something else lies in their place."""
    left = []
    for job in batch.jobs:
        state = outputs.found(job.output, job.mark)
        if state in (Found.OTHER, Found.FOREIGN) and not options.again:
            raise Refused(in_the_way(job, state))
        if state is not Found.THIS:
            left.append(job)
    return left


def _is_there(job: Job) -> bool:
    """Whether the result is the job's, and not what --again could not replace."""
    try:
        return outputs.found(job.output, job.mark) is Found.THIS
    except (FarmError, OSError):
        return False


def in_the_way(job: Job, state: Found) -> str:
    """Why a result is not made, in a sentence."""
    why = (
        "was made with other settings"
        if state is Found.OTHER
        else "was not made by this tool, or was changed"
    )
    return f"{job.where}: {job.output} {why}: remove it, name another output, or give --again to replace it."


def _made(
    batch: Batch, left: list[Job], options: Options, table: Table, journal: Journal, scratch: Path
) -> int:
    object_info, planned = _planned(batch, left)
    for one in dict.fromkeys(each.remark for each in planned if each.remark):
        journal.tell("remark", one)
    made = {each.style.name: each.style for each in planned}
    kept = {each.inversion.name: each.inversion for each in planned if each.inversion}
    wanted = {name: one for name, one in kept.items() if not outputs.is_whole_noise(one.target)}
    scheduler = Scheduler(
        _tasks(planned, wanted), batch.servers, Limits(tries=options.tries, pause=options.pause)
    )
    wants_probe = options.probe and len(batch.servers) > 1
    probed = _probe(planned[0], object_info, scratch, journal) if wants_probe else None
    with _pool(options, batch, journal) as pool:
        drive = Drive(
            scheduler=scheduler,
            pieces=wanted | made,
            records={each.style.name: job.mark for each, job in zip(planned, left, strict=True)},
            needed=servers.distinct([*wanted.values(), *made.values()], object_info),
            probed=probed,
            pool=pool,
            journal=journal,
            mix=options.mix,
            timeout=options.timeout,
            patience_s=options.patience,
        )
        drive.show = table.of(scheduler, len(batch.jobs) - len(left))
        try:
            with table:
                drive.run()
        except KeyboardInterrupt:
            return _stopped(batch, journal)
    return _end(batch, drive, journal)


def _planned(batch: Batch, left: list[Job]) -> tuple[dict, list[Pieces]]:
    """The pieces of all jobs, as the first server that knows their nodes sees them."""
    refused: FarmError | None = None
    for url in batch.servers:
        try:
            object_info = Client(url).object_info()
            planned = [pieces.of(job, object_info) for job in left]
        except (ClientError, OSError, FarmError) as error:
            found = judged(error)
            refused = found if refused is None or isinstance(refused, TryAgain) else refused
            continue
        return object_info, _named_apart(planned, left, batch.folder)
    raise refused or Refused("There is no server.")


def _named_apart(planned: list[Pieces], left: list[Job], folder: Path) -> list[Pieces]:
    """Styles by their place below the folder of results, which no two share."""

    def name(path: Path) -> str:
        with contextlib.suppress(ValueError):
            return path.relative_to(folder).as_posix()
        return str(path)

    styles = [
        dataclasses.replace(one.style, name=name(job.output)) for one, job in zip(planned, left, strict=True)
    ]
    return [dataclasses.replace(one, style=style) for one, style in zip(planned, styles, strict=True)]


def _tasks(planned: list[Pieces], wanted: dict[str, Piece]) -> Iterator[Task]:
    """An inversion before the first style that needs it."""
    seen: set[str] = set()
    for each in planned:
        needs = {each.inversion.name} & wanted.keys() if each.inversion else set()
        for name in needs - seen:
            seen.add(name)
            yield Task(name, "inversion")
        yield Task(each.style.name, "style", frozenset(needs))


def _probe(first: Pieces, object_info: dict, scratch: Path, journal: Journal) -> Piece | None:
    clip = next(one for one in (first.inversion or first.style).uploads if one.node != pieces.KEPT)
    try:
        found = probe.piece(first.whole, clip, object_info, scratch)
        why = "" if found else "the workflow makes no latent"
    except Refused as error:
        found, why = None, str(error)
    if why:
        journal.tell("probe_failed", f"The servers' bits are not compared: {why}")
    return found


@contextlib.contextmanager
def _pool(options: Options, batch: Batch, journal: Journal) -> Iterator[pools.Pool]:
    pool, words = pools.chosen(options.ray, options.threads, len(batch.servers))
    journal.tell("pool", f"{len(batch.servers)} servers, spoken to by {words}", pool=words)
    try:
        yield pool
    finally:
        pool.close()


def _stopped(batch: Batch, journal: Journal) -> int:
    done = sum(map(_is_there, batch.jobs))
    journal.tell("stop", f"Stopped: {done} of {len(batch.jobs)} are there; the same command makes the rest.")
    return AGAIN


def _end(batch: Batch, drive: Drive, journal: Journal) -> int:
    scheduler = drive.scheduler
    done = {job.output for job in batch.jobs if _is_there(job)}
    if done:
        with contextlib.suppress(FarmError):
            shown = sheet.write(batch, done, time.strftime("%Y-%m-%d %H:%M"))
            journal.tell("sheet", f"Contact sheet: {shown}", path=str(shown))
    missing = len(batch.jobs) - len(done)
    journal.tell("end", _words(len(batch.jobs), missing, scheduler), done=len(done), missing=missing)
    if not missing:
        return DONE
    if scheduler.out_of_servers:
        return REFUSED
    return REFUSED if not scheduler.count(State.WAITING) and _all_refused(drive) else AGAIN


def _all_refused(drive: Drive) -> bool:
    """Whether each task that failed was refused, so that another try is in vain."""
    return drive.refused >= {name for name in drive.pieces if drive.scheduler.state(name) is State.FAILED}


def _words(jobs: int, missing: int, scheduler: Scheduler) -> str:
    if not missing:
        return f"All {jobs} results are there."
    waits = scheduler.count(State.WAITING)
    why = f"; {waits} still wait for a server" if waits else ""
    return (
        f"{missing} of {jobs} results are missing{why}: the log says why, and the same command tries again."
    )

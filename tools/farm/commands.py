"""The command line of tools/restyle.py, from the arguments to the exit code."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from tools.farm import batch_run, batches, jobs, outputs, pieces, work
from tools.farm.errors import DONE, REFUSED, FarmError, Refused, TryAgain, judged
from tools.farm.heartbeat import Form, Say, on_stream
from tools.farm.jobs import Job
from tools.farm.outputs import Found
from tools.farm.table import Table

app = typer.Typer(add_completion=False, help="Restyle clips on ComfyUI servers, one or many.")
Server = Annotated[str | None, typer.Option("--server", metavar="URL", help="In place of the job file's.")]
Again = Annotated[bool, typer.Option("--again", help="Replace results that other settings made.")]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", metavar="SECONDS", min=1, help="Of one run on a server; no limit."),
]


@app.command()
def job(
    file: Annotated[Path, typer.Argument(metavar="JOB.json")],
    server: Server = None,
    again: Again = False,
    heartbeat: Annotated[Form, typer.Option(help="How the lines on stdout look.")] = Form.plain,
    timeout: Timeout = None,
    reconnect: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long a lost server is waited for.")
    ] = 30.0,
) -> None:
    """One clip and one style on one ComfyUI: exit code 0 done, 75 try again, 1 refused."""
    with _stoppable():
        _job(jobs.on(jobs.read(file), server), on_stream(sys.stdout, heartbeat), again, timeout, reconnect)


def _job(found: Job, say: Say, again: bool, timeout: float | None, reconnect: float) -> None:
    state = outputs.found(found.output, found.mark)
    if state is Found.THIS:
        return say(f"{found.output} is there already: nothing to do", 100.0)
    if state is not Found.NOTHING and not again:
        raise Refused(batch_run.in_the_way(found, state))
    made = _run_job(found, say, timeout, reconnect)
    say(f"{made.path} is done, {made.size} bytes", 100.0)


def _run_job(found: Job, say: Say, timeout: float | None, reconnect: float) -> outputs.Made:
    planned = pieces.of(found, _object_info(found.server, say))
    if planned.remark:
        say(planned.remark)
    if planned.inversion is not None and not outputs.is_whole_noise(planned.inversion.target):
        say("unsampling: the inversion is kept for other styles")
        work.perform(planned.inversion, found.server, say, None, timeout, reconnect)
    return work.perform(planned.style, found.server, say, found.mark, timeout, reconnect, fresh=False)


def _object_info(url: str, say: Say) -> dict:
    say(f"asking {url} what it has")
    try:
        return work.Client(url).object_info()
    except (work.ClientError, OSError) as error:
        raise judged(error) from None


@app.command()
def run(
    file: Annotated[Path, typer.Argument(metavar="JOBS.csv|.yaml")],
    server: Annotated[
        list[str] | None, typer.Option("--server", metavar="URL", help="May be given more than once.")
    ] = None,
    output: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the results go.")] = None,
    workflow: Annotated[Path | None, typer.Option(metavar="FILE", help="For all jobs.")] = None,
    ray: Annotated[str | None, typer.Option(metavar="ADDRESS", help="A Ray cluster, such as auto.")] = None,
    threads: Annotated[bool, typer.Option("--threads", help="Without Ray.")] = False,
    again: Again = False,
    mix: Annotated[bool, typer.Option("--mix", help="Use servers whose bits differ, too.")] = False,
    no_probe: Annotated[
        bool, typer.Option("--no-probe", help="Do not compare a frame across servers.")
    ] = False,
    tries: Annotated[int, typer.Option(min=1, help="Of a run that fails.")] = 3,
    pause: Annotated[float, typer.Option(metavar="SECONDS", min=0.01, help="After a first failure.")] = 5.0,
    timeout: Timeout = None,
    patience: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long to go on without any server.")
    ] = 600.0,
) -> None:
    """Clips x styles on one ComfyUI or many: what is there already is not made again."""
    options = batch_run.Options(ray, threads, again, mix, not no_probe, tries, pause, timeout, patience)
    with _stoppable():
        batch = batches.read(file, server or [], output, workflow)
        code = batch_run.run(batch, options, Table(Console(soft_wrap=True)))
    raise typer.Exit(code)


@app.command()
def split(
    file: Annotated[Path, typer.Argument(metavar="JOBS.csv|.yaml")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER")],
    output: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the results go.")] = None,
    workflow: Annotated[Path | None, typer.Option(metavar="FILE", help="For all jobs.")] = None,
) -> None:
    """Write 1.json, 2.json, ... for a farm manager: a job file for each result."""
    batch = batches.read(file, [], output, workflow)
    for number, one in enumerate(batch.jobs, 1):
        told = json.dumps(jobs.as_file(one), indent=1, ensure_ascii=False) + "\n"
        outputs.write(folder / f"{number}.json", [told.encode()])
    print(f"{len(batch.jobs)} job files are in {folder}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code. Each failure is one sentence on stderr."""
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        code = app(arguments, standalone_mode=False)
        return code if isinstance(code, int) else DONE
    except FarmError as error:
        return _said(str(error), error.code)
    except typer.TyperException as error:  # a wrong option, or none where one is needed
        told = getattr(error, "format_message", None)
        return _said(told() if told else str(error), REFUSED)
    except OSError as error:
        found = judged(error)
        return _said(str(found), found.code)


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """A stop is a reason to try again; typer would make another code of it."""
    try:
        yield
    except KeyboardInterrupt:
        raise TryAgain("Stopped before the end; the same command goes on.") from None


def _said(text: str, code: int) -> int:
    print(f"error: {' '.join(text.split())}", file=sys.stderr)
    return code


def _interrupted(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt

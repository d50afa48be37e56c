"""The same batch on one and on two real ComfyUIs whose model sleeps, from the logs of `restyle.py run`."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Measured:
    """One batch: seconds from the first begin to the last end, and those of each run by its kind."""

    servers: int
    results: int
    seconds: float
    inversions: tuple[float, ...]
    styles: tuple[float, ...]

    @property
    def results_an_hour(self) -> float:
        return self.results / self.seconds * 3600.0


def measure(clips: int, delay_s: float, rounds: int) -> list[Measured]:
    """Each round runs the batch on one server, then on both; every run computes, none is cached."""
    sys.path.insert(0, str(ROOT / "tests" / "host"))
    from farm_servers import servers, workflow, write_batch

    found = []
    with tempfile.TemporaryDirectory(prefix="farm-") as folder, servers(Path(folder) / "servers") as sessions:
        for number in range(rounds):
            for count in (1, 2):
                # a little more sleep makes it another batch: else the servers' history would have its results
                sleep = delay_s * (1 + (2 * number + count) / 1000)
                prompt = workflow(sessions[0].model("one_level"), sleep)
                path = write_batch(Path(folder) / f"batch{number}-{count}", prompt, clips)
                _run(path, [one.server.url for one in sessions[:count]])
                found.append(read(path.parent / "restyled" / "restyle_log.jsonl", count))
    return found


def _run(path: Path, urls: list[str]) -> None:
    options = [word for url in urls for word in ("--server", url)]
    command = [sys.executable, str(ROOT / "tools" / "restyle.py"), "run", str(path), *options]
    done = subprocess.run([*command, "--threads", "--no-probe"], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the batch failed:\n{done.stdout}{done.stderr}")


def read(log: Path, servers: int) -> Measured:
    """What a log tells."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    begun = [_time(line) for line in lines if line["event"] == "begun"]
    done = [line for line in lines if line["event"] == "done"]
    inversions = tuple(line["seconds"] for line in done if line["task"].startswith("noise of"))
    styles = tuple(line["seconds"] for line in done if not line["task"].startswith("noise of"))
    seconds = max(map(_time, done)) - min(begun)
    return Measured(servers, len(styles), seconds, inversions, styles)


def _time(line: dict) -> float:
    return datetime.fromisoformat(line["time"]).timestamp()


def fitted(found: list[Measured]) -> tuple[float, float, float]:
    """Mean seconds of an inversion and of a style on one server, and the spread of their logarithms."""
    alone = [one for one in found if one.servers == 1]
    inversions = [second for one in alone for second in one.inversions]
    styles = [second for one in alone for second in one.styles]
    spread = statistics.pstdev([math.log(second / statistics.mean(styles)) for second in styles])
    return statistics.mean(inversions), statistics.mean(styles), spread

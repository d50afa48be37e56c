"""How a batch scales: measured on one and two real ComfyUIs, simulated on 1 to 1,000 servers.

`python -m benchmarks.farm` writes benchmarks/results/farm.md. The simulation runs the scheduler that
`restyle.py run` runs. docs/scale.md says what follows.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
from pathlib import Path

from benchmarks.farm.measured import Measured, fitted, measure
from benchmarks.farm.simulation import Farm, Report, Work, bytes_a_result, expected, simulate
from benchmarks.host.in_host import missing
from benchmarks.report import Check, number, promises, table, versions

RESULT = Path(__file__).parents[1] / "results" / "farm.md"
SIZES = (1, 8, 64, 1000)
STYLES = 12
MIB = 2.0**20
# 64 frames of 512x512, 16 steps: benchmarks/results/noise_file.md. A film of them, and its source, some MiB.
NOISE, FILM = 84 * MIB, 4 * MIB
ROUGH = {"deaths": 0.01, "slow_share": 0.02, "slow_times": 5.0}
NEAR = (
    1.03  # of the formula's larger figure: times that were drawn have not just the mean they are drawn from
)
MINUTES = (180.0, 150.0)  # assumed, seconds: an inversion and a style on a graphics card


def on_paper(inversion_s: float, style_s: float, overhead_s: float, spread: float, servers: int) -> Work:
    """A batch large enough for so many servers: a dozen runs for each or more."""
    clips = max(16, servers)
    return Work(clips, STYLES, inversion_s, style_s, overhead_s, spread, FILM, NOISE, FILM)


def overhead(found: list[Measured]) -> float:
    """Seconds between two runs of one server."""
    alone = [one for one in found if one.servers == 1]
    gaps = [
        (one.seconds - sum(one.inversions) - sum(one.styles)) / (one.results + len(one.inversions))
        for one in alone
    ]
    return max(statistics.mean(gaps), 0.0)


def beside(found: list[Measured]) -> tuple[str, list[Check]]:
    """Measured and simulated throughput on one and two servers."""
    inversion_s, style_s, spread = fitted(found)
    clips, results = len(found[0].inversions), found[0].results
    work = Work(clips, results // clips, inversion_s, style_s, overhead(found), spread, 0, 0, 0)
    rows, rates, checks = [], {}, []
    for count in (1, 2):
        rates[count] = statistics.median(one.results_an_hour for one in found if one.servers == count)
        reports = [simulate(work, Farm(count, seed=seed)) for seed in range(20)]
        paper = statistics.median(one.results_an_hour for one in reports)
        off = paper / rates[count] - 1
        rows.append([str(count), f"{rates[count]:.0f}", f"{paper:.0f}", f"{100 * off:+.1f} %"])
        promise = f"the simulation meets the measured throughput of {count} within 10 percent"
        checks.append(Check(promise, f"{100 * off:+.1f} percent", abs(off) <= 0.1))
    ratio = rates[2] / rates[1]
    promise = "two servers have at least 1.8 times the throughput of one, where the model sleeps"
    checks.insert(0, Check(promise, f"Ratio {ratio:.2f}", ratio >= 1.8))
    return table(["servers", "measured, results an hour", "simulated", "off"], rows), checks


def scaled(times: tuple[float, float], overhead_s: float, spread: float) -> tuple[str, list[Report], int]:
    """The simulation at each size, calm and rough, beside the formula; and how often it lies outside."""
    rows, reports, outside = [], [], 0
    for servers in SIZES:
        work = on_paper(*times, overhead_s, spread, servers)
        for words, more in (("calm", {}), ("rough", ROUGH)):
            farm = Farm(servers, **more)
            report, formula = simulate(work, farm), expected(work, farm)
            most, least = bytes_a_result(work, farm)
            outside += not formula.least <= report.results_an_hour <= formula.most * NEAR
            reports.append(dataclasses.replace(report, failed=report.failed + work.results - report.done))
            rows.append(
                [
                    f"{servers}, {words}",
                    f"{work.results}",
                    f"{report.results_an_hour:.0f}",
                    f"{formula.least:.0f} to {formula.most:.0f}, {formula.limit}",
                    f"{100 * report.computed_s / (servers * report.seconds):.0f} %",
                    f"{100 * report.store_s / report.seconds:.1f} %",
                    f"{report.store_bytes / report.done / MIB:.1f}, {least / MIB:.1f} to {most / MIB:.1f}",
                    f"{report.deaths}, {report.copies}",
                    f"{1e6 * report.scheduler_s / report.events:.0f}",
                ]
            )
    titles = [
        "servers",
        "results",
        "results an hour",
        "formula, limit",
        "servers compute",
        "store busy",
        "MiB a result, formula",
        "deaths, second runs",
        "us a decision",
    ]
    return table(titles, rows), reports, outside


def written(found: list[Measured], command: str) -> tuple[str, bool]:
    """The file of results, and whether all promises hold."""
    inversion_s, style_s, spread = fitted(found)
    near, checks = beside(found)
    gap = overhead(found)
    short, first, outside = scaled((inversion_s, style_s), gap, spread)
    long, second, outside_too = scaled(MINUTES, gap, spread)
    lost = sum(one.failed for one in (*first, *second))
    twice = sum(one.twice for one in (*first, *second))
    finding = f"{lost} missing, {twice} twice"
    checks.append(Check("on paper every result is made, none twice", finding, not lost + twice))
    promise = "on paper the formula's two figures have the simulated one between them"
    finding = f"{outside + outside_too} of {len(first) + len(second)} outside"
    checks.append(Check(promise, finding, not outside + outside_too))
    clips, results = len(found[0].inversions), found[0].results
    paragraphs = [
        "# Batches on one server and many",
        f"`{command}`. {versions()}.",
        f"Measured: {clips} clips x {results // clips} styles on real ComfyUIs of this machine, whose model"
        f" sleeps in each call; medians of {len(found) // 2} rounds. On one server an inversion took"
        f" {inversion_s:.2f} s, a style {style_s:.2f} s, and {number(gap)} s passed between two runs; the"
        f" spread of the logarithm of times is {number(spread)}.",
        near,
        "## On paper, runs as long as the measured ones",
        f"SimPy, and the scheduler that `restyle.py run` runs. {STYLES} styles a clip, {NOISE / MIB:.0f} MiB"
        f" of noise a clip, films of {FILM / MIB:.0f} MiB, a store of 10 Gbit/s. Rough: 1 percent of the"
        " servers die an hour and are away for five minutes, 2 percent of the runs take five times as long.",
        short,
        "## On paper, runs of minutes",
        f"The same with {MINUTES[0]:.0f} s an inversion and {MINUTES[1]:.0f} s a style, assumed.",
        long,
        promises(checks),
    ]
    return "\n\n".join(paragraphs), all(check.holds is not False for check in checks)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.farm", description=__doc__)
    parser.add_argument("--clips", type=int, default=4, help="of the measured batch (default: %(default)s)")
    parser.add_argument(
        "--sleep", type=float, default=1.0, help="seconds a model call (default: %(default)s)"
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="of the measured batches (default: %(default)s)"
    )
    options = parser.parse_args()
    if missing("benchmarks.farm"):
        return 1
    found = measure(options.clips, options.sleep, options.rounds)
    given = f"--clips {options.clips} --sleep {options.sleep:g} --rounds {options.rounds}"
    text, holds = written(found, f"python -m benchmarks.farm {given}")
    RESULT.write_text(text)
    print(text)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())

"""The farm on paper: nothing is lost or made twice, a seed gives one course, the page's formula holds."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks.farm.simulation import Farm, Work, bytes_a_result, expected, simulate
from tools.farm.tasks import Limits

WORK = Work(24, 6, 30.0, 20.0, 0.5, 0.2, 4e6, 88e6, 4e6)
ROUGH = {"deaths": 6.0, "back_s": 60.0, "slow_share": 0.05}


@pytest.mark.parametrize("servers", [1, 2, 7, 40])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_dies_every_result_is_made_once(servers, seed):
    # a server dies every ten minutes: what it takes down is no fault of the task
    report = simulate(WORK, Farm(servers, seed=seed, **ROUGH), Limits(losses=1000))
    assert (report.done, report.twice, report.failed) == (WORK.results, 0, 0)
    assert report.deaths > 0


def test_one_seed_gives_one_course():
    def course(seed: int) -> tuple:
        report = simulate(WORK, Farm(7, seed=seed, **ROUGH))
        return report.seconds, report.deaths, report.copies, report.store_bytes

    assert course(1) == course(1) != course(2)


STORE = dataclasses.replace(WORK, style_s=2.0, inversion_s=3.0)


@pytest.mark.parametrize(
    ("work", "farm", "limit"),
    [
        *((WORK, Farm(servers), "servers") for servers in (1, 2, 4, 24)),
        (WORK, Farm(24, slow_share=0.02), "servers"),
        (WORK, Farm(8, deaths=0.5, slow_share=0.05, slow_times=3.0), "servers"),
        (WORK, Farm(24, store_bytes_s=5e6), "store"),
        (STORE, Farm(48, store_bytes_s=2e7), "store"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_the_formula_has_the_simulation_between_its_figures(work, farm, limit):
    seeds = [dataclasses.replace(farm, seed=seed) for seed in range(5)]
    reports, formula = [simulate(work, one) for one in seeds], expected(work, farm)
    rate = sum(report.results_an_hour for report in reports) / len(reports)
    assert formula.limit == limit and formula.least <= rate <= 1.03 * formula.most
    assert formula.least > 0.4 * formula.most  # or the two would say nothing
    busy = [report.store_s / report.seconds for report in reports]
    assert (min(busy) > 0.8) is (limit == "store")


@pytest.mark.parametrize("servers", [1, 2, 4, 24])
def test_the_formula_has_the_bytes_of_a_result(servers):
    report, (most, least) = simulate(WORK, Farm(servers)), bytes_a_result(WORK, Farm(servers))
    assert 0.95 * least <= report.store_bytes / report.done <= 1.05 * most


def test_two_servers_have_twice_the_throughput_of_one():
    one, two = (simulate(WORK, Farm(count)).results_an_hour for count in (1, 2))
    assert two / one == pytest.approx(2.0, rel=0.05)


def test_stragglers_are_run_again_and_that_shortens_the_end():
    slow = Farm(12, slow_share=0.05, slow_times=20.0, seed=3)
    work = dataclasses.replace(WORK, clips=12)
    with_copies = simulate(work, slow)
    without = simulate(work, slow, Limits(straggler=1e9))
    assert with_copies.copies > 0 == without.copies
    assert with_copies.seconds < without.seconds

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


@pytest.mark.parametrize("servers", [1, 2, 4])
def test_the_formula_meets_the_simulation_where_servers_limit(servers):
    report, (formula, limit) = simulate(WORK, Farm(servers)), expected(WORK, Farm(servers))
    assert limit == "servers"
    assert report.results_an_hour == pytest.approx(formula, rel=0.1)
    a_result = report.store_bytes / report.done
    assert a_result == pytest.approx(bytes_a_result(WORK, Farm(servers)), rel=0.25)


def test_the_formula_meets_the_simulation_where_the_store_limits():
    farm = Farm(24, store_bytes_s=5e6)
    report, (formula, limit) = simulate(WORK, farm), expected(WORK, farm)
    assert limit == "store" and report.results_an_hour == pytest.approx(formula, rel=0.25)
    assert report.store_s / report.seconds > 0.9


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

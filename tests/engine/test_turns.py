"""A function that runs beside its caller and stops at each question."""

import contextvars
import threading

import pytest
import torch

from unsampling.turns import Turns

SET = contextvars.ContextVar("SET", default="nothing")


def sum_of_three(ask):
    return sum(ask(number) for number in range(3))


def test_each_question_waits_for_its_answer():
    with Turns() as turns:
        turns.begin(sum_of_three)
        asked = []
        while not turns.done:
            asked.append(turns.question)
            turns.answer(10 + turns.question)
    assert asked == [0, 1, 2]
    assert turns.result == 33 and turns.question is None


def test_a_function_without_a_question_is_done_at_once():
    with Turns() as turns:
        turns.begin(lambda ask: "nothing to ask")
        assert turns.done and turns.result == "nothing to ask"


def test_an_error_of_the_function_comes_out():
    with Turns() as turns:
        turns.begin(lambda ask: 1 / ask("by what"))
        with pytest.raises(ZeroDivisionError):
            turns.answer(0)
        assert not turns.done


def test_an_error_of_the_answer_goes_through_the_function():
    seen = []

    def work(ask):
        try:
            ask("anything")
        finally:
            seen.append("cleaned up")

    with Turns() as turns:
        turns.begin(work)
        with pytest.raises(KeyError, match="cancelled"):
            turns.fail(KeyError("cancelled"))
    assert seen == ["cleaned up"]


def test_a_function_that_is_left_ends_and_cleans_up():
    seen, before = [], threading.active_count()

    def work(ask):
        try:
            ask("the first")
            seen.append("went on")
        finally:
            seen.append("cleaned up")

    with pytest.raises(RuntimeError, match="of the caller"), Turns() as turns:
        turns.begin(work)
        raise RuntimeError("of the caller")
    assert seen == ["cleaned up"] and threading.active_count() == before


def test_it_runs_under_the_callers_modes_and_context():
    def modes(ask):
        return torch.is_inference_mode_enabled(), torch.is_grad_enabled(), SET.get()

    SET.set("by the caller")
    for mode in (torch.inference_mode(), torch.no_grad(), torch.enable_grad()):
        with mode, Turns() as turns:
            turns.begin(modes)
            assert turns.result == modes(None)

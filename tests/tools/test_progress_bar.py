"""The progress bar on a terminal and off it, by a clock of ours."""

from __future__ import annotations

import io

import pytest

from tools.client.progress_bar import ProgressBar, clock


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def played(stream: io.StringIO, steps: list[tuple[float, str, float | None]], maximum: float = 16) -> str:
    """What the bar writes for (time, node, step)."""
    at = [0.0]
    bar = ProgressBar(stream, {"3": "Resampler", "4": "Decode"}, lambda: at[0])
    for time, node, value in steps:
        at[0] = time
        bar("position", {"node": node, "value": value, "max": None if value is None else maximum})
    bar.close()
    return stream.getvalue()


STEPS = [(0, "3", None), *((float(i), "3", i) for i in range(1, 17)), (17, "4", None)]


def test_plain_lines_are_few_and_whole():
    assert played(io.StringIO(), STEPS).splitlines() == [
        "Resampler",
        "Resampler 10/16 0:10, 0:06 left",
        "Resampler 16/16 0:16",
        "Decode",
    ]


def test_a_terminal_line_is_redrawn_and_ended_once_a_node():
    text = played(Terminal(), STEPS)
    assert text.count("\n") == 2 and text.count("\r") == 18
    assert "[##########          ] Resampler 8/16 0:08, 0:08 left" in text


def test_lines_fit_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    drawn = [line for part in played(Terminal(), STEPS).split("\n") for line in part.split("\r") if line]
    assert {len(line) for line in drawn} == {29}


def test_a_second_pass_of_the_same_node_measures_anew():
    lines = played(
        io.StringIO(), [(0, "3", None), (100, "3", 16), (101, "3", 1), (120, "3", 11)]
    ).splitlines()
    assert lines[-1] == "Resampler 11/16 2:00, 0:09 left"


def test_the_other_events():
    stream = io.StringIO()
    bar = ProgressBar(stream, {})
    bar("status", {"status": {"exec_info": {"queue_remaining": 3}}})
    bar("execution_cached", {"nodes": ["1", "2"]})
    bar("execution_cached", {"nodes": []})
    bar("position", {"node": "8", "value": None, "max": None})
    bar("lost", {})
    bar("executed", {"node": "8"})
    assert stream.getvalue().splitlines() == [
        "waiting: 3 runs in the server's queue",
        "2 nodes unchanged since the last run",
        "node 8",
        "lost the server, trying to reach it again",
    ]


def test_titles_a_stream_cannot_write_are_replaced():
    raw = io.BytesIO()
    bar = ProgressBar(io.TextIOWrapper(raw, encoding="ascii"), {"1": "Load \U0001f3ad"})
    bar("position", {"node": "1", "value": None, "max": None})
    assert raw.getvalue() == b"Load ?\n"


@pytest.mark.parametrize("seconds, text", [(0, "0:00"), (-3, "0:00"), (65.9, "1:05"), (3723, "1:02:03")])
def test_clock(seconds, text):
    assert clock(seconds) == text

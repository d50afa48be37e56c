"""benchmarks/steps: which rows it has, what they cost, and what its report says."""

import re
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import pytest
import torch
from test_style_transfer import cheap

from benchmarks.control import ways as control_ways
from benchmarks.steps import __main__ as steps
from benchmarks.steps import ways
from benchmarks.style_transfer import cases, clips
from benchmarks.style_transfer.measures import Likeness
from demo import model

torch.set_num_threads(1)
SOLVERS = ("dpmpp_2m", "euler", "midpoint")


@pytest.fixture
def run(monkeypatch, tmp_path):
    """The command in this process, on a model and likenesses that cost nothing."""

    def pool(workers, context, start, given):
        start(*given)
        return ThreadPoolExecutor(1)

    def like(clip, *_):
        known = dict.fromkeys(Likeness.__dataclass_fields__, 0.0)
        return Likeness(**(known | {"hit": True, "jump": None, "error": float(clip.mean().abs())}))

    for where, name, stub in (
        (clips, "ProcessPoolExecutor", pool),
        (cases, "likeness", like),
        (model, "load", lambda path: None),
        (model, "denoiser", cheap),
    ):
        monkeypatch.setattr(where, name, stub)
    weights = tmp_path / "weights"
    weights.write_bytes(b"some")
    kept = ["--kept", str(tmp_path / "kept"), "--weights", str(weights), "--workers", "1"]
    return lambda *given: steps.main([*kept, *given])


def test_every_solver_has_a_row_at_each_number_of_steps(run, monkeypatch, tmp_path, capsys):
    output = str(tmp_path / "first")
    assert run("--clips", "1", "--output", output) == 0
    monkeypatch.setattr(model, "denoiser", None)  # nothing is left to measure
    assert run("--clips", "1", "--output", output) == 0
    text = (tmp_path / "first" / "steps.md").read_text()
    assert "`python -m benchmarks.steps --first 64 --clips 1`" in text and "nan" not in text
    assert "The reporting half: no setting was chosen" in text
    table = text.partition("## Every clip\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| 1 \| ([\d.]+) \+ ([\d.]+) = ", table, re.MULTILINE)
    expected = {f"{solver}, {count} steps" for solver in SOLVERS for count in (8, 16, 24)}
    expected |= {f"{solver}, 16 steps, no path" for solver in SOLVERS} | {"core euler, 50 steps"}
    assert {name for name, _, _ in rows} == expected
    asked = {name: (float(up), float(down)) for name, up, down in rows}
    assert asked["midpoint, 16 steps, no path"] == (18, 17)
    assert asked["core euler, 50 steps"] == (50, 50)
    assert [asked[f"euler, {count} steps"][1] for count in (8, 16, 24)] == [8, 16, 24]
    # of one clip nothing is promised
    assert text.count("**for information**") == len(expected) - 1
    assert "±" not in text.partition("## What must hold")[2] and "1 clips" not in text
    assert "midpoint, 8 steps, at " in text


@pytest.mark.parametrize("work", [clips.job_results, control_ways.job_results, ways.job_results])
def test_a_fresh_process_can_import_what_it_runs(work):
    """A worker looks for it by its module, and does not load a package's __main__ for that."""
    assert getattr(import_module(work.__module__), work.__name__) is work
    assert not work.__module__.endswith("__main__")


def test_whose_clips_they_are_is_said(run, capsys):
    assert run("--first", "500", "--clips", "1") == 0
    assert "Clips 500 to 500, none of them of the tuning half." in capsys.readouterr().out
    assert run("--weights", "missing", "--clips", "1") == 1
    assert "steps: missing is missing; train it with python -m demo.train" in capsys.readouterr().err

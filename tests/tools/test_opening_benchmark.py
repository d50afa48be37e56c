"""Which of core's templates the benchmark of opening holds beside ours, and when its promise holds."""

import json

import pytest

pytest.importorskip("playwright", reason="playwright is not installed: `make setup` brings it")
pytest.importorskip("comfyui_workflow_templates_json", reason="core's templates: `make setup` brings them")

from benchmarks.opening import __main__ as opening
from benchmarks.opening import files


def graph(shown: int, inside: int = 0, kind: str = "KSampler") -> str:
    held = [{"type": "sub"}] if inside else []
    nodes = held + [{"type": "Note"}] + [{"type": kind}] * (shown - 1 - len(held))
    subgraphs = [{"id": "sub", "nodes": [{"type": kind}] * inside}] if inside else []
    return json.dumps({"nodes": nodes, "definitions": {"subgraphs": subgraphs}})


@pytest.fixture
def folders(tmp_path, monkeypatch):
    for name in ("OURS", "CORES"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(files, name, tmp_path / name)
    (tmp_path / "OURS" / "large.json").write_text(graph(20, 8))
    (tmp_path / "OURS" / "small.json").write_text(graph(17))
    for name, text in {
        "alike": graph(19, 8),
        "flat": graph(28),
        "unknown": graph(20, 8, "Missing"),
        "little": graph(3),
        "no graph": "[]",
    }.items():
        (tmp_path / "CORES" / f"{name}.json").write_text(text)
    return tmp_path


def test_each_of_ours_stands_beside_the_most_similar_one_that_is_not_taken(folders):
    found = list(files.pairs({"KSampler"}))
    assert [(ours.name, core.name) for ours, core in found] == [("large", "alike"), ("small", "flat")]
    assert (found[0][0].shown, found[0][0].nodes) == (20, 28)
    files.offer(folders / "base", ["alike"])
    assert (folders / "base/custom_nodes/cores_templates/example_workflows/alike.json").is_file()


def test_a_slow_template_breaks_the_promise(folders):
    chosen = list(files.pairs({"KSampler"}))[:1]
    times = {
        "large": [1.0, 9.0, 1.0],
        "alike": [1.0, 1.0, 1.0],
        opening.WITH: [2.0] * 3,
        opening.WITHOUT: [1.9] * 3,
    }
    text, holds = opening.written({"classic": (chosen, times)}, 3)
    assert holds and "| 1.00 | 1.00 | 1.00 |" in text and "2.00 | 1.90 | 1.05" in text
    text, holds = opening.written({"classic": (chosen, times | {"alike": [0.9] * 3})}, 3)
    assert not holds and "1.11 times" in text

"""A node's status line, of every sentence that the code can say: short enough, the verdict first."""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from comfy_objects import imported

from unsampling_pack.host import told
from unsampling_pack.host.told import LOG, MOST, Told, fitted, status

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "host").glob("*.py"), *(ROOT / "unsampling").rglob("*.py")])
# what stands in a sentence, at its longest; all else is a number
LONGEST = {
    "name": "the direct path",
    "never": "high-noise",
    "unused": "other noise (slerp)",
    "precision": "lossless",
    "size": "1023.9 GiB",
    "said": "1000 restyles, 100000 model calls",
    "place": "restyle 1000 of 1000",
}
NUMBER = "123456"


def constants(tree: ast.AST) -> dict[str, ast.expr]:
    """What is assigned to each name, the last one where there are several."""
    named = [node for node in ast.walk(tree) if isinstance(node, ast.Assign) and len(node.targets) == 1]
    single = {n.targets[0].id: n.value for n in named if isinstance(n.targets[0], ast.Name)}
    pairs = [
        zip(n.targets[0].elts, n.value.elts, strict=False)
        for n in named
        if isinstance(n.targets[0], ast.Tuple) and isinstance(n.value, ast.Tuple)
    ]
    return single | {name.id: value for pair in pairs for name, value in pair if isinstance(name, ast.Name)}


def longest(node: ast.expr, names: dict[str, ast.expr]) -> str | None:
    """The sentence with what stands in it at its longest; None for what is no text of its own."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(longest(part, names) or "" for part in node.values)
    if isinstance(node, ast.FormattedValue):
        inner = node.value
        if isinstance(inner, ast.IfExp):
            return max((longest(one, names) or "" for one in (inner.body, inner.orelse)), key=len)
        if isinstance(inner, ast.Name):
            known = longest(names[inner.id], names) if inner.id in names else None
            return LONGEST.get(inner.id, known or NUMBER)
        return NUMBER
    if isinstance(node, ast.Name):
        return LONGEST.get(node.id) or (longest(names[node.id], names) if node.id in names else None)
    return None


def calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name in (
            getattr(node.func, "id", None),
            getattr(node.func, "attr", None),
        ):
            yield node


def briefs() -> list[tuple[str, str]]:
    """Where a brief is written, and what it is at its longest."""
    found = []
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        for scope in [tree, *functions]:
            names = constants(tree) | constants(scope)
            inside = [f for f in functions if f is not scope and scope is tree]
            nested = {id(one) for f in inside for one in ast.walk(f)}
            for call in calls(scope, "Told"):
                if id(call) in nested:
                    continue
                for one in call.args[1:]:
                    if isinstance(one, ast.Starred):
                        continue
                    text = longest(one, names)
                    found.append((f"{path.name}:{one.lineno}", text or ast.unparse(one)))
    return found


BRIEFS = briefs()


def test_the_briefs_are_found():
    """Members of each kind: of the passes, the masks, the model, files, mixed noise."""
    texts = " | ".join(text for _, text in BRIEFS)
    for words in (
        *("see Inversion Report", "the noise mask leaves nothing free", "the model re-uses answers"),
        *(
            "it carries no record",
            "the clip fades",
            "noise too strong",
            "not kept in the cache",
        ),
    ):
        assert words in texts
    assert len(BRIEFS) > 50


@pytest.mark.parametrize(("where", "brief"), BRIEFS)
def test_every_brief_fits_beside_the_way_to_the_log(where, brief):
    assert not brief.startswith((";", ",", " ")), brief
    line = status(Told("in full", "done", brief))
    assert len(line) <= MOST and not line.endswith("..."), line
    assert line.startswith(brief) and (LOG in line or ": " in brief)
    assert status(Told("in full", brief)) == brief


def test_the_remark_that_matters_most_stands_first():
    done = Told("unsampled to sigma 700 in 17 model calls", "unsampled in 17 model calls")
    weak = Told(", but the noise has 0.31 times", "noise too weak (0.31): see Inversion Report")
    few = Told("; the clip has 8 frames", "few frames (8): load 16 or more")
    assert status(done) == "unsampled in 17 model calls"
    assert status(done + weak) == "noise too weak (0.31): see Inversion Report"
    assert status(done + weak + few) == "noise too weak (0.31): see Inversion Report, 1 more"
    assert status(done + "; kept in the cache" + few) == "few frames (8): load 16 or more"
    assert done + weak == "unsampled to sigma 700 in 17 model calls, but the noise has 0.31 times"


def test_parts_of_a_sentence_are_joined_on_either_side():
    part = Told("; b", "b is wrong")
    assert ("a" + part, ("a" + part).brief) == ("a; b", ("b is wrong",))
    assert (part + "c", (part + "c").brief) == ("; bc", ("b is wrong",))
    assert "" + part == part and told.brief_of("" + part) == ("b is wrong",)


@pytest.mark.parametrize("length", [1, 59, 60, 61, 200])
def test_a_sentence_without_a_brief_is_cut_at_a_word(length):
    line = status(("word " * 100)[:length])
    assert len(line) <= MOST and line.endswith("...") == (length > MOST)


def test_what_matters_less_is_left_out_where_there_is_no_room():
    assert fitted("call 3 of 17", "40 s left", "noise is right", "then 40 s to 80 s") == (
        "call 3 of 17, 40 s left, noise is right, then 40 s to 80 s"
    )
    long = fitted("restyle 1000 of 1000, call 10000 of 90000", "99 h left", "noise is right", "then 1 h")
    assert long == "restyle 1000 of 1000, call 10000 of 90000, 99 h left"


def test_no_node_is_told_anything_past_the_status_line():
    """send_progress_text() is called in one place, with a status line."""
    callers = {
        path.name: [ast.unparse(call) for call in calls(ast.parse(path.read_text()), "send_progress_text")]
        for path in SOURCES
    }
    assert {name: found for name, found in callers.items() if found} == {
        "screen.py": ["server.send_progress_text(told.status(text), node_id)"]
    }


def test_a_toast_has_the_whole_sentence_and_sends_nobody_to_the_log(monkeypatch):
    (screen,), lines, sent = imported("screen"), [], []
    server = SimpleNamespace(
        client_id="me",
        send_progress_text=lambda text, node: lines.append(text),
        send_sync=lambda name, data, client: sent.append(data),
    )
    monkeypatch.setattr(screen.PromptServer, "instance", server, raising=False)
    few, cut = (screen.told.Told(f"; {words}", words) for words in ("the clip is short", "more"))
    screen.say("7", screen.told.Told("unsampled", "unsampled") + few + cut, at_end=True)
    assert lines == ["the clip is short: see log, 1 more"]
    (said,) = sent
    assert (said["status"], said["warn"]) == ("the clip is short, 1 more", True)
    assert said["text"] == "unsampled; the clip is short; more"


def test_what_is_said_without_a_brief_fits_as_it_is():
    seen = []
    for path in (one for one in SOURCES if one.parent.name == "host"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name in ("say", "show"):
            for call in calls(tree, name):
                text = longest(call.args[-1 if name == "show" else min(1, len(call.args) - 1)], {})
                if text is not None:
                    seen.append(text)
                    assert status(text) == text, path
    assert any("frames wanted" in text for text in seen) and len(seen) >= 1

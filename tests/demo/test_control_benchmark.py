"""benchmarks/control: which rows it has, where control acts in them, and what its report says."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch

from benchmarks.control import __main__ as command
from benchmarks.control import ways
from benchmarks.style_transfer import cases, clips
from benchmarks.style_transfer.measures import Likeness
from benchmarks.style_transfer.ours import BASE, DIRECT, LOW_TURNED, MIRRORED_BASE, default
from benchmarks.style_transfer.transfers import Transfer
from demo import control, model, world

torch.set_num_threads(1)
NAMES = [
    f"{start}{more}"
    for start in (BASE, DIRECT)
    for more in (
        "",
        ", control 0.2",
        ", control 0.4",
        ", control 0.8",
        ", control 0.4 to sigma 2.3",
        ", control 0.4 in both passes",
    )
]
VARIANCE = 0.25


def perfect(unet, style, cfg=1.0, held=None):
    """A perfect denoiser where each style is one Gaussian of its own brightness; control brightens it."""
    mean = 0.0 if style is None else 0.2 * (world.STYLE_NAMES.index(style) - 2.5)

    def denoise(x, sigma, step):
        added = 0.0 if held is None else held(step, slice(None)) or 0.0
        return mean + added + VARIANCE / (VARIANCE + sigma**2) * (x - mean)

    return denoise


def brightness(net, pictures, strength):
    return 0.1 * strength


@pytest.fixture
def stubs(monkeypatch):
    """No network at all, the pool in this process, and likenesses that cost nothing."""

    def pool(workers, context, start, given):
        start(*given)
        return ThreadPoolExecutor(1)

    def like(clip, *_):
        known = dict.fromkeys(Likeness.__dataclass_fields__, 0.0)
        return Likeness(**(known | {"hit": True, "jump": None, "error": float(clip.mean())}))

    monkeypatch.setattr(clips, "ProcessPoolExecutor", pool)
    monkeypatch.setattr(model, "load", lambda path: None)
    monkeypatch.setattr(model, "denoiser", perfect)
    monkeypatch.setattr(control, "load", lambda path: None)
    monkeypatch.setattr(control, "residuals", brightness)
    monkeypatch.setattr(cases, "likeness", like)
    ways.start(None, "float32", None)


@pytest.fixture
def run(stubs, tmp_path):
    files = {name: tmp_path / name for name in ("weights", "control")}
    for path in files.values():
        path.write_bytes(b"some")
    given = [f"--{name}={path}" for name, path in files.items()]

    def run(*arguments, output="out"):
        where = ["--kept", str(tmp_path / "kept"), "--output", str(tmp_path / output), "--workers", "1"]
        return command.main([*given, *where, *arguments])

    return run


def results(index=64, returned=False, setting="pairs"):
    return {r.name: r for r in ways.job_results(clips.Job(Transfer(index, setting), returned=returned))}


def test_every_strength_has_a_row_at_both_starts(stubs):
    assert sorted(results(returned=True)) == sorted(NAMES)
    assert sorted(results()) == sorted(name for name in NAMES if ways.BOTH not in name)


def test_strength_0_is_the_way_without_control_to_the_bit(stubs):
    found = results()
    for down in cases_of().downs:
        if down.name in (BASE, DIRECT):
            assert all(down.control(step, slice(None)) is None for step in range(cases.STEPS))
    plain = default(1.0, base=(1.0,))
    for row in cases.results(Transfer(64), plain, lambda style, cfg: perfect(None, style), False):
        assert row.like == found[row.name].like


def cases_of(which=0):
    return ways.ways(None, torch.zeros(16, 1, 8, 8), returned=True)[which]


def test_control_acts_on_the_first_steps_of_the_way_down_alone(stubs):
    case = cases_of()
    assert case.control is None
    acts = {
        down.name: [step for step in range(cases.STEPS) if down.control(step, slice(None)) is not None]
        for down in case.downs
    }
    for start in (BASE, DIRECT):
        for strength in ("0.2", "0.4", "0.8"):
            assert acts[f"{start}, control {strength}"] == list(range(6))
        assert acts[f"{start}, control 0.4 to sigma 2.3"] == list(range(11))
    sigmas = model.schedule(cases.STEPS)
    assert sigmas[10] > ways.LOW > sigmas[11]


@pytest.mark.parametrize(("clip", "starts"), [(65, (BASE, DIRECT)), (64, (MIRRORED_BASE, LOW_TURNED))])
def test_from_the_low_top_it_is_that_of_the_templates_or_none(stubs, clip, starts):
    low = Transfer(clip, "low")
    assert low.crosses == (starts == (MIRRORED_BASE, LOW_TURNED))
    found = results(clip, setting="low")
    assert list(found) == [name for start in starts for name in (start, ways.lower(start))]
    (case,) = ways.low_ways(None, torch.zeros(16, 1, 8, 8), low.crosses)
    sigmas = low.sigmas(cases.STEPS)
    for plain, held in zip(case.downs[::2], case.downs[1::2], strict=True):
        assert plain.control is None
        acts = [step for step in range(cases.STEPS) if held.control(step, slice(None)) is not None]
        assert acts == list(range(len(acts))) and sigmas[len(acts) - 1] > ways.LOW > sigmas[len(acts)]
        assert found[held.name].like.error != found[plain.name].like.error


def test_control_of_the_same_strength_on_both_passes_has_a_way_up_of_its_own(stubs):
    both = cases_of(1)
    assert [down.name for down in both.downs] == [ways.in_both(start) for start in (BASE, DIRECT)]
    for each in (both.control, *(down.control for down in both.downs)):
        assert [each(step, slice(None)) for step in (0, 5, 6)] == [pytest.approx(0.04)] * 2 + [None]


def test_more_control_changes_more(stubs):
    found = results()
    for start in (BASE, DIRECT):
        errors = [found[ways.named(start, s)].like.error for s in ways.STRENGTHS]
        assert errors == sorted(errors) and len(set(errors)) == len(errors)
        assert found[ways.lower(start)].like.error > found[ways.named(start, 0.4)].like.error


def test_the_way_back_is_exact_without_control_and_with_it_in_both_passes(stubs):
    found = results(returned=True)
    exact = [name for start in (BASE, DIRECT) for name in (start, ways.in_both(start))]
    for name in exact:
        assert found[name].reconstruction[0] == 0, name
    for start in (BASE, DIRECT):
        assert found[ways.named(start, 0.4)].reconstruction[0] > 1e-4
    assert sum(one.reconstruction is not None for one in found.values()) == 6
    assert all(one.reconstruction is None for one in results().values())


def test_rows_are_those_of_the_same_start_without_control(stubs):
    found = results()
    for start in (BASE, DIRECT):
        assert {one.rows for name, one in found.items() if name.startswith(start)} == {found[start].rows}


def test_the_report_has_a_table_for_each_start_and_goes_on_where_it_was(run, monkeypatch, tmp_path, capsys):
    assert run("--clips", "2", output="first") == 0
    monkeypatch.setattr(model, "denoiser", None)  # nothing is left to measure
    assert run("--clips", "2", output="second") == 0
    text = (tmp_path / "first" / "control.md").read_text()
    assert text == (tmp_path / "second" / "control.md").read_text()
    assert "`python -m benchmarks.control --first 64 --clips 2 --returned 1 --low 2`" in text
    assert "The reporting half: no setting was chosen" in text and "nan" not in text
    for title, start in (("Alone", BASE), ("With the fresh start", DIRECT)):
        table = text.partition(f"## {title}\n")[2].partition("\n## ")[0]
        rows = re.findall(r"^\| ([^|]+) \| 1 \| (.*)$", table, re.MULTILINE)
        assert [name for name, _ in rows] == [
            name for name in NAMES if name.startswith(start) and ways.BOTH not in name
        ]
        assert all(("±" in cells) == (name != start) for name, cells in rows)
    starts = {"across lightness": (MIRRORED_BASE, LOW_TURNED), "between light styles": (BASE, DIRECT)}
    for kind, of in starts.items():
        for title, start in zip(("alone", "with the fresh start"), of, strict=True):
            table = text.partition(f"## From sigma 14.6, {title}, {kind}\n")[2].partition("\n## ")[0]
            rows = re.findall(r"^\| ([^|]+) \| 1 \| (.*)$", table, re.MULTILINE)
            assert [name for name, _ in rows] == [start, ways.lower(start)]
            assert ["±" in cells or "(+" in cells or "(-" in cells for _, cells in rows] == [False, True]
    back = text.partition("## Under the source's own style\n")[2]
    exact = re.findall(r"^\| (.+?) \| \d \| 0 \| 0 \|$", back, re.MULTILINE)
    assert exact == [BASE, DIRECT, ways.in_both(BASE), ways.in_both(DIRECT)]
    assert text.count("- **holds**: ") == 2 and text.count("- **for information**: ") == 6
    summary = json.loads((tmp_path / "first" / "control.json").read_text())
    assert summary["clips"] == 2 and len(summary["ways"]) == 10
    (tmp_path / "control").write_bytes(b"others")
    with pytest.raises(TypeError):
        run("--clips", "2", output="third")


@pytest.mark.parametrize(
    ("error", "motion", "holds"), [(0.4, 0.9, True), (0.5, 0.9, False), (0.4, 1.1, False)]
)
def test_the_templates_way_is_to_be_near_in_error_and_in_motion(stubs, error, motion, holds):
    row = results()[ways.lower(DIRECT)]
    group = [replace(row, like=replace(row.like, error=error, motion=motion))] * 2
    assert command._as_templates(group).holds is holds


@pytest.mark.parametrize(
    ("arguments", "said", "kept"),
    [
        (["--clips", "3"], "The reporting half", True),
        (["--first", "2", "--clips", "3"], "Clips 2 to 4, some of them of the tuning half.", False),
        (["--first", "500", "--clips", "3"], "Clips 500 to 502, none of them of the tuning half.", False),
    ],
)
def test_other_clips_are_told_from_the_reporting_half(arguments, said, kept):
    options = command._given(arguments)
    assert clips.whose(options.first, options.clips).startswith(said)
    assert (options.output == command.RESULTS) == kept


@pytest.mark.parametrize(
    ("missing", "trainer"), [("weights", "demo.train"), ("control", "demo.train_control")]
)
def test_missing_weights_are_said(run, missing, trainer, tmp_path, capsys):
    (tmp_path / missing).unlink()
    assert run() == 1
    assert f"{missing} is missing; train it with python -m {trainer}\n" in capsys.readouterr().err


def test_results_are_kept_for_code_that_is_there():
    for pattern in command.SOURCES:
        assert any(clips.ROOT.glob(pattern)), pattern

"""benchmarks/style_transfer: which clips and ways it takes, what it counts, and what its report says."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from benchmarks.style_transfer import __main__ as style_transfer
from benchmarks.style_transfer import cases, checks, clips, columns, curves, ours, rivals, ways
from benchmarks.style_transfer.cases import Down, Prompt, Result
from benchmarks.style_transfer.clips import ROOT
from benchmarks.style_transfer.measures import Likeness
from benchmarks.style_transfer.ours import (
    BASE,
    DIRECT,
    END,
    KEPT,
    LOW_TURNED,
    MEANLESS,
    MIRRORED_BASE,
    OURS,
    TURNED,
    TURNED_BASE,
    UNTOLD,
)
from benchmarks.style_transfer.rivals import FLOWALIGN, FLOWEDIT
from benchmarks.style_transfer.transfers import KINDS, PAIRS, SETTINGS, Transfer
from benchmarks.style_transfer.ways import NEGATIVE
from demo import model, places, world
from unsampling import unsample

torch.set_num_threads(1)
SPREAD = 0.25  # variance of the model below
STEPS = cases.STEPS
UP, DOWN = STEPS + 2, STEPS + 1  # calls of the recorded midpoint
BY_EULER = "direct path, then euler, recorded"
SAME = {  # rows that are the same for every clip
    (BASE, "1"): (UP, DOWN),
    (FLOWEDIT, "1"): (16, 16),
    (f"{FLOWEDIT}, seed 2", "1"): (16, 16),
    (FLOWEDIT, "3"): (16, 32),
    ("core euler", "1"): (16, 16),
}
SAME_IN_EVERY = SAME | {
    (BASE, "3"): (UP, 2 * DOWN),
    (END, "1"): (12 + 4 + 2, 12 + 4),  # a path of 12 steps, 4 climbed with two calls more
    **{(f"{DIRECT}, direct {d:g}", "1"): (UP + 16 * d, 16) for d in ours.LENGTHS},
    **{(f"{BASE}, hold {a:g}", "1"): (UP, DOWN) for a in (0.5, 1.0)},
    (MEANLESS, "1"): (UP, DOWN),
    (MIRRORED_BASE, "1"): (UP, DOWN),
    (TURNED_BASE, "1"): (UP, DOWN),
    (f"{FLOWEDIT}, first steps skipped", "1"): (11, 11),
    (f"{FLOWEDIT}, set as for SD3", "13.5"): (22, 22),
    (f"{FLOWEDIT}, set as for FLUX", "5.5"): (28, 28),
    (FLOWALIGN, "1"): (16, 16),
    (FLOWALIGN, "3"): (32, 16),
    ("midpoint", "1"): (17, 17),
    ("dpmpp_2m, recorded", "1"): (17, 16),
    ("dpmpp_2m, recorded", "3"): (17, 32),
    ("euler, recorded", "1"): (17, 16),
    ("ees25", "1"): (47, 47),
    ("core dpmpp_2m", "1"): (16, 16),
    ("core heun", "1"): (32, 31),
    ("core euler, 50 steps", "1"): (50, 50),
    ("random noise", "1"): (0, 17),
}


def path(transfer, own=True, solver="midpoint", before=lambda clip: clip):
    """Steps that the record chooses for the direct path, with the model below."""
    condition = transfer.condition if own else None
    x0, sigmas = before(transfer.clip()), transfer.sigmas(STEPS)
    return unsample(perfect(condition), x0, sigmas, solver, direct=None).direct_steps


def guided(up, steps, cfg="1"):
    """Rows of a direct path with that many steps: one a step for the source, one down, or below it two."""
    return up + steps, steps + (STEPS - steps) * (1 if cfg == "1" else 2)


def main_rows(transfer):
    steps = path(transfer)
    kept = {(KEPT, "1"): guided(UP, steps)} if transfer.crosses else {}
    return SAME | kept | {(DIRECT, cfg): guided(UP, steps, cfg) for cfg in "123"}


def every_rows(transfer):
    """Of a clip that crosses lightness."""
    steps, by_euler = path(transfer), path(transfer, solver="euler")
    bare, turned = path(transfer, own=False), path(transfer, own=False, before=places.turned)
    return (
        SAME_IN_EVERY
        | main_rows(transfer)
        | {(BY_EULER, cfg): guided(STEPS + 1, by_euler, cfg) for cfg in "13"}
        | {(f"{DIRECT}, {what}", "1"): guided(UP, steps) for what in ("hold 0.5", "variation 1")}
        | {(f"{DIRECT}, no condition up", "1"): guided(UP, bare)}
        | {(TURNED, "1"): guided(UP, turned)}
    )


def shown(*clips):
    """The rows of each way as the tables have them, the mean over clips, of those tried on all."""
    both = [way for way in clips[0] if all(way in rows for rows in clips)]
    columns = {way: zip(*(rows[way] for rows in clips), strict=True) for way in both}
    means = {way: [sum(column) / len(clips) for column in both] for way, both in columns.items()}
    return {way: f"{up:g} + {down:g} = {up + down:g}" for way, (up, down) in means.items()}


def test_clips_are_held_out_and_cover_the_pairs_of_styles_evenly():
    transfers = [Transfer(i) for i in range(64)]
    assert len({t.seed for t in transfers}) == 64
    assert all(t.seed in world.HELD_OUT for t in transfers)
    assert len({(t.source, t.target) for t in transfers[:30]}) == PAIRS == 30
    for first in range(0, 60, 6):
        for styles in (
            {t.source for t in transfers[first : first + 6]},
            {t.target for t in transfers[first : first + 6]},
        ):
            assert styles == set(world.STYLE_NAMES)
    assert all(t.source != t.target for t in transfers)


def test_pairs_with_one_dark_style_cross_lightness():
    for transfer in map(Transfer, range(30)):
        assert transfer.crosses == ("neon" in (transfer.source, transfer.target))
        assert transfer.kind == KINDS[2 * (transfer.source == "neon") + (transfer.target == "neon")]
        assert transfer.condition == transfer.source


def test_a_style_that_the_model_never_saw_has_no_condition():
    transfer = Transfer(3, "unseen")
    assert (transfer.source, transfer.target, transfer.condition) == ("blueprint", "neon", None)
    assert not transfer.crosses
    assert Transfer(4, "unseen").crosses


def test_settings_change_the_schedule_and_the_length_alone():
    assert float(Transfer(5, "low").sigmas(16)[0]) == pytest.approx(14.6)
    torch.testing.assert_close(Transfer(5).sigmas(16), model.schedule(16))
    long = Transfer(5, "64 frames").clip()
    assert long.shape[0] == 64
    assert torch.equal(world.render(Transfer(5).content(), Transfer(5).source, 64)[:16], plain(Transfer(5)))
    assert (long[:16] - plain(Transfer(5))).abs().max() < 8 * world.GRAIN


def plain(transfer):
    return world.render(transfer.content(), transfer.source)


def perfect(style, cfg=1.0):
    """A perfect denoiser where each style is one Gaussian of its own brightness."""
    mean = 0.0 if style is None else 0.2 * cfg * (world.STYLE_NAMES.index(style) - 2.5)
    return lambda x, sigma, step: mean + SPREAD / (SPREAD + sigma**2) * (x - mean)


def cheap(unet, style, cfg=1.0):
    return perfect(style, cfg)


def fallen(case, transfer, asked=perfect):
    """What the case's first way down makes of the clip."""
    clip, sigmas = transfer.clip(), transfer.sigmas(case.steps)
    state = case.rise(Prompt(asked, transfer.condition, case.cfg), clip, sigmas)
    return case.downs[0].fall(Prompt(asked, transfer.target, case.downs[0].cfg), state, sigmas)


@pytest.fixture
def quick(monkeypatch):
    """Likenesses that cost nothing: how bright a clip is."""
    monkeypatch.setattr(cases, "likeness", lambda clip, *_: like(error=float(clip.mean().abs())))


def test_sdedit_starts_from_the_clip_under_noise_of_that_level():
    transfer, sigmas = Transfer(2), model.schedule(16)
    start = rivals.partial(transfer, 0.4).rise(None, plain(transfer), sigmas)
    assert start.start == 6
    assert float((start.noise - plain(transfer)).std()) == pytest.approx(float(sigmas[6]), rel=0.01)
    top = rivals.partial(transfer, None).rise(None, plain(transfer), sigmas)
    assert torch.equal(top.noise, transfer.noise() * sigmas[0])


def test_flow_edit_moves_a_gaussian_by_the_difference_of_the_means():
    """Its answers differ by that alone, whatever the noise; the same prompt twice changes nothing."""
    transfer = Transfer(2)
    there, here = (perfect(style)(torch.zeros(1), 1e6, 0) for style in (transfer.target, transfer.source))
    moved = fallen(rivals.flow_edit(transfer), transfer) - transfer.clip()
    assert float(moved.std()) < 1e-3
    assert float(moved.mean()) == pytest.approx(float(there - here), rel=0.05)
    stays = rivals.flow_edit(transfer)
    prompt = Prompt(perfect, transfer.source)
    back = stays.downs[0].fall(prompt, (prompt, transfer.clip()), transfer.sigmas(16))
    torch.testing.assert_close(back, transfer.clip(), rtol=0, atol=1e-4)


def test_flow_edit_draws_new_noise_each_step_and_other_noise_by_another_seed():
    transfer, seen = Transfer(2), []

    def asked(style, cfg):
        def denoise(x, sigma, step):
            if style == transfer.source:
                seen.append((x - transfer.clip()) / sigma)
            return torch.zeros_like(x)

        return denoise

    fallen(rivals.flow_edit(transfer), transfer, asked)
    fallen(rivals.flow_edit(transfer, 1), transfer, asked)
    assert len(seen) == 32
    for i, noise in enumerate(seen):
        assert float(noise.std()) == pytest.approx(1, abs=0.02)
        assert all(abs(float((noise * other).mean())) < 0.05 for other in seen[:i])


@pytest.mark.parametrize(("name", "calls"), [("SD3", 11), ("FLUX", 14)])
def test_flow_edit_as_published_guides_both_prompts(name, calls, quick):
    transfer, seen = Transfer(2), []

    def asked(style, cfg=1.0):
        def denoise(x, sigma, step):
            seen.append((style, cfg))
            return perfect(style, cfg)(x, sigma, step)

        return denoise

    case = rivals.published(transfer, name)
    (found,) = cases.results(transfer, case, asked, returned=False)
    source_cfg, cfg, _ = rivals.PUBLISHED[name]
    assert seen == [(transfer.source, source_cfg), (transfer.target, cfg)] * calls
    assert found.rows == (2 * calls, 2 * calls) and found.cfg == cfg
    assert found.name == f"FlowEdit, set as for {name}"


def test_flow_align_is_flow_edit_pulled_towards_the_source():
    transfer = Transfer(2)
    edited, aligned = (fallen(f(transfer), transfer) for f in (rivals.flow_edit, rivals.flow_align))
    guided = fallen(rivals.flow_align(transfer, 3.0), transfer)
    far, near, farther = (float((x - transfer.clip()).mean().abs()) for x in (edited, aligned, guided))
    assert 0.8 * far < near < 0.99 * far
    assert farther > 2 * near


def test_rows_are_calls_and_above_cfg_1_two():
    asked, x = Prompt(perfect, "flat", 3.0), torch.zeros(1)
    asked(x, 1.0, 0)
    asked.plain(x, 1.0, 0)
    assert asked.rows == 3
    assert asked(x, 1e6, 0) == pytest.approx(3 * float(asked.plain(x, 1e6, 0)))
    same = Prompt(perfect, "flat")
    same(x, 1.0, 0)
    assert same.rows == 1
    assert same.plain is same.guided


def test_rows_that_a_way_could_spare_are_not_counted(quick):
    def rise(denoise, clip, sigmas):
        for i in range(5):
            denoise(clip, 1.0, i)
        return denoise, clip

    def fall(target, state, sigmas):
        state[0](state[1], 1.0, 0)
        return target(state[1], 1.0, 0)

    case = cases.Case(rise, (Down("all", fall), Down("some", fall, 3.0, spared=lambda state: 2)))
    found = list(cases.results(Transfer(0), case, perfect, returned=False))
    assert [(r.name, r.rows) for r in found] == [("all", (6, 1)), ("some", (4, 2))]
    assert found[0].reconstruction is None
    assert next(cases.results(Transfer(0), case, perfect, returned=True)).reconstruction


def names_of(some):
    return [down.name for case in some for down in case.downs]


def test_lightness_is_also_kept_where_a_pair_crosses_it():
    for index, crosses in ((0, False), (3, True), (4, True)):
        assert (KEPT in names_of(ways.main_cases(Transfer(index)))) == crosses
        assert (LOW_TURNED in names_of(ways.low_cases(Transfer(index, "low")))) == crosses
    assert KEPT in names_of(ways.unseen_cases(Transfer(4, "unseen")))
    case, clip = ours.turned_round(), Transfer(3).clip()
    assert not case.own
    assert (case.before(clip).mean() < -0.3) == (clip.mean() > 0.3) == True  # noqa: E712


def test_the_default_turns_lightness_where_its_first_answers_show_the_need(quick):
    """One call more, and what comes of it is the mirror's."""
    transfer = Transfer(3)
    clip = transfer.clip()

    def asked(style, cfg):
        dark = -1.0 if style == transfer.target else 1.0

        def denoise(x, sigma, step):
            return dark * (clip.mean() + (clip - clip.mean()) / (1 + float(sigma) / 30))

        return denoise

    case = ours.default(1.0, kept=True)
    found = {r.name: r for r in cases.results(transfer, case, asked, False)}
    assert found[DIRECT].rows[1] == found[KEPT].rows[1] + 1
    assert found[DIRECT].like.error == pytest.approx(float(ours.MIRROR(clip).mean().abs()), abs=1e-2)


def test_main_ways_take_at_most_270_rows(quick):
    """Sixteen clips of them in 20 minutes on two cores, at 0.55 s a row; a third crosses lightness."""
    assert sum(Transfer(i).crosses for i in range(PAIRS)) == PAIRS / 3
    light, crossing = rows_asked(Transfer(0)), rows_asked(Transfer(3))
    assert 150 < light < crossing
    assert (2 * light + crossing) / 3 <= 270


def rows_asked(transfer):
    asked = 0

    def count(style, cfg):
        def denoise(x, sigma, step):
            nonlocal asked
            asked += 1 if cfg == 1 else 2
            return perfect(style, cfg)(x, sigma, step)

        return denoise

    ways.measure(transfer, False, False, count)
    return asked


def test_the_nodes_own_cfg_is_measured():
    nodes = json.loads((ROOT / "tests" / "data" / "node_interfaces.json").read_text(encoding="utf-8"))
    cfg = nodes["UNS_NoiselessResampler"]["input"]["required"]["cfg"][1]["default"]
    assert cfg == cases.NODES_CFG


def test_no_clip_counts_twice_in_a_row(quick):
    transfer = Transfer(3)
    rows = [(d.name, d.cfg, d.structure) for case in ways.every_case(transfer) for d in case.downs]
    assert len(rows) == len(set(rows))


def test_only_the_way_that_came_back_has_a_reconstruction(quick):
    case = ours.default(1.0, 3.0, base=(1.0,), always=True)
    found = {(r.name, r.cfg): r.reconstruction for r in cases.results(Transfer(0), case, perfect, False)}
    exact = (0.0, float("inf"))
    assert found == {(DIRECT, 1.0): exact, (DIRECT, 3.0): exact, (BASE, 1.0): None}


def test_rows_are_means_over_the_clips():
    group = [made(0, DIRECT, 0.5, rows=(30, 16)), made(1, DIRECT, 0.5, rows=(31, 16))]
    assert columns._head(group)[:3] == [DIRECT, "1", "30.5 + 16 = 46.5"]
    assert columns.rows(group) == "46.5"


def test_curves_are_over_structure_and_told_apart():
    results = [made(0, name, 0.5) for name in (DIRECT, BASE)]
    results += [replace(made(0, DIRECT, 0.1 * i), structure=0.1 * i) for i in (2, 1)]
    assert [s for s, _ in curves.points(results, DIRECT)] == [0, 0.1, 0.2]
    assert [s for s, _ in curves.points(results, BASE)] == [0]
    assert {DIRECT, BASE, "SDEdit"} <= set(curves.PLOTTED)
    for looks in zip(*curves.PLOTTED.values(), strict=True):
        assert len(set(looks)) >= len(curves.PLOTTED) - 1  # ours with and without the path share a marker
    assert len({colour for colour, _ in curves.PLOTTED.values()}) == len(curves.PLOTTED)


def like(**more):
    known = dict.fromkeys(Likeness.__dataclass_fields__, 0.0) | {"hit": True, "jump": None}
    return Likeness(**(known | more))


def made(clip, name, error, cfg=1.0, rows=(18, 17), **more):
    back = (0.0, float("inf")) if name == OURS else None
    return Result(clip, "pairs", name, cfg, None, like(error=error, **more), back, rows, 1.0)


def test_differences_are_paired_and_have_a_standard_error():
    base = [made(i, BASE, 0.5 + i) for i in range(4)]
    other = [made(i, "other", 0.5 + i - d) for i, d in enumerate((0.1, 0.3, 0.1, 0.3))]
    column = next(c for c in columns.COLUMNS if c.title == "restyle error")
    assert column.cell(other, base) == "1.800 (-0.200 ± 0.058)"
    assert column.cell(base, base) == "2.000"
    assert column.cell(other[:1], base) == "0.400 (-0.100)"
    assert columns.whole([*base, *other[:3]]) == [base]


def test_in_style_and_in_place_is_asked_of_each_clip():
    assert like(motion=1.0).placed
    assert not like(motion=1.1).placed
    assert not like(hit=False).placed


def test_a_bar_is_checked_where_its_way_is_there():
    bar = checks.Bar("at most 0.5", "new", lambda r: r.like.error, 0.5, kinds=[KINDS[0]])
    assert list(bar.check([made(0, BASE, 0.1)])) == []
    light, dark = made(0, "new", 0.4), made(3, "new", 0.9)
    (found,) = bar.check([light, made(1, "new", 0.2), dark])
    assert found.holds
    assert found.finding == "0.300 ± 0.100 over 2 clips"
    (missed,) = checks.Bar("at most 0.5", "new", lambda r: r.like.error, 0.5).check([light, dark])
    assert missed.holds is False
    (least,) = checks.Bar("at least 0.5", "new", lambda r: r.like.error, 0.5, least=True).check([light, dark])
    assert least.holds


def test_a_rival_is_beaten_in_error_at_no_worse_flicker_and_hit():
    rival = [made(i, FLOWEDIT, 0.5, flicker=0.5) for i in range(3)]
    for flicker, hit, holds in ((0.4, True, True), (0.6, True, False), (0.5, False, False)):
        ours = [made(i, "new", 0.4, flicker=flicker, hit=hit) for i in range(3)]
        (found,) = checks._against([*rival, *ours], "new", FLOWEDIT)
        assert found.holds == holds
    assert list(checks._against(rival, "new", FLOWEDIT)) == []


def test_one_clip_has_no_standard_error_and_tells_nothing_of_a_promise():
    ours, rival, base = (
        made(0, name, error) for name, error in ((DIRECT, 0.1), (FLOWEDIT, 0.5), (BASE, 0.5))
    )
    random = made(0, "random noise", 0.9)
    bar = checks.Bar("at most 0.5", DIRECT, lambda r: r.like.error, 0.5)
    found = {
        *bar.check([ours]),
        *checks._new_model([ours]),
        *checks._duel([ours, rival], checks._error, "Better", DIRECT, FLOWEDIT, strict=True),
        *checks._gain([ours, base], "From there"),
        *checks._against([ours, rival], DIRECT, FLOWEDIT),
    }
    assert len(found) == 5
    assert all(check.finding.endswith("1 clip: no standard error") for check in found)
    other = made(0, ways.OTHER, 0.9)
    for check in (*found, *checks._random([random, base, other])):
        assert check.holds is None and "±" not in check.finding and "1 clips" not in check.finding
    assert columns.spread([0.4]) == (0.4, None)


@pytest.mark.parametrize(
    ("error", "motion", "holds"), [(0.4, 0.9, True), (0.5, 0.9, False), (0.4, 1.1, False)]
)
def test_a_new_models_bar_is_of_error_and_motion(error, motion, holds):
    group = [made(i, DIRECT, error + d, motion=motion + d) for i, d in enumerate((-0.01, 0.01))]
    (found,) = checks._new_model(group)
    assert found.holds is holds
    assert found.finding.startswith(f"{error:.3f} ± 0.010 and {motion:.2f} ± 0.01 px over 2 clips")
    assert list(checks._new_model([])) == []


def test_one_further_restyle_that_costs_more_is_found():
    (found,) = checks._each_further([made(i, DIRECT, 0.1, rows=(26, 16 + (i == 2))) for i in range(3)])
    assert found.holds
    (found,) = checks._each_further([made(i, DIRECT, 0.1, rows=(26, 16 + i)) for i in range(3)])
    assert not found.holds and "1 of 3 clips take more" in found.finding
    assert list(checks._each_further([])) == []


def test_a_gain_elsewhere_is_one_by_two_standard_errors():
    base = [made(i, BASE, 0.5 + i) for i in range(4)]
    for gains, holds in (((0.1, 0.3, 0.1, 0.3), True), ((0.1, -0.1, 0.1, 0.0), False)):
        ours = [made(i, DIRECT, 0.5 + i - gain) for i, gain in enumerate(gains)]
        (found,) = checks._gain([*base, *ours], "From there")
        assert found.holds is holds
    assert list(checks._gain(base, "From there")) == []


def test_what_is_promised_of_the_ways_to_come_can_be_read():
    names = {bar.name for bar in checks.BARS}
    results = [
        made(i, name, 0.1, cfg) for i in (0, 3, 4) for name in {BASE, *names} for cfg in (1.0, 2.0, 3.0)
    ]
    found = list(checks.checks(results))
    assert len(found) == 1 + len(checks.BARS) + 1 + 1
    assert all(check.holds for check in found if "17 rows" in check.promise or "0.50" in check.promise)


@pytest.fixture
def no_network(monkeypatch):
    """The command in this process, on a model that costs nothing."""

    def pool(workers, context, start, given):
        start(*given)
        return ThreadPoolExecutor(1)

    monkeypatch.setattr(clips, "ProcessPoolExecutor", pool)
    monkeypatch.setattr(model, "load", lambda path: None)
    monkeypatch.setattr(model, "denoiser", cheap)


@pytest.fixture
def command(no_network, tmp_path):
    """The command's arguments, with weights that are some bytes."""
    weights = tmp_path / "weights"
    weights.write_bytes(b"some")
    kept = ["--kept", str(tmp_path / "kept"), "--weights", str(weights), "--workers", "1"]

    def run(*arguments, output=None):
        where = [] if output is None else ["--output", str(tmp_path / output)]
        return style_transfer.main([*kept, *arguments, *where])

    return run


def written(tmp_path, output):
    return (tmp_path / output / "style_transfer.md").read_text()


def test_the_command_measures_every_way_and_goes_on_where_it_was(
    command, quick, monkeypatch, tmp_path, capsys
):
    given = ("--clips", "2", "--compared", "1", "--unseen", "1", "--low", "1", "--hold", "1", "--long", "0")
    assert command(*given, output="first") == 0
    monkeypatch.setattr(model, "denoiser", None)  # nothing is left to measure
    assert command(*given, output="second") == 0
    for name in ("style_transfer.md", "style_transfer.png"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    check_report(written(tmp_path, "first"))
    (tmp_path / "weights").write_bytes(b"others")
    with pytest.raises(TypeError):
        command(*given, output="third")


def test_other_clips_are_printed_with_the_main_ways(command, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(style_transfer, "RESULTS", tmp_path / "results")
    assert command("--first", "500", "--clips", "2") == 0
    text = capsys.readouterr().out
    assert "--first 500 --clips 2 --compared 0 --unseen 0 --low 0 --hold 0 --long 0`" in text
    assert "Clips 500 to 501, none of them of the tuning half." in text
    assert ways_of(text, "Every clip") == shown(*(main_rows(Transfer(i)) for i in (500, 501)))
    for title in ("Every way", "Style against motion", "From sigma 14.6", "Hold", "Clips of 64 frames"):
        assert f"## {title}" not in text
    assert "nan" not in text
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "first", "clips", "compared", "long", "said"),
    [
        ((), 64, 64, 64, 6, "The reporting half: no setting was chosen"),
        (("--half", "tuning"), 0, 64, 64, 6, "The tuning half: settings were chosen"),
        (("--clips", "3"), 64, 3, 3, 3, "The reporting half"),
        (("--first", "500"), 500, 16, 0, 0, "Clips 500 to 515, none of them of the tuning half"),
        (("--first", "60", "--compared", "2"), 60, 16, 2, 0, "some of them of the tuning half"),
    ],
)
def test_a_half_is_told_from_other_clips(arguments, first, clips, compared, long, said):
    options = style_transfer._given(list(arguments))
    assert (options.first, options.clips, options.compared, options.long) == (first, clips, compared, long)
    assert style_transfer._which(options).startswith(said) or said in style_transfer._which(options)
    assert (options.output == style_transfer.RESULTS) == (options.half == "reporting")


def test_sections_take_some_of_the_clips():
    options = SimpleNamespace(first=64, clips=12, compared=10, unseen=3, low=2, hold=5, long=4)
    found = {name: [j for j in clips.jobs(options) if j.transfer.setting == name] for name in SETTINGS}
    assert {name: len(some) for name, some in found.items()} == {
        "pairs": 12,
        "low": 2,
        "hold": 5,
        "unseen": 3,
        "64 frames": 4,
        "256 frames": 2,
    }
    assert [job.every for job in found["pairs"]] == [True] * 10 + [False] * 2
    assert [job.returned for job in found["pairs"]] == [True] * clips.RETURNED + [False] * 4
    assert all(job.transfer.crosses for job in found["unseen"])


def test_long_clips_are_measured_in_a_section_of_their_own(command, monkeypatch, capsys):
    monkeypatch.setitem(SETTINGS, "64 frames", type(SETTINGS["64 frames"])(frames=20))
    monkeypatch.setitem(SETTINGS, "256 frames", type(SETTINGS["256 frames"])(frames=26))
    assert command("--first", "500", "--clips", "1", "--long", "1") == 0
    text = capsys.readouterr().out
    for title in ("Clips of 64 frames", "Clips of 256 frames"):
        table = section(text, title)
        assert "| jump |" in table
        wanted = shown(main_rows(Transfer(500, title.removeprefix("Clips of "))))
        steady = {DIRECT: (0.5, 1.0), BASE: (1.0,)}
        assert ways_of(text, title) == {
            **{(way, "1"): wanted[way, "1"] for way in (DIRECT, BASE, FLOWEDIT)},
            **{(f"{way}, steady {s:g}", "1"): wanted[way, "1"] for way in steady for s in steady[way]},
        }


@pytest.mark.parametrize(
    ("flags", "precision"),
    [
        ("flags : avx2 avx512_bf16 sse", "bfloat16"),
        ("flags : amx_bf16", "bfloat16"),
        ("flags : avx512f avx2", "float32"),
        (None, "float32"),
    ],
)
def test_bfloat16_is_chosen_where_the_processor_has_it(flags, precision, monkeypatch):
    def read(path, encoding):
        if flags is None:
            raise FileNotFoundError
        return flags

    monkeypatch.setattr(clips.Path, "read_text", read)
    assert clips.fast_precision() == precision


def test_results_are_kept_for_code_that_is_there():
    for pattern in clips.SOURCES:
        assert any(clips.ROOT.glob(pattern)), pattern
    folder = {p.stem for p in (clips.ROOT / "benchmarks" / "style_transfer").glob("*.py")}
    report = {
        "__init__",
        "__main__",
        "checks",
        "clips",
        "columns",
        "curves",
        "gallery",
        "lightness",
        "tables",
    }
    assert folder - report == {Path(p).stem for p in clips.SOURCES if "style_transfer" in p}


def section(text, title):
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def ways_of(text, title):
    rows = re.findall(r"^\| ([^|]+) \| ([\d.]+) \| ([^|]+) \| [\d.]+ \| ", section(text, title), re.MULTILINE)
    return {(name, cfg): count for name, cfg, count in rows}


def check_report(text):
    assert "`python -m benchmarks.style_transfer --half reporting --clips 2 --compared 1" in text
    assert ways_of(text, "Every clip") == shown(*(main_rows(Transfer(i)) for i in (64, 65)))
    assert Transfer(64).crosses  # the one clip of every way
    assert ways_of(text, "Every way") == shown(every_rows(Transfer(64)))
    assert (KEPT, "1") in set(ways_of(text, "Across lightness"))
    turned = [
        title for title in re.findall("^## (.+)$", text, re.MULTILINE) if NEGATIVE in section(text, title)
    ]
    assert (
        "Across lightness" in turned and "Between light styles" not in turned and "Every clip" not in turned
    )
    ours_unseen = {(way, "1") for way in (DIRECT, BASE, KEPT, TURNED, TURNED_BASE)}
    unseen = set(ways_of(text, "From a dark style that the model never saw"))
    assert unseen == ours_unseen | {(FLOWEDIT, "1")}
    low = set(ways_of(text, "From sigma 14.6"))
    ours_low = {(way, cfg) for way in (DIRECT, LOW_TURNED) for cfg in "123"}
    assert low == ours_low | {(BASE, "1"), (FLOWEDIT, "1"), ("core euler", "1")}
    held = {way for way, _ in ways_of(text, "Hold, and no text for the source")}
    told = {DIRECT, BASE, f"{DIRECT}, hold 0.5", f"{BASE}, hold 0.5", f"{BASE}, hold 1"}
    assert held == told | {f"{way}, {UNTOLD}" for way in told}
    back = re.findall(r"^\| ([^|]+) \| (\d) \| (\S+) \| ", section(text, "Reconstruction"), re.MULTILINE)
    counts = {name: int(count) for name, count, _ in back}
    assert [counts[name] for name in (OURS, BASE, TURNED, BY_EULER)] == [2, 1, 1, 1]
    assert TURNED_BASE not in counts
    for name, _, error in back:
        assert (error == "0") == ("recorded" in name or "turned" in name), (name, error)
    first = Transfer(64)
    row = next(x for x in section(text, "Which styles").splitlines() if x.startswith(f"| {first.source} |"))
    cell = row.split(" |")[1 + world.STYLE_NAMES.index(first.target)]
    assert re.fullmatch(r" \d\.\d\d, \d+\.\d px, 1", cell), row
    curve = re.findall(r"^\| ([^|]+) \| ([\d.]+) \| ", section(text, "Style against motion"), re.MULTILINE)
    assert curve == [
        *((way, f"{i / 10:g}") for way in (DIRECT, BASE) for i in range(9)),
        *(("SDEdit", f"{i / 10:g}") for i in range(0, 9, 2)),
    ]
    promises = re.findall(r"^- \*\*(.+?)\*\*: (.+)$", text, re.MULTILINE)
    # exact, duels, random noise, bars, a new model's, each further one, the gain from 14.6, FlowEdit over all
    # pairs, and between light styles, across lightness and from 14.6
    assert len(promises) == 1 + 4 + 1 + len(checks.BARS) + 1 + 1 + 1 + 1 + 3
    assert promises[0][0] == "holds"
    for holds, promise in promises:
        assert "1 clips" not in promise
        assert holds == "for information" or "1 clip:" not in promise
    assert "nan" not in text


def test_a_missing_model_is_said(tmp_path, capsys):
    assert style_transfer.main(["--weights", str(tmp_path / "none"), "--kept", str(tmp_path / "kept")]) == 1
    assert "none is missing; train it with python -m demo.train" in capsys.readouterr().err
    for wrong, said in ((["--clips", "0"], "0 is not a number"), (["--long", "-1"], "-1 is not a number")):
        with pytest.raises(SystemExit):
            style_transfer.main(wrong)
        assert said in capsys.readouterr().err
    with pytest.raises(SystemExit):
        style_transfer.main(["--half", "tuning", "--first", "5"])

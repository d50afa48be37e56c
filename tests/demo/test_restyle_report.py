"""benchmarks/restyle_report: the figures order results as the truth does, and the truths are right."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.restyle_report import restyles, rows, tables, truths, worsened
from benchmarks.restyle_report.rows import Row
from benchmarks.style_transfer.clips import ROOT
from demo import world

OLD_MEAN = 0.5258905  # of clip 0 before there were cuts
CLIPS = [i for i in range(rows.TUNING, rows.TUNING + 12, 2) if worsened.case(i).then is None][:3]  # new ones


def blend(case, other, strengths):
    return [torch.lerp(case.truth, other, strength) for strength in strengths]


def graded(index):
    """By figures: results of one content whose figures grow, from one to the next."""
    case = replace(worsened.case(index), fade=0.0)
    frames = len(case.truth)
    away = [
        replace(s, start=(s.start[0] + 0.4, s.start[1] + 0.3), velocity=(-s.velocity[1], s.velocity[0]))
        for s in case.of.shapes
    ]
    wrong = world.render(replace(case.of, shapes=tuple(away)), case.styles[1], frames)
    jitter = torch.randn((frames, 3, 1, 1), generator=torch.Generator().manual_seed(index))
    along, later = torch.linspace(-1, 1, frames), (torch.arange(frames) >= 16).float()
    plain = 0.6 * case.truth
    return case.source, {
        "look_changed": blend(case, case.source, (1.0, 0.6, 0.3, 0.0)),
        "structure_kept motion_kept": blend(case, wrong, (1.0, 0.6, 0.4, 0.0)),
        "flicker": [plain + size * jitter for size in (0.0, 0.02, 0.06, 0.15)],
        "drift": [plain + size * along[:, None, None, None] for size in (0.03, 0.08, 0.2, 0.4)],
        "jumps": [plain + size * later[:, None, None, None] for size in (0.0, 0.05, 0.1, 0.3)],
    }


@pytest.mark.parametrize("index", CLIPS)
def test_a_fault_that_grows_is_a_figure_that_goes_with_it(index):
    source, results = graded(index)
    for names, clips in results.items():
        found = [rows.figures(source, clip, 16) for clip in clips]
        for name in names.split():
            values = [one[name] for one in found]
            assert tables.spearman(values, range(len(values))) >= 0.8, (name, values)


def test_the_truth_itself_has_no_error():
    case = replace(worsened.case(3), borders=(16,))
    found = truths.truths(replace(case, result=case.truth, unsteady=0 * case.truth))
    assert found.structure_kept > -1e-9 and found.motion_kept > -1e-9
    assert (found.flicker, found.fine_flicker, found.drift, found.jumps, found.change) == (0, 0, 0, 0, 0)
    assert found.look_changed > truths.truths(replace(case, result=case.source)).look_changed + 1


def test_known_faults_have_their_true_size():
    case = replace(worsened.case(3), borders=(16,), fade=0.0)
    later = (torch.arange(32) >= 16).float()[:, None, None, None]
    found = truths.truths(replace(case, result=case.truth + 0.2 * later))
    assert found.jumps == pytest.approx(0.1 * 3**0.5, rel=1e-3)
    drifted = truths.truths(
        replace(case, result=case.truth + 0.2 * torch.linspace(0, 1, 32)[:, None, None, None])
    )
    assert drifted.drift == pytest.approx(0.1 * 3**0.5, rel=1e-3)


def covered(colour):
    """A disc of that colour, which a larger one comes to cover."""
    still = {"loop": (0.0, 0.0, 0.0), "angle": (0.0, 0.0)}
    disc = world.Shape("disc", colour, 0.12, (0.7, 0.5), (0.0, 0.0), **still)
    cover = world.Shape("disc", (0.2, 0.6, 0.3), 0.2, (0.25, 0.5), (0.225, 0.0), **still)
    return world.Content((disc, cover), ((0.9, 0.9, 0.9),) * 2, "plain", 0.3, (0.0, 0.0))


def test_a_shape_of_a_wrong_colour_that_is_covered_is_no_drift():
    case = replace(worsened.case(3), styles=("ink", "flat"), fade=0.0, borders=())
    case = replace(case, of=covered((0.9, 0.2, 0.1)))
    wrong = world.render(covered((0.1, 0.2, 0.9)), "flat", len(case.result))
    along = 0.2 * torch.linspace(0, 1, len(wrong))[:, None, None, None]
    still, gone = (truths.truths(replace(case, result=clip)) for clip in (wrong, wrong + along))
    assert still.tint > 0.02 and still.drift < still.tint / 4
    assert gone.drift == pytest.approx(0.1 * 3**0.5, abs=0.01)


def test_drift_is_told_inside_scenes():
    case = next(one for one in map(worsened.case, range(rows.TUNING, rows.TUNING + 40)) if one.then)
    later = 0.2 * (torch.arange(len(case.truth)) >= case.then[1]).float()[:, None, None, None]
    found = truths.truths(replace(case, result=case.truth + later, borders=()))
    assert found.drift == pytest.approx(0, abs=1e-6)


def test_the_same_number_is_the_same_result_and_most_have_faults():
    assert torch.equal(worsened.case(8).result, worsened.case(8).result)
    names = [worsened.case(index).name for index in range(12)]
    assert len(set(names)) == 12 and all(name in "".join(names) for name in ("moved", "ghost", "stepping"))


def test_clips_of_earlier_results_have_no_cut_and_do_not_boil_and_new_ones_may():
    assert not any(worsened._more(i, np.random.default_rng((i, 1)))[0] for i in range(worsened.OLD))
    drawn = [worsened._more(i, np.random.default_rng((i, 1))) for i in range(worsened.OLD, worsened.OLD + 60)]
    assert 8 < sum(then is not None for then, _ in drawn) < 30 and 8 < sum(boils for _, boils in drawn) < 30
    old = worsened.case(0).result.double()
    assert float(old.mean()) == pytest.approx(OLD_MEAN, abs=1e-6)


def test_a_cut_shows_another_scene_in_source_truth_and_result():
    index = next(i for i in range(worsened.OLD, 400) if worsened.case(i).then is not None)
    case = worsened.case(index)
    then, at = case.then
    later = worsened.faded(world.render(then, case.styles[1], len(case.truth)), case.fade)
    assert torch.equal(case.truth[at:], later[at:]) and case.scene.tolist().index(1) == at
    right = truths.truths(replace(case, result=case.truth, unsteady=0 * case.truth))
    assert right.structure_kept > -1e-9 and (right.flicker, right.drift, right.jumps) == (0, 0, 0)
    found = rows.figures(case.source, case.truth)
    assert found["structure_kept"] > 0.6 and found["drift"] < 0.1


def test_what_is_added_anew_to_each_frame_is_known_by_its_size():
    case = worsened.case(3)
    noise = 0.1 * torch.randn(case.truth.shape, generator=torch.Generator().manual_seed(0))
    found = truths.truths(replace(case, result=case.truth + noise, unsteady=noise))
    assert found.fine_flicker == pytest.approx(0.05, rel=0.02)


def test_content_is_held_out():
    assert worsened.FIRST_SEED + worsened.APART * 250 in world.HELD_OUT


def test_what_the_model_made_is_kept_for_the_code_that_made_it(tmp_path, monkeypatch):
    made, origins = [], iter(["one float32", "one float32", "other float32"])

    def restyled(transfer):
        made.append(transfer.index)
        return {"way": torch.full((1,), float(len(made)))}

    monkeypatch.setattr(restyles, "ProcessPoolExecutor", lambda workers, *_: ThreadPoolExecutor(workers))
    monkeypatch.setattr(restyles, "_restyles", restyled)
    monkeypatch.setattr(restyles, "origin", lambda *_: next(origins))
    found = [[float(clip) for _, _, clip in restyles.made(tmp_path, 2, 1)] for _ in range(3)]
    assert found[0] == found[1] == [1, 2] and found[2] == [3, 4] and made == [0, 1, 0, 1]
    for pattern in restyles.SOURCES:
        assert any(ROOT.glob(pattern)), pattern


def test_rank_correlation_is_of_ranks_with_ties():
    assert tables.spearman([1, 2, 3], [1, 10, 100]) == pytest.approx(1)
    assert tables.spearman([1, 2, 3], [5, 1, 0]) == pytest.approx(-1)
    assert tables.spearman([1, 2, 2, 3], [0, 1, 1, 2]) == pytest.approx(1)
    assert tables.spearman([0, 1, 2, 3], [0, 0, 1, 1]) == pytest.approx(0.8944, abs=1e-4)


def row(index, value, truth, tuning):
    names, others = dict.fromkeys(rows.NAMES, value), [truth for truth, _ in tables.OTHERS.values()]
    return Row(index, "some", names, dict.fromkeys((*rows.NAMES, *others), truth), True, tuning)


def test_the_bar_is_held_by_new_clips_alone():
    good = [row(i, i, 2 * i, False) for i in range(5)] + [row(i, i, -i, True) for i in range(5)]
    text = tables.tables(good, [], good)
    assert "DOES NOT HOLD" not in text and "| 1.00 |" in text and "| -1.00 |" in text
    bad = [replace(one, tuning=not one.tuning) for one in good]
    assert tables.tables(bad, [], bad).count("DOES NOT HOLD") == len(rows.NAMES)

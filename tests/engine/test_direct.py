"""The direct path: exact on the source for every seed and setting, FlowEdit's steps, joined to the record."""

import pytest
import sigma_lists
import torch
from analytic_denoisers import IMAGES, OTHER, VIDEO, Spy, clip, denoiser, in_half, questions, relative, world
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_solvers import direct_path
from test_start import BEFORE, without

from unsampling import UnsamplingError, resample, schedules, solvers, unsample
from unsampling import direct as engine
from unsampling import steps as steps_module
from unsampling.across import Look, lies_across
from unsampling.direct import BARE_CALLS
from unsampling.inversion import calls_falling, calls_rising

SOLVERS = solvers.recorded()
AYS = schedules.ays("SD1", 16)
HIGH = sigma_lists.karras(16, high=250.0)  # the clip does not show through the noise at its top
FLOW = sigma_lists.flow(12)
# and what is asked more on the way up, and before a path on the way down
TOPS = pytest.mark.parametrize(
    "sigmas, bare, before", [(AYS, BARE_CALLS, BEFORE), (HIGH, 0, 0)], ids=["shows", "high"]
)


def scene(shape=IMAGES, flow=False, cfg=1.0):
    place = world(shape, flow)
    return clip(place), denoiser(place, cfg=cfg), denoiser(place, OTHER)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "kept, end", [(0.01, 1.0), (0.4, 1.0), (1.0, 1.0), (None, 1.0), (1.0, 0.3), (None, 0.3)]
)
@pytest.mark.parametrize("record", [True, "half"])
def test_the_round_trip_is_exact(solver, kept, end, record):
    x0, denoise, _ = scene(cfg=2.0)
    inversion = unsample(denoise, x0, AYS, solver, record, end, direct=kept, variation=3)
    assert inversion.direct_steps > 0
    assert torch.equal(resample(denoise, inversion), x0)
    assert torch.equal(resample(denoise, inversion, direct=inversion.direct_steps / 16), x0)


@given(
    st.sampled_from(SOLVERS),
    st.integers(2, 9),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 2**63),
    st.booleans(),
    st.sampled_from([IMAGES, VIDEO]),
)
@settings(max_examples=60, deadline=None)
def test_the_round_trip_is_exact_for_any_settings(
    solver, steps, kept, walked, structure, variation, flow, shape
):
    x0, denoise, _ = scene(shape, flow)
    sigmas = sigma_lists.flow(steps) if flow else sigma_lists.karras(steps)
    inversion = unsample(denoise, x0, sigmas, solver, direct=kept, variation=variation, flow=flow)
    assert torch.equal(resample(denoise, inversion, structure, direct=kept * walked), x0)


@pytest.mark.parametrize("solver", SOLVERS)
def test_half_precision_models_come_back_too(solver):
    x0, denoise, _ = scene()
    rounded = in_half(denoise, torch.bfloat16)
    inversion = unsample(rounded, x0, AYS, solver, direct=None)
    assert torch.equal(resample(rounded, inversion), x0)


@pytest.mark.parametrize("flow", [False, True])
@pytest.mark.parametrize("shape", [IMAGES, VIDEO])
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_whole_path_is_flowedit(solver, shape, flow):
    x0, denoise, edit = scene(shape, flow)
    sigmas = FLOW if flow else HIGH
    inversion = unsample(denoise, x0, sigmas, solver, direct=1.0, flow=flow)
    noise = [noise_of(inversion, step, x0) for step in range(len(sigmas) - 1)]
    expected = direct_path(denoise, edit, x0, sigmas, noise, flow)
    result = resample(edit, inversion)
    assert torch.allclose(result, expected, atol=1e-4)
    assert not torch.allclose(result, x0, atol=0.3)


def noise_of(inversion, step, like):
    fresh = inversion.record.direct
    return engine.fresh_noise(fresh.seed, step, fresh.places, like)


@pytest.mark.parametrize("steps", [1, 5, 15])
def test_midpoint_goes_on_from_the_recorded_state_and_velocity(steps):
    """What follows the joint is the midpoint pair on the state plus the edit: here by its definition."""
    x0, denoise, edit = scene()
    inversion = unsample(denoise, x0, HIGH, direct=steps / 16)
    noise = [noise_of(inversion, step, x0) for step in range(steps)]
    shift = direct_path(denoise, edit, x0, HIGH[: steps + 1], noise) - x0
    x = state = recorded_state(denoise, x0, inversion, steps)
    assert torch.allclose(resample(denoise, inversion, structure=steps / 16, direct=0.0), x0)
    before = direct_path(denoise, edit, x0, HIGH[:steps], noise[:-1]) - x0 if steps > 1 else 0 * x0
    x_s = x0 + HIGH[steps - 1] * noise[-1]
    last = edit(x_s + before, float(HIGH[steps - 1]), 0) - denoise(x_s, float(HIGH[steps - 1]), 0)
    x = state + shift
    velocity = recorded_velocity(inversion, steps) + (shift - last) / HIGH[steps]
    first = Spy(edit)
    resample(first, inversion)
    at = (HIGH[steps] + HIGH[steps + 1]) / 2 if HIGH[steps + 1] > 0 else HIGH[steps] * 0.6
    asked = first.calls[steps]
    correction = recorded_point(inversion, steps) - (
        state + (at - HIGH[steps]) * recorded_velocity(inversion, steps)
    )
    assert asked.sigma == pytest.approx(float(at))
    assert torch.allclose(asked.x, x + (at - HIGH[steps]) * velocity + correction, atol=2e-3)


def walk_of(inversion):
    record = inversion.record
    method = solvers.recorded_pair(inversion.solver)
    return method.walk_again(record.outputs, record.source, inversion.sigmas, 0, lambda x: x.clone())


def recorded_state(denoise, x0, inversion, step):
    return solvers.recorded_pair("midpoint").state(walk_of(inversion), inversion.sigmas, step, x0.device)


def recorded_velocity(inversion, step):
    walk, sigmas = walk_of(inversion), inversion.sigmas
    at = (sigmas[step - 1] + sigmas[step]) / 2
    return (walk.points[step - 1] - walk.denoised[step - 1]) / at


def recorded_point(inversion, step):
    return walk_of(inversion).points[step]


def test_midpoint_joins_a_climb_that_ends_at_the_path_by_the_answer_at_its_noise():
    x0, denoise, edit = scene()
    inversion = unsample(denoise, x0, AYS, end=0.5, direct=0.5)
    assert inversion.start == inversion.direct_steps == 8
    down = Spy(edit)
    resample(down, inversion)
    assert down.steps == [0] * BEFORE + list(range(16))
    assert len(down.calls) == calls_falling(inversion)


@pytest.mark.parametrize("solver", SOLVERS)
def test_without_the_path_nothing_has_changed(solver):
    x0, denoise, edit = scene()
    with_path, without = (unsample(denoise, x0, AYS, solver, direct=d) for d in (0.5, 0.0))
    assert torch.equal(with_path.noise, without.noise)
    assert all(map(torch.equal, with_path.record.outputs, without.record.outputs))
    assert torch.equal(resample(edit, with_path, direct=0.0), resample(edit, without))
    assert not torch.allclose(resample(edit, with_path), resample(edit, without), atol=0.1)


@pytest.mark.parametrize("solver", SOLVERS)
def test_below_the_structure_there_is_nothing_left_of_the_path(solver):
    x0, denoise, edit = scene()
    inversion = unsample(denoise, x0, AYS, solver, direct=0.5)
    assert torch.equal(resample(edit, inversion, 0.5), resample(edit, inversion, 0.5, direct=0.0))
    assert not torch.equal(resample(edit, inversion, 0.4), resample(edit, inversion, 0.4, direct=0.0))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("end", [0.5, 1.0])
@pytest.mark.parametrize("kept", [0.5, 0.9, 1.0])
@pytest.mark.parametrize("structure", [0.0, 0.2, 0.8, 1.0])
@TOPS
def test_calls_are_known_beforehand(solver, end, kept, structure, sigmas, bare, before):
    x0, denoise, edit = scene()
    up, down, told = Spy(denoise), Spy(edit), []
    inversion = unsample(up, x0, sigmas, solver, end=end, direct=kept)
    known = calls_rising(solver, sigmas, True, end, kept)
    assert len(up.calls) == inversion.calls == known + bare
    assert known + bare == calls_rising(solver, sigmas, True, end, kept, shows=bare > 0)
    resample(down, inversion, structure, callback=lambda *report: told.append(report[:2]))
    walks = bool(steps_module.path(inversion, structure, None))
    path_alone = calls_falling(without(inversion), structure)
    assert len(down.calls) == calls_falling(inversion, structure) == path_alone + before * walks
    assert told == [(i + 1, len(down.calls)) for i in range(len(down.calls))]


@pytest.mark.parametrize("sigmas, bare, before", [(AYS, 2, 4), (HIGH, 0, 0)], ids=["shows", "high"])
def test_rows_at_16_steps(sigmas, bare, before):
    """What the price of a restyle rests on: the whole climb, a climb that ends at the path, a further one.
    Where the clip shows through the noise, two calls more on the way up and four on the way down."""
    x0, denoise, _ = scene()
    whole, half = (unsample(denoise, x0, sigmas, end=end, direct=10 / 16) for end in (1.0, 6 / 16))
    assert (whole.calls, calls_falling(whole)) == (28 + bare, 16 + before)
    assert (half.calls, calls_falling(half)) == (18 + bare, 16 + before)


def test_each_call_of_the_path_has_its_steps_own_sigma_and_label():
    x0, denoise, edit = scene()
    up, down = Spy(denoise), Spy(edit)
    inversion = unsample(up, x0, AYS, direct=0.5)
    resample(down, inversion)
    fresh, walked = up.calls[-8 - BARE_CALLS : -BARE_CALLS], down.calls[BEFORE : BEFORE + 8]
    assert [(c.sigma, c.step) for c in fresh] == [(float(AYS[i]), i) for i in range(8)]
    assert [(c.sigma, c.step) for c in walked] == [(c.sigma, c.step) for c in fresh]
    for ours, theirs in zip(up.calls[-BARE_CALLS:], down.calls[:BARE_CALLS], strict=True):
        assert (ours.sigma, ours.step) == (theirs.sigma, theirs.step) == (float(AYS[0]), 0)
        assert torch.equal(ours.x, theirs.x)
    for call in down.calls[BARE_CALLS:BEFORE]:
        assert (call.sigma, call.step) == (float(AYS[0]), 0)
        # the clip under the noise of the path's own first question, and an edit far smaller than that noise
        assert 0 < relative(call.x, fresh[0].x) < 0.2


def test_the_first_question_of_a_path_from_a_high_top_is_the_sources_own():
    x0, denoise, edit = scene()
    up, down = Spy(denoise), Spy(edit)
    resample(down, unsample(up, x0, HIGH, direct=0.5))
    assert torch.equal(down.calls[0].x, up.calls[-8].x)


@pytest.mark.parametrize("sigmas, bare", [(AYS, BARE_CALLS), (HIGH, 0)], ids=["shows", "high"])
def test_the_record_chooses_the_steps_whose_answers_lie_far_from_the_source(sigmas, bare):
    x0, denoise, _ = scene()
    up = Spy(denoise)
    inversion = unsample(up, x0, sigmas, direct=None)
    spread = (x0 - x0.mean((0, 2, 3), keepdim=True)).norm()
    far = [call.step for call in up.calls[1:18] if (call.answer - x0).norm() > engine.NEAR * spread]
    assert sorted(set(far)) == list(range(inversion.direct_steps))
    assert 0 < inversion.direct_steps < 16
    assert inversion.calls == 18 + inversion.direct_steps + bare
    assert inversion.calls <= calls_rising("midpoint", sigmas, direct=None, shows=bare > 0)


def test_a_schedule_that_begins_near_the_source_needs_no_path():
    x0, denoise, edit = scene()
    inversion = unsample(denoise, x0, sigma_lists.karras(4, high=0.1), direct=None)
    assert inversion.direct_steps == 0 and inversion.record.direct is None
    assert torch.isfinite(resample(edit, inversion)).all()


def test_the_noise_follows_source_and_variation_alone():
    x0, denoise, edit = scene()
    first, again, other = (unsample(denoise, x0, AYS, direct=0.6, variation=v) for v in (0, 0, 1))
    assert torch.equal(resample(edit, first), resample(edit, again))
    assert not torch.allclose(resample(edit, first), resample(edit, other), atol=0.01)
    assert first.record.direct.seed != engine.seed_of(x0 + 1e-3, 0)
    longer = unsample(denoise, x0, AYS, "euler", direct=0.9)
    assert torch.equal(longer.record.direct.answers[3], first.record.direct.answers[3])


def test_a_frame_has_its_noise_in_any_slice_and_each_step_and_frame_another():
    like = torch.zeros(4, 3, 5, 6)
    whole = engine.fresh_noise(7, 2, (0, 1, 2, 3), like)
    assert torch.equal(engine.fresh_noise(7, 2, (2, 0), like[:2]), whole[[2, 0]])
    assert not torch.equal(whole[0], whole[1])
    steps = [engine.fresh_noise(7, step, (0, 1, 2, 3), like) for step in range(6)]
    assert torch.equal(steps[3], -whole)
    assert not any(torch.equal(steps[i].abs(), whole.abs()) for i in (0, 1, 4, 5))
    many = engine.fresh_noise(1, 0, tuple(range(200)), torch.zeros(200, 3, 8, 8))
    assert abs(float(many.mean())) < 0.02 and abs(float(many.std()) - 1) < 0.02


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kept", [0.5, 1.0])
@pytest.mark.parametrize(
    "sigmas, begins", [(HIGH, False), (AYS, False), (AYS, True)], ids=["high", "without a start", "shows"]
)
def test_a_mask_keeps_the_source_and_leaves_the_rest_as_it_was(solver, kept, sigmas, begins):
    """But for the tone that an edit begins with where the clip shows through, which is that of the inside."""
    x0, denoise, edit = scene()
    left = torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]).reshape(1, 1, 1, 6)
    masked, free = (unsample(denoise, x0, sigmas, solver, mask=m, direct=kept) for m in (left, None))
    if not begins:
        masked, free = without(masked), without(free)
    result = resample(edit, masked)
    assert torch.equal(result[..., :3], x0[..., :3])
    assert not torch.allclose(result[..., 3:], x0[..., 3:], atol=0.1)
    assert torch.equal(result[..., 3:], resample(edit, free)[..., 3:]) is not begins


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_frame_that_starts_lower_is_the_source_until_then(solver):
    x0, denoise, edit = scene()
    inversion = unsample(denoise, x0, AYS, solver, direct=0.5)
    down = Spy(edit)
    structure = torch.tensor([0.0, 0.25, 0.25, 0.5, 0.75, 0.75, 1.0, 1.0])
    result = resample(down, inversion, structure)
    fresh = inversion.record.direct
    walked = down.calls[BEFORE:]
    for step, first in ((0, 1), (3, 1), (4, 3), (7, 3)):
        noised = fresh.noised(x0, AYS[step], step)
        assert torch.equal(walked[step].x[first:], noised[first:])
        assert not torch.allclose(walked[step].x[:first], noised[:first], atol=0.1)
    assert torch.equal(result[6:], x0[6:])
    assert not torch.allclose(result[:4], x0[:4], atol=0.1)


def test_cfg_is_left_out_of_the_path():
    place = world()
    x0, plain, guided = clip(place), Spy(denoiser(place, OTHER)), Spy(denoiser(place, OTHER, 3.0))
    inversion = unsample(denoiser(place), x0, AYS, direct=0.5)
    resample(guided, inversion, direct_denoise=plain)
    assert plain.steps == [0] * BEFORE + list(range(8)) and guided.steps == list(range(8, 16))


def test_the_sources_own_prompt_at_a_higher_cfg_edits_below_the_path_alone():
    place = world()
    x0, denoise, guided = clip(place), denoiser(place), denoiser(place, cfg=3.0)
    inversion = unsample(denoise, x0, AYS, direct=0.5)
    result = resample(guided, inversion, direct_denoise=denoise)
    assert torch.equal(result, resample(guided, inversion, structure=0.5, direct=0.0))


REFUSED = {
    "more than kept": (
        {"direct": 0.5},
        {"direct": 0.75},
        "direct is 0.75, 12 steps, and the record has the source's answers for 8",
    ),
    "none kept": ({}, {"direct": 0.2}, "direct is 0.2, 3 steps, .* answers for 0"),
    "above 1": ({"direct": 1.0}, {"direct": 1.5}, "direct is 1.5; set it between 0 and 1"),
    "above the noise": (
        {"direct": 0.9, "end": 0.25},
        {"direct": 0.5},
        "direct reaches step 8, the noise lies at step 12; set direct to at least 0.75, to 0, or raise end",
    ),
    "far above the noise": (
        {"direct": 1.0, "end": 0.0625},
        {"direct": 0.1},
        "direct reaches step 2, the noise lies at step 15; set direct to at least 0.938, to 0, or raise end",
    ),
}


@given(st.integers(1, 150), st.integers(1, 99))
@settings(max_examples=60, deadline=None)
def test_a_path_and_a_climb_that_are_all_steps_together_meet(steps, percent):
    """Whatever two roundings make of it."""
    direct, end = percent / 100, 1 - percent / 100
    sigmas = torch.linspace(10, 0, steps + 1)
    start = schedules.start_index(sigmas, end)
    found = steps_module.asked(sigmas, start, direct, True)
    assert start <= found <= start + 1


@given(st.integers(1, 150), st.floats(0.001, 1), st.floats(0.001, 1))
@settings(max_examples=100, deadline=None)
def test_the_cure_of_a_path_that_ends_above_the_noise_works(steps, direct, end):
    sigmas = torch.linspace(10, 0, steps + 1)
    start = schedules.start_index(sigmas, end)
    try:
        steps_module.asked(sigmas, start, direct, True)
    except UnsamplingError as error:
        enough = float(str(error).split("at least ")[1].split(",")[0])
        assert steps_module.asked(sigmas, start, enough, True) >= start


def test_the_record_never_chooses_a_path_that_ends_above_the_noise():
    x0, denoise, edit = scene()
    inversion = unsample(denoise, x0, AYS, end=0.1, direct=None)
    assert inversion.direct_steps >= inversion.start == 14
    assert torch.isfinite(resample(edit, inversion)).all()
    near = [(step, x0) for step in range(16)]
    assert [engine.steps_by_record(near, x0, first) for first in (0, 9)] == [0, 9]
    assert engine.steps_by_record([(step, 9 * x0) for step in range(16)], x0, 3) == 16


@pytest.mark.parametrize("solver", SOLVERS)
def test_frames_that_start_lower_on_a_climb_that_ends_early(solver):
    """The model sees the source's own way in the frames that have not begun."""
    x0, denoise, edit = scene()
    up, down = Spy(denoise), Spy(edit)
    inversion = unsample(up, x0, AYS, solver, end=0.5)
    structure = torch.tensor([0.0, 0.25, 0.5, 0.5, 0.5, 0.5, 1.0, 1.0])
    resample(down, inversion, structure)
    asked = questions(up, solver)
    for call in down.calls:
        begun = 8 + (structure * 8).round()
        still = begun > call.step
        assert torch.equal(call.x[still], asked[call.sigma, call.step][still])
    assert not torch.equal(down.calls[-1].x[0], asked[down.calls[-1].sigma, down.calls[-1].step][0])


@pytest.mark.parametrize("kept, walked, sentence", REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_fit_is_refused_before_the_first_call(kept, walked, sentence):
    x0, denoise, edit = scene()
    inversion, down = unsample(denoise, x0, AYS, **kept), Spy(edit)
    with pytest.raises(UnsamplingError, match=sentence):
        resample(down, inversion, **walked)
    assert not down.calls


@pytest.mark.parametrize(
    "setting, sentence",
    [
        ({"direct": -0.1}, "direct is -0.1; set it between 0 and 1"),
        ({"direct": 0.5, "record": False}, "direct above 0 needs the record"),
        ({"direct": 0.5, "solver": "ees25"}, "direct above 0 needs the record"),
        ({"direct": 0.2, "end": 0.5}, "direct reaches step 3, the noise lies at step 8; set direct to at"),
    ],
)
def test_an_unsampling_that_cannot_keep_a_path_is_refused(setting, sentence):
    x0, denoise, _ = scene()
    up = Spy(denoise)
    with pytest.raises(UnsamplingError, match=sentence):
        unsample(up, x0, AYS, **setting)
    assert not up.calls


def test_where_nothing_is_recorded_the_record_chooses_no_path():
    x0, denoise, _ = scene()
    assert unsample(denoise, x0, AYS, record=False, direct=None).record is None
    assert unsample(denoise, x0, AYS, "ees25", direct=None).calls == 47


def test_answers_are_stored_like_the_rest_of_the_record():
    x0, denoise, _ = scene()
    stored = []

    def store(x):
        stored.append(x.clone())
        return stored[-1]

    for sigmas, bare in ((AYS, 1), (HIGH, 0)):
        stored.clear()
        inversion = unsample(denoise, x0, sigmas, direct=0.5, store=store)
        assert len(stored) == 18 + 8 + bare + 1
        assert any(inversion.record.direct.bare is one for one in stored) is bool(bare)
        plain = unsample(denoise, x0, sigmas)
        assert inversion.nbytes == plain.nbytes + (8 + bare) * x0.nbytes


def test_a_look_that_turns_dark_and_bright_round_is_seen_by_its_first_answer():
    y, x = torch.meshgrid(torch.arange(16) / 16, torch.arange(16) / 16, indexing="ij")
    source = torch.sin(2 * torch.pi * (x + 2 * y)).expand(3, 4, -1, -1)
    faint = 0.3 * source + 1.0
    assert lies_across(5 - faint, faint, source)
    assert lies_across(faint - 3, faint, source) is False
    assert lies_across(faint.flip(3), faint, source) is False
    # an answer without anything of the source, as a flow model's at sigma 1, tells nothing
    assert lies_across(5 - faint.roll(4, 3), faint.roll(4, 3), source) is None


def test_lightness_is_judged_at_the_first_answer_that_has_seen_the_source():
    """At the very top the source's own answer may have nothing of it yet."""
    source = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    blank = torch.randn(source.shape, generator=torch.Generator().manual_seed(2))
    for first, own, answers, across in (
        (blank, blank, -source, True),
        (-blank, blank, -source, True),
        (blank, blank, source + 1, False),
        (-source, source, source + 1, True),
        (source + 1, source, -source, False),
    ):
        look = Look(source, None)
        assert look(first, own) is (across and own is source)
        assert look.looked and (look.across is None) is (own is blank)
        assert look(answers, source) is (across and own is blank)  # the answer that shows it, once
        assert look.across is across
        assert not look.beside(answers, source)

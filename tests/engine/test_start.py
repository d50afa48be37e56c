"""A direct path that begins with what the texts say of noise alone, where the clip shows through the top."""

import json
from dataclasses import replace

import pytest
import sigma_lists
import torch
from analytic_denoisers import IMAGES, OTHER, VIDEO, Spy, clip, denoiser, relative, world
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_solvers import direct_path_from_noise_alone
from test_noise_file import again, kept

from unsampling import UnsamplingError, resample, schedules, solvers, steps, takes, unsample
from unsampling.direct import BARE_CALLS, TONE_CALLS, fresh_noise
from unsampling.inversion import calls_falling, calls_rising
from unsampling.mirror import Mirror
from unsampling.noise_file import entries
from unsampling.start import (
    GAIN,
    GIVEN_BACK,
    OUTWEIGHS,
    SHOWS,
    clip_over_noise,
    settled,
    shows_through,
    tone,
)

SOLVERS = solvers.recorded()
AYS = schedules.ays("SD1", 16)
LATE_FLOW = sigma_lists.flow(12, shift=1.0, high=0.9)  # the clip shows through its top
FRAMES = {IMAGES: 0, VIDEO: 2}
BEFORE = BARE_CALLS + TONE_CALLS  # what a pass asks before its path


def scene(shape=IMAGES, flow=False, cfg=1.0):
    place = world(shape, flow)
    return clip(place), denoiser(place, cfg=cfg), denoiser(place, OTHER)


def noise_of(inversion, step, like):
    fresh = inversion.record.direct
    return fresh_noise(fresh.seed, step, fresh.places, like)


def waves(shape, cycles=1):
    """A clip of large shapes."""
    along = torch.arange(shape[-1]) / shape[-1]
    return torch.sin(2 * torch.pi * cycles * along).expand(shape).contiguous()


# the way back


@given(
    st.sampled_from(SOLVERS),
    st.sampled_from([True, "half"]),
    st.integers(2, 9),
    st.sampled_from([0.2, 0.6, 1.0, None]),
    st.sampled_from([0.0, 0.05, 0.3, 0.71, "ramp"]),
    st.integers(0, 2**63),
    st.sampled_from([(IMAGES, False), (VIDEO, False), (IMAGES, True), (VIDEO, True)]),
    st.booleans(),
    st.sampled_from([{}, {"hold": 0.7, "steady": 0.4}]),
    st.booleans(),
)
@settings(max_examples=120, deadline=None)
def test_the_round_trip_is_exact(
    solver, record, count, direct, structure, variation, shape_flow, masked, how, mirrored
):
    shape, flow = shape_flow
    x0, denoise, _ = scene(shape, flow, 2.0)
    sigmas = sigma_lists.flow(count, shift=1.0, high=0.9) if flow else sigma_lists.karras(count)
    mask = torch.rand(1, 1, *([1] * (x0.ndim - 4)), *shape[-2:]).round(decimals=1) if masked else None
    made = unsample(
        denoise, x0, sigmas, solver, record, mask=mask, direct=direct, variation=variation, flow=flow
    )
    assert made.record.direct.bare is not None
    if structure == "ramp":
        structure = torch.linspace(0, 0.9, shape[FRAMES[shape]])
    if mirrored:
        how = how | {"mirror": Mirror(torch.tensor([0.5, -0.5, 0.5, 0.5]), 0.3, flow)}
    assert torch.equal(resample(denoise, made, structure, flow=flow, **how), x0)


def pointwise(tone):
    """A model that sees each number of a latent alone."""

    def denoise(x, sigma, step):
        return tone + torch.tanh(x / (0.1 + sigma)) + 0.3 * torch.cos(x)

    return denoise


def untoned(x):
    """x around the mean of each frame."""
    return x - x.mean((-2, -1), keepdim=True)


def sliced(made, frames):
    """The record of these frames, as host/record.py cuts it."""
    past = made.record
    direct = replace(
        past.direct.each(lambda x: x[frames]), places=tuple(past.direct.places[i] for i in frames)
    )
    outputs = tuple(x[frames] for x in past.outputs)
    record = replace(past, source=past.source[frames], outputs=outputs, direct=direct)
    return replace(made, noise=made.noise[frames], record=record)


@pytest.mark.parametrize("frames", [[2, 3, 4], [7, 0], [5]])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("record", [True, "half"])
def test_a_slice_is_exact_and_has_the_restyle_of_its_frames(frames, solver, record):
    x0, denoise, edit = clip(world()), pointwise(0.0), pointwise(0.4)
    made = unsample(denoise, x0, AYS, solver, record, direct=0.5)
    cut = sliced(made, frames)
    assert torch.equal(resample(denoise, cut), x0[frames])
    assert torch.allclose(resample(edit, cut), resample(edit, made)[frames], atol=1e-5)
    path = steps.path(cut, 0.0, None)
    whole, part = (takes.vary(denoise, one, 3, path).record.direct.bare for one in (made, cut))
    assert torch.allclose(part.float(), whole[frames].float(), atol=1e-3 if record == "half" else 1e-6)


# what is asked


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", [IMAGES, VIDEO])
@pytest.mark.parametrize("flow", [False, True])
def test_noise_alone_is_the_top_steps_own_and_its_negative(solver, shape, flow):
    x0, denoise, edit = scene(shape, flow)
    sigmas, up, down = LATE_FLOW if flow else AYS, Spy(denoise), Spy(edit)
    made = unsample(up, x0, sigmas, solver, direct=0.5, flow=flow, variation=4)
    resample(down, made, flow=flow)
    noise = noise_of(made, 0, x0) * sigmas[0]
    for asked in (up.calls[-BARE_CALLS:], down.calls[:BARE_CALLS]):
        assert [(call.sigma, call.step) for call in asked] == [(float(sigmas[0]), 0)] * 2
        assert torch.equal(asked[0].x, noise) and torch.equal(asked[1].x, -noise)
    first, second = up.calls[-BARE_CALLS:]
    assert torch.equal(made.record.direct.bare, (first.answer + second.answer) / 2)
    shown = made.record.direct.noised(torch.zeros_like(x0), sigmas[0], 0)
    assert torch.equal(shown, noise)


def test_what_a_model_sees_in_the_noise_is_no_part_of_the_answer():
    x0, tone = clip(world()), torch.linspace(-1, 1, 4).view(1, 4, 1, 1)
    made = unsample(lambda x, sigma, step: tone + 0.3 * x, x0, AYS, direct=0.5)
    assert torch.allclose(made.record.direct.bare, tone.expand_as(x0), atol=1e-5)


@pytest.mark.parametrize(
    "sigmas, flow",
    [
        (sigma_lists.karras(8, high=250.0), False),
        (sigma_lists.flow(8), True),
        (sigma_lists.karras(8, high=0.2), False),  # there the clip is all that is seen
    ],
    ids=["high", "flow", "partial"],
)
@pytest.mark.parametrize("solver", SOLVERS)
def test_where_the_clip_does_not_show_through_nothing_more_is_asked_or_kept(sigmas, flow, solver):
    x0, denoise, edit = scene(flow=flow)
    up, down = Spy(denoise), Spy(edit)
    made = unsample(up, x0, sigmas, solver, direct=0.5, flow=flow)
    resample(down, made, flow=flow)
    assert made.record.direct.bare is None and not made.asks_bare(range(4))
    assert len(up.calls) == calls_rising(solver, sigmas, direct=0.5)
    assert up.steps[-4:] == down.steps[:4] == list(range(4))


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_clip_that_is_seen_at_the_noise_has_no_path_and_no_start(solver):
    x0, _, edit = scene()
    up, down = Spy(lambda x, sigma, step: x0 + 0.005 * (x - x0)), Spy(edit)
    made = unsample(up, x0, AYS, solver, direct=None)
    resample(down, made)
    assert shows_through(x0, AYS[0], False) and made.record.direct is None
    assert len(up.calls) == calls_rising(solver, AYS, direct=0.0)
    assert len(down.calls) == calls_falling(made)


@pytest.mark.parametrize("solver", solvers.PAIRS)
@pytest.mark.parametrize("record, direct", [(False, None), (False, 0.0), (True, 0.0)])
def test_without_a_path_nothing_more_is_asked(solver, record, direct):
    x0, denoise, edit = scene()
    up, down = Spy(denoise), Spy(edit)
    made = unsample(up, x0, AYS, solver, record, direct=direct)
    assert len(up.calls) == calls_rising(solver, AYS, record, direct=direct)
    assert len(up.calls) == calls_rising(solver, AYS, record, direct=direct, shows=True)
    resample(down, made)
    assert len(down.calls) == calls_falling(made)


@pytest.mark.parametrize("structure", [0.0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("direct", [0.0, 0.25, 0.5])
def test_a_pass_without_the_path_does_not_ask_of_noise_alone(structure, direct):
    x0, denoise, edit = scene()
    made, down = unsample(denoise, x0, AYS, "euler", direct=0.5), Spy(edit)
    resample(down, made, structure, direct=direct)
    path = steps.path(made, structure, direct)
    begun = steps.starts(made, structure, direct)[0]
    assert made.asks_bare(path) is bool(path)
    assert down.steps == [0] * (BEFORE * bool(path)) + list(range(begun, 16))
    assert len(down.calls) == calls_falling(made, structure, direct)


# the edit


@pytest.mark.parametrize("flow", [False, True])
@pytest.mark.parametrize("shape", [IMAGES, VIDEO])
@pytest.mark.parametrize("first", [0, 1, 5])
@pytest.mark.parametrize("seen", [None, 0.3, 0.9])
def test_the_path_is_that_of_the_plain_code(shape, flow, first, seen):
    """seen: the clip's layout over the noise's, more of it in the last frame than in the first."""
    x0, denoise, edit = scene(shape, flow)
    sigmas = LATE_FLOW if flow else AYS
    count = len(sigmas) - 1
    if seen is not None:
        louder = torch.linspace(0.5, 1.0, shape[FRAMES[shape]])
        x0 = x0 * louder.view([-1 if i == FRAMES[shape] else 1 for i in range(len(shape))])
        x0 = x0 * seen / clip_over_noise(x0, sigmas[0], flow).square().mean().sqrt()
    made = unsample(denoise, x0, sigmas, direct=1.0, flow=flow)
    assert made.record.direct.bare is not None
    noise = [noise_of(made, step, x0) for step in range(count)]
    expected = direct_path_from_noise_alone(denoise, edit, x0, sigmas, noise, GAIN, first, flow)
    result = resample(edit, made, first / count, flow=flow)
    assert torch.allclose(result, expected, atol=1e-4)
    assert not torch.allclose(result, x0, atol=0.3)


def left(x0):
    """How much of the start each frame has: the noise's share of its low frequencies."""
    return 1 / (1 + clip_over_noise(x0, AYS[0], False).square())


def test_the_start_matters():
    x0, denoise, edit = scene()
    made = unsample(denoise, x0, AYS, direct=0.5)
    direct = replace(made.record.direct, bare=None)
    without = replace(made, record=replace(made.record, direct=direct))
    assert relative(resample(edit, made), resample(edit, without)) > 0.05


def shown_first(down, made):
    """The pattern that an edit begins with, by the first question with the clip in it."""
    return down.calls[BARE_CALLS].x - made.record.direct.noised(made.record.source, AYS[0], 0)


def settled_tone(down, made, share=None):
    """The tone that it begins with, by the two answers about it."""
    own = made.record.direct.answers[0]
    answers = (call.answer - own for call in down.calls[BARE_CALLS:BEFORE])
    one, two = (tone(answer, share) for answer in answers)
    back = ((two - one) * one).sum(1, True) / one.square().sum(1, True)
    return one / (1 - back.clamp(0, GIVEN_BACK))


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_pattern_has_no_tone_of_its_own_and_is_that_of_noise_alone(solver):
    x0, denoise, edit = scene()
    made, down = unsample(denoise, x0, AYS, solver, direct=0.5), Spy(edit)
    resample(down, made)
    bare = GAIN * ((down.calls[0].answer + down.calls[1].answer) / 2 - made.record.direct.bare)
    assert torch.allclose(shown_first(down, made), untoned(bare), atol=1e-4)
    assert untoned(bare).abs().max() > 0.05


@pytest.mark.parametrize("shape", [IMAGES, VIDEO])
def test_the_second_question_shows_the_tone_of_the_first_answer(shape):
    x0, denoise, edit = scene(shape)
    made, down = unsample(denoise, x0, AYS, direct=0.5), Spy(edit)
    resample(down, made)
    one, two = down.calls[BARE_CALLS:BEFORE]
    assert (one.sigma, one.step) == (two.sigma, two.step) == (float(AYS[0]), 0)
    shown = tone(one.answer - made.record.direct.answers[0])
    assert torch.allclose(two.x - one.x, shown.expand_as(x0), atol=1e-4) and shown.abs().max() > 0.05


def of_tone(taken, look):
    """A model that takes so much of the tone that it sees for the picture's, and the rest from the look."""

    def denoise(x, sigma, step):
        seen = x.mean((2, 3), keepdim=True)
        return (taken * seen + (1 - taken) * look).expand_as(x)

    return denoise


@pytest.mark.parametrize("taken", [0.0, 0.3, 0.7, 0.79])
def test_a_model_that_takes_over_a_share_of_the_tone_gets_the_looks_own(taken):
    x0 = clip(world())
    looks = (torch.tensor(t).view(1, 4, 1, 1) for t in ([0.2, -0.4, 0.0, 0.6], [-0.5, 0.3, 0.1, 0.9]))
    source, target = looks
    made, down = unsample(of_tone(taken, source), x0, AYS, direct=0.5), Spy(of_tone(taken, target))
    resample(down, made)
    began = down.calls[BEFORE].x - made.record.direct.noised(x0, AYS[0], 0)
    assert torch.allclose(began, (target - source) * left(x0).expand_as(x0), atol=1e-4)


@pytest.mark.parametrize("taken, most", [(0.95, GIVEN_BACK), (1.5, GIVEN_BACK), (-0.6, 0.0)])
def test_a_tone_that_would_not_settle_is_bounded(taken, most):
    one = torch.tensor([0.1, -0.2, 0.3]).view(1, 3, 1, 1)
    found = settled(lambda shown: one + taken * shown, torch.zeros_like(one))
    assert torch.allclose(found, one / (1 - most))


@pytest.mark.parametrize("scale", [1e-8, 1e-4, 1.0, 1e4])
def test_a_tone_of_any_strength_settles(scale):
    one = scale * torch.tensor([0.1, -0.2, 0.3]).view(1, 3, 1, 1)
    found = settled(lambda shown: one + 0.7 * shown, torch.zeros_like(one))
    assert torch.allclose(found, one / 0.3, rtol=1e-3, atol=0)


def test_each_frame_settles_by_itself():
    one, taken = torch.rand(2, 4, 3, 1, 1) + 0.1, torch.tensor([0.2, 0.7, 0.5]).view(1, 1, 3, 1, 1)
    found = settled(lambda shown: one + taken * shown, torch.zeros_like(one))
    assert torch.allclose(found, one / (1 - taken))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_tone_has_the_type_of_the_pass_and_is_finite(dtype):
    large = (torch.rand(2, 4, 96, 96) * 90).to(dtype)
    found = settled(lambda shown: tone(large) + 0.7 * shown, torch.zeros_like(tone(large)))
    assert found.dtype == tone(large).dtype == dtype and found.isfinite().all()
    assert torch.allclose(found.double(), large.double().mean((-2, -1), keepdim=True) / 0.3, rtol=0.05)
    assert not settled(lambda shown: shown, torch.zeros(1, 4, 1, 1, dtype=dtype)).any()


def test_a_frame_without_a_place_has_no_tone():
    """A mask may leave a frame out."""
    x0, inside = torch.rand(5, 2, 4, 4), torch.zeros(5, 1, 4, 4)
    inside[3, :, :2] = 1
    found = tone(x0, inside)
    assert torch.allclose(found[3].flatten(), x0[3, :, :2].mean((-2, -1)))
    assert not found[[0, 1, 2, 4]].any()


def half_edited(edit, own, frames):
    """A model that has the new look in some frames, and in the others the source's."""

    def denoise(x, sigma, step):
        return torch.where(frames, edit(x, sigma, step), own(x, sigma, step))

    return denoise


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_frame_under_the_sources_own_prompt_comes_back_beside_frames_in_the_new_look(solver):
    x0, denoise, edit = clip(world()), pointwise(0.0), pointwise(0.4)
    there = (torch.arange(len(x0)) >= 4).view(-1, 1, 1, 1)
    result = resample(half_edited(edit, denoise, there), unsample(denoise, x0, AYS, solver, direct=0.5))
    assert torch.equal(result[:4], x0[:4]) and not torch.allclose(result[4:], x0[4:], atol=0.1)


def test_no_tone_given_back_is_none():
    nothing = torch.zeros(2, 4, 1, 1)
    assert torch.equal(settled(lambda shown: shown * 0.7, nothing), nothing)


def test_hold_and_steady_do_not_act_on_the_start():
    x0, denoise, edit = scene()
    made, plain, held = unsample(denoise, x0, AYS, direct=0.5), Spy(edit), Spy(edit)
    resample(plain, made)
    resample(held, made, hold=1.0, steady=1.0)
    before, other = (spy.calls[: BEFORE + 2] for spy in (plain, held))
    assert all(torch.equal(one.x, two.x) for one, two in zip(before[:-1], other[:-1], strict=True))
    assert not torch.allclose(before[-1].x, other[-1].x, atol=0.01)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_frame_that_begins_inside_a_step_gets_the_rest_of_the_start_with_the_next(solver, share):
    x0, denoise, edit = scene()
    made, down = unsample(denoise, x0, AYS, solver, direct=0.5), Spy(edit)
    resample(down, made, (3 - share) / 16)
    start = left(x0) * (shown_first(down, made) + settled_tone(down, made))
    one, two = down.calls[BEFORE : BEFORE + 2]
    shifts = [call.x - made.record.direct.noised(x0, AYS[call.step], call.step) for call in (one, two)]
    assert (one.step, two.step) == (2, 3)
    assert torch.allclose(shifts[0], start * AYS[2] / AYS[0], atol=1e-4)
    difference = one.answer - made.record.direct.answers[2]
    moved = shifts[0] + (difference - shifts[0]) * (1 - AYS[3] / AYS[2])
    assert torch.allclose(shifts[1], share * moved + (1 - share) * start * AYS[3] / AYS[0], atol=1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("begins", [0, 0.75])
@pytest.mark.parametrize("inside", [0.25, 0.5, 1.0])
def test_a_soft_mask_gets_the_start_once(solver, begins, inside):
    """The path is walked inside it as in a whole one; the result is faded."""
    x0, denoise, edit = scene()
    mask = torch.full((1, 1, *x0.shape[-2:]), inside)
    made, down = unsample(denoise, x0, AYS, solver, direct=0.5, mask=mask), Spy(edit)
    resample(down, made, begins / 16)
    calls, left_of_step = down.calls[BEFORE:][:8], 1 - begins
    shifts = [call.x - made.record.direct.noised(x0, AYS[call.step], call.step) for call in calls]
    start = shifts[0]
    for i, (call, shift, after) in enumerate(zip(calls, shifts, shifts[1:], strict=False)):
        difference = call.answer - made.record.direct.answers[i]
        moved = shift + (difference - shift) * (1 - AYS[i + 1] / AYS[i])
        kept_of, rest = (left_of_step, begins) if i == 0 else (1, 0)
        expected = kept_of * moved + rest * start * AYS[1] / AYS[0]
        assert torch.allclose(after, expected, atol=1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
def test_structure_fades_the_start_with_sigma_frame_by_frame(solver):
    x0, denoise, edit = scene()
    made, down = unsample(denoise, x0, AYS, solver, direct=0.5), Spy(edit)
    structure = torch.tensor([0.0, 2 / 16, 2 / 16, 5 / 16, 7 / 16, 0.5, 0.5, 1.0])
    resample(down, made, structure)
    top = down.calls[BEFORE].x - made.record.direct.noised(x0, AYS[0], 0)
    whole = left(x0) * (shown_first(down, made) + settled_tone(down, made))
    assert torch.allclose(top[:1], whole[:1], atol=1e-4) and not top[1:].any()
    for frame, first in enumerate((structure * 16).round().int().tolist()[:5]):
        noised = made.record.direct.noised(x0, AYS[first], first)
        began = down.calls[BEFORE + first].x - noised
        expected = whole[frame] * AYS[first] / AYS[0]
        assert torch.allclose(began[frame], expected, atol=1e-4)
        assert expected.abs().max() > 0.01
        assert not began[structure > first / 16].any()


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("direct, whole", [(0.5, 1), (0.5, 2), (1.0, 1), (1.0, 2), (1.0, 3)])
@pytest.mark.parametrize("side", [-1, 1])
def test_a_start_near_a_step_is_near_that_at_the_step(solver, direct, whole, side):
    """Nearer by as much as it is nearer: no jump."""
    x0, denoise, edit = scene()
    made = unsample(denoise, x0, schedules.ays("SD1", 4), solver, direct=direct)
    at, near, far = (resample(edit, made, whole / 4 + side * off) for off in (0.0, 0.006, 0.03))
    assert 0 < relative(near, at) < 0.6 * relative(far, at)


LEFT = torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("structure", [0.0, 0.11, 0.25])
@pytest.mark.parametrize("shape", [IMAGES, VIDEO])
def test_outside_a_mask_all_is_the_source(solver, structure, shape):
    x0, denoise, edit = scene(shape)
    masked, free = (
        unsample(denoise, x0, AYS, solver, mask=mask, direct=0.5)
        for mask in (LEFT.reshape(1, 1, *[1] * (x0.ndim - 3), 6), None)
    )
    down = Spy(edit)
    result = resample(down, masked, structure)
    assert torch.equal(result[..., :3], x0[..., :3])
    other = Spy(edit)
    resample(other, free, structure)
    assert all(torch.equal(one.x, two.x) for one, two in zip(down.calls[:2], other.calls[:2], strict=True))
    inside = LEFT.expand_as(x0)
    shown = down.calls[BARE_CALLS + 1].x - down.calls[BARE_CALLS].x
    answer = down.calls[BARE_CALLS].answer - masked.record.direct.answers[0]
    assert torch.allclose(shown, tone(answer, inside) * inside, atol=1e-4)
    assert torch.allclose(tone(answer, inside), tone(answer[..., 3:]), atol=1e-5)
    pattern = down.calls[BARE_CALLS].x - masked.record.direct.noised(x0, AYS[0], 0)
    assert pattern.abs().max() > 0.01 and tone(pattern, inside).abs().max() < 1e-4
    for call in down.calls[BARE_CALLS : BEFORE + len(steps.path(masked, structure, None))]:
        noised = masked.record.direct.noised(x0, AYS[call.step], call.step)
        assert torch.equal(call.x[..., :3], noised[..., :3])
    assert not torch.allclose(result[..., 3:], x0[..., 3:], atol=0.1)


# where the clip shows through


@pytest.mark.parametrize("shape", [(3, 4, 32, 48), (1, 4, 3, 32, 48), (2, 4, 16, 16)])
def test_a_clip_shows_through_a_low_top_and_not_through_a_high_one(shape):
    source = waves(shape)
    for sigma, flow, shows in (
        (14.6, False, True),
        (250.0, False, False),
        (700.0, False, False),
        (1.0, True, False),
        (0.9, True, True),
        (0.9999, True, False),
        (0.1, True, False),
        (0.5, False, False),
    ):
        assert shows_through(source, torch.tensor(sigma), flow) is shows
    assert not shows_through(torch.zeros(shape), torch.tensor(0.1), False)


def test_frames_of_a_video_count_like_pictures():
    source = clip(world((5, 4, 24, 24)))
    for sigma in torch.logspace(0, 3, 40):
        video = source.movedim(0, 1)[None]
        assert shows_through(video, sigma, False) is shows_through(source, sigma, False)


@given(st.floats(1e-3, 1e3), st.floats(1.0, 1000.0))
@settings(max_examples=50, deadline=None)
def test_only_the_clip_over_the_noise_counts(scale, sigma):
    source = waves((2, 4, 16, 16))
    alone, scaled = torch.tensor(sigma), torch.tensor(sigma * scale)
    border = _border(source)
    if abs(sigma / border - 1) > 1e-3:
        assert shows_through(source * scale, scaled, False) is shows_through(source, alone, False)
        outweighed = border * SHOWS / OUTWEIGHS
        if abs(sigma / outweighed - 1) > 1e-3:
            assert shows_through(source, alone, False) is (outweighed < sigma < border)


def _border(source):
    """Up to which sigma the clip shows through. Below some other it outweighs the noise."""
    seen = float(clip_over_noise(source, torch.tensor(1.0), False).square().mean().sqrt())
    low, high = seen / OUTWEIGHS * 1.01, 1e4
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if shows_through(source, torch.tensor(middle), False) else (low, middle)
    return low


@pytest.mark.parametrize("size", [(8, 8), (24, 40), (64, 64), (135, 240)])
def test_noise_of_that_share_is_the_border_at_any_size(size):
    """In the low frequencies, where there is less of white noise the larger the picture is."""
    noise = torch.randn(
        50_000 // (size[0] * size[1]) + 12, 4, *size, generator=torch.Generator().manual_seed(1)
    )
    assert _border(noise) * SHOWS == pytest.approx(1.0, rel=0.05)


def test_fine_detail_is_not_seen():
    coarse, fine = waves((2, 4, 64, 64)), waves((2, 4, 64, 64), cycles=24)
    assert shows_through(coarse, torch.tensor(14.6), False)
    assert not shows_through(fine, torch.tensor(14.6), False)


# what is kept


@pytest.mark.parametrize("shape", [IMAGES, VIDEO])
@pytest.mark.parametrize("record", [True, "half"])
def test_a_file_keeps_it_to_the_bit(tmp_path, shape, record):
    x0, denoise, edit = scene(shape)
    made = unsample(denoise, x0, AYS, record=record, direct=0.5)
    found = again(tmp_path, kept(made)).inversion
    assert torch.equal(found.record.direct.bare, made.record.direct.bare)
    assert found.direct_calls == made.direct_calls == 8 + BARE_CALLS
    for structure in (0.0, 0.3):
        assert torch.equal(resample(edit, found, structure), resample(edit, made, structure))
    assert torch.equal(resample(denoise, found), x0)


@pytest.mark.parametrize("frames", [[2, 3, 4], [6, 1]])
def test_a_file_of_a_slice_keeps_its_frames(tmp_path, frames):
    x0, denoise, _ = scene()
    made = unsample(denoise, x0, AYS, direct=0.5)
    saved = replace(kept(made), noise=made.noise[frames], frames=frames)
    found = again(tmp_path, saved).inversion.record.direct
    assert torch.equal(found.bare, made.record.direct.bare[frames]) and found.places == tuple(frames)


def test_a_half_record_keeps_it_in_half_and_comes_back_from_a_half_file(tmp_path):
    x0, denoise, _ = scene(cfg=3.0)
    made = unsample(denoise, x0, AYS, record="half", direct=0.5)
    assert made.record.direct.bare.dtype == torch.float16
    assert made.nbytes == x0.nbytes + (18 + 8 + 1) * x0.nbytes // 2
    found = again(tmp_path, kept(made), half=True).inversion
    assert torch.equal(resample(denoise, found), x0)


def rewritten(monkeypatch, tmp_path, made, change):
    """What is loaded of a file whose settings say something else of the direct path."""
    dumps = json.dumps

    def other(told, **how):
        if isinstance(told, dict) and told.get("inversion"):
            change(told["inversion"]["record"]["direct"])
        return dumps(told, **how)

    with monkeypatch.context() as patch:
        patch.setattr(json, "dumps", other)
        saved = kept(made)
        path = again(tmp_path, saved)
    return path.inversion


def without(made):
    direct = replace(made.record.direct, bare=None)
    return replace(made, record=replace(made.record, direct=direct))


def test_a_file_of_an_earlier_version_loads_without_it(monkeypatch, tmp_path):
    x0, denoise, edit = scene()
    plain = without(unsample(denoise, x0, AYS, direct=0.5))
    assert not any("bare" in name for name in entries(kept(plain), False))
    found = rewritten(monkeypatch, tmp_path, plain, lambda direct: direct.pop("bare"))
    assert found.record.direct.bare is None and found.direct_calls == 8
    assert torch.equal(resample(edit, found), resample(edit, plain))
    assert torch.equal(resample(denoise, found), x0)


@pytest.mark.parametrize(
    "told, sentence",
    [
        (True, "it has no record.direct.bare"),
        (1, "its setting bare is missing or odd"),
        (None, "bare is miss"),
    ],
)
def test_a_file_that_says_otherwise_is_refused(monkeypatch, tmp_path, told, sentence):
    x0, denoise, _ = scene()
    plain = without(unsample(denoise, x0, AYS, direct=0.5))
    with pytest.raises(UnsamplingError, match=sentence):
        rewritten(monkeypatch, tmp_path, plain, lambda direct: direct.update(bare=told))


# takes


@pytest.mark.parametrize("record", [True, "half"])
@pytest.mark.parametrize("shape", [IMAGES, VIDEO])
@pytest.mark.parametrize("structure", [0.0, 0.2])
def test_a_take_asks_of_its_own_noise_alone(shape, record, structure):
    x0, denoise, edit = scene(shape)
    made, spy = unsample(denoise, x0, AYS, record=record, direct=0.5), Spy(denoise)
    first, path = made.record.direct.bare.clone(), steps.path(made, structure, None)
    take = takes.vary(spy, made, 5, path)
    direct = take.record.direct
    noise = noise_of(take, 0, x0) * AYS[0]
    assert direct.seed != made.record.direct.seed and not torch.equal(direct.bare, first)
    asked = [call for call in spy.calls if torch.equal(call.x.abs(), noise.abs())]
    assert len(asked) == BARE_CALLS
    # the answer at the top, beside which a pass asks for the tone, is the take's own
    assert spy.steps == [0, 0, *sorted({0, *path})] and len(spy.calls) == takes.calls(made, path)
    noised = direct.noised(x0, AYS[0], 0)
    assert torch.equal(next(call.x for call in spy.calls[BARE_CALLS:] if call.step == 0), noised)
    assert torch.equal(direct.answers[0].float(), spy.calls[BARE_CALLS].answer.to(first.dtype).float())
    assert direct.bare.dtype == first.dtype
    assert torch.allclose(direct.bare.float(), (asked[0].answer + asked[1].answer) / 2, atol=2e-3)
    assert torch.equal(made.record.direct.bare, first) and direct.first is made.record.direct
    assert torch.equal(resample(denoise, take, structure), x0)
    assert not torch.allclose(resample(edit, take, structure), resample(edit, made, structure), atol=1e-3)


def test_a_take_is_that_of_an_unsampling_with_its_noise():
    x0, denoise, edit = scene()
    made = unsample(denoise, x0, AYS, direct=0.5)
    take = takes.vary(denoise, made, 5, range(8))
    direct, down = take.record.direct, Spy(edit)
    noise = noise_of(take, 0, x0) * AYS[0]
    resample(down, take)
    assert torch.equal(down.calls[0].x, noise) and torch.equal(down.calls[1].x, -noise)
    own = (denoise(noise, float(AYS[0]), 0) + denoise(-noise, float(AYS[0]), 0)) / 2
    assert torch.equal(direct.bare, own)


@pytest.mark.parametrize("high", [14.6, 250.0])
def test_a_take_without_a_path_asks_nothing(high):
    x0, denoise, _ = scene()
    made, spy = unsample(denoise, x0, sigma_lists.karras(8, high=high), direct=0.5), Spy(denoise)
    takes.vary(spy, made, 1, range(0))
    assert not spy.calls and takes.calls(made, range(0)) == 0

"""Hold: nothing on the source, and elsewhere the source's layout with the edit's own tone and strength."""

import pytest
import torch
from analytic_denoisers import IMAGES, OTHER, VIDEO, clip, denoiser, world
from hypothesis import given, settings
from hypothesis import strategies as st

from unsampling import UnsamplingError, resample, schedules, solvers, unsample
from unsampling import hold as engine

SOLVERS = solvers.recorded()
AYS = schedules.ays("SD1", 16)


def scene(shape=IMAGES):
    place = world(shape)
    return clip(place), denoiser(place), denoiser(place, OTHER)


@given(
    st.sampled_from(SOLVERS), st.floats(0, 1), st.floats(0, 1), st.sampled_from([IMAGES, VIDEO, (1, 4, 5, 6)])
)
@settings(max_examples=40, deadline=None)
def test_the_round_trip_is_exact(solver, hold, direct, shape):
    x0, denoise, _ = scene(shape)
    for record in (True, "half"):
        inversion = unsample(denoise, x0, AYS, solver, record, direct=direct)
        assert torch.equal(resample(denoise, inversion, hold=hold), x0)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("direct", [0.0, 0.5])
def test_it_changes_an_edit_and_at_0_does_not(solver, direct):
    x0, denoise, edit = scene()
    inversion = unsample(denoise, x0, AYS, solver, direct=direct)
    free, none, half = (resample(edit, inversion, **h) for h in ({}, {"hold": 0.0}, {"hold": 0.5}))
    assert torch.equal(free, none)
    assert not torch.allclose(free, half, atol=1e-2)


def waves(frames=4, height=32, width=48):
    """Pictures of two tones: three cycles across, and twelve down."""
    y, x = torch.meshgrid(torch.arange(height) / height, torch.arange(width) / width, indexing="ij")
    slow, fast = torch.sin(2 * torch.pi * 2 * x), torch.sin(2 * torch.pi * 12 * y)
    return slow.expand(frames, 3, -1, -1).clone(), fast.expand(frames, 3, -1, -1).clone()


def test_the_layout_is_what_lies_below_four_cycles_a_picture():
    slow, fast = waves()
    low = engine.layout(5 + slow + fast)
    assert torch.allclose(low, 5 + slow / (1 + 0.5**6), atol=2e-3)


def seen(recorded):
    """A source that such an answer of its own neither hits nor misses by far."""
    return recorded / 0.6


def test_the_answer_gets_the_sources_layout_and_keeps_its_own_tone_strength_and_detail():
    slow, fast = waves()
    recorded, answer = 3 * slow, 7 + 0.5 * slow.flip(3).roll(5, 3) + fast
    held = engine.holding(seen(recorded), 1.0, push=True)(answer, recorded)
    assert torch.allclose(held.mean((0, 2, 3)), answer.mean((0, 2, 3)), atol=1e-4)
    pattern = engine.layout(held) - 7
    assert torch.allclose(pattern, 0.5 * slow / (1 + 0.5**6), atol=2e-2)
    assert torch.allclose(held - engine.layout(held), answer - engine.layout(answer), atol=2e-2)


def test_half_of_it_lies_halfway():
    slow, fast = waves()
    answer, recorded = slow.roll(9, 3) + fast, 2 * slow
    none, half, whole = (
        engine.holding(seen(recorded), amount, push=True)(answer, recorded) for amount in (0.0, 0.5, 1.0)
    )
    assert torch.equal(none, answer)
    assert torch.allclose(half, (none + whole) / 2, atol=1e-5)
    assert not torch.allclose(half, none, atol=0.1)


@pytest.mark.parametrize("far, push, by", [(0.9, True, 0.5), (0.9, False, 0.0), (0.5, True, 0.0)])
def test_the_tone_is_pushed_where_the_model_sees_next_to_nothing(far, push, by):
    source, recorded, answer = answers(far)
    held = engine.holding(source, 0.5, push)(answer, recorded)
    assert float(held.mean()) == pytest.approx(float(answer.mean()) + by, abs=1e-3)
    assert not torch.equal(held, answer)


def test_nothing_is_done_where_the_model_sees_the_clip():
    source, recorded, answer = answers(0.2)
    assert torch.equal(engine.holding(source, 0.5, push=True)(answer, recorded), answer)


def answers(far):
    """A source, an answer for it that is so far from it, and the target's answer: one tone lighter."""
    slow, fast = waves()
    source = slow + fast
    recorded = source + far * source.norm() / fast.norm() * fast
    return source, recorded, recorded + 1.0 + 0.1 * slow.roll(5, 3)


def test_a_long_clip_takes_mean_and_spread_from_the_frames_around():
    """What happens at one end of a long clip does not reach the other; a short one is taken whole."""
    slow, fast = waves(100, 16, 16)
    answer, source = slow.roll(3, 3) + 0.1 * fast, 2 * slow
    changed = answer.clone()
    changed[:10] *= 5
    hold = engine.holding(seen(source), 0.5, push=True)
    both = [hold(x, source) for x in (answer, changed)]
    assert torch.allclose(both[0][60:], both[1][60:], atol=1e-4)
    assert not torch.allclose(both[0][10:20], both[1][10:20], atol=1e-2)
    hold = engine.holding(seen(source[:20]), 0.5, push=True)
    short = [hold(x[:20], source[:20]) for x in (answer, changed)]
    assert not torch.allclose(short[0][19], short[1][19], atol=1e-2)


@pytest.mark.parametrize("faint", [0.0, 1e-4])
def test_a_source_without_any_layout_holds_nothing(faint):
    """And nothing is made of the noise in it."""
    (slow, fast), noise = waves(), torch.randn(4, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    held = engine.holding(fast, 1.0, push=False)(slow, 0.5 + faint * noise)
    assert torch.equal(held, slow)


def test_a_faint_layout_of_many_frames_keeps_its_digits():
    slow, _ = waves(300, 16, 16)
    recorded, answer = 100 + 1e-2 * slow, slow.roll(5, 3)
    held = engine.holding(recorded + slow, 1.0, push=False)(answer, recorded)
    assert torch.allclose(engine.layout(held), engine.layout(slow), atol=5e-2)


@pytest.mark.parametrize("direct, pushes", [(0.0, [True]), (0.5, [False, False]), (1.0, [False, False])])
def test_the_tone_is_pushed_on_a_pass_without_a_path_alone(monkeypatch, direct, pushes):
    x0, denoise, edit = scene()
    inversion, made = unsample(denoise, x0, AYS, direct=direct), []

    def holding(source, amount, push, real=engine.holding):
        made.append((amount, push))
        return real(source, amount, push)

    monkeypatch.setattr("unsampling.inversion.holding", holding)
    resample(edit, inversion, hold=0.5)
    assert made == [(0.5, push) for push in pushes]


@pytest.mark.parametrize(
    "setting, sentence",
    [
        ({"hold": 1.5}, "hold is 1.5; set it between 0 and 1"),
        ({"hold": -0.1}, "hold is -0.1; set it between 0 and 1"),
    ],
)
def test_what_does_not_fit_is_refused(setting, sentence):
    x0, denoise, edit = scene()
    inversion = unsample(denoise, x0, AYS)
    with pytest.raises(UnsamplingError, match=sentence):
        resample(edit, inversion, **setting)


def test_hold_needs_the_record():
    x0, denoise, edit = scene()
    with pytest.raises(UnsamplingError, match="hold above 0 needs the record"):
        resample(edit, unsample(denoise, x0, AYS, record=False), hold=0.5)


@pytest.mark.parametrize("spread", [0.0, 0.01, 0.1])
def test_the_tone_of_a_faint_clip_is_not_driven_past_the_target(spread):
    """Fog, a grey wall, a title card: every answer of a model that does not know the clip is far from it."""
    wave = torch.sin(torch.linspace(0, 2 * torch.pi, 17)[:16])
    x0 = 0.5 + spread * (wave[:, None] + wave).expand(2, 4, 16, 16)

    def towards(mean):
        return lambda x, sigma, step: mean + (x - mean) / (1 + float(sigma) ** 2)

    inversion = unsample(towards(0.0), x0, schedules.ays("SD1", 16))
    moved = [float((resample(towards(0.6), inversion, hold=hold) - x0).mean()) for hold in (0.0, 0.5, 1.0)]
    assert moved[0] < moved[1] < moved[2] < 2 * moved[0]

"""Steady: nothing on the source, and elsewhere the low frequencies of the edit evened out over the frames."""

import pytest
import torch
from analytic_denoisers import IMAGES, OTHER, VIDEO, clip, denoiser, relative, windowed, world
from hypothesis import given, settings
from hypothesis import strategies as st

from unsampling import UnsamplingError, resample, schedules, solvers, unsample
from unsampling import steady as engine
from unsampling.hold import layout

SOLVERS = solvers.recorded()
AYS = schedules.ays("SD1", 16)
BATCH, SINGLE, SINGLE_VIDEO = (2, 4, 8, 5, 6), (1, 4, 5, 6), (1, 4, 1, 5, 6)
LEFT = torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0, 1.0]).reshape(1, 1, 1, 6)


def scene(shape=IMAGES):
    place = world(shape)
    return clip(place), denoiser(place), denoiser(place, OTHER)


@given(
    st.sampled_from(SOLVERS),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([IMAGES, VIDEO, BATCH, SINGLE, SINGLE_VIDEO]),
    st.sampled_from([True, "half"]),
    st.sampled_from([None, LEFT]),
    st.sampled_from([0.0, 0.3, "each its own"]),
)
@settings(max_examples=80, deadline=None)
def test_the_round_trip_is_exact(solver, steady, hold, direct, shape, record, mask, structure):
    x0, denoise, _ = scene(shape)
    if structure == "each its own":
        structure = torch.linspace(0, 1, x0.shape[0 if x0.ndim == 4 else 2])
    inversion = unsample(denoise, x0, AYS, solver, record, mask=mask, direct=direct)
    assert torch.equal(resample(denoise, inversion, structure, hold=hold, steady=steady), x0)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape, axis", [(IMAGES, 0), (VIDEO, 2)])
def test_the_round_trip_is_exact_in_windows_that_move(solver, shape, axis):
    x0, denoise, _ = scene(shape)
    moving = windowed(denoise, axis)
    inversion = unsample(moving, x0, AYS, solver, direct=None)
    assert torch.equal(resample(moving, inversion, steady=1.0), x0)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("direct", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("shape", [IMAGES, VIDEO, BATCH])
def test_it_changes_an_edit_and_at_0_does_not(solver, direct, shape):
    x0, denoise, edit = scene(shape)
    inversion = unsample(denoise, x0, AYS, solver, direct=direct)
    free, none, whole = (resample(edit, inversion, **s) for s in ({}, {"steady": 0.0}, {"steady": 1.0}))
    assert torch.equal(free, none)
    assert relative(whole, free) > 0.02


@pytest.mark.parametrize("shape", [SINGLE, SINGLE_VIDEO])
def test_a_picture_has_nothing_to_even_out(shape):
    x0, denoise, edit = scene(shape)
    inversion = unsample(denoise, x0, AYS, direct=0.5)
    assert torch.equal(resample(edit, inversion, steady=1.0), resample(edit, inversion))


@pytest.mark.parametrize("direct", [0.0, 0.5])
def test_outside_a_mask_the_source_stays(direct):
    x0, denoise, edit = scene()
    inversion = unsample(denoise, x0, AYS, mask=LEFT, direct=direct)
    result = resample(edit, inversion, steady=1.0)
    assert torch.equal(result[..., :2], x0[..., :2])
    assert not torch.allclose(result[..., 2:], x0[..., 2:], atol=0.1)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("direct", [0.0, 0.5])
@pytest.mark.parametrize("video", [False, True])
def test_a_model_whose_colours_pulse_gives_a_calmer_restyle(solver, direct, video):
    """A still source, and a target that is lighter and darker in turn, as windows that disagree make it."""
    x0 = pictures(12)[0]
    pulse = 1 + over(12, lambda i: 0.5 if i // 3 % 2 else -0.5)
    x0, pulse = (t.transpose(0, 1)[None] if video else t for t in (x0, pulse))

    def denoise(x, sigma, step):
        return x0 + (x - x0) / (1 + sigma**2)

    def edit(x, sigma, step):
        return denoise(x, sigma, step) + pulse * sigma**2 / (1 + sigma**2)

    inversion = unsample(denoise, x0, AYS, solver, direct=direct)
    free, steady = (resample(edit, inversion, steady=s) - x0 for s in (0.0, 1.0))
    assert relative(free, pulse.expand_as(free)) < 0.1
    assert float(steady.mean()) == pytest.approx(float(free.mean()), abs=1e-3)
    axis = 2 if video else 0
    assert float(steady.std(axis).mean()) < 0.4 * float(free.std(axis).mean())


def test_hold_comes_first_and_both_act():
    x0, denoise, edit = scene()
    inversion = unsample(denoise, x0, AYS, direct=0.5)
    ways = [{"hold": 1.0}, {"steady": 1.0}, {"hold": 1.0, "steady": 1.0}]
    held, steady, both = (resample(edit, inversion, **way) for way in ways)
    assert relative(both, held) > 0.01 and relative(both, steady) > 0.01


def pictures(frames=24, height=32, width=48, seed=0):
    """A still clip of one picture, and a slow and a fast wave over it."""
    random = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.arange(height) / height, torch.arange(width) / width, indexing="ij")
    slow, fast = torch.sin(2 * torch.pi * 2 * x), torch.sin(2 * torch.pi * 12 * y)
    still = layout(torch.randn(1, 3, height, width, generator=random)) * 5
    return still.repeat(frames, 1, 1, 1), slow.expand(3, -1, -1), fast.expand(3, -1, -1)


def over(frames, values):
    """One value a frame, to multiply pictures with."""
    return torch.as_tensor([values(i) for i in range(frames)]).float()[:, None, None, None]


def moving(frames=24, size=32, speed=1.0):
    """A soft bright spot that goes over a dark ground."""
    place = torch.arange(size, dtype=torch.float32)
    at = 6 + speed * torch.arange(frames)
    spot = torch.exp(-((place - at[:, None]) ** 2) / 18)
    return (spot[:, None, None, :] * torch.exp(-((place - 16) ** 2) / 18)[:, None]).expand(-1, 3, -1, -1)


def test_what_is_the_same_in_all_frames_passes():
    still, slow, fast = pictures()
    for source in (still, moving(), still + torch.randn(24, 3, 1, 1)):
        edit = (slow + fast)[:, :, : source.shape[-1]] + 2
        answer = source + edit
        assert torch.allclose(engine.steadying(source, 1.0)(answer, source), answer, atol=1e-5)


@pytest.mark.parametrize("period, left", [(2, 0.01), (4, 0.01), (6, 0.11), (48, 0.97)])
def test_a_slow_wave_that_flickers_is_damped_and_one_that_swells_is_not(period, left):
    """As the binomial filter of 17 taps does it: cos(pi / period) to the 16th."""
    source, slow, _ = pictures(96)
    flickering = over(96, lambda i: torch.cos(torch.tensor(2 * torch.pi * i / period))) * slow
    result = engine.steadying(source, 1.0)(source + flickering, source) - source
    middle = slice(12, -12)
    assert relative(result[middle], flickering[middle] * left) < 0.1 if left > 0.1 else True
    assert float(result[middle].norm() / flickering[middle].norm()) < left + 0.01


def test_its_mean_over_the_clip_stays():
    source, slow, _ = pictures()
    edit = torch.randn(24, 3, 1, 1, generator=torch.Generator().manual_seed(2)) * slow
    result = engine.steadying(source, 1.0)(source + edit, source) - source
    assert torch.allclose(result.mean(0), edit.mean(0), atol=1e-5)


def test_detail_flickers_as_before():
    source, _, fast = pictures()
    answer = source + over(24, lambda i: (-1) ** i) * fast
    assert torch.allclose(engine.steadying(source, 1.0)(answer, source), answer, atol=5e-3)


def test_half_of_it_lies_halfway():
    source, slow, _ = pictures()
    answer = source + over(24, lambda i: (-1) ** i) * slow
    none, half, whole = (engine.steadying(source, s)(answer, source) for s in (0.0, 0.5, 1.0))
    assert torch.equal(none, answer)
    assert torch.allclose(half, (none + whole) / 2, atol=1e-5)


@pytest.mark.parametrize("at", [1, 7, 12, 23])
def test_nothing_reaches_across_a_cut(at):
    one, slow, _ = pictures(seed=0)
    other, _, _ = pictures(seed=1)
    source = torch.cat([one[:at], other[at:]])
    edit = over(24, lambda i: 3.0 if i < at else -2.0) * slow
    answer = source + edit
    assert torch.allclose(engine.steadying(source, 1.0)(answer, source), answer, atol=2e-2)
    whole = engine.steadying(one, 1.0)(one + edit, one)
    assert not torch.allclose(whole, one + edit, atol=0.5)


def test_a_fade_to_black_is_no_cut():
    still, slow, _ = pictures()
    source = still * over(24, lambda i: 1 - i / 23)
    flickering = over(24, lambda i: (-1) ** i) * slow
    result = engine.steadying(source, 1.0)(source + flickering, source) - source
    assert float(result[1:18].norm() / flickering[1:18].norm()) < 0.2


def test_an_edit_goes_along_with_what_moves():
    """Of a spot that gets another colour as it goes, less is smeared than of the same spot over a still
    clip."""
    source = moving(speed=2.0)
    edit = 2 * source
    moved = engine.steadying(source, 1.0)(source + edit, source) - source
    still = source[:1].expand_as(source)
    smeared = engine.steadying(still, 1.0)(still + edit, still) - still
    assert relative(moved, edit) < 0.1 < 0.3 < relative(smeared, edit)


def test_what_happens_in_a_frame_reaches_eight_frames_and_no_further():
    source, slow, _ = pictures()
    answer = source.clone()
    answer[3] += slow
    change = engine.steadying(source, 1.0)(answer, source) - answer
    assert float(change[11].abs().max()) > 1e-6
    assert float(change[12:].abs().max()) < 1e-6


def test_each_clip_of_a_batch_is_alone():
    """With a cut in the second that the first does not have."""
    one, slow, _ = pictures(8, seed=0)
    other, _, _ = pictures(8, seed=1)
    clips = [one, torch.cat([one[:4], other[4:]]) + 7]
    answers = [c + over(8, lambda i: (-1) ** i * (i + 1)) * slow for c in clips]
    batch, asked = (torch.stack(x).transpose(1, 2) for x in (clips, answers))
    together = engine.steadying(batch, 1.0)(asked, batch)
    for i in range(2):
        alone = engine.steadying(clips[i], 1.0)(answers[i], clips[i])
        assert torch.allclose(together[i].transpose(0, 1), alone, atol=1e-5)


@pytest.mark.parametrize("ground", [0.0, 3.0])
def test_a_clip_without_a_picture_is_evened_out_too(ground):
    source, slow = torch.full((24, 3, 32, 48), ground), pictures()[1]
    answer = source + over(24, lambda i: (-1) ** i) * slow
    result = engine.steadying(source, 1.0)(answer, source)
    assert float((result - source)[8:-8].abs().max()) < 0.02


@pytest.mark.parametrize("steady", [1.5, -0.1])
def test_what_does_not_fit_is_refused(steady):
    x0, denoise, edit = scene()
    inversion = unsample(denoise, x0, AYS)
    with pytest.raises(UnsamplingError, match=f"steady is {steady}; set it between 0 and 1"):
        resample(edit, inversion, steady=steady)


def test_steady_needs_the_record():
    x0, denoise, edit = scene()
    with pytest.raises(UnsamplingError, match="steady above 0 needs the record"):
        resample(edit, unsample(denoise, x0, AYS, record=False), steady=0.5)

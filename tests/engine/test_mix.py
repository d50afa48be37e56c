"""Noise made over on purpose: its variance, its ends, its strength and tone, and the way down from it."""

from dataclasses import replace
from functools import cache
from math import pi

import pytest
import sigma_lists
import torch
from analytic_denoisers import IMAGES, OTHER, VIDEO, Spy, clip, denoiser, relative, world
from hypothesis import given, settings
from hypothesis import strategies as st
from test_direct import walk_of
from test_start import BEFORE, without

from unsampling import UnsamplingError, mix, resample, schedules, solvers, unsample

AYS = schedules.ays("SD1", 16)
HIGH = sigma_lists.karras(16, high=250.0)  # the clip does not show through the noise at its top
FLOW = sigma_lists.flow(12)
SOLVERS = solvers.recorded()
SHAPES = {"pictures": (5, 4, 24, 24), "a clip": (2, 4, 5, 24, 24), "one frame": (1, 16, 1, 32, 32)}
fractions = st.floats(0, 1, width=32)


def frame_axes(x):
    return [1, 2, 3] if x.ndim == 4 else [1, 3, 4]


def variance(x):
    return x.var(frame_axes(x), correction=0)


@cache
def noise_of(name: str, seed: int = 1) -> torch.Tensor:
    return torch.randn(SHAPES[name], generator=torch.Generator().manual_seed(seed)) * 14.6


def frames_of(x):
    return x.shape[0 if x.ndim == 4 else 2]


def mixed(x, amount, seed=7, still=None):
    return mix.with_fresh(x, torch.zeros_like(x) if still is None else still, amount, seed, range(len(x)))


@given(st.sampled_from(sorted(SHAPES)), fractions, st.integers(0, 2**64 - 1), st.floats(0.1, 100))
@settings(max_examples=60, deadline=None)
def test_fresh_noise_keeps_the_variance_of_each_frame(name, amount, seed, scale):
    x = noise_of(name) * scale
    ratio = variance(mixed(x, amount, seed)) / variance(x)
    # of n independent numbers: the sampling error of the cross term, five of its sigmas
    assert float((ratio - 1).abs().max()) < 5 * 2 / (x[:1, :, :1].numel() ** 0.5)


@given(st.sampled_from(sorted(SHAPES)), st.lists(fractions, min_size=5, max_size=5), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_each_frame_has_its_amount(name, amounts, seed):
    x = noise_of(name)
    amounts = torch.tensor(amounts[: frames_of(x)])
    found, axis = mixed(x, amounts, seed), 0 if x.ndim == 4 else 2
    for i, amount in enumerate(amounts.tolist()):
        assert torch.allclose(found.select(axis, i), mixed(x, amount, seed).select(axis, i), rtol=1e-5)
        assert amount > 0 or torch.equal(found.select(axis, i), x.select(axis, i))


@given(fractions, st.integers(0, 99), st.lists(st.integers(0, 4), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_a_slice_gets_what_its_frames_get_in_the_clip(amount, seed, places):
    x = noise_of("pictures")
    part = mix.with_fresh(x[places], torch.zeros(1), amount, seed, places)
    assert torch.allclose(part, mixed(x, amount, seed)[places], rtol=1e-6, atol=1e-5)


def test_fresh_noise_is_another_in_each_frame_clip_channel_and_seed():
    for name in SHAPES:
        x = noise_of(name)
        drawn = mix.unit_noise(1, range(len(x)), x)
        flat = drawn.movedim(2, 1).flatten(0, 1) if x.ndim == 5 else drawn
        rows = torch.cat(
            [
                flat.flatten(0, 1).flatten(1),
                mix.unit_noise(2, [0], x)[0].reshape(x.shape[1], -1)[:, : flat[0, 0].numel()],
            ]
        )
        seen = torch.corrcoef(rows) - torch.eye(len(rows))
        assert float(seen.abs().max()) < 6 / rows.shape[1] ** 0.5


def test_longer_clips_begin_with_the_same_noise():
    short, long = torch.zeros(1, 4, 3, 8, 8), torch.zeros(1, 4, 7, 8, 8)
    assert torch.equal(mix.unit_noise(3, [0], long)[:, :, :3], mix.unit_noise(3, [0], short))


@given(st.sampled_from(sorted(SHAPES)), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_all_of_it_leaves_the_clip_and_nothing_of_the_noise(name, seed):
    source, x = noise_of(name, 2) / 14.6, noise_of(name)
    found = mixed(source + x, 1.0, seed, still=source)
    fresh = mix.unit_noise(seed, range(len(x)), x)
    assert torch.allclose(
        found - source,
        fresh * variance(x).sqrt().reshape((-1, 1, 1, 1) if x.ndim == 4 else (len(x), 1, -1, 1, 1)),
        atol=1e-3,
    )


@given(st.sampled_from(sorted(SHAPES)), st.lists(fractions, min_size=5, max_size=5))
@settings(max_examples=40, deadline=None)
def test_between_two_noises_both_ends_are_their_bits_and_the_strength_stays(name, amounts):
    a, b = noise_of(name), noise_of(name, 2)
    b = b * (variance(a) / variance(b)).sqrt().reshape(
        (-1, 1, 1, 1) if a.ndim == 4 else (len(a), 1, -1, 1, 1)
    )
    amounts, axis = torch.tensor([0.0, 1.0, *amounts][: frames_of(a)]), 0 if a.ndim == 4 else 2
    found = mix.between(a, b, amounts)
    for i, amount in enumerate(amounts.tolist()):
        frame, ends = found.select(axis, i), (a.select(axis, i), b.select(axis, i))
        if amount in (0.0, 1.0):
            assert torch.equal(frame, ends[int(amount)])
    sizes = [x.square().sum(frame_axes(x)).sqrt() for x in (found, a, b)]
    assert bool((sizes[0] <= torch.maximum(sizes[1], sizes[2]) * 1.0001).all())
    assert bool((sizes[0] >= torch.minimum(sizes[1], sizes[2]) * 0.999).all())


@pytest.mark.parametrize("amount", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_the_way_between_is_walked_at_one_speed(amount):
    """Two noises at a right angle: the angle from the first is that share of it."""
    a, b = torch.zeros(1, 1, 1, 2), torch.zeros(1, 1, 1, 2)
    a[..., 0], b[..., 1] = 3.0, 3.0
    found = mix.between(a, b, amount).flatten()
    angle = torch.atan2(found[1], found[0])
    assert float(angle) == pytest.approx(amount * pi / 2, abs=1e-6)
    assert float(found.norm()) == pytest.approx(3.0, rel=1e-6)


def test_the_same_noise_twice_has_nothing_between():
    x = noise_of("pictures")
    assert torch.allclose(mix.between(x, x.clone(), 0.3), x, rtol=1e-5)
    assert torch.allclose(mix.between(torch.zeros(1, 4, 8, 8), x[:1, :, :8, :8], 0.5), x[:1, :, :8, :8] / 2)


def test_opposite_noises_and_other_shapes_are_refused():
    x = noise_of("pictures")
    with pytest.raises(UnsamplingError, match="noise turned round"):
        mix.between(x, -2 * x, 0.5)
    for other in (x[:4], x[:, :, :16], x[None].movedim(1, 2)):
        with pytest.raises(UnsamplingError) as refused:
            mix.between(x, other, 0.5)
        assert str(tuple(other.shape)) in str(refused.value) and str(tuple(x.shape)) in str(refused.value)


@given(st.sampled_from(sorted(SHAPES)), st.floats(0.05, 20), st.floats(0.1, 3), st.floats(-0.9, 0.9))
@settings(max_examples=60, deadline=None)
def test_the_strength_is_the_one_that_the_schedule_expects(name, sigma, wrong, overlap):
    """Also of noise that correlates with its source, as unsampled noise does."""
    source = noise_of(name, 2) / 14.6
    x = source + sigma * wrong * (noise_of(name) / 14.6 + overlap * source)
    found = variance(mix.at_strength(x, source, sigma))
    assert torch.allclose(found, variance(source) + sigma**2, rtol=1e-3)


def test_a_frame_without_noise_has_no_strength_to_be_brought_to():
    source = noise_of("pictures")
    assert torch.equal(mix.at_strength(source.clone(), source, 3.0), source)


@given(st.sampled_from(sorted(SHAPES)), fractions, st.floats(-3, 3))
@settings(max_examples=40, deadline=None)
def test_the_tone_is_taken_out_by_its_share_for_the_whole_clip(name, amount, offset):
    x = noise_of(name) + offset * torch.arange(SHAPES[name][1]).reshape(1, -1, *[1] * (len(SHAPES[name]) - 2))
    found = mix.without_tone(x, amount)
    assert torch.allclose(mix.tone(found), (1 - amount) * mix.tone(x), atol=1e-3)
    moved = (found - x).movedim(1, 0).flatten(1)
    assert torch.allclose(moved, moved[:, :1].expand_as(moved), atol=1e-4)
    assert amount > 0 or torch.equal(found, x)


@given(st.sampled_from(sorted(SHAPES)), fractions, st.booleans(), st.floats(0.1, 1))
@settings(max_examples=40, deadline=None)
def test_what_was_made_of_noise_is_found_again(name, amount, flow, sigma):
    source, unit = noise_of(name, 2) / 14.6, noise_of(name) / 14.6
    recorded = mix.faded(source, sigma, flow) + sigma * unit
    x = mix.without_tone(mixed(recorded, amount, still=mix.faded(source, sigma, flow)), 0.5)
    moved = mix.moved(x, recorded, source, sigma, flow)
    assert torch.allclose(recorded + sigma * moved.at(recorded, sigma), x, atol=1e-4)
    # lower on a straight walk it is the same, done to the same noise
    lower = mix.faded(source, sigma / 2, flow) + sigma / 2 * unit
    assert torch.allclose(moved.at(lower, sigma / 2), moved.at(recorded, sigma), atol=1e-4)
    assert float((moved.kept - (1 - amount)).abs().max()) < 0.25
    same = mix.moved(recorded, recorded, source, sigma, flow)
    assert bool((same.kept == 1).all()) and not bool(same.rest.any())


def scene(shape=IMAGES, flow=False):
    place = world(shape, flow)
    return clip(place), denoiser(place), denoiser(place, OTHER)


def made_over(inversion, x0, amount, flow=False, seed=7):
    still = mix.faded(x0, float(inversion.sigmas[inversion.start]), flow)
    noise = mix.with_fresh(inversion.noise, still, amount, seed, range(len(x0)))
    return replace(inversion, noise=noise, mixed=True)


@pytest.mark.parametrize("shape", [IMAGES, VIDEO])
@pytest.mark.parametrize("direct", [0.0, None, 1.0])
@pytest.mark.parametrize("solver", SOLVERS)
def test_noise_that_was_mixed_with_nothing_comes_back_exactly(solver, direct, shape):
    x0, denoise, _ = scene(shape)
    inversion = unsample(denoise, x0, AYS, solver, direct=direct)
    same = made_over(inversion, x0, torch.zeros(8))
    assert torch.equal(resample(denoise, same), x0)
    assert torch.equal(resample(denoise, same, 0.5, direct=0.0), x0)


@pytest.mark.parametrize(
    "sigmas, fine, flow, begins",
    [
        (AYS, schedules.ays("SD1", 256), False, True),
        (AYS, schedules.ays("SD1", 256), False, False),
        (HIGH, sigma_lists.karras(256, high=250.0), False, False),
        (FLOW, sigma_lists.flow(192), True, False),
    ],
    ids=["shows", "without a start", "high", "flow"],
)
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_direct_path_ends_in_the_mixed_noise(solver, sigmas, fine, flow, begins):
    """Which the plain way down from that noise, in many steps, tells. It is less near where the clip shows
    through the noise at the top: the path begins there with an edit that the plain way has nothing of."""
    x0, denoise, edit = scene(flow=flow)
    inversion = unsample(denoise, x0, sigmas, solver, direct=0.2, flow=flow)
    assert (inversion.record.direct.bare is not None) is (sigmas is AYS)
    inversion = inversion if begins else without(inversion)
    noise = made_over(inversion, x0, 0.3, flow)
    expected = resample(edit, replace(noise, sigmas=fine, solver="midpoint", record=None))
    assert relative(resample(edit, noise, flow=flow), expected) < (0.2 if begins else 0.12)
    assert relative(resample(edit, inversion, flow=flow), expected) > 0.3


@pytest.mark.parametrize("sigmas", [AYS, HIGH], ids=["shows", "high"])
@pytest.mark.parametrize("solver", ["dpmpp_2m", "euler"])
@pytest.mark.parametrize("shape", [IMAGES, VIDEO])
def test_what_was_done_to_the_noise_is_added_to_the_edit_of_the_path(solver, sigmas, shape):
    """In the state at its end, about which these two ask first, and to nothing above it."""
    x0, denoise, edit = scene(shape)
    inversion = unsample(denoise, x0, sigmas, solver, direct=0.2)
    noise = made_over(inversion, x0, 0.3)
    plain, down = Spy(edit), Spy(edit)
    resample(plain, inversion)
    resample(down, noise)
    first = down.steps.index(3)
    assert plain.steps == down.steps and first == (BEFORE if sigmas is AYS else 0) + 3
    assert all(torch.equal(plain.calls[i].x, down.calls[i].x) for i in range(first))
    at_top = mix.moved(noise.noise, inversion.noise, x0, float(sigmas[0]), False)
    state = solvers.recorded_pair(solver).state(walk_of(inversion), sigmas, 3, x0.device)
    done = float(sigmas[3]) * at_top.at(state, float(sigmas[3]))
    assert relative(down.calls[first].x - plain.calls[first].x, done) < 1e-4


@pytest.mark.parametrize("direct, structure", [(0.0, 0.0), (None, 0.0), (0.0, 0.5), (0.3, 0.1)])
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_little_fresh_noise_changes_little_wherever_the_pass_begins(solver, direct, structure):
    x0, denoise, edit = scene()
    inversion = unsample(denoise, x0, AYS, solver, direct=0.4)
    plain = resample(edit, inversion, structure, direct=direct)
    changes = [
        relative(resample(edit, made_over(inversion, x0, amount), structure, direct=direct), plain)
        for amount in (1e-8, 1e-4, 0.3)
    ]
    assert changes[0] < 0.005 < changes[2] and changes == sorted(changes)


@pytest.mark.parametrize("solver", SOLVERS)
def test_what_the_record_corrects_goes_with_the_noise_that_is_left(solver):
    x0, denoise, edit = scene()
    inversion = unsample(denoise, x0, AYS, solver)
    fresh = made_over(inversion, x0, 1.0)
    assert torch.allclose(resample(edit, fresh), resample(edit, replace(fresh, record=None)), atol=0.05)
    truth = resample(edit, replace(fresh, sigmas=schedules.ays("SD1", 256), solver="midpoint", record=None))
    believed = replace(fresh, mixed=False)
    assert relative(resample(edit, fresh), truth) < relative(resample(edit, believed), truth)


def test_the_mask_and_the_ends_of_structure_hold():
    x0, denoise, edit = scene()
    mask = torch.ones(1, 1, 5, 6)
    mask[..., :3] = 0
    inversion = unsample(denoise, x0, AYS, mask=mask, direct=0.3)
    noise = made_over(inversion, x0, 0.5)
    for direct in (None, 0.0):
        found = resample(edit, noise, direct=direct)
        assert torch.equal(found[..., :3], x0[..., :3])
        assert not torch.equal(found[..., 3:], resample(edit, inversion, direct=direct)[..., 3:])
    assert torch.equal(resample(edit, noise, 1.0), x0)


def test_a_direct_path_of_all_steps_has_no_noise_to_end_in():
    x0, denoise, edit = scene()
    inversion = unsample(denoise, x0, AYS, direct=1.0)
    found = resample(edit, made_over(inversion, x0, 0.5))
    assert torch.allclose(found, resample(edit, inversion), atol=1e-4)

"""benchmarks/style_transfer: its measures say what is known of clips."""

from dataclasses import replace
from math import inf

import pytest
import torch

from benchmarks.style_transfer import judge, measures
from benchmarks.style_transfer.transfers import Transfer
from demo import model, places, world
from unsampling import resample, unsample

SEEDS = range(50, 10_000, 1999)


def moved(clip, x, y):
    """The clip some pixels to the right and down, its border repeated."""
    wide = torch.nn.functional.pad(clip, [8] * 4, mode="replicate")
    return wide[..., 8 - y : 8 - y + world.SIZE, 8 - x : 8 - x + world.SIZE]


def motion(clip, seed, styles=("flat", "neon")):
    return places.distances(clip, world.content(seed), styles)


def test_the_judge_knows_the_style_of_held_out_clips():
    wrong = [
        (seed, style)
        for seed in range(7, 10_000, 401)
        for style in world.STYLE_NAMES
        if judge.judge(world.render(world.content(seed), style)) != style
    ]
    assert len(wrong) <= 0.02 * 25 * len(world.STYLE_NAMES), wrong


@pytest.mark.parametrize("style", world.STYLE_NAMES)
def test_the_judge_does_not_look_at_places(style):
    clip = world.render(world.content(11), style)
    assert judge.judge(clip.flip(3)) == style
    assert judge.judge(clip.roll((16, 16), (2, 3)).flip(0)) == style


@pytest.mark.parametrize("style", world.STYLE_NAMES)
@pytest.mark.parametrize("seed", SEEDS)
def test_true_clips_have_no_motion_error_whichever_of_the_two_styles(seed, style):
    other = world.STYLE_NAMES[(world.STYLE_NAMES.index(style) + 1) % len(world.STYLE_NAMES)]
    assert motion(world.render(world.content(seed), style), seed, (other, style)).max() < 1e-9


@pytest.mark.parametrize("part", [0.0, 0.25, 0.5, 0.75])
def test_a_clip_on_its_way_across_lightness_has_its_shapes_where_they_are(part):
    """The source turned round, or partly in the target's look: the shapes lie at their places."""
    for seed in SEEDS:
        for source, target in (("flat", "neon"), ("neon", "ink")):
            ours, theirs = (world.render(world.content(seed), style) for style in (source, target))
            clip = torch.lerp(places.turned(ours), theirs, part)
            assert motion(clip, seed, (source, target)).mean() < 0.05
            away = motion(moved(clip, 3, 4), seed, (source, target))
            assert away.mean() == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize(("x", "y", "far"), [(1, 0, 1.0), (0, -2, 2.0), (-3, 4, 5.0)])
def test_a_clip_moved_by_some_pixels_has_that_motion_error(x, y, far):
    for seed in SEEDS:
        away = motion(moved(world.render(world.content(seed), "neon"), x, y), seed)
        assert away.median() == pytest.approx(far, abs=0.01)
        assert ((away - far).abs() < 0.1).double().mean() > 0.9


def test_parts_of_a_pixel_are_seen():
    for seed in SEEDS:
        clip = world.render(world.content(seed), "neon")
        assert motion(torch.lerp(clip, moved(clip, 1, 0), 0.3), seed).median() == pytest.approx(0.3, abs=0.1)


def test_another_content_is_lost():
    for seed in SEEDS:
        away = motion(world.render(world.content(seed + 1), "neon"), seed)
        assert away.mean() > 6
        assert away.max() <= 2**0.5 * (places.REACH + 1)


@pytest.mark.parametrize("weights", [(1.0, 0.0, 0.0), (0.0, 0.3, 0.7), (0.2, 0.5, 0.3)])
def test_the_mixture_that_a_picture_is_made_of_is_found(weights):
    """And nothing made of negatives is: a mixture explains as much as its best part, or more."""
    random = torch.Generator().manual_seed(5)
    patches = torch.randn(3, 3, 7, 7, generator=random, dtype=torch.float64)
    unit = torch.nn.functional.normalize(places._centred(patches).flatten(1), dim=1).view_as(patches)
    mixture = torch.einsum("l,lchw->chw", torch.tensor(weights, dtype=torch.float64), unit)
    picture = torch.randn(3, 20, 20, generator=random, dtype=torch.float64)
    picture[:, 6:13, 4:11] = 5 * mixture + 0.3
    alike = places._alike(picture, patches)
    likeness, found = places._best_mixtures(alike, patches)
    assert likeness[6, 4] == pytest.approx(1, abs=1e-6) == likeness.max()
    assert (found[:, 6, 4] / found[:, 6, 4].sum()).tolist() == pytest.approx(
        [weight / sum(weights) for weight in weights], abs=1e-6
    )
    assert (found >= 0).all() and (likeness >= alike.amax(0) - 1e-9).all()
    assert places._best_mixtures(places._alike(-picture, patches), patches)[0][6, 4] < 0.5


def test_another_content_is_lost_turned_round_too():
    for seed in SEEDS:
        assert motion(places.turned(world.render(world.content(seed + 1), "flat")), seed).mean() > 6


def test_a_frozen_clip_loses_its_shapes_by_their_way():
    clip = world.render(world.content(50), "neon")
    assert motion(clip[:1].expand_as(clip), 50).mean() > 3


def test_hidden_shapes_are_not_looked_for():
    of = world.content(0)
    whole = places.visible(replace(of, shapes=of.shapes[:1]))
    assert whole.all()
    cover = replace(of.shapes[0], radius=0.25, kind="disc")
    hidden = places.visible(replace(of, shapes=(of.shapes[0], cover)))
    assert not hidden[:, 0].any()
    assert hidden[:, 1].all()


def test_psnr_takes_black_to_white_as_the_peak():
    truth = torch.zeros(2, 3, 4, 4)
    assert measures.psnr(truth, truth) == inf
    assert measures.psnr(truth + 0.02, truth) == pytest.approx(40, abs=1e-4)


def test_the_truth_and_the_source_have_the_likeness_they_must():
    of = world.content(8)
    truth = measures.likeness(world.render(of, "ink"), of, "flat", "ink")
    assert truth.motion < 1e-9
    rest = replace(truth, motion=0.0, drawn=round(truth.drawn, 12))
    assert rest == measures.Likeness(0.0, inf, True, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, None)
    assert truth.placed
    source = measures.likeness(world.render(of, "flat"), of, "flat", "ink")
    assert not source.hit
    assert source.motion < 1e-9
    assert source.lost == 0
    assert source.error > 0.1
    assert source.drawn < 1e-6
    assert not source.placed


def test_the_shipped_model_changes_the_style_and_keeps_the_motion():
    """Fewer steps for speed: exact back, the style asked for, shapes where they were; not so random noise."""
    unet, of, sigmas = model.load(), world.content(20), model.schedule(10)
    clip = world.filmed(world.render(of, "flat"), 20)
    inversion = unsample(model.denoiser(unet, "flat"), clip, sigmas)
    assert measures.relative(resample(model.denoiser(unet, "flat"), inversion), clip) < 1e-5
    restyled = resample(model.denoiser(unet, "mosaic"), inversion)
    noise = Transfer(0).noise() * sigmas[0]
    plain = replace(inversion, noise=noise, record=None)
    random = resample(model.denoiser(unet, "mosaic"), plain)
    found, lost = (measures.likeness(x, of, "flat", "mosaic") for x in (restyled, random))
    assert found.hit
    assert found.motion < lost.motion / 10
    assert found.error < lost.error

"""The procedural world: contents that know nothing of style, drawn where they say, in looks that differ."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from demo import model, train, world

SEEDS = range(0, 10_000, 1009)
ROUND = ("disc", "box", "ring", "cross")  # whose middle of area is their middle


@pytest.mark.parametrize("style", world.STYLE_NAMES)
def test_a_seed_and_a_style_are_a_clip(style):
    clip = world.render(world.content(5), style)
    assert clip.shape == (world.FRAMES, 3, world.SIZE, world.SIZE)
    assert clip.dtype == torch.float32
    assert torch.isfinite(clip).all()
    assert clip.min() >= -1
    assert clip.max() <= 1
    assert torch.equal(clip, world.render(world.content(5), style))
    assert (clip - world.render(world.content(6), style)).abs().mean() > 0.05


def test_at_least_six_styles_look_different():
    assert len(world.STYLE_NAMES) >= 6
    for seed in SEEDS:
        clips = [world.render(world.content(seed), style, frames=2) for style in world.STYLE_NAMES]
        for i, clip in enumerate(clips):
            for other in clips[:i]:
                assert (clip - other).square().mean().sqrt() > 0.08


def test_what_happens_does_not_depend_on_the_number_or_size_of_frames():
    of = world.content(3)
    assert torch.equal(world.positions(of, 4), world.positions(of)[:4])
    assert torch.equal(world.render(of, "flat", 4), world.render(of, "flat")[:4])
    small = torch.nn.functional.avg_pool2d(world.render(of, "flat", 2, 128), 2)
    assert (small - world.render(of, "flat", 2)).abs().mean() < 0.02


@pytest.mark.parametrize("seed", SEEDS)
def test_shapes_stay_inside_and_never_jump(seed):
    places = world.positions(world.content(seed))
    assert places.min() >= world.MARGIN - 1e-6
    assert places.max() <= 1 - world.MARGIN + 1e-6
    assert places.diff(dim=0).norm(dim=2).max() < 0.2


def test_clips_move():
    ways = [world.positions(world.content(seed)).diff(dim=0).norm(dim=2).sum(0) for seed in SEEDS]
    assert torch.cat(ways).median() > 0.3


def test_a_shape_is_drawn_where_positions_say():
    seen = set()
    for seed in range(40):
        of = world.content(seed)
        for i, shape in enumerate(of.shapes):
            place = (world.positions(of, 3)[:, i] * world.SIZE).numpy()
            away = min(place.min(), world.SIZE - place.max()) - shape.radius * world.SIZE
            if shape.kind in ROUND and away > 0:
                found = middle(world.scene(replace(of, shapes=(shape,)), 3).inside)
                torch.testing.assert_close(found, torch.from_numpy(place), rtol=0, atol=0.1)
                seen.add(shape.kind)
    assert seen == set(ROUND)


def middle(inside):
    """[frames,2]: x, y of the middle of the area, in pixels."""
    at = torch.arange(inside.shape[-1]) + 0.5
    weights = inside[:, 0] / inside.sum((1, 2, 3))[:, None, None]
    return torch.stack([(weights.sum(1) * at).sum(1), (weights.sum(2) * at).sum(1)], 1)


def test_nearer_shapes_hide_farther_ones():
    far, near = (
        replace(shape, kind="disc", start=(0.5, 0.5), velocity=(0, 0), loop=(0, 1, 0), radius=radius)
        for shape, radius in zip(world.content(0).shapes[:2], (0.2, 0.1), strict=True)
    )
    of = replace(world.content(0), shapes=(far, near), drift=(0, 0))
    colour = world.scene(of, 1).colour[0]
    torch.testing.assert_close(colour[:, 32, 32], torch.tensor(near.colour))
    torch.testing.assert_close(colour[:, 32, 32 + 10], torch.tensor(far.colour))


def test_the_background_drifts():
    of = replace(world.content(0), pattern="checks", drift=(0.3, 0.0), shapes=world.content(0).shapes[:1])
    still = replace(of, drift=(0.0, 0.0))
    outside = world.scene(of).inside + world.scene(still).inside == 0
    moved, same = (world.scene(o).colour * outside for o in (of, still))
    assert (moved[8] - moved[0])[:, outside[8, 0] & outside[0, 0]].abs().max() > 0.05
    assert (same[8] - same[0])[:, outside[8, 0] & outside[0, 0]].abs().max() < 1e-6


def test_training_sees_no_held_out_seed(monkeypatch):
    seeds, content = [], world.content

    def watched(seed):
        seeds.append(seed)
        return content(seed)

    monkeypatch.setattr(train, "world", SimpleNamespace(**{**vars(world), "content": watched}))
    for step in (0, 1):
        train.batch(step, world.FRAMES)
    assert len(set(seeds)) == len(seeds) > 0
    assert not set(seeds) & set(world.HELD_OUT)


def test_the_styles_that_no_model_saw_change_nothing_for_the_others():
    assert world.STYLE_NAMES == ("flat", "ink", "halftone", "watercolour", "neon", "mosaic")
    assert not set(world.UNSEEN) & set(world.STYLE_NAMES)
    assert model.one_hot(["mosaic"]).shape == (1, 6)


@pytest.mark.parametrize("style", world.UNSEEN)
def test_an_unseen_style_is_dark_and_shows_every_shape(style):
    for seed in SEEDS:
        of = world.content(seed)
        clip = world.render(of, style)
        assert clip.shape == world.render(of, "neon").shape
        assert clip.mean() < -0.3 < 0.3 < world.render(of, "flat").mean()
        without = world.render(replace(of, shapes=of.shapes[:-1]), style)
        assert (clip - without).abs().amax((1, 2, 3)).min() > 0.5

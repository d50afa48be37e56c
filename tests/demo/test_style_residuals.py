"""benchmarks/style_transfer: how much of the shapes is drawn, and what a clip does in time."""

import pytest
import torch

from benchmarks.style_transfer import measures, tone
from benchmarks.style_transfer.transfers import Transfer
from demo import places, shapes, world

torch.set_num_threads(1)  # small sums, for which threads only wait on each other
TRANSFERS = [Transfer(i) for i in range(3, 30, 5)]  # both dark and bright sources and targets
ids = [f"{t.source}-{t.target}" for t in TRANSFERS]


def drawn(clip, transfer):
    of = world.content(transfer.seed)
    return shapes.drawn(clip, of, transfer.source, transfer.target, places.visible(of, len(clip)))


def both(transfer, frames=world.FRAMES):
    of = world.content(transfer.seed)
    return (world.render(of, style, frames) for style in (transfer.source, transfer.target))


def noise(like, seed=0):
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("transfer", TRANSFERS, ids=ids)
def test_the_truth_is_drawn_and_its_cheats_are_not(transfer):
    source, truth = both(transfer)
    assert drawn(truth, transfer) == pytest.approx(1, abs=1e-9)
    assert drawn(source, transfer) < 1e-6
    assert drawn(world.filmed(source, 1), transfer) < 0.02
    assert drawn(places.turned(source), transfer) < 1e-6
    assert drawn(torch.zeros_like(truth), transfer) == 0
    assert drawn(truth.mean((2, 3), keepdim=True) + 0.05 * noise(truth), transfer) < 0.02


@pytest.mark.parametrize("transfer", TRANSFERS, ids=ids)
def test_half_of_it_is_half_drawn_whatever_the_other_half(transfer):
    source, truth = both(transfer)
    for ghost in (source, places.turned(source), torch.zeros_like(truth)):
        assert 0.3 < drawn((ghost + truth) / 2, transfer) < 0.55
    assert drawn(2 * truth, transfer) == pytest.approx(1, abs=1e-9)
    assert drawn(torch.lerp(truth, source, 0.9), transfer) < 0.15


@pytest.mark.parametrize("transfer", TRANSFERS, ids=ids)
def test_the_style_without_its_shapes_is_not_drawn(transfer):
    of = world.content(transfer.seed)
    page = shapes.empty_page(of, transfer.target, world.FRAMES)
    assert drawn(page, transfer) < 1e-6
    assert drawn(page + 0.05 * noise(page), transfer) < 0.03


def test_another_clip_is_hardly_drawn_and_a_shifted_one_is_in_part():
    others, shifted = [], []
    for transfer in map(Transfer, range(0, 30, 3)):
        _, truth = both(transfer)
        other = world.render(world.content(Transfer(transfer.index + 1).seed), transfer.target)
        others.append(drawn(other, transfer))
        shifted.append([drawn(truth.roll(by, 3), transfer) for by in (1, 3)])
    assert sum(others) / 10 < 0.06
    assert max(others) < 0.25
    near, far = torch.tensor(shifted).mean(0)
    assert 0.6 < near < 0.9
    assert far < 0.5


def test_flicker_is_the_change_that_should_not_be():
    truth = world.render(world.content(4), "ink")
    assert tone.flicker(truth, truth) == 0
    assert tone.flicker(truth + 0.3, truth) < 1e-6
    assert tone.flicker(truth[:1].expand_as(truth), truth) == 1
    assert tone.flicker(torch.zeros_like(truth), truth) == pytest.approx(1)
    assert tone.flicker(truth + 0.2 * noise(truth), truth) > 0.3
    assert tone.flicker(truth.flip(0), truth) > 1.2  # which moves as much as it should
    assert tone.movement(truth.flip(0), truth) == pytest.approx(1)
    assert tone.movement(3 * truth, truth) == pytest.approx(3, rel=1e-5)
    assert tone.movement(truth[:1].expand_as(truth), truth) == 0


def test_tone_is_told_from_black_to_white():
    black, white = (torch.full((5, 3, 4, 4), v) for v in (-1.0, 1.0))
    assert tone.tone(tone.tints(black, white)) == 1
    assert tone.tone(tone.tints(white, white)) == 0
    half = torch.cat([white[:, :, :2], black[:, :, :2]], 2)
    assert tone.tone(tone.tints(half, white)) == pytest.approx(0.5)
    assert tone.tone(tone.tints(half, half.flip(2))) == 0  # the mean colour is the same


def test_drift_is_the_way_from_the_first_frame_to_the_last():
    truth = torch.zeros(9, 3, 4, 4)
    ramp = torch.linspace(0, 0.4, 9)[:, None, None, None]
    assert tone.drift(tone.tints(truth + ramp, truth)) == pytest.approx(0.2)
    assert tone.drift(tone.tints(truth + 0.4, truth)) == pytest.approx(0, abs=1e-12)
    there_and_back = torch.cat([ramp[::2], ramp[::2].flip(0)[1:]])
    assert tone.drift(tone.tints(truth + there_and_back, truth)) == pytest.approx(0, abs=1e-8)


def test_jumps_are_looked_for_where_windows_begin_and_end():
    assert tone.borders(16).sum() == 0
    assert tone.borders(36).nonzero().flatten().tolist() == [9, 15, 19, 25]
    assert tone.jump(torch.rand(16, 3)) is None


def test_a_jump_is_what_a_border_has_beyond_other_steps():
    wander = 0.01 * torch.arange(36.0, dtype=torch.float64)[:, None].expand(-1, 3)
    assert tone.jump(wander) == pytest.approx(0, abs=1e-12)
    jumping = wander.clone()
    jumping[10:] += 0.08
    assert tone.jump(jumping) == pytest.approx(0.08 / 4)
    elsewhere = wander.clone()
    elsewhere[12:] += 0.08
    assert tone.jump(elsewhere) == pytest.approx(-0.08 / 31)


def test_long_clips_are_measured_as_short_ones():
    transfer = Transfer(2)
    _, truth = both(transfer, 40)
    of = world.content(transfer.seed)
    like = measures.likeness(truth, of, transfer.source, transfer.target)
    assert (like.error, like.hit, like.flicker, like.tone, like.jump) == (0, True, 0, 0, 0)
    assert like.drawn == pytest.approx(1, abs=1e-9)
    assert like.motion < 1e-9

"""The Restyle Report's figures: what they say of clips whose faults are known, its verdict, and its chart."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from unsampling import UnsamplingError
from unsampling.report import chart, drift, restyle, restyle_panels, restyle_verdict

FRAMES = 24
STEP = torch.tensor([0.2, -0.1, 0.1])


def moving(frames=FRAMES, size=64, shift=0.0):
    """Two soft discs of different colours that go round on a ramp, (frames, size, size, 3)."""
    y, x = torch.meshgrid(*[torch.linspace(0, 1, size)] * 2, indexing="ij")
    t = torch.arange(frames)[:, None, None] / 24 * 2 * torch.pi
    clip = (0.2 + 0.4 * y)[None, ..., None].expand(frames, -1, -1, 3).clone()
    for phase, colour in ((0.0, (0.9, 0.3, 0.1)), (2.5, (0.1, 0.4, 0.9))):
        far = torch.hypot(x - 0.5 - shift - 0.25 * (t + phase).cos(), y - 0.5 - 0.25 * (t + phase).sin())
        clip = torch.lerp(clip, torch.tensor(colour), torch.sigmoid((0.13 - far) * 60)[..., None])
    return clip


def restyled(clip):
    """Another look: dark and bright turned round, colours mixed, stripes that stand still."""
    mixed = 1 - clip @ torch.tensor([[0.5, 0.3, 0.2], [0.2, 0.6, 0.2], [0.1, 0.3, 0.6]])
    stripes = 0.08 * torch.cos(torch.arange(clip.shape[2]) * 2.1)[None, None, :, None]
    return (mixed + stripes).clamp(0, 1)


def figures(change=lambda clip: clip, window=0, overlap=0):
    return restyle.figures(moving(), change(restyled(moving())), window, overlap)


def first_words(found):
    return restyle_verdict.heading(found)[0]


def test_the_source_itself_has_nothing_changed_and_nothing_lost():
    found = restyle.figures(moving(), moving())
    assert found.look_changed == 0 and found.drift == 0 and found.jumps < 1e-6 and found.flickering < 1e-6
    assert found.structure_kept > 0.995 and found.motion_kept > 0.995
    assert first_words(found) == "the look hardly changed (0.00)"


def test_another_look_with_everything_in_place_is_good():
    found = figures()
    assert found.look_changed > 0.3 and found.structure_kept > 0.8 and found.motion_kept > 0.8
    assert found.flickering < 0.01 and found.drift < 0.02 and found.jumps < 0.005
    assert first_words(found) == restyle_verdict.GOOD
    assert restyle_verdict.lines(found)[0].startswith(f"{restyle_verdict.GOOD} (look 0.")


@pytest.mark.parametrize("far", [0.0, 0.03, 0.06, 0.12])
def test_shapes_farther_away_keep_less_structure_and_motion(far):
    here, farther = (
        restyle.figures(moving(), restyled(moving(shift=shift))) for shift in (far, 2 * far + 0.03)
    )
    assert farther.structure_kept < here.structure_kept
    assert farther.motion_kept < here.motion_kept


def test_a_frozen_clip_keeps_no_motion_and_an_empty_one_nothing():
    frozen = figures(lambda clip: clip[:1].expand_as(clip))
    assert frozen.motion_kept < 0.05 < frozen.structure_kept
    empty = figures(lambda clip: torch.full_like(clip, 0.5))
    assert empty.structure_kept < 1e-9 and empty.motion_kept < 1e-9


def test_lost_shapes_are_named_by_their_frames():
    def lose(clip):
        return torch.cat([clip[:8], restyled(moving(shift=0.3))[8:14], clip[14:]])

    found = figures(lose)
    worst = restyle_verdict.findings(found)[0]
    assert worst.what.startswith("frames 8-13: shapes moved or went missing")
    assert worst.cure == restyle_verdict.CURES["structure"]


@pytest.mark.parametrize("cure", restyle_verdict.CURES.values())
def test_a_cure_can_be_read_on_the_chart(cure):
    room = (chart.WIDTH - 26 - 2 * chart.GAP) * chart.SMOOTH
    assert chart._font(chart.SMALLEST).getlength(cure) <= room


@pytest.mark.parametrize("size", [0.02, 0.05, 0.1])
def test_flicker_is_the_deviation_of_what_goes_back_and_forth(size):
    random = torch.Generator().manual_seed(0)
    noise = size * torch.randn((FRAMES, 4, 4, 3), generator=random)
    blocks = noise.repeat_interleave(16, 1).repeat_interleave(16, 2)
    found = figures(lambda clip: 0.25 + 0.5 * clip + blocks)
    assert found.flickering == pytest.approx(size, rel=0.25)


def test_slow_changes_and_the_sources_own_flicker_are_none():
    light = 1 + 0.2 * torch.randn((FRAMES, 1, 1, 1), generator=torch.Generator().manual_seed(1))
    own = restyle.figures(0.5 * moving() * light, 0.5 * moving().flip(3) * light)
    assert own.flickering < 0.01
    slow = torch.linspace(0, 0.3, FRAMES)[:, None, None, None]
    assert figures(lambda clip: 0.6 * clip + slow).flickering < 0.01


def boiling(frames, size, blob, std):
    """Blobs of chance, new in each frame, (frames, size, size, 3)."""
    noise = std * torch.randn(
        (frames, 3, size // blob, size // blob), generator=torch.Generator().manual_seed(4)
    )
    return functional.interpolate(noise, (size, size), mode="nearest").movedim(1, 3)


@pytest.mark.parametrize("blob", [1, 2])
def test_fine_texture_that_boils_is_found_where_the_source_stands_still(blob):
    found = figures(lambda clip: 0.25 + 0.5 * clip + boiling(FRAMES, 64, blob, 0.05))
    assert found.flickering < restyle_verdict.FLICKERS
    assert found.fine == pytest.approx(0.05, rel=0.15)
    assert "fine texture flickers where the source stands still, by" in said(found)[0]


def test_noise_of_single_pixels_of_a_large_result_is_seen_as_far_as_small_frames_have_it():
    source = moving(8, 256)
    found = restyle.figures(source, 0.25 + 0.5 * restyled(source) + boiling(8, 256, 1, 0.2))
    assert found.fine == pytest.approx(0.2 / 4, rel=0.2) and "fine texture flickers" in said(found)[0]


def test_texture_that_stands_still_and_the_sources_own_grain_do_not_boil():
    assert figures().fine < 0.005
    grain = boiling(FRAMES, 64, 1, 0.05)
    own = restyle.figures((moving() + grain).clamp(0, 1), restyled(moving()) + grain.flip(0))
    assert own.fine < restyle_verdict.SHIMMERS


def test_a_source_that_moves_everywhere_tells_nothing_of_fine_texture():
    ramp = torch.arange(64)[None, :, None, None] * 0.15 + torch.arange(FRAMES)[:, None, None, None] * 0.5
    clip = (0.5 + 0.4 * ramp.sin()).expand(-1, -1, 64, 3)
    found = restyle.figures(clip, 1 - clip)
    assert np.isnan(found.fine) and not any("fine" in what for what in said(found))
    assert "of fine texture not told (the source moves everywhere)" in "\n".join(restyle_verdict.lines(found))


def test_drift_is_how_far_the_mean_colour_goes():
    along = torch.linspace(0, 1, FRAMES)[:, None, None, None]
    found = figures(lambda clip: 0.25 + 0.5 * clip + along * STEP)
    plain = figures(lambda clip: 0.25 + 0.5 * clip)
    expected = float(STEP.square().mean().sqrt())
    assert found.drift == pytest.approx(expected, abs=0.02) and plain.drift < 0.03
    assert any("colours drift over the clip" in str(one) for one in restyle_verdict.findings(found))
    assert found.jumps < 0.01


def leaving(dark):
    """A disc, bright on dark or dark on bright, that goes out of the picture, (frames, 64, 64, 3)."""
    y, x = torch.meshgrid(*[torch.linspace(0, 1, 64)] * 2, indexing="ij")
    across = torch.linspace(0.4, 1.4, FRAMES)[:, None, None]
    disc = torch.sigmoid((0.3 - torch.hypot(x - across, y - 0.5)) * 60)
    clip = torch.lerp(torch.tensor(0.2), torch.tensor(0.8), disc)[..., None].expand(-1, -1, -1, 3)
    return 1 - clip if dark else clip


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("fades", [1.0, 0.4])
def test_a_shape_that_leaves_is_no_drift_where_dark_and_bright_change_places(dark, fades):
    light = torch.linspace(1, fades, FRAMES)[:, None, None, None]
    source, result = leaving(dark) * light, leaving(not dark) * light
    found = restyle.figures(source, result)
    assert found.drift < 0.01 and float((found.colours.amax(0) - found.colours.amin(0)).max()) < 0.04


@pytest.mark.parametrize("dark", [False, True])
def test_what_drifts_where_a_shape_leaves_is_found(dark):
    source, result = leaving(dark), leaving(not dark)
    far = (result - source).mean((1, 2))
    assert float((far[-1] - far[0]).abs().max()) > 0.1  # which is what the mean colours alone would say
    along = torch.linspace(0, 1, FRAMES)[:, None, None, None]
    found = restyle.figures(source, 0.25 + 0.5 * result + along * STEP)
    assert found.drift == pytest.approx(float(STEP.square().mean().sqrt()), abs=0.02)


def wall(frames=32):
    """A camera pans along a wall that is lit from one side, (frames, 64, 64, 3)."""
    y, x = torch.meshgrid(*[torch.linspace(0, 1, 64)] * 2, indexing="ij")
    along = x + torch.linspace(0, 1, frames)[:, None, None]
    grey = 0.75 - 0.25 * along + 0.05 * torch.cos(40 * along) * torch.cos(31 * y)
    return grey[..., None] * torch.tensor([1.0, 0.95, 0.9])


@pytest.mark.parametrize("size", [-0.2, -0.1, 0.0, 0.1])
@pytest.mark.parametrize("look", [lambda clip: 0.2 + 0.6 * clip, lambda clip: 0.8 - 0.6 * clip])
def test_a_camera_that_moves_is_no_light_and_hides_no_drift(look, size):
    source = wall()
    along = torch.linspace(-0.5, 0.5, len(source))[:, None, None, None]
    assert restyle.figures(source, look(source) + size * along).drift == pytest.approx(abs(size), abs=0.01)


@pytest.mark.parametrize("look", [lambda clip: 0.95 - 0.8 * clip, lambda clip: 0.2 + 0.5 * clip])
@pytest.mark.parametrize("bright", [0.9, 0.2])
def test_a_night_scene_that_fades_in_both_has_no_drift(look, bright):
    """Most of it is black."""
    y, x = torch.meshgrid(*[torch.linspace(0, 1, 64)] * 2, indexing="ij")
    lamp = torch.sigmoid((0.25 - torch.hypot(x - 0.5, y - 0.5)) * 60) * (
        0.6 + 0.4 * torch.cos(20 * x + 13 * y)
    )
    clip = lamp[None, ..., None].expand(FRAMES, -1, -1, 3)
    light = torch.linspace(1, 0.3, FRAMES)[:, None, None, None]
    assert restyle.figures(bright * clip * light, look(clip) * light).drift < 0.01


@pytest.mark.parametrize(
    "look",
    [
        lambda clip: 4 * clip * (1 - clip),
        lambda clip: functional.pad(clip.diff(dim=2).abs() * 4, (0, 0, 0, 1)).clamp(max=1),
    ],
)
def test_looks_of_middle_tones_and_of_lines_do_not_drift_as_a_shape_leaves(look):
    source = leaving(False)
    assert restyle.figures(source, look(source)).drift < 0.025


def test_the_colours_of_the_chart_go_as_far_as_the_drift():
    along = torch.linspace(-0.5, 0.5, FRAMES)
    found = figures(lambda clip: 0.25 + 0.5 * clip + along[:, None, None, None] * STEP)
    slope = along @ found.colours.float() / along.square().sum()
    assert float(slope.square().mean().sqrt()) == pytest.approx(found.drift, rel=1e-4)
    torch.testing.assert_close(slope, STEP, rtol=0, atol=0.02)


def test_other_colours_after_a_cut_of_the_source_are_no_drift():
    cut = torch.cat([moving()[:12], moving().flip(1)[12:] * 0.6])
    later = (torch.arange(FRAMES) >= 12)[:, None, None, None]
    found = restyle.figures(cut, 0.25 + 0.4 * cut + later * STEP)
    assert found.cuts.nonzero().flatten().tolist() == [11] and found.drift < 0.01


def test_lights_that_chase_through_a_long_clip_have_figures():
    """Each place slowly brightens and goes out at once: a gain of every step, which leads nowhere."""
    phase = (torch.arange(1500)[:, None] + torch.arange(32)[None] // 2) % 8
    source = (0.1 + 0.9 * phase / 7)[:, None, :, None].expand(-1, 16, -1, 3)
    found = restyle.figures(source, 0.8 - 0.6 * source)
    assert found.drift < 0.01 and found.colours.isfinite().all()


def test_scenes_of_one_frame_each_have_no_drift():
    clip = torch.rand((6, 3, 16, 16), generator=torch.Generator().manual_seed(3))
    colours, gone = drift.drift(clip, 1 - clip, torch.arange(6))
    assert colours.isfinite().all() and gone.abs().max() < 1e-3


def test_a_jump_is_found_where_it_is():
    later = (torch.arange(FRAMES) >= 16)[:, None, None, None]
    found = figures(lambda clip: 0.25 + 0.5 * clip + later * STEP, 8)
    assert found.jumps == pytest.approx(float(STEP.square().mean().sqrt()), abs=0.02)
    assert restyle_verdict.jumping(found).nonzero().flatten().tolist() == [16]
    said = [str(one) for one in restyle_verdict.findings(found)]
    assert any(one.startswith("frame 16: colours jump") and "overlap" in one for one in said)
    panel = restyle_panels.panels(found, moving(), moving())[1]
    assert panel.marks == [15.5]
    assert figures(lambda clip: 0.25 + 0.5 * clip + later * STEP).jumps == 0


@pytest.mark.parametrize(
    ("frames", "window", "overlap", "at"),
    [
        (24, 0, 0, []),
        (24, 24, 4, []),
        (24, 8, 0, [7, 15]),
        (24, 10, 3, [6, 7, 8, 9, 13, 14, 15, 16]),
        (20, 16, 0, list(range(3, 16))),
    ],
)
def test_borders_are_where_two_windows_share_frames_or_touch(frames, window, overlap, at):
    clip = moving(frames, 32)
    found = restyle.figures(clip, clip, window, overlap)
    assert found.borders.nonzero().flatten().tolist() == at


def test_an_overlap_as_long_as_the_window_is_refused():
    with pytest.raises(UnsamplingError, match=r"overlap \(16\) is not smaller than window \(16\)"):
        figures(window=16, overlap=16)


def test_a_cut_in_the_source_is_no_jump():
    cut = torch.cat([moving()[:12], moving().flip(1)[12:] * 0.6])
    assert restyle.figures(cut, 0.3 + 0.6 * cut, 12).jumps < 0.01


def test_a_light_that_fades_in_both_is_no_drift():
    light = torch.linspace(1, 0.5, FRAMES)[:, None, None, None]
    clip = moving()
    assert restyle.figures(clip * light, clip.flip(3) * 0.4 * light).drift < 0.01
    assert restyle.figures(clip * light, clip.flip(3) * 0.4).drift > 0.05


def test_a_source_that_stands_still_has_no_motion_to_keep():
    still = moving()[:1].expand(5, -1, -1, -1)
    found = restyle.figures(still, restyled(still))
    assert found.still and found.motion_kept == 1.0
    assert "the source stands still: there is no motion to keep" in restyle_verdict.lines(found)
    kept = restyle_panels.panels(found, still, still)[0]
    assert [series.label for series in kept.series] == ["structure"]


def said(found):
    return [finding.what for finding in restyle_verdict.findings(found)]


def lit(light):
    """A clip and its restyling under a light (frames,), each as 8 bits have it."""
    light = torch.as_tensor(light)[:, None, None, None]
    return [(255 * clip * light).round() / 255 for clip in (moving(), restyled(moving()))]


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("at", [slice(0, 2), slice(11, 12), slice(23, 24)])
def test_frames_in_which_the_source_shows_nothing_have_no_structure_to_lose(level, at):
    source, result = moving(), restyled(moving())
    source[at] = level
    found = restyle.figures(source, result)
    assert torch.equal(found.structure.isnan().nonzero().flatten(), torch.arange(FRAMES)[at])
    assert found.motion[at].isnan().all() and found.structure_kept > 0.8 and said(found) == []
    assert "source shows nothing there" in "\n".join(restyle_verdict.lines(found))
    assert restyle_verdict.worst_frames(found)[0][0] not in torch.arange(FRAMES)[at]
    assert draw(found, source, result).shape == (640, 1024, 3)
    result[at] = level
    assert said(restyle.figures(source, result)) == []


def test_a_frame_that_only_the_result_lost_is_a_loss():
    found = figures(lambda clip: torch.cat([clip[:20], 0 * clip[20:]]))
    assert found.structure[20:].max() < 0.01 and not found.structure.isnan().any()
    assert said(found)[0].startswith("frames 20-23: shapes moved or went missing")


@pytest.mark.parametrize(
    "light", [torch.linspace(0, 2, FRAMES).clamp(max=1), torch.linspace(2, 0, FRAMES).clamp(max=1)]
)
def test_a_fade_from_or_to_black_is_no_fault(light):
    grain = 0.0125 * torch.randn((FRAMES, 64, 64, 3), generator=torch.Generator().manual_seed(2))
    source, result = lit(light)
    found = restyle.figures((source + grain).clamp(0, 1), result)
    assert said(found) == [] and int(found.structure.isnan().sum()) in (1, 2)


@pytest.mark.parametrize("levels", [(0.0, 0.0), (1.0, 0.0), (0.3, 0.3)])
def test_a_source_that_shows_nothing_is_all_that_is_said(levels):
    source, result = (torch.full((5, 16, 16, 3), level) for level in levels)
    found = restyle.figures(source, result)
    assert found.empty and found.still and (found.structure_kept, found.motion_kept) == (1, 1)
    assert [one.partition(":")[0] for one in said(found)] == ["source shows nothing"]
    text = "\n".join(restyle_verdict.lines(found))
    assert "nan" not in text and "stands still" not in text and "kept" not in text
    assert draw(found, source, result).shape == (640, 1024, 3)


def joined(at, result=restyled):
    """Two scenes of other shapes, places and colours that meet at a frame, and their restyling."""
    other = moving().flip(1, 3) @ torch.tensor([[0.2, 0.1, 0.3], [0.1, 0.3, 0.1], [0.1, 0.1, 0.1]])
    return [
        torch.cat([result_of(moving())[:at], result_of(other)[at:]]) for result_of in (lambda c: c, result)
    ]


@pytest.mark.parametrize("at", [2, 8, 12, 21])
def test_a_cut_of_the_source_is_no_fault(at):
    source, result = joined(at)
    found = restyle.figures(source, result, 8)
    assert found.cuts.nonzero().flatten().tolist() == [at - 1]
    assert said(found) == [] and found.drift < 0.02 and found.jumps < 0.01 and found.flickering < 0.01
    assert found.motion_kept > 0.8 and found.steps[at - 1].isnan()
    assert f"frame {at}: the source cuts to another scene" in "\n".join(restyle_verdict.lines(found))
    assert draw(found, source, result).shape == (640, 1024, 3)


def test_motion_is_not_told_of_a_scene_of_few_frames():
    short = restyle.figures(*joined(restyle_verdict.LONG - 1))
    assert torch.equal(short.motion.isnan(), torch.arange(FRAMES) < restyle_verdict.LONG - 1)
    assert not restyle.figures(moving(5), restyled(moving(5))).still


def test_drift_and_jumps_are_found_beside_a_cut():
    source, result = joined(12)
    along = torch.linspace(0, 1, FRAMES)[:, None, None, None]
    size = float(STEP.square().mean().sqrt())
    drifted = restyle.figures(source, 0.25 + 0.5 * result + along * STEP)
    assert drifted.drift == pytest.approx(size, abs=0.03)
    stepped = restyle.figures(source, 0.25 + 0.5 * result + (along > 0.7) * STEP, 17)
    assert stepped.cuts.sum() == 1 and stepped.jumps == pytest.approx(size, abs=0.02)


def test_a_cut_that_only_the_result_has_is_a_fault():
    found = restyle.figures(moving(), joined(12)[1])
    assert not found.cuts.any() and "went missing" in said(found)[0]


def test_light_that_flickers_and_motion_that_begins_are_no_cuts():
    light = 1 + 0.3 * torch.randn(FRAMES, generator=torch.Generator().manual_seed(3))
    begins = torch.cat([moving()[:1].expand(10, -1, -1, -1), moving()[::2]])
    for clip in (lit(light)[0].clamp(0, 1), begins, moving()):
        assert not restyle.figures(clip, clip).cuts.any()


def test_sizes_may_differ_and_a_stretched_picture_is_noted():
    source, result = moving(size=256), restyled(moving(size=96))
    same, found = restyle.figures(moving(size=96), result), restyle.figures(source, result)
    assert found.structure_kept == pytest.approx(same.structure_kept, abs=0.03)
    assert not any("stretched" in line for line in restyle_verdict.lines(found))
    cut = restyle.figures(source[:, :128], result)
    assert "source is 256 x 128, result 96 x 96: one is stretched" in "\n".join(restyle_verdict.lines(cut))


def test_alpha_and_grey_frames_are_taken():
    clip = moving(5)
    alpha = torch.cat([clip, torch.ones(5, 64, 64, 1)], 3)
    assert restyle.figures(alpha, clip).look_changed == 0
    grey = clip.mean(3, keepdim=True)
    found = restyle.figures(clip, grey)
    assert found.structure_kept > 0.5
    assert draw(found, clip, grey).shape == (640, 1024, 3)


def test_a_frame_is_read_alike_in_any_chunk():
    long = moving(2 * restyle.CHUNK + 3)
    found = restyle.figures(long, restyled(long))
    assert len(found.structure) == len(found.flicker) == len(found.steps) + 1 == len(long)


@pytest.mark.parametrize(
    ("source", "result", "words"),
    [
        (moving(9), moving(8), "source has 9 frames, result 8 frames; a video VAE takes 1, 5, 9"),
        (
            moving(24),
            moving(8),
            "source has 24 frames, result 8 frames; connect the frames that were encoded",
        ),
        (moving(8), moving(9), "source has 8 frames, result 9 frames; connect the frames"),
        (moving(1), moving(1), "source has 1 frame, and flicker and motion need 3 or more"),
        (moving(3), moving(2), "result has 2 frames, and flicker"),
        (moving(3)[:0], moving(3), "source has 0 frames"),
        (moving(3, 4), moving(3), "source has frames of 4 x 4 pixels"),
        (
            moving(3),
            moving(3)[..., :2],
            r"result has frames of 2 channels; it takes 1 \(grey\), 3 \(RGB\) or 4",
        ),
        (torch.cat([moving(3)] * 2, 3), moving(3), "source has frames of 6 channels"),
        (moving(3), moving(3) * torch.tensor([1.0, torch.nan, 1.0]), "result has values that are no numbers"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(source, result, words):
    with pytest.raises(UnsamplingError, match=words):
        restyle.figures(source, result)


def draw(found, source, result):
    panels = restyle_panels.panels(found, source, result)
    return chart.draw(*restyle_verdict.heading(found), not restyle_verdict.findings(found), panels)


@pytest.mark.parametrize("count", [3, 24, 300])
def test_any_number_of_frames_is_drawn_the_same_way_again(count):
    clip = moving(count, 32)
    pictures = [draw(restyle.figures(clip, restyled(clip)), clip, restyled(clip)) for _ in range(2)]
    assert pictures[0].shape == (640, 1024, 3) and pictures[0].dtype == np.uint8
    assert np.array_equal(*pictures)


@pytest.mark.parametrize("shape", [(64, 64), (40, 160), (160, 40)])
def test_the_worst_frames_are_shown_inside_their_panel(shape):
    clip = functional.interpolate(moving(6).movedim(3, 1), shape).movedim(1, 3)
    red = torch.zeros_like(clip) + torch.tensor([1.0, 0.0, 0.0])
    image = draw(restyle.figures(clip, red), clip, red).astype(int)
    painted = (image[..., 0] > 240) & (image[..., 1:] < 10).all(2)
    rows, columns = np.nonzero(painted)
    assert len(rows) > 2000 and rows.min() > 364 and rows.max() < 628
    assert columns.min() > 12 and columns.max() < 1012


def test_the_worst_frames_are_told_apart_and_by_their_worst():
    def spoil(clip):
        spoilt = clip.clone()
        spoilt[5] = clip[5].flip(0)
        return spoilt

    worst = restyle_verdict.worst_frames(figures(spoil))
    assert worst[0][0] == 5 and worst[0][1].startswith("structure 0.")
    assert len({frame for frame, _ in worst}) == len(worst)

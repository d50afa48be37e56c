"""unsampling/video/lightness.py: dark for bright, hue for hue."""

import colorsys

import pytest
import torch

from unsampling.video.lightness import turned


def frames(channels=3, seed=0):
    return torch.rand(2, 5, 4, channels, generator=torch.Generator().manual_seed(seed))


def test_black_is_white_and_a_dark_blue_a_pale_one():
    black, blue = torch.zeros(3), torch.tensor([0.0, 0.0, 0.5])
    found = turned(torch.stack([black, blue]).reshape(1, 1, 2, 3))
    torch.testing.assert_close(found[0, 0], torch.tensor([[1.0, 1.0, 1.0], [0.5, 0.5, 1.0]]))


def test_hue_and_chroma_stay_and_lightness_is_turned():
    clip = frames()
    for before, after in zip(clip.flatten(0, 2), turned(clip).flatten(0, 2), strict=True):
        hue, lightness, _ = colorsys.rgb_to_hls(*before.tolist())
        found_hue, found_lightness, _ = colorsys.rgb_to_hls(*after.tolist())
        assert found_hue == pytest.approx(hue, abs=1e-4)
        assert found_lightness == pytest.approx(1 - lightness, abs=1e-5)
        assert float(after.max() - after.min()) == pytest.approx(float(before.max() - before.min()), abs=1e-5)


def test_twice_is_the_clip_and_nothing_leaves_the_range():
    clip = frames(seed=1)
    torch.testing.assert_close(turned(turned(clip)), clip)
    assert turned(clip).min() > -1e-6
    assert turned(clip).max() < 1 + 1e-6


def test_what_comes_in_and_an_alpha_stay():
    clip = frames(4)
    kept = clip.clone()
    found = turned(clip)
    assert torch.equal(clip, kept)
    assert torch.equal(found[..., 3], clip[..., 3])
    assert torch.equal(found[..., :3], turned(clip[..., :3]))

"""The looks: same clip, new look, for clips of any size."""
import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from demo.denoiser import Mixture
from demo.styles import STYLES, source
from demo.video import pan_over_photograph
from unsampling import Inversion, resample, schedules, unsample


def tensor(frames: int, height: int, width: int) -> Tensor:
    clip = torch.from_numpy(pan_over_photograph(frames, height, width))
    return clip.permute(0, 3, 1, 2).float() / 127.5 - 1


@pytest.fixture(scope="module")
def clip() -> Tensor:
    return tensor(3, 96, 128)


@pytest.fixture(scope="module")
def inversion(clip) -> Inversion:
    return unsample(source(clip).denoise, clip, schedules.ays("SD1", 16))


def light(x: Tensor) -> Tensor:
    """What is seen from afar: brightness in blocks wider than any dot or line."""
    return avg_pool2d(x.mean(1, keepdim=True), 8).flatten(1)


@pytest.mark.parametrize("name", STYLES)
def test_a_look_keeps_the_layout_of_every_frame_and_changes_the_rest(clip, inversion, name):
    styled = resample(STYLES[name](clip).denoise, inversion)
    for before, after in zip(light(clip), light(styled), strict=True):
        assert torch.corrcoef(torch.stack([before, after]))[0, 1] > 0.8
    assert (styled - clip).norm() / clip.norm() > 0.25
    assert styled.abs().max() < 1.5


@pytest.mark.parametrize("name", STYLES)
def test_a_look_is_far_likelier_under_its_own_condition(clip, inversion, name):
    """What comes out is a sample of what was asked for, not a filter that happens to look like it."""
    look = STYLES[name](clip)
    styled = resample(look.denoise, inversion)
    assert look.log_density(styled, 0.05).mean() > look.log_density(clip, 0.05).mean() + 2
    assert look.log_density(styled, 0.05).mean() > source(clip).log_density(styled, 0.05).mean()


@pytest.mark.parametrize("name", ["source", *STYLES])
@pytest.mark.parametrize("size", [(1, 1, 1), (2, 7, 5), (1, 33, 64)])
def test_every_look_fits_every_size(name, size):
    clip = tensor(*size)
    look: Mixture = {"source": source, **STYLES}[name](clip)
    total = look.log_weights.logsumexp(0)
    torch.testing.assert_close(total, torch.zeros_like(total), rtol=0, atol=1e-5)
    assert torch.isfinite(look.denoise(clip, 0.3)).all()


def test_a_printed_look_has_the_light_of_the_clip(clip, inversion):
    """Ink follows the screen: where the clip is darker, more of the paper is covered."""
    look = STYLES["engraving"](clip)
    printed = resample(look.denoise, inversion)
    from_ink, from_paper = ((printed - colour[:, None, None]).norm(dim=1) for colour in look.means)
    paper = from_paper < from_ink
    bright, dark = clip.mean(1) > 0.2, clip.mean(1) < -0.6
    assert paper[bright].float().mean() > 0.55
    assert paper[dark].float().mean() < 0.3

"""Edges are found a few frames at a time, in their order, with a tick for each; kornia's own work is not
tested."""

import re
import sys
from types import ModuleType

import pytest
import torch

from unsampling_pack.host import cures
from unsampling_pack.unsampling import UnsamplingError
from unsampling_pack.unsampling.video import edges

CPU = torch.device("cpu")


@pytest.fixture
def canny(monkeypatch):
    """Stands in for kornia.filters.canny: edges are what is above `high` in red. Keeps what it is given."""
    given = []

    def found(part, low, high):
        given.append((part, low, high))
        return part.mean(1, keepdim=True), (part[:, :1] > high).float()

    kornia, filters = ModuleType("kornia"), ModuleType("kornia.filters")
    kornia.filters, filters.canny = filters, found
    monkeypatch.setitem(sys.modules, "kornia", kornia)
    monkeypatch.setitem(sys.modules, "kornia.filters", filters)
    return given


def clip(frames: int, height: int = 4, width: int = 6, channels: int = 3) -> torch.Tensor:
    return torch.rand(frames, height, width, channels, generator=torch.Generator().manual_seed(frames))


@pytest.mark.parametrize(
    "pixels, parts", [(24, [1] * 7), (47, [1] * 7), (48, [2, 2, 2, 1]), (72, [3, 3, 1]), (10**6, [7])]
)
def test_as_many_frames_at_once_as_there_are_pixels_for(canny, monkeypatch, pixels, parts):
    monkeypatch.setattr(edges, "AT_ONCE", pixels)
    images, ticks = clip(7), []
    found = edges.canny(images, 0.25, 0.5, CPU, lambda: ticks.append(len(canny)))
    assert [len(part) for part, *_ in canny] == parts
    assert {(low, high) for _, low, high in canny} == {(0.25, 0.5)}
    assert ticks == [call + 1 for call, frames in enumerate(parts) for _ in range(frames)]
    assert torch.equal(found, (images[..., :1] > 0.5).float().expand(-1, -1, -1, 3))


def test_a_frame_that_is_too_large_goes_alone(canny, monkeypatch):
    monkeypatch.setattr(edges, "AT_ONCE", 5)
    assert edges.canny(clip(3), 0.1, 0.2, CPU, lambda: None).shape == (3, 4, 6, 3)
    assert [part.shape for part, *_ in canny] == [(1, 3, 4, 6)] * 3


@pytest.mark.parametrize("images", [clip(3).double(), clip(3).half(), clip(3, channels=4), clip(1)])
def test_kornia_gets_three_channels_in_float32(canny, images):
    found = edges.canny(images, 0.25, 0.5, CPU, lambda: None)
    ((part, *_),) = canny
    assert part.dtype == found.dtype == torch.float32
    assert torch.equal(part, images[..., :3].float().movedim(-1, 1))
    assert found.shape == (*images.shape[:3], 3)


def test_the_three_channels_are_one(canny):
    found = edges.canny(clip(5), 0.1, 0.2, CPU, lambda: None)
    assert found.stride(-1) == 0


@pytest.mark.parametrize("low, high", [(0.3, 0.2), (1.0, 0.99), (0.5, 0.0)])
def test_thresholds_the_wrong_way_round(canny, low, high):
    words = rf"low_threshold \({low:g}\) is above high_threshold \({high:g}\); set it lower"
    with pytest.raises(UnsamplingError) as refusal:
        edges.canny(clip(2), low, high, CPU, lambda: None)
    assert re.search(words, cures.sentence(refusal.value))
    assert canny == []


@pytest.mark.parametrize("low, high", [(0.2, 0.2), (0.0, 1.0)])
def test_thresholds_that_may_be(canny, low, high):
    assert edges.canny(clip(2), low, high, CPU, lambda: None).shape == (2, 4, 6, 3)


@pytest.mark.parametrize("at", [1, 3, 4])
def test_a_tick_may_stop_the_work(canny, monkeypatch, at):
    monkeypatch.setattr(edges, "AT_ONCE", 48)
    ticks = []

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == at:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        edges.canny(clip(7), 0.1, 0.2, CPU, tick)
    assert len(canny) == (at + 1) // 2

"""How many frames a motion model takes, and wants."""

import importlib
from functools import partial

import animatediff_objects as ade
import comfy_objects as core
import pytest
import torch

from unsampling_pack.unsampling import UnsamplingError

FALLING = torch.tensor([14.6, 3.0, 0.5, 0.0])
STATIC = "standard_static"
HOTSHOT, LCM, PIA = ("HotshotXL", "v1"), ("AnimateLCM", "v2"), ("PIA", "v1")


def moved(*contexts: ade.ContextOptions, info: tuple[str, ...] = (), most: int | None = 32) -> core.Model:
    return core.Model(ade.InjectionParams(*contexts), motion=ade.MotionModelPatcher(*info, most=most))


def of(length: int, **more) -> ade.ContextOptions:
    return ade.ContextOptions(STATIC, length, **more)


@pytest.fixture
def motion(admission):
    return importlib.import_module("unsampling_pack.host.motion")


@pytest.mark.parametrize("rising, by_core", [(True, False), (False, False), (True, True), (False, True)])
@pytest.mark.parametrize(
    ("model", "frames", "words"),
    [
        (moved(), 32, ""),
        (
            moved(),
            33,
            "takes 32 frames at once, but the clip has 33; connect Context Options .*context_length 16",
        ),
        (moved(most=24), 25, "takes 24 frames at once, but the clip has 25"),
        (moved(info=HOTSHOT, most=24), 64, "but the clip has 64; connect Context Options .*context_length 8"),
        (moved(info=LCM, most=64), 64, ""),
        (moved(most=None), 4096, ""),
        (moved(ade.ContextOptions(STATIC, 16)), 128, ""),
        (
            moved(ade.ContextOptions(STATIC, 40)),
            64,
            "but its context windows have 40; set context_length to 16",
        ),
        (moved(ade.ContextOptions(STATIC, 40)), 33, "but the clip has 33"),  # which no window cuts
        # context keyframes: one that leaves the clip whole, one whose views cut it, one that gets no step
        (moved(of(16), of(64, start_percent=0.5)), 40, "but its context windows have 40"),
        (moved(of(16), of(40, start_percent=0.5)), 64, "but its context windows have 40"),
        (moved(of(16), of(64, start_percent=0.5, view_options=of(16))), 40, ""),
        (moved(of(16, view_options=of(8)), of(48, start_percent=0.5)), 64, "its context windows have 48"),
        (moved(of(16), of(48, start_percent=1.0)), 64, ""),
        (core.Model(), 4096, ""),
    ],
)
def test_more_frames_at_once_than_it_takes_are_refused(admission, model, frames, words, rising, by_core):
    admit = partial(
        admission.admit, core.CFGGuider(model), (frames, 4, 3, 3), FALLING, rising=rising, by_core=by_core
    )
    if not words:
        assert admit().frames == frames
        return
    with pytest.raises(UnsamplingError, match=f"motion model mm.safetensors, which .*{words}"):
        admit()


@pytest.mark.parametrize(
    ("model", "frames", "trained"),
    [
        (moved(), 15, 16),
        (moved(), 16, None),
        (moved(info=("AnimateDiff", "v2")), 1, 16),
        (moved(info=PIA), 8, 16),
        (moved(info=LCM), 12, 16),
        (moved(info=HOTSHOT), 7, 8),
        (moved(info=HOTSHOT), 8, None),
        (moved(ade.ContextOptions(STATIC, 16)), 8, 16),
        (core.Model(), 1, None),
    ],
)
def test_a_clip_shorter_than_it_was_trained_on_gets_a_remark(motion, model, frames, trained):
    said = motion.remark(model, (frames, 4, 8, 8))
    if trained is None:
        assert said == ""
        return
    assert said.startswith(
        f"; the clip has {frames} frames, and its motion model mm.safetensors was trained on"
    )
    assert said.endswith(f"load {trained} or more")

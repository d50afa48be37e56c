"""Core's context windows as windows of ours, and the step that they are placed by."""

import comfy_objects as core
import pytest
import torch

from unsampling_pack.host.packs import core as core_pack
from unsampling_pack.unsampling import UnsamplingError

VIDEO, PICTURES = (1, 16, 9, 4, 4), (9, 4, 8, 8)


def windows(shape: tuple[int, ...], **settings) -> list:
    handler = core.IndexListContextHandler(**settings)
    return list(core_pack.windows(core.Model(handler=handler), shape))


def test_without_a_handler_there_are_none():
    assert list(core_pack.windows(core.Model(), VIDEO)) == []
    core_pack.refuse_axis(core.Model(), VIDEO)


@pytest.mark.parametrize(
    "shape, settings, frames",
    [
        (VIDEO, {"dim": 2}, 9),
        (VIDEO, {"dim": 2, "context_length": 9}, None),
        (VIDEO, {"dim": 2, "context_length": 10}, None),
        (VIDEO, {"dim": 2, "context_length": 8}, 9),
        (VIDEO, {"dim": 1}, 16),
        (PICTURES, {"dim": 0}, 9),
        (PICTURES, {"dim": 4}, None),
        ((3, 4, 8, 8), {"dim": 0}, None),
    ],
)
def test_windows_cut_an_axis_that_is_longer(shape, settings, frames):
    found = windows(shape, **settings)
    assert [one.frames for one in found] == ([] if frames is None else [frames])


def test_every_setting_is_handed_on():
    settings = {"context_length": 5, "context_overlap": 2, "context_stride": 3, "dim": 2}
    (found,) = windows(VIDEO, schedule="looped_uniform", fuse="relative", closed_loop=True, **settings)
    assert (found.kind, found.schedule, found.fuse) == ("core", "looped_uniform", "relative")
    assert (found.length, found.stride, found.overlap) == (5, 3, 2)
    assert found.of_video and found.cuts and found.unit == "latent frames"
    assert found.settings == (
        "looped_uniform relative: length 5, stride 3, overlap 2, closed_loop True, dim 2,"
        " split_conds_to_windows False, causal_window_fix True"
    )


def test_a_comfyui_that_lacks_some_settings_has_the_others():
    (found,) = windows(PICTURES, old=True)
    assert (
        found.settings == "standard_static pyramid: length 4, stride 1, overlap 1, closed_loop False, dim 0"
    )
    assert not found.of_video and found.unit == "frames"


@pytest.mark.parametrize("dim, shape, cure", [(4, PICTURES, 0), (7, PICTURES, 0), (5, VIDEO, 2)])
def test_an_axis_that_the_latent_does_not_have(dim, shape, cure):
    model = core.Model(handler=core.IndexListContextHandler(dim=dim))
    words = f"along dim {dim}, but the latent has {len(shape)} dimensions; set dim to {cure}"
    with pytest.raises(UnsamplingError, match=words):
        core_pack.refuse_axis(model, shape)


@pytest.mark.parametrize("dim, shape", [(0, PICTURES), (3, PICTURES), (2, VIDEO), (4, VIDEO)])
def test_an_axis_that_it_has(dim, shape):
    core_pack.refuse_axis(core.Model(handler=core.IndexListContextHandler(dim=dim)), shape)


@pytest.mark.parametrize("step", [0, 1, 4])
def test_windows_are_placed_as_by_core_without_a_trace(step):
    handler = core.IndexListContextHandler("standard_uniform", context_length=3, context_stride=2)
    (found,) = core_pack.windows(core.Model(handler=handler), PICTURES)
    expected = {0: [[0, 2, 4], [5, 7]], 1: [[1, 3, 5], [6, 8]], 4: [[0, 2, 4], [5, 7]]}
    assert found.place(step) == expected[step]
    assert handler._step == 0


@pytest.mark.parametrize("sigmas", [[8.0, 3.0, 1.0, 0.0], [0.0, 1.0, 3.0, 8.0], [3.0, 8.0, 0.0, 1.0]])
def test_a_runs_schedule_falls_whichever_way_it_runs(sigmas):
    options = {"transformer_options": {"sample_sigmas": torch.tensor(sigmas)}}
    assert core_pack.falling_sigmas(options).tolist() == [8.0, 3.0, 1.0, 0.0]


@pytest.mark.parametrize("step, marked", [(0, [7.5, 3.0, 1.0]), (1, [8.0, 7.5, 1.0]), (2, [8.0, 3.0, 7.5])])
def test_a_call_between_two_sigmas_is_found_where_its_step_begins(step, marked):
    falling, options = torch.tensor([8.0, 3.0, 1.0]), {"transformer_options": {}}
    core_pack.mark_step(options, falling, step, 7.5)
    assert options["transformer_options"]["sample_sigmas"].tolist() == marked
    assert falling.tolist() == [8.0, 3.0, 1.0]

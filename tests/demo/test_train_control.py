"""Training the ControlNet: a stopped run ends where one in a single go does; what its batches are."""

import json
import math

import pytest
import torch

from demo import control, model, train_control, world

torch.set_num_threads(1)


@pytest.fixture
def small(monkeypatch):
    """A step of one clip of two frames, a checkpoint after each, and no pictures of samples."""
    monkeypatch.setattr(train_control, "CLIPS", 1)
    monkeypatch.setattr(train_control, "FRAMES", 2)
    monkeypatch.setattr(train_control, "EVERY", 1)
    monkeypatch.setattr(train_control, "CHECKED", (30.0,))
    monkeypatch.setattr(train_control, "samples", lambda unet, net, path: path.write_bytes(b""))


def run(monkeypatch, folder, steps):
    monkeypatch.setattr("sys.argv", ["train_control", "--steps", str(steps), "--folder", str(folder)])
    train_control.main()


def weights(folder):
    return (folder / control.WEIGHTS.name).read_bytes()


def test_a_stopped_run_goes_on_as_if_it_had_not_been(small, monkeypatch, tmp_path):
    run(monkeypatch, tmp_path / "falling", 3)
    monkeypatch.setattr(train_control, "_share", lambda step, steps: 1.0)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(monkeypatch, whole, 3)
    run(monkeypatch, parts, 1)
    run(monkeypatch, parts, 3)
    assert weights(parts) == weights(whole)
    assert weights(tmp_path / "falling") != weights(whole)  # the rate matters, so the weights were trained
    log = torch.load(parts / "checkpoint.pt", weights_only=True)["log"]
    assert [row["step"] for row in log] == [1, 2, 3]
    assert log[0]["seconds"] <= log[1]["seconds"] <= log[2]["seconds"]
    assert (parts / "control_loss.png").read_bytes().startswith(b"\x89PNG")
    assert not list(parts.glob("*.part"))


def test_the_model_stays_as_it_is_and_the_control_learns(small, monkeypatch, tmp_path, capsys):
    kept = []
    monkeypatch.setattr(train_control.model, "load", lambda load=model.load: kept.append(load()) or kept[0])
    run(monkeypatch, tmp_path, 2)
    for name, weight in model.load().state_dict().items():
        assert torch.equal(kept[0].state_dict()[name], weight), name
    torch.manual_seed(0)
    begun = control.begun(kept[0]).state_dict()
    trained = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["net"]
    moved = {name for name in begun if not torch.equal(trained[name], begun[name])}
    for name in ("controlnet_down_blocks.0.weight", "controlnet_mid_block.weight"):  # in the first step
        assert name in moved
    for name in ("controlnet_cond_embedding.conv_in.weight", "mid_block.resnets.0.conv1.weight"):
        assert name in moved
    assert control.load(tmp_path / control.WEIGHTS.name).controlnet_mid_block.weight.any()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    first, second = (json.loads(line) for line in lines)
    assert first["without"] == second["without"] and len(first["held_out"]) == 1
    assert first["step"] == 1 and first["loss"] > 0


def test_batches_repeat_and_differ_from_step_to_step():
    first, again, next_one = (train_control.batch(step) for step in (3, 3, 4))
    for one, same, other in zip(first, again, next_one, strict=True):
        assert torch.equal(one, same)
        assert not torch.equal(one, other)
    shape = (train_control.CLIPS, train_control.FRAMES, 3, world.SIZE, world.SIZE)
    assert first.clips.shape == first.noise.shape == shape
    assert first.edges.shape == (*shape[:2], 1, *shape[3:])
    assert set(first.edges.unique().tolist()) == {0.0, 1.0}


def test_edges_are_of_the_same_frames_in_other_looks(monkeypatch):
    """Of most clips the edges are drawn from another style than the one asked for, of some from the same."""
    drawn = []
    monkeypatch.setattr(
        world, "render", lambda of, style, real=world.render: drawn.append((of, style)) or real(of, style)
    )
    batches = [train_control.batch(step) for step in range(16)]
    pairs = list(zip(drawn[::2], drawn[1::2], strict=True))
    assert len(pairs) == 16 * train_control.CLIPS
    assert all(asked[0] == shown[0] for asked, shown in pairs)
    same = sum(asked[1] == shown[1] for asked, shown in pairs) / len(pairs)
    assert 0 < same < 0.4
    assert {shown[1] for _, shown in pairs} == set(world.STYLE_NAMES)
    for batch in batches[:4]:
        dense = torch.nn.functional.max_pool2d(batch.edges.flatten(0, 1), 5, 1, 2) > 0
        change = (batch.clips[..., 1:] - batch.clips[..., :-1]).abs().amax(2).flatten(0, 1)
        near = dense[:, 0, :, 1:]
        assert change[near].mean() > 1.3 * change[~near].mean()


def test_no_training_sees_a_held_out_clip(monkeypatch):
    asked = []
    monkeypatch.setattr(world, "content", lambda seed, real=world.content: asked.append(seed) or real(seed))
    for step in (0, 1, 1799):
        train_control.batch(step)
    assert len(asked) == len(set(asked)) == 3 * train_control.CLIPS
    assert min(asked) >= world.HELD_OUT.stop


def test_every_noise_level_that_control_acts_at_is_seen():
    seen = torch.cat([train_control.batch(step).sigma for step in range(24)]).log()
    for low, high in ((0.5, 5), (5, 20), (20, 60), (60, 400)):
        assert ((seen > math.log(low)) & (seen <= math.log(high))).float().mean() > 0.05, (low, high)


def test_some_clips_are_shown_without_their_style():
    shown = torch.cat([train_control.batch(step).styles.sum(1) for step in range(40)])
    assert 0.03 < 1 - shown.mean() < 0.25


def test_the_rate_rises_and_ends_at_nothing():
    shares = [train_control._share(step, 1000) for step in range(1000)]
    assert shares[0] < shares[train_control.WARM_UP - 1] == 1 == max(shares)
    assert shares[501] < 1 and 0 < shares[-1] < 3e-3

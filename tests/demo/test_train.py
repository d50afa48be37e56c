"""Training: a run that was stopped ends where one in a single go does, and batches are as they should be."""

import json
import math

import pytest
import torch

from demo import model, train, world


@pytest.fixture
def small(monkeypatch):
    """A small network, a step of one clip or two halves, a checkpoint after each, no pictures of samples."""
    monkeypatch.setattr(model, "CHANNELS", (16, 32))
    monkeypatch.setattr(train, "FRAMES_A_STEP", world.FRAMES)
    monkeypatch.setattr(train, "EVERY", 1)
    monkeypatch.setattr(train, "CHECKED", (0.5,))
    monkeypatch.setattr(train, "samples", lambda unet, path: path.write_bytes(b""))


def run(monkeypatch, folder, steps, *more):
    given = {"--steps": steps, "--folder": folder, "--precision": "float32", "--device": "cpu"}
    monkeypatch.setattr("sys.argv", ["train", *(str(x) for pair in given.items() for x in pair), *more])
    train.main()


def test_a_stopped_run_goes_on_as_if_it_had_not_been(small, monkeypatch, tmp_path):
    run(monkeypatch, tmp_path / "whole", 2)
    monkeypatch.setattr(train, "_share", lambda step, steps: 1.0)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(monkeypatch, whole.with_name("again"), 2)
    run(monkeypatch, parts, 1)
    run(monkeypatch, parts, 2)
    again = (tmp_path / "again" / model.WEIGHTS.name).read_bytes()
    assert (parts / model.WEIGHTS.name).read_bytes() == again
    assert (whole / model.WEIGHTS.name).read_bytes() != again  # the rate matters, so the weights were trained
    log = torch.load(parts / "checkpoint.pt", weights_only=True)["log"]
    assert [row["step"] for row in log] == [1, 2]
    assert log[0]["seconds"] <= log[1]["seconds"]
    assert (parts / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert not list(parts.glob("*.part"))


def test_a_run_goes_on_from_weights_at_lower_rates_and_with_batches_of_its_own(small, monkeypatch, tmp_path):
    run(monkeypatch, tmp_path / "first", 1)
    first, seen = tmp_path / "first" / model.WEIGHTS.name, []
    monkeypatch.setattr(
        train, "batch", lambda step, *given, real=train.batch: seen.append(step) or real(step, *given)
    )
    for name, rate in (("still", 0.0), ("moved", 0.5)):
        more = ("--start-from", str(first), "--rate", str(rate), "--first-batch", "7")
        run(monkeypatch, tmp_path / name, 1, *more)
    still, moved = ((tmp_path / name / model.WEIGHTS.name).read_bytes() for name in ("still", "moved"))
    assert still == first.read_bytes() != moved
    assert seen == [7, 7]


def test_batches_repeat_and_differ_from_step_to_step():
    first, again, next_one = (train.batch(step, 8) for step in (3, 3, 4))
    for one, same, other in zip(first, again, next_one, strict=True):
        assert torch.equal(one, same)
        assert not torch.equal(one, other)
    clips, styles, sigma, noise = first
    assert clips.shape == noise.shape == (8, 8, 3, world.SIZE, world.SIZE)
    assert set(styles.sum(1).tolist()) <= {0.0, 1.0}
    assert sigma.min() >= 0.01 and sigma.max() <= 525


def test_every_noise_level_of_the_schedule_is_seen():
    seen = torch.cat([train.batch(step, 8)[2] for step in range(60)]).log()
    for low, high in ((0.01, 0.5), (0.5, 2), (2, 8), (8, 40), (40, 525)):
        share = ((seen > math.log(low)) & (seen <= math.log(high))).float().mean()
        assert share > 0.03, (low, high)
    assert model.schedule(16)[0] < seen.max().exp() and model.schedule(16)[-2] > seen.min().exp()


def test_no_training_sees_a_held_out_clip(monkeypatch):
    asked = []
    monkeypatch.setattr(world, "content", lambda seed, real=world.content: asked.append(seed) or real(seed))
    for step in (0, 1, 3999):
        train.batch(step, 8)
        train.batch(step, 16)
    assert asked and min(asked) >= world.HELD_OUT.stop


def test_some_clips_are_shown_without_their_style():
    shown = torch.cat([train.batch(step, 8)[1].sum(1) for step in range(20)])
    assert 0.03 < 1 - shown.mean() < 0.25


def test_the_rates_rise_and_end_at_nothing():
    shares = [train._share(step, 4000) for step in range(4000)]
    assert shares[0] < shares[100] < 1 == max(shares)
    assert shares[train.WARM_UP - 1 : 2000] == [1] * (2001 - train.WARM_UP)
    assert shares[2001] < 1 and 0 < shares[-1] < 1e-3


def test_matrices_and_kernels_go_to_muon_and_the_rest_to_adam():
    unet = model.build()
    optimisers = train.Optimisers(unet)
    rest = {id(weight) for weight in optimisers.adam.param_groups[0]["params"]}
    matrices = {id(weight) for weight, _ in optimisers.pairs}
    assert rest.isdisjoint(matrices) and len(rest) + len(matrices) == len(list(unet.parameters()))
    names = {id(weight): name for name, weight in unet.named_parameters()}
    assert "mid_block.resnets.0.conv1.weight" in {names[i] for i in matrices}
    assert {name for name in names.values() if name.endswith("bias")} <= {names[i] for i in rest}
    before = {name: weight.clone() for name, weight in unet.named_parameters()}
    for weight in unet.parameters():
        weight.grad = torch.ones_like(weight)
    optimisers.step(0.5)
    assert all(not torch.equal(weight, before[name]) for name, weight in unet.named_parameters())
    assert [o.param_groups[0]["lr"] for o in (optimisers.muon, optimisers.adam)] == [
        train.MATRIX_RATE / 2,
        train.RATE / 2,
    ]


def test_the_log_is_lines_of_json(small, monkeypatch, tmp_path, capsys):
    run(monkeypatch, tmp_path / "one", 1)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    row = json.loads(lines[0])
    assert row["step"] == 1 and row["loss"] > 0 and len(row["held_out"]) == 1

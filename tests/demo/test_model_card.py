"""The model card says what the weights beside it, the world and the trainings are."""

import inspect
import math
import re
from pathlib import Path

import pytest
import torch
from PIL import Image

from demo import control, model, train, train_control, world

FOLDER = model.WEIGHTS.parent
CARD = " ".join((FOLDER / "README.md").read_text(encoding="utf-8").split())
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def unet():
    return model.load()


def test_it_names_the_size_of_these_weights_and_what_they_draw(unet):
    millions, megabytes = sum(p.numel() for p in unet.parameters()) / 1e6, model.WEIGHTS.stat().st_size / 1e6
    first, second = unet.config.block_out_channels
    for words in (
        f"`{model.WEIGHTS.name}`, {megabytes:.1f} MB:",
        f"UNet of {millions:.1f} million parameters",
        f"{world.FRAMES} frames of {world.SIZE}x{world.SIZE} pixels",
        f"({', '.join(world.STYLE_NAMES)})",
        f"on {model.PATCH}x{model.PATCH} patches of pixels, two levels of {first} and {second} channels",
        f"Seeds {world.HELD_OUT.start} to {world.HELD_OUT.stop - 1:,} are held out",
    ):
        assert words in CARD, words
    assert f"The model is a {megabytes:.0f} MB one" in README


def test_it_tells_of_the_training_that_a_bare_command_does():
    steps = train._parser().get_default("steps")
    mean, spread = train.LOG_SIGMA
    highest = math.exp(mean - spread * float(torch.special.ndtri(torch.tensor(train.TAILS))))
    seen = steps * train.FRAMES_A_STEP
    for words in (
        f"from nothing, {steps:,} steps of {train.FRAMES_A_STEP} frames ({seen:,} in all)",
        f"exponential mean of the weights ({train.DECAY})",
        f"{100 * train.DROPPED:.0f} percent of the clips without their style",
        f"sigmas from 0.01 to {highest:.0f}.",
    ):
        assert words in CARD, words
    minutes = re.search(r"(\d+) minutes of wall time", CARD)[1]
    assert f"trained on two CPU cores in {minutes} minutes" in README


def test_its_held_out_loss_is_that_of_these_weights(unet, monkeypatch):
    said = re.search(r"Loss on held-out clips.*?: (.*?)\. ", CARD)[1]
    losses = {float(sigma): float(loss) for loss, sigma in re.findall(r"(\S+) at (?:sigma )?([\d.]+)", said)}
    assert tuple(losses) == train.CHECKED
    last = train.CHECKED[-1]  # whose two decimals say most: 0.01 is two percent of it
    monkeypatch.setattr(train, "CHECKED", (last,))
    assert train._held_out(unet, "cpu") == [pytest.approx(losses[last], abs=0.006)]


def test_its_pictures_are_there_and_laid_out_as_it_says():
    pictures = ["loss.png", "samples.png", "control_loss.png", "control_samples.png"]
    assert re.findall(r"!\[.*?\]\((.*?)\)", CARD) == pictures
    with Image.open(FOLDER / "loss.png") as curve, Image.open(FOLDER / "samples.png") as sheet:
        curve.verify()
        assert sheet.size == (2 * world.FRAMES // 4 * world.SIZE, len(world.STYLE_NAMES) * world.SIZE)
    made = inspect.signature(train.samples).parameters
    assert f"noise, {made['steps'].default} steps, cfg {made['cfg'].default}, one row a style" in CARD


@pytest.fixture(scope="module")
def net():
    return control.load()


def test_it_tells_of_the_control_net_and_its_training(net):
    millions = sum(p.numel() for p in net.parameters()) / 1e6
    megabytes = control.WEIGHTS.stat().st_size / 1e6
    assert megabytes <= 7
    steps = train_control._parser().get_default("steps")
    for words in (
        f"`{control.WEIGHTS.name}`, {megabytes:.1f} MB: a ControlNet of {millions:.1f} million parameters",
        f"{steps:,} steps of {train_control.CLIPS} clips of {train_control.FRAMES} frames",
        f"AdamW at {train_control.RATE:g} in float32",
        f"exponential mean of the weights ({train_control.DECAY})",
        f"The control got {100 * train_control.DROPPED:.0f} percent of the clips without their style",
    ):
        assert words in CARD, words


def test_the_control_nets_held_out_loss_is_that_of_these_weights(unet, net, monkeypatch):
    said = re.search(r"in brackets without control: (.*?)\. ", CARD)[1]
    found = re.findall(r"([\d.]+) at (?:sigma )?([\d.]+) \(([\d.]+)\)", said)
    assert tuple(float(sigma) for _, sigma, _ in found) == train_control.CHECKED
    some = [row for row in found if row[1] == "30"]  # of whose two decimals 0.01 is a thirtieth
    monkeypatch.setattr(train_control, "CHECKED", tuple(float(sigma) for _, sigma, _ in some))
    for place, which in ((0, net), (2, None)):
        losses = train_control.held_out(unet, which)
        assert losses == [pytest.approx(float(row[place]), abs=0.006) for row in some]
    assert all(float(held) < 0.7 * float(without) for held, sigma, without in found if float(sigma) > 2)


def test_the_control_nets_samples_are_laid_out_as_it_says():
    with (
        Image.open(FOLDER / "control_loss.png") as curve,
        Image.open(FOLDER / "control_samples.png") as sheet,
    ):
        curve.verify()
        width = 3 * train_control.SHOWN * world.SIZE
        assert sheet.size == (width, len(world.STYLE_NAMES) * world.SIZE)
    steps = inspect.signature(train_control.samples).parameters["steps"].default
    assert f"at strength 1 on all of {steps} steps, cfg 1, one row a style" in CARD

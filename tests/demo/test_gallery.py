"""The words about lost shapes, and the clips that come with the demo."""

import json
from dataclasses import replace

import pytest
import torch

from benchmarks.style_transfer import gallery as making
from benchmarks.style_transfer.ours import DIRECT
from benchmarks.style_transfer.transfers import HALVES, Transfer
from demo import gallery, lost, model, world
from demo.video import read_video

SEEDS = (29, 31, 40)


def test_the_truth_and_the_source_have_every_shape_in_place():
    for seed in SEEDS:
        of = world.content(seed)
        said = f"All {len(of.shapes)} shapes are in place."
        for style in ("ink", "neon"):
            assert lost.said(world.render(of, style), of, ("neon", "ink")) == said


def test_a_shape_that_is_not_there_is_named_with_its_frames():
    of = world.content(29)
    assert [lost.name(shape) for shape in of.shapes] == ["orange star", "green ring", "blue box"]
    without = world.render(replace(of, shapes=of.shapes[:2]), "flat")
    said = lost.said(without, of, ("flat",))
    assert (
        said.startswith("Lost: the blue box in ") and said.endswith(" of 16 frames.") and "star" not in said
    )
    half = torch.cat([world.render(of, "flat")[:8], without[8:]])
    few, many = (int(text.split(" in ")[1].split()[0]) for text in (lost.said(half, of, ("flat",)), said))
    assert 0 < few <= 8 < many <= 16


def test_one_frame_off_is_no_loss():
    of = world.content(29)
    clip = world.render(of, "flat")
    clip[3] = clip[3].flip(-1)
    assert lost.said(clip, of, ("flat",)) == "All 3 shapes are in place."


def test_another_clip_has_lost_them_all():
    for seed in SEEDS:
        of = world.content(seed)
        assert lost.said(world.render(world.content(seed + 1), "flat"), of, ("flat",)).startswith("Lost: ")


def test_the_truth_has_all_of_how_it_is_drawn_and_the_source_nothing():
    of = world.content(29)
    source, truth, other = (world.render(of, style) for style in ("flat", "mosaic", "watercolour"))
    told = lost.kept(source, truth, of, "flat", "mosaic")
    assert told == "All 3 shapes are in place. Of how mosaic draws them 100 % is there." and lost.whole(told)
    told = lost.kept(source, source, of, "flat", "mosaic")
    assert told == (
        "All 3 shapes are in place. They are hardly drawn as mosaic draws them: 0 % of it is there."
        " The look hardly changed."
    )
    assert not lost.whole(told)
    half = lost.kept(source, torch.lerp(source, other, 0.5), of, "flat", "watercolour")
    share = int(half.split("draws them ")[1].split(" % is there.")[0])
    assert 20 < share < 80 and lost.whole(half)
    assert lost.kept(source, truth, of, None, "mosaic") == "All 3 shapes are in place."


@pytest.mark.parametrize("frames", [1, 2])
def test_a_clip_of_a_frame_or_two_has_its_sentences(frames):
    of = world.content(29)
    source, truth = (world.render(of, style, frames) for style in ("flat", "mosaic"))
    told = lost.kept(source, truth, of, "flat", "mosaic")
    assert told.endswith("Of how mosaic draws them 100 % is there.") and lost.whole(told)
    assert lost.kept(source, source, of, "flat", "mosaic").endswith("The look hardly changed.")


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ((0.9, 0.1, 0.1), "red"),
        ((0.8, 0.1, 0.2), "red"),
        ((0.1, 0.8, 0.1), "green"),
        ((0.1, 0.2, 0.9), "blue"),
    ],
)
def test_a_shape_is_called_by_its_colour(colour, name):
    assert lost.name(replace(world.content(1).shapes[0], colour=colour, kind="disc")) == f"{name} disc"


def test_the_gallery_shows_the_first_clips_of_the_reporting_half_and_its_means(tmp_path, monkeypatch, capsys):
    def seen(unet, style, cfg=1.0):
        return lambda x, sigma, step: x / (1 + sigma**2)

    monkeypatch.setattr(model, "denoiser", seen)
    monkeypatch.setattr(model, "load", lambda path: None)
    means = {"restyle error": 0.4321, "motion error": 0.96, "lost": 0.081, "style hit": 0.97}
    ways = [{"name": DIRECT, "cfg": 3, "restyle error": 9}, {"name": DIRECT, "cfg": 1, **means}]
    summary = tmp_path / "summary.json"
    summary.write_text(json.dumps({"command": "python -m any", "clips": 64, "ways": ways}))
    folder = tmp_path / "gallery"
    folder.mkdir()
    (folder / "9.mp4").touch()
    assert making.main(["--clips", "2", "--summary", str(summary), "--folder", str(folder)]) == 0
    found, first = gallery.load(folder), HALVES["reporting"]
    assert [one.path.name for one in found.clips] == [f"{first}.mp4", f"{first + 1}.mp4"]
    assert not (folder / "9.mp4").exists()
    for i, one in enumerate(found.clips):
        transfer = Transfer(first + i)
        assert (one.source, one.target) == (transfer.source, transfer.target)
        frames = read_video(one.path)[0]
        assert frames.shape == (16, 256, 768, 3)
        for at, style in ((0, transfer.source), (512, transfer.target)):
            truth = (world.render(transfer.content(), style) + 1) * 127.5
            panel = torch.from_numpy(frames[:, ::4, at : at + 256 : 4]).permute(0, 3, 1, 2).float()
            assert (panel - truth).abs().mean() < 12
    assert "first of the 64 clips" in found.said and "error is 0.43" in found.said
    assert "1.0 pixels" in found.said and "8 percent" in found.said and "97 percent" in found.said
    assert making.main(["--summary", str(tmp_path / "none.json")]) == 1
    assert "none.json is missing; run python -m benchmarks.style_transfer" in capsys.readouterr().err


def test_without_an_index_there_is_no_gallery(tmp_path):
    assert gallery.load(tmp_path) is None


def test_the_committed_gallery_is_whole():
    found = gallery.load()
    assert len(found.clips) == making.CLIPS
    for one in found.clips:
        assert read_video(one.path, first=1)[0].shape == (1, 256, 768, 3)
        assert one.kept.startswith(("All ", lost.LOST)) and " % " in one.kept and 0 < one.error < 2

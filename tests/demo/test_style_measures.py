"""benchmarks/style_transfer: its measures say what is known of clips, its report what was measured."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import inf

import pytest
import torch

from benchmarks.style_transfer import __main__ as style_transfer
from benchmarks.style_transfer import clips, judge, measures, ways
from benchmarks.style_transfer.ways import DEFAULT, Transfer
from demo import model, world
from unsampling import resample, unsample

SEEDS = range(50, 10_000, 1999)
SPREAD = 0.25  # variance of the model below
CALLS = {
    DEFAULT: "18 + 17",
    "midpoint": "17 + 17",
    "dpmpp_2m, recorded": "17 + 16",
    "euler, recorded": "17 + 16",
    "ees25": "47 + 47",
    "core euler": "16 + 16",
    "core dpmpp_2m": "16 + 16",
    "core heun": "32 + 31",
    "core euler, 50 steps": "50 + 50",
    f"{DEFAULT}, no condition up": "18 + 17",
    "random noise": "0 + 17",
}


def moved(clip, x, y):
    """The clip some pixels to the right and down, its border repeated."""
    wide = torch.nn.functional.pad(clip, [8] * 4, mode="replicate")
    return wide[..., 8 - y : 8 - y + world.SIZE, 8 - x : 8 - x + world.SIZE]


def motion(clip, seed, styles=("flat", "neon")):
    return measures.distances(clip, world.content(seed), styles)


def test_the_judge_knows_the_style_of_held_out_clips():
    wrong = [
        (seed, style)
        for seed in range(7, 10_000, 401)
        for style in world.STYLE_NAMES
        if judge.judge(world.render(world.content(seed), style)) != style
    ]
    assert len(wrong) <= 0.02 * 25 * len(world.STYLE_NAMES), wrong


@pytest.mark.parametrize("style", world.STYLE_NAMES)
def test_the_judge_does_not_look_at_places(style):
    clip = world.render(world.content(11), style)
    assert judge.judge(clip.flip(3)) == style
    assert judge.judge(clip.roll((16, 16), (2, 3)).flip(0)) == style


@pytest.mark.parametrize("style", world.STYLE_NAMES)
@pytest.mark.parametrize("seed", SEEDS)
def test_true_clips_have_no_motion_error_whichever_of_the_two_styles(seed, style):
    other = world.STYLE_NAMES[(world.STYLE_NAMES.index(style) + 1) % len(world.STYLE_NAMES)]
    assert motion(world.render(world.content(seed), style), seed, (other, style)).max() < 1e-9


@pytest.mark.parametrize(("x", "y", "far"), [(1, 0, 1.0), (0, -2, 2.0), (-3, 4, 5.0)])
def test_a_clip_moved_by_some_pixels_has_that_motion_error(x, y, far):
    for seed in SEEDS:
        away = motion(moved(world.render(world.content(seed), "neon"), x, y), seed)
        assert away.median() == pytest.approx(far, abs=0.01)
        assert ((away - far).abs() < 0.1).double().mean() > 0.9


def test_parts_of_a_pixel_are_seen():
    for seed in SEEDS:
        clip = world.render(world.content(seed), "neon")
        assert motion(torch.lerp(clip, moved(clip, 1, 0), 0.3), seed).median() == pytest.approx(0.3, abs=0.1)


def test_another_content_is_lost():
    for seed in SEEDS:
        away = motion(world.render(world.content(seed + 1), "neon"), seed)
        assert away.mean() > 6
        assert away.max() <= 2**0.5 * (measures.REACH + 1)


def test_a_frozen_clip_loses_its_shapes_by_their_way():
    clip = world.render(world.content(50), "neon")
    assert motion(clip[:1].expand_as(clip), 50).mean() > 3


def test_hidden_shapes_are_not_looked_for():
    of = world.content(0)
    whole = measures.visible(replace(of, shapes=of.shapes[:1]))
    assert whole.all()
    cover = replace(of.shapes[0], radius=0.25, kind="disc")
    hidden = measures.visible(replace(of, shapes=(of.shapes[0], cover)))
    assert not hidden[:, 0].any()
    assert hidden[:, 1].all()


def test_psnr_takes_black_to_white_as_the_peak():
    truth = torch.zeros(2, 3, 4, 4)
    assert measures.psnr(truth, truth) == inf
    assert measures.psnr(truth + 0.02, truth) == pytest.approx(40, abs=1e-4)


def test_the_truth_and_the_source_have_the_likeness_they_must():
    of = world.content(8)
    truth = measures.likeness(world.render(of, "ink"), of, "flat", "ink")
    assert truth.motion < 1e-9
    rest = replace(truth, motion=0.0, drawn=round(truth.drawn, 12))
    assert rest == measures.Likeness(0.0, inf, True, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, None)
    assert truth.placed
    source = measures.likeness(world.render(of, "flat"), of, "flat", "ink")
    assert not source.hit
    assert source.motion < 1e-9
    assert source.lost == 0
    assert source.error > 0.1
    assert source.drawn < 1e-6
    assert not source.placed


def test_clips_are_held_out_and_cover_the_pairs_of_styles_evenly():
    transfers = [Transfer(i) for i in range(64)]
    assert len({t.seed for t in transfers}) == 64
    assert all(t.seed in world.HELD_OUT for t in transfers)
    assert len({(t.source, t.target) for t in transfers[:30]}) == ways.PAIRS == 30
    for first in range(0, 60, 6):
        for styles in (
            {t.source for t in transfers[first : first + 6]},
            {t.target for t in transfers[first : first + 6]},
        ):
            assert styles == set(world.STYLE_NAMES)
    assert all(t.source != t.target for t in transfers)


def test_sdedit_starts_from_the_clip_under_noise_of_that_level():
    transfer, sigmas = Transfer(2), model.schedule(16)
    clip = world.render(world.content(transfer.seed), transfer.source)
    start = ways._partial(transfer, 0.4).rise(None, clip, sigmas)
    assert start.start == 6
    assert float((start.noise - clip).std()) == pytest.approx(float(sigmas[6]), rel=0.01)
    top = ways._partial(transfer, None).rise(None, clip, sigmas)
    assert torch.equal(top.noise, transfer.noise() * sigmas[0])


def cheap(unet, style, cfg=1.0):
    """A perfect denoiser where each style is one Gaussian of its own brightness."""
    mean = 0.0 if style is None else 0.2 * cfg * (world.STYLE_NAMES.index(style) - 2.5)
    return lambda x, sigma, step: mean + SPREAD / (SPREAD + sigma**2) * (x - mean)


@pytest.fixture
def no_network(monkeypatch):
    """The command in this process, on a model that costs nothing."""

    def pool(workers, context, start, given):
        start(*given)
        return ThreadPoolExecutor(1)

    monkeypatch.setattr(clips, "ProcessPoolExecutor", pool)
    monkeypatch.setattr(model, "load", lambda path: None)
    monkeypatch.setattr(model, "denoiser", cheap)


def test_the_command_measures_every_way_and_goes_on_where_it_was(no_network, monkeypatch, tmp_path, capsys):
    weights = tmp_path / "weights"
    weights.write_bytes(b"some")
    command = [
        "--clips",
        "2",
        "--compared",
        "1",
        "--weights",
        str(weights),
        "--precision",
        "float32",
        "--kept",
        str(tmp_path / "kept"),
        "--output",
    ]
    assert style_transfer.main([*command, str(tmp_path / "first")]) == 0
    monkeypatch.setattr(model, "denoiser", None)  # nothing is left to measure
    assert style_transfer.main([*command, str(tmp_path / "second")]) == 0
    for name in ("style_transfer.md", "style_transfer.png"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    text = (tmp_path / "first" / "style_transfer.md").read_text()
    check_report(text)
    assert "## Every clip" in text
    weights.write_bytes(b"others")
    with pytest.raises(TypeError):
        style_transfer.main([*command, str(tmp_path / "third")])


def test_unless_told_otherwise_every_way_is_tried_on_every_clip(no_network, tmp_path, capsys):
    weights = tmp_path / "weights"
    weights.write_bytes(b"some")
    assert (
        style_transfer.main(
            [
                "--clips",
                "1",
                "--weights",
                str(weights),
                "--precision",
                "float32",
                "--kept",
                str(tmp_path / "kept"),
                "--output",
                str(tmp_path),
            ]
        )
        == 0
    )
    text = (tmp_path / "style_transfer.md").read_text()
    check_report(text)
    assert "## Every clip" not in text
    assert "--clips 1 --compared 1`" in text


def test_results_are_kept_for_code_that_is_there():
    for pattern in clips.SOURCES:
        assert any(clips.ROOT.glob(pattern)), pattern


def check_report(text):
    every = text.partition("## Every way")[2].partition("## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([13]) \| ([^|]+) \| [\d.]+ \| ([^|]+) \|", every, re.MULTILINE)
    assert {name: calls for name, cfg, calls, _ in rows if cfg == "1"} == CALLS
    assert {name for name, cfg, *_ in rows if cfg == "3"} == {
        DEFAULT,
        "dpmpp_2m, recorded",
        "core euler",
        "random noise",
    }
    for name, _, _, error in rows:
        assert (error == "0") == ("recorded" in name), (name, error)
    styles = text.partition("## Which styles")[2].partition("## ")[0]
    first = Transfer(0)
    row = next(line for line in styles.splitlines() if line.startswith(f"| {first.source} |"))
    cell = row.split(" | ")[1 + world.STYLE_NAMES.index(first.target)]
    assert re.fullmatch(r"\d\.\d\d, \d+\.\d px, 1", cell), row
    curve = text.partition("## Style against motion")[2]
    values = re.findall(r"^\| ([^|]+) \| ([\d.]+) \| ", curve, re.MULTILINE)
    assert values == [
        *((DEFAULT, f"{i / 10:g}") for i in range(9)),
        *(("SDEdit", f"{i / 10:g}") for i in range(0, 9, 2)),
    ]
    promises = re.findall(r"^- \*\*(holds|DOES NOT HOLD)\*\*: ", text, re.MULTILINE)
    assert len(promises) == 6
    assert promises[0] == "holds"
    assert "nan" not in text


def test_a_missing_model_is_said(tmp_path, capsys):
    assert style_transfer.main(["--weights", str(tmp_path / "none"), "--kept", str(tmp_path / "kept")]) == 1
    assert "none is missing; train it with python -m demo.train" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        style_transfer.main(["--clips", "0"])
    assert "0 is not a number of clips" in capsys.readouterr().err


def test_the_shipped_model_changes_the_style_and_keeps_the_motion():
    """Fewer steps for speed: exact back, the style asked for, shapes where they were; not so random noise."""
    unet, of, sigmas = model.load(), world.content(20), model.schedule(10)
    clip = world.filmed(world.render(of, "flat"), 20)
    inversion = unsample(model.denoiser(unet, "flat"), clip, sigmas)
    assert measures.relative(resample(model.denoiser(unet, "flat"), inversion), clip) < 1e-5
    restyled = resample(model.denoiser(unet, "mosaic"), inversion)
    noise = Transfer(0).noise() * sigmas[0]
    plain = replace(inversion, noise=noise, record=None)
    random = resample(model.denoiser(unet, "mosaic"), plain)
    found, lost = (measures.likeness(x, of, "flat", "mosaic") for x in (restyled, random))
    assert found.hit
    assert found.motion < lost.motion / 10
    assert found.error < lost.error

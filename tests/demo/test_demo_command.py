"""`python -m demo` from one end to the other with the trained model, on few frames and steps."""

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_demo_clip import write_fast
from test_demo_video import write_sound

import demo.clip
import demo.run
from demo import world
from demo.__main__ import _clip, main
from demo.options import OUT, SEED, parse
from demo.video import pan_over_photograph, read_video, write_video
from unsampling.report import metrics

ROOT = Path(__file__).parents[2]
SMALL = ["--frames", "3", "--steps", "3"]
ONE = [*SMALL, "--style", "ink", "--cfg", "1"]


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """So few frames are no work for two, who would wait for each other on a busy machine."""
    before = torch.get_num_threads()
    monkeypatch.setattr(demo.run, "THREADS", 1)
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def photograph(tmp_path_factory) -> Path:
    """A user's clip: 6 frames of 160x90."""
    path = tmp_path_factory.mktemp("clip") / "pan.mp4"
    write_video(path, pan_over_photograph(6, 90, 160), Fraction(30000, 1001))
    return path


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def numbers(folder: Path) -> dict:
    return json.loads((folder / "numbers.json").read_text(encoding="utf-8"))


def clip(path: Path) -> torch.Tensor:
    """A file of the demo, from -1 to 1 and of the model's size."""
    frames = read_video(path)[0]
    return (
        torch.from_numpy(frames)
        .unflatten(1, (-1, 4))
        .unflatten(3, (-1, 4))
        .float()
        .mean((2, 4))
        .permute(0, 3, 1, 2)
        / 127.5
        - 1
    )


def relative(x: torch.Tensor, y: torch.Tensor) -> float:
    return float((x - y).norm() / y.norm())


def command(*arguments: str) -> subprocess.CompletedProcess:
    """`python -m demo` as users start it: in a process of its own, with as many threads as they have."""
    line = [sys.executable, "-m", "demo", *arguments]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_unless_told_otherwise_a_held_out_clip_grows_three_styles_at_two_cfgs(tmp_path):
    """What a bare `make demo` shows; that no training sees such a clip is test_train.py's."""
    bare = parse([])
    assert bare.clip is None and bare.seed in world.HELD_OUT
    assert len({*bare.styles} - {bare.source_style}) == len(bare.styles) == 3
    assert len(set(bare.cfgs)) == len(bare.cfgs) == 2
    assert (bare.frames, bare.structure, bare.out) == (world.FRAMES, 0, OUT)
    shown = _clip(replace(bare, frames=1, out=tmp_path))
    assert shown.content == world.content(bare.seed)
    assert relative(shown.x, shown.in_style(bare.source_style)) < 0.1


def test_two_runs_give_the_same_bytes(tmp_path):
    runs = [command(*SMALL, "--style", "ink", "neon", "--out", str(tmp_path / name)) for name in "ab"]
    assert [run.returncode for run in runs] == [0, 0]
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    restyles = {f"{style}_{kind}" for style in ("ink", "neon") for kind in ("cfg1", "cfg3")}
    videos = {"source", "reconstruction", "random_noise", "side_by_side", "true_ink", "true_neon", *restyles}
    others = {"contact_sheet.png", "report.png", "numbers.json", "index.html"}
    assert set(digests(tmp_path / "a")) == {f"{name}.mp4" for name in videos} | others
    out = runs[1].stdout
    assert f"Open {tmp_path / 'b' / 'index.html'} in a browser" in out
    assert re.search(r"^\[ 1/9\] exact midpoint: to noise +7 of 7 ", out, re.M)
    assert re.search(r"^\[ 9/9\] ink, random noise +4 of 4 ", out, re.M)


def test_the_files_show_what_their_names_and_numbers_say(tmp_path):
    out = tmp_path / "out"
    assert main([*SMALL, "--style", "ink", "--seed", "7", "--source-style", "mosaic", "--out", str(out)]) == 0
    found, content = numbers(out), world.content(7)
    source, true = clip(out / "source.mp4"), clip(out / "true_ink.mp4")
    assert relative(source, world.render(content, "mosaic", 3)) < 0.05
    assert relative(true, world.render(content, "ink", 3)) < 0.05
    assert relative(clip(out / "reconstruction.mp4"), source) < 0.05
    exact, plain = found["round_trips"]
    assert (exact["solver"], exact["record"], exact["calls"]) == ("midpoint", True, 10)
    assert (plain["solver"], plain["record"], plain["calls"]) == ("euler", False, 6)
    assert exact["relative_error"] < 1e-5 < 100 * 1e-5 < plain["relative_error"]
    for one in found["restyles"]:
        restyle = clip(out / f"ink_cfg{one['cfg']:g}.mp4")
        assert one["relative_error"] == pytest.approx(relative(restyle, true), rel=0.05)
    still = found["untouched_source"]["ink"]
    assert still["relative_error"] == pytest.approx(relative(source, true), rel=0.05)
    assert found["random_noise"]["relative_error"] > found["restyles"][0]["relative_error"]
    with Image.open(out / "report.png") as chart:
        assert chart.size == (1024, 640)


def test_the_pictures_show_each_clip_in_its_place(tmp_path):
    assert main([*SMALL, "--style", "ink", "neon", "--out", str(tmp_path)]) == 0
    columns = [
        ["source", "reconstruction", "random_noise"],
        ["ink_cfg1", "ink_cfg3", "true_ink"],
        ["neon_cfg1", "neon_cfg3", "true_neon"],
    ]
    side = read_video(tmp_path / "side_by_side.mp4")[0].astype(int)
    with Image.open(tmp_path / "contact_sheet.png") as picture:
        sheet = np.asarray(picture).astype(int)
    assert side.shape == (3, 3 * (256 + 24), 3 * 256, 3) and sheet.shape == (3 * (128 + 24), 3 * 3 * 128, 3)
    for x, names in enumerate(columns):
        for y, name in enumerate(names):
            clip = read_video(tmp_path / f"{name}.mp4")[0].astype(int)
            panel = side[:, 280 * y + 24 : 280 * (y + 1), 256 * x : 256 * (x + 1)]
            strip = sheet[152 * x + 24 : 152 * (x + 1), 384 * y : 384 * (y + 1)]
            assert np.abs(panel - clip).mean() < 8
            assert np.abs(strip - np.concatenate(list(clip[:, ::2, ::2]), 1)).mean() < 8


def test_the_terminal_shows_the_numbers_of_the_file(tmp_path, capsys):
    assert main([*ONE, "--out", str(tmp_path / "o")]) == 0
    out, found = capsys.readouterr().out, numbers(tmp_path / "o")
    rows = dict(re.findall(r"^(\w+, .*?|ink: .*?)  +(?:\d+ +)?(\S+) +\S+ dB$", out, re.M))
    assert float(rows["euler, plain"]) == pytest.approx(found["round_trips"][1]["relative_error"], rel=0.05)
    assert float(rows["ink, cfg 1"]) == pytest.approx(found["restyles"][0]["relative_error"], rel=0.05)
    assert float(rows["ink: source untouched"]) == pytest.approx(
        found["untouched_source"]["ink"]["relative_error"], rel=0.05
    )
    assert all(f"report: {line}" in out for line in found["report"]["lines"])


def test_a_users_clip_is_unsampled_without_a_style_and_has_no_true_answer(tmp_path, photograph):
    settings = ["--clip", str(photograph), *ONE, "--out"]
    assert main([*settings, str(tmp_path / "none")]) == 0
    assert main([*settings, str(tmp_path / "flat"), "--source-style", "flat"]) == 0
    found = numbers(tmp_path / "none")
    assert found["settings"]["source_style"] is None and found["untouched_source"] == {}
    assert (found["clip"]["width"], found["clip"]["height"], found["clip"]["fps"]) == (80, 48, "30000/1001")
    assert "relative_error" not in found["restyles"][0] and not list((tmp_path / "none").glob("true_*"))
    given = read_video(photograph, first=3)[0]
    shown = read_video(tmp_path / "none" / "source.mp4")[0]
    assert shown.shape == (3, 192, 320, 3)
    assert np.abs(shown.mean((1, 2)) - given.mean((1, 2))).max() < 6
    assert found["noise"] != numbers(tmp_path / "flat")["noise"]


def test_full_structure_returns_the_source_and_guidance_changes_the_restyle(tmp_path):
    settings = [*SMALL, "--style", "neon", "--solver", "dpmpp_2m", "--direct", "0", "--out", str(tmp_path)]
    assert main([*settings, "--structure", "1"]) == 0
    reconstruction = (tmp_path / "reconstruction.mp4").read_bytes()
    assert (tmp_path / "neon_cfg1.mp4").read_bytes() == reconstruction
    assert (tmp_path / "neon_cfg3.mp4").read_bytes() == reconstruction
    assert main(settings) == 0
    assert (tmp_path / "reconstruction.mp4").read_bytes() == reconstruction
    low, high = clip(tmp_path / "neon_cfg1.mp4"), clip(tmp_path / "neon_cfg3.mp4")
    assert relative(high, low) > 0.05 and relative(low, clip(tmp_path / "source.mp4")) > 0.05


def test_restyles_of_an_earlier_run_are_gone_and_nothing_else(tmp_path):
    (tmp_path / "neon_notes.txt").write_text("mine")
    assert main([*SMALL, "--style", "neon", "--cfg", "2.5", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "neon_cfg2.5.mp4").is_file() and (tmp_path / "true_neon.mp4").is_file()
    assert main([*ONE, "--out", str(tmp_path)]) == 0
    assert {p.name for p in tmp_path.iterdir() if "neon" in p.name} == {"neon_notes.txt"}


def test_one_frame_is_a_clip_too(tmp_path):
    write_video(tmp_path / "one.mp4", pan_over_photograph(1, 40, 40), Fraction(8))
    settings = ["--steps", "3", "--style", "ink", "--cfg", "1", "--out", str(tmp_path / "o")]
    assert main(["--clip", str(tmp_path / "one.mp4"), *settings]) == 0
    assert numbers(tmp_path / "o")["clip"]["frames"] == 1
    assert read_video(tmp_path / "o" / "ink_cfg1.mp4")[0].shape == (1, 256, 256, 3)


def test_a_long_clip_is_cut_with_a_note(tmp_path, monkeypatch, capsys, photograph):
    monkeypatch.setattr(demo.clip, "MOST_FRAMES", 2)
    settings = ["--steps", "2", "--style", "ink", "--cfg", "1", "--out", str(tmp_path / "o")]
    assert main(["--clip", str(photograph), *settings]) == 0
    note = "pan.mp4 has more than 2 frames; the first 2 are used"
    assert f"Note: {note}" in capsys.readouterr().out
    assert numbers(tmp_path / "o")["clip"]["frames"] == 2
    assert note in (tmp_path / "o" / "index.html").read_text(encoding="utf-8")


def test_two_thousand_frames_are_read_to_the_limit_which_is_said_before_work(tmp_path, monkeypatch, capsys):
    def stopped(unet, clip, settings):
        raise demo.run.DemoError(f"{len(clip.x)} frames to work on")

    monkeypatch.setattr(demo.run, "compute", stopped)
    write_fast(tmp_path / "long.mp4", 2000, 64, 64)
    assert main(["--clip", str(tmp_path / "long.mp4"), "--out", str(tmp_path / "o")]) == 1
    said, limit = capsys.readouterr(), demo.clip.MOST_FRAMES
    assert said.out.startswith(f"long.mp4: {limit} frames of 64x64, 16 steps of midpoint\nNote: long.mp4 has")
    assert f"more than {limit} frames; the first {limit} are used, or --frames of them.\n" in said.out
    assert said.err == f"demo: {limit} frames to work on\n"


def refusal(capsys, *arguments: str, weights: Path | None = None) -> str:
    """What the demo says on stderr as it refuses: one line."""
    assert main(list(arguments), weights) == 1
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and said.err.startswith("demo: ")
    return said.err


def test_a_model_that_does_not_repeat_itself_is_said_loudly(tmp_path, capsys, monkeypatch):
    true = demo.run.denoiser

    def forgetful(*arguments):
        denoise = true(*arguments)
        return lambda x, sigma, step: denoise(x, sigma, step) + 0.01 * torch.randn_like(x)

    monkeypatch.setattr(demo.run, "denoiser", forgetful)
    said = refusal(capsys, *ONE, "--out", str(tmp_path))
    assert "THE RECONSTRUCTION IS NOT EXACT: its relative error is" in said
    assert {p.name for p in tmp_path.iterdir()} == {"source.mp4"}


def test_clips_that_cannot_be_used_are_one_sentence_and_leave_nothing(tmp_path, capsys, photograph):
    out = ["--out", str(tmp_path / "o")]
    assert "is not a file" in refusal(capsys, "--clip", str(tmp_path / "none.mp4"), *out)
    write_sound(tmp_path / "song.m4a")
    assert "no video stream" in refusal(capsys, "--clip", str(tmp_path / "song.m4a"), *out)
    (tmp_path / "cut.mp4").write_bytes(photograph.read_bytes()[:-3000])
    assert "is damaged" in refusal(capsys, "--clip", str(tmp_path / "cut.mp4"), *out)
    (tmp_path / "text.mp4").write_text("not a video\n" * 500)
    assert "is damaged" in refusal(capsys, "--clip", str(tmp_path / "text.mp4"), *out)
    assert not (tmp_path / "o").exists()
    beside = ["--clip", str(photograph), "--out", str(photograph.parent)]
    assert "choose another with --out" in refusal(capsys, *beside)
    (tmp_path / "file").write_text("")
    assert "choose another --out" in refusal(capsys, "--out", str(tmp_path / "file"))


def test_a_folder_that_cannot_be_filled_is_one_sentence(tmp_path, capsys):
    (tmp_path / "index.html").mkdir()
    said = refusal(capsys, *ONE, "--out", str(tmp_path))
    assert "index.html cannot be used: Is a directory" in said
    (tmp_path / "b" / "source.mp4").mkdir(parents=True)
    assert "source.mp4.part cannot be used" in refusal(capsys, *ONE, "--out", str(tmp_path / "b"))


def test_missing_and_damaged_weights_are_one_sentence(tmp_path, capsys):
    out = ["--out", str(tmp_path / "o")]
    path = tmp_path / "w.safetensors"
    assert "w.safetensors is missing" in refusal(capsys, *out, weights=path)
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n" * 3)
    assert "does not hold weights" in refusal(capsys, *out, weights=path)
    assert not (tmp_path / "o").exists()


def test_the_command_says_one_sentence_and_nothing_of_its_libraries(tmp_path):
    """In a process of its own, where what imports write to stderr would be seen."""
    done = command("--clip", "nowhere.mp4", "--out", str(tmp_path / "o"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "demo: nowhere.mp4 is not a file: give the path of a video.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--frames", "0"],
        ["--frames", "65"],
        ["--steps", "x"],
        ["--steps", "101"],
        ["--cfg", "1", "nan"],
        ["--structure", "1.5"],
        ["--style", "ink", "cubist"],
        ["--seed", "10000"],
        ["--solver", "ees25"],
        ["--seed", "1", "--clip", "any.mp4"],
        ["--source-style", "cubist"],
    ],
)
def test_settings_out_of_range_are_refused_before_anything_runs(arguments, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([*arguments, "--out", str(tmp_path / "o")])
    assert arguments[0] in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_the_verdict_is_of_this_noise(tmp_path):
    """The page, the numbers and the chart's own words agree with the engine's measurement of the noise."""
    unet = demo.run.load_model()
    made = demo.clip.built_in(tmp_path / "source.mp4", SEED, "flat", 3)
    settings = demo.run.Settings(("ink",), (1.0,), 3, "midpoint", 0.0, None, "flat")
    results = demo.run.compute(unet, made, settings)
    known = results.exact.inversion
    figures = metrics.noise_figures(known.noise, made.x, float(known.sigmas[0]))
    torch.testing.assert_close(results.report.figures.ratio, figures.ratio)
    assert main([*ONE, "--out", str(tmp_path / "o")]) == 0
    found = numbers(tmp_path / "o")
    assert found["noise"]["std_over_expected"] == pytest.approx(float(figures.ratio.mean()), rel=1e-4)

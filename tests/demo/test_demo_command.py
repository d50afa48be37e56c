"""`python -m demo` from one end to the other, on few frames."""
import hashlib
import io
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_demo_video import write_sound

from demo.__main__ import HEIGHT, MOST_FRAMES, WIDTH, main
from demo.progress import progress
from demo.video import pan_over_photograph, read_video, write_video

SMALL = ["--frames", "3", "--steps", "8"]
ROW = re.compile(r"^(midpoint|dpmpp_2m|euler) +(yes|no) +(\d+) +(\S+) +(\S+) dB", re.M)


@pytest.fixture(scope="module")
def small_clip(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_video(path, pan_over_photograph(6, 67, 101), Fraction(30000, 1001))
    return path


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_the_photograph_twice_gives_the_same_bytes(tmp_path, capsys):
    for name in "ab":
        assert main([*SMALL, "--out", str(tmp_path / name)]) == 0
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    videos = {"source", "reconstruction", "poster", "comic", "engraving", "side_by_side"}
    assert set(digests(tmp_path / "a")) == {f"{name}.mp4" for name in videos} | {"contact_sheet.png"}
    out = capsys.readouterr().out
    assert str(tmp_path / "b" / "side_by_side.mp4") in out
    assert "unsample: midpoint, with record    call  10 of 10 " in out


def test_what_is_written_is_what_the_names_say(tmp_path, small_clip):
    out = tmp_path / "out"
    assert main(["--clip", str(small_clip), *SMALL, "--style", "night", "--out", str(out)]) == 0
    given, _ = read_video(small_clip, first=3)
    before, fps = read_video(out / "source.mp4")
    rebuilt, _ = read_video(out / "reconstruction.mp4")
    styled, _ = read_video(out / "night.mp4")
    side, _ = read_video(out / "side_by_side.mp4")
    assert fps == Fraction(30000, 1001)
    assert np.abs(before.astype(int) - given).mean() < 4
    assert np.array_equal(before, rebuilt)
    assert np.abs(styled.astype(int) - before).mean() > 20
    assert side.shape == (3, 67 + 24, 3 * 101, 3)
    assert np.abs(side[:, 24:, :101].astype(int) - before).mean() < 8
    with Image.open(out / "contact_sheet.png") as sheet:
        assert sheet.size == (3 * 101, 3 * (67 + 24))


def test_the_table_is_of_this_run(tmp_path, small_clip, capsys):
    main(["--clip", str(small_clip), "--steps", "12", "--style", "poster", "--out", str(tmp_path / "o")])
    rows = {(solver, record): (int(calls), float(error), float(psnr))
            for solver, record, calls, error, psnr in ROW.findall(capsys.readouterr().out)}
    assert rows["midpoint", "yes"][0] == 14 + 13 and rows["midpoint", "no"][0] == 13 + 13
    assert rows["dpmpp_2m", "no"][0] == rows["euler", "no"][0] == 12 + 12
    plain = [rows[solver, "no"][1] for solver in ("midpoint", "dpmpp_2m", "euler")]
    errors = [rows["midpoint", "yes"][1], *plain]
    assert errors[0] <= 1e-6 and errors == sorted(errors) and errors[3] > 4 * errors[1] > 0
    assert rows["midpoint", "no"][2] > rows["euler", "no"][2] + 10


def test_a_recorded_solver_of_choice_and_full_structure_return_the_source(tmp_path, small_clip):
    out = tmp_path / "out"
    settings = ["--solver", "dpmpp_2m", "--structure", "1", "--style", "thermal"]
    assert main(["--clip", str(small_clip), *SMALL, *settings, "--out", str(out)]) == 0
    assert (out / "thermal.mp4").read_bytes() == (out / "source.mp4").read_bytes()


def test_guidance_changes_the_look(tmp_path, small_clip):
    looks = []
    for cfg in ("1", "3"):
        settings = ["--cfg", cfg, "--style", "poster", "--out", str(tmp_path / cfg)]
        main(["--clip", str(small_clip), *SMALL, *settings])
        looks.append(read_video(tmp_path / cfg / "poster.mp4")[0].astype(int))
    assert np.abs(looks[0] - looks[1]).mean() > 2


def test_a_large_clip_is_read_small(tmp_path):
    write_video(tmp_path / "hd.mp4", pan_over_photograph(2, 540, 960), Fraction(24))
    assert main(["--clip", str(tmp_path / "hd.mp4"), "--steps", "2", "--style", "night", "--out",
                 str(tmp_path / "o")]) == 0
    _, height, width, _ = read_video(tmp_path / "o" / "night.mp4")[0].shape
    assert HEIGHT * WIDTH * 0.9 < height * width <= HEIGHT * WIDTH


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_progress_line_lives_on_a_terminal_and_is_one_line_elsewhere():
    for out, writes in ((Terminal(), 3), (io.StringIO(), 1)):
        tick = progress("unsample", out)
        for call in (1, 2, 3):
            tick(call, 3, 0.5 * call, None, None)
        shown = out.getvalue()
        assert shown.count("unsample") == writes and shown.count("\n") == 1
        assert shown.count("\r") == (writes if out.isatty() else 0)
        assert re.search(r"call +3 of 3 +sigma +1\.5000 +done in 0\.0 s", shown)
        assert ("s left" in shown) == out.isatty()


def refusal(capsys, *arguments: str) -> str:
    """What the demo says on stderr as it refuses: one line."""
    assert main(list(arguments)) == 1
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and said.err.startswith("demo: ") and "Traceback" not in said.err
    return said.err


def test_input_that_cannot_be_used_is_one_sentence(tmp_path, capsys, small_clip):
    out = ["--out", str(tmp_path / "o")]
    assert "is not a file" in refusal(capsys, "--clip", str(tmp_path / "none.mp4"), *out)
    write_sound(tmp_path / "song.m4a")
    assert "no video stream" in refusal(capsys, "--clip", str(tmp_path / "song.m4a"), *out)
    (tmp_path / "cut.mp4").write_bytes(small_clip.read_bytes()[:-3000])
    assert "is damaged" in refusal(capsys, "--clip", str(tmp_path / "cut.mp4"), *out)
    write_video(tmp_path / "long.mp4", pan_over_photograph(MOST_FRAMES + 1, 16, 16), Fraction(24))
    assert f"more than {MOST_FRAMES} frames" in refusal(capsys, "--clip", str(tmp_path / "long.mp4"), *out)
    (tmp_path / "file").write_text("")
    assert "choose another --out" in refusal(capsys, "--out", str(tmp_path / "file"))
    beside = ["--clip", str(small_clip), "--out", str(small_clip.parent)]
    assert "choose another with --out" in refusal(capsys, *beside)


@pytest.mark.parametrize("arguments", [
    ["--frames", "0"], ["--frames", str(MOST_FRAMES + 1)], ["--steps", "x"], ["--cfg", "nan"],
    ["--structure", "1.5"], ["--style", "cubist"]])
def test_settings_out_of_range_are_refused_before_anything_runs(arguments, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([*arguments, "--out", str(tmp_path / "o")])
    assert arguments[0] in capsys.readouterr().err
    assert not (tmp_path / "o").exists()

"""What a registry reads of pyproject.toml, where the repository lives, and the pictures."""

import re
from pathlib import Path

import pytest
import tomllib
from PIL import Image, ImageStat

from tools.dev import draw_pictures, repository

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(TEXT)
COMFY = PROJECT["tool"]["comfy"]
PROSE = [
    *("README.md", "README.zh-CN.md", "README.ja.md", "api/README.md"),
    *("CONTRIBUTING.md", "AGENTS.md", "ARCHITECTURE.md", "CHANGELOG.md"),
]
WORKFLOWS = {name: (ROOT / f".github/workflows/{name}.yml").read_text() for name in ("tests", "publish")}


def test_the_name_is_one_that_the_registry_takes():
    assert re.fullmatch(r"[a-z]+([._-]?[a-z0-9]+)*", PROJECT["project"]["name"])
    assert "comfyui" not in PROJECT["project"]["name"].lower()
    assert (ROOT / PROJECT["project"]["license"]["file"]).is_file()
    assert COMFY["DisplayName"] and COMFY["PublisherId"] and "web" not in COMFY


@pytest.mark.parametrize(
    ("where", "publisher"),
    [("someone/unsampling", "someone"), ("a-b/ComfyUI.x_1", "other"), ("OWNER2/x", "y")],
)
def test_the_place_is_filled_in_at_once(where, publisher):
    text = repository.filled(repository.filled(TEXT, "former/place", "former"), where, publisher)
    project = tomllib.loads(text)
    assert repository.place(text) == where
    assert project["project"]["urls"] == {"Repository": f"https://github.com/{where}"}
    raw = f"https://raw.githubusercontent.com/{where}/main/"
    for key in ("Icon", "Banner"):
        url = project["tool"]["comfy"][key]
        assert url.startswith(raw) and (ROOT / url.removeprefix(raw)).is_file()
    assert project["tool"]["comfy"]["PublisherId"] == publisher
    assert "former" not in text


def test_without_a_place_there_is_none():
    assert repository.place(TEXT.replace(repository.place(TEXT) or "OWNER/unsampling", "OWNER/x")) is None
    assert repository.place("") is None


@pytest.mark.parametrize("where", ["unsampling", "https://github.com/a/b", "a/b/c", "-a/b", "a/", ""])
def test_what_is_no_place_is_refused(where):
    with pytest.raises(ValueError, match="write OWNER/NAME"):
        repository.filled(TEXT, where, "x")


def test_the_command_fills_it_in_and_fails_while_nobody_has(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(repository, "PROJECT", tmp_path / "pyproject.toml")
    repository.PROJECT.write_text(TEXT.replace(repository.place(TEXT) or "OWNER/unsampling", "OWNER/x"))
    with pytest.raises(SystemExit, match="does not say where the repository lives: run"):
        repository.main([])
    repository.main(["someone/pack"])
    assert capsys.readouterr().out == "someone/pack\n"
    assert 'PublisherId = "someone"' in repository.PROJECT.read_text()
    repository.main(["someone/pack", "a-publisher"])
    assert 'PublisherId = "a-publisher"' in repository.PROJECT.read_text()
    with pytest.raises(SystemExit, match="is no repository"):
        repository.main(["someone"])


@pytest.mark.parametrize("name", PROSE)
def test_no_text_says_where_it_lives_or_to_search_for_it_before_that_is_known(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(rf"github\.com/[\w.-]+/{PROJECT['project']['name']}\b", text)
    if repository.place(TEXT) is None:
        assert not re.search(
            r"(?i)search for \W*unsampling|in (the )?\W*(comfyui-)?manager\W*:|node install", text
        )


@pytest.mark.parametrize(
    ("name", "size"), [("icon.png", draw_pictures.ICON), ("banner.png", draw_pictures.BANNER)]
)
def test_the_pictures_are_of_the_asked_size_and_show_something(name, size):
    width, height = size if isinstance(size, tuple) else (size, size)
    assert (width, height) == (400, 400) or width * 9 == height * 21
    with Image.open(draw_pictures.IMAGES / name) as picture:
        assert picture.size == (width, height) and picture.format == "PNG"
        assert min(ImageStat.Stat(picture.convert("RGB")).stddev) > 30


def test_the_icon_is_the_source_on_one_side_and_the_restyle_on_the_other():
    with Image.open(draw_pictures.IMAGES / "demo.jpg") as found:
        sheet = found.convert("RGB")
    drawn = draw_pictures.icon(sheet)
    sides = [
        draw_pictures.frame(sheet, clip, 3, 400) for clip in (draw_pictures.SOURCE, draw_pictures.RESTYLE)
    ]
    for side, corner in zip(sides, ((0, 0), (399, 399)), strict=True):
        assert drawn.getpixel(corner) == side.getpixel(corner)
    assert sides[0].getpixel((399, 399)) != sides[1].getpixel((399, 399))
    with Image.open(draw_pictures.IMAGES / "icon.png") as committed:
        assert committed.convert("RGB").tobytes() == drawn.tobytes(), "run tools/dev/draw_pictures.py"


def test_the_oldest_comfyui_that_is_tested_is_the_oldest_supported_one():
    oldest = COMFY["requires-comfyui"].removeprefix(">=")
    assert f"comfyui: [v{oldest}, newest]" in WORKFLOWS["tests"]


def test_a_tag_publishes_and_nothing_else_does():
    head, _, jobs = WORKFLOWS["publish"].partition("\njobs:")
    assert 'tags: ["v*"]' in head and "branches" not in head and "pull_request" not in head
    assert "tools/dev/repository.py" in jobs and "Comfy-Org/publish-node-action" in jobs
    assert jobs.index("tools/dev/repository.py") < jobs.index("Comfy-Org/publish-node-action")


def test_the_workflows_run_files_that_are_there():
    for text in WORKFLOWS.values():
        for name in re.findall(r"(?<![\w/.-])(?:tools/dev/\w+\.py|\.ci/run|comfy-test\.toml)", text):
            assert (ROOT / name).is_file()


def test_comfy_test_is_told_what_it_knows():
    test = tomllib.loads((ROOT / "comfy-test.toml").read_text(encoding="utf-8"))["test"]
    assert test["levels"] == ["syntax", "install", "registration", "instantiation"]

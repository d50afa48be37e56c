"""Names of noise files: what Save Noise writes and what the list shows, Load Noise takes."""

import os
from pathlib import Path
from types import SimpleNamespace

import comfy_objects as core
import pytest

from unsampling_pack.unsampling import UnsamplingError

(core_files,) = core.imported("packs.core_files")
ENDS = {" [output]": "output", " [input]": "input", " [temp]": "temp"}


@pytest.fixture(autouse=True)
def base(tmp_path, monkeypatch) -> Path:
    """ComfyUI's folders, and its functions for names in them."""
    for name in ENDS.values():
        (tmp_path / name).mkdir()

    def annotated(name: str):
        end = next((end for end in ENDS if name.endswith(end)), None)
        return (name, None) if end is None else (name[: -len(end)], str(tmp_path / ENDS[end]))

    def save_path(prefix: str, output: str, width: int, height: int):
        subfolder, name = os.path.split(os.path.normpath(prefix))
        folder = os.path.join(output, subfolder)
        os.makedirs(folder, exist_ok=True)
        return folder, name, 1, subfolder, prefix

    folders = {f"get_{one}_directory": lambda one=one: str(tmp_path / one) for one in ENDS.values()}
    made = SimpleNamespace(annotated_filepath=annotated, get_save_image_path=save_path, **folders)
    monkeypatch.setattr(core_files, "folder_paths", made)
    return tmp_path


def saved(base: Path, prefix: str) -> str:
    """What Load Noise calls the file that Save Noise writes."""
    _, paths = core_files.files_to_write(prefix, 8, 8)
    path = next(paths)
    path.write_bytes(b"x")
    return f"{path.relative_to(base / 'output').as_posix()} [output]"


@pytest.mark.parametrize(
    "prefix",
    [
        *("unsampling/noise", "noise", "a/b/c", "clip [input]", "con", "take 2.5", "12:30", "\u6c34\u58a8"),
        *("unsampling\\noise", "a\\b/c", "ends in a dot.", "ends in a space ", "a//b", "./a"),
    ],
)
def test_what_is_saved_can_be_loaded(base, prefix):
    name = saved(base, prefix)
    assert core_files.path_of(name).is_file()
    assert [one for one, _ in core_files.candidates()] == [name]


@pytest.mark.parametrize(
    "prefix",
    ["c:noise", "a:b/noise", "nul.take", "unsampling/com1.x", "aux/noise", "folder./noise", "folder /noise"],
)
def test_what_could_not_be_loaded_is_not_saved(base, prefix):
    with pytest.raises(UnsamplingError, match=r"filename_prefix .* cannot be used \(Load Noise takes no"):
        core_files.files_to_write(prefix, 8, 8)
    assert list((base / "output").iterdir()) == []


@pytest.mark.parametrize("name", ["c:noise", "nul", "a\\b", "folder./noise", "line\nbreak"])
def test_the_list_has_no_file_that_is_refused(base, name):
    for one in (name, "plain"):
        path = base / "input" / f"{one}.safetensors"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    assert [one for one, _ in core_files.candidates()] == ["plain.safetensors"]


@pytest.mark.parametrize("name", [5, None, True, ["a.safetensors"], {"file": "a"}, b"a.safetensors"])
def test_what_is_no_text_is_no_name(name):
    with pytest.raises(UnsamplingError, match="which is no name; choose one of the list"):
        core_files.path_of(name)

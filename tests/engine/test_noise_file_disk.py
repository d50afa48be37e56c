"""Disks that take nothing, and Windows' rules for names: a sentence, and no half file."""

import itertools
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from unsampling import UnsamplingError, noise_file, tensor_writer
from unsampling.noise_file import Saved

NOISE = torch.randn(4, 4, 64, 64)


def paths(folder: Path):
    return (folder / f"noise_{i:05}_.safetensors" for i in itertools.count(1))


def save(folder: Path) -> Path:
    return noise_file.save(paths(folder), Saved(NOISE), False)


def read_only(folder: Path, monkeypatch) -> None:
    """As a disk that is mounted so answers; a test that runs as root may write everywhere else."""
    opened = Path.open

    def refused(path: Path, mode: str = "r", *given, **named):
        if "x" in mode or "w" in mode:
            raise OSError(30, "Read-only file system")
        return opened(path, mode, *given, **named)

    monkeypatch.setattr(Path, "open", refused)


def full(folder: Path, monkeypatch) -> None:
    """The kernel's own full disk."""
    opened = Path.open

    def in_full(path: Path, mode: str = "r", *given, **named):
        return opened(Path("/dev/full") if "x" in mode else path, mode.replace("x", "w"), *given, **named)

    monkeypatch.setattr(Path, "open", in_full)


def full_at_the_end(folder: Path, monkeypatch) -> None:
    """The last write of all, of the header with its sums, finds no room."""
    header, count = tensor_writer._header, itertools.count()

    def last(*given):
        if next(count) == 1:
            raise OSError(28, "No space left on device")
        return header(*given)

    monkeypatch.setattr(tensor_writer, "_header", last)


def no_sync(folder: Path, monkeypatch) -> None:
    def broken(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)


DISKS = {
    "read-only": (read_only, "Read-only file system"),
    "full": (full, "No space left on device"),
    "full at the end": (full_at_the_end, "No space left on device"),
    "broken": (no_sync, "Input/output error"),
}


@pytest.mark.parametrize("name", DISKS)
def test_a_disk_that_takes_nothing_is_a_sentence_and_no_half_file(tmp_path, monkeypatch, name):
    broken, reason = DISKS[name]
    if name == "full" and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with monkeypatch.context() as patch:
        broken(tmp_path, patch)
        with pytest.raises(UnsamplingError, match=rf"noise_00001_.* could not be written to .*{reason}"):
            save(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert save(tmp_path).name == "noise_00001_.safetensors"


def test_a_file_where_a_folder_must_be_is_a_sentence(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UnsamplingError, match=r"could not be written to .*Not a directory"):
        save(tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_write_that_fails_after_the_checks_are_through_is_seen(tmp_path, monkeypatch):
    """It runs beside them: the last pieces are written when nothing is left to check."""
    written = itertools.count()

    class Failing:
        def __init__(self, file):
            self.file = file

        def write(self, data) -> int:
            if next(written) == 1:  # after the header, the only piece
                raise OSError(28, "No space left on device")
            return self.file.write(data)

        def __getattr__(self, name: str):
            return getattr(self.file, name)

    fill = tensor_writer._fill
    monkeypatch.setattr(tensor_writer, "_fill", lambda file, *given: fill(Failing(file), *given))
    with pytest.raises(UnsamplingError, match="No space left"):
        save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_values_that_are_not_finite_are_found_while_pieces_are_written(tmp_path):
    noise = torch.randn(16, 4, 128, 128)
    noise[7, 0, 0, 0] = float("nan")
    with pytest.raises(UnsamplingError, match="noise holds NaN or infinite values"):
        noise_file.save(paths(tmp_path), Saved(noise), False)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def windows(monkeypatch):
    """Windows' way for names, where a rename never replaces; its errors come from `refused`."""
    refused: list[OSError] = []
    rename = Path.rename

    def renamed(path: Path, target: Path) -> Path:
        if refused:
            raise refused[0]
        if target.exists():
            raise FileExistsError(17, "Cannot create a file when that file already exists")
        return rename(path, target)

    def replaced(path: Path, target: Path) -> Path:
        if refused or target.exists():
            raise PermissionError(13, "The process cannot access the file: another uses it")
        return rename(path, target)

    fake = SimpleNamespace(**{**vars(os), "name": "nt"})
    monkeypatch.setattr(tensor_writer, "os", fake)
    monkeypatch.setattr(Path, "rename", renamed)
    monkeypatch.setattr(Path, "replace", replaced)
    return refused


def test_windows_gives_the_next_free_name(tmp_path, windows):
    assert [save(tmp_path).name for _ in range(3)] == [f"noise_{i:05}_.safetensors" for i in (1, 2, 3)]
    assert len(list(tmp_path.iterdir())) == 3


def test_windows_keeps_a_file_that_another_program_reads(tmp_path, windows):
    """The one name of an entry is taken: the file stays whole, and what was written for it goes."""
    path = tmp_path / "entry.safetensors"
    noise_file.save(iter([path]), Saved(NOISE), False)
    before, held = path.read_bytes(), noise_file.load(path)
    assert noise_file.save(iter([path]), Saved(NOISE + 1), False) == path
    assert path.read_bytes() == before and torch.equal(held.noise, NOISE)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(13, "The process cannot access the file: another uses it"),
        PermissionError(5, "Access is denied"),
        OSError(1450, "Insufficient system resources"),
    ],
    ids=str,
)
def test_a_name_that_windows_does_not_give_is_a_sentence_and_no_half_file(tmp_path, windows, error):
    """A scanner for viruses may hold the new file, for one."""
    windows.append(error)
    with pytest.raises(UnsamplingError, match=r"noise_00001_.* could not be written to .*another uses it"):
        save(tmp_path)
    assert list(tmp_path.iterdir()) == []

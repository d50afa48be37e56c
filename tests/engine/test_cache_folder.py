"""A folder of files under keys: the limit, what goes first, other programs on it, and others' files in it."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from unsampling import UnsamplingError, cache_folder, noise_file
from unsampling.noise_file import Saved

ROOT = Path(__file__).parents[2]


def key(number: int) -> str:
    return f"{number:040x}"


def put(folder: Path, number: int, size: int, age: float) -> Path:
    path = cache_folder.path_of(folder, key(number))
    path.write_bytes(b"x" * size)
    os.utime(path, (2e9 - age,) * 2)
    return path


@pytest.fixture(autouse=True)
def limit(monkeypatch):
    """Ten kilobytes."""
    monkeypatch.setenv(cache_folder.VARIABLE, str(10_000 / 2**30))


def left(folder: Path) -> list[int]:
    return sorted(int(path.stem, 16) for path in folder.glob("*.safetensors"))


def test_what_was_used_longest_ago_goes_first(tmp_path):
    for number, age in enumerate((30, 10, 40, 20)):
        put(tmp_path, number, 2500, age)
    cache_folder.make_room(tmp_path, 2500)
    assert left(tmp_path) == [0, 1, 3]
    cache_folder.used(cache_folder.path_of(tmp_path, key(0)))
    os.utime(cache_folder.path_of(tmp_path, key(0)), (2.1e9,) * 2)
    cache_folder.make_room(tmp_path, 6000)
    assert left(tmp_path) == [0]


def test_nothing_goes_while_there_is_room(tmp_path):
    for number in range(3):
        put(tmp_path, number, 2500, number)
    cache_folder.make_room(tmp_path, 2500)
    assert left(tmp_path) == [0, 1, 2]


def test_a_hit_counts_as_a_use(tmp_path):
    old = put(tmp_path, 1, 10, 1e9)
    cache_folder.used(old)
    assert old.stat().st_mtime > 1.5e9


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "model.safetensors",
        "0" * 39 + ".safetensors",
        "A" * 40 + ".safetensors",
        "0" * 40 + ".part",
    ],
)
def test_files_of_others_stay_and_do_not_count(tmp_path, name):
    (tmp_path / name).write_bytes(b"x" * 50_000)
    os.utime(tmp_path / name, (1.0, 1.0))
    put(tmp_path, 1, 2500, 0)
    cache_folder.make_room(tmp_path, 2500)
    assert (tmp_path / name).exists() and cache_folder.path_of(tmp_path, key(1)).exists()


def test_links_and_folders_of_a_keys_name_stay_and_do_not_count(tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"x" * 50_000)
    folder = tmp_path / "cache"
    folder.mkdir()
    linked, made = (cache_folder.path_of(folder, key(n)) for n in (1, 2))
    linked.symlink_to(outside)
    made.mkdir()
    cache_folder.make_room(folder, 9000)
    assert outside.exists() and linked.is_symlink() and made.is_dir()
    assert not cache_folder.is_file(linked) and not cache_folder.is_file(made)


@pytest.mark.parametrize(
    "name", ["", "..", "../" + "0" * 40, "0" * 41, "0" * 39 + "g", "/" + "0" * 40, "0" * 40 + "/"]
)
def test_only_a_digest_is_a_key(tmp_path, name):
    with pytest.raises(ValueError, match="is no key"):
        cache_folder.path_of(tmp_path, name)


@pytest.mark.parametrize("setting", ["many", "-1", "nan", ""])
def test_a_limit_that_is_no_number_is_a_sentence(monkeypatch, setting):
    monkeypatch.setenv(cache_folder.VARIABLE, setting)
    with pytest.raises(UnsamplingError, match=r"UNSAMPLING_CACHE_GIB is .*; set it to the GiB"):
        cache_folder.limit()


def test_the_limit_is_20_gib_unless_it_is_set(monkeypatch):
    monkeypatch.delenv(cache_folder.VARIABLE)
    assert cache_folder.limit() == 20 * 2**30


def test_what_cannot_be_removed_is_passed_over(tmp_path, monkeypatch):
    """As on Windows, where another program reads it."""
    held = put(tmp_path, 1, 5000, 50)
    put(tmp_path, 2, 4000, 20)
    unlink = Path.unlink

    def refused(path: Path, missing_ok: bool = False) -> None:
        if path == held:
            raise PermissionError(13, "used by another process")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refused)
    cache_folder.make_room(tmp_path, 5000)
    assert left(tmp_path) == [1] and not cache_folder.remove(held)


def test_a_lock_that_hangs_or_is_unknown_stops_nobody(tmp_path, monkeypatch):
    put(tmp_path, 1, 9000, 0)
    for error in (OSError(37, "no locks available"), NotImplementedError(), cache_folder.Timeout("x")):

        def acquire(*_, error=error, **__):
            raise error

        monkeypatch.setattr(cache_folder.FileLock, "acquire", acquire)
        put(tmp_path, 1, 9000, 0)
        cache_folder.make_room(tmp_path, 9000)
        assert left(tmp_path) == []


def test_two_that_write_one_entry_agree(tmp_path):
    """The second finds the name taken, drops its own, and both have one whole file."""
    path, saved = cache_folder.path_of(tmp_path, key(7)), Saved(torch.randn(4, 4, 64, 64))
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(noise_file.save(iter([path]), saved, False)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [path] * 4 and [one.name for one in tmp_path.iterdir()] == [path.name]
    assert torch.equal(noise_file.load(path).noise, saved.noise)


PROGRAM = """
import sys, torch
from pathlib import Path
from unsampling import UnsamplingError, cache_folder, noise_file
folder, seed = Path(sys.argv[1]), int(sys.argv[2])
found = 0
for turn in range(28):  # each number twice running, so that a program finds its own where it runs alone
    number = (turn // 2 * 5 + seed * 3) % 7
    path = cache_folder.path_of(folder, f"{number:040x}")
    noise = torch.full((2, 4, 8, 8), float(number))
    try:
        if cache_folder.is_there(path):
            assert torch.equal(noise_file.load(path).noise.clone(), noise)
            cache_folder.used(path)
            found += 1
            continue
    except UnsamplingError:
        pass
    saved = noise_file.Saved(noise)
    cache_folder.make_room(folder, noise_file.size(saved, False))
    noise_file.save(iter([path]), saved, False)
print(found)
"""


def test_several_programs_share_a_folder(tmp_path):
    """They find, write and remove the same files, and never see half of one, or another's content."""
    environment = os.environ | {cache_folder.VARIABLE: str(15_000 / 2**30)}
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path), str(seed)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(3)
    ]
    for program in programs:
        said, errors = program.communicate(timeout=200)
        assert program.returncode == 0, errors
        assert int(said) > 0
    assert not list(tmp_path.glob(".unsampling-*"))
    assert 0 < sum(path.stat().st_size for path in tmp_path.glob("*.safetensors")) <= 15_000 + 3 * 3000

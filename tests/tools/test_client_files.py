"""File names from a server, and how files get their place."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tools.client.files import safe_name, save


@pytest.mark.parametrize(
    "name, safe",
    [
        ("a b (1).png", "a b (1).png"),
        ("../x", "x"),
        ("a/", "output"),
        ("", "output"),
        ("...", "output"),
        (".hidden", "hidden"),
        ("c:\\x\\y.png", "y.png"),
        ("nul", "_nul"),
        ("COM1.txt", "_COM1.txt"),
        ("console", "console"),
        ("a\x00b\n", "a_b_"),
        ('a<b>:"|?*.x', "a_b______.x"),
        ("\u00e9t\u00e9.mp4", "\u00e9t\u00e9.mp4"),
        ("a" * 300 + ".webp", "a" * 175 + ".webp"),
    ],
)
def test_names(name, safe):
    assert safe_name(name) == safe


@given(st.text(max_size=300))
@example("\ud800")
@example("\u00e9" * 200 + "." + "x" * 30)
def test_any_name_becomes_one_plain_part_of_a_path(name):
    safe = safe_name(name)
    assert safe and safe == os.path.basename(safe) and not safe.startswith(".")
    assert len(safe.encode()) <= 180 and not set(safe) & set('/\\\0:*?"<>|')
    assert safe_name(safe) == safe


def test_a_writer_that_fails_leaves_no_file(tmp_path):
    def write(file):
        file.write(b"half")
        raise RuntimeError("gone")

    with pytest.raises(RuntimeError, match="gone"):
        save(tmp_path, "a.png", write)
    assert list(tmp_path.iterdir()) == []


def test_a_clean_up_that_fails_too_does_not_hide_why(tmp_path, monkeypatch):
    def write(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    def unlink(path, missing_ok=False):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path, "a.png", write)


def test_the_name_appears_only_when_the_file_is_whole(tmp_path):
    def write(file):
        file.write(b"whole")
        file.flush()
        assert not (tmp_path / "a.png").exists()

    assert save(tmp_path, "a.png", write).read_bytes() == b"whole"


@pytest.mark.parametrize("links", [True, False])
def test_numbers_are_found_with_and_without_hard_links(tmp_path, monkeypatch, links):
    def no_link(*names):
        raise OSError("not on this disk")

    if not links:
        monkeypatch.setattr(os, "link", no_link)
    names = [save(tmp_path, "a.tar.gz", lambda file: file.write(b"x")).name for _ in range(3)]
    assert names == ["a.tar.gz", "a.tar (1).gz", "a.tar (2).gz"]
    assert len(list(tmp_path.iterdir())) == 3


def test_a_saved_file_is_as_readable_as_any_other(tmp_path):
    (tmp_path / "other").write_bytes(b"")
    path = save(tmp_path, "a.png", lambda file: None)
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode

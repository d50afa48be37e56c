"""Put files a server names into a local folder: no name leaves it, nothing is half written or overwritten."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

# What no file name may hold on Windows, and control characters; the last part of a path is taken before.
UNSAFE = r'[\x00-\x1f\x7f-\x9f<>:"|?*]'
RESERVED = r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)"
LONGEST = 180  # bytes; file systems stop at 255, and a number and a temporary suffix come on top


def safe_name(name: str) -> str:
    """The last part of a server's file name as a plain file name: never a path, hidden, reserved or empty."""
    last = re.split(r"[/\\]", name)[-1].encode("utf-8", "replace").decode("utf-8")
    last = re.sub(UNSAFE, "_", last).strip(" .")
    if not last:
        return "output"
    if re.match(RESERVED, last):
        last = "_" + last
    return _shortened(last)


def _shortened(name: str) -> str:
    if len(name.encode()) <= LONGEST:
        return name
    stem, suffix = os.path.splitext(name)
    suffix = suffix if len(suffix.encode()) <= 20 else ""
    room = LONGEST - len(suffix.encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + suffix


def save(folder: str | Path, name: str, write: Callable[[BinaryIO], None], overwrite: bool = False) -> Path:
    """Let `write` fill a temporary file in the folder, then give it its name, numbered when that is taken."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
        os.chmod(part, 0o666 & ~_umask())
        return _place(Path(part), folder / safe_name(name), overwrite)
    finally:
        with contextlib.suppress(OSError):  # where writing fails, removing may too: the first error tells why
            Path(part).unlink(missing_ok=True)


def _place(part: Path, wanted: Path, overwrite: bool) -> Path:
    if overwrite:
        return part.replace(wanted)
    number, target = 1, wanted
    while not _claimed(part, target):
        target = wanted.with_name(f"{wanted.stem} ({number}){wanted.suffix}")
        number += 1
    return target


def _claimed(part: Path, target: Path) -> bool:
    """Name the file unless the name is taken; a hard link decides that atomically where the disk has them."""
    try:
        os.link(part, target)
    except FileExistsError:
        return False
    except OSError:
        if os.path.lexists(target):
            return False
        part.rename(target)
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

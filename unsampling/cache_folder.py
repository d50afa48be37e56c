"""A folder of files, each under a digest of what it was made from; those used longest ago go first.

Several programs may work on one folder: a file gets its name when it is whole (tensor_writer.py), two that
write the same agree, and what one removes another finds gone. Plain Python, no ComfyUI.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from .limits import bytes_set

# of all files together
LIMIT_GIB = 20.0
VARIABLE = "UNSAMPLING_CACHE_GIB"
FOLDER = "UNSAMPLING_CACHE_FOLDER"
NAME = r"[0-9a-f]{40}\.safetensors"
PATIENCE = 10  # seconds that another program may take to clear up


def limit() -> float:
    """Bytes that all files together may take.

    Raises: UnsamplingError where it is set to what is not a number of GiB.
    """
    return bytes_set(VARIABLE, LIMIT_GIB, "GiB that kept noise may take")


def path_of(folder: Path, key: str) -> Path:
    """The file of that key, there or not. Raises: ValueError for what is no key."""
    name = f"{key}.safetensors"
    if not re.fullmatch(NAME, name):
        raise ValueError(f"{key!r} is no key")
    return folder / name


def is_there(path: Path) -> bool:
    """Whether something has that name, be it what it may."""
    return path.is_symlink() or path.exists()


def is_file(path: Path) -> bool:
    """Whether it is a file of the folder itself: a link may lead anywhere."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def used(path: Path) -> None:
    """Notes that a file was used just now."""
    with suppress(OSError):
        os.utime(path)


def remove(path: Path) -> bool:
    """Removes a file. Returns: whether it is gone; Windows keeps one that another program reads."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
    return not is_there(path)


def make_room(folder: Path, size: int) -> None:
    """Removes what was used longest ago, until so many bytes more stay within the limit."""
    with _alone(folder):
        found = _files(folder)
        taken = sum(size for _, size, _ in found)
        for _, nbytes, path in sorted(found):
            if taken + size <= limit():
                return
            taken -= nbytes if remove(path) else 0


def _files(folder: Path) -> list[tuple[float, int, Path]]:
    """When each file was used last, its bytes, and where it lies. Other files in the folder do not count."""
    found = []
    for path in folder.iterdir():
        with suppress(OSError):
            kept = path.lstat()
            if re.fullmatch(NAME, path.name) and stat.S_ISREG(kept.st_mode):
                found.append((kept.st_mtime, kept.st_size, path))
    return found


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While no other program clears up. Where a disk knows no locks, or one hangs, all may: nothing that they
    do to one another is worse than a file that is made again."""
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=PATIENCE)
    except (Timeout, OSError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        lock.release()

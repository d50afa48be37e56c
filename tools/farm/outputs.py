"""Results on the disk: whole or not at all, with a record of what made them, and never made twice.

The record lies in .restyle/ beside the result, under the result's name and a digest of its bytes. It is
written before the result gets its name, so that a result is known at whatever moment a process is killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

FOLDER = ".restyle"
OLD_S = 24 * 3600.0  # parts of this age are nobody's


class Found(Enum):
    """What is where a result belongs."""

    NOTHING = auto()
    THIS = auto()  # what the job makes
    OTHER = auto()  # made with other settings
    FOREIGN = auto()  # not made here, or changed since


@dataclass(frozen=True)
class Made:
    """A file that was written."""

    path: Path
    size: int
    digest: str


def found(target: Path, mark: str) -> Found:
    """What lies at the place of a result."""
    if not os.path.lexists(target):
        return Found.NOTHING
    if not target.is_file():
        return Found.FOREIGN
    try:
        told = json.loads(_told_of(target, digest(target)).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Found.FOREIGN
    return Found.THIS if isinstance(told, dict) and told.get("mark") == mark else Found.OTHER


def digest(path: Path) -> str:
    """A digest of a file's bytes."""
    sum_ = hashlib.blake2b(digest_size=12)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            sum_.update(piece)
    return sum_.hexdigest()


def _told_of(target: Path, sum_: str) -> Path:
    return target.parent / FOLDER / f"{target.name}.{sum_}.json"


def write(target: Path, pieces: Iterable[bytes], mark: str | None = None, told: dict | None = None) -> Made:
    """Write a file beside its place, sync it, and give it its name; with a mark it gets a record first.

    Raises: OSError, whatever the pieces raise. Nothing is left of a file that did not get whole.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _tidy(target)
    part, size, sum_ = _part(target, pieces)
    try:
        if mark is not None:
            _write_told(target, sum_, {"mark": mark, "bytes": size, **(told or {})})
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(target.parent)
    return Made(target, size, sum_)


def _part(target: Path, pieces: Iterable[bytes]) -> tuple[Path, int, str]:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=_prefix(target), suffix=".part")
    size, sum_ = 0, hashlib.blake2b(digest_size=12)
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in pieces:
                size += file.write(piece)
                sum_.update(piece)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
    except BaseException:
        with contextlib.suppress(OSError):  # where writing fails, removing may too: the first error tells why
            os.unlink(name)
        raise
    return Path(name), size, sum_.hexdigest()


def _prefix(target: Path) -> str:
    return f".{target.name[:120]}."


def _write_told(target: Path, sum_: str, told: dict) -> None:
    path = _told_of(target, sum_)
    path.parent.mkdir(exist_ok=True)
    part, _, _ = _part(path, [json.dumps(told, indent=1).encode()])
    os.replace(part, path)
    _sync_folder(path.parent)


def _tidy(target: Path) -> None:
    """Remove what a killed process left of this file."""
    for part in target.parent.glob(f".{_literal(target.name[:120])}.*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > OLD_S:
                part.unlink()


def _literal(name: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every system lets a folder be opened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def is_whole_noise(path: Path) -> bool:
    """Whether a .safetensors file is there, as long as its header says."""
    try:
        told, start = header(path)
        ends = [one["data_offsets"][1] for name, one in told.items() if name != "__metadata__"]
        return path.stat().st_size == start + max(ends, default=0)
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return False


def header(path: Path) -> tuple[dict, int]:
    """The header of a .safetensors file, and where its data begins. Raises: OSError, ValueError."""
    with path.open("rb") as file:
        first = file.read(8)
        if len(first) < 8:
            raise ValueError("too short")
        (length,) = struct.unpack("<Q", first)
        if length > 1 << 23:
            raise ValueError("too long a header")
        told = json.loads(file.read(length))
    if not isinstance(told, dict):
        raise ValueError("no header")
    return told, 8 + length

"""A safetensors file, written piece by piece, that is seen whole or not at all.

safetensors' own save_file wants every tensor contiguous in main memory. This writes the same format from
views, slices and mapped files, a few MiB at a time.
"""

import json
import os
import shutil
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from torch import Tensor

from .errors import Cause, UnsamplingError
from .tensor_file import DTYPES, HEADER, SUMS, Entry, WordSum, bytes_in_words, bytes_of, is_finite

ALIGNED = 64  # bytes, as torch aligns its own tensors
AHEAD = 4  # pieces that may wait to be written
SYNCED = 32 * 2**20  # bytes after which the disk is asked to take them: it works while we check what follows
PART, STALE = ".part", 24 * 3600  # the end of an unfinished file's name; seconds after which it is litter


def write(
    candidates: Iterator[Path],
    entries: Mapping[str, Entry],
    metadata: Mapping[str, str],
    tick: Callable[[], object] = lambda: None,
) -> Path:
    """Writes the entries into the first of these files that is not there yet; returns it, and the last of
    them where all are there.

    Nothing has that name before all of it is on the disk. tick: called after each entry.
    Raises: UnsamplingError for values that are not finite, and where the disk does not take the file.
    """
    first = next(candidates)
    entries = dict(sorted(entries.items(), key=lambda item: -item[1].stored.itemsize))
    _sweep(first.parent)
    part = first.with_name(f".unsampling-{uuid.uuid4().hex}{PART}")
    try:
        _check_space(first.parent, sum(entry.nbytes for entry in entries.values()))
        with part.open("xb") as file:
            _fill(file, entries, metadata, tick)
        path = _published(part, first, candidates)
        _sync_folder(path.parent)
        return path
    except (OSError, ValueError) as error:
        if isinstance(error, UnsamplingError):
            raise
        raise UnsamplingError(
            f"the file {first.name} could not be written to {first.parent} ({error})", Cause.FILE_NOT_WRITTEN
        ) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UnsamplingError(
            f"the file needs {bytes_in_words(needed)} in {folder}, where {bytes_in_words(free)} are free",
            Cause.FILE_NOT_WRITTEN,
        )


def _fill(file, entries: dict[str, Entry], metadata: Mapping[str, str], tick: Callable[[], object]) -> None:
    """Writes header and data; the header again, with the sums, when they are known."""
    sums = {name: WordSum() for name in entries}
    file.write(_header(entries, metadata, sums))
    with _writing(file) as write:
        for name, entry in entries.items():
            for piece in entry.pieces():
                write(bytes_of(piece))
                _check_finite(piece, name, entry)
                sums[name].add_tensor(piece)
            tick()
    file.seek(0)
    file.write(_header(entries, metadata, sums))
    file.flush()
    os.fsync(file.fileno())


@contextmanager
def _writing(file) -> Iterator[Callable[[memoryview], None]]:
    """A function that writes while its caller goes on, and has the disk take what is written meanwhile.

    What it could not write is raised by a later call, or at the end.
    """
    waiting: deque[Future] = deque()
    synced: list[Future] = []
    written = 0

    def write(data: memoryview) -> None:
        nonlocal written
        if len(waiting) >= AHEAD:
            waiting.popleft().result()
        waiting.append(writer.submit(file.write, data))
        before, written = written, written + len(data)
        if before // SYNCED != written // SYNCED:
            synced.append(syncer.submit(os.fsync, file.fileno()))

    with ThreadPoolExecutor(1) as syncer, ThreadPoolExecutor(1) as writer:
        yield write
        for one in (*waiting, *synced):
            one.result()


def _header(entries: dict[str, Entry], metadata: Mapping[str, str], sums: Mapping[str, WordSum]) -> bytes:
    """The same length whatever the sums are."""
    written = {name: one.text for name, one in sums.items()}
    header: dict[str, dict] = {"__metadata__": {**metadata, SUMS: json.dumps(written)}}
    end = 0
    for name, entry in entries.items():
        begin, end = end, end + entry.nbytes
        kind = DTYPES[entry.stored]
        header[name] = {"dtype": kind, "shape": entry.shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % ALIGNED)
    if len(text) > HEADER:
        raise UnsamplingError(
            f"its settings take {bytes_in_words(len(text))}, of which a file holds {bytes_in_words(HEADER)}"
        )
    return len(text).to_bytes(8, "little") + text


def _check_finite(piece: Tensor, name: str, entry: Entry) -> None:
    if is_finite(piece):
        return
    if entry.stored is torch.float16 is not entry.tensor.dtype:
        raise UnsamplingError(f"{name} has values above 65504, which half precision cannot hold")
    raise UnsamplingError(f"{name} holds NaN or infinite values", Cause.LATENT_NOT_FINITE)


def _published(part: Path, first: Path, candidates: Iterator[Path]) -> Path:
    """The finished file under the first name that nobody has taken meanwhile."""
    path = first
    while not _named(part, path):
        following = next(candidates, None)
        if following is None:
            return path
        path = following
    return path


def _named(part: Path, path: Path) -> bool:
    """Whether the file has that name now: never over another file's."""
    try:
        if os.name == "nt":
            part.rename(path)
        else:
            os.link(part, path)
    except FileExistsError:
        return False
    except OSError:
        # a disk without hard links, such as exFAT
        if path.exists():
            return False
        part.replace(path)
    return True


def _sync_folder(folder: Path) -> None:
    """Has the name on the disk too, where folders can be synced."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _sweep(folder: Path) -> None:
    """Removes what programs that were killed a day ago or earlier left half written."""
    for path in folder.glob(f".unsampling-*{PART}"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE:
                path.unlink()

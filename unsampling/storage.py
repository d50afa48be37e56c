"""Where the tensors of a record lie: in main memory, or above a limit in memory-mapped safetensors files.

A mapped tensor is read from its file where it is used, and what was read can leave memory again at any time.
The map is a private one: nothing that is done to the tensor reaches the file. A file goes with its tensor,
with the pass that was cancelled or failed, and with the program; what a killed one leaves ComfyUI clears when
it starts next. Plain Python and torch, no ComfyUI.
"""

import os
import shutil
import uuid
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from . import solvers
from .errors import Cause, UnsamplingError
from .limits import GIB, bytes_set
from .record import Inversion, Record
from .solvers.evaluation import Store, in_memory
from .tensor_file import bytes_in_words

# A record that would take more, together with what its resampling makes of it, goes to disk.
LIMIT_GIB = 2.0
VARIABLE = "UNSAMPLING_RECORD_GIB"

# files that could not be removed yet: Windows keeps a file as long as any tensor reads from it
_left: set[Path] = set()


def limit() -> float:
    """Bytes of a record, and of what its resampling makes of it, that may stay in main memory.

    Raises: UnsamplingError where it is set to what is not a number of GiB.
    """
    return bytes_set(VARIABLE, LIMIT_GIB, "GiB of main memory that a record may take")


def latents(x: Tensor, calls: int, half: bool, points: int) -> tuple[int, int]:
    """Bytes of a record of x, and of what a resampling with that many points on its way makes of it."""
    one = x.numel() * max(x.element_size(), torch.float32.itemsize)
    return one + calls * one // (2 if half else 1), (points + 1) * one


def of_inversion(inversion: Inversion, past: Record, x: Tensor) -> tuple[int, int]:
    """The same for the record of an inversion, of frames like x."""
    points = solvers.pair(inversion.solver).stages * inversion.steps
    fresh = () if past.direct is None else past.direct.all_answers
    return latents(x, len(past.outputs) + len(fresh), past.half, points)


def remark(whole: int) -> str:
    """For the user: what a record of that size takes of memory or disk; "" without one."""
    if not whole:
        return ""
    place = "in RAM" if whole <= limit() else "on disk"
    return f", the record {place} ({bytes_in_words(whole)} with what the resampler adds)"


@contextmanager
def room(folder: Path, whole: int, new: int, lasting: bool) -> Iterator[Store]:
    """A place for the tensors of one pass: main memory if all of it fits there, else files in the folder.

    whole: bytes of the record and of what its resampling makes of it, which go the same way; new: those that
    are still to be written.
    lasting: whether each file outlives the pass, as long as its tensor; after an error or a cancel none does.
    Raises: UnsamplingError, before anything is written, where the folder's disk is too full.
    """
    if whole <= limit():
        yield in_memory
        return
    _check_space(folder, new)
    files = _Files(folder)
    done = False
    try:
        yield files.store
        done = True
    finally:
        if not (done and lasting):
            files.remove()


def _check_space(folder: Path, new: int) -> None:
    for path in list(_left):
        _remove(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise UnsamplingError(
            f"the record is too long for main memory, and {folder} cannot be made or read ({error})",
            Cause.RECORD_NOT_STORED,
        ) from None
    if not os.access(folder, os.W_OK):
        raise UnsamplingError(
            f"the record is too long for main memory, and {folder} cannot be written to",
            Cause.RECORD_NOT_STORED,
        )
    if free < new:
        raise UnsamplingError(
            f"the record is too long for main memory and needs {new / GIB:.3g} GiB in"
            f" {folder}, where {free / GIB:.3g} GiB are free",
            Cause.RECORD_NOT_STORED,
        )


class _Files:
    """The files of one pass, one a tensor."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.finalizers: list[weakref.finalize] = []

    def store(self, x: Tensor) -> Tensor:
        """A mapped tensor of the same values, whose file lives as long as it does."""
        path = self.folder / f"unsampling-{uuid.uuid4().hex}.safetensors"
        try:
            _write(x, path)
            mapped = _mapped(path)
        except BaseException as error:
            _remove(path)
            if isinstance(error, OSError | SafetensorError):
                raise _not_kept(self.folder, error) from None
            raise
        self.finalizers.append(weakref.finalize(mapped, _remove, path))
        return mapped

    def remove(self) -> None:
        """Removes the files now; tensors that are still held stay readable."""
        for finalizer in self.finalizers:
            finalizer()


def _write(x: Tensor, path: Path) -> None:
    """The tensor as a file that is never seen half written."""
    part = path.with_suffix(".part")
    try:
        save_file({"x": x.detach().to("cpu").contiguous()}, part)
        part.replace(path)
    finally:
        _remove(part)  # where the disk takes nothing any more, it does not let go of a file either


def _not_kept(folder: Path, error: Exception) -> UnsamplingError:
    return UnsamplingError(f"the record could not be written to {folder} ({error})", Cause.RECORD_NOT_STORED)


def _mapped(path: Path) -> Tensor:
    with safe_open(path, framework="pt") as file:
        return file.get_tensor("x")


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
        _left.discard(path)
    except OSError:
        # still mapped, on Windows: the next record tries again, and ComfyUI clears its temp folder when it
        # starts
        _left.add(path)

"""Tensors as a safetensors file has them: pieces and sums, and a file that is read as a map of itself."""

import math
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from .errors import UnsamplingError

DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
PIECE = 2**18  # elements that are converted, checked and written at a time: they fit into a cache
READ = 4 * PIECE  # elements that are checked at a time where nothing is converted
HEADER = 8 * 2**20  # bytes: 20,000 answers need a third of it
VALUES = 2**18  # of the metadata's JSON: a list in 3 bytes takes 64 of memory
SUMS = "sums"  # of the metadata: a sum of each tensor's 8-byte words, which finds damage


@dataclass(frozen=True, eq=False)
class Entry:
    """A tensor to be written. frames: which entries of its first axis, in this order; None for all.

    dtype: what to store it as; None for its own.
    """

    tensor: Tensor
    frames: list[int] | None = None
    dtype: torch.dtype | None = None

    @property
    def stored(self) -> torch.dtype:
        return self.dtype or self.tensor.dtype

    @property
    def shape(self) -> list[int]:
        first = [] if self.frames is None else [len(self.frames)]
        return [*first, *self.tensor.shape[len(first) :]]

    @property
    def nbytes(self) -> int:
        """Bytes in the file."""
        return prod(self.shape) * self.stored.itemsize

    def pieces(self, length: int = PIECE) -> Iterator[Tensor]:
        """Its values in the file's order: flat tensors on the CPU, of the stored type.

        length: elements of one, at most.
        """
        parts = [self.tensor] if self.frames is None else (self.tensor[i] for i in self.frames)
        for part in parts:
            yield from (one.detach().to("cpu", self.stored) for one in _flat(part, length))


def _flat(x: Tensor, length: int) -> Iterator[Tensor]:
    if x.is_contiguous():
        yield from x.view(-1).split(length)
    else:
        for part in x:
            yield from _flat(part, length)


class WordSum:
    """The sum of a tensor's 8-byte words, modulo 2^64, however it is cut into pieces."""

    def __init__(self):
        self.total = self.length = 0

    def add(self, data: memoryview) -> None:
        begun = self.length % 8
        head, body = data[: -begun % 8], data[-begun % 8 :]
        words = len(body) // 8
        self.total += int.from_bytes(head, "little") << 8 * begun
        self.total += _sum_of_words(body[: 8 * words]) if words else 0
        self.total += int.from_bytes(body[8 * words :], "little")
        self.length += len(data)

    def add_tensor(self, piece: Tensor) -> None:
        """The same of a flat tensor on the CPU, and quicker where it begins and ends with a word."""
        apart = (self.length, piece.nbytes, piece.data_ptr(), piece.storage_offset() * piece.itemsize)
        if sys.byteorder == "little" and not any(place % 8 for place in apart):
            self.total += int(piece.view(torch.int64).sum())
            self.length += piece.nbytes
        else:
            self.add(bytes_of(piece))

    @property
    def text(self) -> str:
        return f"{self.total % 2**64:016x}"


def _sum_of_words(body: memoryview) -> int:
    """Modulo 2^64."""
    return int(np.frombuffer(body, "<u8").sum(dtype=np.uint64))


def values_in(text: str) -> int:
    """At most so many values, lists and objects are in this JSON."""
    return sum(map(text.count, ",[{"))


def bytes_in_words(size: float) -> str:
    """Bytes for people, as "1.21 GiB"."""
    units = ("bytes", "KiB", "MiB", "GiB")
    power = next((i for i in range(3) if size < 1024 ** (i + 1)), 3)
    number = size / 1024**power
    return f"{number:.3g} {units[power]}" if number < 1000 else f"{number:.0f} {units[power]}"


def bytes_of(piece: Tensor) -> memoryview:
    return piece.contiguous().view(torch.uint8).numpy().data


def is_finite(piece: Tensor) -> bool:
    """Whether a tensor has neither NaN nor infinite values."""
    if piece.numel() == 0 or not piece.is_floating_point():
        return True
    # a finite sum has finite terms, and is quicker than their extremes, which only huge values need
    return math.isfinite(piece.sum()) or all(map(math.isfinite, piece.aminmax()))


@dataclass(frozen=True, eq=False)
class Opened:
    """A safetensors file of which nothing but the header was read. metadata: as it stands there."""

    metadata: Mapping[str, str]
    names: frozenset[str]
    tensor: Callable[[str], Tensor]

    def checked(self, name: str, sums: Mapping[str, str]) -> Tensor:
        """The tensor of that name, mapped, once it has the sum it was written with and finite values.

        Raises: UnsamplingError for one that is missing or damaged.
        """
        if name not in self.names:
            raise UnsamplingError(f"it has no {name}")
        found, total = self.tensor(name), WordSum()
        for piece in Entry(found).pieces(READ):
            if not is_finite(piece):
                raise UnsamplingError(f"its {name} holds NaN or infinite values")
            total.add_tensor(piece)
        if sums.get(name, total.text) != total.text:
            raise UnsamplingError(f"its {name} is damaged: copy the file again, or save it again")
        return found


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """The file, for reading; its tensors live on when it is closed.

    Raises: UnsamplingError for one that is no whole safetensors file, before anything of it is in memory.
    """
    with readable():
        _check_header(path)
        with safe_open(path, framework="pt") as file:
            names = frozenset(file.keys())
            yield Opened(file.metadata() or {}, names, file.get_tensor)


@contextmanager
def readable() -> Iterator[None]:
    """Makes a sentence of what can go wrong with a file that is there."""
    try:
        yield
    except UnsamplingError:
        raise
    except (SafetensorError, OSError, RuntimeError, TypeError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise UnsamplingError(f"it is damaged, or no whole safetensors file ({reason})") from None


def _check_header(path: Path) -> None:
    """Looks before a library reads: a FIFO would be waited for, a header may claim terabytes."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise UnsamplingError("it is no file")
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if found.st_size < 8 or length > found.st_size - 8:
        raise UnsamplingError("it is damaged, or no whole safetensors file (it is shorter than it says)")
    if length > HEADER:
        raise UnsamplingError(f"it is no noise file: its header has {bytes_in_words(length)}")

"""Limits in GiB that a user sets: an environment variable, or a setting of the program that calls."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from .errors import UnsamplingError

GIB = 2**30
_settings: ContextVar[Mapping[str, Any] | None] = ContextVar("settings", default=None)


@contextmanager
def set_to(settings: Mapping[str, Any]) -> Iterator[None]:
    """Within it, what the caller's settings say, by the variable that goes before them."""
    before = _settings.set(settings)
    try:
        yield
    finally:
        _settings.reset(before)


def bytes_set(variable: str, gib: float, what: str) -> float:
    """Bytes that an environment variable tells in GiB; without it a setting, and without that so many GiB.

    what: it is, for the sentence. Raises: UnsamplingError where it is not a number of GiB.
    """
    named, told = f"the environment variable {variable}", os.environ.get(variable)
    if told is None:
        named, told = f"the setting that {variable} stands for", (_settings.get() or {}).get(variable, gib)
    try:
        number = float(told)
    except (TypeError, ValueError):
        number = -1.0
    if not number >= 0:
        raise UnsamplingError(f"{named} is {told!r}; set it to the {what} ({gib:g} without it)")
    return number * GIB

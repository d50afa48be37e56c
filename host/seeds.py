"""The random numbers that a model's own code draws: the same each time, and none taken from others."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def apart() -> Iterator[None]:
    """What is drawn inside changes nothing of what is drawn after it."""
    drawn, drawn_by_python = np.random.get_state(), random.getstate()
    try:
        with torch.random.fork_rng(range(torch.cuda.device_count())):
            yield
    finally:
        np.random.set_state(drawn)
        random.setstate(drawn_by_python)


def seed(number: int) -> None:
    """Seeds torch's generators of all devices, numpy's and Python's."""
    torch.manual_seed(number)
    np.random.seed(number)
    random.seed(number)

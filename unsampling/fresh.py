"""Random numbers by name: the same name gives the same noise, on every machine and in any order."""

import hashlib

import torch
from torch import Tensor


def drawn(name: str, shape: torch.Size) -> Tensor:
    """Unit noise of that name, drawn on the CPU."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest, "big") >> 1)
    return torch.randn(shape, generator=generator)

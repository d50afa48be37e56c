"""A digest over the weights of a network, made once for each network that is loaded."""

import hashlib
import weakref
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .origin import Unnamed

# by network: a digest of some numbers of each weight, and that of all of them. No tensor is held here, and a
# network that is unloaded goes.
_known: "weakref.WeakKeyDictionary[nn.Module, tuple[str, str]]" = weakref.WeakKeyDictionary()
SOME = 32  # numbers of each weight that tell whether it is still the same


def weights(network: nn.Module, modules: list[tuple[str, nn.Module]], originals: dict[str, Tensor]) -> str:
    """modules: all of the network, by dotted name. originals: by name the weights in whose place patched ones
    stand at this moment.

    Raises: Unnamed for weights of a type that keeps its numbers elsewhere.
    """
    found = list(_weights(modules, originals))
    some = _digest((name, _some(x)) for name, x in found)
    known = _known.get(network)
    if known is not None and known[0] == some:
        return known[1]
    whole = _digest(found)
    _known[network] = some, whole
    return whole


def _weights(modules: list[tuple[str, nn.Module]], originals: dict[str, Tensor]) -> Iterator:
    for path, module in modules:
        for name, x in [*module._parameters.items(), *module._buffers.items()]:
            full = f"{path}.{name}" if path else name
            x = originals.get(full, x)
            if x is not None:
                check_plain(x, f"the weight {full}")
                yield full, x.detach()


def check_plain(x: Tensor, where: str) -> None:
    """Raises: Unnamed for a tensor that is more, or less, than its numbers."""
    plain = type(x) in (Tensor, nn.Parameter) or type(x).__module__ == "torch.nn.parameter"
    if not plain or x.layout is not torch.strided or x.is_quantized or x.is_meta:
        raise Unnamed(f"{where} is a {type(x).__name__} whose numbers lie elsewhere")


def bytes_of(x: Tensor) -> memoryview:
    """The numbers of a tensor, wherever it lies."""
    whole = x.detach().resolve_conj().resolve_neg().to("cpu").contiguous().reshape(-1)
    return whole.view(torch.uint8).numpy().data


def _some(x: Tensor) -> Tensor:
    """Numbers of a weight from all over it."""
    flat = x.reshape(-1) if x.is_contiguous() else x.flatten()
    return flat[:: max(1, len(flat) // SOME)]


def _digest(named) -> str:
    content = hashlib.blake2b(digest_size=20)
    for name, x in named:
        content.update(f"{name}\0{x.dtype}\0{tuple(x.shape)}\0".encode())
        content.update(bytes_of(x))
    return content.hexdigest()

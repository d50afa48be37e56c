"""What other packs have put in the place of ComfyUI's or torch's own, for all models at once: no MODEL tells
of it."""

import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from types import FunctionType, MethodType, ModuleType

from .origin import Unnamed, of_file

TORCH = ("torch", "torch.nn", "torch.nn.functional")
ATTENTION = ("optimized_attention", "optimized_attention_masked", "scaled_dot_product_attention")
LAYERS = 16  # of wrappers around a function that are looked at


def check(folders: Iterable[str]) -> None:
    """folders: those of all packs.

    Raises: Unnamed where one of them has put something of its own in the place of ComfyUI's or torch's.
    """
    packs = tuple({one.as_posix() for folder in map(Path, folders) for one in (folder, folder.resolve())})
    for name, module in _looked_at():
        for where, thing in _things(name, module):
            for called, file in _layers(thing):
                of_a_pack = file.replace("\\", "/").startswith(packs)
                if of_a_pack and of_file(Path(file).resolve()) is None:
                    raise Unnamed(f"another pack has put its {called} in the place of {where}")


def attention() -> list[str]:
    """The functions that compute attention at this moment, wherever ComfyUI's modules have one: a pack may
    choose another of ComfyUI's own, or a library's."""
    found = set()
    for _, module in _looked_at():
        for name in ATTENTION:
            one = vars(module).get(name)
            if one is not None:
                found.add(f"{name}: {getattr(one, '__module__', '')}.{_called(one)}")
    return sorted(found)


def _looked_at() -> Iterator[tuple[str, ModuleType]]:
    for name, module in list(sys.modules.items()):
        ours = name.partition(".")[0] == "comfy" or name in TORCH or name.startswith("torch.nn.modules.")
        if ours and isinstance(module, ModuleType):
            yield name, module


def _things(name: str, module: ModuleType) -> Iterator[tuple[str, object]]:
    """All that a module, and the classes that are defined there, have that may be called."""
    whose = "" if name.startswith("torch") else "ComfyUI's "
    for key, thing in list(vars(module).items()):
        yield f"{whose}{name}.{key}", thing
        if isinstance(thing, type) and thing.__module__ == name:
            for field, one in list(vars(thing).items()):
                yield f"{whose}{name}.{key}.{field}", one


def _layers(thing: object) -> Iterator[tuple[str, str]]:
    """What a thing is called and the file of its code, then the same of what it is wrapped around."""
    for _ in range(LAYERS):
        if isinstance(thing, (staticmethod, classmethod)):
            thing = thing.__func__
        elif isinstance(thing, property):
            thing = thing.fget
        if isinstance(thing, FunctionType):
            yield thing.__code__.co_name, thing.__code__.co_filename
        elif isinstance(thing, MethodType):
            yield from _of_class(type(thing.__self__))
            thing = thing.__func__
            continue
        elif isinstance(thing, partial):
            thing = thing.func
            continue
        elif isinstance(thing, ModuleType):
            yield thing.__name__, str(getattr(thing, "__file__", None) or "")
        else:
            yield from _of_class(thing if isinstance(thing, type) else type(thing))
        own = getattr(thing, "__dict__", {})
        if "__wrapped__" not in own:
            return
        thing = own["__wrapped__"]


def _of_class(kind: type) -> Iterator[tuple[str, str]]:
    yield kind.__qualname__, str(getattr(sys.modules.get(kind.__module__), "__file__", None) or "")


def _called(thing: object) -> str:
    return str(getattr(thing, "__qualname__", type(thing).__qualname__))

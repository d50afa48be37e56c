"""What other projects' classes have, asked inside the host: for the contract of host/packs."""

import importlib
import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import takewhile
from types import ModuleType

import comfyui_version


def report() -> dict[str, list[str]]:
    """The names that host/packs declares, and those that this host lacks: required and optional ones."""
    kinds, keys = _declared("Kind"), _declared("Key")
    fields = [f"{_name(kind)}.{field}" for kind in kinds for field in _all_fields(kind)]
    lacking = [key for key in keys if not _written(key)]
    return {
        "declared": [*fields, *(key.name for key in keys)],
        "missing": [*_missing(kinds), *(f"{key.module} {key.name}" for key in lacking if not key.optional)],
        "missing_optional": [
            *_missing([replace(kind, fields=kind.optional, own=()) for kind in kinds], _has_or_is_given),
            *(f"{key.module} {key.name}" for key in lacking if key.optional),
        ],
        "invented": _missing(_invented(kinds[0])),
        "comfyui": [comfyui_version.__version__],
    }


def _declared(kind: str) -> list:
    """What the files of host/packs declare of that kind, each once."""
    modules = [module for name, module in list(sys.modules.items()) if ".host.packs." in name]
    return list({thing: None for module in modules for thing in _all(module) if type(thing).__name__ == kind})


def _all(module: ModuleType) -> list:
    """What stands in a module, and in its tuples."""
    values = list(vars(module).values())
    return [one for value in values for one in (value if isinstance(value, tuple) else (value,))]


def _invented(kind) -> list:
    """A class and a field that nobody has, for the test of the test."""
    wheres = ("animatediff.context:NoSuchClass", "animatediff.context:ContextOptions")
    return [replace(kind, where=where, fields=("no_such_field",), own=()) for where in wheres]


def _missing(kinds: list, has: Callable | None = None) -> list[str]:
    """Of these kinds, each class and each field that is not there. has: _has() if not given."""
    return [line for kind in kinds for line in _missing_of(kind, has or _has)]


def _all_fields(kind) -> tuple[str, ...]:
    return (*kind.fields, *kind.own, *kind.optional)


def _missing_of(kind, has: Callable) -> list[str]:
    wanted = (*kind.fields, *kind.own)
    if kind.project.optional and _module(kind.where.split(":")[0]) is None:
        return []
    if wanted and _class(kind) is None:
        return [_name(kind)]
    return [f"{_name(kind)}.{field}" for field in wanted if not has(kind, field)]


def _name(kind) -> str:
    return f"{kind.project.name} {kind.where}"


def _has(kind, field: str) -> bool:
    """Whether instances of that class have it: as an attribute of the class, or set by one of its methods."""
    owner = _class(kind)
    return owner is not None and (hasattr(owner, field) or any(_sets(base, field) for base in owner.__mro__))


def _has_or_is_given(kind, field: str) -> bool:
    """The same, or whether its module sets it on some of them, from outside the class."""
    owner = _class(kind)
    given = rf"\b(?!self\b)\w+\.{re.escape(field)}\s*=(?!=)"
    return _has(kind, field) or (
        owner is not None and re.search(given, inspect.getsource(sys.modules[owner.__module__])) is not None
    )


def _sets(owner: type, field: str) -> bool:
    if field in getattr(owner, "__annotations__", {}):
        return True
    source = _source(owner)
    field = field.removeprefix(f"_{owner.__name__}") if "__" in field else field  # a private one
    return re.search(rf"self\.{re.escape(field)}\b\s*(:[^=\n]+|,[^=()\n]+)?=(?!=)", source) is not None


def _source(owner: type) -> str:
    """The text of a class; "" for one of Python's own.

    inspect.getsource() of a class parses its whole module, in which Python 3.11 now and then stops ("AST
    constructor recursion depth mismatch").
    """
    try:
        lines = inspect.getsource(sys.modules[owner.__module__]).splitlines()
    except (OSError, TypeError):
        return ""
    begin = re.compile(rf"( *)class {owner.__name__}\b")
    found = [(place, match) for place, line in enumerate(lines) if (match := begin.match(line))]
    if not found:
        return ""
    place, match = found[-1]  # a class that is defined twice is the last one
    depth = len(match[1])
    body = takewhile(
        lambda line: not line.strip() or len(line) - len(line.lstrip()) > depth, lines[place + 1 :]
    )
    return "\n".join(body)


def _written(key) -> bool:
    """Whether the name stands in its module."""
    module = _module(key.module)
    return module is not None and re.search(rf"\b{key.name}\b", inspect.getsource(module)) is not None


def _class(kind) -> type | None:
    module, name = kind.where.split(":")
    return getattr(_module(module), name, None)


def _module(path: str) -> ModuleType | None:
    """A module of the host by its name, or one of a pack by the end of its name."""
    if path.startswith("comfy"):
        return importlib.import_module(path)
    found = [module for name, module in list(sys.modules.items()) if name.endswith(f".{path}")]
    return found[0] if len(found) == 1 else None

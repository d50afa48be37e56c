"""A digest over all that an object of ComfyUI, or of a known pack, answers by: values, tensors, classes.

Equal content gives the same digest in another object, process or machine. What cannot be told is a refusal
(Unnamed): closures, objects of other packs, tensors of types that keep their numbers elsewhere.
"""

import enum
import functools
import hashlib
import uuid
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _contextlib

from . import origin, run_state
from .origin import Unnamed
from .weights import bytes_of, check_plain, weights

NUMBERS = (bool, int, float, complex, str, bytes, type(None), type(...))
DECORATED, OF_TORCH = "decorate_context", _contextlib.__file__
# what Python itself sets on every class
OF_CLASSES = {
    *type("Plain", (), {}).__dict__,
    "__doc__",
    "__annotations__",
    "__parameters__",
    "__orig_bases__",
}
OF_CLASSES |= {"__static_attributes__", "__firstlineno__", "__abstractmethods__", "_abc_impl"}
NAMED = (torch.dtype, torch.layout, torch.memory_format)


class Content:
    """Takes in one thing after the other; `text` is their digest.

    where: of each thing, for the sentence about one that has no name. loaded: the MODELs that ComfyUI has on
    its devices.
    """

    def __init__(self, loaded: Iterable = ()):
        self._loaded = list(loaded)
        self._digest = hashlib.blake2b(digest_size=20)
        self._seen: dict[int, tuple[int, Any]] = {}  # by id; holds what it has, so that no id comes twice
        self._open: set[int] = set()
        self._modules: dict[str, origin.Origin | None] = {}
        for project, folder in origin.always().items():
            self._note(project, origin.code_in(project, folder))
        self._projects = set(origin.always())

    @property
    def text(self) -> str:
        return self._digest.hexdigest()

    def put(self, thing: Any, where: str) -> None:
        """Raises: Unnamed for what has no name."""
        if isinstance(thing, NUMBERS) and type(thing) in NUMBERS:
            self._note(type(thing).__name__, thing.hex() if isinstance(thing, float) else repr(thing))
        elif isinstance(thing, Tensor):
            self._tensor(thing, where)
        elif isinstance(thing, uuid.UUID):
            self._note("a name that ComfyUI gives anew")
        elif isinstance(thing, torch.device):
            self._note("device", thing.type)
        elif isinstance(thing, NAMED):
            self._note("of torch", str(thing))
        elif type(thing) is np.ndarray or isinstance(thing, np.generic):
            self._array(np.asarray(thing), where)
        elif isinstance(thing, PurePath):
            self._note("path", str(thing))
        elif isinstance(thing, enum.Enum):
            self._class(type(thing), where)
            self._note(thing.name)
        elif isinstance(thing, (list, tuple, dict, set, frozenset)):
            self._container(thing, where)
        elif isinstance(thing, (type, ModuleType)) or (callable(thing) and self._is_code(thing)):
            self._code(thing, where)
        else:
            self._object(thing, where)

    def _note(self, *texts: str | bytes) -> None:
        for text in texts:
            data = text.encode() if isinstance(text, str) else text
            self._digest.update(len(data).to_bytes(8, "little"))
            self._digest.update(data)

    def _tensor(self, x: Tensor, where: str) -> None:
        check_plain(x, where)
        self._note("tensor", str(x.dtype), str(tuple(x.shape)))
        self._digest.update(bytes_of(x))

    def _array(self, x: np.ndarray, where: str) -> None:
        if x.dtype.hasobject:
            raise Unnamed(f"{where} is an array of objects")
        self._note("array", str(x.dtype), str(x.shape), x.tobytes())

    def _container(self, thing: Any, where: str) -> None:
        if id(thing) in self._open:
            raise Unnamed(f"{where} holds itself")
        self._open.add(id(thing))
        self._note(type(thing).__name__, str(len(thing)))
        if type(thing) not in (list, tuple, dict, set, frozenset, OrderedDict):
            self._class(type(thing), where)
            if hasattr(thing, "__dict__"):
                self._fields(thing, where)
        if isinstance(thing, defaultdict):
            self.put(thing.default_factory, f"what {where} has for a key that it lacks")
        if isinstance(thing, dict):
            for key, one in thing.items():
                self.put(key, f"a key of {where}")
                self.put(one, f"{_short(key)} of {where}")
        elif isinstance(thing, (set, frozenset)):
            self._set(thing, where)
        else:
            for number, one in enumerate(thing):
                self.put(one, f"entry {number} of {where}")
        self._open.discard(id(thing))

    def _set(self, thing: set | frozenset, where: str) -> None:
        """Of plain values alone: objects have no order."""
        if not all(type(one) in NUMBERS for one in thing):
            raise Unnamed(f"{where} is a set of objects")
        self._note(*sorted(f"{type(one).__name__} {one!r}" for one in thing))

    @staticmethod
    def _is_code(thing: Any) -> bool:
        kinds = (FunctionType, MethodType, BuiltinFunctionType, functools.partial)
        return isinstance(thing, kinds)

    def _code(self, thing: Any, where: str) -> None:
        if isinstance(thing, type):
            self._class(thing, where)
        elif isinstance(thing, MethodType):
            self._note("method")
            self.put(thing.__func__, where)
            self.put(thing.__self__, f"the object of {where}")
        elif isinstance(thing, functools.partial):
            self._note("partial")
            for part in (thing.func, thing.args, thing.keywords):
                self.put(part, where)
        elif isinstance(thing, ModuleType):
            self._origin(thing.__name__, where, f"the module {thing.__name__}")
        else:
            self._function(thing, where)

    def _function(self, function: Any, where: str) -> None:
        name = getattr(function, "__qualname__", "")
        called = f"{name} of {function.__module__}"
        if isinstance(function, BuiltinFunctionType):
            bound = function.__self__
            if bound is not None and not isinstance(bound, ModuleType):
                raise Unnamed(f"{where} is {called}, a method of an object that has no name")
            self._note("function", str(function.__module__), name)
            return
        if function.__code__.co_name == DECORATED and function.__code__.co_filename == OF_TORCH:
            # what torch.no_grad() and the like make of a function
            for cell in function.__closure__:
                self.put(cell.cell_contents, where)
            return
        self._origin(function.__module__, where, called)
        if origin.is_borrowed(function):
            raise Unnamed(f"{where} is {called} by its name, with the code of a pack that is not known here")
        if function.__closure__:
            if not origin.is_the_modules(function):
                raise Unnamed(f"{where} is {called}, a function with values of its own in it (a closure)")
            self._note("of the module", name)
            return
        self._note("function", name, str(function.__code__.co_firstlineno), *_told(function.__code__))
        self.put(function.__defaults__, f"the defaults of {where}")
        self.put(function.__kwdefaults__, f"the defaults of {where}")
        if function.__dict__:
            self.put(function.__dict__, f"the attributes of {where}")

    def _class(self, kind: type, where: str) -> None:
        """The class and what it comes from; their code is the projects'."""
        for one in kind.__mro__:
            self._origin(one.__module__, where, f"an object of {one.__module__}.{one.__qualname__}")
            self._note("class", one.__qualname__)
            if "<locals>" in one.__qualname__:
                self._local_class(one, where)

    def _local_class(self, kind: type, where: str) -> None:
        """A class that a function makes: one of its name may be another at each call."""
        for name, field in vars(kind).items():
            code = getattr(getattr(field, "__func__", field), "__code__", None)
            if code is not None:
                if set(code.co_freevars) - {"__class__"}:
                    raise Unnamed(f"{where} is of {kind.__qualname__}, whose {name} is a closure")
                self._note(name, str(code.co_firstlineno), *_told(code))
            elif name not in OF_CLASSES:
                self._note(name)
                self.put(field, f"{name} of the class of {where}")

    def _origin(self, module: str, where: str, what: str) -> None:
        if module not in self._modules:
            self._modules[module] = origin.of(module)
        found = self._modules[module]
        if found is None:
            raise Unnamed(f"{where} is {what}, which this pack does not know")
        self._note("of", found.project, found.module)
        if found.folder is not None and found.project not in self._projects:
            self._projects.add(found.project)
            self._note(origin.code_in(found.project, found.folder))

    def _object(self, thing: Any, where: str) -> None:
        """Class and fields; an object that was met before by its number, so that it may hold itself."""
        if id(thing) in self._seen:
            self._note("again", str(self._seen[id(thing)][0]))
            return
        self._seen[id(thing)] = (len(self._seen), thing)
        self._class(type(thing), where)
        if isinstance(thing, nn.Module):
            self._network(thing, where, {}, {})
        elif run_state.is_patcher(thing):
            self._patcher(thing, where)
        else:
            self._fields(thing, where)

    def _fields(self, thing: Any, where: str) -> None:
        gone = run_state.left_by_runs(type(thing))
        for name, value in fields(thing, where):
            if name not in gone:
                self._note(name)
                self.put(value, f"{name} of {where}")

    def _patcher(self, patcher: Any, where: str) -> None:
        """A MODEL: its network as it is without patches, then the patches and all else that is set on it."""
        model, originals = run_state.network(patcher)
        self._seen.setdefault(id(model), (len(self._seen), model))
        self._class(type(model), where)
        with run_state.without_injections(patcher, self._loaded):
            self._network(model, where, *originals)
        self._fields(patcher, where)

    def _network(self, network: nn.Module, where: str, tensors: dict, objects: dict) -> None:
        """tensors, objects: by dotted name what stands there when no patch is applied."""
        modules = list(run_state.modules(network, objects))
        self._note("network", weights(network, modules, tensors))
        for path, module in modules:
            self._note(path)
            self._class(type(module), f"{path or 'the network'} of {where}")
            gone = run_state.left_by_runs(type(module))
            for name, value in vars(module).items():
                full = f"{path}.{name}" if path else name
                value = objects.get(full, value)
                if name in run_state.OF_TORCH:
                    if name.endswith("hooks") and value:
                        raise Unnamed(
                            f"{full} of {where} has hooks of torch's, which this pack does not know"
                        )
                elif name not in gone and not _is_own(value, module, name):
                    self._note(name)
                    self.put(value, f"{full} of {where}")


def _is_own(value: Any, module: nn.Module, name: str) -> bool:
    """Whether this is a method of the module's class, which a run has put back in its place."""
    bound = isinstance(value, MethodType) and value.__self__ is module
    return bound and getattr(type(module), name, None) is value.__func__


def fields(thing: Any, where: str) -> Iterator[tuple[str, Any]]:
    """The fields of an object, in an order of their own. Raises: Unnamed for one that shows none."""
    slots = [name for kind in type(thing).__mro__ for name in _slots(kind)]
    if not hasattr(thing, "__dict__") and not slots:
        raise Unnamed(f"{where} is a {type(thing).__name__}, which does not show what it holds")
    hidden = [kind for kind in type(thing).__mro__ if origin.hides(kind)]
    if hidden:
        raise Unnamed(f"{where} is a {type(thing).__name__}, a {hidden[0].__name__} with more to it")
    found = {name: getattr(thing, name) for name in slots if hasattr(thing, name)}
    return iter(sorted((found | getattr(thing, "__dict__", {})).items(), key=lambda item: str(item[0])))


def _slots(kind: type) -> list[str]:
    slots = kind.__dict__.get("__slots__", ())
    return [name for name in ([slots] if isinstance(slots, str) else slots) if not name.startswith("__")]


def _told(code: CodeType) -> Iterator[str | bytes]:
    """What tells two functions on one line apart."""
    yield code.co_code
    yield repr(code.co_names)
    yield repr([one for one in code.co_consts if not isinstance(one, CodeType)])


def _short(key: Any) -> str:
    text = repr(key)
    return text if len(text) <= 60 else f"{text[:60]}..."

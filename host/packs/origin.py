"""Whose code a class or function is, and a digest of it: what stands for behaviour where content is named.

Known are ComfyUI, AnimateDiff-Evolved, Advanced-ControlNet, this pack and torch. Of another pack's code
nobody here knows what it remembers in its modules, so that it has no name.
"""

import functools
import hashlib
import sys
import time
from collections import OrderedDict, defaultdict
from pathlib import Path
from types import FunctionType
from typing import NamedTuple

import numpy as np
import torch

from .advanced_controlnet import ACN
from .animatediff import ADE
from .core import CORE

# of Python and of libraries, whose versions are named apart
PLAIN = {
    *("abc", "builtins", "collections", "dataclasses", "enum", "fractions", "functools", "math", "operator"),
    *("pathlib", "types", "typing"),
    *("numpy", "torch"),
}
# where their code lies, and Python's own, among which site-packages lies too
LIBRARIES = [Path(str(one.__file__)).resolve().parent for one in (torch, np)]
PYTHON = Path(functools.__file__).resolve().parent
# of torch's objects, those whose code is made at run time
MADE = ("torch._C", "torch._dynamo", "torch._inductor", "torch.fx", "torch.jit")
# the folders of ComfyUI's code, and those that the other two packs have theirs in
PARTS = ("comfy", "comfy_api", "comfy_extras")
FOLDERS = {"animatediff": ADE.name, "adv_control": ACN.name}
HERE = Path(__file__).resolve().parents[2]
STARTED = time.time()
MADE_IN_PYTHON = 1 << 9  # of a class: Py_TPFLAGS_HEAPTYPE
SHOWN = {object, dict, list, tuple, set, frozenset, OrderedDict, defaultdict}


class Unnamed(Exception):
    """What has no name that is the same whenever it is the same: the reason, in words."""


class Origin(NamedTuple):
    """A module of a known project, by names that are the same on every machine. folder: where the project's
    code lies; None for a library's."""

    project: str
    module: str
    folder: Path | None = None


def of(module: str) -> Origin | None:
    """The origin of a module that is loaded; None for code that is not known."""
    if module.partition(".")[0] in PLAIN and not module.startswith(MADE):
        return Origin("", module)
    found = getattr(sys.modules.get(module), "__file__", None)
    return None if found is None else of_file(Path(found).resolve())


def is_the_modules(function: FunctionType) -> bool:
    """Whether a module has this function under its own name, as a decorator leaves one: its code says
    what it is made of."""
    return getattr(sys.modules.get(function.__module__), function.__qualname__, None) is function


def is_borrowed(function: FunctionType) -> bool:
    """Whether the code of a function is not its module's, nor known: functools.wraps gives a function of
    another pack the name of the one that it stands for."""
    file = Path(function.__code__.co_filename).resolve()
    home = getattr(sys.modules.get(function.__module__), "__file__", None)
    if home is not None and Path(home).resolve() == file:
        return False
    known = file.parent == PYTHON or any(folder in file.parents for folder in LIBRARIES)
    return not known and of_file(file) is None


def hides(kind: type) -> bool:
    """Whether objects of this class may hold what no field shows, such as numbers, texts and queues."""
    return not kind.__flags__ & MADE_IN_PYTHON and kind not in SHOWN


def of_file(file: Path) -> Origin | None:
    """The origin of what stands in a file; None for code that is not known."""
    core = core_folder()
    own = [(f"Unsampling's {part}", HERE / part) for part in ("host", "unsampling")]
    roots = own + [(f"{CORE.name}'s {part}", core / part) for part in PARTS]
    roots += [(FOLDERS[parent.name], parent) for parent in file.parents if parent.name in FOLDERS]
    for project, root in roots:
        if root in file.parents:
            return Origin(project, file.relative_to(root).as_posix(), root)
    return None


def core_folder() -> Path:
    """Where ComfyUI itself lies."""
    return Path(str(sys.modules["folder_paths"].__file__)).resolve().parent


def always() -> dict[str, Path]:
    """The folders of code that every pass runs through, by project."""
    return {
        f"{CORE.name}'s comfy": core_folder() / "comfy",
        "Unsampling's host": HERE / "host",
        "Unsampling's engine": HERE / "unsampling",
    }


def code_in(project: str, folder: Path) -> str:
    """A digest of the code in a folder, as it was when ComfyUI was started.

    Raises: Unnamed where it was changed since.
    """
    content = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.rglob("*.py")):
        if path.stat().st_mtime > STARTED:
            raise Unnamed(f"{project} has code that was changed since ComfyUI was started: start it again")
        content.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        content.update(path.read_bytes())
    return content.hexdigest()

"""The pack's modules by their names, and what each one imports, read from its source."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACK = ("nodes", "host", "unsampling")  # what ComfyUI loads, with the root's own __init__.py
BESIDE = ("tools", "demo", "benchmarks")
COMFY = {
    "comfy",
    "comfy_api",
    "comfy_execution",
    "comfy_extras",
    "comfyui_version",
    "folder_paths",
    "latent_preview",
    "server",
}


def module_name(path: Path) -> str:
    """The name inside the pack; that of the pack itself is empty."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module_name(path): path
    for path in [ROOT / "__init__.py"]
    + [path for folder in (*PACK, *BESIDE) for path in sorted((ROOT / folder).rglob("*.py"))]
    if "out" not in path.parts
}
SOURCES = {name: path.read_text() for name, path in MODULES.items()}
OF_PACK = [name for name in MODULES if name.split(".")[0] in ("", *PACK)]
OF_PACKS = [name for name in OF_PACK if name.startswith("host.packs.")]


def is_package(name: str) -> bool:
    return MODULES[name].name == "__init__.py"


def shown(name: str) -> str:
    """The id of a test about a module."""
    return name or "the pack"


def _statements(name: str, source: str, package: bool) -> Iterator[tuple[str, list[str]]]:
    """Each import of a module, in functions and for type checkers too: the module that it names, and what it
    takes of it."""
    base = name.split(".") if package else name.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = base[: len(base) - node.level + 1] if node.level else []
            origin = ".".join([*above, *(node.module or "").split(".")]).strip(".")
            yield origin, [alias.name for alias in node.names]


def imports(name: str, source: str, package: bool) -> set[str]:
    """What a module may have imported by its statements: modules, or names in them."""
    found: set[str] = set()
    for origin, taken in _statements(name, source, package):
        found |= {origin, *(f"{origin}.{one}".strip(".") for one in taken)}
    return found


def imports_of(name: str) -> set[str]:
    return imports(name, SOURCES[name], is_package(name))


def tops(name: str) -> set[str]:
    """The outermost packages that a module imports, without Python's own."""
    return {one.split(".")[0] for one in imports_of(name)} - set(sys.stdlib_module_names)


def edges(name: str, source: str, package: bool) -> set[str]:
    """The modules of ours that must have run before a module can: those that it imports, those of which it
    takes a name, and the packages around them, which run first. Its own packages run already, so that they
    are only needed for a name."""
    needed: set[str] = set()
    for origin, taken in _statements(name, source, package):
        modules = {f"{origin}.{one}".strip(".") for one in taken} & MODULES.keys()
        if not taken or len(modules) < len(taken):
            needed.add(origin)
        around = {above for one in (origin, *modules) for above in _packages(one)}
        needed |= modules | {one for one in around if not name.startswith(f"{one}.")}
    return (needed & MODULES.keys()) - {name}


def _packages(name: str) -> list[str]:
    """The packages that a module lies in."""
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]

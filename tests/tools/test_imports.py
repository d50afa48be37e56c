"""The folder says what may be imported, and no import goes in a circle (ARCHITECTURE.md)."""

import ast
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("nodes", "host", "unsampling", "tools", "demo", "benchmarks")
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
HOST_WITH_COMFY = {"host.sampling", "host.models", "host.screen", "host.clips"}
ENGINE = {"torch", "numpy"}
MORE = {  # what parts of unsampling/ need besides
    "unsampling.storage": {"safetensors"},
    "unsampling.report": {"PIL"},
    "unsampling.video": {"av", "kornia"},
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module_name(path): path
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "out" not in path.parts
}


def imports(name: str, source: str, package: bool) -> set[str]:
    """The modules that a module imports anywhere, in functions and for type checkers too."""
    base = name.split(".") if package else name.split(".")[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = base[: len(base) - node.level + 1] if node.level else []
            origin = ".".join([*above, *(node.module or "").split(".")]).strip(".")
            found |= {origin} | {f"{origin}.{alias.name}".strip(".") for alias in node.names}
    return found


def imports_of(name: str) -> set[str]:
    path = MODULES[name]
    return imports(name, path.read_text(), path.name == "__init__.py")


def tops(name: str) -> set[str]:
    """The outermost packages that a module imports, without Python's own."""
    return {one.split(".")[0] for one in imports_of(name)} - set(sys.stdlib_module_names)


def allowed(name: str) -> set[str]:
    """The outermost packages that this module may import."""
    folder = name.split(".")[0]
    if folder == "unsampling":
        more = [extra for part, extra in MORE.items() if name == part or name.startswith(f"{part}.")]
        return {"unsampling", *ENGINE}.union(*more)
    if folder == "nodes":
        return {"nodes", "host", "unsampling", "comfy_api"}
    comfy = COMFY if name in HOST_WITH_COMFY or name.startswith("host.packs.") else set()
    return {"host", "unsampling", "tqdm", *ENGINE, *comfy}


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] in FOLDERS[:3]])
def test_a_module_imports_what_its_folder_may(name):
    assert tops(name) <= allowed(name)


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] in FOLDERS[3:]])
def test_tools_demo_and_benchmarks_leave_the_host_part_alone(name):
    if not name.startswith("benchmarks.host."):  # those run inside ComfyUI
        assert not tops(name) & {"nodes", "host"}


def test_the_rules_can_be_broken():
    source = "import comfy.utils\ndef f():\n    from ..nodes import inputs\n    from . import record\n"
    found = imports("host.passes", source, False)
    assert found == {"comfy.utils", "comfy", "nodes", "nodes.inputs", "host", "host.record"} - {"comfy"}
    assert imports("host", "from .packs import core", True) == {"host.packs", "host.packs.core"}
    assert not {one.split(".")[0] for one in found} <= allowed("host.passes")


def test_no_import_goes_in_a_circle():
    graph = {name: {one for one in imports_of(name) if one in MODULES and one != name} for name in MODULES}
    for name in MODULES:  # `from . import x` names the package too, which imports nothing of its own by that
        graph[name] = {one for one in graph[name] if not name.startswith(f"{one}.")}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" imports ".join(error.args[1]))
    assert len(order) == len(MODULES) > 100


def foreign_names() -> set[str]:
    """The fields that host/packs declares, but for single words, which may be ours as well."""
    kinds = [
        node
        for name in MODULES
        if name.startswith("host.packs.")
        for node in ast.walk(ast.parse(MODULES[name].read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Kind"
    ]
    texts = [leaf.value for kind in kinds for leaf in ast.walk(kind) if isinstance(leaf, ast.Constant)]
    return {text for text in texts if isinstance(text, str) and text.isidentifier() and "_" in text}


def read_in(source: str) -> set[str]:
    """The attributes that are read or written in a source, by name or by a text."""
    nodes = list(ast.walk(ast.parse(source)))
    by_text = [
        node.args[1].value
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("getattr", "hasattr", "setattr")
        and isinstance(node.args[1], ast.Constant)
    ]
    return {node.attr for node in nodes if isinstance(node, ast.Attribute)} | set(by_text)


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] in FOLDERS[:3]])
def test_foreign_fields_are_read_through_one_function(name):
    assert len(foreign_names()) > 40
    assert not read_in(MODULES[name].read_text()) & foreign_names()


def test_a_foreign_field_that_is_read_directly_is_found():
    assert read_in("a.fuse_method; getattr(b, 'context_length', None)") == {"fuse_method", "context_length"}
    assert {"fuse_method", "context_length"} <= foreign_names()


def test_no_module_is_longer_than_300_lines_and_the_median_function_than_7():
    lines = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert max(lines.values()) <= 300
    functions = sorted(
        node.end_lineno - node.lineno + 1
        for path in MODULES.values()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )
    assert functions[len(functions) // 2] <= 7

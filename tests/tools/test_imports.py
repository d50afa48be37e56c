"""The folder says what may be imported, and no import goes in a circle (ARCHITECTURE.md)."""

import ast
from graphlib import CycleError, TopologicalSorter

import pytest
from pack_modules import (
    BESIDE,
    COMFY,
    MODULES,
    OF_PACK,
    PACK,
    SOURCES,
    edges,
    imports,
    is_package,
    shown,
    tops,
)

HOST_WITH_COMFY = {"host.sampling", "host.counted", "host.models", "host.screen", "host.clips"}
ENGINE = {"torch", "numpy"}
MORE = {  # what parts of unsampling/ need besides
    "unsampling.cache_folder": {"filelock"},
    "unsampling.storage": {"safetensors"},
    "unsampling.tensor_file": {"safetensors"},
    "unsampling.report": {"PIL"},
    "unsampling.video": {"av", "kornia"},
}
# what the folders beside the pack import today, part by part
USED = {
    "tools": {"tools"},
    "tools.client": {"tools", "websocket", "PIL", "av"},
    "tools.workflows": {"tools"},
    "tools.farm": {"tools", "typer", "rich", "ray", "yaml", "PIL", "av"},
    # it draws workflows with the browser of tests/browser, and the documentation's site
    "tools.dev": {"tools", "browser", "playwright", "PIL", "pathspec", "mkdocs", "latex2mathml"},
    "demo": {
        *("demo", "unsampling"),
        *("torch", "numpy", "safetensors", "diffusers", "PIL", "matplotlib", "av", "tqdm"),
    },
    "benchmarks": {
        *("benchmarks", "demo", "unsampling"),
        *("torch", "numpy", "safetensors", "matplotlib", "tqdm"),
    },
    # it runs tools/restyle.py on the two servers of tests/host, and its scheduler on paper
    "benchmarks.farm": {"benchmarks", "tools", "simpy", "farm_servers"},
    # it opens pages of the servers of tests/host in the browser of tests/browser
    "benchmarks.opening": {
        *("benchmarks", "tools", "browser", "playwright", "comfy_server", "comfyui_workflow_templates_json"),
    },
    # they run inside ComfyUI, whose `nodes` this is; the pack goes by the name that tests give it, and two
    # files of tests/host make the models
    "benchmarks.host": {
        *("benchmarks", "demo", "tools", "unsampling_pack", "family_models", "tiny_models"),
        *("comfy", "comfy_api", "comfy_extras", "folder_paths", "nodes", "server"),
        *("torch", "numpy", "safetensors"),
    },
}
# ways past an import statement, and past a field's name
HIDDEN = {
    *("importlib", "runpy", "pkgutil", "__import__", "eval", "exec", "sys.modules"),
    *("vars", "__dict__", "__getattribute__", "attrgetter", "methodcaller"),
}
# AnimateDiff-Evolved's folder may have any name, so that its function is looked up beside a class of it
NEEDED = {
    "host.packs.animatediff_windows": {"sys.modules"},
    "host.packs.fields": {"vars"},
    # they take in all that an object has, and whose code it is, of whatever project
    "host.packs.content": {"vars", "__dict__"},
    "host.packs.run_state": {"__dict__"},
    "host.packs.origin": {"sys.modules"},
    "host.packs.replaced": {"vars", "sys.modules"},
    "host.packs.environment": {"vars", "sys.modules"},
}


def allowed(name: str) -> set[str]:
    """The outermost packages that this module may import."""
    folder = name.split(".")[0]
    if folder == "":
        return {"nodes"}
    if folder == "unsampling":
        more = [extra for part, extra in MORE.items() if name == part or name.startswith(f"{part}.")]
        return {"unsampling", *ENGINE}.union(*more)
    if folder == "nodes":
        return {"nodes", "host", "unsampling", "comfy_api"}
    comfy = COMFY if name in HOST_WITH_COMFY or name.startswith("host.packs.") else set()
    return {"host", "unsampling", "tqdm", *ENGINE, *comfy}


@pytest.mark.parametrize("name", OF_PACK, ids=shown)
def test_a_module_imports_what_its_folder_may(name):
    assert tops(name) <= allowed(name)


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] in BESIDE])
def test_tools_demo_and_benchmarks_leave_the_host_part_alone(name):
    if not name.startswith("benchmarks.host."):  # those run inside ComfyUI
        assert not tops(name) & {"nodes", "host"}


def part_of(name: str) -> str:
    """The part of USED that a module beside the pack belongs to."""
    return max((part for part in USED if f"{name}.".startswith(f"{part}.")), key=len)


@pytest.mark.parametrize("part", USED)
def test_what_the_folders_beside_the_pack_import_is_known(part):
    modules = [name for name in MODULES if name.split(".")[0] in BESIDE and part_of(name) == part]
    assert set().union(*map(tops, modules)) == USED[part]


def test_the_tools_know_nothing_of_the_pack():
    """They run without torch, and next to any version of it."""
    for part in ("tools", "tools.client", "tools.farm", "tools.workflows", "tools.dev"):
        assert not USED[part] & {*PACK, "unsampling_pack", "demo", "benchmarks", "torch"}


def test_the_rules_can_be_broken():
    source = "import comfy.utils\ndef f():\n    from ..nodes import inputs\n    from . import record\n"
    found = imports("host.passes", source, False)
    assert found == {"comfy.utils", "comfy", "nodes", "nodes.inputs", "host", "host.record"} - {"comfy"}
    assert imports("host", "from .packs import core", True) == {"host.packs", "host.packs.core"}
    assert not {one.split(".")[0] for one in found} <= allowed("host.passes")


def test_the_packs_own_init_is_held_to_the_rules():
    assert tops("") == {"nodes"} == allowed("")
    found = imports("", "async def f():\n    from .host import models\n    import comfy.utils\n", True)
    assert found == {"host", "host.models", "comfy.utils"}
    assert not {one.split(".")[0] for one in found} <= allowed("")


def hidden_in(source: str) -> set[str]:
    """The words of HIDDEN that a source uses, or imports."""
    found = imports("", source, False)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found |= {node.attr, ast.unparse(node)}
    return found.union(*(one.split(".") for one in found)) & HIDDEN


@pytest.mark.parametrize("name", OF_PACK, ids=shown)
def test_nothing_is_imported_or_read_past_the_rules(name):
    assert hidden_in(SOURCES[name]) == NEEDED.get(name, set())


@pytest.mark.parametrize(
    "source, words",
    [
        ("import importlib", {"importlib"}),
        ("from importlib import import_module as load", {"importlib"}),
        ("import importlib.util", {"importlib"}),
        ("def f():\n    return __import__('comfy')", {"__import__"}),
        ("import builtins\nbuiltins.__import__('comfy')", {"__import__"}),
        ("exec('import comfy')", {"exec"}),
        ("import sys\nsys.modules['comfy.utils']", {"sys.modules"}),
        ("from sys import modules", {"sys.modules"}),
        ("vars(options)['fuse_method']", {"vars"}),
        ("options.__dict__['fuse_method']", {"__dict__"}),
        ("from operator import attrgetter", {"attrgetter"}),
        ("object.__getattribute__(options, 'fuse_method')", {"__getattribute__"}),
        ("import sys\nsys.exit(variables)", set()),
    ],
)
def test_a_way_past_the_rules_is_found(source, words):
    assert hidden_in(source) == words


def graph(**more: str) -> dict[str, set[str]]:
    """What each module needs; more: lines at the end of a module, by its name."""
    sources = {name: f"{source}\n{more.get(name, '')}\n" for name, source in SOURCES.items()}
    return {name: edges(name, source, is_package(name)) for name, source in sources.items()}


def circle(needed: dict[str, set[str]]) -> list[str]:
    """The modules of a circle; none where there is an order in which all can run."""
    try:
        order = list(TopologicalSorter(needed).static_order())
    except CycleError as error:
        return error.args[1]
    assert len(order) == len(MODULES) > 100
    return []


def test_no_import_goes_in_a_circle():
    assert " imports ".join(circle(graph())) == ""


@pytest.mark.parametrize(
    "name, line, needed",
    [
        ("unsampling.solvers.euler", "from . import evaluation", {"unsampling.solvers.evaluation"}),
        ("unsampling.solvers.euler", "from . import pair", {"unsampling.solvers"}),
        (
            "unsampling.solvers.euler",
            "from . import evaluation, pair",
            {"unsampling.solvers", "unsampling.solvers.evaluation"},
        ),
        ("unsampling.solvers.euler", "from . import *", {"unsampling.solvers"}),
        ("unsampling.solvers.euler", "from .. import Inversion", {"unsampling"}),
        (
            "unsampling.solvers.euler",
            "from ..report import chart",
            {"unsampling.report", "unsampling.report.chart"},
        ),
        ("unsampling.solvers", "from . import euler", {"unsampling.solvers.euler"}),
        ("host.passes", "from ..unsampling.change import Change", {"unsampling", "unsampling.change"}),
        ("host.passes", "from .. import unsampling", {"unsampling"}),
        ("host.passes", "from .. import WEB_DIRECTORY", {""}),
        (
            "demo.run",
            "import unsampling.report.chart",
            {f"unsampling{one}" for one in ("", ".report", ".report.chart")},
        ),
        ("host.passes", "import torch.nn\nfrom torch import Tensor", set()),
    ],
)
def test_what_a_line_needs_before_it(name, line, needed):
    assert edges(name, line, is_package(name)) == needed


@pytest.mark.parametrize(
    "name, line",
    [
        ("unsampling.solvers.euler", "from . import pair"),
        ("unsampling.schedules", "from . import Inversion"),
        ("unsampling.solvers.evaluation", "from .euler import rise"),
        ("unsampling.errors", "def f():\n    from .checks import check_mask"),
        ("host.facts", "from . import record"),
        ("tools.widgets", "from tools.workflows import graph"),
        ("nodes.inputs", "from .. import comfy_entrypoint"),
    ],
)
def test_a_circle_is_found(name, line):
    assert name in circle(graph(**{name: line}))


def test_no_module_is_longer_than_300_lines_and_the_median_function_than_7():
    lines = {name: len(source.splitlines()) for name, source in SOURCES.items()}
    assert max(lines.values()) <= 300
    functions = sorted(
        node.end_lineno - node.lineno + 1
        for source in SOURCES.values()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )
    assert functions[len(functions) // 2] <= 7

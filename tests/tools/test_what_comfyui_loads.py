"""What ComfyUI and the browser load of the pack starts no process, runs no text, unpickles nothing and goes
nowhere: registries flag and ban packs that do."""

import ast
import re

import pytest
from pack_modules import OF_PACK, ROOT, SOURCES, shown

PROCESS = {
    *("subprocess", "multiprocessing", "pty", "ctypes", "os.system", "os.popen", "os.fork", "os.startfile"),
    *("os.posix_spawn", "os.execv", "os.spawnv", "asyncio.subprocess", "asyncio.create_subprocess_exec"),
    *("asyncio.create_subprocess_shell", "concurrent.futures.ProcessPoolExecutor"),
}
BUILT_IN = {"eval", "exec", "compile", "__import__"}
TEXT_AS_CODE = {
    *(*BUILT_IN, "builtins", "importlib", "runpy", "pkgutil", "code", "codeop"),
    *("base64", "codecs", "binascii", "marshal", "zipimport"),
}
PICKLE = {
    *("pickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "torch.load", "torch.save"),
    *("torch.jit.load", "torch.package", "numpy.load", "numpy.lib.format.read_array", "pandas"),
}
NETWORK = {
    *("socket", "ssl", "socketserver", "http", "urllib", "urllib3", "requests", "aiohttp", "httpx", "ftplib"),
    *("websocket", "websockets", "smtplib", "imaplib", "poplib", "telnetlib", "xmlrpc", "webbrowser"),
    *("huggingface_hub", "torch.hub", "torch.distributed", "asyncio.open_connection", "git", "pip"),
}
FORBIDDEN = PROCESS | TEXT_AS_CODE | PICKLE | NETWORK
HALF_FORBIDDEN = {
    "os",
    "torch",
    "asyncio",
    "numpy",
    "concurrent.futures",
}  # part of them must not be asked for
KEYWORDS = {"allow_pickle", "weights_only"}
IN_SCRIPTS = {
    "text as code": r"\beval\s*\(|\bFunction\s*\(|\bset(?:Timeout|Interval)\s*\(\s*[\"'`]|\bdocument\.write",
    "network": r"\bfetch\s*\(|XMLHttpRequest|\bWebSocket\b|EventSource|sendBeacon|RTCPeerConnection",
    "code from elsewhere": r"\bimport\s*\(|importScripts|\bWorker\s*\(|[\"'`]script[\"'`]",
}
TAKEN = r"\bfrom\s*[\"']([^\"']+)|\bimport\s*[\"']([^\"']+)"  # what a script's import statements name


def aliases(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                name = one.name if one.asname else one.name.split(".")[0]
                found[one.asname or name] = name
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return found


def named(tree: ast.AST) -> set[str]:
    """Every module, and every dotted name below one, that a source imports, uses or asks for by text."""
    stands_for, found = aliases(tree), set()
    found |= {one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names}
    found |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) if not node.level}
    found |= set(stands_for.values())
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            root, dot, rest = ast.unparse(node).partition(".")
            if root in stands_for or root in BUILT_IN:
                found.add(f"{stands_for.get(root, root)}{dot}{rest}")
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) == "getattr":
            asked = ast.unparse(node.args[0])
            found |= {"getattr of a module"} if stands_for.get(asked, asked) in HALF_FORBIDDEN else set()
        if isinstance(node, ast.keyword) and node.arg in KEYWORDS:
            found.add(node.arg)
    return found


def dangers(source: str) -> set[str]:
    """The forbidden words of a source. `os.execv` means all of os.exec..., `os.spawnv` all of os.spawn..."""
    found = set()
    for name in named(ast.parse(source)):
        plain = re.sub(r"^os\.(exec|spawn)\w+", r"os.\1v", name)
        parts = plain.split(".")
        whole = {".".join(parts[:count]) for count in range(1, len(parts) + 1)}
        found |= whole & (FORBIDDEN | KEYWORDS | {"getattr of a module"})
    return found


def script_dangers(source: str) -> set[str]:
    """The kinds of danger in a script; it may import ComfyUI's own scripts and files beside it."""
    found = {kind for kind, pattern in IN_SCRIPTS.items() if re.search(pattern, source)}
    taken = [a or b for a, b in re.findall(TAKEN, source)]
    return found | (
        {"code from elsewhere"} if any(not one.startswith((".", "/")) for one in taken) else set()
    )


@pytest.mark.parametrize("name", OF_PACK, ids=shown)
def test_a_module_is_harmless(name):
    assert dangers(SOURCES[name]) == set()


def test_scripts_are_harmless():
    scripts = sorted((ROOT / "js").rglob("*.[jm]*s"))
    assert len(scripts) >= 2
    assert {path.name: script_dangers(path.read_text(encoding="utf-8")) for path in scripts} == {
        path.name: set() for path in scripts
    }


def test_scripts_are_small():
    """All that the page loads more for us."""
    assert sum(path.stat().st_size for path in (ROOT / "js").rglob("*.[jm]*s")) < 20_000


@pytest.mark.parametrize("word", ["subprocess", "pickle", "eval(", "exec(", "compile(", "base64"])
def test_no_text_of_a_module_looks_like_it_either(word):
    """Rules of registries match the text: a comment or a longer name is enough."""
    assert [name for name in OF_PACK if word in SOURCES[name]] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import subprocess", {"subprocess"}),
        ("def f():\n    from subprocess import run as go", {"subprocess"}),
        ("import os\nos.system('ls')", {"os.system"}),
        ("from os import popen", {"os.popen"}),
        ("import os\nos.execlp('a', 'b')", {"os.execv"}),
        ("import os as o\no.spawnlp(0, 'a')", {"os.spawnv"}),
        ("import os\ngetattr(os, 'sys' + 'tem')('ls')", {"getattr of a module"}),
        ("from concurrent.futures import ProcessPoolExecutor", {"concurrent.futures.ProcessPoolExecutor"}),
        ("eval('1')", {"eval"}),
        ("run = exec", {"exec"}),
        ("import builtins", {"builtins"}),
        ("from importlib import import_module", {"importlib"}),
        ("import pickle as p", {"pickle"}),
        ("import torch\ntorch.load('x')", {"torch.load"}),
        ("from torch import load as read", {"torch.load"}),
        ("import numpy as np\nnp.load('x', allow_pickle=True)", {"numpy.load", "allow_pickle"}),
        ("from urllib.request import urlopen", {"urllib"}),
        ("import http.client", {"http"}),
        ("import torch.hub", {"torch.hub"}),
        ("import aiohttp", {"aiohttp"}),
        ("import asyncio\nasyncio.open_connection('x', 1)", {"asyncio.open_connection"}),
        (
            "import os, torch\nmodel.eval()\nos.replace('a', 'b')\ntorch.save_me\nself.socket = signal.code",
            set(),
        ),
        (
            "from . import code\nfrom .socket import x\nfrom concurrent.futures import ThreadPoolExecutor",
            set(),
        ),
    ],
)
def test_a_danger_is_found(source, found):
    assert dangers(source) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("eval('1')", {"text as code"}),
        ("const f = new Function('a', 'return a')", {"text as code"}),
        ("setTimeout('go()', 1)", {"text as code"}),
        ("await fetch('https://example.org')", {"network"}),
        ("new WebSocket(url)", {"network"}),
        ("navigator.sendBeacon(url)", {"network"}),
        ("await import(name)", {"code from elsewhere"}),
        ("import x from 'https://example.org/x.js'", {"code from elsewhere"}),
        ("document.createElement('script')", {"code from elsewhere"}),
        (
            "import { app } from '../../scripts/app.js';\napi.fetchApi('/x'); evaluated(); setTimeout(go, 1)",
            set(),
        ),
    ],
)
def test_a_danger_in_a_script_is_found(source, found):
    assert script_dangers(source) == found

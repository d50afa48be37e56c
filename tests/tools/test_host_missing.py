"""Host tests where ComfyUI does not start: one reason, whatever the number of tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.dev.find_comfy import HostMissing, check_packages, lacking

TESTS = Path(__file__).resolve().parents[1]
FRONTEND = (
    "********** ERROR ***********\n\ncomfyui-frontend-package is not installed.\n\nPlease install it\n\n***"
)
TRACE = "Traceback (most recent call last):\n  File 'main.py', line 1, in <module>\n"


def outcome(host: Path, *named: str) -> str:
    """What pytest says at its end of host tests with this ComfyUI.

    Not as on a CI: there its summary says each error once more, at full length.
    """
    other = ("CI", "BUILD_NUMBER", "COMFYUI_PACKS")
    environment = {name: one for name, one in os.environ.items() if name not in other}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "pytest.ini", "-p", "no:cacheprovider", *named],
        cwd=TESTS,
        env=environment | {"COMFYUI_PATH": str(host)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.stdout


@pytest.fixture
def host(tmp_path) -> Path:
    """A ComfyUI without packages, and without a python of its own."""
    for pack in ("comfyui-animatediff-evolved", "comfyui-advanced-controlnet"):
        (tmp_path / "custom_nodes" / pack).mkdir(parents=True)
    return tmp_path


def test_a_python_without_comfyuis_packages_skips_with_one_sentence(host):
    (host / "main.py").write_text("import torch_of_its_own")
    said = outcome(host, "host/test_host_loading.py")
    assert re.search(r"=+ 3 skipped in", said), said
    lines = re.findall(r"^SKIPPED \[(\d)\] .*host test not run: .*$", said, re.MULTILINE)
    assert lines == ["1", "2"]  # the test that found it, and all others
    assert (
        said.count(f"lacks torch_of_its_own, which ComfyUI needs: install {host}/requirements.txt there") == 2
    )


def test_an_optional_pack_that_is_not_there_skips_with_the_cure(host):
    (host / "main.py").touch()
    said = outcome(host, "host/test_host_look.py", "-k", "ipadapter_template")
    assert re.search(r"=+ 1 skipped", said), said
    places = f"{host}/custom_nodes or {host.parent}/packs"
    cure = "clone https://github.com/cubiq/ComfyUI_IPAdapter_plus into one of them"
    assert f"host test not run: no folder like *ipadapter_plus* in {places}: {cure}" in said


def test_a_comfyui_that_ends_by_itself_is_one_failure(host):
    (host / "main.py").write_text("raise ValueError('broken')")
    said = outcome(host, "host/test_host_loading.py")
    assert re.search(r"=+ 2 skipped, 1 error in", said), said
    assert said.count("ValueError: broken") == 1
    assert "[2] host" in said and "host test not run: ComfyUI ended with code 1 before it was ready" in said


@pytest.mark.parametrize(
    ("log", "package"),
    [
        (f"{TRACE}ModuleNotFoundError: No module named 'aiohttp'\n", "aiohttp"),
        (f"{TRACE}ModuleNotFoundError: No module named 'a.b'; 'a' is not a package\n", "a.b"),
        (FRONTEND, "comfyui-frontend-package"),
        ("Cannot import a pack: ModuleNotFoundError: No module named 'cv2'\nKilled\n", None),
        (f"{TRACE}ImportError: cannot import name 'x' from 'torch'\n", None),
        ("", None),
    ],
)
def test_what_a_log_says_is_lacking(log, package):
    assert lacking(log) == package


def test_a_module_of_comfyuis_own_is_no_package(tmp_path):
    (tmp_path / "comfy").mkdir()
    (tmp_path / "nodes.py").touch()
    for name in ("comfy.gone", "nodes.gone"):
        check_packages(tmp_path, f"ModuleNotFoundError: No module named '{name}'")
    with pytest.raises(HostMissing, match="lacks torch, which ComfyUI needs"):
        check_packages(tmp_path, "ModuleNotFoundError: No module named 'torch'")

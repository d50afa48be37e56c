"""Where ComfyUI is on this machine: COMFYUI_PATH, else comfy-cli's default workspace."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path


class HostMissing(Exception):
    """There is no host, or a pack is missing in it; the message says what to install where."""


def find_host() -> Path:
    """The ComfyUI folder: COMFYUI_PATH, else the usual place in the home folder."""
    named = os.environ.get("COMFYUI_PATH")
    folder = Path(named) if named else Path.home() / "comfy" / "ComfyUI"
    if not (folder / "main.py").is_file():
        raise HostMissing(
            f"no ComfyUI at {folder}: set COMFYUI_PATH to its folder, or install it at ~/comfy/ComfyUI"
        )
    return folder.resolve()


def named_frontend() -> Path | None:
    """The built frontend in place of the installed one: COMFYUI_FRONTEND, the folder of its index.html."""
    named = os.environ.get("COMFYUI_FRONTEND")
    return Path(named).resolve() if named else None


def host_python(host: Path) -> Path:
    """The python of the host's own environment if it has one, else the one that runs the tests."""
    places = (host / name / "bin" / "python" for name in (".venv", "venv"))
    return next((place for place in places if place.exists()), Path(sys.executable))


def lacking(log: str) -> str | None:
    """The package that ComfyUI ended for the lack of, by the end of what it said; None for any other end."""
    end = "\n".join(log.strip().splitlines()[-12:])
    module = re.search(r"ModuleNotFoundError: No module named '([^']+)'(?:; .*)?$", end)
    package = re.search(r"^(comfyui[\w-]+) is not installed\.$", end, re.MULTILINE)
    found = module or package
    return found[1] if found else None


def check_packages(host: Path, log: str) -> None:
    """Raises: HostMissing where ComfyUI ended because its python lacks a package."""
    package = lacking(log)
    if package is None or _has_module(host, package.split(".")[0]):
        return
    raise HostMissing(
        f"{host_python(host)} lacks {package}, which ComfyUI needs: install {host}/requirements.txt there"
    )


def _has_module(host: Path, name: str) -> bool:
    """Whether a module is of ComfyUI itself."""
    return (host / name).is_dir() or (host / f"{name}.py").is_file()

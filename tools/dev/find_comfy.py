"""Where ComfyUI is on this machine: COMFYUI_PATH, else comfy-cli's default workspace."""

from __future__ import annotations

import os
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


def host_python(host: Path) -> Path:
    """The python of the host's own environment if it has one, else the one that runs the tests."""
    places = (host / name / "bin" / "python" for name in (".venv", "venv"))
    return next((place for place in places if place.exists()), Path(sys.executable))

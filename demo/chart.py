"""The pack's own report as a picture, without ComfyUI."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

from unsampling import verdict
from unsampling.report import Report

PACK = Path(__file__).parents[1]


def _nodes(name: str) -> ModuleType:
    """A module of nodes/ that needs no ComfyUI, imported past the packages' __init__, which do."""
    for package, folder in (("unsampling_pack", PACK), ("unsampling_pack.nodes", PACK / "nodes")):
        if package not in sys.modules:
            sys.modules[package] = ModuleType(package)
            sys.modules[package].__path__ = [str(folder)]
    return importlib.import_module(f"unsampling_pack.nodes.{name}")


_drawing, _panels = _nodes("chart"), _nodes("report_panels")


def chart(report: Report) -> np.ndarray:
    """The Inversion Report's picture, uint8 [H,W,3]."""
    return _drawing.draw(*verdict.heading(report), good(report), _panels.panels(report))


def good(report: Report) -> bool:
    """Whether the report finds nothing wrong with the noise."""
    return not verdict.findings(report)

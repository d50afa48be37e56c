"""The pack's own report as a picture, without ComfyUI."""

from __future__ import annotations

import numpy as np

from tools.node_modules import node_module
from unsampling import verdict
from unsampling.report import Report

_drawing, _panels = node_module("chart"), node_module("report_panels")


def chart(report: Report) -> np.ndarray:
    """The Inversion Report's picture, uint8 [H,W,3]."""
    return _drawing.draw(*verdict.heading(report), good(report), _panels.panels(report))


def good(report: Report) -> bool:
    """Whether the report finds nothing wrong with the noise."""
    return not verdict.findings(report)

"""The pack's own report as a picture, without ComfyUI."""

from __future__ import annotations

import numpy as np

from unsampling.report import chart as drawing
from unsampling.report import panels, verdict
from unsampling.report.figures import Report


def chart(report: Report) -> np.ndarray:
    """The Inversion Report's picture, uint8 [H,W,3]."""
    return drawing.draw(*verdict.heading(report), good(report), panels.panels(report))


def good(report: Report) -> bool:
    """Whether the report finds nothing wrong with the noise."""
    return not verdict.findings(report)

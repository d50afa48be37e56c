"""The report on a restyled clip beside its source: its figures, chart, and text."""

from torch import Tensor

from ..unsampling.report import chart, restyle, restyle_panels, restyle_verdict
from . import reports, screen


def shown(source: Tensor, result: Tensor, window: int, overlap: int) -> reports.Shown:
    """The report on two IMAGE batches as the node gives it, and in the log.

    Raises: UnsamplingError for clips that cannot be compared.
    """
    figures = restyle.figures(source, result, window, overlap)
    text = "\n".join(restyle_verdict.lines(figures))
    screen.log(text)
    finding = restyle_verdict.heading(figures) if restyle_verdict.findings(figures) else None
    drawn = _picture(figures, source, result)
    return reports.Shown(drawn, chart.panels_of(drawn), text, _numbers(figures), finding)


def _picture(figures: restyle.RestyleFigures, source: Tensor, result: Tensor) -> Tensor:
    """The chart as an IMAGE."""
    good = not restyle_verdict.findings(figures)
    panels = restyle_panels.panels(figures, source, result)
    return reports.as_image(chart.draw(*restyle_verdict.heading(figures), good, panels))


def _numbers(figures: restyle.RestyleFigures) -> tuple[float, ...]:
    """The outputs from look_changed to jumps."""
    return (
        figures.look_changed,
        figures.structure_kept,
        figures.motion_kept,
        figures.flickering,
        figures.drift,
        figures.jumps,
    )

"""What a user sets for a direct path, hold and steady: in the engine's words, or refused in a sentence."""

from typing import Any

from ..unsampling import UnsamplingError
from ..unsampling.change import Change, event
from . import record
from .packs import core

AUTO = -1.0  # the direct widget's: as far as the record says


def check_direct(direct: float) -> float | None:
    """The widget's value in the engine's words. Raises: UnsamplingError unless it is -1, or 0 to 1."""
    if direct == AUTO:
        return None
    if not 0 <= direct <= 1:
        raise UnsamplingError(f"direct is {direct:g}; set it between 0 and 1, or to -1")
    return direct


def check_record(fit: record.Fit, settings: dict[str, Any], carried: bool) -> None:
    """Raises: UnsamplingError for settings above 0 that need a record which is not there any more."""
    wanted = [name for name in ("direct", "hold", "steady") if (settings[name] or 0) > 0]
    if not wanted or (carried and fit.change is not Change.FRAMES_ADDED):
        return
    why = f"{event(fit.change)}, so its record is lost" if carried else "noise carries no record"
    *most, last = wanted
    named = f"{', '.join(most)} and {last}" if most else last
    raise UnsamplingError(
        f"{why}, which {named} above 0 {'need' if most else 'needs'}; connect the Unsampler's noise as it is,"
        f" or set {named} to 0"
    )


def check_guidance(guider, cfg: float, path: range) -> None:
    """Raises: UnsamplingError for a guider that cannot be asked at the noise's cfg on a direct path."""
    given = core.conditions(guider)
    if path and cfg != 1 and "positive" in given and "negative" not in given:
        raise UnsamplingError(
            f"guider has no negative, so the direct path cannot be asked at cfg {cfg:g}, at which the noise"
            " was made; use CFG Guider, set direct to 0, or unsample at cfg 1"
        )

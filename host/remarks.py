"""What the user is told beside the progress of a falling pass: what has no effect, and what was lost."""

from typing import Any

import torch
from torch import Tensor

from ..unsampling import Inversion, UnsamplingError, direct
from ..unsampling.change import Change, event
from ..unsampling.solvers.evaluation import Callback
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
    wanted = [name for name in ("direct", "hold") if (settings[name] or 0) > 0]
    if not wanted or (carried and fit.change is not Change.FRAMES_ADDED):
        return
    why = f"{event(fit.change)}, so its record is lost" if carried else "noise carries no record"
    raise UnsamplingError(
        f"{why}, which {' and '.join(wanted)} above 0 {'need' if len(wanted) > 1 else 'needs'}; connect the"
        f" Unsampler's noise as it is, or set {' and '.join(wanted)} to 0"
    )


def check_guidance(guider, cfg: float, path: range) -> None:
    """Raises: UnsamplingError for a guider that cannot be asked at the noise's cfg on a direct path."""
    given = core.conditions(guider)
    if path and cfg != 1 and "positive" in given and "negative" not in given:
        raise UnsamplingError(
            f"guider has no negative, so the direct path cannot be asked at cfg {cfg:g}, at which the noise"
            " was made; use CFG Guider, set direct to 0, or unsample at cfg 1"
        )


def of_change(fit: record.Fit, structure: float | Tensor, path: range, lost_path: bool) -> str:
    """How the noise was changed, or that the change is not used; "" without one.

    lost_path: whether the noise came with answers for a direct path that is not there any more.
    """
    if fit.change is Change.EDITED and path:
        return (
            "; the direct path starts from the record, so the change made to the noise has no effect: set"
            " direct to 0 to use it"
        )
    if fit.change is Change.EDITED and float(torch.as_tensor(structure).min()) > 0:
        return "; structure starts from the record, so the change made to the noise has no effect"
    return (f"; {fit.remark}" if fit.remark else "") + (", and without a direct path" if lost_path else "")


class OnThePath:
    """Looks at a direct path's answers beside the source's own, for what the user should know."""

    def __init__(self, inversion: Inversion, path: range, prompts: dict[str, str]):
        """prompts: those of the pass, as models.info() has them."""
        asked = prompts.get("prompt positive")
        self.same_prompt = asked is not None and asked == inversion.info.get("prompt positive")
        kept = inversion.record.direct if inversion.record is not None else None
        self.source = inversion.record.source if inversion.record is not None else torch.empty(0)
        self.answers = () if kept is None else kept.answers[path.start : path.stop]
        self.from_top = path.start == 0
        self.same, self.across = bool(self.answers), False

    def watched(self, callback: Callback) -> Callback:
        """The callback, which also looks at the answers on the path."""

        def watch(call: int, calls: int, sigma: float, x: Tensor, denoised: Tensor) -> None:
            if call <= len(self.answers):
                self._look(call, denoised)
            callback(call, calls, sigma, x, denoised)

        return watch

    def _look(self, call: int, denoised: Tensor) -> None:
        answer = self.answers[call - 1]
        if call == 1 and self.from_top:
            found = (t.to(denoised) for t in (answer, self.source))
            self.across = direct.lies_across(denoised, *found)
        if self.same:
            self.same = torch.equal(denoised.to(answer), answer)

    @property
    def remark(self) -> str:
        if self.same:
            return (
                "; the direct path changed nothing, since the noise was made with this very prompt: describe"
                " the source in the Unsampler's positive, or set direct to 0"
            )
        if self.answers and self.same_prompt:
            return (
                "; the direct path restyles little, since the noise was made with this very prompt: describe"
                " the source in the Unsampler's positive, or set direct to 0"
            )
        if self.across:
            return (
                "; the new look is dark where the source is bright, or the other way round: Turn Lightness"
                " before VAE Encode, with an empty prompt in the Unsampler, keeps more of the shapes"
            )
        return ""

"""What the user is told beside the progress of a falling pass: what has no effect, and what was lost."""

import torch
from torch import Tensor

from ..unsampling import Inversion, direct
from ..unsampling.change import Change
from ..unsampling.solvers.evaluation import Callback
from . import record


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
        self.same = bool(self.answers)
        self.across: bool | None = None  # until a step tells

    def watched(self, callback: Callback) -> Callback:
        """The callback, which also looks at the answers on the path."""

        def watch(call: int, calls: int, sigma: float, x: Tensor, denoised: Tensor) -> None:
            if call <= len(self.answers):
                self._look(call, denoised)
            callback(call, calls, sigma, x, denoised)

        return watch

    def _look(self, call: int, denoised: Tensor) -> None:
        answer = self.answers[call - 1]
        if self.across is None and self.from_top:
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

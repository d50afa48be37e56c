"""What the user is told beside the progress of a falling pass: what has no effect, and what was lost."""

import torch
from torch import Tensor

from ..unsampling import Inversion
from ..unsampling.change import Change
from ..unsampling.solvers.evaluation import Callback
from . import record


def of_change(fit: record.Fit, structure: float | Tensor, path: range) -> str:
    """How the noise was changed, or that the change is not used; "" without one."""
    if fit.change is Change.EDITED and path:
        return "; the direct path starts from the record, so the change made to the noise has no effect"
    if fit.change is Change.EDITED and float(torch.as_tensor(structure).min()) > 0:
        return "; structure starts from the record, so the change made to the noise has no effect"
    return f"; {fit.remark}" if fit.remark else ""


class SamePrompt:
    """Notices a direct path on which every answer is the source's own: there is nothing to restyle with."""

    def __init__(self, inversion: Inversion, path: range):
        kept = inversion.record.direct if inversion.record is not None else None
        self.answers = () if kept is None else kept.answers[path.start : path.stop]
        self.same = bool(self.answers)

    def watched(self, callback: Callback) -> Callback:
        """The callback, which also looks at the answers on the path."""

        def watch(call: int, calls: int, sigma: float, x: Tensor, denoised: Tensor) -> None:
            if self.same and call <= len(self.answers):
                answer = self.answers[call - 1]
                self.same = torch.equal(denoised.to(answer), answer)
            callback(call, calls, sigma, x, denoised)

        return watch

    @property
    def remark(self) -> str:
        if not self.same:
            return ""
        return (
            "; the direct path changed nothing, since the noise was made with this very prompt: describe the"
            " source in the Unsampler's positive, or set direct to 0"
        )

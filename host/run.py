"""One pass as a node makes it: the guider, the latent it starts from, and the node that it is shown on."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..unsampling.progress import with_time_left
from ..unsampling.solvers.evaluation import Callback
from . import screen

PREVIEW = "; the preview turns into noise; this is normal"


@dataclass(frozen=True)
class Run:
    """A pass through a guider. samples: the latent that it starts from, in the VAE's scale."""

    guider: Any
    samples: Tensor
    node_id: str | None

    @property
    def model(self):
        return self.guider.model_patcher

    def say(self, text: str) -> None:
        """Shows a line of text on the node and in the log."""
        screen.say(self.node_id, text)

    def timed(self, report: Callback, doing: str, remark: str, unit: str = "model call") -> Callback:
        """The callback, which also shows the time left on the node."""

        def show(at: str) -> None:
            screen.show(self.node_id, f"{doing}: {at}{remark}")

        return with_time_left(report, show, unit=unit)

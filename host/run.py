"""One pass as a node makes it: the guider, the latent it starts from, and the node that it is shown on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ..unsampling.progress import with_time_left
from ..unsampling.solvers.evaluation import Callback
from . import screen

PREVIEW = "; the preview turns into noise; this is normal"


@dataclass(frozen=True)
class Within:
    """Of a pass that is one of several on a node: its name, the model calls before it, and those of all.

    remarks: to which it adds what it has to say at its end.
    """

    name: str
    before: int
    total: int
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Run:
    """A pass through a guider. samples: the latent that it starts from, in the VAE's scale."""

    guider: Any
    samples: Tensor
    node_id: str | None
    within: Within | None = None

    @property
    def model(self):
        return self.guider.model_patcher

    def say(self, text: str) -> None:
        """Shows a line of text on the node and in the log."""
        screen.say(self.node_id, text if self.within is None else f"{self.within.name}: {text}")

    def done(self, text: str, remark: str) -> None:
        """The same at its end, with what else there is to say."""
        self.say(text + remark)
        if self.within is not None and remark:
            self.within.remarks.append(remark)

    def timed(
        self,
        report: Callback,
        doing: str,
        remark: str,
        unit: str = "model call",
        then: Callable[[float], str] = lambda each: "",
    ) -> Callback:
        """The callback, which also shows the time left on the node. then: as with_time_left()."""

        within = self.within

        def show(at: str) -> None:
            name = "" if within is None else f"{within.name}, "
            screen.show(self.node_id, f"{name}{doing}: {at}{remark}")

        timed = with_time_left(report, show, unit=unit, then=then)
        if within is None:
            return timed
        return lambda call, calls, *rest: timed(
            within.before + call, max(within.total, within.before + calls), *rest
        )

"""One pass as a node makes it: the guider, the latent it starts from, and the node that it is shown on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ..unsampling.progress import with_time_left
from ..unsampling.solvers.evaluation import Callback
from . import screen
from .told import Told, brief_of, fitted, nothing_new

PREVIEW = Told(
    "; the preview turns into noise; this is normal", "the preview turns into noise: that is right"
)
NOISE = "noise is right"


@dataclass(frozen=True)
class Within:
    """Of a pass that is one of several on a node: its place and its name, the model calls before it, and all
    there are.

    remarks, acts: to which it adds what it has to say at its end, and what acts on it (acting.py).
    """

    place: str
    name: str
    before: int
    total: int
    remarks: list[str] = field(default_factory=list)
    acts: list[str] = field(default_factory=list)


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
        """Puts a sentence into the log, and its status line on the node."""
        screen.say(self.node_id, self._named(text))

    def _named(self, text: str) -> str:
        """A sentence with the name of the pass in front, where there are several."""
        within = self.within
        return text if within is None else Told(f"{within.name}: {text}", *brief_of(text))

    def done(self, text: str, remark: str, acts: Sequence[str] = ()) -> None:
        """The same at its end, with what else there is to say. acts: on a resampling (acting.py)."""
        if self.within is None:
            return screen.say(self.node_id, text + remark, at_end=True, same=nothing_new(acts))
        self.say(text + remark)
        self.within.acts.extend(acts)
        if remark:
            self.within.remarks.append(remark)

    def timed(
        self,
        report: Callback,
        unit: str = "call",
        then: Callable[[float], str] = lambda each: "",
        remark: str = "",
    ) -> Callback:
        """The callback, which also shows the time left on the node.

        unit, then: as with_time_left(). remark: a few words more, where there is room."""

        within = self.within

        def show(at: tuple[str, ...]) -> None:
            first, left, later = at if within is None else (f"{within.place}, {at[0]}", *at[1:])
            screen.show(self.node_id, fitted(first, left, remark, later))

        timed = with_time_left(report, show, unit=unit, then=then)
        if within is None:
            return timed
        return lambda call, calls, *rest: timed(
            within.before + call, max(within.total, within.before + calls), *rest
        )

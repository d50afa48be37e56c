"""What an unsampling leaves behind: noise, and the record that ties the two passes together
(docs/exactness.md#record).

A record keeps the source and what the model answered on the way up, nothing else: the same solver fed with
those answers walks the same way again, bit for bit and without a model call, and yields every state and
evaluation point that the falling pass needs. For a pair of one call a step that is steps + 3 latents at most,
in main memory or wherever the caller's `store` puts them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from .direct import Direct


@dataclass(frozen=True, eq=False)
class Record:
    """What an unsampling leaves behind for an exact resampling.

    outputs: what the model answered on the way up, in the order of the calls.
    half: whether model outputs were, and will be, rounded to float16, so that the record takes half the
        memory (docs/exactness.md#half).
    mask: 1 where the clip may be restyled, 0 where the source stays; broadcasts to the latent. None is all 1.
    direct: the source's answers at fresh noise, for a direct path; None if they were not asked for.
    """

    source: Tensor
    outputs: tuple[Tensor, ...]
    half: bool = False
    mask: Tensor | None = None
    direct: Direct | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of the source and of all answers."""
        fresh = () if self.direct is None else self.direct.all_answers
        return sum(t.nbytes for t in (self.source, *self.outputs, *fresh))


@dataclass(frozen=True, eq=False)
class Inversion:
    """A clip turned into noise, and how that was done.

    noise: the latent at sigmas[start], in the model's sampling space.
    sigmas: the whole falling schedule; start is 0 after a full unsampling.
    record: what makes the resampling exact, structure and masks possible; None if it was not asked for.
    calls: model calls made (NFE). info: what the caller wants to travel along.
    mixed: whether the noise was made over on purpose since (mix.py), so that no state of the record is its
    own.
    """

    noise: Tensor
    sigmas: Tensor
    solver: str
    start: int = 0
    record: Record | None = None
    calls: int = 0
    info: Mapping[str, Any] = field(default_factory=dict)
    mixed: bool = False

    @property
    def recorded(self) -> bool:
        return self.record is not None

    @property
    def steps(self) -> int:
        """Steps between the noise and the end of the schedule."""
        return len(self.sigmas) - 1 - self.start

    @property
    def direct_steps(self) -> int:
        """Steps from the top of the schedule for which the source's answers at fresh noise are kept."""
        return 0 if self.record is None or self.record.direct is None else self.record.direct.steps

    @property
    def direct_calls(self) -> int:
        """How often the model was asked for these, and for what a pass compares with before its path."""
        kept = None if self.record is None else self.record.direct
        return 0 if kept is None else kept.calls_of_source(range(kept.steps))

    def asks_bare(self, path: range, turned: bool = False) -> bool:
        """Whether a pass on that path begins with questions about the top of the schedule. turned: whether it
        asks through a mirror."""
        kept = None if self.record is None else self.record.direct
        return kept is not None and kept.asks_bare(path, turned)

    @property
    def nbytes(self) -> int:
        """Bytes of the record, the noise itself not counted."""
        return 0 if self.record is None else self.record.nbytes

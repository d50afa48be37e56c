"""Of what there is for each frame of a whole noise, what belongs to the frames in hand."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Cut:
    """A part of a noise.

    whole, have: how many frames the noise has, and how many are in hand. take: of values for at least all
    frames of the noise those of the frames in hand; raises UnsamplingError where it is not known which.
    """

    whole: int
    have: int
    take: Callable[[Tensor], Tensor]

    def __call__(self, values: Tensor) -> Tensor:
        """The values of these frames; the same object where they are not one for each frame of the noise, or
        were made for the frames in hand."""
        fit = values.ndim > 0 and len(values) >= self.whole and not self._own(len(values))
        return self.take(values) if fit else values

    def repeating(self, values: Tensor) -> Tensor:
        """The same of values of which the last one goes on to the end of the clip."""
        if values.ndim == 0 or len(values) == 1 or self._own(len(values)):
            return values
        missing = max(0, self.whole - len(values))
        return self.take(torch.cat([values, values[-1:].expand(missing, *values.shape[1:])]))

    def _own(self, count: int) -> bool:
        return count == self.have != self.whole

"""A model seen in a mirror of lightness: what is dark for it is bright for the pass, and the other way round.

Where a new look is dark and the source bright, the source's noise and everything that the network makes of it
stand for the negative of what they should. So the pass goes down in the source's own lightness, and the model
is asked through a mirror: it sees the latent turned round, and its answer is turned back. Record, noise and
direct path stay as they are, since a reflection keeps white noise white (docs/exactness.md#lightness).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .solvers.evaluation import Callback, Denoise


@dataclass(frozen=True, eq=False)
class Mirror:
    """Turns lightness round in a latent, by a reflection of each place's channels about a plane.

    direction: of lightness, a unit vector [channels]. level: how far along it middle grey lies.
    flow: whether the clip fades as the noise rises.
    """

    direction: Tensor
    level: float
    flow: bool = False

    def __call__(self, x: Tensor, sigma: float = 0.0) -> Tensor:
        """x at that sigma, turned round; twice is x itself, to rounding.

        x: [frames,channels,height,width] or [batch,channels,frames,height,width].
        """
        level = self.level * (1 - sigma) if self.flow else self.level
        return x - 2 * (self._along(x) - level) * self._direction(x)

    def parts(self, one: Tensor, other: Tensor, clip: Tensor) -> bool:
        """Whether two pictures lie on the two sides of middle grey, as far apart as the clip's own lightness
        spreads."""
        ours, theirs = (float(self._along(x).mean()) - self.level for x in (one, other))
        spread = float(self._along(clip).std())
        return ours * theirs < 0 and abs(ours - theirs) >= spread

    def _along(self, x: Tensor) -> Tensor:
        """How far each place of x lies along the direction, as one channel."""
        return (x * self._direction(x)).sum(1, keepdim=True)

    def _direction(self, x: Tensor) -> Tensor:
        return self.direction.to(x).view(1, -1, *(1,) * (x.ndim - 2))

    def seen(self, denoise: Denoise) -> Denoise:
        """The denoiser, asked through the mirror."""
        return lambda x, sigma, step: self(denoise(self(x, sigma), sigma, step))

    def shown(self, callback: Callback | None) -> Callback | None:
        """The callback, which is given what the model sees and answers."""
        if callback is None:
            return None
        return lambda call, calls, sigma, x, denoised: callback(
            call, calls, sigma, self(x, sigma), self(denoised)
        )


def of_colours(factors: Tensor, bias: Tensor, flow: bool = False) -> Mirror:
    """The mirror of a latent whose colours, from -1 to 1, are about `x @ factors + bias`.

    factors: [channels,3]. bias: [3]. Raises: ValueError where the colours have no lightness.
    """
    lightness = factors.double().mean(1)
    strength = float(lightness.norm())
    if not strength > 0:
        raise ValueError("the colours have no lightness")
    return Mirror((lightness / strength).float(), -float(bias.double().mean()) / strength, flow)


def of_pixels() -> Mirror:
    """The mirror of pictures whose channels are red, green and blue from -1 to 1."""
    return of_colours(torch.eye(3), torch.zeros(3))

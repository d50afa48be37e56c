"""What a restyled clip is like, against the same content drawn in the target style: the known truth.

Clips are [frames,3,height,width] from -1 to 1, as demo.world renders them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log10

from torch import Tensor

from benchmarks.solvers.measures import relative
from benchmarks.style_transfer import tone
from benchmarks.style_transfer.judge import judge
from demo import world
from demo.places import LOST, distances, visible
from demo.shapes import drawn
from demo.world import Content

NEAR = 1.0  # pixels up to which a clip counts as placed


@dataclass(frozen=True)
class Likeness:
    """A restyled clip against the truth.

    error: rms of the difference over the truth's. psnr in dB. hit: the judge takes it for the target style.
    drawn: the share of the shapes that is there, in the target's look (shapes.py). motion: how far shapes are
    from their place, in pixels; lost: the share of them farther than LOST. flicker, movement, tone, drift and
    jump as in tone.py.
    """

    error: float
    psnr: float
    hit: bool
    drawn: float
    motion: float
    lost: float
    flicker: float
    movement: float
    tone: float
    drift: float
    jump: float | None

    @property
    def placed(self) -> bool:
        """Whether the style is hit and the shapes stayed, NEAR pixels off at most in the mean."""
        return self.hit and self.motion <= NEAR


def likeness(clip: Tensor, of: Content, source: str, target: str) -> Likeness:
    """All of it, for a clip of that content that was to go from one style to the other."""
    truth, seen = world.render(of, target, len(clip)), visible(of, len(clip))
    away, off = distances(clip, of, (source, target), seen), tone.tints(clip, truth)
    return Likeness(
        error=relative(clip, truth),
        psnr=psnr(clip, truth),
        hit=judge(clip) == target,
        drawn=drawn(clip, of, source, target, seen),
        motion=float(away.mean()),
        lost=float((away > LOST).double().mean()),
        flicker=tone.flicker(clip, truth),
        movement=tone.movement(clip, truth),
        tone=tone.tone(off),
        drift=tone.drift(off),
        jump=tone.jump(off),
    )


def psnr(clip: Tensor, truth: Tensor) -> float:
    """Decibels over all frames, black to white being 2; infinite for the truth itself."""
    error = float((clip.double() - truth.double()).square().mean())
    return inf if error == 0 else 10 * log10(4 / error)

"""What one way of restyling is, and what it does to one clip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from torch import Tensor

from benchmarks.solvers.measures import relative
from benchmarks.solvers.ways import Counted, Way
from benchmarks.style_transfer.measures import Likeness, likeness, psnr
from benchmarks.style_transfer.transfers import Transfer
from demo import model

STEPS = 16
NODES_CFG, HIGH_CFG = 2.0, 3.0  # what the resamplers and the templates begin with; what many users take

Asked = Callable[..., model.Denoise]  # (style, cfg) or (style, cfg, control) -> denoiser


class Prompt:
    """A denoiser for one style at one cfg, which counts the rows that it asks of the model. plain: the same
    style at cfg 1. control: a ControlNet on both."""

    def __init__(
        self, asked: Asked, style: str | None, cfg: float = 1.0, control: model.Control | None = None
    ):
        more = () if control is None else (control,)
        self.plain = Counted(asked(style, 1.0, *more))
        self.guided = self.plain if cfg == 1 else Counted(asked(style, cfg, *more))

    def __call__(self, x: Tensor, sigma: float, step: int) -> Tensor:
        return self.guided(x, sigma, step)

    @property
    def rows(self) -> int:
        """One a call at cfg 1, two above: windows are not counted."""
        return self.plain.count + (0 if self.guided is self.plain else 2 * self.guided.count)


Rise = Callable[[Prompt, Tensor, Tensor], Any]
Fall = Callable[[Prompt, Any, Tensor], Tensor]


@dataclass(frozen=True)
class Down:
    """One restyling: the name of its row, its cfg, and structure where it is a point of a curve. spared: how
    many rows of the way up it could have done without, given what the way up left. control: a ControlNet.
    returns: whether this way too gives the clip back where the case's first one does."""

    name: str
    fall: Fall
    cfg: float = 1.0
    structure: float | None = None
    spared: Callable[[Any], int] = lambda state: 0
    control: model.Control | None = None
    returns: bool = False


@dataclass(frozen=True)
class Case:
    """One way up and the ways down from it.

    own: unsampled with the clip's own style as the condition, at this cfg. returns: whether the first way
    down gives the clip back under its own condition, which is measured on some clips; always: on all of them.
    before: what is done to the clip first. control: a ControlNet on the way up.
    """

    rise: Rise
    downs: tuple[Down, ...]
    steps: int = STEPS
    own: bool = True
    cfg: float = 1.0
    returns: bool = True
    always: bool = False
    before: Callable[[Tensor], Tensor] | None = None
    control: model.Control | None = None


@dataclass(frozen=True)
class Result:
    """One restyling of one clip. reconstruction: its relative error and PSNR, where one was made; rows asked
    of the model up and down; seconds of both."""

    clip: int
    setting: str
    name: str
    cfg: float
    structure: float | None
    like: Likeness
    reconstruction: tuple[float, float] | None
    rows: tuple[int, int]
    seconds: float

    @property
    def transfer(self) -> Transfer:
        return Transfer(self.clip, self.setting)


def straight(name: str, how: Way, *cfgs: float, **more: Any) -> Case:
    """Up and down by one solver, at cfg 1 and at others."""
    return Case(how.rise, tuple(Down(name, how.fall, cfg) for cfg in (1.0, *cfgs)), **more)


def results(transfer: Transfer, case: Case, asked: Asked, returned: bool) -> Iterator[Result]:
    """All restylings of a case. returned: also brings the clip back, where the case does so at all."""
    clip, sigmas = transfer.clip(), transfer.sigmas(case.steps)
    clip = clip if case.before is None else case.before(clip)
    own = transfer.condition if case.own else None
    begun, up = perf_counter(), Prompt(asked, own, case.cfg, case.control)
    state = case.rise(up, clip, sigmas)
    rising, risen = perf_counter() - begun, up.rows
    brought: dict[str, tuple[float, float]] = {}
    if case.always or (returned and case.returns):
        for down in (case.downs[0], *(down for down in case.downs[1:] if down.returns)):
            back = down.fall(Prompt(asked, own, control=down.control), state, sigmas)
            brought[down.name] = _fidelity(back, clip)
    for down in case.downs:
        begun, before = perf_counter(), up.rows
        target = Prompt(asked, transfer.target, down.cfg, down.control)
        restyled = down.fall(target, state, sigmas)
        spared, fidelity = down.spared(state), brought.get(down.name)
        seconds = rising * (1 - spared / max(risen, 1)) + perf_counter() - begun
        rows = risen - spared + up.rows - before, target.rows
        yield result(transfer, down.name, restyled, rows, down.cfg, down.structure, fidelity, seconds)


def result(
    transfer: Transfer,
    name: str,
    clip: Tensor,
    rows: tuple[int, int] = (0, 0),
    cfg: float = 1.0,
    structure: float | None = None,
    back: tuple[float, float] | None = None,
    seconds: float = 0.0,
) -> Result:
    """What the measures say of a clip made in some way."""
    like = likeness(clip, transfer.content(), transfer.source, transfer.target)
    return Result(transfer.index, transfer.setting, name, cfg, structure, like, back, rows, seconds)


def _fidelity(back: Tensor, clip: Tensor) -> tuple[float, float]:
    return relative(back, clip), psnr(back, clip)

"""What benchmarks.style_transfer does to one clip: every way up, and every way down from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from benchmarks.solvers.measures import relative
from benchmarks.solvers.ways import Counted, Way, way
from benchmarks.style_transfer.measures import Likeness, likeness, psnr
from demo import model, world
from unsampling import Inversion, resample

DEFAULT = "midpoint, recorded"
STEPS, MANY = 16, 50
HIGH_CFG = 3.0
STRUCTURES = tuple(i / 10 for i in range(1, 9))
PARTIAL = (0.2, 0.4, 0.6, 0.8)  # SDEdit starts where these structures do
PAIRS = len(world.STYLE_NAMES) * (len(world.STYLE_NAMES) - 1)
SPREAD = 97  # between the seeds of neighbouring clips; prime to the number of them

Rise = Callable[[model.Denoise, Tensor, Tensor], Any]
Fall = Callable[[model.Denoise, Any, Tensor], Tensor]


@dataclass(frozen=True)
class Transfer:
    """One held-out clip and where it goes. Any 30 in a row are all ordered pairs of styles, and any 6 have
    each style once as source and once as target."""

    index: int

    @property
    def seed(self) -> int:
        return world.HELD_OUT[self.index * SPREAD % len(world.HELD_OUT)]

    @property
    def source(self) -> str:
        return world.STYLE_NAMES[self.index % len(world.STYLE_NAMES)]

    @property
    def target(self) -> str:
        count = len(world.STYLE_NAMES)
        return world.STYLE_NAMES[(self.index + 1 + self.index // count % (count - 1)) % count]

    def noise(self) -> Tensor:
        """Plain random noise of that clip's own, as large as the top of the schedule."""
        shape = world.FRAMES, 3, world.SIZE, world.SIZE
        return torch.randn(shape, generator=torch.Generator().manual_seed(self.index))


@dataclass(frozen=True)
class Down:
    """One restyling: the name of its row, its cfg, and structure where it is a point of a curve."""

    name: str
    fall: Fall
    cfg: float = 1.0
    structure: float | None = None


@dataclass(frozen=True)
class Case:
    """One way up and the ways down from it. own_condition: unsampled with the clip's own style as the
    condition; reconstruct: also down again with that, by the first way down."""

    rise: Rise
    downs: tuple[Down, ...]
    steps: int = STEPS
    own_condition: bool = True
    reconstruct: bool = True


@dataclass(frozen=True)
class Result:
    """One restyling of one clip. reconstruction: its relative error and PSNR, where one was made; calls up
    and down; seconds of both."""

    clip: int
    name: str
    cfg: float
    structure: float | None
    like: Likeness
    reconstruction: tuple[float, float] | None
    calls: tuple[int, int]
    seconds: float


def main_cases(transfer: Transfer) -> list[Case]:
    """What is done to every clip: the default, core's euler, plain random noise."""
    return [
        _case(DEFAULT, way("midpoint", "full")),
        _case("core euler", way("core euler", "-")),
        _partial(transfer, None),
    ]


def every_case(transfer: Transfer) -> list[Case]:
    """All ways, with a higher cfg for the main ones and the default at every structure."""
    curve = [Down(DEFAULT, _structured(s), structure=s) for s in STRUCTURES]
    default, euler = way("midpoint", "full"), way("core euler", "-")
    return [
        _case(DEFAULT, default, HIGH_CFG, curve),
        _case("midpoint", way("midpoint", "none")),
        _case("dpmpp_2m, recorded", way("dpmpp_2m", "full"), HIGH_CFG),
        _case("euler, recorded", way("euler", "full")),
        _case("ees25", way("ees25", "none")),
        _case("core euler", euler, HIGH_CFG),
        _case("core dpmpp_2m", way("core dpmpp_2m", "-")),
        _case("core heun", way("core heun", "-")),
        Case(euler.rise, (Down(f"core euler, {MANY} steps", euler.fall),), MANY),
        Case(default.rise, (Down(f"{DEFAULT}, no condition up", default.fall),), own_condition=False),
        _partial(transfer, None, HIGH_CFG),
        *(_partial(transfer, s) for s in PARTIAL),
    ]


def measure(transfer: Transfer, cases: list[Case], asked: Callable[..., model.Denoise]) -> list[Result]:
    """Everything in the cases, for that clip. asked: (style, cfg) -> denoiser."""
    return list(chain.from_iterable(_results(transfer, case, asked) for case in cases))


def references(transfer: Transfer) -> list[Result]:
    """What the measures say of clips that no model made: the truth, the source, another clip."""
    of = world.content(transfer.seed)
    other = world.content(Transfer(transfer.index + 1).seed)
    clips = {
        "the truth itself": world.render(of, transfer.target),
        "the source, nothing done": world.render(of, transfer.source),
        "another clip in the target style": world.render(other, transfer.target),
    }
    return [
        Result(
            transfer.index,
            name,
            1.0,
            None,
            likeness(clip, of, transfer.source, transfer.target),
            None,
            (0, 0),
            0.0,
        )
        for name, clip in clips.items()
    ]


def _case(name: str, how: Way, high: float | None = None, more: list[Down] | None = None) -> Case:
    downs = [Down(name, how.fall), *([Down(name, how.fall, high)] if high else []), *(more or [])]
    return Case(how.rise, tuple(downs))


def _structured(structure: float) -> Fall:
    return lambda denoise, inversion, sigmas: resample(denoise, inversion, structure)


def _partial(transfer: Transfer, structure: float | None, cfg: float | None = None) -> Case:
    """No unsampling: the source under random noise of the level that this structure starts at (SDEdit, Meng
    et al. 2022), or at None the noise alone, then down by the plain midpoint."""

    def rise(denoise: model.Denoise, clip: Tensor, sigmas: Tensor) -> Inversion:
        start = round((structure or 0.0) * (len(sigmas) - 1))
        noise = transfer.noise() * float(sigmas[start])
        return Inversion(noise if structure is None else clip + noise, sigmas, "midpoint", start)

    name = "random noise" if structure is None else "SDEdit"
    downs = [
        Down(name, lambda denoise, start, sigmas: resample(denoise, start), c, structure)
        for c in ([1.0, cfg] if cfg else [1.0])
    ]
    return Case(rise, tuple(downs), reconstruct=False)


def _results(transfer: Transfer, case: Case, asked: Callable[..., model.Denoise]) -> Iterator[Result]:
    of, sigmas = world.content(transfer.seed), model.schedule(case.steps)
    clip = world.filmed(world.render(of, transfer.source), transfer.seed)
    own = transfer.source if case.own_condition else None
    begun, up = perf_counter(), Counted(asked(own, 1.0))
    state = case.rise(up, clip, sigmas)
    rising = perf_counter() - begun
    back = _fidelity(case.downs[0].fall(asked(own, 1.0), state, sigmas), clip) if case.reconstruct else None
    for down in case.downs:
        begun, counted = perf_counter(), Counted(asked(transfer.target, down.cfg))
        restyled = down.fall(counted, state, sigmas)
        seconds = rising + perf_counter() - begun
        like = likeness(restyled, of, transfer.source, transfer.target)
        yield Result(
            transfer.index,
            down.name,
            down.cfg,
            down.structure,
            like,
            back,
            (up.count, counted.count),
            seconds,
        )


def _fidelity(back: Tensor, clip: Tensor) -> tuple[float, float]:
    return relative(back, clip), psnr(back, clip)

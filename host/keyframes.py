"""Keyframes that find their place only while sigma falls, led to each model call's step in both passes.

They are core's hook keyframes, those of AnimateDiff-Evolved (motion, CFG, context, reuse) and the timestep
keyframes of Advanced-ControlNet. Each list of them has a cursor, which moves on when sigma has fallen to the
next keyframe's start and the current one has had its guaranteed steps, and never back: while sigma rises, the
first calls use all keyframes up. So before every model call each cursor is led down the schedule to that
call's step and sigma. What is in force is then a function of the two, the same in both passes, and a step
counts once, however many calls are made in it.

What is drawn at random in a call comes from the step as well: Advanced-ControlNet's Reference draws noise,
AnimateDiff-Evolved's random fuse method weights. Calls of the same settings then draw the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from torch import Tensor

from . import seeds
from .cursors import Cursor
from .packs import advanced_controlnet, animatediff_keyframes, core


class Place(Protocol):
    """Called before a model call with the latent, its sigmas, and the step in the run's falling schedule, if
    the sampler knows it."""

    def __call__(self, x: Tensor, sigmas: Tensor, step: int | None = None) -> None: ...


@contextmanager
def placed(guider, options: dict) -> Iterator[Place]:
    """For one run of a guider's sampler: gives the function that puts the keyframes of a model call in force,
    and its random numbers.

    options: the model options that the sampler is given.
    """
    falling, conds = core.falling_sigmas(options), core.running_conditions(guider)
    cursors = [
        *core.hook_cursors(conds),
        *advanced_controlnet.cursors(conds),
        *animatediff_keyframes.cursors(guider, options),
    ]

    def place(x: Tensor, sigmas: Tensor, step: int | None = None) -> None:
        sigma = sigmas[:1]
        step = int((falling > sigma).sum()) if step is None else step
        seeds.seed(step)
        if not cursors:
            return
        before = core.hook_strengths(conds)
        _lead(cursors, x, sigma, falling[:step], falling)
        if before != core.hook_strengths(conds):
            core.forget_patched_weights(core.running_model(guider), options)

    try:
        with seeds.apart():
            yield place
    finally:
        _rewind(cursors)


def _lead(cursors: list[Cursor], x: Tensor, sigma: Tensor, above: Tensor, falling: Tensor) -> None:
    """Leads the cursors from the start past the sigmas above to this one."""
    _rewind(cursors)
    for met in (*above.unsqueeze(1), sigma):
        for cursor in cursors:
            cursor.meet(x, met, {core.SIGMAS_KEY.name: falling})


def _rewind(cursors: list[Cursor]) -> None:
    for cursor in cursors:
        cursor.rewind()

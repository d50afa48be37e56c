"""Whether a pass can work with a MODEL: every refusal of one, asked in one place by every way in.

Those are both nodes, both advanced nodes, the Inversion Sampler, and core SAMPLERs in the advanced nodes.
"""

from dataclasses import replace

from torch import Tensor

from ..unsampling import UnsamplingError
from . import experts, models, motion, windows
from .facts import Facts
from .packs import (
    advanced_controlnet,
    animatediff,
    animatediff_settings,
    animatediff_windows,
    caches,
    core,
    ltxv,
    vace,
)
from .windows import Windows


def admit(
    guider,
    shape: tuple[int, ...],
    falling: Tensor,
    start: int = 0,
    *,
    rising: bool,
    by_core: bool = False,
    whole: tuple[int, ...] | None = None,
) -> Facts:
    """The facts of a guider and its MODEL, once nothing on them is known to spoil the pass.

    shape: of the latent in hand. falling: the schedule, of which the pass takes what begins at `start`.
    by_core: whether a core SAMPLER makes the pass. whole: the shape of the noise that this latent is a slice
    of, for the windows.
    Raises: UnsamplingError naming what to disconnect or set, before any model call.
    """
    how = {"rising": rising, "by_core": by_core, "whole": whole}
    every = experts.each(guider)
    if len(every) == 1:
        return _admitted(guider, shape, falling, start, start, **how)
    found = []
    for number, expert in enumerate(every):
        first = experts.first_step(guider, number, falling, start)
        try:
            found.append(_admitted(expert, shape, falling, start, first, **how))
        except UnsamplingError as error:
            raise UnsamplingError(f"{experts.NAMES[number]} {error}", error.cause) from error
    return _joined(found, experts.border_of(guider))


def _admitted(
    guider,
    shape: tuple[int, ...],
    falling: Tensor,
    start: int,
    first: int,
    rising: bool,
    by_core: bool,
    whole: tuple[int, ...] | None,
) -> Facts:
    """first: the first step at which this guider is asked, in a pass that begins at `start`."""
    model = guider.model_patcher
    layout = _layout(model, shape)
    facts = _facts(guider, shape, layout if whole in (None, shape) else _layout(model, whole))
    _refuse_schedule(model, facts, float(falling[first]))
    animatediff.refuse_moved(model)
    animatediff_settings.refuse_changing(model)
    caches.refuse(model)
    if rising:
        core.refuse_momentum(model)
    advanced_controlnet.refuse_masks(core.conditions(guider))
    ltxv.refuse_guides(core.conditions(guider))
    vace.refuse_other_length(model, core.conditions(guider), shape)
    core.refuse_axis(model, shape)
    turns = animatediff_windows.turns(model, falling, start)
    # AnimateDiff-Evolved looks at the first context keyframe whether it gets a step or not
    motion.refuse_long(model, shape, [one for one in layout if not one.keyframe or turns[one.keyframe]])
    _check_windows(model, layout, turns, range(len(falling) - 1 - start))
    if by_core:
        _refuse_flow(facts)
        windows.refuse_moving(layout)
    return facts


def _joined(facts: list[Facts], border: float) -> Facts:
    """Those of two experts, high-noise first."""
    high, low = facts
    cut = [one.windows for one in facts]
    if cut[0] != cut[1]:
        cut[0] = "; ".join(f"{name}: {of or 'none'}" for name, of in zip(experts.NAMES, cut, strict=True))
    told = f"{low.family.in_words} below sigma {border:.6g}"
    family = replace(high.family, experts=told)
    return replace(high, family=family, windows=cut[0], sigma_min=low.sigma_min, low_cfg=low.cfg)


def _facts(guider, shape: tuple[int, ...], layout: list[Windows]) -> Facts:
    model = guider.model_patcher
    return Facts(
        family=models.family(model),
        windows=_in_words(model, layout),
        latent_format=model.get_model_object("latent_format"),
        frames=shape[2] if len(shape) == 5 else shape[0],
        cfg=models.cfg_of(guider),
        sigma_min=models.sigma_min(model),
        levels=models.levels(model),
    )


def _layout(model, shape: tuple[int, ...]) -> list[Windows]:
    """All windows that a latent of that shape meets."""
    return [*animatediff_windows.windows(model, shape[0]), *core.windows(model, shape)]


def _in_words(model, layout: list[Windows]) -> str:
    """The windows that cut a latent, and what works across them; empty where it stays whole."""
    if not any(one.cuts for one in layout):
        return ""
    extras = animatediff_windows.extras(model) if any(one.kind == "ade" for one in layout) else []
    return "; ".join([*(one.settings for one in layout), *extras])


def _check_windows(model, layout: list[Windows], turns: list[list[int]], every: range) -> None:
    """Windows that a context keyframe gets no step for may be what they like.

    turns: the steps that each one gets. every: all of the pass, as core counts them.
    """
    norms = animatediff.norms_by_windows(model)
    for one in layout:
        steps = every if one.kind == "core" else turns[one.keyframe]
        if not steps:
            continue
        windows.check(one, steps)
        if norms:
            windows.check_norms(one)


def _refuse_schedule(model, facts: Facts, sigma: float) -> None:
    """A model answers for noise up to its highest sigma; above it, it is asked what it has never seen."""
    if not models.is_above(model, sigma):
        return
    top = facts.family.sigma_max
    kind = "is a flow model, whose noise goes up to 1" if facts.flow else f"knows noise up to {top:.4g} only"
    raise UnsamplingError(
        f"sigmas starts at {sigma:.4g}, but the model {kind}; use {models.schedulers(model)}"
    )


def _refuse_flow(facts: Facts) -> None:
    """Core scales the latent around its samplers, for flow models by 1 - sigma, which is 0 at full noise."""
    if facts.flow:
        raise UnsamplingError(
            "model is a flow model, whose latent core's samplers divide by 0; disconnect"
            " sampler and use this node's solver"
        )

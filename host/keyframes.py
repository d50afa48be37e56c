"""Keyframes that find their place only while sigma falls: core's hook keyframes, those of AnimateDiff-Evolved
(motion, CFG, context, reuse) and the timestep keyframes of Advanced-ControlNet.

Each list of them has a cursor, which moves on when sigma has fallen to the next keyframe's start and the
current one has had its guaranteed steps, and never back: while sigma rises, the first calls use all keyframes
up. So before every model call each cursor is led down the schedule to that call's step and sigma. What is in
force is then a function of the two, the same in both passes, and a step counts once, however many calls are
made in it.

What is drawn at random in a call comes from the step as well: Advanced-ControlNet's Reference draws noise,
AnimateDiff-Evolved's random fuse method weights. Calls of the same settings then draw the same.

Plain Python and torch. It uses what the lists offer to their own packs, and changes nothing but the cursors.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import dropwhile

import numpy as np
import torch
from torch import Tensor

from ..unsampling import UnsamplingError

# where AnimateDiff-Evolved's motion keyframes stand before sampling
MOTION_START = {
    "current_used_steps": 0,
    "current_keyframe": None,
    "current_index": -1,
    "previous_t": -1,
    "current_scale": None,
    "current_effect": None,
    "current_per_block_list": None,
    "current_cameractrl_effect": None,
    "current_pia_input": None,
}


@dataclass(frozen=True)
class Cursor:
    """How to put one list of keyframes back to its start, and how to let it meet the next sigma.

    meet: called with the latent, sigma as a tensor of one, and the options that hold the schedule.
    """

    rewind: Callable[[], None]
    meet: Callable[[Tensor, Tensor, dict], object]


# called before a model call with the latent, its sigmas, and the step in the run's falling schedule, if the
# sampler knows it
Place = Callable[..., None]


@contextmanager
def placed(guider, options: dict) -> Iterator[Place]:
    """For one run of a guider's sampler: gives the function that puts the keyframes of a model call in force,
    and its random numbers.

    options: the model options that the sampler is given.
    """
    falling = options["transformer_options"]["sample_sigmas"].sort(descending=True).values
    hooks = list(_hook_groups(guider.conds))
    cursors = [*map(_of_hooks, hooks), *map(_of_control, _controls(guider.conds))]
    state = options["transformer_options"].get("ADGS")
    if state is not None:
        # as it does itself at its first model call: from here on its keyframes know their sigmas
        state.initialize(guider.inner_model, options)
        cursors += _of_animatediff(state)

    def place(x: Tensor, sigmas: Tensor, step: int | None = None) -> None:
        sigma = sigmas[:1]
        step = int((falling > sigma).sum()) if step is None else step
        _seed(step)
        if not cursors:
            return
        before = [float(group.strength) for group in hooks]
        _lead(cursors, x, sigma, falling[:step], falling)
        if before != [float(group.strength) for group in hooks]:
            _forget_patched_weights(guider.inner_model, options)

    drawn = np.random.get_state()
    try:
        with torch.random.fork_rng(range(torch.cuda.device_count())):
            yield place
    finally:
        _rewind(cursors)
        np.random.set_state(drawn)


def _lead(cursors: list[Cursor], x: Tensor, sigma: Tensor, above: Tensor, falling: Tensor) -> None:
    """Leads the cursors from the start past the sigmas above to this one."""
    _rewind(cursors)
    for met in (*above.unsqueeze(1), sigma):
        for cursor in cursors:
            cursor.meet(x, met, {"sample_sigmas": falling})


def _rewind(cursors: list[Cursor]) -> None:
    for cursor in cursors:
        cursor.rewind()


def _seed(step: int) -> None:
    """What models draw from: torch's generators of all devices, and numpy's."""
    torch.manual_seed(step)
    np.random.seed(step)


def _forget_patched_weights(model, options: dict) -> None:
    """Has the host patch the hooks' weights anew: those it has are of another strength."""
    for patcher in (model.current_patcher, *options.get("multigpu_clones", {}).values()):
        patcher.clear_cached_hook_weights()
        patcher.patch_hooks(None)


def _hook_groups(conds: dict[str, list[dict]]) -> Iterator:
    groups = [
        hook.hook_keyframe
        for cond in _each(conds)
        if cond.get("hooks") is not None
        for hook in cond["hooks"].hooks
    ]
    return (group for group in _once(groups) if len(group.keyframes) > 1)


def _of_hooks(group) -> Cursor:
    def rewind() -> None:
        group.reset()
        group._curr_t = -1.0  # reset() leaves it, and a sigma that is met again would not count

    return Cursor(rewind, lambda x, sigma, options: group.prepare_current_keyframe(sigma[0], options))


def _controls(conds: dict[str, list[dict]]) -> Iterator:
    found = []
    for cond in _each(conds):
        control = cond.get("control")
        while control is not None:
            found += [control, *getattr(control, "multigpu_clones", {}).values()]  # older hosts have none
            control = control.previous_controlnet
    return (control for control in _once(found) if len(getattr(control, "timestep_keyframes", ())) > 1)


def refuse_masks(conds: dict[str, list[dict]]) -> None:
    """Raises: UnsamplingError for a ControlNet whose mask is not a function of step and sigma."""
    for control in _controls(conds):
        frames = (frame.mask_hint_orig for frame in control.timestep_keyframes.keyframes)
        masks = dropwhile(lambda mask: mask is None, frames)
        if len({id(mask) for mask in masks}) > 1:
            raise UnsamplingError(
                "a ControlNet has timestep keyframes with a mask and later ones with another or"
                " none, where Advanced-ControlNet keeps the first it meets; disconnect"
                " mask_optional from Timestep Keyframe, and use that of Apply Advanced"
                " ControlNet"
            )


def _of_control(control) -> Cursor:
    frames = control.timestep_keyframes

    def rewind() -> None:
        control.set_timestep_keyframes(frames)
        control.prev_t = None
        control.tk_mask_cond_hint_original = control.tk_mask_cond_hint = control.weight_mask_cond_hint = None

    return Cursor(rewind, lambda x, sigma, options: control.prepare_current_timestep(sigma, options))


def _of_animatediff(state) -> Iterator[Cursor]:
    contexts = state.params.context_options
    if len(contexts.contexts) > 1:
        yield Cursor(
            contexts.reset, lambda x, sigma, options: contexts.prepare_current_context(sigma, options)
        )
    reuse = contexts.extras.naive_reuse
    for group in (state.sample_settings.custom_cfg, None if reuse is None else reuse.keyframe):
        if group is not None and len(group.keyframes) > 1:
            yield _of_group(group)
    for models in state.motion_models_devices.values():
        for patcher in models.models:
            attachment = patcher.get_attachment("ADE")
            if len(attachment.keyframes) > 1:
                yield _of_motion(patcher, attachment)


def _of_group(group) -> Cursor:
    def rewind() -> None:
        group.reset()
        group._previous_t = -1  # reset() leaves it, and a sigma that is met again would not count

    return Cursor(rewind, lambda x, sigma, options: group.prepare_current_keyframe(sigma, options))


def _of_motion(patcher, attachment) -> Cursor:
    def rewind() -> None:
        vars(attachment).update(MOTION_START)

    def meet(x: Tensor, sigma: Tensor, options: dict) -> None:
        attachment.prepare_current_keyframe(patcher, x, sigma, options)

    return Cursor(rewind, meet)


def _each(conds: dict[str, list[dict]]) -> Iterator[dict]:
    return (cond for group in conds.values() if group is not None for cond in group)


def _once(things: list) -> Iterator:
    return iter({id(thing): thing for thing in things}.values())

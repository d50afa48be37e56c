"""Advanced-ControlNet, read at 1.5.8 (18 July 2026): timestep keyframes."""

from collections.abc import Iterator
from itertools import dropwhile

from ...unsampling import UnsamplingError
from ..cursors import Cursor, each, once
from .core import CONTROL, CONTROL_KEY
from .fields import Kind, Project

ACN = Project("Advanced-ControlNet", "1.5.8")
KEYFRAMES = "timestep_keyframes"
ADVANCED = Kind(
    ACN,
    "adv_control.utils:AdvancedControlBase",
    (
        KEYFRAMES,
        "set_timestep_keyframes",
        "prepare_current_timestep",
        "prev_t",
        "tk_mask_cond_hint_original",
        "tk_mask_cond_hint",
        "weight_mask_cond_hint",
    ),
)
GROUP = Kind(ACN, "adv_control.utils:TimestepKeyframeGroup", ("keyframes",))
KEYFRAME = Kind(ACN, "adv_control.utils:TimestepKeyframe", ("mask_hint_orig",))


def cursors(conds: dict[str, list[dict]]) -> Iterator[Cursor]:
    """A cursor for each ControlNet of more than one timestep keyframe."""
    return map(_cursor, _controls(conds))


def refuse_masks(conds: dict[str, list[dict]]) -> None:
    """Raises: UnsamplingError for a ControlNet whose mask is not a function of step and sigma."""
    for control in _controls(conds):
        keyframes = GROUP.read(ADVANCED.read(control, KEYFRAMES), "keyframes")
        hints = (KEYFRAME.read(keyframe, "mask_hint_orig") for keyframe in keyframes)
        masks = dropwhile(lambda mask: mask is None, hints)
        if len({id(mask) for mask in masks}) > 1:
            raise UnsamplingError(
                "a ControlNet has timestep keyframes with a mask and later ones with another or"
                " none, where Advanced-ControlNet keeps the first it meets; disconnect"
                " mask_optional from Timestep Keyframe, and use that of Apply Advanced"
                " ControlNet"
            )


def _controls(conds: dict[str, list[dict]]) -> Iterator:
    """The ControlNets of more than one keyframe, each once."""
    controls = []
    for control in chained(conds):
        # the clones came with ComfyUI 0.22
        controls += [control, *(CONTROL.read(control, "multigpu_clones") or {}).values()]
    return (control for control in once(controls) if len(_keyframes(control)) > 1)


def chained(conds: dict[str, list[dict]]) -> Iterator:
    """The ControlNets of each condition, with those before them."""
    for cond in each(conds):
        control = cond.get(CONTROL_KEY.name)
        while control is not None:
            yield control
            control = CONTROL.read(control, "previous_controlnet")


def _keyframes(control) -> list:
    """Of one of this pack's ControlNets; none of core's."""
    if not is_ours(control):
        return []
    return GROUP.read(ADVANCED.read(control, KEYFRAMES), "keyframes")


def is_ours(control) -> bool:
    """Whether this is one of that pack's ControlNets, known by class, module or what it has."""
    modules = (base.__module__ for base in type(control).__mro__)
    named = ADVANCED.made(control) or any(".adv_control." in f".{module}." for module in modules)
    return named or ADVANCED.has(control, KEYFRAMES)


def _cursor(control) -> Cursor:
    keyframes = ADVANCED.read(control, KEYFRAMES)

    def rewind() -> None:
        ADVANCED.read(control, "set_timestep_keyframes")(keyframes)
        for field in ("prev_t", "tk_mask_cond_hint_original", "tk_mask_cond_hint", "weight_mask_cond_hint"):
            ADVANCED.write(control, field, None)

    prepare = ADVANCED.read(control, "prepare_current_timestep")
    return Cursor(rewind, lambda x, sigma, options: prepare(sigma, options))

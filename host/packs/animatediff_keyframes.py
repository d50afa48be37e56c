"""AnimateDiff-Evolved's keyframes (read at 1.5.7) as cursors: context, Custom CFG, NaiveReuse and motion."""

from collections.abc import Iterator

from torch import Tensor

from ..cursors import Cursor
from .animatediff import (
    ADE,
    ATTACHMENT_KEY,
    CONTEXT_GROUP,
    EXTRAS,
    PARAMS,
    REUSE,
    SETTINGS,
    STATE_KEY,
    params,
)
from .animatediff_settings import CFG_GROUP
from .core import running_model
from .fields import Kind

STATE = Kind(
    ADE,
    "animatediff.sampling:AnimateDiffGlobalState",
    ("params", "sample_settings", "motion_models_devices", "initialize", "current_step", "start_step"),
)
REUSE_GROUP = Kind(
    ADE,
    "animatediff.context_extras:NaiveReuseKeyframeGroup",
    ("keyframes", "reset", "prepare_current_keyframe", "_previous_t"),
)
MOTION_GROUP = Kind(ADE, "animatediff.model_injection:MotionModelGroup", ("models",))
# where motion keyframes stand before sampling
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
MOTION = Kind(
    ADE,
    "animatediff.model_injection:MotionModelAttachment",
    ("keyframes", "prepare_current_keyframe", *MOTION_START),
)


def state(options: dict):
    """What AnimateDiff-Evolved keeps during a run, in the sampler's model options; None without it."""
    return options["transformer_options"].get(STATE_KEY.name)


def set_step(options: dict, step: int) -> None:
    """Says which step of the falling schedule a call belongs to: Uniform windows are placed by a step that a
    callback counts."""
    running = state(options)
    if running is not None:
        STATE.write(running, "current_step", STATE.read(running, "start_step") + step)


def cursors(guider, options: dict) -> Iterator[Cursor]:
    """A cursor for each list of more than one keyframe of a guider that samples.

    Raises: UnsamplingError where AnimateDiff-Evolved takes part but does not say how.
    """
    running = state(options)
    if running is None:
        if params(guider.model_patcher) is not None:
            raise STATE.refuse("a state of its runs in a place")
        return
    # as it does itself at its first model call: from here on its keyframes know their sigmas
    STATE.read(running, "initialize")(running_model(guider), options)
    contexts = PARAMS.read(STATE.read(running, "params"), "context_options")
    if len(CONTEXT_GROUP.read(contexts, "contexts")) > 1:
        yield _of_contexts(contexts)
    settings = STATE.read(running, "sample_settings")
    yield from _of_group(CFG_GROUP, SETTINGS.read(settings, "custom_cfg"))
    reuse = EXTRAS.read(CONTEXT_GROUP.read(contexts, "extras"), "naive_reuse")
    if reuse is not None:
        yield from _of_group(REUSE_GROUP, REUSE.read(reuse, "keyframe"))
    for models in STATE.read(running, "motion_models_devices").values():
        for patcher in MOTION_GROUP.read(models, "models"):
            attachment = patcher.get_attachment(ATTACHMENT_KEY.name)
            if len(MOTION.read(attachment, "keyframes")) > 1:
                yield _of_motion(patcher, attachment)


def _of_contexts(contexts) -> Cursor:
    prepare = CONTEXT_GROUP.read(contexts, "prepare_current_context")
    return Cursor(CONTEXT_GROUP.read(contexts, "reset"), lambda x, sigma, options: prepare(sigma, options))


def _of_group(kind: Kind, group) -> Iterator[Cursor]:
    if group is None or len(kind.read(group, "keyframes")) < 2:
        return

    def rewind() -> None:
        kind.read(group, "reset")()
        kind.write(group, "_previous_t", -1)  # reset() leaves it: a sigma that is met again would not count

    yield Cursor(
        rewind, lambda x, sigma, options: kind.read(group, "prepare_current_keyframe")(sigma, options)
    )


def _of_motion(patcher, attachment) -> Cursor:
    def rewind() -> None:
        for field, value in MOTION_START.items():
            MOTION.write(attachment, field, value)

    def meet(x: Tensor, sigma: Tensor, options: dict) -> None:
        MOTION.read(attachment, "prepare_current_keyframe")(patcher, x, sigma, options)

    return Cursor(rewind, meet)

"""AnimateDiff-Evolved, read at 1.5.7 (29 March 2026): the kinds of objects that it leaves on a MODEL."""

from dataclasses import dataclass
from typing import Any

from .core import PATCHER
from .fields import Key, Kind, Project

ADE = Project("AnimateDiff-Evolved", "1.5.7")
# of a ModelPatcher's attachments, of its additional models, and of a sampler's transformer_options
PARAMS_KEY = Key(ADE, "animatediff.model_injection", "ADE_params")
SETTINGS_KEY = Key(ADE, "animatediff.model_injection", "ADE_sample_settings")
MOTION_KEY = Key(ADE, "animatediff.model_injection", "ADE")
STATE_KEY = Key(ADE, "animatediff.sampling", "ADGS")
ATTACHMENT_KEY = MOTION_KEY  # of a motion model's patcher, too

PARAMS = Kind(ADE, "animatediff.model_injection:InjectionParams", ("context_options", "apply_v2_properly"))
CONTEXT_GROUP = Kind(
    ADE,
    "animatediff.context:ContextOptionsGroup",
    ("contexts", "extras", "add", "reset", "prepare_current_context", "_current_index"),
)
# what the two passes must share of context options
COMPARED = (
    "context_schedule",
    "context_length",
    "context_stride",
    "context_overlap",
    "closed_loop",
    "fuse_method",
    "start_percent",
    "guarantee_steps",
)
CONTEXT = Kind(
    ADE,
    "animatediff.context:ContextOptions",
    (*COMPARED, "use_on_equal_length", "view_options", "start_t", "_step"),
)
SETTINGS = Kind(
    ADE,
    "animatediff.sample_settings:SampleSettings",
    ("iteration_opts", "noise_calibration", "image_injection", "custom_cfg"),
)
EXTRAS = Kind(ADE, "animatediff.context_extras:ContextExtrasGroup", ("context_ref", "naive_reuse"))
REUSE = Kind(
    ADE,
    "animatediff.context_extras:NaiveReuse",
    ("start_percent", "end_percent", "weighted_mean", "orig_multival", "keyframe"),
)
MOTION_MODEL = Kind(ADE, "animatediff.motion_module_ad:AnimateDiffModel", ("mm_info", "encoding_max_len"))
MOTION_INFO = Kind(
    ADE, "animatediff.motion_module_ad:AnimateDiffInfo", ("mm_format", "mm_version", "mm_name")
)


def refuse_moved(model) -> None:
    """Raises: UnsamplingError where its settings lie under another key than this pack asks for."""
    for key, thing in PATCHER.read(model, "attachments").items():
        for kind, place in ((PARAMS, PARAMS_KEY), (SETTINGS, SETTINGS_KEY)):
            if kind.made(thing) and key != place.name:
                raise kind.refuse(f"its {kind.kind} in a place ({key})")


def params(model) -> Any | None:
    """What Use Evolved Sampling left on a MODEL; None without it."""
    return model.get_attachment(PARAMS_KEY.name)


def context_group(model) -> Any | None:
    """The context options of a MODEL; None without AnimateDiff-Evolved."""
    settings = params(model)
    return None if settings is None else PARAMS.read(settings, "context_options")


def contexts(model) -> list:
    """The context keyframes of a MODEL, in their order."""
    group = context_group(model)
    return [] if group is None else CONTEXT_GROUP.read(group, "contexts")


@dataclass(frozen=True)
class Motion:
    """A motion model: its name and format, and how many frames it takes at once, None for any number."""

    name: str
    kind: str
    most: int | None


def motions(model) -> list[Motion]:
    """The motion models on a MODEL."""
    return [
        Motion(
            str(MOTION_INFO.read(MOTION_MODEL.read(one, "mm_info"), "mm_name")),
            str(MOTION_INFO.read(MOTION_MODEL.read(one, "mm_info"), "mm_format")),
            MOTION_MODEL.read(one, "encoding_max_len"),
        )
        for one in _motion_models(model)
    ]


def motion_patchers(model) -> list[Any]:
    """The motion models on a MODEL as ComfyUI loads them, with what their nodes attached."""
    return model.additional_models.get(MOTION_KEY.name, [])


def _motion_models(model) -> list[Any]:
    return [patcher.model for patcher in motion_patchers(model)]


def norms_by_windows(model) -> bool:
    """Whether a motion model's norms take a window's frames together: see inject_functions in its
    sampling.py."""
    motion = _motion_models(model)
    if not motion:
        return False
    info = MOTION_MODEL.read(motion[0], "mm_info")
    proper = PARAMS.read(params(model), "apply_v2_properly")
    version = MOTION_INFO.read(info, "mm_version")
    return MOTION_INFO.read(info, "mm_format") == "PIA" or version == "v1" or (version == "v2" and not proper)

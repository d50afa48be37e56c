"""ComfyUI itself, read at 0.33.0 (August 2026; oldest supported 0.14.0): what it leaves on a MODEL, its
guiders and conditions beyond its public methods."""

import copy
from collections.abc import Callable, Iterator
from types import CellType
from typing import Any

from torch import Tensor

from ...unsampling import UnsamplingError
from ..cursors import Cursor, each, once
from ..windows import Windows, described
from .fields import Key, Kind, Project

CORE = Project("ComfyUI", "0.33.0")
# of a MODEL's model_options, of a sampler's transformer_options, and of the former again
HANDLER_KEY = Key(CORE, "comfy.context_windows", "context_handler")
SIGMAS_KEY = Key(CORE, "comfy.samplers", "sample_sigmas")
GUIDANCE_KEY = Key(CORE, "comfy.model_patcher", "sampler_pre_cfg_function")
HANDLER = Kind(
    CORE,
    "comfy.context_windows:IndexListContextHandler",
    (
        "context_schedule",
        "fuse_method",
        "context_length",
        "context_stride",
        "context_overlap",
        "closed_loop",
        "dim",
        "_step",
    ),
    optional=(
        "cond_retain_index_list",
        "latent_retain_index_list",
        "split_conds_to_windows",
        "causal_window_fix",
    ),
)
SCHEDULE = Kind(CORE, "comfy.context_windows:ContextSchedule", ("name", "func"))
FUSE = Kind(CORE, "comfy.context_windows:ContextFuseMethod", ("name",))
CONTROL = Kind(CORE, "comfy.controlnet:ControlBase", ("previous_controlnet",), optional=("multigpu_clones",))
HOOK_GROUP = Kind(CORE, "comfy.hooks:HookGroup", ("hooks",))
HOOK = Kind(CORE, "comfy.hooks:Hook", ("hook_keyframe",))
HOOK_KEYFRAMES = Kind(
    CORE,
    "comfy.hooks:HookKeyframeGroup",
    ("keyframes", "strength", "reset", "prepare_current_keyframe", "_curr_t"),
)
LATENT_FORMAT = Kind(
    CORE,
    "comfy.latent_formats:LatentFormat",
    ("latent_channels", "process_in", "process_out"),
    optional=(
        *("latent_dimensions", "temporal_downscale_ratio"),  # the latter since 0.30
        *("latent_rgb_factors", "latent_rgb_factors_bias", "latent_rgb_factors_reshape"),
    ),
)
# guiders of other packs have what they like; conds and inner_model are there while they sample
GUIDER = Kind(CORE, "comfy.samplers:CFGGuider", ("conds", "inner_model"), own=("original_conds", "cfg"))
DUAL_GUIDER = Kind(CORE, "comfy_extras.nodes_custom_sampler:Guider_DualCFG", own=("cfg1", "cfg2"))
VIDEO = Kind(
    CORE,
    "comfy_api.latest._input_impl.video_types:VideoFromFile",
    optional=("_VideoFromFile__start_time", "_VideoFromFile__duration", "get_active_trim_window"),
)
BASE_MODEL = Kind(CORE, "comfy.model_base:BaseModel", ("current_patcher",))
PATCHER = Kind(
    CORE,
    "comfy.model_patcher:ModelPatcher",
    ("attachments", "clear_cached_hook_weights", "patch_hooks"),
)
# of a condition, and of a run's model options
CONTROL_KEY, HOOKS_KEY = Key(CORE, "comfy.samplers", "control"), Key(CORE, "comfy.samplers", "hooks")
CLONES_KEY = Key(CORE, "comfy.samplers", "multigpu_clones", optional=True)
APG = "comfy_extras.nodes_apg"
RUNNING_KEY, MOMENTUM_KEY = Key(CORE, APG, "running_avg"), Key(CORE, APG, "momentum")  # of its closure
COMPARED = (
    "context_length",
    "context_stride",
    "context_overlap",
    "closed_loop",
    "dim",
    "cond_retain_index_list",
    "latent_retain_index_list",
    "split_conds_to_windows",
    "causal_window_fix",
)


def in_sampling_space(latent_format, samples: Tensor) -> Tensor:
    """Samples in the VAE's scale as the sampler has them, by the latent format of their model."""
    return LATENT_FORMAT.read(latent_format, "process_in")(samples)


def in_vae_scale(latent_format, samples: Tensor) -> Tensor:
    """Samples as the sampler has them in the VAE's scale."""
    return LATENT_FORMAT.read(latent_format, "process_out")(samples)


def preview_colours(latent_format) -> tuple[Any, Any, Callable | None] | None:
    """What ComfyUI previews a latent in sampling space with: colours of its channels [channels,3], those of
    none [3], and what is done to the latent before, None for nothing; None where it is not told."""
    names = ("latent_rgb_factors", "latent_rgb_factors_bias", "latent_rgb_factors_reshape")
    factors, bias, reshape = (LATENT_FORMAT.read(latent_format, name) for name in names)
    return None if factors is None else (factors, bias or [0.0] * 3, reshape)


def frames_of_a_latent(model) -> int | None:
    """How many frames of a clip one latent frame of the MODEL holds, the first apart; None if not told, as by
    formats that leave it at core's 1."""
    held = LATENT_FORMAT.read(model.get_model_object("latent_format"), "temporal_downscale_ratio")
    return held if held is not None and held > 1 else None


def takes_video(model) -> bool | None:
    """Whether the MODEL's latents have a time axis; None if not told."""
    axes = LATENT_FORMAT.read(model.get_model_object("latent_format"), "latent_dimensions")
    return None if axes is None else axes == 3


def conditions(guider) -> dict[str, list[dict]]:
    """The conditions that a guider was given, by their names; empty for one that does not tell."""
    return GUIDER.read(guider, "original_conds") or {}


def guidance(guider) -> float:
    """The cfg of a guider; of one that has two, the higher."""
    both = [value for value in DUAL_GUIDER.values(guider).values() if value is not None]
    single = GUIDER.read(guider, "cfg")
    return float(max(both) if both else 1.0 if single is None else single)


def at_cfg(guider, cfg: float):
    """The guider at another cfg, as a copy; itself where it has none, or two, or no negative to guide by."""
    both = any(value is not None for value in DUAL_GUIDER.values(guider).values())
    alone = "negative" not in running_conditions(guider)
    if both or alone or GUIDER.read(guider, "cfg") is None:
        return guider
    other = copy.copy(guider)
    GUIDER.write(other, "cfg", cfg)
    return other


def trim_window(video) -> tuple[float, float] | None:
    """Start and duration that a VIDEO was trimmed to, in seconds, the start below 0 from the end; None where
    it does not tell. Asked by its method it counts a start below 0 by the longest track, sound or not."""
    start, duration = (VIDEO.read(video, f"_VideoFromFile__{name}") for name in ("start_time", "duration"))
    if start is not None and duration is not None:
        return float(start), float(duration)
    tell = VIDEO.read(video, "get_active_trim_window")
    return None if tell is None else tell()


def running_conditions(guider) -> dict[str, list[dict]]:
    """The conditions of a guider that samples."""
    return GUIDER.read(guider, "conds")


def running_model(guider) -> Any:
    """The network of a guider that samples."""
    return GUIDER.read(guider, "inner_model")


def handler(model) -> Any | None:
    """Core's context handler on a MODEL, if there is one."""
    return model.model_options.get(HANDLER_KEY.name)


def windows(model, shape: tuple[int, ...]) -> Iterator[Windows]:
    """The context windows that cut a latent of that shape: one setting, or none."""
    options = handler(model)
    if options is None:
        return
    dim, length = HANDLER.read(options, "dim"), HANDLER.read(options, "context_length")
    if len(shape) <= dim or shape[dim] <= length:
        return
    schedule = SCHEDULE.read(HANDLER.read(options, "context_schedule"), "name")
    fuse = FUSE.read(HANDLER.read(options, "fuse_method"), "name")
    settings = {field: HANDLER.read(options, field) for field in COMPARED}
    yield Windows(
        "core",
        schedule,
        fuse,
        length,
        HANDLER.read(options, "context_stride"),
        HANDLER.read(options, "context_overlap"),
        shape[dim],
        described(f"{schedule} {fuse}", settings),
        lambda step: _placed(options, shape[dim], step),
        of_video=dim == 2,
    )


def refuse_axis(model, shape: tuple[int, ...]) -> None:
    """Core's windows lie along an axis that the user numbers.

    Raises: UnsamplingError if a latent of that shape does not have it.
    """
    options = handler(model)
    if options is not None and HANDLER.read(options, "dim") >= len(shape):
        raise UnsamplingError(
            f"model has context windows along dim {HANDLER.read(options, 'dim')}, but the latent has"
            f" {len(shape)} dimensions; set dim to {2 if len(shape) == 5 else 0}"
        )


def _placed(options, frames: int, step: int) -> list[list[int]]:
    """The windows of a step, as core places them."""
    options = copy.copy(options)
    HANDLER.write(options, "_step", step)
    return SCHEDULE.read(HANDLER.read(options, "context_schedule"), "func")(frames, options, {})


def falling_sigmas(options: dict) -> Tensor:
    """The schedule of the run whose model options these are, falling."""
    return options["transformer_options"][SIGMAS_KEY.name].sort(descending=True).values


def mark_step(options: dict, falling: Tensor, step: int, sigma: float) -> None:
    """Writes this call's sigma where its step begins: core's context windows find their step by looking the
    sigma up in the schedule."""
    marked = falling.clone()
    marked[step] = sigma
    options["transformer_options"][SIGMAS_KEY.name] = marked


def hook_strengths(conds: dict[str, list[dict]]) -> list[float]:
    """The strengths that hook keyframes give at this moment."""
    return [float(HOOK_KEYFRAMES.read(group, "strength")) for group in _hook_keyframes(conds)]


def hook_cursors(conds: dict[str, list[dict]]) -> Iterator[Cursor]:
    """A cursor for each list of more than one hook keyframe."""
    return map(_cursor, _hook_keyframes(conds))


def forget_patched_weights(model, options: dict) -> None:
    """Has ComfyUI patch the hooks' weights anew: those it has are of another strength."""
    clones = options.get(CLONES_KEY.name, {}).values()
    for patcher in (BASE_MODEL.read(model, "current_patcher"), *clones):
        PATCHER.read(patcher, "clear_cached_hook_weights")()
        PATCHER.read(patcher, "patch_hooks")(None)


def _hook_keyframes(conds: dict[str, list[dict]]) -> Iterator:
    groups = [cond[HOOKS_KEY.name] for cond in each(conds) if cond.get(HOOKS_KEY.name) is not None]
    lists = [HOOK.read(hook, "hook_keyframe") for group in groups for hook in HOOK_GROUP.read(group, "hooks")]
    return (group for group in once(lists) if len(HOOK_KEYFRAMES.read(group, "keyframes")) > 1)


def _cursor(group) -> Cursor:
    def rewind() -> None:
        HOOK_KEYFRAMES.read(group, "reset")()
        # reset() leaves it, and a sigma that is met again would not count
        HOOK_KEYFRAMES.write(group, "_curr_t", -1.0)

    prepare = HOOK_KEYFRAMES.read(group, "prepare_current_keyframe")
    return Cursor(rewind, lambda x, sigma, options: prepare(sigma[0], options))


def refuse_momentum(model) -> None:
    """For the rising pass: core's Adaptive Projected Guidance sums up guidance while sigma falls only.

    Raises: UnsamplingError if it does on this MODEL.
    """
    if any(map(_has_momentum, model.model_options.get(GUIDANCE_KEY.name, ()))):
        raise UnsamplingError(
            "model has Adaptive Projected Guidance with momentum, which adds up the"
            " guidance of earlier calls, and of none while sigma rises; connect the MODEL"
            " without it here (the resampler may have it)"
        )


def _has_momentum(guide: Callable) -> bool:
    """Whether this is core's function with a momentum: it keeps its settings in a closure."""
    names = getattr(getattr(guide, "__code__", None), "co_freevars", ())
    cells: dict[str, CellType] = dict(zip(names, getattr(guide, "__closure__", None) or (), strict=True))
    if not {RUNNING_KEY.name, MOMENTUM_KEY.name} <= set(cells):
        # ComfyUI loads its extra nodes under the name of their file
        if str(getattr(guide, "__module__", "")).replace("/", ".").replace("\\", ".").endswith(APG):
            raise GUIDER.refuse("an Adaptive Projected Guidance")
        return False
    momentum = _content(cells[MOMENTUM_KEY.name])
    return isinstance(momentum, (int, float)) and momentum != 0


def _content(cell: CellType) -> Any | None:
    try:
        return cell.cell_contents
    except ValueError:  # a variable that has no value yet
        return None

"""What a run leaves on objects of ComfyUI (read at 0.33.0), AnimateDiff-Evolved (1.5.7) and
Advanced-ControlNet (1.5.8), and what stands on them without a bearing on any answer.

A field that is missing here costs a hit of the cache, one too many makes a wrong one. Every field here is set
anew by each run before it is read, or only says where something lies.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from torch import Tensor, nn

from .animatediff_keyframes import MOTION_START
from .core import CORE
from .fields import Kind

PATCHED = Kind(
    CORE,
    "comfy.model_patcher:ModelPatcher",
    ("model", "hook_backup", "backup", "object_patches_backup", "use_ejected"),
    optional=("backup_buffers",),
)
# of torch itself, in every module; hooks among them are looked at apart
OF_TORCH = {name for name in nn.Module().__dict__ if name != "training"}
FIELDS: dict[str, set[str]] = {
    "CFGGuider": {"conds", "inner_model", "loaded_models"},
    "ModelPatcher": {
        *("model", "size", "parent", "pinned", "patches_uuid", "clone_base_uuid", "cached_patcher_init"),
        *("backup", "backup_buffers", "object_patches_backup", "hook_patches_backup", "hook_backup"),
        *("cached_hook_patches", "current_hooks", "is_injected", "skip_injection", "is_multigpu_base_clone"),
        *("non_dynamic_delegate_model", "_last_prepare_log_key", "_free_methods", "_last_free_log_time"),
    },
    # every network and layer: how, when and by whom it was brought to the device
    "Module": {
        *("current_weight_patches_uuid", "model_loaded_weight_memory", "lowvram_patch_counter"),
        *(
            "model_lowvram",
            "model_offload_buffer_memory",
            "dynamic_vbars",
            "dynamic_pins",
            "dynamic_patchers",
        ),
        *(
            "comfy_cast_weights",
            "prev_comfy_cast_weights",
            "comfy_patched_weights",
            "comfy_force_cast_weights",
        ),
        *("weight_function", "bias_function", "weight_lowvram_function", "bias_lowvram_function"),
        *("seed_key", "_pin", "_pin_state", "_pins", "_v", "_v_signature", "_v_block"),
    },
    "BaseModel": {"device", "current_patcher", "latent_shapes"},
    "IndexListContextHandler": {"_step", "_model"},
    "ControlBase": {
        "cond_hint",
        "timestep_range",
        "extra_concat",
        "model_sampling_current",
        "multigpu_clones",
    },
    "AdvancedControlBase": {
        *("cond_or_uncond", "real_compression_ratio", "sub_idxs", "full_latent_length", "context_length"),
        *("t", "prev_t", "batched_number", "batch_size", "mask_cond_hint", "tk_mask_cond_hint"),
        *("tk_mask_cond_hint_original", "weight_mask_cond_hint"),
    },
    "NaiveReuse": {"mask", "_prev_keyframe"},
    "MotionModelAttachment": {
        *MOTION_START,
        *(
            "timestep_range",
            "combined_scale",
            "combined_effect",
            "combined_per_block_list",
            "was_within_range",
        ),
        *("combined_cameractrl_effect", "combined_pia_mask", "combined_pia_effect", "prev_sub_idxs"),
        *("prev_batched_number", "prev_pia_latents_shape", "prev_current_pia_input", "img_features"),
        *("img_latents_shape", "camera_features", "camera_features_shape", "cached_pia_c_concat"),
        *("prev_fancy_latents_shape", "cached_fancy_c_concat"),
    },
    "InjectionParams": {"full_length", "sub_idxs"},
    "AnimateDiffModel": {"AD_video_length", "effect_model", "effect_per_block_list"},
    "AnimateDiffInfo": {"mm_name"},  # the file's
    "VanillaTemporalModule": {
        *("video_length", "full_length", "sub_idxs", "view_options", "effect", "temp_effect_mask"),
        *("prev_input_tensor_batch", "img_features", "apply_ref_when_disabled", "camera_features"),
    },
    "TemporalTransformer3DModel": {
        *("video_length", "full_length", "sub_idxs", "prev_hidden_states_batch", "raw_scale_masks"),
        *("temp_scale_masks", "raw_cameractrl_effect", "temp_cameractrl_effect"),
        "prev_cameractrl_hidden_states_batch",
    },
    "CrossAttentionMM": {"scale"},
    "PositionalEncoding": {"sub_idxs"},
}
# where a list of keyframes stands, and at which sigma each begins
PLACE = {
    *("start_t", "_current_keyframe", "_current_context", "_current_used_steps", "_current_index", "_step"),
    *("_current_strength", "_previous_t", "_curr_t", "curr_t"),
}
KEYFRAMES = (
    *("HookKeyframe", "HookKeyframeGroup", "ContextOptions", "ContextOptionsGroup", "ADKeyframe"),
    *("ADKeyframeGroup", "ContextRefKeyframe", "ContextRefKeyframeGroup", "NaiveReuseKeyframe"),
    *("NaiveReuseKeyframeGroup", "CustomCFGKeyframe", "CustomCFGKeyframeGroup", "TimestepKeyframe"),
    *("TimestepKeyframeGroup", "NoisedImageToInject", "NoisedImageToInjectGroup"),
)
FIELDS |= dict.fromkeys(KEYFRAMES, PLACE)


def left_by_runs(kind: type) -> set[str]:
    """The fields of a class, and of those it comes from, that are no part of what an object is."""
    return set().union(*(FIELDS.get(base.__name__, set()) for base in kind.__mro__))


def is_patcher(thing: Any) -> bool:
    """Whether this is a MODEL, or another network that ComfyUI loads."""
    return any(base.__name__ == "ModelPatcher" for base in type(thing).__mro__)


def network(patcher: Any) -> tuple[nn.Module, tuple[dict[str, Tensor], dict[str, Any]]]:
    """The network of a MODEL; and by dotted name the weights and the objects in whose place a run may have
    put patched ones, as they were."""
    hooked = {name: kept[0] for name, kept in PATCHED.read(patcher, "hook_backup").items()}
    patched = {name: kept.weight for name, kept in PATCHED.read(patcher, "backup").items()}
    buffers = dict(PATCHED.read(patcher, "backup_buffers") or {})
    objects = dict(PATCHED.read(patcher, "object_patches_backup"))
    return PATCHED.read(patcher, "model"), (hooked | buffers | patched, objects)


def without_injections(patcher: Any, loaded: Iterable) -> AbstractContextManager:
    """The network of a MODEL without the modules that the last run has left between its layers.

    They are back at the end. loaded: the MODELs that ComfyUI has on its devices; one of them put them there.
    """
    network, out = PATCHED.read(patcher, "model"), ExitStack()
    for one in loaded:
        if PATCHED.read(one, "model") is network:
            out.enter_context(PATCHED.read(one, "use_ejected")())
    return out


def modules(network: nn.Module, objects: dict[str, Any], path: str = "") -> Iterator[tuple[str, nn.Module]]:
    """All modules of a network by dotted name, those among the objects in the place of what stands there."""
    yield path, network
    for name, child in network._modules.items():
        full = f"{path}.{name}" if path else name
        child = objects.get(full, child)
        if isinstance(child, nn.Module):
            yield from modules(child, objects, full)

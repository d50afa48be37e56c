"""What ComfyUI (0.33.0) tells of two models that take turns: their texts, and what is on the device."""

import comfy.model_management as management

from .core import CORE
from .fields import Key, Kind

LOADED_KEY = Key(CORE, "comfy.model_management", "current_loaded_models")
FREE_KEY = Key(CORE, "comfy.model_management", "free_memory")
LOADED = Kind(CORE, "comfy.model_management:LoadedModel", ("model",))
CLONES = Kind(
    CORE,
    "comfy.model_patcher:ModelPatcher",
    ("is_clone", "load_device", "get_additional_models_with_key"),
)
SPLIT_KEY = Key(CORE, "comfy.sampler_helpers", "multigpu", optional=True)
NETWORK = Kind(CORE, "comfy.model_base:BaseModel", ("model_config",))
CONFIG = Kind(CORE, "comfy.supported_models_base:BASE", ("unet_config",))
WIDTH_KEY = Key(CORE, "comfy.supported_models", "context_dim")
ALL = 1e30  # bytes


def make_way(model, other) -> None:
    """Takes the network of the other MODEL off the device, unless it is this one's too, and those that
    MultiGPU CFG Split made of it off theirs. All else stays."""
    if CLONES.read(other, "is_clone")(model):
        return
    for one in (other, *CLONES.read(other, "get_additional_models_with_key")(SPLIT_KEY.name)):
        _unload(one)


def _unload(other) -> None:
    is_others = CLONES.read(other, "is_clone")
    loaded = list(LOADED_KEY.function(management))  # type: ignore[call-overload]
    kept = [one for one in loaded if not _is_of(LOADED.read(one, "model"), is_others)]
    if len(kept) < len(loaded):
        FREE_KEY.function(management)(ALL, CLONES.read(other, "load_device"), kept)


def _is_of(patcher, is_others) -> bool:
    return patcher is not None and is_others(patcher)


def text_width(model) -> int | None:
    """How many numbers a token of a text has for the MODEL's attention; None if not told."""
    config = CONFIG.read(NETWORK.read(model.model, "model_config"), "unet_config")
    return config.get(WIDTH_KEY.name)

"""Step caches, by name: core's EasyCache and LazyCache, read at ComfyUI 0.33.0, and those of other packs.

No list of them is complete: host/repeats.py finds the others by what they answer.
"""

from ...unsampling import UnsamplingError
from .core import CORE
from .fields import Key, Kind

# of a MODEL's transformer_options
EASYCACHE_KEY = Key(CORE, "comfy_extras.nodes_easycache", "easycache")
HOLDER = Kind(CORE, "comfy_extras.nodes_easycache:EasyCacheHolder", own=("name",))
# of its model_options
WRAPPER_KEY = Key(CORE, "comfy.model_patcher", "model_function_wrapper")
# No test runs these packs: ComfyUI-TeaCache was read at October 2025, ComfyUI-MagCache and ComfyUI_TGate at
# their newest versions of November 2026. TGate leaves False where it is off.
OPTIONS = {
    "rel_l1_thresh": "TeaCache",
    "magcache_thresh": "MagCache",
    "tgate_enable": "T-GATE",
}
# Others wrap the model's function and set no option; the function's name has the node's: ComfyUI-deepcache,
# Comfy-WaveSpeed (ApplyFBCacheOnModel), and what was made after them.
WRAPPERS = {
    "deepcache": "DeepCache",
    "fbcache": "First Block Cache",
    "firstblockcache": "First Block Cache",
    "magcache": "MagCache",
    "teacache": "TeaCache",
    "tgate": "T-GATE",
}


def refuse(model) -> None:
    """Step caches answer a model call with what an earlier one was answered if the two seem alike: on the way
    up other calls come earlier than on the way down.

    Raises: UnsamplingError if model calls of this MODEL may be answered from a cache.
    """
    options = model.model_options.get("transformer_options", {})
    names = [name for key, name in OPTIONS.items() if options.get(key, False) is not False]
    holder = options.get(EASYCACHE_KEY.name)
    if holder is not None:
        names = [HOLDER.read(holder, "name") or "EasyCache"]
    names += _by_wrapper(model.model_options.get(WRAPPER_KEY.name))
    if names:
        raise UnsamplingError(
            f"model has {names[0]}, which skips model calls by what came before, so that the"
            " two passes would get different answers; connect the MODEL without it"
        )


def _by_wrapper(function) -> list[str]:
    """The caches that the name of a function, or of an object's class, tells of: not the pack's, which may
    have other nodes."""
    named = getattr(function, "__qualname__", type(function).__qualname__)
    plain = named.replace("_", "").replace("-", "").lower()
    return [name for word, name in WRAPPERS.items() if word in plain]

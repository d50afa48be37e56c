"""Step caches: core's EasyCache and LazyCache, read at ComfyUI 0.33.0, and ComfyUI-TeaCache's."""

from ...unsampling import UnsamplingError
from .core import CORE
from .fields import Key, Kind

# of a MODEL's transformer_options
EASYCACHE_KEY = Key(CORE, "comfy_extras.nodes_easycache", "easycache")
# no test runs ComfyUI-TeaCache: its version of October 2025 was read
TEACACHE_KEY = "rel_l1_thresh"
HOLDER = Kind(CORE, "comfy_extras.nodes_easycache:EasyCacheHolder", own=("name",))


def refuse(model) -> None:
    """Step caches answer a model call with what an earlier one was answered if the two seem alike: on the way
    up other calls come earlier than on the way down.

    Raises: UnsamplingError if model calls of this MODEL may be answered from a cache.
    """
    options = model.model_options.get("transformer_options", {})
    name = "TeaCache" if TEACACHE_KEY in options else None
    holder = options.get(EASYCACHE_KEY.name)
    if holder is not None:
        name = HOLDER.read(holder, "name") or "EasyCache"
    if name is not None:
        raise UnsamplingError(
            f"model has {name}, which skips model calls by what came before, so that the"
            " two passes would get different answers; connect the MODEL without it"
        )

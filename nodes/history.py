"""What a MODEL remembers from one call to the next: on the way up other calls come earlier than on the way
down. Read from a MODEL, never changed."""

import inspect
from collections.abc import Callable

from ..unsampling import UnsamplingError

TEACACHE = "rel_l1_thresh"


def refuse_caches(model) -> None:
    """Step caches (core's EasyCache and LazyCache, TeaCache) answer a model call with what an earlier one was
    answered if the two seem alike.

    Raises: UnsamplingError if model calls of this MODEL may be answered from a cache.
    """
    options = model.model_options.get("transformer_options", {})
    holder = options.get("easycache")
    name = getattr(holder, "name", None) or ("TeaCache" if TEACACHE in options else None)
    if name is not None:
        raise UnsamplingError(f"model has {name}, which skips model calls by what came before, so that the"
                              " two passes would get different answers; connect the MODEL without it")


def refuse_momentum(model) -> None:
    """For the rising pass: core's Adaptive Projected Guidance sums up guidance while sigma falls only.

    Raises: UnsamplingError if it does on this MODEL.
    """
    if any(map(_has_momentum, model.model_options.get("sampler_pre_cfg_function", ()))):
        raise UnsamplingError("model has Adaptive Projected Guidance with momentum, which adds up the"
                              " guidance of earlier calls, and of none while sigma rises; set its momentum"
                              " to 0, or connect the MODEL without it here")


def _has_momentum(guide: Callable) -> bool:
    known = inspect.getclosurevars(guide).nonlocals if inspect.isfunction(guide) else {}
    return "running_avg" in known and known.get("momentum", 0) != 0

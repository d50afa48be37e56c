"""What a MODEL remembers from one call to the next: on the way up other calls come earlier than on the way
down. Read from a MODEL, never changed."""

from collections.abc import Callable
from types import CellType

from ...unsampling import UnsamplingError

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
        raise UnsamplingError(
            f"model has {name}, which skips model calls by what came before, so that the"
            " two passes would get different answers; connect the MODEL without it"
        )


def refuse_momentum(model) -> None:
    """For the rising pass: core's Adaptive Projected Guidance sums up guidance while sigma falls only.

    Raises: UnsamplingError if it does on this MODEL.
    """
    if any(map(_has_momentum, model.model_options.get("sampler_pre_cfg_function", ()))):
        raise UnsamplingError(
            "model has Adaptive Projected Guidance with momentum, which adds up the"
            " guidance of earlier calls, and of none while sigma rises; connect the MODEL"
            " without it here (the resampler may have it)"
        )


def _has_momentum(guide: Callable) -> bool:
    """Whether this is core's function with a momentum: it keeps its settings in a closure."""
    known = dict(
        zip(
            getattr(getattr(guide, "__code__", None), "co_freevars", ()),
            getattr(guide, "__closure__", None) or (),
            strict=True,
        )
    )
    if not {"running_avg", "momentum"} <= set(known):
        return False
    momentum = _content(known["momentum"])
    return isinstance(momentum, (int, float)) and momentum != 0


def _content(cell: CellType):
    try:
        return cell.cell_contents
    except ValueError:  # a variable that has no value yet
        return None

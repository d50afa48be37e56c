"""Step caches (core's EasyCache and LazyCache, TeaCache): they answer a model call with what an earlier one
was answered if the two seem alike, and on the way up other calls come earlier than on the way down. Read from
a MODEL, never changed."""

from ..unsampling import UnsamplingError

TEACACHE = "rel_l1_thresh"


def refuse(model) -> None:
    """Raises: UnsamplingError if model calls of this MODEL may be answered from a cache."""
    options = model.model_options.get("transformer_options", {})
    holder = options.get("easycache")
    name = getattr(holder, "name", None) or ("TeaCache" if TEACACHE in options else None)
    if name is not None:
        raise UnsamplingError(f"model has {name}, which skips model calls by what came before, so that the"
                              " two passes would get different answers; connect the MODEL without it")

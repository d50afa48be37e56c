"""Other takes of a restyle: the source's answers at other fresh noise, without a new unsampling."""

from dataclasses import replace

import torch

from .record import Inversion
from .solvers.evaluation import Callback, Denoise, ModelCalls, Store, in_memory


@torch.no_grad()
def vary(
    denoise: Denoise,
    inversion: Inversion,
    variation: int,
    path: range,
    device: torch.device | None = None,
    callback: Callback | None = None,
    store: Store = in_memory,
) -> Inversion:
    """The inversion for another take of its restyles: the source is asked at other noise, all else stays.

    denoise: what answered while unsampling. variation: which take. path: the steps of the direct path that
    the take will walk, a call each. device: to ask on.
    Raises: UnsamplingError at the model's first NaN.
    """
    past = inversion.record
    if past is None or past.direct is None:
        return inversion
    fresh = past.direct.varied(variation)
    source, answers = past.source.to(device), list(fresh.answers)
    ask = ModelCalls(denoise, len(path), callback, store, past.half)
    for i in path:
        ask(fresh.noised(source, inversion.sigmas[i], i), inversion.sigmas[i], i)
        answers[i] = ask.outputs[-1]
    fresh = replace(fresh, answers=tuple(answers))
    return replace(inversion, record=replace(past, direct=fresh))

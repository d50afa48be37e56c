"""Other takes of a restyle: the source's answers at other fresh noise, without a new unsampling."""

from dataclasses import replace

import torch

from .record import Inversion
from .solvers.evaluation import Callback, Denoise, ModelCalls, Store, in_memory
from .start import with_bare


@torch.no_grad()
def vary(
    denoise: Denoise,
    inversion: Inversion,
    variation: int,
    path: range,
    device: torch.device | None = None,
    callback: Callback | None = None,
    store: Store = in_memory,
    turned: bool = False,
) -> Inversion:
    """The inversion for another take of its restyles: the source is asked at other noise, all else stays.

    denoise: what answered while unsampling. variation: which take. path: the steps of the direct path that
    the take will walk: calls() of it. device: to ask on. turned: whether it will walk it through a mirror.
    Raises: UnsamplingError at the model's first NaN.
    """
    past = inversion.record
    if past is None or past.direct is None:
        return inversion
    fresh = past.direct.varied(variation)
    source, answers = past.source.to(device), list(fresh.answers)
    sigmas, asked = inversion.sigmas, list(path)
    ask = ModelCalls(denoise, calls(inversion, path, turned), callback, store, past.half)
    if fresh.asks_bare(path, turned):
        # before the path, whose lower steps another model may answer
        fresh, asked = with_bare(fresh, ask, source, sigmas), sorted({0, *path})
    else:
        fresh = replace(fresh, bare=None)  # that of other noise
    for i in asked:
        ask(fresh.noised(source, sigmas[i], i), sigmas[i], i)
        answers[i] = ask.outputs[-1]
    fresh = replace(fresh, answers=tuple(answers))
    return replace(inversion, record=replace(past, direct=fresh))


def calls(inversion: Inversion, path: range, turned: bool = False) -> int:
    """Model calls that vary() will make."""
    direct = None if inversion.record is None else inversion.record.direct
    return 0 if direct is None else direct.calls_of_source(path, turned)

"""Other takes of one restyle: the source's answers at other fresh noise, asked of what made the noise."""

from typing import Any

from torch import Tensor

from ..unsampling import Inversion, UnsamplingError, steps
from ..unsampling import takes as engine
from ..unsampling.solvers.evaluation import Callback, Store
from . import admission, conditions, sampling
from .record import Fit, LatentRecord
from .run import Run
from .told import Told

NO_PATH = Told(
    "; variation has no effect without a direct path: nothing is drawn anew", "variation has no effect here"
)


def another(
    falling: Run,
    carried: LatentRecord | None,
    fit: Fit,
    found: Inversion,
    settings: dict[str, Any],
    variation: int,
    store: Store,
) -> Inversion:
    """The inversion for that take: itself for 0, and where no direct path is walked.

    fit: how the noise fits its record. settings: structure, direct and turn in the engine's words.
    Raises: UnsamplingError for noise whose Exact Unsampler is not in this workflow.
    """
    path, turned = steps.path(found, settings["structure"], settings["direct"]), bool(settings["turn"])
    if not variation or not path or carried is None:
        return found
    guider = carried.guider
    if guider is None:
        raise UnsamplingError(
            f"variation is {variation}, for which the source's model has to be asked, and this noise is from"
            " a file; set variation to 0, or connect an Exact Unsampler"
        )
    guider = conditions.of_slice(guider, fit, carried)
    shape, sigmas, made = tuple(falling.samples.shape), found.sigmas, [found]
    admission.admit(guider, shape, sigmas, 0, rising=False, by_core=False, whole=carried.shape)

    def one_pass(at_cfg: sampling.AtCfg, x: Tensor, report: Callback) -> Tensor:
        timed = falling.timed(report)
        varied = engine.vary(at_cfg(None), found, variation, path, x.device, timed, store, turned)
        made.append(varied)
        return x

    calls = engine.calls(found, path, turned)
    coming = f"take {variation}: {calls} model calls more"
    falling.say(Told(f"{coming}, for the source at other noise", coming))
    begun = 0 if found.asks_bare(path, turned) else path.start
    sampler = sampling.pass_sampler(one_pass, falling.samples, sigmas, 0, float(sigmas[begun]))
    sampling.run(guider, falling.samples, sigmas, sampler, calls)
    return made[-1]


def has_others(path: range, carried: LatentRecord | None) -> bool:
    """Whether the source's model can be asked on that path at other noise."""
    return bool(path) and carried is not None and carried.guider is not None


def remark(found: Inversion, settings: dict[str, Any], variation: int) -> str:
    """That a variation changes nothing; "" where it does, or none was asked for."""
    path = steps.path(found, settings["structure"], settings["direct"])
    return NO_PATH if variation and not path else ""

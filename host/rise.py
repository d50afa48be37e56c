"""The rising pass of one of our solvers, run in ComfyUI's guider, and what is said of it."""

from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor

from ..unsampling import Inversion, schedules, solvers, start, steps, storage
from ..unsampling import inversion as engine
from ..unsampling.direct import BARE_CALLS
from ..unsampling.progress import to_resample
from ..unsampling.solvers.evaluation import Callback
from . import latents, repeats, sampling
from .facts import Facts
from .packs import core
from .run import NOISE, PREVIEW, Run
from .told import Told

# solver, record, end and direct, in the engine's words
Settings = dict[str, Any]


class Slot(Protocol):
    """The place of one inversion in a cache."""

    def find(self) -> tuple[Tensor, Inversion] | None:
        """Noise in the VAE's scale and its inversion, if they are kept."""
        ...

    def keep(self, latent: dict, doubt: str) -> str:
        """Puts a LATENT of noise away. doubt: what speaks against it. Returns: what the user should know."""
        ...


# what makes a slot of a guider and of all else that the noise depends on
Cache = Callable[[Any, dict[str, Any]], Slot]


def strength(rising: Run, noise: Tensor, sigma: float, facts: Facts) -> str:
    """A remark where the noise is far too weak or too strong."""
    ours, source = (latents.variance(facts.latent_format, x) for x in (noise, rising.samples))
    return latents.strange_strength(ours, source, sigma, facts.flow)


def top(falling: Tensor, settings: Settings) -> int:
    """The highest step that the rising pass asks the model at: a direct path begins at the very top."""
    recording = solvers.recording(settings["solver"], settings["record"])
    first = schedules.start_index(falling, settings["end"])
    return first if steps.asked(falling, first, settings["direct"], recording) == 0 else 0


def rise(
    rising: Run,
    falling: Tensor,
    first: int,
    settings: Settings,
    more: dict[str, Any],
    seen: repeats.Repeats,
    told: str = "",
) -> tuple[Tensor, Inversion]:
    """told: what else the user should know before the first model call."""
    shows = _shows(rising, falling, settings, more["flow"])
    calls = engine.calls_rising(sigmas=falling, repeated=True, shows=shows, **settings)
    how = settings["solver"], falling, settings["end"], settings["direct"]
    back = engine.calls_there_and_back(*how, shows)
    # what is asked again, to compare, is not kept, and of noise alone the mean of all answers is
    kept = calls - 1 - (BARE_CALLS - 1 if shows else 0)
    size = _size(rising.samples, falling, kept, settings)
    inversions = []
    with storage.room(sampling.temp_folder(), size, size, lasting=True) as store:

        def one_pass(at_cfg: sampling.AtCfg, x: Tensor, report: Callback) -> Tensor:
            then = to_resample(back, core.guidance(rising.guider) != 1)
            timed = seen.watched(rising.timed(report, then=then, remark=NOISE))
            how = {**settings, **more, "callback": timed, "store": store, "compare": seen.compare}
            inversions.append(engine.unsample(at_cfg(None), x, falling, **how))
            return inversions[0].noise

        most = "at most " if settings["direct"] is None and size else ""
        coming = f"{most}{calls} model calls, then {back} or fewer to resample{storage.remark(size)}"
        rising.say(Told(f"unsampling, {coming}", "unsampling") + told + PREVIEW)
        sigmas = falling[first:].flip(0)
        sampler = sampling.pass_sampler(one_pass, rising.samples, sigmas, first)
        return sampling.run(rising.guider, rising.samples, sigmas, sampler, calls), inversions[0]


def _shows(rising: Run, falling: Tensor, settings: Settings, flow: bool) -> bool:
    """Whether a direct path begins where the clip shows through the noise."""
    if settings["direct"] == 0 or not solvers.recording(settings["solver"], settings["record"]):
        return False
    latent_format = rising.model.get_model_object("latent_format")
    return start.shows_through(core.in_sampling_space(latent_format, rising.samples), falling[0], flow)


def _size(samples: Tensor, falling: Tensor, calls: int, settings: Settings) -> int:
    """Bytes of the record, and of what its resampling makes of it."""
    if not solvers.recording(settings["solver"], settings["record"]):
        return 0
    climbed = len(falling) - 1 - schedules.start_index(falling, settings["end"])
    points = solvers.pair(settings["solver"]).stages * climbed
    return sum(storage.latents(samples, calls, settings["record"] == "half", points))


def words(inversion: Inversion, found: bool) -> str:
    """What was done, for the user. found: whether the noise was kept from an earlier run."""
    at = f"sigma {inversion.sigmas[inversion.start]:.4g}"
    fresh = f" ({inversion.direct_calls} for the direct path)" if inversion.direct_calls else ""
    calls = f"{inversion.calls} model calls{fresh}"
    if found:
        text = f"taken from the cache without a model call: unsampled to {at}, once made in {calls}"
        return Told(text, "taken from the cache, no model call")
    return Told(f"unsampled to {at} in {calls}", f"unsampled in {inversion.calls} model calls")

"""Whether a pass can work with a MODEL: every refusal of one, asked in one place by every way in.

Those are both nodes, both advanced nodes, the Inversion Sampler, and core SAMPLERs in the advanced nodes.
"""

from torch import Tensor

from ..unsampling import UnsamplingError
from . import keyframes, models, window_checks, windows
from .facts import Facts
from .packs import caches, sample_settings


def admit(
    guider,
    shape: tuple[int, ...],
    falling: Tensor,
    start: int = 0,
    *,
    rising: bool,
    by_core: bool = False,
    whole: tuple[int, ...] | None = None,
) -> Facts:
    """The facts of a guider and its MODEL, once nothing on them is known to spoil the pass.

    shape: of the latent in hand. falling: the schedule, of which the pass takes what begins at `start`.
    by_core: whether a core SAMPLER makes the pass. whole: the shape of the noise that this latent is a slice
    of, for the windows.
    Raises: UnsamplingError naming what to disconnect or set, before any model call.
    """
    model = guider.model_patcher
    facts = _facts(guider, shape, whole or shape)
    _refuse_schedule(facts, falling)
    sample_settings.refuse_changing(model)
    caches.refuse_caches(model)
    if rising:
        caches.refuse_momentum(model)
    keyframes.refuse_masks(getattr(guider, "original_conds", {}))
    window_checks.check(model, shape, falling, start)
    if by_core:
        _refuse_flow(facts)
        window_checks.refuse_moving(model, shape)
    return facts


def _facts(guider, shape: tuple[int, ...], whole: tuple[int, ...]) -> Facts:
    model = guider.model_patcher
    return Facts(
        family=models.family(model),
        windows=windows.told(model, whole),
        latent_format=model.get_model_object("latent_format"),
        frames=shape[2] if len(shape) == 5 else shape[0],
        cfg=models.cfg_of(guider),
    )


def _refuse_schedule(facts: Facts, falling: Tensor) -> None:
    """A flow model's noise ends at 1."""
    if facts.flow and falling[0] > 1.0001:
        raise UnsamplingError(
            f"sigmas starts at {falling[0]:.4g}, but the model is a flow model, whose noise"
            " goes up to 1; use Basic Scheduler with this model"
        )


def _refuse_flow(facts: Facts) -> None:
    """Core scales the latent around its samplers, for flow models by 1 - sigma, which is 0 at full noise."""
    if facts.flow:
        raise UnsamplingError(
            "model is a flow model, whose latent core's samplers divide by 0; disconnect"
            " sampler and use this node's solver"
        )

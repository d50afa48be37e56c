"""What acts on a resampling: for whoever runs the same again, and wonders what to change."""

from collections.abc import Iterable

from ..unsampling import Inversion
from . import experts, takes
from .packs import core, core_conditions
from .record import LatentRecord
from .run import Run


def on_path(
    falling: Run, inversion: Inversion, path: range, calls: int, carried: LatentRecord | None
) -> list[str]:
    """What acts on a pass that walks a direct path, or none. calls: of the model.

    Below the path the guider has its own cfg. Of a grid there are no takes."""
    if not calls:
        return ["structure"]  # as much as there is: the source itself
    below = path.stop < len(inversion.sigmas) - 1
    others = takes.has_others(path, carried) and falling.within is None
    return on_guider(falling.guider, below) + ["variation"] * others


def on_guider(guider, has_cfg: bool = True) -> list[str]:
    """What acts on a guider's answers. has_cfg: whether it is asked at its own cfg anywhere."""
    given = [core.conditions(one) for one in experts.each(guider)]
    has_cfg &= any("negative" in one for one in given)
    guidances = [name for one in given for name in core_conditions.own_guidance(one)]
    return ["prompt"] + ["cfg"] * has_cfg + guidances


def on_grid(passes: Iterable[str], recorded: bool) -> list[str]:
    """What acts on a grid. passes: what does on its passes. recorded: whether structure can be kept."""
    of_passes = ["prompts" if one == "prompt" else one for one in passes if one != "structure"]
    return of_passes + ["structure"] * recorded

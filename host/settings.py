"""What a user sets for a falling pass: in the engine's words, or refused in a sentence."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..unsampling import Inversion, UnsamplingError, curves, steps
from ..unsampling.change import Change, event
from ..unsampling.checks import check_fraction
from . import places, record
from .packs import core
from .told import Told

NEED_A_RECORD = ("direct", "hold", "steady", "structure")
AUTO = -1.0  # the direct widget's: as far as the record says


def check_direct(direct: float) -> float | None:
    """The widget's value in the engine's words. Raises: UnsamplingError unless it is -1, or 0 to 1."""
    if direct == AUTO:
        return None
    if not 0 <= direct <= 1:
        raise UnsamplingError(f"direct is {direct:g}; set it between 0 and 1, or to -1")
    return direct


def path_kept(inversion: Inversion, direct: float | None) -> tuple[float | None, str]:
    """The direct path's share of the steps in the engine's words, and what there is to say of it: one that is
    longer than the noise has answers for goes as far as they do. Without any it is refused later."""
    kept = inversion.direct_steps
    if direct is None or not kept:
        return direct, ""
    wanted = steps.asked(inversion.sigmas, inversion.start, direct, recording=True) or 0
    if wanted <= kept:
        return direct, ""
    text = (
        f"; direct is {direct:g}, {wanted} steps, and the noise has the source's answers for {kept}: the path"
        " takes these; a longer one needs a higher direct in the Exact Unsampler"
    )
    return None, Told(text, f"direct takes {kept} steps: the noise has no more")


def check_record(fit: record.Fit, settings: dict[str, Any], carried: bool) -> None:
    """Raises: UnsamplingError for settings above 0 that need a record which is not there any more."""
    if fit.change is not Change.FRAMES_ADDED and carried:
        return
    given = {name: settings[name] for name in NEED_A_RECORD if settings[name] is not None}
    wanted = [name for name, value in given.items() if torch.as_tensor(value).max() > 0]
    if not wanted:
        return
    why = f"{event(fit.change)}, so its record is lost" if carried else "noise carries no record"
    *most, last = wanted
    named = f"{', '.join(most)} and {last}" if most else last
    raise UnsamplingError(
        f"{why}, which {named} above 0 {'need' if most else 'needs'}; connect the Exact Unsampler's noise as"
        f" it is, or set {named} to 0"
    )


def check_guidance(guider, cfgs: float | tuple[float, float] | None, path: range) -> None:
    """Raises: UnsamplingError for a guider that cannot be asked at the noise's cfg on a direct path."""
    given = core.conditions(guider)
    cfg = max(cfgs) if isinstance(cfgs, tuple) else 1.0 if cfgs is None else cfgs
    if path and cfg != 1 and "positive" in given and "negative" not in given:
        raise UnsamplingError(
            f"guider has no negative, so the direct path cannot be asked at cfg {cfg:g}, at which the noise"
            " was made; use CFG Guider, set direct to 0, or unsample at cfg 1"
        )


def over_clip(value, fit: record.Fit, samples: Tensor, name: str) -> float | Tensor:
    """A setting as one number, or one a frame, from 0 to 1. Frames of a slice take those of their places.

    Raises: UnsamplingError where equal frames have other numbers, and it is not known which frames these are.
    """
    if samples.ndim == 5 or fit.frames is None:
        setting = curves.over_frames(value, samples.shape[2] if samples.ndim == 5 else len(samples), name)
    else:
        setting = _of_places(value, fit, name)
    check_fraction(name, setting)
    return setting


def _of_places(value, fit: record.Fit, name: str) -> float | Tensor:
    have, whole = fit.counts
    if curves.is_of_whole(value, have, whole, name):
        numbers = torch.as_tensor(curves.over_frames(value, whole, name))
        numbers = numbers if fit.cut is None else numbers[list(fit.cut)]
        if fit.placed.differ(numbers):
            raise UnsamplingError(
                f"{name} has other numbers for frames of the clip that are equal, and {unknown(fit)}; give"
                f" one number, or a list of {have}"
            )
    return curves.over_part(value, places.in_whole(fit.cut, fit.frames or []), whole, name)


def check_masks(fit: record.Fit, carried: record.LatentRecord | None) -> None:
    """Raises: UnsamplingError where equal frames have other masks, and it is not known which frames these
    are."""
    past = None if carried is None else carried.inversion.record
    if carried is None or past is None or past.mask is None or fit.frames is None or not fit.placed.others:
        return
    if fit.placed.differ(past.mask.expand(len(carried.digests), *past.mask.shape[1:])):
        raise UnsamplingError(
            f"frames of the clip that are equal have other masks, and {unknown(fit)}; cut the noise with"
            " Latent From Batch, straight behind the Exact Unsampler, or set the masks of these frames on it"
            " (Set Latent Noise Mask)"
        )


def masked(inversion: Inversion, mask: Tensor | None) -> Inversion:
    """The inversion with a mask that was set on the noise itself in place of the source's.

    Raises: UnsamplingError where no record has the source that it keeps.
    """
    if mask is None:
        return inversion
    whole = bool(mask.min() == 1)
    if inversion.record is not None:
        return replace(inversion, record=replace(inversion.record, mask=None if whole else mask))
    if not whole:
        raise UnsamplingError(
            "noise carries a noise mask but no record of its source; switch record on in"
            " the Exact Unsampler, or remove Set Latent Noise Mask"
        )
    return inversion


def unknown(fit: record.Fit) -> str:
    """That it is not known which of the noise's frames are in hand, as the end of a sentence."""
    have, whole = fit.counts
    return f"a node on the way dropped which {have} of its {whole} frames noise has"

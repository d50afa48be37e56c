"""What the user is told beside the progress of a falling pass: what has no effect, and what was lost."""

from typing import Any

import torch
from torch import Tensor

from ..unsampling import Inversion, mix, steps
from ..unsampling.across import can_tell
from ..unsampling.change import Change
from ..unsampling.solvers.evaluation import Callback
from . import record
from .told import Told

NOTHING = "the direct path changed nothing"


def of_change(
    fit: record.Fit, inversion: Inversion, settings: dict[str, Any], path: range, lost_path: bool
) -> str:
    """How the noise was changed, what comes of that, or that the change is not used; "" without one.

    settings: the engine's. lost_path: whether the noise came with answers for a direct path that is not there
    any more.
    """
    unused = _unused(inversion, settings, path)
    if inversion.mixed:
        return _of_mixed(fit, inversion, settings, path)
    if fit.change is Change.EDITED and unused:
        cure = ": set direct to 0 to use it" if path else ""
        text = f"; {unused} starts from the record, so the change made to the noise has no effect{cure}"
        return Told(text, "the change made to the noise has no effect")
    if fit.change is Change.ROUNDED and unused:
        return ""
    mixed = _mixed(inversion, settings) if fit.change is Change.EDITED else ""
    lost = Told(", and without a direct path", "without a direct path") if lost_path else ""
    return ("; " + fit.remark + mixed if fit.remark else "") + lost


def _of_mixed(fit: record.Fit, inversion: Inversion, settings: dict[str, Any], path: range) -> str:
    """What was done to the noise on purpose, and where that has no effect."""
    starts, last = (
        steps.starts(inversion, settings["structure"], settings["direct"]),
        len(inversion.sigmas) - 1,
    )
    told = f"; the noise was mixed ({inversion.info.get(mix.TOLD, 'Mix Noise')})"
    if fit.remark:
        told += ", " + fit.remark
    if path.stop == last or min(starts) == last:
        name = "the direct path" if path.stop == last else "structure"
        brief = f"{name} leaves nothing of the mix: lower it"
        return told + Told(f", of which {name} leaves nothing: lower it", brief)
    if max(starts) > min(starts):
        told += ", but not in the frames that structure starts lower"
    return told


def _unused(inversion: Inversion, settings: dict[str, Any], path: range) -> str:
    """What keeps every frame from beginning at the noise; "" where one does."""
    if path:
        return "the direct path"
    starts = steps.starts(inversion, settings["structure"], settings["direct"])
    return "structure" if min(starts) > inversion.start else ""


def _mixed(inversion: Inversion, settings: dict[str, Any]) -> str:
    """What of the clip is the source as it was before the noise was changed, and the cure; "" if nothing."""
    found = inversion.record
    if found is None:
        return ""
    starts = steps.starts(inversion, settings["structure"], settings["direct"])
    kept = {
        "outside the mask": ("remove the mask", found.mask is not None),
        "in the frames that structure starts lower": ("give structure one number", max(starts) > min(starts)),
        "in the layout that hold keeps": ("set hold to 0", settings["hold"] > 0),
        "in the changes over time that steady keeps": ("set steady to 0", settings["steady"] > 0),
    }
    where = [place for place, (_, there) in kept.items() if there]
    cures = [cure for cure, there in kept.values() if there]
    if not where:
        return ""
    return Told(
        f", and {' and '.join(where)} the clip is the source as it was unsampled, beside what the change made"
        f" of the rest: make the change (a flip, another clip) before VAE Encode, or {' and '.join(cures)}",
        "parts of the clip are as they were unsampled",
    )


def of_share(name: str, share: float | None, taken: int, count: int) -> str:
    """That a share of the steps was rounded up to one step, or to all of them; "" where it was not."""
    if share is None or not 0 < share < 1 or (share * count >= 0.5 and taken < count):
        return ""
    most = "all of them" if taken == count else f"{taken} of them, {taken / count:.2g}"
    rounded = f"{name} {share:.3g} is rounded to whole steps"
    return Told(f"; {rounded}, of which there are {count}: it means {most}", rounded)


def of_no_path(inversion: Inversion, direct: float | None) -> str:
    """That the clip needs no direct path, where it was to say how long one is; for the log alone."""
    if direct is not None or not inversion.recorded or inversion.direct_steps:
        return ""
    return Told("; no direct path: the model's answers are near the clip from the top of this schedule on")


UNSEEN = Told(
    "; the few steps of the direct path do not show whether dark and bright change places: if they do, set"
    " turn_lightness to on",
    "the look's lightness is not seen",
)

# for the log alone: it is true of every run on SD1.5's and SDXL's schedules
BLIND = (
    "; on a schedule that begins this low no answer shows whether dark and bright change places: if they do,"
    " set turn_lightness to on"
)


class OnThePath:
    """Looks at a direct path's answers beside the source's own, for what the user should know."""

    def __init__(self, inversion: Inversion, path: range, prompts: dict[str, str]):
        """prompts: those of the pass, as models.info() has them."""
        asked, made = (where.get("prompt positive") for where in (prompts, inversion.info))
        known = asked is not None and made is not None
        self.same_prompt, self.other_prompt = known and asked == made, known and asked != made
        kept = inversion.record.direct if inversion.record is not None else None
        self.answers = {} if kept is None else {float(inversion.sigmas[i]): kept.answers[i] for i in path}
        self.blind = bool(path) and kept is not None and not can_tell(kept)
        self.equal: dict[float, bool] = {}
        self.calls, self.across, self.looked = 0, False, True

    def watched(self, callback: Callback) -> Callback:
        """The callback, which also looks at the answers on the path."""

        def watch(call: int, calls: int, sigma: float, x: Tensor, denoised: Tensor) -> None:
            self.calls = call
            # the last answer at a sigma is the path's own: what a pass looks at first is asked before
            if sigma in self.answers:
                answer = self.answers[sigma]
                self.equal[sigma] = torch.equal(denoised.to(answer), answer)
            callback(call, calls, sigma, x, denoised)

        return watch

    def tell_across(self, across: bool | None) -> None:
        """That the new look lies across the source's lightness, that it does not, or that none can say."""
        self.across, self.looked = bool(across), across is not None

    def _turned(self, settings: dict[str, Any]) -> bool:
        """Whether the model was asked through the mirror of lightness."""
        by_itself = settings["turn"] is None and self.across
        return settings["mirror"] is not None and bool(settings["turn"] or by_itself)

    @property
    def same(self) -> bool:
        """Whether the path had answers, each the same as the source's own."""
        return bool(self.equal) and all(self.equal.values())

    def remark(self, settings: dict[str, Any]) -> str:
        """What there is to say after the pass. settings: the engine's."""
        if self.same and self.other_prompt:
            return Told(
                "; the direct path changed nothing: the model answered the other prompt as the source's",
                NOTHING,
            )
        if self.same:
            return Told(
                "; the direct path changed nothing, since the noise was made with this very prompt: describe"
                " the source in the Exact Unsampler's positive, or set direct to 0",
                NOTHING,
            )
        if self.answers and self.same_prompt:
            return _of_same_prompt(self._turned(settings))
        if not self.looked and settings["turn"] is None and settings["mirror"] is not None:
            return UNSEEN
        if self.blind and settings["turn"] is None and settings["mirror"] is not None:
            return BLIND
        return _of_lightness(settings) if self.across else ""


def _of_same_prompt(turned: bool) -> str:
    """What changes a clip on the direct path where the prompt does not."""
    by = "restyles by the model and its other conditions alone"
    cure = "set direct to 0"
    if turned:
        by = "changes the clip by the mirror of turn_lightness, and not by the prompt"
        cure = "set turn_lightness to off"
    return Told(
        f"; the noise was made with this very prompt, so the direct path {by}: describe the source in the"
        f" Exact Unsampler's positive, or {cure}",
        "the noise has this very prompt",
    )


def _of_lightness(settings: dict[str, Any]) -> str:
    """What was done, or is to be done, where a look lies across the source's lightness."""
    dark = "the new look is dark where the source is bright, or the other way round"
    if settings["turn"] is False:
        return Told(f"; {dark}: set turn_lightness to auto", "dark and bright differ: turn_lightness helps")
    if settings["mirror"] is None:
        return Told(
            f"; {dark}: Turn Lightness before VAE Encode, with an empty prompt in the Exact Unsampler, keeps"
            " more of the shapes",
            "dark and bright change places: Turn Lightness helps",
        )
    return Told(f"; lightness was turned round, since {dark}", "lightness was turned round")

"""What became of unsampled noise on its way to the resampling, and the one function that says so."""

from enum import Enum


class Change(Enum):
    """How the noise in hand differs from the recorded one."""

    NONE = "none"
    SLICED = "sliced"  # unchanged frames of it, not all of them
    ROUNDED = "rounded"  # the recorded frames, each value up to a rounding
    EDITED = "edited"
    FRAMES_ADDED = "frames added"  # or cut and edited: the record is of no use any more

    @property
    def keeps_values(self) -> bool:
        """Whether each frame in hand is a recorded one, up to a rounding at most."""
        return self in (Change.NONE, Change.SLICED, Change.ROUNDED)


def event(change: Change) -> str:
    """What happened, as the beginning of a sentence; only for noise that does not keep its values."""
    if change is Change.EDITED:
        return "the noise was changed since"
    return "frames were added to the noise, or cut and changed"


def in_words(
    change: Change,
    counts: tuple[int, int],
    mask_lost: bool = False,
    unsure: bool = False,
    mixed: bool = False,
) -> str:
    """A remark for the user, "" without a change.

    counts: how many frames are in hand, and how many the record has. mask_lost: whether a mask went with it.
    unsure: whether these may be other frames of equal noise, which have another record.
    mixed: whether the noise was made over on purpose before, so that nothing of it is exact anyway.
    """
    first = "; a node on the way dropped which of the clip's equal frames these are: taken for the first"
    return _in_words(change, counts, mask_lost, mixed) + (first if unsure else "")


def in_brief(change: Change, unsure: bool = False) -> tuple[str, ...]:
    """The same in a few words, without what does no harm."""
    found = {
        Change.EDITED: "the noise was changed since: not exact",
        Change.FRAMES_ADDED: "frames were added or changed: not exact",
    }
    first = ("equal frames are taken for the first",) if unsure else ()
    return ((found[change],) if change in found else ()) + first


def _in_words(change: Change, counts: tuple[int, int], mask_lost: bool, mixed: bool) -> str:
    if change is Change.NONE:
        return ""
    if change is Change.SLICED:
        return f"{counts[0]} of {counts[1]} frames" + (
            "" if mixed else ", exact where frames do not see each other"
        )
    if change is Change.ROUNDED:
        part = f"{counts[0]} of {counts[1]} frames, " if counts[0] != counts[1] else "the noise was "
        exact = "" if mixed else ": exact up to that rounding"
        return f"{part}rounded on the way (half precision, another device){exact}"
    return f"{event(change)}: not exact" + (", and the mask is lost" if mask_lost else "")

"""Which frames of the noise a LATENT has: by the places that core's nodes carry along, else by content.

Frames of equal noise (held drawings, title cards) may differ in mask, settings and record: content alone does
not tell them apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

from torch import Tensor

KEY = "batch_index"  # core's list of one number a frame, which its nodes cut and join as they do the frames


class Place(int):
    """A frame's place in the noise. Core's Repeat Latent Batch adds to the numbers that it repeats, which
    leaves a place what it is.

    mask: a digest of the mask that the noise was made with, "" without one: of two noises of one clip that
    are joined only the first one's record is there.
    """

    mask: str

    def __new__(cls, number: int, mask: str = "") -> "Place":
        place = super().__new__(cls, number)
        place.mask = mask
        return place

    def __add__(self, other: int) -> "Place":
        return self


@dataclass(frozen=True)
class Placed:
    """Frames in hand, by their places in the noise.

    frames: a place for each. others: of a frame that may as well be another one, all that it may be.
    rounded: whether their values are the recorded ones only up to a rounding.
    """

    frames: list[int]
    others: dict[int, list[int]] = field(default_factory=dict)
    rounded: bool = False

    def differ(self, values: Tensor) -> bool:
        """Whether these values, one for each frame of the noise, depend on which frames these are."""
        return any(
            not bool((values[place] == values[places[0]]).all())
            for places in self.others.values()
            for place in places[1:]
        )


def marks(count: int, mask: str = "") -> list[Place]:
    """What a LATENT of so many frames of noise says of their places."""
    return [Place(i, mask) for i in range(count)]


def of_latent(latent: dict) -> list[Place]:
    """The places that a LATENT says of its frames; empty where a node dropped them, or wrote its own."""
    kept = latent.get(KEY)
    if not isinstance(kept, list) or not all(isinstance(one, Place) for one in kept):
        return []
    return kept if len(kept) == len(latent["samples"]) else []


def of_noise(latent: dict) -> bool:
    """Whether what a LATENT says of its frames are places in a noise, some at least."""
    kept = latent.get(KEY)
    return isinstance(kept, list) and any(isinstance(one, Place) for one in kept)


def placed(names: Sequence[str], recorded: Sequence[str], told: Sequence[int]) -> Placed | None:
    """The places of frames with these names among the recorded ones; None unless each is one of those.

    names, recorded: digests. told: places that came along, which count if all of them fit the names.
    """
    whole, names = list(recorded), list(names)
    times, left = divmod(len(names), len(whole))
    if _fit(told, names, whole):
        found, equal = [int(place) for place in told], [i for i, one in enumerate(whole) if one == names[0]]
        if not len(found) > 1 == len(set(found)) or len(equal) == 1:
            return Placed(found)
        # one place for all is perhaps no place: core's Latent Batch Seed Behavior writes it
        if names != whole:
            return Placed(found, dict.fromkeys(range(len(found)), equal))
    if left == 0 and names == whole * times:
        return Placed(list(range(len(whole))) * times)
    where: dict[str, list[int]] = {}
    for place, name in enumerate(whole):
        where.setdefault(name, []).append(place)
    if not where.keys() >= set(names):
        return None
    candidates = [where[name] for name in names]
    at_equal_distances = _runs(candidates)
    if len(at_equal_distances) == 1:
        return Placed(at_equal_distances[0])
    return Placed(
        [one[0] for one in candidates], {i: one for i, one in enumerate(candidates) if len(one) > 1}
    )


def _fit(told: Sequence[int], names: list[str], whole: list[str]) -> bool:
    inside = len(told) == len(names) and all(0 <= place < len(whole) for place in told)
    return inside and all(whole[place] == name for place, name in zip(told, names, strict=True))


def _runs(candidates: list[list[int]]) -> list[list[int]]:
    """The ways, two at most, to take the frames at equal distances, forwards or backwards."""
    if len(candidates) == 1:
        return [[place] for place in candidates[0][:2]]
    found, allowed = [], [set(one) for one in candidates]
    for first, second in product(candidates[0], candidates[1]):
        run = range(len(candidates))
        distance = second - first
        if distance and all(first + i * distance in allowed[i] for i in run):
            found.append([first + i * distance for i in run])
        if len(found) == 2:
            break
    return found

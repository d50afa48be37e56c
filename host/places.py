"""Which frames of the noise a LATENT has: by the places that core's nodes carry along, else by content.

Frames of equal noise (held drawings, title cards) may differ in mask, settings and record: content alone does
not tell them apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, product

import torch
from torch import Tensor

KEY = "batch_index"  # core's list of one number a frame, which its nodes cut and join as they do the frames

# What a rounding may change of a value, over its size and the noise's std: bfloat16's is half of that.
ROUNDING = 2**-8
FEW = 64  # values of a frame that are compared first


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


def joined(latent: dict) -> bool:
    """Whether a LATENT of frames says that it was joined of several clips: their numbers begin again."""
    kept = latent.get(KEY)
    numbers = [one for one in kept if isinstance(one, int)] if isinstance(kept, list) else []
    return latent["samples"].ndim == 4 and any(later <= before for before, later in pairwise(numbers))


def placed(names: Sequence[str], recorded: Sequence[str], told: Sequence[int]) -> Placed | None:
    """The places of frames with these names among the recorded ones; None unless each is one of those.

    names, recorded: digests. told: places that came along, which count if all of them fit the names.
    """
    where: dict[str, list[int]] = {}
    for place, name in enumerate(recorded):
        where.setdefault(name, []).append(place)
    return _chosen([where.get(name, []) for name in names], len(recorded), told)


def rounded(
    frames: Tensor, names: Sequence[str], noise: Tensor, recorded: Sequence[str], told: Sequence[int]
) -> Placed | None:
    """The same of frames whose bits are all others: each value may be one of the noise's up to a rounding.

    frames, noise: in sampling space; names, recorded: their digests, by which equal ones are looked at once.
    """
    ours, theirs = ({name: i for i, name in enumerate(all)} for all in (names, recorded))
    flat = (noise if len(theirs) == len(noise) else noise[list(theirs.values())]).flatten(1)
    slack = flat.std(1, keepdim=True)
    near = {name: _near(frames[i].to(flat).flatten(), flat, slack) for name, i in ours.items()}
    kind = {name: i for i, name in enumerate(theirs)}
    like = {name: [i for i, one in enumerate(recorded) if kind[one] in near[name]] for name in ours}
    found = _chosen([like[name] for name in names], len(recorded), told)
    return None if found is None else replace(found, rounded=True)


def _near(values: Tensor, noise: Tensor, slack: Tensor) -> set[int]:
    """Which rows of noise [rows,values] these are, up to a rounding. A few values rule most rows out."""
    few = torch.linspace(0, len(values) - 1, min(len(values), FEW)).long()
    maybe = _fits(values[few], noise[:, few], slack).nonzero()[:, 0].tolist()
    return {row for row in maybe if _fits(values, noise[row : row + 1], slack[row : row + 1]).all()}


def _fits(values: Tensor, rows: Tensor, slack: Tensor) -> Tensor:
    return ((values - rows).abs() <= ROUNDING * (rows.abs() + slack)).all(1)


def _chosen(candidates: list[list[int]], count: int, told: Sequence[int]) -> Placed | None:
    """One place among so many for each frame, of those that it may have; None where one may have none."""
    if not all(candidates):
        return None
    as_they_were = len(candidates) % count == 0 and all(i % count in one for i, one in enumerate(candidates))
    if _fit(told, candidates):
        found = [int(place) for place in told]
        if not len(found) > 1 == len(set(found)) or len(candidates[0]) == 1:
            return Placed(found)
        # one place for all is perhaps no place: core's Latent Batch Seed Behavior writes it
        if not as_they_were or len(candidates) != count:
            return Placed(found, dict.fromkeys(range(len(found)), candidates[0]))
    if as_they_were:
        return Placed(list(range(count)) * (len(candidates) // count))
    at_equal_distances = _runs(candidates)
    if len(at_equal_distances) == 1:
        return Placed(at_equal_distances[0])
    return Placed(
        [one[0] for one in candidates], {i: one for i, one in enumerate(candidates) if len(one) > 1}
    )


def _fit(told: Sequence[int], candidates: list[list[int]]) -> bool:
    return len(told) == len(candidates) and all(
        place in one for place, one in zip(told, candidates, strict=True)
    )


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


def in_whole(cut: Sequence[int] | None, frames: Sequence[int]) -> list[int]:
    """The places in the whole noise of frames of a record that has those of the cut alone; None for all."""
    return list(frames) if cut is None else [cut[i] for i in frames]

"""How a list of keyframes is put back to its start, and led on; whose list it is, is known in host/packs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Cursor:
    """The place in one list of keyframes.

    rewind: puts it back to the start. meet: lets it meet the next sigma; called with the latent, sigma as a
    tensor of one, and the options that hold the schedule.
    """

    rewind: Callable[[], None]
    meet: Callable[[Tensor, Tensor, dict], object]


def each(conds: dict[str, list[dict]]) -> Iterator[dict]:
    """All conditions of a guider."""
    return (cond for group in conds.values() if group is not None for cond in group)


def once(things: Iterable) -> Iterator:
    """Each object once, in its order."""
    return iter({id(thing): thing for thing in things}.values())

"""Whether a new look lies across the source's lightness: dark where the source is bright, or the other way
round. The model's answers near the top of the schedule tell (docs/exactness.md#lightness).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from .direct import Direct, Edit, walk
from .hold import Adjust, centred, layout
from .mirror import Mirror
from .record import Inversion
from .solvers.evaluation import ModelCalls, Share
from .start import bare_edit

# Correlation of the two answers' layouts near the top below which dark and bright have changed places
# (measured on the demo's world: benchmarks/results/lightness.md). SEEN: the least that the source's own
# answer must have with the source to tell anything: at the very top it may have nothing of it.
ACROSS, SEEN = -0.3, 0.1
MOST = 3  # the path's top steps at one of which the look must tell


def lies_across(
    answer: Tensor, source_answer: Tensor, source: Tensor, mirror: Mirror | None = None
) -> bool | None:
    """Whether a new look is dark where the source is bright, by the model's two answers at a step.
    None: the source's own answer has nothing of the source yet, so the next step's tell.

    mirror: what lightness is. With it the answers must also lie on the two sides of middle grey: unrelated
    prompts can have opposite layouts by chance.
    """
    if not tells(source_answer, source):
        return None
    opposite = mirror is None or mirror.parts(answer, source_answer, source)
    return opposite and correlation(answer, source_answer) < ACROSS


def tells(source_answer: Tensor, source: Tensor) -> bool:
    """Whether the source's own answer has enough of the source to tell anything."""
    return correlation(source_answer, source) > SEEN


class Look:
    """Looks at the answers of a path from its top, until one tells whether the new look lies across.

    mirror: what lightness is, as in lies_across(). most: at how many answers. across: what was found; None as
    long as nothing tells. looked: whether it was asked to look. seen: how many answers it has looked at.
    """

    def __init__(self, source: Tensor, mirror: Mirror | None, most: int = MOST):
        self.source, self.mirror, self.most = source, mirror, most
        self.across: bool | None = None
        self.looked, self.seen = False, 0

    def __call__(self, answer: Tensor, source_answer: Tensor) -> bool:
        """Given an answer and the source's own; returns whether this one shows that the look lies across."""
        self.looked = True
        if self.across is not None or self.seen == self.most:
            return False
        self.seen += 1
        self.across = lies_across(answer, source_answer, self.source, self.mirror)
        return bool(self.across)

    def once(self, answer: Tensor, source_answer: Tensor) -> bool:
        """The same of the one answer that is looked at before a walk."""
        self(answer, source_answer)
        return True

    def beside(self, answer: Tensor, source_answer: Tensor) -> bool:
        """The same for a walk that goes on whatever is found."""
        self(answer, source_answer)
        return False


def correlation(a: Tensor, b: Tensor) -> float:
    """Of the layouts of two clips, each channel around its mean: from -1 to 1."""
    a, b = (centred(layout(x.to("cpu", torch.float32))) for x in (a, b))
    return float((a * b).sum() / (a.norm() * b.norm()).clamp(min=1e-12))


def first_telling(direct: Direct, source: Tensor, most: int) -> int | None:
    """The first step of the path, of so many, at which the source's own answer tells; None where none does.
    It is known from the record, so a pass that looks before it begins asks one answer for the target."""
    top = enumerate(direct.answers[:most])
    return next((step for step, answer in top if tells(answer, source)), None)


def to_look_at(sigmas: Tensor, kept: int, border: float) -> int:
    """At how many of the path's steps a pass may look: what is below a border another model answers, which
    would have to come and go for it. kept: for how many steps from the top the source has answers."""
    above = int((sigmas[:kept] >= border).sum())
    return min(MOST, above or kept)


def can_tell(direct: Direct) -> bool:
    """Whether the answers of a path can tell. Where its edit begins with a bare answer they cannot: the clip
    shows through the noise at the top, and whatever the look is, they have the source's own lightness."""
    return (direct.first or direct).bare is None


def looks_first(direct: Direct, path: range, mirror: Mirror | None, turn: bool | None) -> bool:
    """Whether a pass looks before it begins, since it does not walk the path whose answers tell: it starts
    below the top (structure), or takes fewer steps. That costs a call.

    path: the pass's own steps of those that have an answer. mirror, turn: as in resample().
    """
    wanted = turn is None and mirror is not None and can_tell(direct)
    return wanted and direct.steps > 0 and path != range(direct.steps)


def calls_before(
    inversion: Inversion, path: range, mirror: Mirror | None, turn: bool | None, border: float = 0.0
) -> int:
    """How many calls a pass makes before it begins: one where it looks first and the source's answers tell.

    path, turn: as in looks_first(). border: as in resample().
    """
    record = inversion.record
    if record is None or record.direct is None or not looks_first(record.direct, path, mirror, turn):
        return 0
    most = to_look_at(inversion.sigmas, record.direct.steps, border)
    return int(first_telling(record.direct.first or record.direct, record.source, most) is not None)


def walked(
    look: Look,
    through: Callable[[Mirror | None], None],
    evaluate: ModelCalls,
    sigmas: Tensor,
    direct: Direct,
    path: range,
    turn: bool | None,
    shares: tuple[Share, Share],
    adjusts: tuple[Adjust, Adjust, Adjust],
) -> tuple[Edit | None, Mirror | None]:
    """The direct path of a falling pass, and the mirror through which it goes on.

    through: makes evaluate() ask the path's model through a mirror. path, turn: as in looks_first(). shares,
    adjusts: as in walk(), for looking before the pass begins and for the path itself, and adjusts for what
    is asked at the top before it.
    """
    auto, seen, edit = turn is None and look.mirror is not None, look.mirror if turn else None, None
    told = evaluate, look.source, sigmas
    through(seen)
    if looks_first(direct, path, look.mirror, turn):
        # all takes of a restyle look at the same answer
        own, look.looked = direct.first or direct, True
        telling = first_telling(own, look.source, look.most)
        if telling is not None:
            walk(*told, own, range(telling, telling + 1), shares[0], adjusts[0], stop=look.once)
            seen, evaluate.total = look.mirror if look.across else None, evaluate.total + evaluate.count
            through(seen)
    if path:
        passing = turn or path.start > 0 or look.looked or not can_tell(direct)
        stop = None if passing else look if auto else look.beside
        # through the mirror the clip has the lightness of the look already
        bare = None if seen is not None else bare_edit(*told, direct, shares[0](0), adjusts[2])
        edit = walk(*told, direct, path, shares[1], adjusts[1], stop, bare)
    if path and edit is None:
        # the answers above the one that told have nothing of the source: their steps are not walked again
        seen, evaluate.total = look.mirror, evaluate.total + 1
        through(seen)
        edit = walk(*told, direct, path[look.seen - 1 :], shares[1], adjusts[1])
    return edit, seen

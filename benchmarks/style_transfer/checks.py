"""What must hold of the results of benchmarks.style_transfer, and whether it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from benchmarks.report import Check, number
from benchmarks.style_transfer.cases import NODES_CFG, Result
from benchmarks.style_transfer.columns import (
    average,
    difference,
    enough,
    of_clips,
    pick,
    plus_minus,
    spread,
)
from benchmarks.style_transfer.ours import BASE, DIRECT, END, OURS
from benchmarks.style_transfer.rivals import FLOWEDIT
from benchmarks.style_transfer.tables import compared, setting
from benchmarks.style_transfer.transfers import KINDS
from benchmarks.style_transfer.ways import MANY, OTHER

EXACT = 1e-5  # bar of the reconstruction's relative error
LIGHT, *CROSSING = KINDS


def _error(result: Result) -> float:
    return result.like.error


def _motion(result: Result) -> float:
    return result.like.motion


def _hit(result: Result) -> float:
    return float(result.like.hit)


def _rows(result: Result) -> float:
    return sum(result.rows)


@dataclass(frozen=True)
class Bar:
    """A promise of a way's mean: at most the limit, or at least it. Left out where no result has the name."""

    promise: str
    name: str
    value: Callable[[Result], float]
    limit: float
    least: bool = False
    cfg: float = 1.0
    kinds: Sequence[str] = KINDS
    setting: str = "pairs"

    def check(self, results: Sequence[Result]) -> Iterator[Check]:
        named = pick(setting(results, self.setting), self.name, cfg=self.cfg)
        group = [r for r in named if r.transfer.kind in self.kinds]
        if group:
            found, doubt = spread([self.value(r) for r in group])
            holds = found >= self.limit if self.least else found <= self.limit
            finding = f"{found:.3f}{plus_minus(doubt)} over {of_clips(len(group))}"
            promise = f"{self.name}, cfg {self.cfg:g}: {self.promise}"
            yield Check(promise, finding, enough(len(group), holds))


BARS = (
    Bar("restyle error at most 0.50 over all pairs", DIRECT, _error, 0.50),
    Bar("restyle error at most 0.37 between light styles", DIRECT, _error, 0.37, kinds=[LIGHT]),
    Bar("motion error at most 0.4 px between light styles", DIRECT, _motion, 0.4, kinds=[LIGHT]),
    Bar("style hit on at least 95 %", DIRECT, _hit, 0.95, least=True),
    Bar("restyle error at most 0.50 over all pairs", DIRECT, _error, 0.50, cfg=NODES_CFG),
    Bar("style hit on at least 95 %", DIRECT, _hit, 0.95, least=True, cfg=NODES_CFG),
    Bar("restyle error at most 0.50 over all pairs", DIRECT, _error, 0.50, cfg=3.0),
    Bar("style hit on all", DIRECT, _hit, 1.0, least=True, cfg=3.0),
    Bar("on average at most 48 rows for the first restyle", DIRECT, _rows, 48),
    Bar("on average at most 17 rows for a further one", DIRECT, lambda r: r.rows[1], 17),
    Bar("on average at most 36 rows for the first restyle", END, _rows, 36),
    Bar("restyle error at most 0.62 across lightness", DIRECT, _error, 0.62, kinds=CROSSING),
)
# the bar for a new model
NEW_ERROR, NEW_MOTION = 0.45, 1.0  # restyle error, pixels
NEW_MODEL = (
    f"over all pairs restyle error at most {NEW_ERROR:g} and motion error at most {NEW_MOTION:g} px"
    " (the issue's bar for a new model)"
)
FURTHER = 17  # rows
ELSEWHERE = {
    "low": "From sigma 14.6",
    "64 frames": "On 64 frames in windows",
    "256 frames": "On 256 frames in windows",
}
RIVALS = (("core euler", "at 16 steps", True), (f"core euler, {MANY} steps", f"at {MANY} steps", False))


def checks(results: Sequence[Result]) -> Iterator[Check]:
    """Every promise of which the results tell something."""
    pairs = setting(results, "pairs")
    yield _exact(pick(pairs, OURS))
    for value, words in ((_error, "restyle error"), (_motion, "motion error")):
        for rival, steps, lower in RIVALS:
            than = "lower than" if lower else "not higher than"
            promise = f"{OURS} has a {words} {than} core euler's {steps}"
            yield from _duel(pairs, value, promise, OURS, rival, strict=lower)
    yield from _random(compared(results))
    for bar in BARS:
        yield from bar.check(results)
    yield from _new_model(pick(pairs, DIRECT))
    yield from _each_further(pick(pairs, DIRECT))
    for name, words in ELSEWHERE.items():
        yield from _gain(setting(results, name), words)
    yield from _against(pairs, DIRECT, FLOWEDIT)
    for where, group in _parts(results).items():
        for check in _against(group, DIRECT, FLOWEDIT):
            yield replace(check, promise=f"{where}, whether {check.promise}", holds=None)


def _parts(results: Sequence[Result]) -> dict[str, list[Result]]:
    """The clips on which a rival may be better though it is not over all pairs."""
    pairs = setting(results, "pairs")
    kinds = {
        "Between light styles": [r for r in pairs if r.transfer.kind == LIGHT],
        "Across lightness": [r for r in pairs if r.transfer.kind in CROSSING],
    }
    return kinds | {words: setting(results, name) for name, words in ELSEWHERE.items()}


def _exact(ours: Sequence[Result]) -> Check:
    errors = [r.reconstruction[0] for r in ours if r.reconstruction]
    worst = max(errors)
    return Check(
        f"{OURS} returns every held-out clip to a relative error below {EXACT:g}",
        f"Largest of {len(errors)}: {number(worst)}",
        worst < EXACT,
    )


def _duel(
    results: Sequence[Result],
    value: Callable[[Result], float],
    promise: str,
    name: str,
    rival: str,
    strict: bool,
) -> Iterator[Check]:
    """Whether a way is better than a rival on the clips that both were tried on."""
    ours, theirs = _both(results, name, rival)
    if ours:
        change, doubt = difference(ours, theirs, value)
        finding = (
            f"{average(ours, value):.3f} against {average(theirs, value):.3f}, a difference of"
            f" {change:+.3f}{plus_minus(doubt)} on the same {of_clips(len(ours))}"
        )
        yield Check(promise, finding, enough(len(ours), change < 0 if strict else change <= 0))


def _both(results: Sequence[Result], name: str, rival: str) -> tuple[list[Result], list[Result]]:
    """The results of both on the clips that both were tried on."""
    ours, theirs = pick(results, name), pick(results, rival)
    clips = {r.clip for r in ours} & {r.clip for r in theirs}
    return [r for r in ours if r.clip in clips], [r for r in theirs if r.clip in clips]


def _random(few: Sequence[Result]) -> Iterator[Check]:
    """Whether unsampled noise keeps the motion where random noise does not: the way without a direct path, in
    which the noise alone has the motion."""
    random, unsampled, chance = (pick(few, name) for name in ("random noise", BASE, OTHER))
    if random:
        far, near, other = (average(group, _motion) for group in (random, unsampled, chance))
        times = f"{far / near:.1f}" if near > 0 else "infinitely many"
        yield Check(
            f"Unsampled noise ({BASE}) keeps the motion, random noise does not",
            f"Random noise's motion error is {times} times as large: {far:.2f} px against {near:.2f} px,"
            f" where another clip has {other:.2f} px",
            enough(len(random), far > near),
        )


def _new_model(ours: Sequence[Result]) -> Iterator[Check]:
    """Whether the demo's model is as near as a new one should be, without a ControlNet."""
    if ours:
        (error, doubt), (motion, more) = (spread([value(r) for r in ours]) for value in (_error, _motion))
        holds = enough(len(ours), error <= NEW_ERROR and motion <= NEW_MOTION)
        finding = (
            f"{error:.3f}{plus_minus(doubt)} and {motion:.2f}{plus_minus(more, 2)} px"
            f" over {of_clips(len(ours))}"
        )
        yield Check(f"{DIRECT}, cfg 1: {NEW_MODEL}", finding, holds)


def _each_further(ours: Sequence[Result]) -> Iterator[Check]:
    """Whether no clip's further restyle costs more than the mean may."""
    rows = [r.rows[1] for r in ours if r.transfer.setting == "pairs" and r.cfg == 1.0]
    if rows:
        more = sum(one > FURTHER for one in rows)
        finding = f"Most: {max(rows)}; {more} of {len(rows)} clips take more than {FURTHER}"
        yield Check(f"{DIRECT}, cfg 1: at most {FURTHER} rows for each further one", finding, not more)


def _gain(results: Sequence[Result], words: str) -> Iterator[Check]:
    """Whether the direct path has a lower restyle error than the way without it there, by two standard
    errors."""
    ours, theirs = _both(results, DIRECT, BASE)
    if ours:
        change, doubt = difference(ours, theirs, _error)
        finding = f"{change:+.3f}{plus_minus(doubt)} on {of_clips(len(ours))}"
        holds = None if doubt is None else change < -2 * doubt
        yield Check(f"{words} the direct path keeps a gain in restyle error", finding, holds)


def _against(results: Sequence[Result], name: str, rival: str) -> Iterator[Check]:
    """Whether a way has the lower restyle error at no more flicker and no fewer style hits."""
    ours, theirs = _both(results, name, rival)
    if ours:
        measures = {"Restyle error": _error, "flicker": lambda r: r.like.flicker, "style hit": _hit}
        found = {what: difference(ours, theirs, value) for what, value in measures.items()}
        error, flicker, hit = (change for change, _ in found.values())
        words = [f"{what} {change:+.3f}{plus_minus(doubt)}" for what, (change, doubt) in found.items()]
        yield Check(
            f"{name} has a lower restyle error than {rival}, and flicker and style hit are no worse",
            f"{', '.join(words)} on the same {of_clips(len(ours))}",
            enough(len(ours), error < 0 and flicker <= 0 <= hit),
        )

"""Every way of restyling that benchmarks.style_transfer compares, and on which clips it tries them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from benchmarks.solvers.ways import way
from benchmarks.style_transfer import cases, ours, rivals
from benchmarks.style_transfer.cases import HIGH_CFG, NODES_CFG, Asked, Case, Result, straight
from benchmarks.style_transfer.transfers import Transfer
from demo import world
from demo.places import turned

MANY = 50
PARTIAL = (0.2, 0.4, 0.6, 0.8)  # SDEdit starts where these structures do
TRUTH, UNTOUCHED, OTHER = "the truth itself", "the source, nothing done", "another clip in the target style"
NEGATIVE = "the source, lightness turned round"  # across lightness alone
REFERENCES = (TRUTH, UNTOUCHED, NEGATIVE, OTHER)
EVERYWHERE = "core heun"  # who has a result of this was tried in every way


def main_cases(transfer: Transfer) -> list[Case]:
    """What is done to every clip: some 30 rows up, 16, 23 and 23 down for ours with 16 for its
    reconstruction, 17 for what it replaced, 32 for each of FlowEdit's seeds and for core's euler, 48 for
    FlowEdit guided as strongly as ours. A third of the clips crosses lightness: 16 more there."""
    return [
        ours.default(1.0, NODES_CFG, HIGH_CFG, base=(1.0,), kept=transfer.crosses, always=True),
        *(rivals.flow_edit(transfer, seed) for seed in range(rivals.SEEDS)),
        rivals.flow_edit(transfer, cfg=HIGH_CFG),
        straight("core euler", way("core euler", "-")),
    ]


def every_case(transfer: Transfer) -> list[Case]:
    """The main ways, and all others."""
    return [
        *main_cases(transfer),
        *ours.others(),
        *([ours.turned_round()] if transfer.crosses else []),
        *rivals.rivals(transfer),
        straight("midpoint", way("midpoint", "none")),
        straight("dpmpp_2m, recorded", way("dpmpp_2m", "full"), HIGH_CFG),
        straight("ees25", way("ees25", "none")),
        straight("core dpmpp_2m", way("core dpmpp_2m", "-")),
        straight(EVERYWHERE, way(EVERYWHERE, "-")),
        straight(f"core euler, {MANY} steps", way("core euler", "-"), steps=MANY),
        rivals.partial(transfer, None),
        *(rivals.partial(transfer, s) for s in PARTIAL),
    ]


def low_cases(transfer: Transfer) -> list[Case]:
    """What is done from sigma 14.6."""
    return [
        ours.low(1.0, NODES_CFG, HIGH_CFG, crosses=transfer.crosses),
        rivals.flow_edit(transfer),
        straight("core euler", way("core euler", "-"), returns=False),
    ]


def hold_cases(transfer: Transfer) -> list[Case]:
    """What holds the layout, and what is left without a text for the source."""
    return ours.held()


def unseen_cases(transfer: Transfer) -> list[Case]:
    """What is done to a style that the model never saw: no condition on the way up."""
    return [
        ours.default(1.0, base=(1.0,), kept=transfer.crosses, returns=False),
        rivals.flow_edit(transfer),
        ours.turned_round(),
    ]


def long_cases(transfer: Transfer) -> list[Case]:
    """What is done to clips longer than the model's: every call in windows."""
    return [ours.long(), rivals.flow_edit(transfer)]


SECTIONS: dict[str, Callable[[Transfer], list[Case]]] = {
    "pairs": main_cases,
    "low": low_cases,
    "hold": hold_cases,
    "unseen": unseen_cases,
    "64 frames": long_cases,
    "256 frames": long_cases,
}


def measure(transfer: Transfer, every: bool, returned: bool, asked: Asked) -> list[Result]:
    """Everything that is done to that clip. every: in every way; returned: also brought back, where that is
    asked on some clips only."""
    chosen = (every_case if every else SECTIONS[transfer.setting])(transfer)
    return [
        *references(transfer),
        *chain.from_iterable(cases.results(transfer, case, asked, returned) for case in chosen),
    ]


def references(transfer: Transfer) -> list[Result]:
    """What the measures say of clips that no model made: the truth, the source, another clip."""
    of, frames = transfer.content(), len(transfer.clip())
    other = Transfer(transfer.index + 1, transfer.setting).content()
    source = world.render(of, transfer.source, frames)
    clips = {
        TRUTH: world.render(of, transfer.target, frames),
        UNTOUCHED: source,
        **({NEGATIVE: turned(source)} if transfer.crosses else {}),
        OTHER: world.render(other, transfer.target, frames),
    }
    return [cases.result(transfer, name, clip) for name, clip in clips.items()]

"""What can be asked of `python -m demo`, and what of it is refused before anything starts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from unsampling import solvers

from .clip import MOST_FRAMES
from .world import FRAMES, HELD_OUT, STYLE_NAMES

OUT = Path(__file__).parent / "out"
SEED, SOURCE_STYLE = 29, "flat"  # of the clip that is shown when nothing else is asked for
STYLES, CFGS = ("mosaic", "watercolour", "halftone"), (1.0, 3.0)
MOST_STEPS = 100
EXACT_SOLVERS = tuple(solvers.recorded())


@dataclass(frozen=True)
class Options:
    """A checked command line. clip: None is the world's own, of that seed; frames: None is all there may be.

    direct: the share of steps of the direct path, None for as many as the clip needs.
    source_style: the style under which the clip is unsampled, and the world's own is drawn; None is none.
    """

    clip: Path | None
    seed: int
    source_style: str | None
    frames: int | None
    styles: tuple[str, ...]
    cfgs: tuple[float, ...]
    steps: int
    solver: str
    structure: float
    direct: float | None
    out: Path


def parse(arguments: Sequence[str] | None = None) -> Options:
    """The command line, or that of this process. Exits with a sentence for settings that cannot be."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.clip is not None and given.seed is not None:
        parser.error("argument --seed: it chooses one of the world's clips, so leave it out with --clip")
    built_in = given.clip is None
    return Options(
        given.clip,
        SEED if given.seed is None else given.seed,
        given.source_style or (SOURCE_STYLE if built_in else None),
        given.frames or (FRAMES if built_in else None),
        tuple(dict.fromkeys(given.style)),
        tuple(dict.fromkeys(given.cfg)),
        given.steps,
        given.solver,
        given.structure,
        given.direct,
        given.out,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m demo",
        description="A clip to the noise that represents it, back again exactly, and on to new styles.",
    )
    add = parser.add_argument
    add("--clip", type=Path, help="a video of yours (default: a clip of the world that no training saw)")
    add(
        "--seed",
        type=_within(int, HELD_OUT.start, HELD_OUT.stop - 1),
        help=f"which of the world's clips (default {SEED})",
    )
    add(
        "--source-style",
        choices=STYLE_NAMES,
        help=f"the clip's own style (default {SOURCE_STYLE}, for --clip none: the model is asked without)",
    )
    add(
        "--frames",
        type=_within(int, 1, MOST_FRAMES),
        help=f"use the first frames (default {FRAMES}, for --clip all up to {MOST_FRAMES})",
    )
    add(
        "--style",
        nargs="+",
        choices=STYLE_NAMES,
        default=list(STYLES),
        metavar="STYLE",
        help=f"styles to grow (default {' '.join(STYLES)}), of {', '.join(STYLE_NAMES)}",
    )
    add(
        "--cfg",
        nargs="+",
        type=_within(float, 0, 30),
        default=list(CFGS),
        help=f"how strictly the styles are followed (default {' '.join(f'{cfg:g}' for cfg in CFGS)})",
    )
    add("--steps", type=_within(int, 1, MOST_STEPS), default=16, help="steps of each pass (default 16)")
    add("--solver", choices=EXACT_SOLVERS, default=solvers.DEFAULT, help=f"(default {solvers.DEFAULT})")
    add(
        "--structure",
        type=_within(float, 0, 1),
        default=0.0,
        help="0 is the most freedom, 1 the source (default 0)",
    )
    add(
        "--direct",
        type=_within(float, 0, 1),
        help="share of the steps that the direct path takes (default: as many as the clip needs)",
    )
    add("--out", type=Path, default=OUT, help="folder for what is made (default demo/out)")
    return parser


def _within(kind: type, low: float, high: float) -> Callable[[str], float]:
    """An argument type: a number of that kind from low to high."""

    def number(text: str) -> float:
        value = kind(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not from {low} to {high}")
        return value

    number.__name__ = {int: "whole number", float: "number"}[kind]  # what argparse calls it
    return number

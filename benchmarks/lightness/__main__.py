"""Whether the model's first two answers tell that a look lies across lightness from the source.

    python -m benchmarks.lightness     the reporting half, two schedules; minutes

The resampler turns lightness round by this rule (unsampling/across.py, lies_across). Written to
benchmarks/results/lightness.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import torch
from tqdm import tqdm

from benchmarks.report import Check, promises, table, versions
from benchmarks.style_transfer.cases import STEPS
from benchmarks.style_transfer.transfers import HALF, HALVES, SETTINGS, Transfer
from demo import model
from unsampling import direct
from unsampling.across import ACROSS, SEEN, correlation, lies_across
from unsampling.mirror import of_pixels

RESULTS = Path(__file__).resolve().parents[1] / "results" / "lightness.md"
TOPS = ("pairs", "low")  # settings that differ in the schedule's top alone
INTRODUCTION = """\
# What the first two answers tell of lightness

Written by `python -m benchmarks.lightness --first {first} --clips {clips}`.
{versions}. The network runs in float32.

The demo's model is asked about each clip under fresh noise, for the source's style and for the target's, at
the first of the top steps whose own answer correlates with the source by more than {seen:g}. Where the two
answers' layouts correlate by less than {across:g}, and their lightness lies on the two sides of middle grey,
the resampler turns lightness round. Across: from a dark style to a bright one, or back. On a direct path the
edit of the steps before is in the target's answer too; here it is not.
"""


class Seen(NamedTuple):
    """One clip at one top: the correlation of both answers at the step that tells, and what the rule says."""

    top: float
    crosses: bool
    correlation: float
    named: bool


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    unet = model.load(options.weights)
    indices = range(options.first, options.first + options.clips)
    found = [_seen(Transfer(i, top), unet) for top in TOPS for i in tqdm(indices, disable=None)]
    text = "\n".join([_introduction(options), _table(found), "", promises(_checks(found))])
    if options.output is not None:
        options.output.write_text(text, encoding="utf-8")
    print(text)
    return 0


def _seen(transfer: Transfer, unet: torch.nn.Module) -> Seen:
    clip, sigmas = transfer.clip(), transfer.sigmas(STEPS)
    path = direct.Direct((), direct.seed_of(clip, 0), tuple(range(len(clip))))
    answer, own, named = clip, clip, None
    for step, sigma in enumerate(sigmas[:-1]):
        x = path.noised(clip, sigma, step)
        answer, own = (
            model.denoiser(unet, style)(x, float(sigma), step)
            for style in (transfer.target, transfer.condition)
        )
        named = lies_across(answer, own, clip, of_pixels())
        if named is not None:
            break
    top, alike = SETTINGS[transfer.setting].top, correlation(answer, own)
    return Seen(top, transfer.crosses, alike, named is True)


def _table(found: Sequence[Seen]) -> str:
    rows = []
    for top in dict.fromkeys(one.top for one in found):
        for crosses in (False, True):
            group = [one for one in found if (one.top, one.crosses) == (top, crosses)]
            if group:
                values = [one.correlation for one in group]
                span = f"{min(values):.2f} to {max(values):.2f}"
                pairs = "across lightness" if crosses else "others"
                named = f"{sum(one.named for one in group)} of {len(group)}"
                rows.append([f"{top:g}", pairs, f"{mean(values):.2f}", span, named])
    return table(("top", "pairs", "correlation", "from", "turned"), rows)


def _checks(found: Sequence[Seen]) -> Iterator[Check]:
    """At the demo's own top the rule must be right; at SD1.5's it must not cry wolf."""
    for top in (SETTINGS[name].top for name in TOPS):
        others = [one for one in found if one.top == top and not one.crosses]
        wrong = sum(one.named for one in others)
        yield Check(f"From sigma {top:g} no other pair is turned", f"{wrong} of {len(others)}", wrong == 0)
    across = [one for one in found if one.crosses and one.top == model.SIGMA_MAX]
    right = sum(one.named for one in across)
    promise = f"From sigma {model.SIGMA_MAX:g} every pair across lightness is turned"
    yield Check(promise, f"{right} of {len(across)}", right == len(across))


def _introduction(options: argparse.Namespace) -> str:
    return INTRODUCTION.format(
        first=options.first,
        clips=options.clips,
        versions=versions(),
        across=ACROSS,
        seen=SEEN,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.lightness", description=__doc__.partition("\n")[0])
    parser.add_argument("--first", type=int, default=HALVES["reporting"], help="the first clip")
    parser.add_argument("--clips", type=int, default=HALF)
    parser.add_argument("--weights", type=Path, default=model.WEIGHTS)
    parser.add_argument("--output", type=Path, default=RESULTS, help="the file to write")
    return parser


if __name__ == "__main__":
    sys.exit(main())

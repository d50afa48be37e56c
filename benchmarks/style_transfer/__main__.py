"""Style transfer on a world whose right answers are known: our pairs, core's ways, and no unsampling.

    python -m benchmarks.style_transfer                          the reporting half, every way; hours
    python -m benchmarks.style_transfer --first 500 --clips 16   any other clips, the main ways; minutes
    python -m benchmarks.style_transfer --first 500 --clips 1 --compared 1    a clip in every way

The reporting half is written to style_transfer.md, .json and .png in benchmarks/results; other clips are
printed, and written where an --output is given. One process a core, each with one thread; a stopped run goes
on where it was, from demo/out/style_transfer.jsonl. Seconds and date apart, every run of a commit writes the
same.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from benchmarks.report import promises, versions
from benchmarks.style_transfer.cases import NODES_CFG, STEPS
from benchmarks.style_transfer.checks import checks
from benchmarks.style_transfer.clips import (
    PRECISIONS,
    REPORTING,
    ROOT,
    fast_precision,
    measured,
    numbered,
)
from benchmarks.style_transfer.curves import curve, plot
from benchmarks.style_transfer.gallery import summary
from benchmarks.style_transfer.measures import NEAR
from benchmarks.style_transfer.ours import BASE, DIRECT, REACH
from benchmarks.style_transfer.rivals import PUBLISHED
from benchmarks.style_transfer.tables import compared, tables
from benchmarks.style_transfer.transfers import HALF, HALVES
from benchmarks.style_transfer.ways import NEGATIVE
from demo import model, world
from demo.places import LOST

COMMAND = "python -m benchmarks.style_transfer"
RESULTS = ROOT / "benchmarks" / "results"
KEPT = ROOT / "demo" / "out" / "style_transfer.jsonl"
OTHERS = 16  # clips of --first, unless told
EXTRA = {"compared": HALF, "unseen": 24, "low": 12, "hold": 12, "long": 6}  # clips of a half
INTRODUCTION = """\
# Style transfer where the right answer is known

Written by `{command}`; run it again to check a figure.
{versions}. The network runs in {precision}, all else in float32.

{which} Held-out clips of `demo/world.py` ({frames} frames of {size}x{size}), restyled by the demo's model.
The same content drawn in the target style is the truth. The source has a camera's grain of {grain:g}.
Unsampled with its own style as the condition at cfg 1, {steps} steps of EDM's schedule from sigma {top:g}
unless said, then down with the target style at the row's cfg. Figures are means over the clips, seconds
medians; in brackets the difference from "{base}" at cfg 1 on the same clips, with its standard error.

- in style within {near:g} px: clips that hit the style and whose motion error is at most {near:g} px. It
  stands first because today's ways trade the one for the other. What it does not tell is whether shapes are
  drawn as the style draws them: a source that is only turned round, black for white, has its places, and the
  judge takes some for the target style. "{negative}" shows what that is worth.
- rows: asked of the model up + down, counted: a call is one, above cfg 1 two, whatever its windows. They are
  means too: how long a direct path is depends on the clip. The nodes ask one more on the way up, which shows
  whether the model repeats itself. seconds: of both passes.
- style hit: clips that a judge, taught on true clips, takes for the target style.
- restyle error: rms of the difference from the truth over the truth's rms. An empty picture does well in
  it.
- drawn: how much of each shape is there, at its place and in the target's look: the share of what the
  truth's picture of it has beyond the source's, the source's with its lightness turned round, the target's
  without the shape and the style's empty page. The truth has 100 %, any mixture of these 0, half of the
  truth 50.
- motion error: distance of each visible shape from its true place, found by normalised cross-correlation
  with the true picture of it, within 12 pixels each way, whatever it looks like: in the source's style, in
  the target's, in the source's with its lightness turned round, or in any mixture of these. lost: share of
  shapes more than {lost:g} pixels off. A ghost of the source does well in both, turned round or not.
- flicker: rms of the change from frame to frame of the difference from the truth, over the truth's; 0 is
  right, a still picture has 1. movement: rms of all that changes over the truth's; 1 is right.
- tone: rms of the difference of each frame's mean colour from the truth's, black to white being 100 %.
  drift: how far that goes from the first frame to the last, along a straight line. jump: by how much its
  steps are larger where a window begins or ends.
- {direct}: what the nodes do unless told otherwise, at cfg {cfg:g} if untold. On the way up the model is also
  asked about the source under fresh noise, once for each of the top steps, of as many as the clip needs. On
  the way down these steps are taken by the difference of the model's two answers, for the target and for the
  source, at that same noise and at cfg 1. The steps below go down by the recorded midpoint, at the row's cfg.
  From sigma 14.6 two calls more are made up, and four down before the path, which tell what it begins with;
  with lightness turned, none of the four.
  Where the first answers show that the look is dark where the source is bright, or the other way round, the
  pass begins again, one call later, and asks the model through a mirror of lightness. lightness kept: without
  that. lightness turned: with it, though no path shows the need.
  "{base}" goes down from the unsampled noise itself: the same way up, without the calls at
  fresh noise. "direct path, then euler" has euler in the midpoint's place. variation 1: other fresh noise.
  noise without its mean: each channel's mean over the clip is taken off, since it carries the source's tone.
  no condition up: unsampled without one. hold: how much of each answer's layout is pulled to that of the
  source's answer. steady: how much the layout of what each answer has beyond the source's answer is evened
  out from frame to frame. direct d: the path takes that share of the steps, whatever the clip needs. with
  end: `direct` {reach:g}, and unsampled no higher than that path ends.
- Which rows stand where: {direct}, {base}, FlowEdit and core euler are
  tried on every clip, lightness kept where the pair crosses lightness, the clip turned round from the unseen
  style, steady on clips longer than the model's, hold and no condition up in a section of their own, and
  all other ways on the clips of "Every way".
- core: FlipSigmas' 0.0001, then the sampler up and down, as core's nodes run them. random noise: no
  unsampling. SDEdit: the source under random noise of a level. Both go down by the plain midpoint. FlowEdit
  and FlowAlign unsample nothing either: `benchmarks/style_transfer/rivals.py` says in which form. At cfg 3
  FlowEdit's source stays at cfg 1, and FlowAlign's negative is the source's style. FlowEdit, set as for SD3
  and FLUX: its authors' settings, source and target at cfg {sd3}, and at {flux}.
- clip turned round first: black for white, hues kept, before unsampling, which then has no condition.
"""


def main(arguments: list[str] | None = None) -> int:
    options = _given(arguments)
    if not options.weights.is_file():
        print(
            f"style_transfer: {options.weights} is missing; train it with python -m demo.train",
            file=sys.stderr,
        )
        return 1
    results = list(measured(options))
    text = "\n".join([_introduction(options), tables(results), curve(results), promises(checks(results))])
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "style_transfer.md").write_text(text, encoding="utf-8")
        told = json.dumps(summary(results, _command(options)), indent=2)
        (options.output / "style_transfer.json").write_text(told + "\n", encoding="utf-8")
        if compared(results):
            plot(results, options.output / "style_transfer.png")
    print(text)
    return 0


def _given(arguments: list[str] | None) -> argparse.Namespace:
    """The options, with what follows from whether they name a half."""
    options = _parser().parse_args(arguments)
    half = options.first is None
    options.half = options.half or "reporting" if half else None
    options.first = HALVES[options.half] if half else options.first
    options.clips = options.clips or (HALF if half else OTHERS)
    for name, count in EXTRA.items():
        wanted = getattr(options, name)
        setattr(options, name, min(options.clips, (count if half else 0) if wanted is None else wanted))
    options.precision = fast_precision() if options.precision == "auto" else options.precision
    options.output = options.output or (RESULTS if options.half == "reporting" else None)
    return options


def _introduction(options: argparse.Namespace) -> str:
    return INTRODUCTION.format(
        command=_command(options),
        which=_which(options),
        versions=versions(),
        precision=options.precision,
        frames=world.FRAMES,
        size=world.SIZE,
        steps=STEPS,
        grain=world.GRAIN,
        top=model.SIGMA_MAX,
        base=BASE,
        direct=DIRECT,
        reach=REACH,
        near=NEAR,
        lost=LOST,
        negative=NEGATIVE,
        cfg=NODES_CFG,
        sd3=_cfgs("SD3"),
        flux=_cfgs("FLUX"),
    )


def _cfgs(published: str) -> str:
    source, target, _ = PUBLISHED[published]
    return f"{source:g} and {target:g}"


def _command(options: argparse.Namespace) -> str:
    """What to type for the same run."""
    chosen = f"--half {options.half}" if options.half else f"--first {options.first}"
    return f"{COMMAND} {chosen}" + "".join(
        f" --{name} {getattr(options, name)}" for name in ("clips", *EXTRA)
    )


def _which(options: argparse.Namespace) -> str:
    """Whose clips these are: those that settings were chosen on must not pass for others."""
    if options.half == "tuning":
        return "The tuning half: settings were chosen on these clips."
    return REPORTING if options.half else numbered(options.first, options.clips)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(COMMAND, description=__doc__.partition("\n")[0])
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--half", choices=list(HALVES), help="of the clips: reporting, unless given")
    which.add_argument("--first", type=_count, help="the first of any other clips")
    parser.add_argument("--clips", type=_some, help=f"how many: {HALF}, or {OTHERS} after --first")
    parser.add_argument("--compared", type=_count, help="of these, clips for every way")
    parser.add_argument("--unseen", type=_count, help="clips from a dark style that no model saw")
    parser.add_argument("--low", type=_count, help="clips from sigma 14.6")
    parser.add_argument("--hold", type=_count, help="clips for hold, and for no text of the source")
    parser.add_argument("--long", type=_count, help="clips of 64 frames; a third as many of 256")
    parser.add_argument("--workers", type=_some, default=os.cpu_count(), help="processes of one thread each")
    parser.add_argument(
        "--precision",
        choices=["auto", *PRECISIONS],
        default="auto",
        help="of the network; auto is bfloat16 where the processor is fast in it",
    )
    parser.add_argument("--weights", type=Path, default=model.WEIGHTS)
    parser.add_argument("--output", type=Path, help="the folder for the table and the plot")
    parser.add_argument("--kept", type=Path, default=KEPT, help="where clips done so far are kept")
    return parser


def _some(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a number of clips or processes; give 1 or more")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is not a number of clips; give 0 or more")
    return value


if __name__ == "__main__":
    sys.exit(main())

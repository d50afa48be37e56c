"""`python -m demo`: a clip to the noise that represents it, back again exactly, and on to new looks.

The two passes are the engine's own. What stands in for the video model is a denoiser whose answer is known
exactly (demo/denoiser.py), so every figure printed measures the solvers and nothing else.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from math import inf, log10
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from unsampling import Inversion, UnsamplingError, resample, schedules, solvers, unsample
from unsampling.inversion import calls_falling

from .denoiser import Mixture, guided, union
from .progress import progress
from .sheet import contact_sheet, side_by_side
from .styles import STYLES, source
from .video import VideoError, pan_over_photograph, read_video, write_video

FRAMES, HEIGHT, WIDTH, FPS = 20, 240, 320, Fraction(10)
MOST_FRAMES, MOST_STEPS = 48, 32  # these bound the memory: about 2 GB at 20 frames and 16 steps
DEFAULT_STYLES = ("poster", "comic", "engraving")
EXACT = 1e-6  # relative error that a recorded round trip may have


class RoundTrip(NamedTuple):
    """A clip unsampled and resampled under its own condition, and how far from the clip that ended."""

    inversion: Inversion
    clip: Tensor
    calls: int
    error: float
    psnr: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; 1 and one sentence on stderr for input that cannot be used."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)  # the same bytes on any number of cores; the calls are too small to share out
    try:
        run(options)
    except (VideoError, UnsamplingError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


def run(options: argparse.Namespace) -> None:
    """Both passes on the clip, and everything that can be watched or read afterwards."""
    out = _folder(options.out)
    frames, fps = _clip(options.clip, options.frames, out)
    x0 = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1
    sigmas = schedules.ays("SD1", options.steps)
    known = source(x0)
    print(f"{len(frames)} frames of {frames.shape[2]}x{frames.shape[1]}, {options.steps} steps")
    exact = _round_trip(known, x0, sigmas, options.solver, record=True)
    panels = {"source": frames, "reconstruction": _frames(exact.clip)}
    panels |= {name: _frames(clip) for name, clip in _restyled(options, known, x0, exact.inversion)}
    plain = [_round_trip(known, x0, sigmas, solver, record=False) for solver in solvers.PAIRS]
    _write(out, panels, fps)
    _report(out, [exact, *plain])
    if exact.error > EXACT:
        raise UnsamplingError(f"the recorded round trip is off by {exact.error:.1e}: please report it")


def _round_trip(known: Mixture, x0: Tensor, sigmas: Tensor, solver: str, record: bool) -> RoundTrip:
    title = f"{solver}, {'with' if record else 'no'} record"
    inversion = unsample(known.denoise, x0, sigmas, solver, record, callback=progress(f"unsample: {title}"))
    clip = resample(known.denoise, inversion, callback=progress(f"resample: {title}"))
    error = float((clip - x0).norm() / x0.norm().clamp(min=1e-12))
    square = float((clip - x0).square().mean())
    psnr = 10 * log10(4 / square) if square else inf  # the range is -1 to 1
    return RoundTrip(inversion, clip, inversion.calls + calls_falling(inversion), error, psnr)


def _restyled(options: argparse.Namespace, known: Mixture, x0: Tensor,
              inversion: Inversion) -> Iterator[tuple[str, Tensor]]:
    """The same noise grown under each look."""
    for name in dict.fromkeys(options.style):
        look = STYLES[name](x0)
        denoise = guided(look, union([known, look]), options.cfg)
        yield name, resample(denoise, inversion, options.structure, callback=progress(f"resample: {name}"))


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VideoError(f"{path} cannot be a folder ({error.strerror}): choose another --out.") from error
    return path


def _clip(path: Path | None, frames: int | None, out: Path) -> tuple[np.ndarray, Fraction]:
    """The user's clip, or the photograph's: rendered to a file and read back as a user's would be."""
    if path is None:
        path = out / "source.mp4"
        write_video(path, pan_over_photograph(frames or FRAMES, HEIGHT, WIDTH), FPS)
    elif path.resolve().parent == out.resolve():
        raise VideoError(f"{path} lies in the folder that the demo writes to: choose another with --out.")
    return read_video(path, first=frames, most_frames=MOST_FRAMES, most_pixels=HEIGHT * WIDTH)


def _frames(clip: Tensor) -> np.ndarray:
    return ((clip.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def _write(out: Path, panels: dict[str, np.ndarray], fps: Fraction) -> None:
    for name, clip in panels.items():
        write_video(out / f"{name}.mp4", clip, fps)
    write_video(out / "side_by_side.mp4", side_by_side(panels), fps)
    contact_sheet(out / "contact_sheet.png", panels)


def _report(out: Path, trips: list[RoundTrip]) -> None:
    """The table: what each solver loses on the way up and back, under the clip's own condition."""
    print("\nto noise and back      record  model calls  relative error       PSNR  noise std / sigma")
    for trip in trips:
        inversion = trip.inversion
        spread = float(inversion.noise.std() / inversion.sigmas[0])
        print(f"{inversion.solver:<22} {'yes' if inversion.recorded else 'no':<6}  {trip.calls:>11}  "
              f"{trip.error:>14.1e}  {trip.psnr:>5.1f} dB  {spread:>17.3f}")
    print(f"\nWatch {out / 'side_by_side.mp4'}, or look at {out / 'contact_sheet.png'}.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m demo", description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--clip", type=Path, help="a video (default: a pan over a photograph)")
    add("--style", nargs="+", choices=list(STYLES), default=list(DEFAULT_STYLES))
    add("--steps", type=_within(int, 1, MOST_STEPS), default=16, help="steps of the AYS schedule")
    add("--solver", choices=list(solvers.PAIRS), default=solvers.DEFAULT)
    add("--cfg", type=_within(float, 0, 30), default=1.0, help="guidance of the looks, 1 is none")
    add("--structure", type=_within(float, 0, 1), default=0.0, help="0 is the most freedom, 1 the source")
    add("--frames", type=_within(int, 1, MOST_FRAMES), help=f"use the first frames, at most {MOST_FRAMES}")
    add("--out", type=Path, default=Path(__file__).parent / "out", help="folder for what is made")
    return parser


def _within(kind: type, low: float, high: float) -> Callable[[str], float]:
    """An argument type: a number of that kind from low to high."""

    def number(text: str) -> float:
        value = kind(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not from {low} to {high}")
        return value

    return number


if __name__ == "__main__":
    sys.exit(main())

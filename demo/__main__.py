"""`python -m demo`: a clip to the noise that represents it, back again exactly, and on to new styles.

The model is a small video diffusion UNet, trained on the world of demo/world.py, whose clips have a true
answer in every style: so what a restyle loses is a number.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from unsampling import UnsamplingError

from .clip import Clip, built_in, of_file
from .options import Options, parse
from .video import VideoError


def main(arguments: Sequence[str] | None = None, weights: Path | None = None) -> int:
    """Run the demo, with other weights if given; 1 and one sentence on stderr for what cannot be used."""
    options = parse(arguments)
    from .run import DemoError  # diffusers takes seconds to import: not for --help, nor for a wrong option

    try:
        _run(options, weights)
    except (DemoError, VideoError, UnsamplingError) as error:
        return _refused(str(error))
    except OSError as error:
        return _refused(f"{error.filename or options.out} cannot be used: {error.strerror or error}.")
    return 0


def _refused(sentence: str) -> int:
    print(f"demo: {sentence}", file=sys.stderr)
    return 1


def _run(options: Options, weights: Path | None) -> None:
    from .numbers import numbers, table
    from .output import write
    from .run import Settings, compute, load_model

    unet = load_model(weights)
    clip = _clip(options)
    frames, _, height, width = clip.x.shape
    print(f"{clip.title}: {frames} frames of {width}x{height}, {options.steps} steps of {options.solver}")
    if clip.note:
        print(f"Note: {clip.note}")
    settings = Settings(
        options.styles,
        options.cfgs,
        options.steps,
        options.solver,
        options.structure,
        options.direct,
        options.source_style,
    )
    started = monotonic()
    results = compute(unet, clip, settings)
    measurements = numbers(clip, settings, results)
    print(f"computed in {monotonic() - started:.0f} s\n\n{table(measurements)}\n")
    write(options.out, clip, settings, results, measurements)
    page = (options.out / "index.html").resolve()
    print(f"Open {page} in a browser: clips, pictures and numbers on one page.")


def _clip(options: Options) -> Clip:
    """The clip to work on, and the folder: nothing is computed for a place that cannot be had."""
    if options.clip is None:
        _make(options.out)
        path = options.out / "source.mp4"
        return built_in(path, options.seed, options.source_style, options.frames)
    if options.clip.resolve().parent == options.out.resolve():
        raise VideoError(
            f"{options.clip} lies in the folder that the demo writes to: choose another with --out."
        )
    clip = of_file(options.clip, options.frames)
    _make(options.out)
    return clip


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VideoError(f"{folder} cannot be a folder ({error.strerror}): choose another --out.") from error


if __name__ == "__main__":
    sys.exit(main())

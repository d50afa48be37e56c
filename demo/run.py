"""What the demo computes: a clip to noise and back, and new styles grown from the same noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from diffusers import UNetMotionModel
from safetensors import SafetensorError
from torch import Tensor

from unsampling import Inversion, resample, unsample
from unsampling.inversion import calls_falling
from unsampling.mirror import of_pixels
from unsampling.report import metrics
from unsampling.report.figures import Report
from unsampling.report.metrics import Comparison

from . import lost
from .clip import Clip
from .model import WEIGHTS, Denoise, denoiser, load, schedule
from .progress import Callback, Calls, meter

EXACT = 1e-5  # relative error that a recorded round trip stays below
PLAIN = "euler"  # the solver that users have without us, for comparison
THREADS = 2  # fixed, so that sums are cut alike on any number of cores and come out the same

Titled = Callable[[str], Callback]


class DemoError(ValueError):
    """The demo cannot go on; the message is one sentence for the person who started it."""


@dataclass(frozen=True)
class Settings:
    """What was asked for. direct: the share of steps of the direct path, None for what the record chooses.
    condition: the style under which the clip is unsampled, None for no condition."""

    styles: tuple[str, ...]
    cfgs: tuple[float, ...]
    steps: int
    solver: str
    structure: float
    direct: float | None
    condition: str | None

    @property
    def sigmas(self) -> Tensor:
        return schedule(self.steps)


class RoundTrip(NamedTuple):
    """A clip unsampled and resampled under its own condition."""

    inversion: Inversion
    clip: Tensor
    calls: int
    compared: Comparison


class Restyle(NamedTuple):
    """A clip grown from noise under a style; where the true answer is known, how far it is from that, and in
    words what is lost or not taken."""

    style: str
    cfg: float
    clip: Tensor
    calls: int
    compared: Comparison | None
    kept: str | None


class Results(NamedTuple):
    """Everything computed. still: how far the untouched source is from each true answer."""

    exact: RoundTrip
    plain: RoundTrip
    restyles: tuple[Restyle, ...]
    random: Restyle
    truths: dict[str, Tensor]
    still: dict[str, Comparison]
    report: Report


def load_model(path: Path | None = None) -> UNetMotionModel:
    """The demo's model. Raises: DemoError for weights that are missing or not its own."""
    path = path or WEIGHTS
    if not path.is_file():
        raise DemoError(
            f"{path} is missing: the model's weights come with the repository, check it out"
            " again or train them with `python -m demo.train`."
        )
    try:
        return load(path)
    except (SafetensorError, RuntimeError) as error:
        raise DemoError(f"{path} does not hold weights of the demo's model: check it out again.") from error


def compute(unet: UNetMotionModel, clip: Clip, settings: Settings) -> Results:
    """All passes, with live progress.

    Raises: DemoError if the recorded round trip does not return the clip.
    """
    torch.set_num_threads(THREADS)
    titled = meter(5 + len(settings.styles) * len(settings.cfgs))
    own = denoiser(unet, settings.condition)
    exact = _round_trip(own, clip.x, settings, settings.solver, True, titled)
    _check(exact)
    plain = _round_trip(own, clip.x, settings, PLAIN, False, titled)
    truths = {style: true for style in settings.styles if (true := clip.in_style(style)) is not None}

    def restyle(style: str, cfg: float, inversion: Inversion, structure: float, title: str) -> Restyle:
        plain = denoiser(unet, style)  # the path is walked at the cfg of the unsampling
        guided = denoiser(unet, style, cfg)
        calls = Calls(titled(title))
        path = {"direct_denoise": plain, "mirror": of_pixels()}
        grown = resample(guided, inversion, structure, callback=calls, **path)
        shown = grown.clamp(-1, 1)
        compared = metrics.compare(shown, truths[style]) if style in truths else None
        of = clip.content
        kept = None if of is None else lost.kept(clip.x, shown, of, settings.condition, style)
        return Restyle(style, cfg, shown, calls.count, compared, kept)

    restyles = [
        restyle(style, cfg, exact.inversion, settings.structure, f"{style}, cfg {cfg:g}")
        for style in settings.styles
        for cfg in settings.cfgs
    ]
    first = settings.styles[0]
    random = restyle(first, settings.cfgs[0], _random(clip.x, settings), 0.0, f"{first}, random noise")
    still = {style: metrics.compare(clip.x, true) for style, true in truths.items()}
    return Results(exact, plain, tuple(restyles), random, truths, still, _report(exact))


def _round_trip(
    own: Denoise, x: Tensor, settings: Settings, solver: str, record: bool, titled: Titled
) -> RoundTrip:
    name = f"{'exact' if record else 'plain'} {solver}"
    direct = settings.direct if record else 0.0
    title = titled(f"{name}: to noise")
    inversion = unsample(own, x, settings.sigmas, solver, record, callback=title, direct=direct)
    clip = resample(own, inversion, callback=titled(f"{name}: back again"))
    calls = inversion.calls + calls_falling(inversion)
    return RoundTrip(inversion, clip, calls, metrics.compare(clip, x))


def _check(exact: RoundTrip) -> None:
    error = exact.compared.relative_error
    if not error < EXACT:
        raise DemoError(
            f"THE RECONSTRUCTION IS NOT EXACT: its relative error is {error:.1e}, not below"
            f" {EXACT:g}; the model answered the same question differently, please report it."
        )


def _random(x: Tensor, settings: Settings) -> Inversion:
    """Noise that knows nothing of the clip: what one starts from without unsampling."""
    sigmas = settings.sigmas
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)) * sigmas[0]
    return Inversion(noise, sigmas, settings.solver)


def _report(exact: RoundTrip) -> Report:
    inversion = exact.inversion
    sigma = float(inversion.sigmas[0])
    figures = metrics.noise_figures(
        inversion.noise, None if inversion.record is None else inversion.record.source, sigma
    )
    return Report(inversion, figures, metrics.corrections(inversion), exact.compared, 1.0, sigma)

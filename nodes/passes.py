"""The two passes over LATENTs, for every node that makes one: checks first, then the engine inside the host's
guider."""

from dataclasses import replace

from torch import Tensor

from ..unsampling import Inversion, UnsamplingError, inversion, schedules
from ..unsampling.solvers.evaluation import Callback, Denoise
from . import animatediff, checks, host, record

# the record widget's values, in the engine's words
RECORD = {"full": True, "half": "half", "off": False}


def unsample(guider, latent: dict, sigmas: Tensor, solver: str, end: float, keep: str, node_id: str) -> dict:
    """Unsamples a LATENT through a guider; returns a LATENT of noise with its record.

    Raises: UnsamplingError before any model call for input that does not fit, and at the model's first NaN.
    """
    model = guider.model_patcher
    sigmas = schedules.check_falling(sigmas)
    start = schedules.start_index(sigmas, end)
    if record.of_latent(latent) is not None:
        raise UnsamplingError("latent_image is already unsampled noise; connect the VAE Encode of the source"
                              " clip")
    samples = _samples(model, latent, "latent_image")
    mask = host.mask(latent, samples)
    animatediff.refuse_changing_settings(model)
    calls = inversion.calls_rising(solver, sigmas, RECORD[keep], end)
    made: list[Inversion] = []

    def rise(denoise: Denoise, x: Tensor, report: Callback) -> Tensor:
        made.append(inversion.unsample(denoise, x, sigmas, solver, RECORD[keep], end, report, mask))
        return made[0].noise

    host.say(node_id, f"unsampling, {calls} model calls; the preview turns to mush, as it should")
    noise = host.run(guider, samples, sigmas[start:].flip(0), rise, calls, "unsampling")
    host.say(node_id, f"unsampled to sigma {sigmas[start]:.4g} in {made[0].calls} model calls")
    return record.noise_latent(latent, noise, made[0], source=samples if mask is not None else None,
                               family=host.family(model), cfg=host.cfg_of(guider), info=host.info(guider),
                               windows=animatediff.windows(model, _frames(samples.shape)),
                               latent_format=model.get_model_object("latent_format"))


def resample(guider, latent: dict, sigmas: Tensor | None, solver: str, structure: float, fidelity: float,
             node_id: str) -> dict:
    """Resamples a LATENT of noise through a guider; returns a LATENT.

    Raises: UnsamplingError before any model call for noise or settings that do not fit, and at the model's
    first NaN.
    """
    model = guider.model_patcher
    samples = _samples(model, latent, "noise")
    animatediff.refuse_changing_settings(model)
    kept = record.of_latent(latent)
    known, remark = _known(model, samples, kept, sigmas, solver)
    known = _masked(known, host.mask(latent, samples))
    inversion.check_fraction("fidelity", fidelity)
    calls = inversion.calls_falling(known, structure)

    def fall(denoise: Denoise, x: Tensor, report: Callback) -> Tensor:
        noise = known.noise.to(x.device) if known.noise.numel() else x
        return inversion.resample(denoise, replace(known, noise=noise), structure, fidelity, report)

    host.say(node_id, f"resampling, {calls} model calls{remark}")
    clip = host.run(guider, samples, known.sigmas[known.start:], fall, calls, "resampling")
    host.say(node_id, f"resampled in {calls} model calls{remark}")
    if kept is not None:
        clip = kept.source_outside(clip, known.mask, samples)
    return record.clip_latent(latent, clip)


def _known(model, samples: Tensor, kept: record.Record | None, sigmas: Tensor | None,
           solver: str) -> tuple[Inversion, str]:
    """What to resample, and a remark for the user."""
    if kept is None:
        return checks.noise_from_elsewhere(model.model.process_latent_in(samples), sigmas, solver), ""
    # a slice of the noise may be short enough not to be cut at all: compare what the whole clip would meet
    kept.check(host.family(model), animatediff.windows(model, _frames(kept.shape)), sigmas, solver)
    return kept.fitted(samples)


def _masked(known: Inversion, mask: Tensor | None) -> Inversion:
    """With a mask that was set on the noise itself in place of the source's."""
    if mask is None:
        return known
    if not known.recorded:
        raise UnsamplingError("noise carries a noise mask but no record of its source; switch record on in"
                              " the Unsampler, or remove Set Latent Noise Mask")
    return replace(known, mask=mask)


def _samples(model, latent: dict, name: str) -> Tensor:
    samples = checks.clip(latent, model.get_model_object("latent_format").latent_channels, name)
    return host.with_time_axis(model, samples)


def _frames(shape: tuple[int, ...]) -> int:
    """Frames of a latent of that shape: its time axis, or its batch."""
    return shape[2] if len(shape) == 5 else shape[0]

"""The two passes over LATENTs, for every node that makes one: checks first, then the engine inside the host's
guider."""

from contextlib import AbstractContextManager
from dataclasses import replace

import torch
from torch import Tensor

from ..unsampling import Inversion, UnsamplingError, curves, inversion, schedules, solvers, storage
from ..unsampling.change import Change
from ..unsampling.progress import with_time_left
from ..unsampling.solvers.evaluation import Callback, Denoise, Keep
from . import latents, models, record, sampling, screen, window_checks, windows
from .packs import caches, core_samplers, sample_settings

# the record widget's values, in the engine's words
RECORD = {"full": True, "half": "half", "off": False}
MUSH = "; the preview turns to mush, as it should"


def unsample(
    guider, latent: dict, sigmas: Tensor, solver: str, end: float, keep: str, node_id: str, sampler=None
) -> dict:
    """Unsamples a LATENT through a guider; returns a LATENT of noise with its record.

    sampler: a core SAMPLER to use in place of our solver; it keeps the settings, and nothing that makes it
        exact.
    Raises: UnsamplingError before any model call for input that does not fit, and at the model's first NaN.
    """
    model = guider.model_patcher
    sigmas = models.schedule(model, sigmas)
    start = schedules.start_index(sigmas, end)
    samples = _samples(model, latent, "latent_image")
    carried = record.of_latent(latent)
    if carried is not None and carried.frames_of(samples) is not None:
        raise UnsamplingError(
            "latent_image is already unsampled noise; connect the VAE Encode of the source clip"
        )
    mask = sampling.mask(latent, samples)
    if mask is not None and mask.min() == 1:
        mask = None
    sample_settings.refuse_changing(model)
    caches.refuse_caches(model)
    caches.refuse_momentum(model)
    window_checks.check(model, samples.shape, sigmas, start)
    info = {**models.info(guider), "source": record.digest(samples)}
    made_with = {
        "family": models.family(model),
        "cfg": models.cfg_of(guider),
        "windows": windows.told(model, samples.shape),
        "latent_format": model.get_model_object("latent_format"),
        "source": None if mask is None else samples.clone(),
    }
    if sampler is not None:
        noise, made = _core_rise(guider, samples, sigmas, start, sampler, mask, node_id)
    else:
        noise, made = _rise(guider, samples, sigmas, start, solver, RECORD[keep], end, mask, node_id)
    made = replace(made, info=info)
    remark = (
        ""
        if mask is not None
        else latents.strange_strength(
            latents.variance(model, noise),
            latents.variance(model, samples),
            float(sigmas[start]),
            models.is_flow(model),
        )
    )
    screen.say(node_id, f"unsampled to sigma {sigmas[start]:.4g} in {made.calls} model calls{remark}")
    return record.noise_latent(latent, noise, made, **made_with)


def _rise(
    guider,
    samples: Tensor,
    sigmas: Tensor,
    start: int,
    solver: str,
    keep: bool | str,
    end: float,
    mask: Tensor | None,
    node_id: str,
) -> tuple[Tensor, Inversion]:
    calls, made = inversion.calls_rising(solver, sigmas, keep, end), []
    recorded = bool(keep) and solver in solvers.recorded()
    size = sum(storage.latents(samples, calls, keep == "half", len(sigmas) - 1 - start)) if recorded else 0
    with storage.room(sampling.temp_folder(), size, size, lasting=True) as put:

        def one_pass(denoise: Denoise, x: Tensor, report: Callback) -> Tensor:
            timed = with_time_left(report, lambda at: screen.show(node_id, f"unsampling: {at}{MUSH}"))
            made.append(inversion.unsample(denoise, x, sigmas, solver, keep, end, timed, mask, keep=put))
            return made[0].noise

        screen.say(node_id, f"unsampling, {calls} model calls{storage.told(size)}{MUSH}")
        rising = sigmas[start:].flip(0)
        sampler = sampling.pass_sampler(one_pass, samples, rising, start)
        return sampling.run(guider, samples, rising, sampler, calls), made[0]


def _core_rise(
    guider, samples: Tensor, sigmas: Tensor, start: int, sampler, mask: Tensor | None, node_id: str
) -> tuple[Tensor, Inversion]:
    name = core_samplers.solver_name(sampler)
    _check_for_core(guider.model_patcher, samples)
    if mask is not None:
        raise UnsamplingError(
            "latent_image carries a noise mask, which a core sampler cannot keep; disconnect sampler"
        )
    rising = schedules.reverse(sigmas[start:], models.sigma_min(guider.model_patcher))
    counted = sampling.counted(sampler)
    screen.say(node_id, f"unsampling with {name}{MUSH}")
    told = _steps_told(node_id, "unsampling", MUSH)
    noise = sampling.run(guider, samples, rising, counted, len(rising) - 1, told)
    return noise, Inversion(torch.empty(0), sigmas, name, start, calls=counted.calls)


def resample(
    guider, latent: dict, sigmas: Tensor | None, solver: str, structure, fidelity, node_id: str, sampler=None
) -> dict:
    """Resamples a LATENT of noise through a guider; returns a LATENT.

    structure, fidelity: a number, or numbers over the clip (curves.over_frames).
    sampler: the core SAMPLER that the noise was made with, if it was one.
    Raises: UnsamplingError before any model call for noise or settings that do not fit, and at the model's
    first NaN.
    """
    model = guider.model_patcher
    samples = _samples(model, latent, "noise")
    sample_settings.refuse_changing(model)
    caches.refuse_caches(model)
    if sampler is not None:
        solver = core_samplers.solver_name(sampler)
    kept = record.of_latent(latent)
    with _room_to_fall(kept, samples) as put:
        fit = _fit(model, samples, kept, sigmas, solver, put)
        window_checks.check(model, samples.shape, fit.inversion.sigmas, fit.inversion.start)
        known = _masked(fit.inversion, sampling.mask(latent, samples))
        structure, fidelity = (
            curves.over_frames(value, _frames(samples.shape), name)
            for name, value in (("structure", structure), ("fidelity", fidelity))
        )
        for name, value in (("structure", structure), ("fidelity", fidelity)):
            inversion.check_fraction(name, value)
        if known.solver.startswith(core_samplers.PREFIX):
            clip = _core_fall(guider, samples, known, sampler, structure, node_id)
        else:
            clip = _fall(guider, samples, known, structure, fidelity, fit, put, node_id)
    if kept is not None:
        clip = kept.source_outside(clip, known.record and known.record.mask, fit.frames)
    return record.clip_latent(latent, clip)


def _room_to_fall(kept: record.Record | None, samples: Tensor) -> AbstractContextManager[Keep]:
    """The place for the recorded way, which a falling pass walks again, as long as the pass runs."""
    if kept is None or kept.inversion.record is None:
        return storage.room(sampling.temp_folder(), 0, 0, lasting=False)
    part, steps = kept.inversion.record, kept.inversion.steps
    made, walked = storage.latents(samples, len(part.outputs), part.half, steps)
    return storage.room(sampling.temp_folder(), made + walked, walked, lasting=False)


def _fall(
    guider,
    samples: Tensor,
    known: Inversion,
    structure: float | Tensor,
    fidelity: float | Tensor,
    fit: record.Fit,
    put: Keep,
    node_id: str,
) -> Tensor:
    calls = inversion.calls_falling(known, structure)
    remark = _remark(fit, structure)

    def one_pass(denoise: Denoise, x: Tensor, report: Callback) -> Tensor:
        noise = known.noise.to(x.device) if known.noise.numel() else x
        timed = with_time_left(report, lambda at: screen.show(node_id, f"resampling: {at}{remark}"))
        return inversion.resample(denoise, replace(known, noise=noise), structure, fidelity, timed, put)

    screen.say(node_id, f"resampling, {calls} model calls{remark}")
    falling = known.sigmas[known.start :]
    sampler = sampling.pass_sampler(one_pass, samples, falling, known.start)
    clip = sampling.run(guider, samples, falling, sampler, calls)
    screen.say(node_id, f"resampled in {calls} model calls{remark}")
    return clip


def _remark(fit: record.Fit, structure: float | Tensor) -> str:
    """For the user, beside the progress: how the noise was changed, or that the change is not used."""
    if fit.change is Change.EDITED and _least(structure) > 0:
        return "; structure starts from the record, so the change made to the noise has no effect"
    return f"; {fit.remark}" if fit.remark else ""


def _core_fall(
    guider, samples: Tensor, known: Inversion, sampler, structure: float | Tensor, node_id: str
) -> Tensor:
    if sampler is None:
        raise UnsamplingError(
            f"noise was made with {known.solver}; connect the same SAMPLER (Noiseless"
            " Resampler (Advanced)), or unsample with this pack's solver"
        )
    if torch.as_tensor(structure).max() > 0:
        raise UnsamplingError(
            "structure above 0 needs a record, which a core sampler does not keep; set it"
            " to 0, or unsample with this pack's solver"
        )
    _check_for_core(guider.model_patcher, samples)
    falling, counted = known.sigmas[known.start :], sampling.counted(sampler)
    clip = sampling.run(
        guider, samples, falling, counted, len(falling) - 1, _steps_told(node_id, "resampling")
    )
    screen.say(node_id, f"resampled with {known.solver} in {counted.calls} model calls")
    return clip


def _steps_told(node_id: str, doing: str, more: str = "") -> Callback:
    """Shows how far a core sampler is: it tells its steps, not its model calls."""
    return with_time_left(
        lambda *_: None, lambda at: screen.show(node_id, f"{doing}: {at}{more}"), unit="step"
    )


def _check_for_core(model, samples: Tensor) -> None:
    models.refuse_flow(model)
    window_checks.refuse_moving(model, samples.shape)


def _fit(
    model, samples: Tensor, kept: record.Record | None, sigmas: Tensor | None, solver: str, put: Keep
) -> record.Fit:
    """What to resample, once noise, model and settings are known to fit."""
    if kept is None:
        x = model.model.process_latent_in(samples)
        if sigmas is not None:
            sigmas = models.schedule(model, sigmas)
        return record.Fit(latents.noise_from_elsewhere(x, sigmas, solver))
    # a slice of the noise may be short enough not to be cut at all: compare what the whole clip would meet
    kept.check(models.family(model), windows.told(model, kept.shape), sigmas, solver)
    fit = kept.fitted(samples, put)
    if fit.frames is None:
        known = fit.inversion
        latents.strong_enough(model.model.process_latent_in(samples), known.sigmas[known.start :])
    return fit


def _masked(known: Inversion, mask: Tensor | None) -> Inversion:
    """With a mask that was set on the noise itself in place of the source's."""
    if mask is None:
        return known
    whole = bool(mask.min() == 1)
    if known.record is not None:
        return replace(known, record=replace(known.record, mask=None if whole else mask))
    if not whole:
        raise UnsamplingError(
            "noise carries a noise mask but no record of its source; switch record on in"
            " the Unsampler, or remove Set Latent Noise Mask"
        )
    return known


def _samples(model, latent: dict, name: str) -> Tensor:
    samples = latents.clip(latent, model.get_model_object("latent_format").latent_channels, name)
    return sampling.with_time_axis(model, samples)


def _least(setting: float | Tensor) -> float:
    return float(torch.as_tensor(setting).min())


def _frames(shape: tuple[int, ...]) -> int:
    """Frames of a latent of that shape: its time axis, or its batch."""
    return shape[2] if len(shape) == 5 else shape[0]

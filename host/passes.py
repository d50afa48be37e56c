"""The two passes over LATENTs, for every node that makes one: checks, then the engine in ComfyUI's guider."""

from contextlib import AbstractContextManager
from dataclasses import replace

import torch
from torch import Tensor

from ..unsampling import Inversion, UnsamplingError, curves, schedules, solvers, storage
from ..unsampling import inversion as engine
from ..unsampling.change import Change
from ..unsampling.checks import check_fraction
from ..unsampling.solvers.evaluation import Callback, Denoise, Store
from . import admission, core_passes, latents, models, record, sampling
from .facts import Facts
from .packs import core, core_samplers
from .run import PREVIEW, Run

# the record widget's values, in the engine's words
RECORD = {"full": True, "half": "half", "off": False}


def unsample(
    guider,
    latent: dict,
    sigmas: Tensor,
    solver: str,
    end: float,
    recording: str,
    node_id: str | None,
    sampler=None,
) -> dict:
    """Unsamples a LATENT through a guider; returns a LATENT of noise with its record.

    sampler: a core SAMPLER to use in place of our solver; it keeps the settings, and nothing that makes it
        exact.
    Raises: UnsamplingError before any model call for input that does not fit, and at the model's first NaN.
    """
    falling = schedules.check_falling(sigmas)
    start = schedules.start_index(falling, end)
    rising = Run(guider, _samples(guider.model_patcher, latent, "latent_image"), node_id)
    _refuse_noise(latent, rising.samples)
    mask = sampling.mask(latent, rising.samples)
    if mask is not None and mask.min() == 1:
        mask = None
    shape = tuple(rising.samples.shape)
    facts = admission.admit(guider, shape, falling, start, rising=True, by_core=sampler is not None)
    info = {**models.info(guider), "source": record.digest(rising.samples)}
    if sampler is not None:
        noise, inversion = core_passes.rise(rising, falling, start, sampler, mask, facts.sigma_min)
    else:
        noise, inversion = _rise(rising, falling, solver, RECORD[recording], end, mask)
    inversion = replace(inversion, info=info)
    remark = "" if mask is not None else _strength(rising, noise, float(falling[start]), facts)
    rising.say(f"unsampled to sigma {falling[start]:.4g} in {inversion.calls} model calls{remark}")
    source = None if mask is None else rising.samples.clone()
    return record.noise_latent(latent, noise, inversion, facts, source)


def _refuse_noise(latent: dict, samples: Tensor) -> None:
    carried = record.of_latent(latent)
    if carried is not None and carried.frames_of(samples) is not None:
        raise UnsamplingError(
            "latent_image is already unsampled noise; connect the VAE Encode of the source clip"
        )


def _strength(rising: Run, noise: Tensor, sigma: float, facts: Facts) -> str:
    """A remark where the noise is far too weak or too strong."""
    ours, source = (latents.variance(facts.latent_format, x) for x in (noise, rising.samples))
    return latents.strange_strength(ours, source, sigma, facts.flow)


def _rise(
    rising: Run, falling: Tensor, solver: str, recording: bool | str, end: float, mask: Tensor | None
) -> tuple[Tensor, Inversion]:
    calls, start = engine.calls_rising(solver, falling, recording, end), schedules.start_index(falling, end)
    recorded = bool(recording) and solver in solvers.recorded()
    points = solvers.pair(solver).stages * (len(falling) - 1 - start)
    sizes = storage.latents(rising.samples, calls, recording == "half", points)
    size = sum(sizes) if recorded else 0
    inversions = []
    with storage.room(sampling.temp_folder(), size, size, lasting=True) as store:

        def one_pass(denoise: Denoise, x: Tensor, report: Callback) -> Tensor:
            timed = rising.timed(report, "unsampling", PREVIEW)
            inversions.append(
                engine.unsample(denoise, x, falling, solver, recording, end, timed, mask, store=store)
            )
            return inversions[0].noise

        rising.say(f"unsampling, {calls} model calls{storage.remark(size)}{PREVIEW}")
        sigmas = falling[start:].flip(0)
        sampler = sampling.pass_sampler(one_pass, rising.samples, sigmas, start)
        return sampling.run(rising.guider, rising.samples, sigmas, sampler, calls), inversions[0]


def resample(
    guider,
    latent: dict,
    sigmas: Tensor | None,
    solver: str,
    structure,
    fidelity,
    node_id: str | None,
    sampler=None,
) -> dict:
    """Resamples a LATENT of noise through a guider; returns a LATENT.

    structure, fidelity: a number, or numbers over the clip (curves.over_frames).
    sampler: the core SAMPLER that the noise was made with, if it was one.
    Raises: UnsamplingError before any model call for noise or settings that do not fit, and at the model's
    first NaN.
    """
    falling = Run(guider, _samples(guider.model_patcher, latent, "noise"), node_id)
    carried = record.of_latent(latent)
    if sampler is not None:
        solver = core_samplers.solver_name(sampler)
    facts, schedule = _admitted(falling, carried, sigmas, by_core=sampler is not None)
    with _room_to_fall(carried, falling.samples) as store:
        fit = _fit(falling, carried, facts, schedule, sigmas, solver, store)
        inversion = _masked(fit.inversion, sampling.mask(latent, falling.samples))
        structure, fidelity = (
            _over_clip(value, facts.frames, name)
            for value, name in ((structure, "structure"), (fidelity, "fidelity"))
        )
        if core_samplers.is_core(inversion.solver):
            clip = core_passes.fall(falling, inversion, sampler, structure)
        else:
            clip = _fall(falling, inversion, structure, fidelity, _remark(fit, structure), store)
    if carried is not None:
        clip = carried.source_outside(clip, inversion.record and inversion.record.mask, fit.frames)
    return record.clip_latent(latent, clip)


def _admitted(
    falling: Run, carried: record.LatentRecord | None, sigmas: Tensor | None, by_core: bool
) -> tuple[Facts, Tensor]:
    """The facts for a falling pass, and its schedule: the record's, or the given one for other noise."""
    if carried is None:
        schedule, start, whole = latents.schedule_from_elsewhere(sigmas), 0, None
    else:
        schedule, start, whole = carried.inversion.sigmas, carried.inversion.start, carried.shape
    shape = tuple(falling.samples.shape)
    facts = admission.admit(
        falling.guider, shape, schedule, start, rising=False, by_core=by_core, whole=whole
    )
    return facts, schedule


def _room_to_fall(carried: record.LatentRecord | None, samples: Tensor) -> AbstractContextManager[Store]:
    """The place for the recorded way, which a falling pass walks again, as long as the pass runs."""
    if carried is None or carried.inversion.record is None:
        return storage.room(sampling.temp_folder(), 0, 0, lasting=False)
    part = carried.inversion.record
    points = solvers.pair(carried.inversion.solver).stages * carried.inversion.steps
    size, walk = storage.latents(samples, len(part.outputs), part.half, points)
    return storage.room(sampling.temp_folder(), size + walk, walk, lasting=False)


def _fit(
    falling: Run,
    carried: record.LatentRecord | None,
    facts: Facts,
    schedule: Tensor,
    sigmas: Tensor | None,
    solver: str,
    store: Store,
) -> record.Fit:
    """What to resample, once noise and settings are known to fit the model."""
    if carried is None:
        x = core.in_sampling_space(facts.latent_format, falling.samples)
        return record.Fit(latents.noise_from_elsewhere(x, schedule, solver))
    carried.check(facts, sigmas, solver)
    fit = carried.fitted(falling.samples, store)
    if fit.frames is None:
        x = core.in_sampling_space(facts.latent_format, falling.samples)
        latents.strong_enough(x, schedule[carried.inversion.start :])
    return fit


def _over_clip(value, frames: int, name: str) -> float | Tensor:
    """A setting as one number, or one a frame, from 0 to 1."""
    setting = curves.over_frames(value, frames, name)
    check_fraction(name, setting)
    return setting


def _fall(
    falling: Run,
    inversion: Inversion,
    structure: float | Tensor,
    fidelity: float | Tensor,
    remark: str,
    store: Store,
) -> Tensor:
    calls = engine.calls_falling(inversion, structure)

    def one_pass(denoise: Denoise, x: Tensor, report: Callback) -> Tensor:
        noise = inversion.noise.to(x.device) if inversion.noise.numel() else x
        timed = falling.timed(report, "resampling", remark)
        return engine.resample(denoise, replace(inversion, noise=noise), structure, fidelity, timed, store)

    falling.say(f"resampling, {calls} model calls{remark}")
    sigmas = inversion.sigmas[inversion.start :]
    sampler = sampling.pass_sampler(one_pass, falling.samples, sigmas, inversion.start)
    clip = sampling.run(falling.guider, falling.samples, sigmas, sampler, calls)
    falling.say(f"resampled in {calls} model calls{remark}")
    return clip


def _remark(fit: record.Fit, structure: float | Tensor) -> str:
    """For the user, beside the progress: how the noise was changed, or that the change is not used."""
    if fit.change is Change.EDITED and float(torch.as_tensor(structure).min()) > 0:
        return "; structure starts from the record, so the change made to the noise has no effect"
    return f"; {fit.remark}" if fit.remark else ""


def _masked(inversion: Inversion, mask: Tensor | None) -> Inversion:
    """With a mask that was set on the noise itself in place of the source's."""
    if mask is None:
        return inversion
    whole = bool(mask.min() == 1)
    if inversion.record is not None:
        return replace(inversion, record=replace(inversion.record, mask=None if whole else mask))
    if not whole:
        raise UnsamplingError(
            "noise carries a noise mask but no record of its source; switch record on in"
            " the Unsampler, or remove Set Latent Noise Mask"
        )
    return inversion


def _samples(model, latent: dict, name: str) -> Tensor:
    samples = latents.clip(latent, models.channels(model), name)
    return sampling.with_time_axis(model, samples)

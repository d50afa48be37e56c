"""The two passes over LATENTs, for every node that makes one: checks, then the engine in ComfyUI's guider."""

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from torch import Tensor

from ..unsampling import Inversion, curves, schedules, steps, storage
from ..unsampling import inversion as engine
from ..unsampling.across import calls_before
from ..unsampling.solvers.evaluation import Callback, Store
from . import (
    acting,
    admission,
    conditions,
    core_passes,
    experts,
    latents,
    likeness,
    masks,
    mirrors,
    models,
    motion,
    places,
    record,
    remarks,
    repeats,
    rise,
    sampling,
    takes,
)
from . import settings as widgets
from .facts import Facts
from .packs import core, core_samplers
from .run import Run, Within
from .told import Told

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
    direct: float = 0.0,
    variation: int = 0,
    cache: rise.Cache | None = None,
) -> dict:
    """Unsamples a LATENT through a guider; returns a LATENT of noise with its record.

    sampler: a core SAMPLER to use in place of our solver; it keeps the settings, and nothing that makes it
        exact.
    direct, variation: as the engine's; direct below 0 lets the record choose.
    cache: where the noise is looked up before a model call, and put away; None for nowhere.
    Raises: UnsamplingError before any model call for input that does not fit, and at the model's first NaN.
    """
    end, direct = (curves.one_number(*one) for one in ((end, "end"), (direct, "direct")))
    falling = schedules.check_falling(sigmas)
    start, count = schedules.start_index(falling, end), len(falling) - 1
    settings: rise.Settings = {
        "solver": solver,
        "record": RECORD[recording],
        "end": end,
        "direct": widgets.check_direct(direct),
    }
    rising = Run(guider, _samples(guider.model_patcher, latent, "latent_image"), node_id)
    record.refuse_noise(latent, rising.samples)
    mask = _mask(rising, latent, "latent_image")
    of_mask = masks.remark(latent.get("noise_mask"), mask)
    if mask is not None and mask.min() == 1:
        mask = None
    shape = tuple(rising.samples.shape)
    top = start if sampler is not None else rise.top(falling, settings)
    facts = admission.admit(guider, shape, falling, top, rising=True, by_core=sampler is not None)
    short = motion.remark(rising.model, shape)
    short += conditions.remark(guider, rising.samples, facts.windows, falling[top:])
    if sampler is not None:
        core_passes.refuse_settings({"direct": direct})
    border = experts.border_of(guider)
    more = {"mask": mask, "variation": variation, "flow": facts.flow, "border": border}
    asked = {**settings, **more, "sigmas": falling, "clip": rising.samples, "sampler": sampler}
    slot = None if cache is None else cache(guider, asked)
    found = None if slot is None else slot.find()
    info = {**models.info(guider), "source": record.digest(rising.samples)}
    seen = repeats.Repeats(rising=True, cfg=core.guidance(guider))
    if found is not None:
        noise, inversion = found[0].to(rising.samples.device), found[1]
    elif sampler is not None:
        told = (mask, facts.sigma_min, seen, short)
        noise, inversion = core_passes.rise(rising, falling, start, sampler, *told)
    else:
        noise, inversion = rise.rise(rising, falling, top, settings, more, seen, short)
    inversion = replace(inversion, info=info)
    source = None if mask is None else rising.samples.clone()
    made = record.noise_latent(latent, noise, inversion, facts, source, likeness.of(guider))
    made[record.KEY] = replace(made[record.KEY], guider=guider)
    remark = seen.remark
    if mask is None:
        remark += rise.strength(rising, noise, float(falling[start]), facts)
    else:
        remark += masks.of_hole(rising.samples, mask)
    remark += of_mask + short + experts.remark(guider, falling[top:])
    remark += remarks.of_share("end", end, count - start, count) + _of_path(inversion, settings["direct"])
    remark += remarks.of_no_path(inversion, settings["direct"])
    if slot is not None and found is None:
        remark += slot.keep(made, seen.remark)
    rising.done(rise.words(inversion, found is not None), remark)
    return made


def resample(
    guider,
    latent: dict,
    sigmas: Tensor | None,
    solver: str,
    structure,
    fidelity,
    node_id: str | None,
    sampler=None,
    direct: float = -1.0,
    hold: float = 0.0,
    steady: float = 0.0,
    variation: int = 0,
    within: Within | None = None,
    turn: str = "auto",
) -> dict:
    """Resamples a LATENT of noise through a guider; returns a LATENT.

    structure, fidelity: a number, or numbers over the clip (curves.over_frames). direct: as the engine's;
        below 0 as far as the noise has answers for. hold, steady: as the engine's.
    variation: which take (takes.py). sampler: the core SAMPLER that the noise was made with, if it was one.
    within: of which passes it is one. turn: on, off, or auto: whether to turn lightness round.
    Raises: UnsamplingError before any model call for noise or settings that do not fit, and at the model's
    first NaN.
    """
    given = ((direct, "direct"), (hold, "hold"), (steady, "steady"))
    direct, hold, steady = (curves.one_number(*one) for one in given)
    falling = Run(guider, _samples(guider.model_patcher, latent, "noise"), node_id, within)
    carried = record.of_latent(latent)
    if sampler is not None:
        solver = core_samplers.solver_name(sampler)
    settings = {"direct": widgets.check_direct(direct), "hold": hold, "steady": steady}
    if carried is not None and core_samplers.is_core(carried.inversion.solver):
        core_passes.refuse_settings(settings | {"direct": direct})
    if carried is None:
        schedule = latents.schedule_from_elsewhere(sigmas, record.none_in(latent))
    else:
        schedule = carried.inversion.sigmas
    facts = _admitted(falling, carried, schedule, by_core=sampler is not None)
    mirror = mirrors.of(facts.latent_format, falling.samples.shape[1], facts.flow)
    settings |= {"mirror": mirror, "turn": mirrors.check(turn, mirror, by_core=sampler is not None)}
    told = places.of_latent(latent)
    with _room_to_fall(carried, falling.samples, told) as store:
        fit = _fit(falling, carried, facts, schedule, sigmas, solver, store, told)
        falling = replace(falling, guider=conditions.of_slice(guider, fit, carried))
        mask = _mask(falling, latent, "noise")
        of_mask = masks.remark(latent.get("noise_mask"), mask)
        asked = schedule[0 if carried is None else _top_of(carried.inversion) :]
        part = falling.guider is not guider
        of_mask += conditions.remark(falling.guider, falling.samples, facts.windows, asked, part)
        inversion = widgets.masked(fit.inversion, mask)
        if mask is None:
            widgets.check_masks(fit, carried)
        structure, fidelity = (
            widgets.over_clip(value, fit, falling.samples, name)
            for value, name in ((structure, "structure"), (fidelity, "fidelity"))
        )
        widgets.check_record(fit, settings | {"structure": structure}, carried is not None)
        if core_samplers.is_core(inversion.solver):
            clip = core_passes.fall(falling, inversion, sampler, structure, of_mask)
        else:
            kept, of_path = widgets.path_kept(inversion, settings["direct"])
            settings |= {"structure": structure, "fidelity": fidelity, "direct": kept}
            of_mask += of_path + takes.remark(inversion, settings, variation)
            inversion = takes.another(falling, carried, fit, inversion, settings, variation, store)
            prompts = models.info(guider)
            clip = _fall(falling, inversion, settings, carried, fit, store, of_mask, prompts)
    if carried is not None:
        clip = carried.source_outside(clip, inversion.record and inversion.record.mask, fit.frames)
        return carried.clip_latent(latent, clip, fit.frames)
    return record.clip_latent(latent, clip)


def _admitted(falling: Run, carried: record.LatentRecord | None, schedule: Tensor, by_core: bool) -> Facts:
    """The facts for a falling pass."""
    start, whole = (0, None) if carried is None else (_top_of(carried.inversion), carried.shape)
    shape = tuple(falling.samples.shape)
    return admission.admit(falling.guider, shape, schedule, start, rising=False, by_core=by_core, whole=whole)


def _room_to_fall(
    carried: record.LatentRecord | None, samples: Tensor, told: list[places.Place]
) -> AbstractContextManager[Store]:
    """The place for the recorded way, which a falling pass walks again, as long as the pass runs; and for the
    record itself where a slice has to copy it."""
    if carried is None or carried.inversion.record is None:
        return storage.room(sampling.temp_folder(), 0, 0, lasting=False)
    part = carried.inversion.record
    size, walk = storage.of_inversion(carried.inversion, part, samples)
    new = size + walk if carried.copies(samples, told) else walk
    return storage.room(sampling.temp_folder(), size + walk, new, lasting=False)


def _fit(
    falling: Run,
    carried: record.LatentRecord | None,
    facts: Facts,
    schedule: Tensor,
    sigmas: Tensor | None,
    solver: str,
    store: Store,
    told: list[places.Place],
) -> record.Fit:
    """What to resample, once noise and settings are known to fit the model."""
    if carried is None:
        x = core.in_sampling_space(facts.latent_format, falling.samples)
        return record.Fit(latents.noise_from_elsewhere(x, schedule, solver, facts.flow))
    carried.check(facts, sigmas, solver)
    fit = carried.fitted(falling.samples, store, told)
    if not fit.change.keeps_values:
        x = core.in_sampling_space(facts.latent_format, falling.samples)
        latents.check_strength(x, schedule[carried.inversion.start :], carried.strength)
    return fit


def _fall(
    falling: Run,
    inversion: Inversion,
    settings: dict[str, Any],
    carried: record.LatentRecord | None,
    fit: record.Fit,
    store: Store,
    remark: str,
    prompts: dict[str, str],
) -> Tensor:
    """settings: the engine's. On a direct path the guidance is the unsampling's. remark: what there is to say
    already. prompts: of the whole clip, as models.info() has them."""
    share, turned = (settings["structure"], settings["direct"]), bool(settings["turn"])
    calls, path = engine.calls_falling(inversion, *share, turned), steps.path(inversion, *share)
    had_path = carried is not None and carried.inversion.direct_steps > 0
    lost_path = had_path and not inversion.direct_steps and settings["direct"] is None
    remark += remarks.of_change(fit, inversion, settings, path, lost_path)
    remark += _of_path(inversion, settings["direct"])
    if carried is None:
        remark += experts.remark(falling.guider, inversion.sigmas)
    seen = remarks.OnThePath(inversion, path, prompts)
    repeated = likeness.repeats(falling.guider, carried, fit, settings["fidelity"]) and not turned
    again = repeats.Repeats(False, core.guidance(falling.guider), repeated, seen.other_prompt)
    path_cfg = None if carried is None else carried.facts.guidance
    widgets.check_guidance(falling.guider, path_cfg, path)

    def one_pass(at_cfg: sampling.AtCfg, x: Tensor, report: Callback) -> Tensor:
        noise = inversion.noise.to(x.device) if inversion.noise.numel() else x
        timed = again.watched(seen.watched(falling.timed(report)))
        how = settings | {"callback": timed, "store": store, "compare": again.compare}
        how |= {"direct_denoise": at_cfg(path_cfg), "flow": carried is not None and carried.facts.flow}
        how |= {"across": seen.tell_across, "border": border}
        return engine.resample(at_cfg(None), replace(inversion, noise=noise), **how)

    border = experts.border_of(falling.guider)
    first = calls_before(inversion, path, settings["mirror"], settings["turn"], border) if calls else 0
    coming = f"resampling, {calls + first} model calls"
    falling.say(Told(coming, coming) + remark)
    top = _top_of(inversion)
    sigmas = inversion.sigmas[top:]
    begun = 0 if first or inversion.asks_bare(path, turned) else min(steps.starts(inversion, *share))
    highest = float(inversion.sigmas[min(begun, len(inversion.sigmas) - 2)])
    sampler = sampling.pass_sampler(one_pass, falling.samples, sigmas, top, highest)
    clip = sampling.run(falling.guider, falling.samples, sigmas, sampler, calls)
    done = f"resampled in {seen.calls} model calls"
    acts = acting.on_path(falling, inversion, path, calls, carried)
    falling.done(Told(done, done), again.remark + remark + seen.remark(settings), acts)
    return clip


def _of_path(inversion: Inversion, direct: float | None) -> str:
    """A remark where the direct path is another share of the steps than was set."""
    return remarks.of_share("direct", direct, steps.of_path(inversion, direct), len(inversion.sigmas) - 1)


def _top_of(inversion: Inversion) -> int:
    """The highest step of the unsampling's run, and so of every resampling's: core's windows and the pack's
    keyframes count their steps from there, whether a direct path is walked or not."""
    return 0 if inversion.direct_steps else inversion.start


def _mask(run: Run, latent: dict, name: str) -> Tensor | None:
    return sampling.mask(latent, run.samples, name, core.frames_of_a_latent(run.model))


def _samples(model, latent: dict, name: str) -> Tensor:
    samples = latents.clip(latent, models.channels(model), name, core.takes_video(model))
    return sampling.with_time_axis(model, samples)

"""The two passes, tied together by a record (docs/exactness.md#record)."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from . import direct as direct_path
from . import mix, schedules, solvers, steps
from .across import Look, to_look_at, walked
from .checks import check_fraction, check_latent, check_mask, per_frame
from .errors import Cause, UnsamplingError
from .hold import Adjust, holding, in_turn, unchanged
from .mirror import Mirror
from .record import Inversion, Record
from .repeats import Compare, Remembering, compared
from .solvers.evaluation import Callback, Course, Denoise, Evaluate, ModelCalls, Store, in_memory
from .source_answers import SourceAnswers, before_border
from .start import shows_through
from .steady import steadying


def calls_rising(
    solver: str,
    sigmas: Tensor,
    record: bool | str = True,
    end: float = 1.0,
    direct: float | None = 0.0,
    repeated: bool = False,
    shows: bool = False,
) -> int:
    """Model calls that unsample() will make with these settings; with direct None at most.

    repeated: whether it asks one question again, to compare. shows: what start.shows_through() says.
    """
    method, recording = solvers.pair(solver), solvers.recording(solver, record)
    start = schedules.start_index(sigmas, end)
    fresh = steps.asked(sigmas, start, direct, recording)
    path = len(sigmas) - 1 if fresh is None else fresh
    bare = direct_path.BARE_CALLS if shows and path else 0
    return method.calls_rising(sigmas[start:], recording) + path + bare + int(repeated)


def calls_falling(
    inversion: Inversion, structure: float | Tensor = 0.0, direct: float | None = None, turned: bool = False
) -> int:
    """Model calls that resample() will make with these settings. turned: through a mirror from the start."""
    path = steps.path(inversion, structure, direct)
    start = max(path.stop, min(steps.starts(inversion, structure, direct))) - inversion.start
    part, method = inversion.sigmas[inversion.start + start :], solvers.pair(inversion.solver)
    tail = method.calls_falling(part, at_top=start == 0 and not path) if len(part) > 1 else 0
    kept = None if inversion.record is None else inversion.record.direct
    return (len(path) if kept is None else kept.calls_of_target(path, turned)) + tail


def calls_there_and_back(
    solver: str, sigmas: Tensor, end: float, direct: float | None, shows: bool = False
) -> int:
    """Model calls that a resampling of it makes without structure, at most. shows: as in calls_rising()."""
    top = schedules.start_index(sigmas, end) if direct == 0 else 0
    bare = direct_path.BARE_CALLS + direct_path.TONE_CALLS if shows and direct != 0 else 0
    return solvers.pair(solver).calls_falling(sigmas[top:], at_top=True) + bare


@torch.no_grad()
def unsample(
    denoise: Denoise,
    x0: Tensor,
    sigmas: Tensor,
    solver: str = solvers.DEFAULT,
    record: bool | str = True,
    end: float = 1.0,
    callback: Callback | None = None,
    mask: Tensor | None = None,
    info: Mapping[str, Any] | None = None,
    store: Store = in_memory,
    direct: float | None = 0.0,
    variation: int = 0,
    flow: bool = False,
    compare: Compare | None = None,
    border: float = 0.0,
) -> Inversion:
    """Turns a clip into the noise that represents it: the sampling ODE from sigmas[-1] up.

    denoise: (x, sigma, step) -> denoised, cfg inside; step is an index into the falling schedule.
    x0: (frames, channels, height, width) or (batch, channels, frames, height, width), in sampling space.
    sigmas: the falling schedule that the resampling will use; `end` is the fraction of its steps to climb.
    record: True keeps what an exact resampling needs, "half" the same in half the memory by rounding the
        model's outputs to float16 in both passes, False nothing. The solver ees25 keeps nothing whatever is
        asked.
    callback: called after each model call with (call, calls, sigma, x, denoised), call counted from 1.
    mask: where the resampling may change the clip (1) and where not (0); values between cross-fade the
        results.
    store: puts each tensor of the record away, for example into a file of its own, and returns it from there.
    direct: for which fraction of the steps, from the top of the schedule, to ask for the source's answer at
        fresh noise as well, so that resample() can walk a direct path there: a call and a latent a step, two
        calls and a latent more where the clip shows through the top. 0: none; None: the record chooses.
    variation: another number draws other fresh noise.
    flow: whether x is (1 - sigma) * x0 + sigma * eps, which fresh noise has to know.
    compare: is given two answers to one question, asked again at the end of the way up: one call more, at
        which the callback is given latent and answer of the call before.
    border: another model answers from this sigma on. All that is asked below it is then asked first, so that
        each of the two is needed in one run; with direct None that may be some calls more. 0 for one model.

    Raises: UnsamplingError for input that cannot be unsampled, before any model call, and at the model's
    first NaN.
    """
    sigmas = schedules.check_falling(sigmas)
    method = solvers.pair(solver)
    if record not in (True, False, "half"):
        raise UnsamplingError(f"record is {record!r}; set it to True, 'half' or False")
    start = schedules.start_index(sigmas, end)
    x = check_latent(x0, "x0")
    recording = solvers.recording(solver, record)
    half = recording and record == "half"
    mask = None if mask is None else check_mask(mask, x, recording)
    part = sigmas[start:]
    fresh = steps.asked(sigmas, start, direct, recording)
    shows = fresh != 0 and shows_through(x, sigmas[0], flow)
    calls = calls_rising(solver, sigmas, record, end, direct, compare is not None, shows)
    evaluate = ModelCalls(denoise, calls, callback, store if recording else None, half)
    answers = SourceAnswers(evaluate, x, sigmas, fresh, start, variation, flow, shows)
    at_border = partial(before_border, border=border, ask=lambda: answers.ask_below(border))
    noise = _risen(method, evaluate, x, part, start, recording, compare, border, at_border)
    if not recording:
        return Inversion(noise, sigmas, solver, start, None, evaluate.count, dict(info or {}))
    outputs, asked = tuple(evaluate.outputs), answers.ask_all()
    past = Record(store(x), outputs, half, mask, asked)
    return Inversion(noise, sigmas, solver, start, past, evaluate.count, dict(info or {}))


@torch.no_grad()
def resample(
    denoise: Denoise,
    inversion: Inversion,
    structure: float | Tensor = 0.0,
    fidelity: float | Tensor = 1.0,
    callback: Callback | None = None,
    store: Store = in_memory,
    direct: float | None = None,
    direct_denoise: Denoise | None = None,
    hold: float = 0.0,
    steady: float = 0.0,
    compare: Compare | None = None,
    flow: bool = False,
    mirror: Mirror | None = None,
    turn: bool | None = None,
    across: Callable[[bool | None], None] | None = None,
    border: float = 0.0,
) -> Tensor:
    """Grows a clip from unsampled noise: the sampling ODE back down, with nothing random in it.

    structure: 0 to 1, how far down the source's own walk to start: 0 from the noise, 1 the source itself.
        Costs no call. A tensor gives each frame its own start; frames that start later stay on that walk
        until then, where the others see them.
    fidelity: how much of the record's correction to apply: 1 returns the source exactly under the source's
        own settings, 0 is the plain solver. Without a record there is nothing to apply. A tensor gives each
        frame its own.
    store: as in unsample(), for the walk of the rising pass, which is made again first: one tensor
        for each call of a step.
    direct: the fraction of the steps, from the top, to take by the direct path, in which the noise has no
        part: 0 for none, 1 for all, None for as many as the record has answers for. Direct.calls_of_target()
        says what it costs.
    direct_denoise: the same model and prompt on that path, at the cfg of the unsampling; denoise if None.
    hold: 0 to 1, how much to pull the layout of each answer to the source's own answer; needs the record.
    steady: 0 to 1, how much to even out the edit's layout from frame to frame; needs the record.
    compare: is given each answer beside the recorded one, which answers the same question as long as the
        settings are the source's own and no answer before was another; of noise alone, the mean of both.
    flow: as in unsample(), which mixed noise has to know where a pass does not begin at it.
    mirror: through which the model may be asked, so that dark and bright change places. turn: whether it is:
        None only where the answers of a direct path from the top of the schedule show that the new look lies
        across the source's lightness (across.can_tell()), which costs one call more; a pass that starts below
        makes it beforehand. Frames that structure keeps whole, and what is outside a mask, are the source.
    across: is told whether the look lies across where answers were looked at; None: none of them shows it.
    border: another model answers below it, so nothing is looked at there.

    Returns: the clip in sampling space, shape, device and float type of inversion.noise.
    Raises: UnsamplingError for settings that do not fit, before any model call, and at the model's first NaN.
    """
    x = check_latent(inversion.noise, "noise")
    starts = per_frame("structure", steps.places(inversion, structure, direct), x)
    path = steps.path(inversion, structure, direct)
    fidelity = _fidelity(fidelity, x)
    _check_adjusting("hold", hold, inversion, Cause.HOLD_WITHOUT_RECORD)
    _check_adjusting("steady", steady, inversion, Cause.STEADY_WITHOUT_RECORD)
    part, offset = inversion.sigmas[inversion.start :], inversion.start
    record, seen = inversion.record, mirror if turn else None
    calls = calls_falling(inversion, structure, direct, seen is not None)
    evaluate = ModelCalls(denoise, calls, callback, half=record is not None and record.half)
    ask = partial(_ask_through, evaluate, callback)
    if record is None:
        ask(seen, denoise)
        clip = solvers.pair(inversion.solver).fall(evaluate, x, part, offset)
        return clip if seen is None else seen(clip)
    if record.source.shape != x.shape:
        raise UnsamplingError(
            f"noise has shape {tuple(x.shape)}, its record"
            f" {tuple(record.source.shape)}; use the noise as unsample() returned it"
        )
    method = solvers.recorded_pair(inversion.solver)
    source = record.source.to(x.device, x.dtype, copy=True)
    end, start = len(inversion.sigmas) - 1, max(path.stop, int(starts.min())) - offset
    if int(starts.min()) == end:
        return source
    walk = method.walk_again(record.outputs, source, part, offset, store)
    moved = changed = None
    if inversion.mixed:
        moved = mix.moved(x, method.state(walk, part, 0, x.device), source, float(part[0]), flow)
        fidelity = fidelity * moved.kept
    mask = None if record.mask is None else record.mask.to(x.device).expand_as(x)
    share, edit, velocity = steps.shares(mask, starts), None, None
    evening = steadying(source, steady)
    if record.direct is not None:
        most = to_look_at(inversion.sigmas, record.direct.steps, border)
        look, adjust = Look(source, mirror, most), in_turn(holding(source, hold, push=False), evening)
        adjusts = adjust, _looked_at(adjust, compare, evaluate), _looked_at(unchanged, compare, evaluate)
        shares = steps.shares(mask, torch.zeros_like(starts)), share
        through = partial(ask, denoise=direct_denoise or denoise)
        told = inversion.sigmas, record.direct, path, turn
        edit, seen = walked(look, through, evaluate, *told, shares, adjusts)
        if across is not None and look.looked:
            across(look.across)
    if start or path:
        x = method.state(walk, part, start, x.device)
        if moved is not None and part[start] > 0:
            edit = direct_path.with_noise(edit, moved.at(x, float(part[start])), part[start])
    if edit is not None:
        x, velocity = x + edit.shift, edit.velocity
    if moved is not None and float(starts.min()) % 1:
        changed = moved.state
    edit = moved = None  # both are of the clip's size, and the rest of the pass is long
    ask(seen, denoise)
    adjust = _looked_at(in_turn(holding(source, hold, push=not path), evening), compare, evaluate)
    course = Course(start, start + offset, fidelity, share, velocity, adjust, changed)
    x = method.fall_recorded(evaluate, x, part, offset, walk, course)
    x = x if seen is None else seen(x)
    return steps.keep_outside(torch.where(starts == end, source, x), source, mask)


def _ask_through(
    evaluate: ModelCalls, callback: Callback | None, mirror: Mirror | None, denoise: Denoise
) -> None:
    """Lets evaluate ask that denoiser, through the mirror if there is one."""
    if mirror is None:
        evaluate.denoise, evaluate.callback = denoise, callback
    else:
        evaluate.denoise, evaluate.callback = mirror.seen(denoise), mirror.shown(callback)


@torch.no_grad()
def misses(inversion: Inversion) -> list[Tensor]:
    """By how much the plain solver would miss the recorded points at each falling step, without a model call.

    Returns: inversion.steps tensors of the latent's shape, the first at the noise.
    Raises: UnsamplingError without a record.
    """
    record = inversion.record
    if record is None:
        raise UnsamplingError("the inversion has no record to compare with", Cause.NO_RECORD)
    method = solvers.recorded_pair(inversion.solver)
    part = inversion.sigmas[inversion.start :]
    walk = method.walk_again(record.outputs, record.source, part, inversion.start, in_memory)
    return method.misses(walk, part)


def _risen(
    method: solvers.Pair,
    evaluate: ModelCalls,
    x: Tensor,
    sigmas: Tensor,
    start: int,
    recording: bool,
    compare: Compare | None,
    border: float,
    at_border: Callable[[Evaluate], Evaluate],
) -> Tensor:
    if compare is None:
        return method.rise(at_border(evaluate), x, sigmas, start, recording)
    calls = method.calls_rising(sigmas, recording)
    remembering = Remembering(evaluate, calls, evaluate.store or in_memory, border)
    noise = method.rise(at_border(remembering), x, sigmas, start, recording)
    remembering.ask_again(compare, x)
    return noise


def _looked_at(adjust: Adjust, compare: Compare | None, evaluate: ModelCalls) -> Adjust:
    return adjust if compare is None else compared(adjust, compare, evaluate)


def _check_adjusting(name: str, amount: float, inversion: Inversion, cause: Cause) -> None:
    check_fraction(name, amount)
    if amount > 0 and not inversion.recorded:
        raise UnsamplingError(f"{name} above 0 needs the record of the unsampling", cause)


def _fidelity(fidelity: float | Tensor, x: Tensor) -> float | Tensor:
    check_fraction("fidelity", fidelity)
    return per_frame("fidelity", fidelity.to(x), x) if isinstance(fidelity, Tensor) else fidelity

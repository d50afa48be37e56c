"""An inversion as one safetensors file, for another day and another machine (docs/noise_format.md).

What a reader finds is checked as if a stranger had written it: every number, name and shape, before a tensor
is believed.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import schedules, solvers, tensor_file, tensor_writer
from .checks import check_mask
from .direct import Direct
from .errors import UnsamplingError
from .record import Inversion, Record
from .tensor_file import Entry

FORMAT, VERSION = "unsampling noise", 1
# the keys of the metadata, all of them texts
KIND, NUMBER, SETTINGS = "format", "version", "settings"
# of the tensors
NOISE, SOURCE, EXTRA = "noise", "source", "latent."
START, RECORDED, MASK, BARE = "record.noise", "record.source", "record.mask", "record.direct.bare"
PICTURE = "picture"
LONGEST = 200  # characters of a stranger's text in a sentence


@dataclass(frozen=True, eq=False)
class Saved:
    """What a file keeps.

    noise: as the caller hands it on, in the scale of the VAE. inversion: how it was made; None for noise from
    elsewhere. source: the clip in that scale, if a mask promises it unchanged.
    frames: for writing, which of the inversion's frames the noise has; None for all of them.
    extra: other tensors of the caller's, and caller: what else it wants back, as JSON knows it.
    picture: a small one of the clip, bytes [height, width, 3].
    """

    noise: Tensor
    inversion: Inversion | None = None
    source: Tensor | None = None
    frames: list[int] | None = None
    extra: Mapping[str, Tensor] = field(default_factory=dict)
    caller: Mapping[str, Any] = field(default_factory=dict)
    picture: Tensor | None = None


def save(
    candidates: Iterator[Path], saved: Saved, half: bool, tick: Callable[[], object] = lambda: None
) -> Path:
    """Writes the first of these files that is not there yet; returns it.

    half: whether noise and the model's answers are rounded to float16. The source keeps its bits.
    Raises: UnsamplingError for what a file cannot keep, and where the disk does not take it.
    """
    settings = {"half": half, "inversion": _told(saved), "caller": dict(saved.caller)}
    text = json.dumps(settings, allow_nan=False)
    count, most = tensor_file.values_in(text), tensor_file.VALUES
    if count > most:
        raise UnsamplingError(f"its settings have {count} values, of which a file holds {most}")
    metadata = {KIND: FORMAT, NUMBER: str(VERSION), SETTINGS: text}
    return tensor_writer.write(candidates, entries(saved, half), metadata, tick)


def size(saved: Saved, half: bool) -> int:
    """Bytes of the tensors that save() will write."""
    return sum(entry.nbytes for entry in entries(saved, half).values())


def entries(saved: Saved, half: bool) -> dict[str, Entry]:
    """All tensors of a file, by name."""
    whole = {f"{EXTRA}{name}": Entry(tensor) for name, tensor in saved.extra.items()}
    rounded = {NOISE: Entry(saved.noise)}
    if saved.source is not None:
        whole[SOURCE] = Entry(saved.source, saved.frames)
    inversion = saved.inversion
    if inversion is not None and inversion.record is not None:
        past = inversion.record
        rounded[START] = Entry(inversion.noise, saved.frames)
        rounded |= {name: Entry(answer, saved.frames) for name, answer in _answers(past)}
        whole[RECORDED] = Entry(past.source, saved.frames)
        if past.mask is not None:
            one_for_all = len(past.mask) == 1 < len(past.source)
            whole[MASK] = Entry(past.mask, None if one_for_all else saved.frames)
    if half:
        rounded = {name: replace(entry, dtype=torch.float16) for name, entry in rounded.items()}
    if saved.picture is not None:
        whole[PICTURE] = Entry(saved.picture)
    # what is no latent last, so that no latent begins at an odd place
    return {**rounded, **dict(sorted(whole.items(), key=lambda item: item[0] in (MASK, PICTURE)))}


def _answers(past: Record) -> Iterator[tuple[str, Tensor]]:
    fresh, bare = ((), None) if past.direct is None else (past.direct.answers, past.direct.bare)
    return chain(
        zip(map(_output, range(len(past.outputs))), past.outputs, strict=True),
        zip(map(_fresh, range(len(fresh))), fresh, strict=True),
        () if bare is None else [(BARE, bare)],
    )


def _output(call: int) -> str:
    return f"record.output.{call:05}"


def _fresh(step: int) -> str:
    return f"record.direct.{step:05}"


def _told(saved: Saved) -> dict[str, Any] | None:
    """How the noise was made, as JSON knows it."""
    inversion = saved.inversion
    if inversion is None:
        return None
    return {
        "sigmas": inversion.sigmas.tolist(),
        "solver": inversion.solver,
        "start": inversion.start,
        "calls": inversion.calls,
        "info": {str(name): str(value) for name, value in inversion.info.items()},
        "record": None if inversion.record is None else _told_record(inversion.record, saved.frames),
    }


def _told_record(past: Record, frames: list[int] | None) -> dict[str, Any]:
    direct = past.direct
    told = None
    if direct is not None:
        places = direct.places if frames is None else [direct.places[i] for i in frames]
        told = {
            "steps": direct.steps,
            "seed": direct.seed,
            "places": list(places),
            "flow": direct.flow,
            "bare": direct.bare is not None,
        }
    return {"outputs": len(past.outputs), "half": past.half, "mask": past.mask is not None, "direct": told}


def load(path: Path) -> Saved:
    """What save() kept. Latents are mapped from the file, or, where they were rounded, read and widened.

    Raises: UnsamplingError, without the file's name, for one that is damaged, foreign, or too new.
    """
    with tensor_file.opened(path) as file:
        check_kind(file.metadata)
        sums = _object(_json(file.metadata.get(tensor_file.SUMS, "{}")))
        settings = _object(_json(file.metadata.get(SETTINGS, "")))
        widen = value(settings, "half", bool)

        def latent(name: str) -> Tensor:
            found = file.checked(name, sums)
            return found.float() if widen else found

        noise = check_shape(latent(NOISE))
        told = value(settings, "inversion", dict, None)
        given = {name.removeprefix(EXTRA) for name in file.names if name.startswith(EXTRA)}
        return Saved(
            noise,
            None if told is None else _inversion(told, noise, latent, lambda name: file.checked(name, sums)),
            _like(file.checked(SOURCE, sums), noise, SOURCE) if SOURCE in file.names else None,
            extra={name: file.checked(f"{EXTRA}{name}", sums) for name in sorted(given)},
            caller=value(settings, "caller", dict),
            picture=file.checked(PICTURE, sums) if PICTURE in file.names else None,
        )


def is_one(path: Path) -> bool:
    """Whether a file begins as save() begins it; cheap enough to ask a folder full of files."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return json.dumps({KIND: FORMAT})[1:-1].encode() in file.read(128)
    except OSError:
        return False


def check_kind(metadata: Mapping[str, str]) -> None:
    """Raises: UnsamplingError for the metadata of another file, or of a newer version's."""
    if metadata.get(KIND) != FORMAT:
        raise UnsamplingError("it is no noise file: Save Noise writes those")
    number = metadata.get(NUMBER, "")
    if not (number.isascii() and number.isdigit() and 0 < len(number) < 10):
        raise UnsamplingError("it is damaged: it has no version")
    if int(number) > VERSION:
        raise UnsamplingError(
            f"it is of version {int(number)} of the format, and this pack reads up to {VERSION};"
            " update Unsampling"
        )


def check_shape(noise: Tensor) -> Tensor:
    """The noise of a file. Raises: UnsamplingError for what is no latent."""
    if noise.ndim not in (4, 5) or noise.numel() == 0 or not noise.is_floating_point():
        raise UnsamplingError(f"its noise has shape {tuple(noise.shape)}, type {noise.dtype}: no latent")
    return noise


def _json(text: str) -> Any:
    try:
        if tensor_file.values_in(text) > tensor_file.VALUES:
            raise ValueError(text)
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UnsamplingError("it is damaged: its settings cannot be read") from None


def _object(read: Any) -> dict[str, Any]:
    if not isinstance(read, dict):
        raise UnsamplingError("it is damaged: its settings cannot be read")
    return read


_NEEDED = object()


def value(settings: Mapping[str, Any], name: str, kind: type, default: Any = _NEEDED) -> Any:
    """A setting of that kind, a finite one if it is a number; default where it may be missing or null.

    Raises: UnsamplingError naming it.
    """
    found = settings.get(name, default)
    if found is None and default is None:
        return default
    if kind is float and isinstance(found, int) and not isinstance(found, bool) and abs(found) < 2**53:
        found = float(found)
    if isinstance(found, bool) is not (kind is bool) or not isinstance(found, kind):
        raise UnsamplingError(f"it is damaged: its setting {name} is missing or odd")
    if isinstance(found, float) and not math.isfinite(found):
        raise UnsamplingError(f"it is damaged: its setting {name} is {found}")
    return found


def values(settings: Mapping[str, Any], name: str, kind: type) -> list:
    """A setting that is a list of such values."""
    return [value({name: one}, name, kind) for one in value(settings, name, list)]


def _inversion(
    told: dict[str, Any], noise: Tensor, latent: Callable[[str], Tensor], whole: Callable[[str], Tensor]
) -> Inversion:
    """latent: a tensor that may have been rounded, whole: one that was not."""
    sigmas = schedules.check_falling(torch.tensor(values(told, "sigmas", float)))
    start, solver = value(told, "start", int), value(told, "solver", str)[:LONGEST]
    if not 0 <= start < len(sigmas) - 1:
        raise UnsamplingError(f"it is damaged: its noise lies at step {start} of {len(sigmas) - 1}")
    info = {name[:LONGEST]: str(text)[:LONGEST] for name, text in value(told, "info", dict).items()}
    made = Inversion(torch.empty(0), sigmas, solver, start, None, value(told, "calls", int), info)
    past = value(told, "record", dict, None)
    if past is None:
        return made
    begun = _like(latent(START), noise, START)
    return replace(made, noise=begun, record=_record(past, made, noise, latent, whole))


def _record(
    told: dict[str, Any],
    made: Inversion,
    noise: Tensor,
    latent: Callable[[str], Tensor],
    whole: Callable[[str], Tensor],
) -> Record:
    count = value(told, "outputs", int)
    needed = solvers.recorded_pair(made.solver).calls_rising(made.sigmas[made.start :], True)
    if count != needed:
        raise UnsamplingError(f"it is damaged: it has {count} answers, and {made.solver} gave {needed}")
    source = _like(whole(RECORDED), noise, RECORDED)
    outputs = tuple(_like(whole(_output(i)), noise, _output(i)) for i in range(count))
    mask = check_mask(whole(MASK), noise, True) if value(told, "mask", bool) else None
    direct = value(told, "direct", dict, None)
    fresh = None if direct is None else _direct(direct, made, noise, whole)
    return Record(source, outputs, value(told, "half", bool), mask, fresh)


def _direct(told: dict[str, Any], made: Inversion, noise: Tensor, whole: Callable[[str], Tensor]) -> Direct:
    steps, places = value(told, "steps", int), tuple(values(told, "places", int))
    if not max(1, made.start) <= steps < len(made.sigmas):
        raise UnsamplingError(f"it is damaged: its direct path has {steps} of {len(made.sigmas) - 1} steps")
    if len(places) != len(noise):
        raise UnsamplingError(f"it is damaged: it has the places of {len(places)} of {len(noise)} frames")
    answers = tuple(_like(whole(_fresh(i)), noise, _fresh(i)) for i in range(steps))
    bare = _like(whole(BARE), noise, BARE) if value(told, "bare", bool, False) else None
    return Direct(answers, value(told, "seed", int), places, value(told, "flow", bool), bare=bare)


def _like(x: Tensor, noise: Tensor, name: str) -> Tensor:
    """Raises: UnsamplingError unless x is a latent of the noise's shape."""
    if x.shape != noise.shape or not x.is_floating_point():
        raise UnsamplingError(
            f"it is damaged: its {name} has shape {tuple(x.shape)}, its noise {tuple(noise.shape)}"
        )
    return x

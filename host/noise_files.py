"""LATENTs of noise in files: what of one is kept, where it lies, and what a user is told of it."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from ..unsampling import UnsamplingError, noise_file, solvers, tensor_file, thumbnail
from ..unsampling.change import Change, in_brief, in_words
from ..unsampling.noise_file import Saved, value, values
from . import latents, places, screen
from .facts import Facts, Family
from .packs import core, core_files, core_samplers
from .record import KEY, LatentRecord, digest, mask_of, of_latent
from .told import Told

NO_RECORD = "it carries no record"
SAMPLES, MASK = "samples", "noise_mask"
PRECISIONS = ("lossless", "half")
# names in core's own files of latents; without the second the samples are in SD1.5's scale
CORE_SAMPLES, CORE_VERSION, CORE_SCALE = "latent_tensor", "latent_format_version_0", 0.18215
FRAMES = 2**20  # of a clip that a file may claim to be a part of

T = TypeVar("T")


def save(
    latent: dict, prefix: str, precision: str, node_id: str | None
) -> tuple[dict[str, str], Tensor | None]:
    """Writes a LATENT of noise with its record into ComfyUI's output folder.

    Returns: the new file as ComfyUI names files, and a small picture of the clip, where there is one.
    Raises: UnsamplingError for what a file cannot keep, and where the disk does not take it.
    """
    samples, half = _samples(latent), precision == "half"
    saved, remark = _to_save(latent, samples)
    subfolder, paths = core_files.files_to_write(prefix, samples.shape[-1], samples.shape[-2])
    sizes = [tensor_file.bytes_in_words(noise_file.size(saved, one == "half")) for one in PRECISIONS]
    both = ", ".join(f"{size} {name}" for size, name in zip(sizes, PRECISIONS, strict=True))
    coming = f"saving the noise of {_frames(samples)} frames, {precision}"
    screen.say(node_id, Told(f"{coming}: {both}", coming) + remark)
    ticks = screen.ticks(len(noise_file.entries(saved, half)))
    path = noise_file.save(paths, saved, half, ticks)
    size = tensor_file.bytes_in_words(path.stat().st_size)
    screen.say(node_id, Told(f"saved {path.name}, {size}", f"saved, {size}") + remark, at_end=True)
    place = {"filename": path.name, "subfolder": subfolder, "type": "output"}
    return place, thumbnail.shown(saved.picture)


def to_keep(latent: dict) -> Saved:
    """What save() writes of a LATENT of noise; another pack's entries are left out.

    Raises: UnsamplingError for what a file cannot keep.
    """
    samples = _samples(latent)
    ours = {key: latent[key] for key in (SAMPLES, KEY, places.KEY) if key in latent}
    return _to_save(ours, samples)[0]


def _samples(latent: dict) -> Tensor:
    samples = latents.one_of(latent, "noise")
    if samples.ndim not in (4, 5) or samples.numel() == 0:
        raise UnsamplingError(f"noise has shape {tuple(samples.shape)}, which is no latent of pictures")
    return samples


def _frames(samples: Tensor) -> int:
    return samples.shape[2] if samples.ndim == 5 else len(samples)


def _to_save(latent: dict, samples: Tensor) -> tuple[Saved, str]:
    """What to write of a LATENT, and what the user should know of it."""
    plain, tensors, dropped = _others(latent)
    text = f"; not kept, since no file can: {', '.join(dropped)}"
    remark = Told(text, "not all of it can be kept in a file") if dropped else ""
    caller: dict[str, Any] = {"latent": plain}
    carried = of_latent(latent)
    if carried is None:
        return Saved(samples, extra=tensors, caller=caller), Told(
            "; it carries no record", NO_RECORD
        ) + remark
    # of the fit only what it is: the slice of the record is made while it is written
    fit = carried.fitted(samples, lambda x: x[:0], places.of_latent(latent))
    every = list(range(len(carried.digests)))
    part = None if fit.frames in (None, every) else fit.frames
    inversion, source = carried.inversion, carried.source
    if fit.change is Change.FRAMES_ADDED:
        inversion, source = dataclasses.replace(inversion, record=None), None
    caller |= {"facts": _told(carried.facts, samples), **_told_record(carried, fit.change, part)}
    saved = Saved(samples, inversion, source, part, tensors, caller, _picture(carried, part))
    return saved, ("; " + fit.remark if fit.remark else "") + remark


def _told_record(carried: LatentRecord, change: Change, part: list[int] | None) -> dict[str, Any]:
    """What a record has beside its inversion and facts, of these frames, but its likeness."""
    same = change in (Change.NONE, Change.SLICED)
    kept = range(len(carried.digests)) if part is None else part
    index, cut = carried.frame_numbers, places.in_whole(carried.cut, kept)
    return {
        "shape": list(carried.shape),
        "digests": None if same else [carried.digests[i] for i in kept],
        "batch_index": None if index is None else [int(index[i]) for i in kept],
        "places": None if len(cut) == carried.shape[0] else cut,
        "strength": carried.strength,
        "mixed": carried.inversion.mixed,
    }


def _others(latent: dict) -> tuple[dict[str, Any], dict[str, Tensor], list[str]]:
    """What else a LATENT has: what JSON keeps, tensors, and the names of the rest."""
    # places in a noise are marked anew when it is loaded
    ours = {SAMPLES, KEY} | ({places.KEY} if places.of_noise(latent) else set())
    others = {key: one for key, one in latent.items() if key not in ours and one is not None}
    tensors = {
        key: one
        for key, one in others.items()
        if isinstance(one, Tensor) and not one.is_nested and one.dtype in tensor_file.DTYPES
    }
    plain = {key: one for key, one in others.items() if key not in tensors and _is_plain(one)}
    return plain, tensors, [str(key) for key in others if key not in tensors and key not in plain]


def _is_plain(one: Any) -> bool:
    """Whether JSON gives it back as it was."""
    try:
        return type(one) in (str, bool, int, float, list, dict) and json.loads(json.dumps(one)) == one
    except (TypeError, ValueError):
        return False


def _told(facts: Facts, samples: Tensor) -> dict[str, Any]:
    """Facts as JSON keeps them, the latent format by its name."""
    name = core_files.name_of_format(facts.latent_format, samples)
    return dataclasses.asdict(dataclasses.replace(facts, latent_format=None)) | {"latent_format": name}


def _picture(carried: LatentRecord, frames: list[int] | None) -> Tensor | None:
    """The middle frame of the source as small as a preview; None where nothing is known of it."""
    record = carried.inversion.record
    clip = carried.source if record is None else record.source
    if clip is None or not len(clip):
        return None
    chosen = frames or range(len(clip))
    frame = clip[chosen[len(chosen) // 2]][None]
    frame = (frame[:, :, frame.shape[2] // 2] if frame.ndim == 5 else frame).float().cpu()
    if record is None:
        frame = core.in_sampling_space(carried.facts.latent_format, frame)
    drawn = core_files.rgb(carried.facts.latent_format, frame)
    return None if drawn is None else thumbnail.small(drawn)


def listed() -> list[str]:
    """The names of all files that load() takes, newest first."""
    return [name for name, path in core_files.candidates() if _is_latent(path) or noise_file.is_one(path)]


def _is_latent(path: Path) -> bool:
    return path.suffix.lower() == ".latent"


def fingerprint(name: str) -> str:
    """A digest of the file's content. Raises: UnsamplingError where it may not be read."""
    content = hashlib.blake2b(digest_size=16)
    with core_files.path_of(name).open("rb") as file:
        while piece := file.read(2**20):
            content.update(piece)
    return content.hexdigest()


def refusal(name: str) -> bool | str:
    """True for the name of a file that may be read, else why not, as ComfyUI wants to know it."""
    try:
        core_files.path_of(name)
    except UnsamplingError as error:
        return f"Load Noise: {error}"
    return True


def load(name: str, node_id: str | None) -> tuple[dict, Tensor | None]:
    """A LATENT of noise from a file, with its record if that has one, and the picture in it, if there is one.

    Raises: UnsamplingError for a name that may not be read, and for a file that is damaged, foreign, or too
    new.
    """
    path = core_files.path_of(name)
    try:
        with tensor_file.readable():
            saved, made_here = _read(path)
            latent, picture = _latent(saved), thumbnail.shown(saved.picture)
    except UnsamplingError as error:
        raise UnsamplingError(f"file {core_files.shown(name)} cannot be used: {error}") from None
    screen.say(node_id, _words(latent, made_here), at_end=True)
    return latent, picture


def _read(path: Path) -> tuple[Saved, bool]:
    """What a file has, and whether Save Noise wrote it, and not core's Save Latent."""
    with tensor_file.opened(path) as file:
        if CORE_SAMPLES not in file.names:
            return noise_file.load(path), True
        samples = file.checked(CORE_SAMPLES, {}).float()
        scale = 1.0 if CORE_VERSION in file.names else 1.0 / CORE_SCALE
    return Saved(noise_file.check_shape(samples * scale), caller={"latent": {}}), False


def _latent(saved: Saved) -> dict:
    others = {**value(saved.caller, "latent", dict), **saved.extra}
    _check_mask(others.get(MASK))
    latent = {key: one for key, one in others.items() if key not in (SAMPLES, KEY)} | {SAMPLES: saved.noise}
    if saved.inversion is None:
        return latent
    if value(saved.caller, "digests", list, None) is None:
        latent[places.KEY] = places.marks(len(saved.noise), mask_of(saved.inversion))
    return latent | {KEY: _carried(saved, saved.inversion)}


def _check_mask(mask: Any) -> None:
    if mask is None or (isinstance(mask, Tensor) and mask.is_floating_point() and 2 <= mask.ndim <= 5):
        return
    raise UnsamplingError("it is damaged: its noise mask is no mask")


def _carried(saved: Saved, inversion) -> LatentRecord:
    told, samples = saved.caller, saved.noise
    if inversion.solver not in solvers.PAIRS and not core_samplers.is_core(inversion.solver):
        name = core_files.shown(inversion.solver)
        raise UnsamplingError(
            f"it was made with the solver {name}, which is not known here; update Unsampling"
        )
    shape = tuple(values(told, "shape", int))
    if shape[1:] != tuple(samples.shape[1:]) or not 0 < shape[0] <= FRAMES:
        raise UnsamplingError(f"it is damaged: its record is of shape {shape}")
    changed = value(told, "digests", list, None) is not None
    names = tuple(values(told, "digests", str) if changed else map(digest, samples))
    index = values(told, "batch_index", int) if value(told, "batch_index", list, None) is not None else None
    cut = values(told, "places", int) if value(told, "places", list, None) is not None else None
    numbered = [len(names), *(len(one) for one in (index, cut) if one is not None)]
    recorded = len(samples) if inversion.recorded else len(names)
    if not names or any(count != recorded for count in numbered):
        raise UnsamplingError(f"it is damaged: it names {len(names)} of {len(samples)} frames")
    if cut is not None and not all(0 <= place < shape[0] for place in cut):
        raise UnsamplingError(f"it is damaged: it has places beyond its {shape[0]} frames")
    return LatentRecord(
        dataclasses.replace(inversion, mixed=value(told, "mixed", bool, False)),
        _facts(value(told, "facts", dict)),
        names,
        shape,
        saved.source,
        None if index is None else tuple(index),
        value(told, "strength", float, None),
        cut=None if cut is None else tuple(cut),
    )


def _facts(told: dict[str, Any]) -> Facts:
    family = _made(Family, value(told, "family", dict))
    latent_format = core_files.latent_format(value(told, "latent_format", str))
    return _made(Facts, told, family=family, latent_format=latent_format)


def _made(kind: type[T], told: dict[str, Any], **ready) -> T:
    """A dataclass of plain values, those that have a default where a file does not name them."""
    found = {}
    for one in dataclasses.fields(kind):  # type: ignore[arg-type]
        if one.name in ready:
            continue
        if one.name in told or one.default is dataclasses.MISSING:
            found[one.name] = value(told, one.name, one.type if isinstance(one.type, type) else object)
    return kind(**found, **ready)


def _words(latent: dict, made_here: bool) -> str:
    """What was loaded, in a line."""
    samples, carried = latent[SAMPLES], of_latent(latent)
    begun = f"the noise of {_frames(samples)} frames"
    if carried is None:
        whose = "" if made_here else " (core's Save Latent)"
        text = f"{begun} without a record{whose}: connect sigmas to the resampler too"
        return Told(text, "loaded", "no record: connect sigmas to the resampler too")
    inversion = carried.inversion
    steps = f"{begun}: {inversion.solver}, {inversion.steps} steps"
    if inversion.record is None:
        return Told(f"{steps}, without a record", "loaded", NO_RECORD)
    path = f", {inversion.direct_steps} for the direct path" if inversion.direct_steps else ""
    fit = carried.fitted(samples, lambda x: x[:0], places.of_latent(latent))
    words = in_words(fit.change, fit.counts, mixed=inversion.mixed)
    size = tensor_file.bytes_in_words(inversion.nbytes)
    text = f"{steps}, a record of {size}{path}" + (f"; {words}" if words else "")
    return Told(text, f"loaded {_frames(samples)} frames, {inversion.steps} steps", *in_brief(fit.change))

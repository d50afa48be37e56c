"""Restyle Grid: one noise restyled with every combination of prompts, cfg and structure, in one run."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from ..unsampling import Inversion, UnsamplingError, tensor_file
from ..unsampling import inversion as engine
from ..unsampling.checks import check_fraction
from . import acting, latents, models, passes, places, record, sampling, screen
from . import settings as widgets
from .packs import core_samplers
from .run import Within
from .told import Told, nothing_new

Conditioning = list[list]
# between numbers: commas and semicolons, Chinese and Japanese ones too
SEPARATORS = str.maketrans(dict.fromkeys(",;\uff0c\u3001\uff1b", " "))


@dataclass(frozen=True)
class Cell:
    """One restyle of the grid."""

    prompt: str
    cfg: float
    structure: float

    @property
    def settings(self) -> str:
        return f"cfg {self.cfg:g}, structure {self.structure:g}"

    @property
    def label(self) -> str:
        return f"{self.settings}: {self.prompt}"


@dataclass(frozen=True)
class Shared:
    """What all restyles have in common: the resampler's inputs. positive: what each prompt is given along."""

    model: Any
    negative: Conditioning
    noise: dict
    positive: Conditioning | None = None
    sigmas: Tensor | None = None
    direct: float = widgets.AUTO
    hold: float = 0.0
    steady: float = 0.0
    turn: str = "auto"


def cells(prompts: str, cfg: str, structure: str) -> list[Cell]:
    """A row for each prompt, in it each structure with each cfg.

    prompts: one a line. cfg, structure: numbers with commas between. What is there twice is taken once.
    Raises: UnsamplingError for what is empty, and for what is no number or out of range.
    """
    texts = list(dict.fromkeys(line.strip() for line in prompts.splitlines() if line.strip()))
    if not texts:
        raise UnsamplingError("prompts is empty; write the looks to compare, one a line")
    guidances, structures = numbers("cfg", cfg), numbers("structure", structure)
    for value in structures:
        check_fraction("structure", value)
    return [Cell(text, one, value) for text in texts for value in structures for one in guidances]


def labels(wanted: list[Cell]) -> str:
    """A line for each cell."""
    return "\n".join(cell.label for cell in wanted)


def columns(wanted: list[Cell]) -> int:
    """How many cells each prompt has."""
    return sum(cell.prompt == wanted[0].prompt for cell in wanted)


def numbers(name: str, text: str) -> list[float]:
    """The numbers of a list such as "1, 2.5, 4", each once. Raises: UnsamplingError naming what is none."""
    found = text.translate(SEPARATORS).split()
    wrong = [one for one in found if not _is_number(one)]
    if wrong or not found:
        what = f"has {wrong[0][:20]} in it, which is no number" if wrong else "is empty"
        raise UnsamplingError(f"{name} {what}; write numbers with commas between, such as 1, 2.5, 4")
    return list(dict.fromkeys(map(float, found)))


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def restyled(clip: Any, wanted: list[Cell], shared: Shared, node_id: str | None) -> dict:
    """The LATENT of all restyles, one after the other.

    Raises: UnsamplingError as a resampling; for settings of any cell before the first model call.
    """
    calls = _calls(shared, wanted)
    guiders = list(_guiders(clip, wanted, shared))
    before, total = [0, *accumulate(calls)], sum(calls)
    said, remarks, acts, clips = _counted(len(wanted), total), [], [], torch.empty(0)
    size = tensor_file.bytes_in_words(_size(shared.noise, len(wanted)))
    screen.say(node_id, Told(f"{said}, {size} of latents", said))
    for i, (cell, guider) in enumerate(zip(wanted, guiders, strict=True)):
        screen.stop_on_cancel()
        place = f"restyle {i + 1} of {len(wanted)}"
        within = Within(place, f"{place} ({cell.settings})", before[i], total, remarks, acts)
        samples = _restyle(guider, cell, shared, node_id, within)
        if not clips.numel():
            clips = samples.new_empty(len(wanted) * len(samples), *samples.shape[1:])
        clips[i * len(samples) : (i + 1) * len(samples)] = samples
    same = nothing_new(acting.on_grid(acts, _inversion(shared).recorded))
    screen.say(node_id, Told(said, said) + _told(remarks, len(wanted)), at_end=True, same=same)
    made = record.clip_latent(shared.noise, clips)
    return {key: one for key, one in made.items() if key != places.KEY}


def _restyle(guider, cell: Cell, shared: Shared, node_id: str | None, within: Within) -> Tensor:
    """The samples of one restyle, as the resampler makes it."""
    more: dict[str, Any] = {"direct": shared.direct, "hold": shared.hold, "steady": shared.steady}
    more["turn"] = shared.turn
    settings = (shared.noise, shared.sigmas, "auto", cell.structure, 1.0)
    return passes.resample(guider, *settings, node_id, within=within, **more)["samples"]


def _guiders(clip: Any, wanted: list[Cell], shared: Shared) -> Iterator:
    """A guider for each cell, each prompt encoded once."""
    if clip is None:
        raise UnsamplingError("clip is missing; connect a checkpoint's CLIP, or Load CLIP")
    encoded = {
        text: _with_text(clip, text, shared.positive) for text in {cell.prompt: None for cell in wanted}
    }
    for cell in wanted:
        yield models.cfg_guider(shared.model, encoded[cell.prompt], shared.negative, cell.cfg)


def _with_text(clip: Any, text: str, like: Conditioning | None) -> Conditioning:
    """A prompt as core's CLIP Text Encode makes it, with what else another conditioning carries: ControlNet,
    hooks, areas."""
    made = clip.encode_from_tokens_scheduled(clip.tokenize(text))
    if like is None:
        return made
    return [[tensor, {**options, **own}] for tensor, own in made for _, options in like]


def _calls(shared: Shared, wanted: list[Cell]) -> list[int]:
    """Model calls of each cell."""
    inversion = _inversion(shared)
    direct, _ = widgets.path_kept(inversion, widgets.check_direct(shared.direct))
    turned = shared.turn == "on"
    return [engine.calls_falling(inversion, cell.structure, direct, turned) for cell in wanted]


def _inversion(shared: Shared) -> Inversion:
    """What is known of the noise's way up, its tensors apart."""
    carried = record.of_latent(shared.noise)
    if carried is None:
        sigmas = latents.schedule_from_elsewhere(shared.sigmas, record.none_in(shared.noise))
        return latents.elsewhere(sigmas, "auto")
    if core_samplers.is_core(carried.inversion.solver):
        raise UnsamplingError(
            f"noise was made with {carried.inversion.solver}, a core SAMPLER, which a grid does not take;"
            " unsample with this pack's solver"
        )
    samples = sampling.with_time_axis(shared.model, latents.samples_of(shared.noise, "noise"))
    return carried.fitted(samples, lambda x: x[:0], places.of_latent(shared.noise)).inversion


def _size(noise: dict, count: int) -> int:
    """Bytes of so many restyles of that noise."""
    return count * noise["samples"].numel() * torch.float32.itemsize


def _counted(restyles: int, calls: int) -> str:
    names = ((restyles, "restyle"), (calls, "model call"))
    return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in names)


def _told(remarks: list[str], count: int) -> Told:
    """What the restyles had to say, each thing once."""
    said = Told()
    for one, n in Counter(remarks).items():
        said += one if n == count else one + f" (in {n} of them)"
    return said

"""The record of an inversion in a LATENT: one key, shared by copies of the dict, checked before use."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ..unsampling import Inversion, UnsamplingError
from ..unsampling.change import Change, in_brief, in_words
from ..unsampling.direct import Direct
from ..unsampling.record import Record
from ..unsampling.schedules import check_falling
from ..unsampling.solvers.evaluation import Store, in_memory
from . import latents, places
from .facts import Facts
from .packs import core
from .places import Place, Placed
from .told import Told

KEY = "unsampling"


@dataclass(frozen=True, eq=False)
class LatentRecord:
    """What a LATENT of noise carries: an Inversion, what it was made with, and digests of its frames.

    source: the clip in the VAE's scale, kept where a mask promises it unchanged. frame_numbers: what the
    clip's LATENT said of its frames, for the restyled one. shape: of the whole noise, of which a file may
    have some frames alone; cut: which. strength: of the noise in sampling space (latents.py).
    likeness: of the guider that made the noise (likeness.py); guider: itself. None where they are not known.
    """

    inversion: Inversion
    facts: Facts
    digests: tuple[str, ...]
    shape: tuple[int, ...]
    source: Tensor | None
    frame_numbers: tuple[int, ...] | None = None
    strength: float | None = None
    likeness: Any = None
    guider: Any = None
    cut: tuple[int, ...] | None = None

    def check(self, facts: Facts, sigmas: Tensor | None, solver: str) -> None:
        """Raises: UnsamplingError where model, windows, solver or schedule contradict the unsampling."""
        ours, theirs = self.facts, facts
        ours.family.check(theirs.family)
        if theirs.windows != ours.windows:
            raise UnsamplingError(
                f"model cuts the clip into other context windows than the Exact Unsampler's did"
                f" ({theirs.windows or 'none'}, not {ours.windows or 'none'}); give both nodes the"
                " same context options and extras"
            )
        if solver not in ("auto", self.inversion.solver):
            raise UnsamplingError(
                f"solver is {solver}, but the noise was made with {self.inversion.solver};"
                " leave it on auto, and sampler as it was in the Exact Unsampler"
            )
        if sigmas is not None:
            self._check_schedule(check_falling(sigmas))

    def _check_schedule(self, sigmas: Tensor) -> None:
        ours = self.inversion.sigmas
        if torch.equal(sigmas, ours) or torch.equal(sigmas, ours[self.inversion.start :]):
            return
        raise UnsamplingError(
            f"sigmas ({len(sigmas) - 1} steps from {sigmas[0]:.4g}) differ from those the"
            f" noise was made with ({len(ours) - 1} steps from {ours[0]:.4g}); disconnect"
            " sigmas: the noise brings its own"
        )

    def placed(self, samples: Tensor, told: Sequence[Place] = ()) -> Placed | None:
        """Which of the record's frames of noise these are; None unless all are, up to a rounding.

        told: the places that their LATENT carries along.
        """
        if tuple(samples.shape[1:]) != self.shape[1:]:
            return None
        names = _digests(samples)
        return places.placed(names, self.digests, told) or self._rounded(samples, names, told)

    def _rounded(self, samples: Tensor, names: Sequence[str], told: Sequence[Place]) -> Placed | None:
        """The same, of frames whose bits are all others."""
        noise = self.inversion.noise
        if not noise.numel():
            return None
        ours = core.in_sampling_space(self.facts.latent_format, samples)
        return places.rounded(ours, names, noise, self.digests, told)

    def copies(self, samples: Tensor, told: Sequence[Place] = ()) -> bool:
        """Whether these samples' slice of the record has to be held a second time."""
        found = self.placed(samples, told)
        return found is not None and self.inversion.recorded and _step_of(found.frames) is None

    def fitted(self, samples: Tensor, store: Store = in_memory, told: Sequence[Place] = ()) -> "Fit":
        """The inversion for these samples; a slice of the noise takes its slice of the record along.

        store: puts away what has to be copied for that, which frames at equal distances have not.
        told: the places that the samples' LATENT carries along.
        Raises: UnsamplingError for another latent size.
        """
        if tuple(samples.shape[1:]) != self.shape[1:]:
            raise UnsamplingError(
                f"noise has shape {tuple(samples.shape)}, its record {self.shape}; do not"
                " resize or cut noise: do that to the clip before VAE Encode"
            )
        found, counts = self.placed(samples, told), (len(samples), self.shape[0])
        joined = {place.mask for place in told} - {mask_of(self.inversion)}
        if found is not None and not joined:
            return self._unchanged(found, counts, store)
        changed = replace(self.inversion, noise=torch.empty(0), mixed=False)
        if len(samples) == len(self.digests) and not joined:
            return self._edited(changed, counts, told, store)
        part = changed.record
        lost = any(joined) or (part is not None and part.mask is not None)
        return Fit(replace(changed, record=None), Change.FRAMES_ADDED, counts, None, mask_lost=lost)

    def _edited(
        self, changed: Inversion, counts: tuple[int, int], told: Sequence[Place], store: Store
    ) -> "Fit":
        """As many frames of other values; in another order, where they tell of one."""
        frames, every = [int(place) for place in told], list(range(len(self.digests)))
        if changed.record is None or sorted(frames) != every or frames == every:
            return Fit(changed, Change.EDITED, counts, None)
        part = replace(changed, record=_record_of(changed.record, frames, store))
        return Fit(part, Change.EDITED, counts, frames, self.cut)

    def _unchanged(self, found: Placed, counts: tuple[int, int], store: Store) -> "Fit":
        whole, frames = self.inversion, found.frames
        change = Change.ROUNDED if found.rounded else Change.SLICED
        if frames == list(range(len(self.digests))):
            change = Change.NONE if len(frames) == self.shape[0] and not found.rounded else change
            part = whole
        elif whole.record is None:
            part = whole
        else:
            part = replace(whole, noise=whole.noise[frames], record=_record_of(whole.record, frames, store))
        if found.rounded:
            part = replace(part, noise=torch.empty(0))
        return Fit(part, change, counts, frames, self.cut, placed=found, unsure=self._unsure(found))

    def _unsure(self, found: Placed) -> bool:
        """Whether frames in hand may be others of equal noise, which have another record."""
        kept = self.inversion.record
        if kept is None or not found.others:
            return False
        # fresh noise is another at each place
        return kept.direct is not None or any(map(found.differ, (kept.source, *kept.outputs)))

    def clip_latent(self, latent: dict, clip: Tensor, frames: list[int] | None) -> dict:
        """The LATENT of a restyled clip, which says of its frames what the source's LATENT said.

        frames: as source_outside() has them.
        """
        made, frames = clip_latent(latent, clip), frames or []
        if frames and self.frame_numbers is not None:
            return {**made, places.KEY: [self.frame_numbers[i] for i in frames]}
        part = self.cut is not None or len(frames) < len(self.digests)
        if frames and part and len(set(frames)) == len(frames):
            return {**made, places.KEY: places.in_whole(self.cut, frames)}
        return made

    def source_outside(self, clip: Tensor, mask: Tensor | None, frames: list[int] | None) -> Tensor:
        """The clip with the source's own bits where the mask is 0: the sampler's scale and back costs a
        rounding.

        frames: which of the source's frames the clip has; None for as many, of changed noise.
        """
        if self.source is None or mask is None:
            return clip
        source = self.source if frames is None else self.source[frames]
        return torch.where(mask.expand_as(clip).to(clip.device) == 0, source.to(clip.device), clip)


@dataclass(frozen=True, eq=False)
class Fit:
    """A record's inversion for the samples in hand, and how those differ from the recorded noise.

    The inversion's own noise is empty where its bits are not the ones in hand. counts: frames in hand and in
    the record. frames: which of the record's these are, None where that is not known; cut: as the record's.
    mask_lost: whether the record, and a mask with it, had to be dropped. placed: the frames again, and what
    else they may be. unsure: whether that would be another record.
    """

    inversion: Inversion
    change: Change = Change.NONE
    counts: tuple[int, int] = (0, 0)
    frames: list[int] | None = None
    cut: tuple[int, ...] | None = None
    mask_lost: bool = False
    placed: Placed = field(default_factory=lambda: Placed([]))
    unsure: bool = False

    @property
    def remark(self) -> Told:
        """The change in words, "" where there is none."""
        text = in_words(self.change, self.counts, self.mask_lost, self.unsure, self.inversion.mixed)
        return Told(text, *in_brief(self.change, self.unsure))


def noise_latent(
    latent: dict, samples: Tensor, inversion: Inversion, facts: Facts, source: Tensor | None, like: Any = None
) -> dict:
    """A LATENT of noise with its record, in place of the clip's LATENT.

    samples: the noise in the VAE's scale. In the sampler's scale it is kept only where exactness needs its
    bits. source: the clip in the VAE's scale, if a mask promises it unchanged. like: the guider's likeness.
    """
    made = inversion.noise  # which a core SAMPLER's has not
    made = made if made.numel() else core.in_sampling_space(facts.latent_format, samples)
    noise = inversion.noise.to("cpu") if inversion.recorded else torch.empty(0)
    inversion = replace(inversion, noise=noise)
    digests, before = _digests(samples), clip_latent(latent, samples)
    kept = before.get(places.KEY)
    kept = tuple(kept) if isinstance(kept, list) and len(kept) == len(samples) else None
    carried = LatentRecord(
        inversion, facts, digests, tuple(samples.shape), source, kept, latents.strength(made), like
    )
    return {**before, places.KEY: places.marks(len(samples), mask_of(inversion)), KEY: carried}


def clip_latent(latent: dict, samples: Tensor) -> dict:
    """The LATENT with these samples, without record, noise mask and the places in a noise."""
    gone = {KEY, "noise_mask"} | ({places.KEY} if places.of_noise(latent) else set())
    others = {key: value for key, value in latent.items() if key not in gone}
    return {**others, "samples": samples}


def of_latent(latent: dict) -> LatentRecord | None:
    """The record that a LATENT carries, if any: another pack may have a key of that name."""
    kept = latent.get(KEY)
    return kept if isinstance(kept, LatentRecord) else None


def refuse_noise(latent: dict, samples: Tensor) -> None:
    """Raises: UnsamplingError for a LATENT that is unsampled noise already."""
    carried = of_latent(latent)
    if carried is not None and carried.placed(samples, places.of_latent(latent)) is not None:
        raise UnsamplingError(
            "latent_image is already unsampled noise; connect the VAE Encode of the source clip. Where two"
            " models share a schedule (Wan 2.2's high and low noise, SDXL and its refiner), connect both to"
            " Experts by Sigma, and its guider to one Exact Unsampler (Advanced)"
        )


def none_in(latent: dict) -> str:
    """Why of_latent() finds no record, as a sentence."""
    if KEY in latent:
        found = type(latent[KEY]).__name__
        return f"noise carries no record of an unsampling: its entry {KEY} is another pack's, a {found}"
    return (
        "noise carries no record of an unsampling: it is a plain latent, or lost its record in a node on the"
        " way"
    )


def digest(*tensors: Tensor) -> str:
    """A short name for the content of some tensors."""
    content = hashlib.blake2b(digest_size=8)
    for tensor in tensors:
        content.update(tensor.detach().to("cpu", torch.float32).contiguous().numpy().data)
    return content.hexdigest()


def mask_of(inversion: Inversion) -> str:
    mask = None if inversion.record is None else inversion.record.mask
    return "" if mask is None else digest(mask)


def _record_of(record: Record, frames: list[int], store: Store) -> Record:
    """The record of these frames."""
    source, *outputs = (_frames(x, frames, store) for x in (record.source, *record.outputs))
    mask = record.mask if record.mask is None or len(record.mask) == 1 else record.mask[frames]
    direct = None if record.direct is None else _direct_of(record.direct, frames, store)
    return replace(record, source=source, outputs=tuple(outputs), mask=mask, direct=direct)


def _direct_of(direct: Direct, frames: list[int], store: Store) -> Direct:
    """The answers for these frames, which keep the noise of their places."""
    cut = direct.each(lambda x: _frames(x, frames, store))
    return replace(cut, places=tuple(direct.places[i] for i in frames))


def _frames(x: Tensor, frames: list[int], store: Store) -> Tensor:
    """These frames of x: a view where they lie at equal distances, else a copy, put away."""
    step = _step_of(frames)
    return store(x[frames]) if step is None else x[frames[0] : frames[-1] + 1 : step]


def _step_of(frames: list[int]) -> int | None:
    """The distance of frames that lie at equal ones, forwards; None for others."""
    step = frames[1] - frames[0] if len(frames) > 1 else 1
    return step if step > 0 and frames == list(range(frames[0], frames[-1] + 1, step)) else None


def _digests(samples: Tensor) -> tuple[str, ...]:
    return tuple(digest(frame) for frame in samples)

"""The Inversion record inside a LATENT: one key, shared by copies of the dict, checked before it is
believed."""

import hashlib
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..unsampling import Inversion, UnsamplingError
from ..unsampling.change import Change, in_words
from ..unsampling.direct import Direct
from ..unsampling.schedules import check_falling
from ..unsampling.solvers.evaluation import Store, in_memory
from .facts import Facts

KEY = "unsampling"


@dataclass(frozen=True, eq=False)
class LatentRecord:
    """What a LATENT of noise carries: an Inversion, what it was made with, and digests of its frames.

    source: the clip in the VAE's scale, kept where a mask promises it unchanged.
    """

    inversion: Inversion
    facts: Facts
    digests: tuple[str, ...]
    shape: tuple[int, ...]
    source: Tensor | None

    def check(self, facts: Facts, sigmas: Tensor | None, solver: str) -> None:
        """Raises: UnsamplingError where model, windows, solver or schedule contradict the unsampling."""
        ours, theirs = self.facts, facts
        ours.family.check(theirs.family)
        if theirs.windows != ours.windows:
            raise UnsamplingError(
                f"model cuts the clip into other context windows than the Unsampler's did"
                f" ({theirs.windows or 'none'}, not {ours.windows or 'none'}); give both nodes the"
                " same context options and extras"
            )
        if solver not in ("auto", self.inversion.solver):
            raise UnsamplingError(
                f"solver is {solver}, but the noise was made with {self.inversion.solver};"
                " leave it on auto, and sampler as it was in the Unsampler"
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

    def frames_of(self, samples: Tensor) -> list[int] | None:
        """Which of the record's frames of noise these are, known by their digests; None unless all are
        unchanged frames of it."""
        if tuple(samples.shape[1:]) != self.shape[1:]:
            return None
        place = {name: i for i, name in reversed(list(enumerate(self.digests)))}
        names = _digests(samples)
        return [place[name] for name in names] if place.keys() >= set(names) else None

    def fitted(self, samples: Tensor, store: Store = in_memory) -> "Fit":
        """The inversion for these samples; a slice of the noise takes its slice of the record along.

        store: puts away what has to be copied for that, which frames at equal distances have not.
        Raises: UnsamplingError for another latent size.
        """
        if tuple(samples.shape[1:]) != self.shape[1:]:
            raise UnsamplingError(
                f"noise has shape {tuple(samples.shape)}, its record {self.shape}; do not"
                " resize or cut noise: do that to the clip before VAE Encode"
            )
        frames, counts = self.frames_of(samples), (len(samples), len(self.digests))
        if frames is not None:
            return self._unchanged(frames, counts, store)
        changed = replace(self.inversion, noise=torch.empty(0))
        if len(samples) == len(self.digests):
            return Fit(changed, Change.EDITED, counts, None)
        part = changed.record
        lost = part is not None and part.mask is not None
        return Fit(replace(changed, record=None), Change.FRAMES_ADDED, counts, None, mask_lost=lost)

    def _unchanged(self, frames: list[int], counts: tuple[int, int], store: Store) -> "Fit":
        # by digest, not by place: frames of equal noise stand for each other
        if [self.digests[i] for i in frames] == list(self.digests):
            return Fit(self.inversion, Change.NONE, counts, list(range(len(frames))))
        whole = self.inversion
        if whole.record is None:
            return Fit(whole, Change.SLICED, counts, frames)
        mask = None if whole.record.mask is None else whole.record.mask[frames]
        source, *outputs = (_frames(x, frames, store) for x in (whole.record.source, *whole.record.outputs))
        direct = None if whole.record.direct is None else _direct_of(whole.record.direct, frames, store)
        part = replace(whole.record, source=source, outputs=tuple(outputs), mask=mask, direct=direct)
        sliced = replace(whole, noise=whole.noise[frames], record=part)
        return Fit(sliced, Change.SLICED, counts, frames)

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
    the record. frames: which of the record's these are, None where they are not all unchanged frames of it.
    mask_lost: whether the record, and a mask with it, had to be dropped.
    """

    inversion: Inversion
    change: Change = Change.NONE
    counts: tuple[int, int] = (0, 0)
    frames: list[int] | None = None
    mask_lost: bool = False

    @property
    def remark(self) -> str:
        """The change in words, "" where there is none."""
        return in_words(self.change, self.counts, self.mask_lost)


def noise_latent(
    latent: dict, samples: Tensor, inversion: Inversion, facts: Facts, source: Tensor | None
) -> dict:
    """A LATENT of noise with its record, in place of the clip's LATENT.

    samples: the noise in the VAE's scale. In the sampler's scale it is kept only where exactness needs its
    bits. source: the clip in the VAE's scale, if a mask promises it unchanged.
    """
    noise = inversion.noise.to("cpu") if inversion.recorded else torch.empty(0)
    inversion = replace(inversion, noise=noise)
    carried = LatentRecord(inversion, facts, _digests(samples), tuple(samples.shape), source)
    return {**clip_latent(latent, samples), KEY: carried}


def clip_latent(latent: dict, samples: Tensor) -> dict:
    """The LATENT with these samples, without record and noise mask."""
    others = {key: value for key, value in latent.items() if key not in (KEY, "noise_mask")}
    return {**others, "samples": samples}


def of_latent(latent: dict) -> LatentRecord | None:
    """The record that a LATENT carries, if any."""
    return latent.get(KEY)


def digest(*tensors: Tensor) -> str:
    """A short name for the content of some tensors."""
    content = hashlib.blake2b(digest_size=8)
    for tensor in tensors:
        content.update(tensor.detach().to("cpu", torch.float32).contiguous().numpy().data)
    return content.hexdigest()


def _direct_of(direct: Direct, frames: list[int], store: Store) -> Direct:
    """The answers for these frames, which keep the noise of their places."""
    answers = tuple(_frames(x, frames, store) for x in direct.answers)
    return replace(direct, answers=answers, places=tuple(direct.places[i] for i in frames))


def _frames(x: Tensor, frames: list[int], store: Store) -> Tensor:
    """These frames of x: a view where they lie at equal distances, else a copy, put away."""
    distance = frames[1] - frames[0] if len(frames) > 1 else 1
    if distance > 0 and frames == list(range(frames[0], frames[-1] + 1, distance)):
        return x[frames[0] : frames[-1] + 1 : distance]
    return store(x[frames])


def _digests(samples: Tensor) -> tuple[str, ...]:
    return tuple(digest(frame) for frame in samples)

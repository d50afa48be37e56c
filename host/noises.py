"""Noise in the sampler's scale out of a LATENT, and back into one with its record."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..unsampling import Inversion, UnsamplingError, mix
from ..unsampling.solvers.evaluation import in_memory
from . import latents, places, record
from .packs import core
from .record import Fit, LatentRecord


@dataclass(frozen=True, eq=False)
class Noise:
    """A LATENT of noise.

    name: of the input. samples: in the VAE's scale. x: in the sampler's, with the record's own bits where it
    has them; as they came where nothing tells the scale. carried, fit: the record, and what of it fits.
    """

    name: str
    latent: dict
    samples: Tensor
    x: Tensor
    carried: LatentRecord | None
    fit: Fit

    @classmethod
    def of(cls, latent: dict, name: str) -> "Noise":
        """Raises: UnsamplingError for a LATENT that is no clip's, or of another size than its record."""
        samples, carried = latents.samples_of(latent, name), record.of_latent(latent)
        if carried is None:
            unknown = Inversion(torch.empty(0), torch.empty(0), "")
            return cls(name, latent, samples, samples, None, Fit(unknown))
        fit = carried.fitted(samples, in_memory, places.of_latent(latent))
        own = fit.inversion.noise
        x = own if own.numel() else core.in_sampling_space(carried.facts.latent_format, samples)
        return cls(name, latent, samples, x, carried, fit)

    @property
    def inversion(self) -> Inversion:
        return self.fit.inversion

    @property
    def sigma(self) -> float:
        """Where it stands. Raises: UnsamplingError where nothing tells."""
        if self.carried is None:
            raise UnsamplingError(
                f"{record.none_in(self.latent)}, so its expected strength is not known; connect the"
                " Exact Unsampler's output, or switch normalise off"
            )
        return float(self.inversion.sigmas[self.inversion.start])

    @property
    def still(self) -> Tensor:
        """What of it is no noise: what is still there of the clip, or its tone where that is not known."""
        past = self.inversion.record
        if self.carried is None or past is None or past.source.shape != self.x.shape:
            return mix.tone(self.x)
        return mix.faded(past.source.to(self.x), self.sigma, self.carried.facts.flow)

    @property
    def places(self) -> list[int]:
        """Of its frames in the clip (of the clips in 5-D)."""
        return places.in_whole(self.fit.cut, self.fit.frames or []) or list(range(len(self.samples)))

    @property
    def loses_path(self) -> bool:
        """Whether its answers for a direct path can be left out: steps are counted from where the unsampling
        began, which is at the path's top."""
        return self.inversion.direct_steps > 0 and self.inversion.start == 0

    def check_made_like(self, other: "Noise") -> None:
        """Raises: UnsamplingError where the other one is noise of another model or another sigma."""
        if other.carried is None or self.carried is None:
            if other.carried is not self.carried:
                without = self if self.carried is None else other
                raise UnsamplingError(
                    f"{record.none_in(without.latent).replace('noise', without.name, 1)}; connect two outputs"
                    " of the Exact Unsampler"
                )
            return
        found = self.carried.facts.family.differs(other.carried.facts.family)
        if found is None and other.sigma != self.sigma:
            found = "last sigma", f"{self.sigma:.6g}", f"{other.sigma:.6g}"
        if found is not None:
            name, ours, theirs = found
            raise UnsamplingError(
                f"other was unsampled with another {name.replace('_', ' ')} than noise ({theirs}, not"
                f" {ours}); unsample both clips with one model, schedule and end"
            )

    def strength(self, x: Tensor) -> float:
        """How strong x is in the mean of its frames, over what is expected where this noise stands."""
        return mix.strength(x, self.still, self.sigma)

    def with_x(self, x: Tensor, words: str, two_clips: bool) -> dict:
        """The LATENT with that noise in its place, and with its record, where it has a fitting one.

        words: what was done. two_clips: it stands for two clips now, and a direct path would start from one.
        """
        if self.carried is None:
            return {**self.latent, "samples": _merged(self.samples, self.x, x, x)}
        samples = core.in_vae_scale(self.carried.facts.latent_format, x)
        samples = _merged(self.samples, self.x, x, samples)
        if not self.fit.change.keeps_values:
            return {**self.latent, "samples": samples}
        inversion = self._made_over(x, words, two_clips)
        marks = places.marks(len(samples), record.mask_of(inversion))
        return {**self.latent, "samples": samples, places.KEY: marks} | {
            record.KEY: self._record(self.carried, inversion, samples, x)
        }

    def _made_over(self, x: Tensor, words: str, two_clips: bool) -> Inversion:
        past, before = self.inversion.record, self.inversion.info.get(mix.TOLD)
        if past is not None and two_clips and self.loses_path:
            past = replace(past, direct=None)
        info = {**self.inversion.info, mix.TOLD: f"{before}, then {words}" if before else words}
        noise = x.to("cpu") if past is not None else torch.empty(0)
        return replace(self.inversion, noise=noise, record=past, info=info, mixed=True)

    def _record(
        self, carried: LatentRecord, inversion: Inversion, samples: Tensor, x: Tensor
    ) -> LatentRecord:
        """The record of these frames, which are those in hand."""
        source, index, at = carried.source, carried.frame_numbers, self.fit.frames or range(len(samples))
        return replace(
            carried,
            inversion=inversion,
            digests=tuple(map(record.digest, samples)),
            source=None if source is None else source[list(at)],
            frame_numbers=None if index is None else tuple(index[i] for i in at),
            cut=None if self.fit.cut is None and len(samples) == carried.shape[0] else tuple(self.places),
            strength=latents.strength(x),
            likeness=None,  # no pass asks what this noise's unsampling asked
        )


def _merged(samples: Tensor, before: Tensor, after: Tensor, made: Tensor) -> Tensor:
    """What was made of the samples, but their own bits in the frames that are as they were."""
    axes = [1, 2, 3] if samples.ndim == 4 else [1, 3, 4]
    return torch.where((before == after).all(axes, keepdim=True), samples, made)

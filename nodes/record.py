"""The Inversion record inside a LATENT: one key, shared by copies of the dict, checked before it is
believed."""

import hashlib
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from ..unsampling import Inversion, UnsamplingError
from ..unsampling.schedules import check_falling

KEY = "unsampling"


@dataclass(frozen=True)
class Family:
    """What two models must share for noise of one to mean anything to the other."""

    model: str
    latent_format: str
    sampling: str
    sigma_table: str

    def check(self, other: "Family") -> None:
        """Raises: UnsamplingError naming the first difference between the noise's model and the `other`
        one."""
        cures = {"model": "use the checkpoint family that the noise was made with",
                 "latent_format": "use the VAE and checkpoint family that the noise was made with",
                 "sampling": "use the same model sampling settings in both passes",
                 "sigma_table": "use the same beta schedule (Use Evolved Sampling) and motion model in"
                                 " both passes"}
        for name in (field.name for field in fields(self)):
            ours, theirs = getattr(self, name), getattr(other, name)
            if ours != theirs:
                raise UnsamplingError(f"model differs from the one the noise was unsampled with: {name}"
                                      f" {theirs}, not {ours}; {cures[name]}")


@dataclass(frozen=True, eq=False)
class Record:
    """An Inversion, what it was made with, and a digest of the noise that it belongs to."""

    inversion: Inversion
    family: Family
    cfg: float
    digest: str
    shape: tuple[int, ...]

    def matched(self, samples: Tensor, family: Family, sigmas: Tensor | None,
                solver: str) -> tuple[Inversion, str]:
        """What to resample and a remark for the user, once noise, model and settings are known to fit.

        The inversion's own noise is empty where it cannot be used: the noise in hand is to be taken.
        """
        if tuple(samples.shape) != self.shape:
            raise UnsamplingError(f"noise has shape {tuple(samples.shape)}, its record {self.shape}; connect"
                                  " the Unsampler's output without resizing, slicing or batching")
        self.family.check(family)
        if solver not in ("auto", self.inversion.solver):
            raise UnsamplingError(f"solver is {solver}, but the noise was made with {self.inversion.solver};"
                                  " leave it on auto")
        if sigmas is not None:
            self._check_schedule(check_falling(sigmas))
        if _digest(samples) == self.digest:
            return self.inversion, ""
        return replace(self.inversion, noise=torch.empty(0)), "; the noise was changed since: not exact"

    def _check_schedule(self, sigmas: Tensor) -> None:
        ours = self.inversion.sigmas
        if torch.equal(sigmas, ours) or torch.equal(sigmas, ours[self.inversion.start:]):
            return
        raise UnsamplingError(f"sigmas ({len(sigmas) - 1} steps from {sigmas[0]:.4g}) differ from those the"
                              f" noise was made with ({len(ours) - 1} steps from {ours[0]:.4g}); disconnect"
                              " sigmas: the noise brings its own")


def noise_latent(latent: dict, samples: Tensor, inversion: Inversion, family: Family, cfg: float) -> dict:
    """A LATENT of noise with its record, in place of the clip's LATENT.

    samples: the noise in the VAE's scale. The noise in the sampler's scale is kept only where exactness needs
    its bits.
    """
    noise = inversion.noise.to("cpu") if inversion.recorded else torch.empty(0)
    kept = replace(inversion, noise=noise)
    record = Record(kept, family, float(cfg), _digest(samples), tuple(samples.shape))
    return {**clip_latent(latent, samples), KEY: record}


def clip_latent(latent: dict, samples: Tensor) -> dict:
    """The LATENT with these samples, without record and noise mask."""
    kept = {key: value for key, value in latent.items() if key not in (KEY, "noise_mask")}
    return {**kept, "samples": samples}


def of_latent(latent: dict) -> Record | None:
    """The record that a LATENT carries, if any."""
    return latent.get(KEY)


def _digest(samples: Tensor) -> str:
    data = samples.detach().to("cpu", torch.float32).contiguous().numpy()
    return hashlib.blake2b(data, digest_size=16).hexdigest()

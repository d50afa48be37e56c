"""What a LATENT must be before the model is called. Pure tensors; each refusal is one sentence with the
cure."""

import torch
from torch import Tensor

from ..unsampling import Inversion, UnsamplingError, solvers
from ..unsampling.checks import check_latent
from ..unsampling.schedules import check_falling
from .packs import core


def clip(latent: dict, channels: int, name: str) -> Tensor:
    """The samples of a LATENT, known to be finite, not empty and of the model's number of channels.

    Raises: UnsamplingError naming the input and what to connect instead.
    """
    samples = latent["samples"]
    if samples.is_nested:
        raise UnsamplingError(
            f"{name} packs several latents in one (video with audio); connect the video's alone"
        )
    samples = check_latent(samples, name)
    if torch.count_nonzero(samples) == 0:
        raise UnsamplingError(
            f"{name} is empty (all zeros, as Empty Latent Image makes it); connect a VAE Encode of your video"
        )
    if samples.shape[1] != channels:
        raise UnsamplingError(
            f"{name} has {samples.shape[1]} channels, the model works on {channels}; use"
            " the VAE and the model of one family"
        )
    return samples


def schedule_from_elsewhere(sigmas: Tensor | None) -> Tensor:
    """The falling schedule for noise that did not come from the Unsampler.

    Raises: UnsamplingError if none is connected, or if it does not fall.
    """
    if sigmas is None:
        raise UnsamplingError(
            "noise carries no record of an unsampling: it is a plain latent, or lost its"
            " record in a node on the way; connect the Unsampler's output, or, for noise"
            " made elsewhere, also sigmas"
        )
    return check_falling(sigmas)


def noise_from_elsewhere(x: Tensor, sigmas: Tensor, solver: str) -> Inversion:
    """An inversion without record for noise that did not come from the Unsampler.

    x: the noise in sampling space. sigmas: its falling schedule.
    Raises: UnsamplingError if x is too weak to be noise of the schedule's first sigma.
    """
    strong_enough(x, sigmas)
    return Inversion(torch.empty(0), sigmas, solvers.DEFAULT if solver == "auto" else solver)


def strange_strength(noise: float, source: float, sigma: float, flow: bool) -> str:
    """A remark if the noise of a pass is far too weak or too strong; noise, source: their variances in
    sampling space.

    What a MODEL does at cfg 1 may be no denoising at all: some patches take the negative that is not asked
    there for zeros.
    """
    signal = 1 - sigma if flow else 1.0
    ratio = (noise / (signal**2 * source + sigma**2)) ** 0.5
    if 0.5 < ratio < 2:
        return ""
    return f", but the noise has {ratio:.2g} times the strength it should have: Inversion Report tells more"


def strong_enough(x: Tensor, sigmas: Tensor) -> None:
    """Raises: UnsamplingError if x, in sampling space, is too weak to be noise of the first of these
    sigmas."""
    std = float(x.std())
    if std < 0.4 * sigmas[0]:
        raise UnsamplingError(
            f"noise is not noise of this schedule: its std is {std:.3g} where sigmas"
            f" starts at {sigmas[0]:.4g}; connect unsampled noise, not an image, or the"
            " sigmas it was made with"
        )


def variance(latent_format, samples: Tensor) -> float:
    """Of a LATENT's samples in sampling space, the mean of its entries' (frames, or whole clips in 5-D)."""
    entries = (core.in_sampling_space(latent_format, entry[None]) for entry in samples)
    return sum(float(entry.var(correction=0)) for entry in entries) / len(samples)

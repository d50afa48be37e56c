"""What a LATENT must be before the model is called. Pure tensors; each refusal is one sentence with the
cure."""

from math import hypot
from typing import Any

import torch
from torch import Tensor

from ..unsampling import Inversion, UnsamplingError, solvers
from ..unsampling.checks import check_latent
from ..unsampling.schedules import check_falling
from .packs import core
from .told import Told

# How much weaker and stronger than it was made noise may be; what another sampler made at a high cfg is
# stronger by itself. SOURCE: the largest std of a clip in sampling space that is to be expected.
WEAK, STRONG, STRONG_ELSEWHERE, SOURCE = 0.4, 2.5, 5.0, 4.0


def samples_of(latent: dict, name: str) -> Tensor:
    """The samples of a LATENT, in float32 at least and finite.

    Raises: UnsamplingError naming the input and what to connect instead.
    """
    samples = one_of(latent, name)
    if not isinstance(samples, Tensor) or samples.layout is not torch.strided or samples.is_complex():
        raise UnsamplingError(
            f"{name} has samples that are {described(samples)}, not plain numbers; connect a VAE Encode, or"
            " the node before the one that made that of them"
        )
    return check_latent(samples, name)


def one_of(latent: dict, name: str) -> Any:
    """What a LATENT has as its samples. Raises: UnsamplingError where those are several latents."""
    samples = latent.get("samples")
    if getattr(samples, "is_nested", False):
        raise UnsamplingError(
            f"{name} packs several latents in one (video with audio); connect the video's alone"
        )
    return samples


def clip(latent: dict, channels: int, name: str, video: bool | None = None) -> Tensor:
    """The samples of a LATENT, known to be finite, not empty and what the model works on.

    channels: of the model's latents. video: whether those have a time axis, if that is known.
    Raises: UnsamplingError naming the input and what to connect instead.
    """
    samples = samples_of(latent, name)
    if torch.count_nonzero(samples) == 0:
        raise UnsamplingError(
            f"{name} is empty (all zeros, as Empty Latent Image makes it); connect a VAE Encode of your video"
        )
    if samples.shape[1] != channels:
        raise UnsamplingError(
            f"{name} has {samples.shape[1]} channels, the model works on {channels}; use"
            " the VAE and the model of one family"
        )
    if video is False and samples.ndim == 5:
        raise UnsamplingError(
            f"{name} is a video model's latent, of shape {tuple(samples.shape)}, and the model works on"
            " (frames, channels, height, width); use the VAE and the model of one family"
        )
    return samples


def described(thing) -> str:
    """A thing that is no tensor of numbers, in words."""
    if thing is None:
        return "missing"
    if not isinstance(thing, Tensor):
        return f"a {type(thing).__name__}"
    kind = "" if thing.layout is torch.strided else f"{str(thing.layout).removeprefix('torch.')} "
    return f"a {kind}tensor of {str(thing.dtype).removeprefix('torch.')} and shape {tuple(thing.shape)}"


def schedule_from_elsewhere(sigmas: Tensor | None, no_record: str) -> Tensor:
    """The falling schedule for noise that did not come from the Exact Unsampler.

    no_record: why it has no record, as a sentence. Raises: UnsamplingError if no schedule is connected, or if
    it does not fall.
    """
    if sigmas is None:
        raise UnsamplingError(
            f"{no_record}; connect the Exact Unsampler's output, or, for noise made elsewhere, also sigmas"
        )
    return check_falling(sigmas)


def noise_from_elsewhere(x: Tensor, sigmas: Tensor, solver: str, flow: bool = False) -> Inversion:
    """An inversion without record for noise that did not come from the Exact Unsampler.

    x: the noise in sampling space. sigmas: its falling schedule. flow: as check_strength() has it.
    Raises: UnsamplingError if x is too weak or too strong to be noise of the schedule's first sigma.
    """
    check_strength(x, sigmas, flow=flow)
    return elsewhere(sigmas, solver)


def elsewhere(sigmas: Tensor, solver: str) -> Inversion:
    """What is known of how noise from elsewhere was made."""
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
    text = f", but the noise has {ratio:.2g} times the strength it should have: Inversion Report tells more"
    return Told(text, f"noise too {'weak' if ratio < 1 else 'strong'} ({ratio:.2g}): see Inversion Report")


def check_strength(x: Tensor, sigmas: Tensor, made: float | None = None, flow: bool = False) -> None:
    """x: noise in sampling space. made: the strength() that it was made with, if that is known. flow:
    whether the clip fades as the noise rises.

    Raises: UnsamplingError if x is too weak or too strong to be noise of the first of these sigmas.
    """
    std, most, sigma = float(x.std()), strength(x), float(sigmas[0])
    weak = WEAK * (sigma if made is None else min(sigma, made))
    source = SOURCE * (1 - min(sigma, 1.0)) if flow else SOURCE
    strong = STRONG_ELSEWHERE * hypot(sigma, source) if made is None else STRONG * made
    if std < weak:
        raise UnsamplingError(
            f"noise is not noise of this schedule: its std is {std:.3g} where sigmas"
            f" starts at {sigma:.4g}; connect unsampled noise, not an image, or the"
            " sigmas it was made with"
        )
    if most > strong:
        before = "" if made is None else f", and the Exact Unsampler made {made:.3g}"
        raise UnsamplingError(
            f"noise is too strong for this schedule: its std is {most:.3g} where sigmas starts"
            f" at {sigma:.4g}{before}; connect it as it was made, without a node that multiplies it, or the"
            " sigmas it was made with"
        )


def strength(x: Tensor) -> float:
    """The std of the strongest frame."""
    along = [i for i in range(x.ndim) if i != (0 if x.ndim == 4 else 2)]
    return float(x.std(along, correction=0).max())


def variance(latent_format, samples: Tensor) -> float:
    """Of a LATENT's samples in sampling space, the mean of its entries' (frames, or whole clips in 5-D)."""
    entries = (core.in_sampling_space(latent_format, entry[None]) for entry in samples)
    return sum(float(entry.var(correction=0)) for entry in entries) / len(samples)

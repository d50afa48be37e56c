"""The plain solvers as short straight-line code, with nothing of the engine in it.

euler and dpmpp_2m are k-diffusion's sample_euler and sample_dpmpp_2m, the same float32 operations in the
same order, so that results agree bit for bit. The others are references for results, not for bits.
"""

import math
from itertools import pairwise

import torch
from analytic_denoisers import Denoise
from torch import Tensor


def euler(denoise: Denoise, x: Tensor, sigmas: Tensor) -> Tensor:
    """Along any list of sigmas above 0, the last excepted, falling or rising."""
    for i in range(len(sigmas) - 1):
        d = (x - denoise(x, float(sigmas[i]), i)) / sigmas[i]
        x = x + d * (sigmas[i + 1] - sigmas[i])
    return x


def dpmpp_2m(denoise: Denoise, x: Tensor, sigmas: Tensor) -> Tensor:
    """Along any list of sigmas above 0, the last excepted, falling or rising."""
    times, old = sigmas.log().neg(), None
    for i in range(len(sigmas) - 1):
        denoised = denoise(x, float(sigmas[i]), i)
        h = times[i + 1] - times[i]
        used = denoised
        if old is not None and sigmas[i + 1] != 0:
            r = (times[i] - times[i - 1]) / h
            used = (1 + 1 / (2 * r)) * denoised - (1 / (2 * r)) * old
        x = (times[i + 1].neg().exp() / times[i].neg().exp()) * x - (-h).expm1() * used
        old = denoised
    return x


def midpoint_up(denoise: Denoise, x: Tensor, sigmas: list[float]) -> Tensor:
    """FireFlow's step from the last of the falling sigmas to the first; from 0, with a higher point."""
    n = len(sigmas) - 1

    def eps(x: Tensor, sigma: float, step: int) -> Tensor:
        return (x - denoise(x, sigma, step)) / sigma

    v = eps(x, sigmas[n] or sigmas[n - 1] / 2, n - 1)
    for i in reversed(range(n)):
        high, low = sigmas[i], sigmas[i + 1]
        at = (high + low) / 2 if low else high * (0.6 if high <= 0.15 else 0.75)
        v = eps(x + (at - low) * v, at, i)
        x = x + (high - low) * v
    return x


def midpoint_down(denoise: Denoise, x: Tensor, sigmas: list[float]) -> Tensor:
    """FireFlow's step from the first of the falling sigmas to the last; to 0, with a higher point."""
    v = (x - denoise(x, sigmas[0], 0)) / sigmas[0]
    for i in range(len(sigmas) - 1):
        high, low = sigmas[i], sigmas[i + 1]
        at = (high + low) / 2 if low else high * (0.6 if high <= 0.15 else 0.75)
        y = x - (high - at) * v
        v = (y - denoise(y, at, i)) / at
        x = x - (high - low) * v
    return x


def flipped_euler(denoise: Denoise, x: Tensor, sigmas: Tensor) -> Tensor:
    """What core's FlipSigmas with euler, and then euler, do to a clip: they start at 0.0001 instead of 0."""
    rising = sigmas.flip(0)
    rising[0] = rising[0] or 0.0001
    return euler(denoise, euler(denoise, x, rising), sigmas)


def true_path(denoise: Denoise, x: Tensor, start: float, end: float, steps: int = 150) -> Tensor:
    """The sampling ODE itself, from sigma to sigma in float64: Runge-Kutta of order 4 on a fine log grid."""
    fine = torch.linspace(math.log(start), math.log(end), steps + 1, dtype=torch.float64).exp().tolist()

    def slope(x: Tensor, sigma: float) -> Tensor:
        return (x - denoise(x, sigma, 0)) / sigma

    x = x.double()
    for here, there in pairwise(fine):
        h, middle = there - here, (here + there) / 2
        k1 = slope(x, here)
        k2 = slope(x + h / 2 * k1, middle)
        k3 = slope(x + h / 2 * k2, middle)
        k4 = slope(x + h * k3, there)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return x


def direct_path(source, target, x0, sigmas, noise, flow=False):
    """FlowEdit's algorithm 1 (Kulikov et al. 2024), from the top of the schedule one noise a step:
    z_src = (1 - t) x0 + t n in a flow model, x0 + sigma n otherwise; the velocities' difference moves z."""
    z = x0
    for i, n in enumerate(noise):
        here, there = float(sigmas[i]), float(sigmas[i + 1])
        z_source = (1 - here) * x0 + here * n if flow else x0 + here * n
        z_target = z + z_source - x0
        v_source = (z_source - source(z_source, here, i)) / here
        v_target = (z_target - target(z_target, here, i)) / here
        z = z + (there - here) * (v_target - v_source)
    return z


def direct_path_from_noise_alone(source, target, x0, sigmas, noise, gain, first=0, flow=False):
    """The same from step `first`, but the edit begins with what the texts say of the top's noise alone, and
    with the tone that the model gives back; less of both the lower it begins, and the more a frame shows."""
    top, whole = float(sigmas[0]), noise[0] * float(sigmas[0])
    bare = [(model(whole, top, 0) + model(-whole, top, 0)) / 2 for model in (target, source)]
    pattern = gain * (bare[0] - bare[1])
    pattern = pattern - pattern.mean((-2, -1), keepdim=True)
    seen = (1 - top if flow else 1.0) * x0 + whole

    def told(tone):
        return (target(seen + pattern + tone, top, 0) - source(seen, top, 0)).mean((-2, -1), keepdim=True)

    one = told(0.0)
    two = told(one)
    share = (((two - one) * one).sum(1, True) / one.square().sum(1, True)).clamp(0, 0.8)
    height, width = x0.shape[-2:]
    along = [torch.fft.fftfreq(size, 1 / size) for size in (height, width)]
    gain = 1 / (1 + (torch.hypot(along[0][:, None], along[1]) / 4) ** 6)
    low = torch.fft.ifft2(torch.fft.fft2((1 - top if flow else 1.0) * x0) * gain).real
    of_clip, of_noise = low.square().mean((1, -2, -1), keepdim=True), top**2 * gain.square().mean()
    edit = (pattern + one / (1 - share)) * of_noise / (of_noise + of_clip) * float(sigmas[first]) / top
    for i in range(first, len(noise)):
        here, there = float(sigmas[i]), float(sigmas[i + 1])
        x = (1 - here if flow else 1.0) * x0 + here * noise[i]
        difference = target(x + edit, here, i) - source(x, here, i)
        edit = edit + (difference - edit) * (1 - there / here)
    return x0 + edit

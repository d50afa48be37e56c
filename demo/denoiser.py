"""A denoiser whose answer is known exactly: the posterior mean under a Gaussian mixture of colours.

A pixel x0 is drawn from component k with probability w_k and is Gaussian with mean m_k and covariance C_k
there. Seen through noise, x = x0 + sigma * eps, component k is Gaussian with covariance
S_k = C_k + sigma^2 I, so that

    E[x0 | x] = sum_k r_k(x) (m_k + C_k S_k^-1 (x - m_k)),   r_k(x) proportional to w_k N(x; m_k, S_k).

Weights may differ from place to place, which is how a mixture prints a screen of dots or lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import log, pi

import torch
from torch import Tensor

Denoise = Callable[[Tensor, float, int], Tensor]
CHUNK = 16_384  # pixels at a time, so that what is between x and the answer stays in the processor's cache


@dataclass(frozen=True, eq=False)
class Mixture:
    """Gaussians over colour. log_weights: [K,height,width] or [K,1,1]; means: [K,3]; covariances: [K,3,3]."""

    log_weights: Tensor
    means: Tensor
    covariances: Tensor

    def denoise(self, x: Tensor, sigma: float, step: int = 0) -> Tensor:
        """E[x0 | x] for x [frames,3,height,width]; the engine's denoiser signature."""
        quadratic, affine = _coefficients(self, sigma, x.dtype)
        mean = torch.empty_like(x)
        for part, into, weights in self._chunks(x, mean):
            share = torch.softmax(torch.addmm(weights, quadratic, _features(part)), 0)
            offset, *gains = (affine @ share).view(4, 3, -1)
            for gain, channel in zip(gains, part, strict=True):
                offset.addcmul_(gain, channel)
            into.copy_(offset.view_as(into))
        return mean

    def log_density(self, x: Tensor, sigma: float) -> Tensor:
        """log p(x) of each pixel at that noise level, [frames,height,width]."""
        quadratic, _ = _coefficients(self, sigma, x.dtype)
        weights = self.log_weights.to(x).flatten(1)
        frames = [torch.logsumexp(quadratic @ _features(frame.flatten(1)) + weights, 0) for frame in x]
        return torch.stack(frames).view_as(x[:, 0])

    def _chunks(self, x: Tensor, out: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Rows of each frame [3,pixels], where their answer goes, and the log weights there."""
        rows = max(1, CHUNK // x.shape[-1])
        weights = self.log_weights.to(x)
        for frame, into in zip(x, out, strict=True):
            for top in range(0, x.shape[-2], rows):
                here = slice(top, top + rows)
                local = weights[:, here] if weights.shape[1] > 1 else weights
                yield frame[:, here].flatten(1), into[:, here], local.flatten(1)


def union(mixtures: Sequence[Mixture]) -> Mixture:
    """The mixture of mixtures, each equally likely: what a model knows without a prompt."""
    places = torch.broadcast_shapes(*(m.log_weights.shape[1:] for m in mixtures))
    weights = [m.log_weights.expand(-1, *places) - log(len(mixtures)) for m in mixtures]
    return Mixture(torch.cat(weights), torch.cat([m.means for m in mixtures]),
                   torch.cat([m.covariances for m in mixtures]))


def guided(condition: Mixture, unconditional: Mixture, cfg: float) -> Denoise:
    """Classifier-free guidance: the two answers mixed, one call at cfg 1."""
    if cfg == 1.0:
        return condition.denoise

    def denoise(x: Tensor, sigma: float, step: int) -> Tensor:
        plain = unconditional.denoise(x, sigma, step)
        return plain + cfg * (condition.denoise(x, sigma, step) - plain)

    return denoise


def fit(colours: Tensor, count: int, rounds: int = 12, floor: float = 0.02) -> Mixture:
    """The mixture of `count` Gaussians that k-means and then EM find in colours [N,3]; deterministic."""
    nearest = _nearest(colours, _k_means(colours, count, rounds))
    share = torch.nn.functional.one_hot(nearest, count).to(colours)
    for _ in range(rounds):
        mixture = _moments(colours, share, floor)
        quadratic, _ = _coefficients(mixture, 0.0, colours.dtype)
        logits = torch.addmm(mixture.log_weights.flatten(1), quadratic, _features(colours.T))
        share = torch.softmax(logits, 0).T
    return _moments(colours, share, floor)


def _k_means(colours: Tensor, count: int, rounds: int) -> Tensor:
    """Centres [count,3], started from the colours furthest from each other."""
    centres = colours[colours.sum(1).argmin()][None]
    while len(centres) < count:
        distance = torch.cdist(colours, centres).amin(1)
        centres = torch.cat([centres, colours[distance.argmax()][None]])
    for _ in range(rounds):
        near = _nearest(colours, centres)
        sums = torch.zeros_like(centres).index_add_(0, near, colours)
        sizes = torch.bincount(near, minlength=count)[:, None]
        centres = torch.where(sizes > 0, sums / sizes.clamp(min=1), centres)
    return centres


def _nearest(colours: Tensor, centres: Tensor) -> Tensor:
    return torch.cdist(colours, centres).argmin(1)


def _moments(colours: Tensor, share: Tensor, floor: float) -> Mixture:
    """The M step: weight, mean and covariance of each component's share; floor is the least spread."""
    total = share.sum(0).clamp(min=1e-3)
    means = share.T @ colours / total[:, None]
    second = torch.einsum("nk,ni,nj->kij", share, colours, colours) / total[:, None, None]
    covariances = second - means[:, :, None] * means[:, None, :]
    covariances += floor**2 * torch.eye(3).to(colours)
    return Mixture((total / total.sum()).log()[:, None, None], means, covariances)


def _features(x: Tensor) -> Tensor:
    """[10,N] of colours [3,N]: 1, the colour and its products, in which every log N(x; m, S) is linear."""
    return torch.cat([torch.ones_like(x[:1]), x, x[:1] * x, x[1:2] * x[1:], x[2:] * x[2:]])


def _coefficients(mixture: Mixture, sigma: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """log N(x; m_k, C_k + sigma^2 I) over _features, [K,10], and E[x0 | x, k] over (1, x), [12,K]."""
    means, covariances = mixture.means.double(), mixture.covariances.double()
    spread = covariances + sigma**2 * torch.eye(3, dtype=torch.float64)
    inverse = torch.linalg.inv(spread)
    slope = torch.einsum("kij,kj->ki", inverse, means)
    constant = -0.5 * ((means * slope).sum(1) + torch.logdet(spread) + 3 * log(2 * pi))
    row, column = torch.triu_indices(3, 3)
    twice = torch.where(row == column, 1.0, 2.0)
    quadratic = torch.cat([constant[:, None], slope, -0.5 * twice * inverse[:, row, column]], 1)
    gain = covariances @ inverse
    offset = means - torch.einsum("kij,kj->ki", gain, means)
    affine = torch.cat([offset[:, None], gain.transpose(1, 2)], 1).reshape(len(means), 12).T
    return quadratic.to(dtype), affine.to(dtype)

"""The mixtures host tests sample from, and an independent way to the truth: Tweedie's formula by autograd."""

from __future__ import annotations

import torch
from support_nodes.mixture import Mixture
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

SCALE = 0.18215  # of SD1.5's latents: sampling space = VAE space * SCALE
NEGATIVE, POSITIVE, OTHER = 0.0, 1.0, 2.0  # the condition values of every mixture here
SHAPE = (4, 8, 8)


def textures(joint: bool = False, components: int = 3, std: float = 0.25, seed: int = 1) -> Mixture:
    """Three conditions, each with its own means everywhere; joint picks one component for a whole frame."""
    generator = torch.Generator().manual_seed(seed)
    means = torch.randn(3, components, *SHAPE, generator=generator)
    weights = torch.log_softmax(torch.randn(3, components, generator=generator), dim=1)
    values = torch.tensor([NEGATIVE, POSITIVE, OTHER])
    return Mixture(values, means, torch.full((3, components), std), weights, joint)


def tweedie(mixture: Mixture, x: Tensor, sigma: float, value: float, signal: float = 1.0) -> Tensor:
    """E[x0 | x] = (x + sigma**2 * d log p(x) / dx) / signal, from torch's own densities in float64."""
    which = mixture.index(value)
    means = signal * mixture.means[which].double().expand(-1, *x.shape[1:]).movedim(0, -1)
    stds = (signal**2 * mixture.stds[which].double() ** 2 + sigma**2).sqrt()
    weights = Categorical(logits=mixture.log_weights[which].double())
    if mixture.joint:
        frames = Normal(means.movedim(-1, 0), stds.reshape(-1, 1, 1, 1))
        density = MixtureSameFamily(weights, Independent(frames, 3))
    else:
        everywhere = Categorical(logits=weights.logits.expand(means.shape))
        density = MixtureSameFamily(everywhere, Normal(means, stds))
    x = x.detach().double().requires_grad_()
    (score,) = torch.autograd.grad(density.log_prob(x).sum(), x)
    return (x.detach() + sigma**2 * score) / signal


def relative(a: Tensor, b: Tensor) -> float:
    """|a - b| / |b|."""
    return float((a.double() - b.double()).norm() / b.double().norm())

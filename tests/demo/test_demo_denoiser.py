"""The demo's denoiser gives the posterior mean exactly: against Tweedie's formula, and against plain sums."""
from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import MultivariateNormal

import demo.denoiser
from demo.denoiser import Mixture, fit, guided, union

SIGMAS = st.floats(0.01, 80.0)


@st.composite
def mixtures(draw, height: int = 5, width: int = 4) -> Mixture:
    """Any mixture: 1 to 6 components, from almost flat to wide, with weights that are or are not local."""
    count = draw(st.integers(1, 6))
    make = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    spread = draw(st.sampled_from([0.02, 0.3, 2.0]))
    root = spread * torch.randn(count, 3, 3, generator=make, dtype=torch.float64)
    places = (height, width) if draw(st.booleans()) else (1, 1)
    weights = torch.randn(count, *places, generator=make, dtype=torch.float64).log_softmax(0)
    covariances = root @ root.mT + (0.1 * spread) ** 2 * torch.eye(3)
    return Mixture(weights, torch.randn(count, 3, generator=make, dtype=torch.float64), covariances)


def noisy(sigma: float, seed: int = 0, height: int = 5, width: int = 4) -> Tensor:
    make = torch.Generator().manual_seed(seed)
    clean, noise = torch.randn(2, 3, 3, height, width, generator=make, dtype=torch.float64)
    return clean + sigma * noise


def by_hand(mixture: Mixture, x: Tensor, sigma: float) -> Tensor:
    """The posterior mean of each pixel, one pixel and one component at a time."""
    mean = torch.zeros_like(x)
    weights = mixture.log_weights.expand(-1, *x.shape[2:])
    for f, i, j in torch.cartesian_prod(*(torch.arange(n) for n in (x.shape[0], *x.shape[2:]))).tolist():
        pixel = x[f, :, i, j]
        logits, means = [], []
        for k, (m, c) in enumerate(zip(mixture.means, mixture.covariances, strict=True)):
            seen = c + sigma**2 * torch.eye(3, dtype=torch.float64)
            logits.append(weights[k, i, j] + MultivariateNormal(m, seen).log_prob(pixel))
            means.append(m + c @ torch.linalg.solve(seen, pixel - m))
        mean[f, :, i, j] = torch.softmax(torch.stack(logits), 0) @ torch.stack(means)
    return mean


@settings(max_examples=40, deadline=None)
@given(mixture=mixtures(), sigma=SIGMAS, seed=st.integers(0, 99))
def test_tweedie(mixture, sigma, seed):
    x = noisy(sigma, seed).requires_grad_()
    score, = torch.autograd.grad(mixture.log_density(x, sigma).sum(), x)
    expected = x.detach() + sigma**2 * score
    answer = mixture.denoise(x.detach(), sigma)
    torch.testing.assert_close(answer, expected, rtol=1e-6, atol=1e-6 * max(1.0, sigma))


@settings(max_examples=10, deadline=None)
@given(mixture=mixtures(), sigma=SIGMAS, seed=st.integers(0, 99))
def test_plain_sums(mixture, sigma, seed):
    x = noisy(sigma, seed)[:1]
    torch.testing.assert_close(mixture.denoise(x, sigma), by_hand(mixture, x, sigma), rtol=1e-7, atol=1e-7)


@settings(max_examples=10, deadline=None)
@given(mixture=mixtures(), sigma=SIGMAS)
def test_log_density_is_the_density_of_the_sum(mixture, sigma):
    x = noisy(sigma)
    spread = mixture.covariances + sigma**2 * torch.eye(3, dtype=torch.float64)
    parts = torch.stack([MultivariateNormal(m, c).log_prob(x.movedim(1, -1))
                         for m, c in zip(mixture.means, spread, strict=True)], 1)
    expected = torch.logsumexp(parts + mixture.log_weights, 1)
    torch.testing.assert_close(mixture.log_density(x, sigma), expected, rtol=1e-7, atol=1e-7)


@settings(max_examples=10, deadline=None)
@given(mixture=mixtures(height=30, width=7), sigma=SIGMAS)
def test_the_answer_does_not_depend_on_how_it_is_cut(mixture, sigma):
    x = noisy(sigma, height=30, width=7)
    whole = mixture.denoise(x, sigma)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo.denoiser, "CHUNK", 50)
        torch.testing.assert_close(mixture.denoise(x, sigma), whole, rtol=1e-9, atol=1e-9)


def test_float32_is_close_to_float64_at_every_sigma_of_a_schedule():
    colours = torch.rand(4000, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    mixture = fit(colours, 8)
    for sigma in (14.6, 3.0, 0.5, 0.08, 0.02):
        x = noisy(sigma)
        torch.testing.assert_close(mixture.denoise(x.float(), sigma).double(), mixture.denoise(x, sigma),
                                   rtol=0, atol=2e-4)


@settings(max_examples=20, deadline=None)
@given(first=mixtures(), second=mixtures(), sigma=SIGMAS)
def test_a_union_has_the_mean_density(first, second, sigma):
    x = noisy(sigma)
    both = torch.logaddexp(first.log_density(x, sigma), second.log_density(x, sigma)) - log(2)
    torch.testing.assert_close(union([first, second]).log_density(x, sigma), both, rtol=1e-9, atol=1e-9)


@settings(max_examples=10, deadline=None)
@given(condition=mixtures(), other=mixtures(), cfg=st.sampled_from([0.0, 1.0, 2.0, 7.5]))
def test_guidance_mixes_the_two_answers(condition, other, cfg):
    x = noisy(1.3)
    plain, prompted = other.denoise(x, 1.3), condition.denoise(x, 1.3)
    torch.testing.assert_close(guided(condition, other, cfg)(x, 1.3, 0), (1 - cfg) * plain + cfg * prompted)


def test_the_fit_finds_the_mixture_that_made_the_colours():
    make = torch.Generator().manual_seed(3)
    centres = torch.tensor([[-0.8, -0.8, -0.5], [0.7, 0.6, 0.5], [0.6, -0.7, -0.6]])
    which = torch.randint(0, 4, (9000,), generator=make).clamp(max=2)  # the third twice as often
    colours = centres[which] + 0.1 * torch.randn(9000, 3, generator=make)
    mixture = fit(colours, 3, floor=0.0)
    order = torch.cdist(centres, mixture.means).argmin(1)
    torch.testing.assert_close(mixture.means[order], centres, rtol=0, atol=0.02)
    torch.testing.assert_close(mixture.log_weights.flatten().exp()[order], torch.tensor([0.25, 0.25, 0.5]),
                               rtol=0, atol=0.02)
    spreads = mixture.covariances[order].diagonal(dim1=1, dim2=2).sqrt()
    torch.testing.assert_close(spreads, torch.full((3, 3), 0.1), rtol=0, atol=0.01)


def test_the_fit_survives_a_clip_of_one_colour():
    mixture = fit(torch.full((500, 3), -0.3), 10)
    x = -0.3 + 0.5 * torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(mixture.denoise(x, 0.5), torch.full_like(x, -0.3), rtol=0, atol=0.02)

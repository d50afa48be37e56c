"""Patches whose answer depends on what was asked before, or on numbers of their own, one of each kind."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

# asks the model itself; then the latent, its sigma, and how many calls came before
Ask = Callable[[], Tensor]
Patch = Callable[[Ask, Tensor, float, int], Tensor]


def _reused(fresh_at: Callable[[float, int], bool]) -> Patch:
    """The last fresh answer, at calls that are not fresh."""
    kept: list[Tensor] = []

    def patch(ask, x, sigma, call):
        if not kept or kept[0].shape != x.shape or fresh_at(sigma, call):
            kept[:] = [ask()]
        return kept[0]

    return patch


def _reused_noise() -> Patch:
    """At every second call the noise that the call before it found, taken from the latent in hand."""
    kept: list[Tensor] = []

    def patch(ask, x, sigma, call):
        if not kept or kept[0].shape != x.shape or call % 2 == 0:
            kept[:] = [(x - ask()) / sigma]
        return x - sigma * kept[0]

    return patch


def _deep() -> Patch:
    """As DeepCache counts: anew while sigma rises, and every third call of a falling pass is a fresh one."""
    last, count, kept = 0.0, 0, []

    def patch(ask, x, sigma, call):
        nonlocal last, count
        count = 0 if sigma > last else count + 1
        last = sigma
        fresh = ask()
        if count % 3 == 0 or kept[0].shape != x.shape:
            kept[:] = [fresh]
        return 0.5 * fresh + 0.5 * kept[0]

    return patch


def _by_sigma() -> Patch:
    """One answer for each sigma, whatever is asked there: what a cache keyed by the timestep gives."""
    kept: dict[float, Tensor] = {}
    return lambda ask, x, sigma, call: kept[sigma] if sigma in kept else kept.setdefault(sigma, ask())


def _momentum() -> Patch:
    """A share of the answer before."""
    kept: list[Tensor] = []

    def patch(ask, x, sigma, call):
        fresh = ask()
        mixed = fresh if not kept or kept[0].shape != x.shape else 0.7 * fresh + 0.3 * kept[0]
        kept[:] = [fresh]
        return mixed

    return patch


def _noisy(draw: Callable[[Tensor, int], Tensor]) -> Patch:
    return lambda ask, x, sigma, call: ask() + 0.3 * sigma * draw(x, call)


def _from_numpy(state) -> Patch:
    return _noisy(lambda x, call: torch.from_numpy(state.standard_normal(x.shape)).to(x))


def _from_torch() -> Patch:
    generator = torch.Generator().manual_seed(5)
    return _noisy(lambda x, call: torch.randn(x.shape, generator=generator).to(x))


def _from_python(source) -> Patch:
    return _noisy(
        lambda x, call: torch.tensor([source.gauss(0, 1) for _ in range(x.numel())]).reshape(x.shape).to(x)
    )


def _from_system() -> Patch:
    return _noisy(
        lambda x, call: (
            torch.frombuffer(bytearray(os.urandom(x.numel())), dtype=torch.uint8).reshape(x.shape).to(x) / 128
            - 1
        )
    )


PATCHES: dict[str, Callable[[], Patch]] = {
    "every second answer": lambda: _reused(lambda sigma, call: call % 2 == 0),
    "every third answer": lambda: _reused(lambda sigma, call: call % 3 == 0),
    "below a sigma": lambda: _reused(lambda sigma, call: sigma > 1.5),
    "every second noise": _reused_noise,
    "deep cache": _deep,
    "momentum": _momentum,
    "call counter": lambda: _noisy(lambda x, call: torch.full_like(x, float(call % 4) - 1.5)),
    "warm-up": lambda: _noisy(lambda x, call: torch.full_like(x, float(call >= 10))),
    "torch generator": _from_torch,
    "numpy RandomState": lambda: _from_numpy(np.random.RandomState(3)),
    "numpy Generator": lambda: _from_numpy(np.random.default_rng(3)),
    "Python's Random": lambda: _from_python(random.Random(3)),
    "system": _from_system,
    "early warm-up": lambda: _noisy(lambda x, call: torch.full_like(x, float(call >= 3))),
    "keyed by sigma": _by_sigma,
    # these repeat themselves
    "Python's random": lambda: _from_python(random),
    "rounded": lambda: lambda ask, x, sigma, call: ask() + 1e-3 * sigma * torch.randn_like(x),
    "by sigma alone": lambda: lambda ask, x, sigma, call: ask() * (1.1 if sigma > 1 else 1.0),
}


class PatchWrapper:
    """A model function wrapper round another one, changed by a patch."""

    def __init__(self, inner: Callable, name: str):
        self.inner, self.patch, self.calls = inner, PATCHES[name](), 0

    def __call__(self, apply_model, params: dict) -> Tensor:
        self.calls += 1
        sigma = float(params["timestep"][0])
        return self.patch(lambda: self.inner(apply_model, params), params["input"], sigma, self.calls - 1)

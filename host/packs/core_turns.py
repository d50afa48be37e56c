"""One of ComfyUI's own SAMPLERs (0.33.0) over two guiders that answer its questions in turn."""

from collections.abc import Callable
from typing import Any, NamedTuple

import comfy.samplers
from torch import Tensor

from .core import SIGMAS_KEY

# what a run of a sampler asks with: (sigma, None where any guider will do; what to do in that guider's run)
Ask = Callable[[tuple[float | None, Callable[[Any], Any]]], Any]
# (work, this run, what the run returns where it does not see the end) -> what it returns
Take = Callable[[Callable[[Ask], Any], "Run", Tensor], Tensor]


class Run(NamedTuple):
    """A guider that samples, and what its sampler was given."""

    guider: Any
    options: dict
    callback: Any


class InTurns(comfy.samplers.Sampler):
    """The sampler, which is run once, while this one is called by each guider in turn."""

    def __init__(self, sampler: comfy.samplers.Sampler, take: Take):
        self.sampler, self.take = sampler, take

    def sample(self, model_wrap, sigmas, extra_args, callback, noise, latent_image, *more, **options):
        run = Run(model_wrap, extra_args["model_options"], callback)
        # what the sampler sets on these goes on top of each guider's own
        shared = {"model_options": {"transformer_options": {SIGMAS_KEY.name: sigmas}}}

        def work(ask: Ask) -> Tensor:
            model, extra = _Model(ask), {**extra_args, **shared}
            told = None if callback is None else _Callback(ask)
            return self.sampler.sample(model, sigmas, extra, told, noise, latent_image, *more, **options)

        return self.take(work, run, latent_image)


class _Model:
    """The guider whose turn it is, as the sampler sees it."""

    def __init__(self, ask: Ask):
        self._ask = ask

    def __call__(self, x: Tensor, sigma: Tensor, model_options: dict | None = None, seed=None) -> Tensor:
        added = model_options or {}
        return self._ask(
            (
                float(sigma.max()),
                lambda run: run.guider(x, sigma, model_options=_both(run.options, added), seed=seed),
            )
        )

    def __getattr__(self, name: str):
        return self._ask((None, lambda run: getattr(run.guider, name)))


class _Callback:
    def __init__(self, ask: Ask):
        self._ask = ask

    def __call__(self, *told) -> None:
        self._ask((None, lambda run: run.callback(*told)))


def _both(own: dict, added: dict) -> dict:
    """A guider's own options with those that a sampler added: lists behind each other, tables merged."""
    both = dict(own)
    for name, value in added.items():
        if isinstance(value, list) and isinstance(both.get(name), list):
            both[name] = [*both[name], *value]
        elif isinstance(value, dict) and isinstance(both.get(name), dict):
            both[name] = _both(both[name], value)
        else:
            both[name] = value
    return both

"""What keyframes do to a model, made visible: each call's value is logged, and moves the exact answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import comfy.hooks
import torch
from torch import Tensor

BIAS = "diffusion_model.out.2.bias"  # random models have zeros there: a patch of ones is its own strength


def _patched_weight(model, params: dict) -> float:
    return float(model.get_submodule("diffusion_model.out.2").bias.float().mean())


def _control(model, params: dict) -> float:
    control = params["c"].get("control")
    return 0.0 if control is None else float(control["output"][0].float().abs().mean())


def _motion_effect(model, params: dict) -> float:
    motion = params["c"]["transformer_options"]["ADGS"].motion_models.models[0].model
    effect = motion.down_blocks[0].motion_modules[0].effect
    return 1.0 if effect is None else float(effect)


def _views(model, params: dict) -> float:
    """Where the first and the last view of this window begin, cut as a motion module cuts them."""
    options = params["c"]["transformer_options"]["ADGS"].params.context_options.view_options
    cut = sys.modules[type(options).__module__].get_context_windows(len(params["input"]), options)
    return cut[0][0] + 0.01 * cut[-1][0]


PROBES: dict[str, Callable] = {
    "weight": _patched_weight,
    "control": _control,
    "effect": _motion_effect,
    "views": _views,
}


class WatchedWrapper:
    """A model function wrapper round another one, whose answer it moves by gain times the value it sees."""

    def __init__(self, inner: Callable, probe: str, gain: float, log: Path):
        self.inner, self.probe, self.gain, self.log = inner, PROBES[probe], gain, log
        log.write_text("")

    def __call__(self, apply_model, params: dict) -> Tensor:
        value = self.probe(apply_model.__self__, params)
        with self.log.open("a") as file:
            file.write(json.dumps({"sigma": float(params["timestep"][0]), "value": value}) + "\n")
        return self.inner(apply_model, params) + self.gain * value


def bias_hook() -> comfy.hooks.HookGroup:
    """Core's weight hook, as a LoRA makes it, on one bias alone: its value is the strength in force."""
    hook = comfy.hooks.WeightHook(strength_model=1.0, strength_clip=0.0)
    hook.weights, hook.need_weight_init = {BIAS: ("diff", (torch.ones(4),))}, False
    group = comfy.hooks.HookGroup()
    group.add(hook)
    return group

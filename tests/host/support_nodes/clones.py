"""A MODEL with a second network beside it, as core's MultiGPU CFG Split makes one for a second GPU."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from weakref import WeakKeyDictionary

import comfy.model_management
import torch
from torch import Tensor

# torch tells it from "cpu", under which tensors of both lie: so one CPU does for two devices
OTHER = torch.device("cpu", 0)
LOGS: WeakKeyDictionary = WeakKeyDictionary()  # of each network that is split: the name of its log


def split(model, log: Path):
    """A clone of the MODEL that has half of its conditions answered by a network of its own; logs which."""
    clone = model.clone()
    clone.set_model_unet_function_wrapper(Which(clone.model, log))
    other = clone.deepclone_multigpu(OTHER)
    other.is_multigpu_base_clone = True
    clone.set_additional_models("multigpu", [other])
    clone.match_multigpu_clones()
    LOGS.update(dict.fromkeys((clone.model, other.model), log.stem))
    # from here on as in core's node, which asks no other devices than GPUs
    speeds = {device: {"relative_speed": 1.0} for device in (clone.load_device, OTHER)}
    clone.model_options["multigpu_options"] = speeds
    return clone


class Which:
    """A model function wrapper that logs by which network each call is answered."""

    def __init__(self, main, log: Path):
        self.main, self.log = id(main), log

    def __call__(self, apply_model: Callable, params: dict) -> Tensor:
        network = "main" if id(apply_model.__self__) == self.main else "clone"
        patchers = [one.model for one in comfy.model_management.current_loaded_models]
        loaded = {LOGS.get(one.model) for one in patchers if one is not None} - {None}
        told = {"sigma": float(params["timestep"][0]), "network": network, "rows": len(params["input"])}
        told["loaded"] = sorted(loaded)
        with self.log.open("a") as file:
            file.write(json.dumps(told) + "\n")
        return apply_model(params["input"], params["timestep"], **params["c"])

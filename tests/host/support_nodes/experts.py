"""Which expert was loaded, run and asked: a line of a log for each event, in their order."""

from __future__ import annotations

import json
from pathlib import Path

import comfy.model_management
from comfy.patcher_extension import CallbacksMP, WrappersMP


def watch(model, name: str, log: Path):
    """A clone of the MODEL that logs; calls with their sigma, and how many networks are loaded meanwhile."""
    clone = model.clone()

    def tell(event: str, **more) -> None:
        with log.open("a") as file:
            file.write(json.dumps({"expert": name, "event": event, **more}) + "\n")

    def asked(executor, x, sigma, *args, **kwargs):
        networks = [one.model.model for one in comfy.model_management.current_loaded_models]
        loaded = sum(hasattr(one, "diffusion_model") for one in networks)
        tell("call", sigma=float(sigma[0]), loaded=loaded, frames=x.shape[2 if x.ndim == 5 else 0])
        return executor(x, sigma, *args, **kwargs)

    clone.add_callback_with_key(CallbacksMP.ON_LOAD, "watch", lambda *_: tell("load"))
    clone.add_callback_with_key(CallbacksMP.ON_PRE_RUN, "watch", lambda *_: tell("run"))
    clone.add_callback_with_key(CallbacksMP.ON_CLEANUP, "watch", lambda *_: tell("cleanup"))
    clone.add_wrapper_with_key(WrappersMP.APPLY_MODEL, "watch", asked)
    return clone

"""Which expert was loaded, run and asked: a line of a log for each event, in their order."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from weakref import WeakSet

import comfy.model_management
from comfy.patcher_extension import CallbacksMP, WrappersMP

WATCHED: defaultdict[Path, WeakSet] = defaultdict(WeakSet)  # the networks of the experts that share a log


def watch(model, name: str, log: Path):
    """A clone of the MODEL that logs; calls with their sigma, and how many experts of the log are loaded."""
    clone = model.clone()
    WATCHED[log].add(model.model)

    def tell(event: str, **more) -> None:
        with log.open("a") as file:
            file.write(json.dumps({"expert": name, "event": event, **more}) + "\n")

    def asked(executor, x, sigma, *args, **kwargs):
        # a model of an earlier prompt may be loaded still: ComfyUI keeps what it has room for
        patchers = [one.model for one in comfy.model_management.current_loaded_models]
        networks = {one.model for one in patchers if one is not None}
        loaded = len(networks & set(WATCHED[log]))
        tell("call", sigma=float(sigma[0]), loaded=loaded, frames=x.shape[2 if x.ndim == 5 else 0])
        return executor(x, sigma, *args, **kwargs)

    clone.add_callback_with_key(CallbacksMP.ON_LOAD, "watch", lambda *_: tell("load"))
    clone.add_callback_with_key(CallbacksMP.ON_PRE_RUN, "watch", lambda *_: tell("run"))
    clone.add_callback_with_key(CallbacksMP.ON_CLEANUP, "watch", lambda *_: tell("cleanup"))
    clone.add_wrapper_with_key(WrappersMP.APPLY_MODEL, "watch", asked)
    return clone

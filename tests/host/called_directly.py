"""Every node of ours called as other programs call nodes: without ComfyUI's executor.

Run by the host's python. xyPlot nodes and ComfyScript ask an object for its FUNCTION; exported Python scripts
call execute. Prints as JSON, for each way and node, the error it ended in, what it sent to the browser and
whether its outputs are numbers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
import traceback
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the host's python knows its own folder only

from benchmarks.host import in_host
from benchmarks.host.models import narrow_sd15

WAYS = ("no inference mode", "execute", "FUNCTION")


class Browser:
    """In the place of the server, which a script may have made or not: keeps what is sent."""

    def __init__(self):
        self.sent: list[str] = []

    def __getattr__(self, name: str) -> Callable:
        return lambda *args, **kwargs: self.sent.append(name)


def main() -> dict:
    """What became of each node, in each way."""
    in_host.on_cpu()
    import folder_paths
    import server

    browser = server.PromptServer.instance = Browser()
    in_host.load_pack()
    things()  # outside any mode, as a script that loads its models first
    with tempfile.TemporaryDirectory() as output:
        folder_paths.set_output_directory(output)
        return {way: {node: told(call, browser) for node, call in calls(way)} for way in WAYS}


def told(call: Callable, browser: Browser) -> dict:
    """How one call ended."""
    browser.sent.clear()
    try:
        output = call()
    except Exception:  # the test shows it
        return {"error": traceback.format_exc()}
    return {"sent": browser.sent.copy(), "shown": output.ui, "outputs": [kind(one) for one in output.args]}


def kind(value) -> str:
    """The type of an output, and whether its numbers are numbers."""
    import torch

    tensor = value.get("samples", value.get("waveform")) if isinstance(value, dict) else value
    finite = not isinstance(tensor, torch.Tensor) or bool(tensor.isfinite().all())
    return type(value).__name__ + ("" if finite else " of NaN")


def calls(way: str):
    """Each node of the pack with a call of it; what one node gives another takes."""
    import torch

    from unsampling_pack import comfy_entrypoint

    extension = asyncio.run(comfy_entrypoint())
    classes = {one.GET_SCHEMA().node_id: one for one in asyncio.run(extension.get_node_list())}
    mode = contextlib.nullcontext if way == "no inference mode" else torch.inference_mode
    made: dict = {}

    def call(node: str) -> Callable:
        def run():
            with mode():
                given = inputs(node, made)
                cls = classes[node]
                output = getattr(cls(), cls.FUNCTION)(**given) if way == "FUNCTION" else cls.execute(**given)
                made[node] = output.args
                return output

        return run

    return [(node, call(node)) for node in sorted(classes, key=lambda node: (late(node), node))]


def late(node: str) -> bool:
    """Whether a node takes what another one made."""
    return any(part in node for part in ("Resampler", "Report", "LoadNoise", "MixNoise", "Grid"))


def inputs(node: str, made: dict) -> dict:
    """What a node is called with: the required inputs of its form."""
    import torch
    from comfy.samplers import CFGGuider
    from comfy_api.latest import InputImpl, Types

    from unsampling_pack.unsampling import schedules

    torch.manual_seed(0)
    model, vae = things()
    condition = [[torch.ones(1, 77, 768), {}]]
    guider = CFGGuider(model)
    guider.set_conds(condition, condition)
    images, sigmas = torch.rand(3, 64, 64, 3), schedules.ays("SD1", 2)
    clip = {"samples": torch.randn(3, 4, 8, 8)}
    noise = made.get("UNS_UnsamplerAdvanced" if "Advanced" in node else "UNS_Unsampler", (None,))[0]
    sound = {"waveform": torch.zeros(1, 1, 100), "sample_rate": 100}
    parts = Types.VideoComponents(images=images, audio=sound, frame_rate=Fraction(8))
    texts = {"positive": condition, "negative": condition, "cfg": 1.0}
    prompt = texts | {"model": model}
    direct = {"direct": 0.0}
    return {
        "UNS_Unsampler": prompt | direct | {"latent_image": clip, "sigmas": sigmas, "solver": "midpoint"},
        "UNS_NoiselessResampler": prompt | {"noise": noise, "structure": 0.0},
        "UNS_UnsamplerAdvanced": direct
        | {"guider": guider, "latent_image": clip, "sigmas": sigmas, "solver": "euler"},
        "UNS_NoiselessResamplerAdvanced": {"guider": guider, "noise": noise, "structure": 0.0},
        "UNS_ExpertsBySigma": texts | {"high_model": model, "low_model": model, "border": 0.5},
        "UNS_AYSScheduler": {"model_type": "auto", "steps": 4, "denoise": 1.0, "model": model},
        "UNS_ReverseSigmas": {"sigmas": sigmas, "model": model},
        "UNS_InversionSampler": {"solver": "midpoint", "direction": "unsample"},
        "UNS_InversionReport": {"noise": noise},
        "UNS_SaveNoise": {"noise": clip, "filename_prefix": "kept", "precision": "lossless"},
        "UNS_LoadNoise": {"file": "kept_00001_.safetensors [output]"},
        "UNS_MixNoise": {"noise": noise, "amount": 0.5, "mode": "fresh noise", "seed": 1},
        "UNS_RestyleGrid": {
            "model": model,
            "clip": Text(),
            "negative": condition,
            "noise": noise,
            "prompts": "one\ntwo",
            "cfg": "1, 2",
            "structure": "0.5",
        },
        "UNS_LabelledGrid": {"clips": images, "labels": "a\nb\nc", "columns": 0, "width": 64},
        "UNS_RestyleReport": {"source": images, "result": 1 - images},
        "UNS_VideoFrames": {
            "video": InputImpl.VideoFromComponents(parts),
            "megapixels": 0.01,
            "every_nth": 1,
            "max_frames": 0,
        },
        "UNS_FirstFrames": {"images": images, "count": 9},
        "UNS_CannyEdges": {"images": images, "low_threshold": 0.1, "high_threshold": 0.3},
        "UNS_TurnLightness": {"images": images},
        "UNS_EncodeClip": {"pixels": images, "vae": vae},
        "UNS_DecodeClip": {"samples": clip, "vae": vae},
    }[node]


class Text:
    """A text encoder of one answer."""

    def tokenize(self, text: str) -> str:
        return text

    def encode_from_tokens_scheduled(self, tokens: str) -> list[list]:
        import torch

        return [[torch.full((1, 77, 768), float(len(tokens))), {}]]


@cache
def things() -> tuple:
    """A MODEL and a small VAE with random weights, the same for all calls."""
    import comfy.sd
    import torch
    from comfy.taesd.taesd import TAESD

    weights = {name: 0.1 * torch.randn(weight.shape) for name, weight in TAESD().state_dict().items()}
    return narrow_sd15(), comfy.sd.VAE(sd=weights)


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(main()) + "\n")

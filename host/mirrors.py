"""What lightness is in a model's latents: ComfyUI's own preview colours tell."""

from typing import Any

import torch

from ..unsampling import UnsamplingError
from ..unsampling.mirror import Mirror, of_colours
from .packs import core

# the turn_lightness widget's values, in the engine's words
TURN = {"auto": None, "on": True, "off": False}


def of(latent_format: Any, channels: int, flow: bool) -> Mirror | None:
    """The mirror of lightness of latents with so many channels, in the sampler's scale; None where ComfyUI
    draws no preview of them from their channels alone."""
    told = core.preview_colours(latent_format)
    if told is None or told[2] is not None:
        return None
    factors, bias, _ = told
    colours = torch.tensor(factors, dtype=torch.float64)
    if colours.shape != (channels, 3) or not colours.mean(1).any():
        return None
    return of_colours(colours, torch.tensor(bias, dtype=torch.float64), flow)


def check(turn: str, mirror: Mirror | None, by_core: bool) -> bool | None:
    """The widget's value in the engine's words. by_core: whether a core SAMPLER makes the pass.

    Raises: UnsamplingError where lightness is to be turned round and cannot be.
    """
    if turn == "on" and by_core:
        raise UnsamplingError(
            "turn_lightness is on, which a core sampler cannot do; set it to off, or unsample with this"
            " pack's solver"
        )
    if turn == "on" and mirror is None:
        raise UnsamplingError(
            "turn_lightness is on, and ComfyUI has no preview colours that tell what lightness is in this"
            " model's latents; set it to off, and put Turn Lightness before VAE Encode"
        )
    return TURN[turn]

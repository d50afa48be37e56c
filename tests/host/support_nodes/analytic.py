"""What stands in for a diffusion network inside a real MODEL: exact, countable, and faulty on demand."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from comfy.model_sampling import CONST
from torch import Tensor

from .mixture import Mixture

ROUNDED = {"float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Faults:
    """How the answer departs from the exact one; the defaults do not."""

    window_bias: float = 0.0  # moves frame p of a window of n by window_bias * (p / (n - 1) - 1/2)
    nan_at_call: int = 0  # 1 is the first call
    relative_noise: float = 0.0  # of the predicted noise, new at each call
    round_to: str = "none"
    delay_s: float = 0.0


class AnalyticWrapper:
    """A model function wrapper: takes what BaseModel.apply_model takes and returns denoised frames too."""

    def __init__(self, mixture: Mixture, faults: Faults, log: Path):
        self.mixture, self.faults, self.log = mixture, faults, log
        self.calls = 0
        self.generator = torch.Generator().manual_seed(0)
        log.write_text("")

    def __call__(self, apply_model, params: dict) -> Tensor:
        self.calls += 1
        x, sigma, c = params["input"], params["timestep"], params["c"]
        parts = len(params["cond_or_uncond"])
        values = c["c_crossattn"][:: x.shape[0] // parts, 0, 0].tolist()
        self._record(params, values)
        time.sleep(self.faults.delay_s)
        if self.calls == self.faults.nan_at_call:
            return torch.full_like(x, torch.nan)
        flow = isinstance(apply_model.__self__.model_sampling, CONST)
        inputs = zip(x.chunk(parts), sigma.chunk(parts), values, strict=True)
        exact = torch.cat([self._exact(*part, flow) for part in inputs])
        return self._spoilt(exact, x.double(), sigma.double().reshape(-1, 1, 1, 1)).to(x.dtype)

    def _exact(self, x: Tensor, sigma: Tensor, value: float, flow: bool) -> Tensor:
        signal = 1 - sigma if flow else torch.ones_like(sigma)
        place = torch.linspace(-0.5, 0.5, len(x)) if len(x) > 1 else torch.zeros(1)
        return self.mixture.denoised(x, sigma, value, signal, self.faults.window_bias * place)

    def _spoilt(self, denoised: Tensor, x: Tensor, sigma: Tensor) -> Tensor:
        """Round and disturb what a network would have output, the noise, not the denoised frames."""
        if self.faults.relative_noise == 0 and self.faults.round_to == "none":
            return denoised
        noise = (x - denoised) / sigma
        if self.faults.round_to != "none":
            noise = noise.to(ROUNDED[self.faults.round_to]).double()
        size = self.faults.relative_noise * noise.square().mean().sqrt()
        noise = noise + size * torch.randn(noise.shape, generator=self.generator, dtype=noise.dtype)
        return x - sigma * noise

    def _record(self, params: dict, values: list[float]) -> None:
        options = params["c"]["transformer_options"]
        windows, state = options.get("ad_params") or {}, options.get("ADGS")
        entry = {
            "call": self.calls,
            "sigma": float(params["timestep"][0]),
            "rows": len(params["input"]),
            "cond_or_uncond": list(params["cond_or_uncond"]),
            "values": values,
            "frames": windows.get("sub_idxs"),
            "step": None if state is None else state.current_step,
        }
        with self.log.open("a") as file:
            file.write(json.dumps(entry) + "\n")

"""Gaussian mixtures whose denoiser is known exactly: the truth that host tests compare ComfyUI with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor


@dataclass(frozen=True)
class Mixture:
    """For each condition value one mixture over frames (channels, height, width) in sampling space.

    joint: a frame as a whole belongs to one component; otherwise every element picks its own.
    """

    values: Tensor  # (conditions,)
    means: Tensor  # (conditions, components, channels, height, width); a size of 1 stands for all
    stds: Tensor  # (conditions, components)
    log_weights: Tensor  # (conditions, components)
    joint: bool = False

    def index(self, value: float) -> int:
        """Which condition a value read out of the conditioning means."""
        gap = (self.values - value).abs()
        if gap.min() > 1e-3:
            raise ValueError(f"condition {value} is not one of the mixture's {self.values.tolist()}.")
        return int(gap.argmin())

    def denoised(self, x: Tensor, sigma: Tensor, value: float, signal: Tensor, shift: Tensor) -> Tensor:
        """E[x0 | x] for x = signal * x0 + sigma * noise, frames (F, C, H, W), in float64.

        sigma, signal and shift hold one number a frame; shift moves a frame's whole mixture.
        """
        which = self.index(value)
        sigma, signal, shift = (t.double().reshape(-1, 1, 1, 1, 1) for t in (sigma, signal, shift))
        means = self.means[which].double() + shift
        variance = self.stds[which].double().square().reshape(-1, 1, 1, 1)
        spread = signal**2 * variance + sigma**2
        gap = x.double().unsqueeze(1) - signal * means
        log_p = -gap.square() / (2 * spread) - spread.log() / 2
        if self.joint:
            log_p = log_p.sum((2, 3, 4), keepdim=True)
        share = torch.softmax(log_p + self.log_weights[which].double().reshape(-1, 1, 1, 1), dim=1)
        return (share * (means + signal * variance / spread * gap)).sum(1)

    def sample(self, value: float, frames: int, shape: tuple[int, int, int], seed: int) -> Tensor:
        """Frames (F, C, H, W) in float32, drawn from one condition's mixture."""
        generator = torch.Generator().manual_seed(seed)
        which = self.index(value)
        size = (frames, 1, 1, 1) if self.joint else (frames, *shape)
        weights = self.log_weights[which].double().exp()
        count = torch.Size(size).numel()
        pick = torch.multinomial(weights, count, replacement=True, generator=generator).reshape(size)
        means = self.means[which].double().expand(-1, *shape)
        centre = (
            means.unsqueeze(0)
            .expand(frames, *means.shape)
            .gather(1, pick.expand(frames, *shape).unsqueeze(1))
            .squeeze(1)
        )
        noise = torch.randn(frames, *shape, generator=generator, dtype=torch.float64)
        return (centre + self.stds[which].double()[pick] * noise).float()

    def save(self, path: str | Path) -> str:
        """Write the dataset file that UNSTest_AnalyticModel reads; its name."""
        tensors = {name: getattr(self, name).contiguous() for name in FIELDS}
        save_file(tensors, str(path), metadata={"joint": str(int(self.joint))})
        return Path(path).name

    @classmethod
    def load(cls, path: str | Path) -> Mixture:
        """Read what `save` wrote."""
        with safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in FIELDS}
            return cls(**tensors, joint=file.metadata()["joint"] == "1")


FIELDS = ("values", "means", "stds", "log_weights")

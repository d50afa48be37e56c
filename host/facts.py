"""What a pass knows of its MODEL and guider, read once at its top and handed down."""

from dataclasses import dataclass
from typing import Any

from ..unsampling import UnsamplingError


@dataclass(frozen=True)
class Family:
    """What two models must share for noise of one to mean anything to the other.

    flow: whether the clip fades as the noise rises, as in flow models. experts: of two models on one schedule
    the border and the low-noise one, in words; the rest is the high-noise one's. Empty for one model.
    """

    model: str
    latent_format: str
    sampling: str
    sigma_table: str
    sigma_max: float
    flow: bool = False
    experts: str = ""

    @property
    def in_words(self) -> str:
        """As far as two experts may differ."""
        return f"{self.model} ({self.sampling}, sigmas {self.sigma_table})"

    def check(self, other: "Family") -> None:
        """Raises: UnsamplingError naming the first difference between the noise's model and the `other`
        one."""
        cures = {
            "model": "use the checkpoint family that the noise was made with",
            "latent_format": "use the VAE and checkpoint family that the noise was made with",
            "sampling": "use the same model sampling settings in both passes",
            "sigma_table": "use the same beta schedule (Use Evolved Sampling) and motion model in both"
            " passes",
            "experts": "connect the guider of Experts by Sigma, with the same border and models of the same"
            " kinds, to both advanced nodes"
            if self.experts
            else "connect one model, as in the Exact Unsampler",
        }
        if self.flow:
            cures["sigma_table"] = "use the same shift (ModelSampling node) in both passes"
        found = self.differs(other)
        if found is not None:
            name, ours, theirs = found
            raise UnsamplingError(
                f"model differs from the one the noise was unsampled with: {name}"
                f" {theirs or 'none'}, not {ours or 'none'}; {cures[name]}"
            )

    def differs(self, other: "Family") -> tuple[str, str, str] | None:
        """The first thing in which the other one differs: its name, ours and theirs."""
        for name in ("model", "latent_format", "sampling", "sigma_table", "experts"):
            ours, theirs = getattr(self, name), getattr(other, name)
            if ours != theirs:
                return name, ours, theirs
        return None


@dataclass(frozen=True)
class Facts:
    """A MODEL and a guider, as far as a pass depends on them.

    windows: the context windows that cut the whole clip, in words; empty where it stays whole.
    latent_format: ComfyUI's own object; its process_in takes samples from the VAE's scale to the sampler's.
    frames: of the latent in hand, on its time axis or in its batch. cfg: guidance, the highest if it changes.
    sigma_min: the lowest sigma that the model knows. levels: how many it knows, 0 where that is not told.
    low_cfg: of two experts the low-noise one's guidance, cfg is then the other's; below 0 for one model.
    """

    family: Family
    windows: str
    latent_format: Any
    frames: int
    cfg: float
    sigma_min: float = 0.0
    levels: int = 0
    low_cfg: float = -1.0

    @property
    def guidance(self) -> float | tuple[float, float]:
        """The cfg; of two experts that of each."""
        return self.cfg if self.low_cfg < 0 else (self.cfg, self.low_cfg)

    @property
    def highest_cfg(self) -> float:
        return max(self.cfg, self.low_cfg)

    @property
    def flow(self) -> bool:
        """Whether the clip fades as the noise rises."""
        return self.family.flow

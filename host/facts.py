"""What a pass knows of its MODEL and guider, read once at its top and handed down."""

from dataclasses import dataclass
from typing import Any

from ..unsampling import UnsamplingError


@dataclass(frozen=True)
class Family:
    """What two models must share for noise of one to mean anything to the other.

    flow: whether the clip fades as the noise rises, as in flow models.
    """

    model: str
    latent_format: str
    sampling: str
    sigma_table: str
    sigma_max: float
    flow: bool = False

    def check(self, other: "Family") -> None:
        """Raises: UnsamplingError naming the first difference between the noise's model and the `other`
        one."""
        cures = {
            "model": "use the checkpoint family that the noise was made with",
            "latent_format": "use the VAE and checkpoint family that the noise was made with",
            "sampling": "use the same model sampling settings in both passes",
            "sigma_table": "use the same beta schedule (Use Evolved Sampling) and motion model in both"
            " passes",
        }
        if self.flow:
            cures["sigma_table"] = "use the same shift (ModelSampling node) in both passes"
        found = self.differs(other)
        if found is not None:
            name, ours, theirs = found
            raise UnsamplingError(
                f"model differs from the one the noise was unsampled with: {name}"
                f" {theirs}, not {ours}; {cures[name]}"
            )

    def differs(self, other: "Family") -> tuple[str, str, str] | None:
        """The first thing in which the other one differs: its name, ours and theirs."""
        for name in ("model", "latent_format", "sampling", "sigma_table"):
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
    """

    family: Family
    windows: str
    latent_format: Any
    frames: int
    cfg: float
    sigma_min: float = 0.0
    levels: int = 0

    @property
    def flow(self) -> bool:
        """Whether the clip fades as the noise rises."""
        return self.family.flow

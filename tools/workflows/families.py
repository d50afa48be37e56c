"""What changes between the families of models that AnimateDiff moves."""

from dataclasses import dataclass

from tools.workflows import models, notes
from tools.workflows.models import Model


@dataclass(frozen=True)
class Family:
    """What changes between SD1.5 and SDXL."""

    name: str
    checkpoint: Model
    vae: Model
    motion: Model
    canny: Model
    schedule: str
    beta: str
    window: int
    overlap: int
    megapixels: float
    size: str
    changes: str  # the note about SD1.5 and SDXL


SD15 = Family(
    "SD1.5",
    models.SD15,
    models.SD15_VAE,
    models.SD15_MOTION,
    models.SD15_CANNY,
    "auto",
    "autoselect",
    16,
    4,
    0.35,
    notes.SIZE_SD15,
    notes.SDXL,
)
HOTSHOTXL = Family(
    "SDXL",
    models.SDXL,
    models.SDXL_VAE,
    models.HOTSHOT,
    models.SDXL_CANNY,
    "SDXL",
    "linear (HotshotXL/default)",
    8,
    2,
    0.56,
    notes.SIZE_SDXL,
    notes.HOTSHOTXL,
)
ANIMATEDIFF_SDXL = Family(
    "SDXL",
    models.SDXL,
    models.SDXL_VAE,
    models.SDXL_MOTION,
    models.SDXL_CANNY,
    "SDXL",
    "linear (AnimateDiff-SDXL)",
    16,
    4,
    0.56,
    notes.SIZE_SDXL,
    notes.ANIMATEDIFF_SDXL,
)

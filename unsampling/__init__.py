"""The engine: a clip to the noise that represents it, and back. Pure torch; knows nothing of ComfyUI.

Example:
    sigmas = schedules.ays("SD1", 16)
    inversion = unsample(denoise, x0, sigmas)
    x = resample(denoise_with_another_prompt, inversion)
"""

from . import schedules, solvers
from .errors import UnsamplingError
from .inversion import Inversion, resample, unsample
from .version import __version__

__all__ = [
    "Inversion",
    "UnsamplingError",
    "__version__",
    "resample",
    "schedules",
    "solvers",
    "unsample",
]

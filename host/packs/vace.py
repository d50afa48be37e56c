"""Wan VACE in ComfyUI, read at 0.33.0: the latent frames that its conditions have beside the clip's."""

from torch import Tensor

from ...unsampling import UnsamplingError
from ..cursors import each
from .core import CORE
from .fields import Key, Kind

MODEL = Kind(CORE, "comfy.model_base:WAN21_Vace")
FRAMES_KEY = Key(CORE, "comfy_extras.nodes_wan", "vace_frames")


def refuse_other_length(model, conds: dict[str, list[dict]], shape: tuple[int, ...]) -> None:
    """ComfyUI adds them to the clip's, one by one, and stops with torch's error where that does not fit.

    shape: of the latent. Raises: UnsamplingError for conditions of another number of latent frames.
    """
    if not MODEL.made(model.model) or len(shape) != 5:
        return
    given = [one for cond in each(conds) for one in cond.get(FRAMES_KEY.name) or ()]
    for count in (one.shape[2] for one in given if isinstance(one, Tensor) and one.ndim == 5):
        if count != shape[2]:
            raise UnsamplingError(
                f"positive and negative have VACE's video of {count} latent frames, and the clip has"
                f" {shape[2]}: set length of WanVaceToVideo to the clip's frames; its reference_image is one"
                " more, which the clip needs too: put VAE Encode of the picture before the clip"
                " (LatentConcat, -t), and cut it off behind this node (TrimVideoLatent, 1)"
            )

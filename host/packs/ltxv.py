"""LTXV in ComfyUI, read at 0.33.0: what its guides leave on a condition."""

from ...unsampling import UnsamplingError
from ..cursors import each
from .core import CORE
from .fields import Key

GUIDES_KEY = Key(CORE, "comfy_extras.nodes_lt", "keyframe_idxs")


def refuse_guides(conds: dict[str, list[dict]]) -> None:
    """LTXV places guides by the mask that core's samplers hand to the model, and keeps them free of noise.

    Raises: UnsamplingError for conditions with guides.
    """
    if any(cond.get(GUIDES_KEY.name) is not None for cond in each(conds)):
        raise UnsamplingError(
            "positive and negative carry LTXV's guides (LTXVAddGuide), pictures beside the clip that stay"
            " free of noise, which the passes cannot keep so; connect the conditions of before"
            " LTXVAddGuide, or those behind LTXVCropGuides, and the clip's own latent"
        )

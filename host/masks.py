"""What a noise mask must be, and what it means for the frames of a latent. Pure tensors; each refusal is one
sentence with the cure."""

from math import prod

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from ..unsampling import UnsamplingError
from .latents import described
from .told import Told

# Frames of a clip in a latent frame, where ComfyUI does not tell: Wan and its like, Mochi, LTXV.
HELD = (4, 6, 8)
# Of what a mask leaves free: cells of the latent that count as its edge, how many must be left, and the std
# over them, by the clip's, below which they are of one colour (a small random VAE makes 0.08 of grey and 0.5
# of a photograph).
NEAR_EDGE, LEAST_CELLS, FLAT = 4, 16, 0.1
# What LTXV's guides write where the model is to leave places out: their mask (0 or -1) less their strength.
# On other models values between are no more than the trace of a resize.
LEFT_OUT, OF_LTXV = -1.0, 8


def check(mask, shape: tuple[int, ...], name: str, held: int | None, joined: bool = False) -> None:
    """shape: of the samples. held: how many frames of the clip a latent frame holds, if that is known.
    joined: whether the samples are those of several clips.

    Raises: UnsamplingError for what is no mask, for LTXV's places to leave out, and for neither one nor one a
        frame: core would repeat a shorter list of masks and cut a longer one.
    """
    if not isinstance(mask, Tensor) or mask.layout is not torch.strided or mask.is_complex() or mask.ndim < 2:
        raise UnsamplingError(
            f"{name} carries a noise_mask that is {described(mask)}, which is no mask; set it with Set"
            " Latent Noise Mask, from a MASK"
        )
    if not torch.isfinite(mask.float()).all():
        raise UnsamplingError(f"{name} carries a noise mask with NaN or infinite values; set another one")
    low = float(mask.min()) if mask.numel() else 0.0
    if low <= LEFT_OUT or (low < 0 and held == OF_LTXV):
        raise UnsamplingError(
            f"{name} carries a noise mask with values down to {low:.3g}, by which LTXV's guides"
            " tell the model to leave places out, and which the passes do not know; remove the guides"
            " (LTXVCropGuides), or set a mask of 0 to 1 (Set Latent Noise Mask)"
        )
    video = len(shape) == 5
    if video and _of_pictures(mask, shape):
        return
    frames, masks = shape[2] if video else shape[0], prod(mask.shape[:-2])
    if video and mask.ndim == 5:
        masks = mask.shape[2]
        if not _fits(len(mask), shape[0]):
            masks, frames = len(mask), shape[0]
    if not (_fits_video(masks, frames, held) if video else _fits(masks, frames)):
        have = f"{frames} latent frames" if video else f"{frames} frames"
        raise UnsamplingError(
            f"{name} has {have} and {masks} noise masks; {_cure(frames, joined and masks < frames)}"
        )


def _cure(frames: int, of_the_first: bool) -> str:
    if of_the_first:
        return (
            "the node that joins clips keeps the masks of the first one alone: join the masks too (Batch"
            f" Masks), and set all {frames} behind it with Set Latent Noise Mask"
        )
    return (
        "give one mask, or one a frame: load clip and masks with the same every_nth, start and number of"
        " frames"
    )


def _fits(masks: int, frames: int) -> bool:
    return masks in (1, frames)


def _fits_video(masks: int, frames: int, held: int | None) -> bool:
    return masks in (1, frames) or (masks > 1 and _ratio(masks, frames, held) is not None)


def _ratio(masks: int, frames: int, held: int | None) -> int | None:
    """How many masks, of the clip's own frames, fall to a latent frame, the first of which has one of its
    own; None where so many masks do not fit. A VAE drops what does not fill one, or the clip is filled up."""
    after = masks - 1
    ratios = sorted(HELD if held is None else (held,), key=lambda ratio: after != ratio * (frames - 1))
    return next((one for one in ratios if frames - 1 in (after // one, -(-after // one))), None)


def _of_pictures(mask: Tensor, shape: tuple[int, ...]) -> bool:
    """Whether these are the masks of several clips of one frame, one for each."""
    return mask.ndim < 5 and shape[2] == 1 < shape[0] == prod(mask.shape[:-2])


def of_latent_frames(mask: Tensor, shape: tuple[int, ...], held: int | None) -> Tensor:
    """The masks of a clip's own frames as those of its latent frames: the union (maximum) of the frames that
    each holds, so that what any of them has free is free. Masks that are known to fit; others as they are.

    shape, held: as check() has them.
    """
    if len(shape) != 5:
        return mask
    if _of_pictures(mask, shape):
        return mask.reshape(-1, 1, 1, *mask.shape[-2:])
    clips = mask if mask.ndim == 5 else mask.reshape(1, 1, -1, *mask.shape[-2:])
    masks, frames = clips.shape[2], shape[2]
    ratio = None if masks in (1, frames) else _ratio(masks, frames, held)
    if ratio is None:
        return clips
    if frames == 1:  # of a clip whose other frames the VAE dropped
        return clips[:, :, :1]
    first, later = clips[:, :, :1], clips[:, :, 1 : 1 + ratio * (frames - 1)].split(ratio, 2)
    return torch.cat([first, *(frame.amax(2, keepdim=True) for frame in later)], 2)


def remark(mask: Tensor | None, fitted: Tensor | None) -> str:
    """What the user should know of a LATENT's mask: that values are taken as 0 or 1, or that it leaves
    nothing free; "" for neither, and without one.

    fitted: the mask at the size of the latent.
    """
    if mask is None or fitted is None:
        return ""
    low, high = (float(value) for value in mask.float().aminmax())
    said = "" if low >= 0 and high <= 1 else _of_values(low, high)
    if fitted.max() == 0:
        small = ", since what is white is smaller than a cell of it" if high > 0 else ""
        text = f"; the noise mask leaves nothing free at the latent's size{small}: the clip stays as it is"
        said += Told(text, "the noise mask leaves nothing free")
    return said


def _of_values(low: float, high: float) -> str:
    return Told(
        f"; the noise mask has values from {low:.3g} to {high:.3g}: those below 0 are taken as 0, where the"
        " clip stays, those above 1 as 1, where it may change",
        "the noise mask goes beyond 0 and 1",
    )


def of_hole(samples: Tensor, mask: Tensor) -> str:
    """A remark where what the mask leaves free is of one colour in all frames: VAE Encode (for Inpainting)
    paints it grey before it encodes, so that nothing of the clip is there to be unsampled; "" else.

    samples: (frames, channels, height, width), or with a time axis before height. mask: at that size. Cells
    near its edge are left out, since a VAE mixes them with what is outside.
    """
    free = mask.to(samples).expand(len(samples), 1, *samples.shape[2:])
    frames, free = (x.movedim(2, 1).flatten(0, 1) if x.ndim == 5 else x for x in (samples, free))
    inside = -max_pool2d(-free, 2 * NEAR_EDGE + 1, 1, NEAR_EDGE) == 1
    values = frames.movedim(1, -1)[inside[:, 0]]
    if len(values) < LEAST_CELLS or bool((values.std(0) > FLAT * frames.std((0, 2, 3))).any()):
        return ""
    return Told(
        ", but under its noise mask the clip is of one colour, so there are no shapes to keep: VAE Encode"
        " (for Inpainting) paints that part grey; use VAE Encode and Set Latent Noise Mask",
        "the clip is of one colour under its mask",
    )

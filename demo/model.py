"""The demo's video model: diffusers' AnimateDiff UNet on 4x4 patches of pixels, its condition a style.

Preconditioned as in EDM (Karras et al. 2022, table 1): with s = sigma_data and r^2 = sigma^2 + s^2,

    D(x; sigma) = (s / r)^2 x + sigma s / r F(x / r, ln(sigma) / 4)

so it answers at any sigma, and needs no table of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import UNetMotionModel
from diffusers.models.attention_processor import AttnProcessor
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from .world import FRAMES, SIZE, STYLE_NAMES

SIGMA_DATA = 0.5
SIGMA_MAX, SIGMA_MIN, RHO = 250.0, 0.03, 7.0
PATCH, CHANNELS = 4, (96, 144)
OVERLAP = 6  # frames that two windows share, in a clip longer than the model's
WEIGHTS = Path(__file__).parent / "model" / "demo_model.safetensors"

Denoise = Callable[[Tensor, float, int], Tensor]
# What a ControlNet adds inside the network, of what the network is asked, as further arguments for it.
Residuals = Callable[[Tensor, Tensor, Tensor, dict[str, Tensor]], dict[str, Any]]
Control = Callable[[int, slice], Residuals | None]  # of a step, for the frames of a window


def schedule(steps: int, top: float = SIGMA_MAX) -> Tensor:
    """The noise levels to walk: EDM's for pixels (Karras et al. 2022, equation 5), from sigma `top`, then 0.

    250 because what is the same all over a clip, its brightness above all, outlives the 14.6 from which
    Align Your Steps for SD1.5 begins: the noise of a bright clip would not grow into a darker style.
    """
    place = torch.linspace(0, 1, steps, dtype=torch.float64)
    high, low = top ** (1 / RHO), SIGMA_MIN ** (1 / RHO)
    return torch.cat([(high + place * (low - high)) ** RHO, torch.zeros(1)]).float()


def build() -> UNetMotionModel:
    """The network without weights."""
    channels = 3 * PATCH**2
    unet = UNetMotionModel(
        sample_size=SIZE // PATCH,
        in_channels=channels,
        out_channels=channels,
        down_block_types=("DownBlockMotion",) * 2,
        up_block_types=("UpBlockMotion",) * 2,
        block_out_channels=CHANNELS,
        layers_per_block=1,
        norm_num_groups=16,
        num_attention_heads=4,
        motion_num_attention_heads=4,
        motion_max_seq_length=FRAMES,
        cross_attention_dim=len(STYLE_NAMES),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=2,
        projection_class_embeddings_input_dim=len(STYLE_NAMES) + 2,
    )
    unet.set_attn_processor(AttnProcessor())  # the fused kernel is slow on the CPU for 16 frames
    return unet


def load(path: Path = WEIGHTS) -> UNetMotionModel:
    """The trained network, in float32, ready to answer; channels last saves a tenth of the time on a CPU."""
    unet = build().to(memory_format=torch.channels_last)
    unet.load_state_dict({name: weight.float() for name, weight in load_file(path).items()})
    return unet.eval().requires_grad_(False)


def save(unet: UNetMotionModel, path: Path) -> None:
    """Its weights as float16, the size they ship in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: weight.half().contiguous() for name, weight in unet.state_dict().items()}, path)


def one_hot(styles: Sequence[str | None]) -> Tensor:
    """The condition [batch,styles]; None is no condition, all zero."""
    rows = torch.zeros(len(styles), len(STYLE_NAMES))
    for row, style in zip(rows, styles, strict=True):
        if style is not None:
            row[STYLE_NAMES.index(style)] = 1
    return rows


def denoised(
    unet: UNetMotionModel, x: Tensor, sigma: Tensor, styles: Tensor, residuals: Residuals | None = None
) -> Tensor:
    """D(x; sigma) for x [batch,frames,3,height,width], sigma [batch] and styles [batch,styles]."""
    raw, skip, scale = network(unet, x, sigma, styles, residuals)
    return skip * x + scale * raw


def network(
    unet: UNetMotionModel, x: Tensor, sigma: Tensor, styles: Tensor, residuals: Residuals | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """F, and the two factors with which it makes D = skip * x + scale * F."""
    spread = (sigma.square() + SIGMA_DATA**2)[:, None, None, None, None]
    patches = functional.pixel_unshuffle(x / spread.sqrt(), PATCH).transpose(1, 2)
    tokens = styles.repeat_interleave(x.shape[1], 0)[:, None]
    also = {"text_embeds": styles, "time_ids": torch.zeros(len(x), 1, device=x.device)}
    asked = patches, 250 * sigma.log(), tokens, also
    more = {} if residuals is None else residuals(*asked)
    answer = unet(*asked[:3], added_cond_kwargs=also, return_dict=False, **more)[0]
    raw = functional.pixel_shuffle(answer.float().transpose(1, 2), PATCH)
    return raw, SIGMA_DATA**2 / spread, sigma[:, None, None, None, None] * SIGMA_DATA / spread.sqrt()


def denoiser(
    unet: UNetMotionModel, style: str | None, cfg: float = 1.0, control: Control | None = None
) -> Denoise:
    """The engine's denoiser for clips [frames,3,height,width]; cfg 1 is one row a window, else two.

    Classifier-free guidance (Ho and Salimans 2022): without + cfg * (with - without). control acts on both.
    """
    guided = cfg != 1.0 and style is not None
    styles = one_hot([style, None] if guided else [style])

    def denoise(x: Tensor, sigma: float, step: int) -> Tensor:
        rows = x.expand(len(styles), *x.shape)
        levels = torch.full((len(styles),), float(sigma))
        answers = _windowed(unet, rows, levels, styles, step, control or _uncontrolled)
        return answers[1] + cfg * (answers[0] - answers[1]) if guided else answers[0]

    return denoise


def windows(frames: int) -> list[range]:
    """The frames of each call: the whole clip, or overlapping windows of the model's length."""
    if frames <= FRAMES:
        return [range(frames)]
    starts = range(0, frames - FRAMES, FRAMES - OVERLAP)
    return [range(start, start + FRAMES) for start in [*starts, frames - FRAMES]]


def _uncontrolled(step: int, frames: slice) -> None:
    return None


@torch.inference_mode()
def _windowed(
    unet: UNetMotionModel, x: Tensor, sigma: Tensor, styles: Tensor, step: int, control: Control
) -> Tensor:
    """D over windows, where they overlap a mean that leans on the frames deeper inside their window."""
    total, weights = torch.zeros_like(x), torch.zeros(x.shape[1])
    for window in windows(x.shape[1]):
        here = slice(window.start, window.stop)
        place = torch.arange(1.0, len(window) + 1)
        weight = torch.minimum(place, place.flip(0))
        answer = denoised(unet, x[:, here], sigma, styles, control(step, here))
        total[:, here] += weight[:, None, None, None] * answer
        weights[here] += weight
    return total / weights[:, None, None, None]

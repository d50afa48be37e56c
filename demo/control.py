"""A small edge ControlNet for the demo's model: what users add to hold shapes while a style grows.

diffusers' ControlNetModel (Zhang et al., arXiv 2302.05543) in the sizes of the demo's model. It sees each
frame by itself, and the model's motion layers see the clip. The control picture is the edges of the source.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import ControlNetModel, UNetMotionModel
from diffusers.models.attention_processor import AttnProcessor
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from .model import CHANNELS, PATCH, Control, Residuals
from .world import STYLE_NAMES

WEIGHTS = Path(__file__).parent / "model" / "demo_control.safetensors"
SCALE = 1.4  # of the Gaussian, in pixels
STRONG, WEAK = 0.35, 0.15  # of the steepest slope in the clip
FAINT = 0.06  # a pixel; the steepest slope counts for no less: grain alone has no edges
SPARSE = 10.0  # one over how much of a picture is edges, about
REACH = 5  # pixels to which the Gaussian's slope is taken


def build() -> ControlNetModel:
    """The network without weights; what it adds is nothing until it is trained."""
    net = ControlNetModel(
        in_channels=3 * PATCH**2,
        conditioning_channels=1,
        down_block_types=("DownBlock2D",) * 2,
        block_out_channels=CHANNELS,
        layers_per_block=1,
        norm_num_groups=16,
        attention_head_dim=4,
        num_attention_heads=4,
        cross_attention_dim=len(STYLE_NAMES),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=2,
        projection_class_embeddings_input_dim=len(STYLE_NAMES) + 2,
        conditioning_embedding_out_channels=(16, 32, 64),  # halved twice: PATCH pixels become one place
    )
    net.set_attn_processor(AttnProcessor())
    return net


def begun(unet: UNetMotionModel) -> ControlNetModel:
    """The network as training begins: the model's own encoder, where names and shapes agree, and layers for
    the picture whose answer has the encoder's size.

    diffusers begins these at next to nothing, and edges are sparse: it would be long before they are heard.
    The whole network adds nothing all the same, because its last layers are zero.
    """
    net = build()
    embedding = net.controlnet_cond_embedding
    for layer in (embedding.conv_in, *embedding.blocks, embedding.conv_out):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")  # He et al. 2015; of a SiLU about the same
        nn.init.zeros_(layer.bias)
    with torch.no_grad():
        embedding.conv_in.weight.mul_(SPARSE)
    weights, own = net.state_dict(), unet.state_dict()
    net.load_state_dict(
        {name: own[name] if name in own and own[name].shape == w.shape else w for name, w in weights.items()}
    )
    return net


def load(path: Path = WEIGHTS) -> ControlNetModel:
    """The trained network, in float32, ready to answer."""
    net = build().to(memory_format=torch.channels_last)
    net.load_state_dict({name: weight.float() for name, weight in load_file(path).items()})
    return net.eval().requires_grad_(False)


def residuals(net: nn.Module, pictures: Tensor, strength: float = 1.0) -> Residuals:
    """What the network adds inside the model for pictures [batch,frames,1,height,width]; a batch of one is
    for every row that the model is asked."""

    def of(patches: Tensor, time: Tensor, tokens: Tensor, also: dict[str, Tensor]) -> dict[str, Any]:
        rows, frames = patches.shape[0], patches.shape[2]
        down, middle = net(
            patches.transpose(1, 2).flatten(0, 1),
            time.repeat_interleave(frames),
            tokens,
            pictures.expand(rows, -1, -1, -1, -1).flatten(0, 1),
            strength,
            added_cond_kwargs={name: each.repeat_interleave(frames, 0) for name, each in also.items()},
            return_dict=False,
        )
        return {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}

    return of


def controlled(net: nn.Module, pictures: Tensor, strength: float, steps: int) -> Control:
    """The control of the first `steps` steps by pictures [frames,1,height,width]; none at strength 0."""

    def control(step: int, frames: slice) -> Residuals | None:
        return residuals(net, pictures[None, frames], strength) if strength and step < steps else None

    return control


def edges(clip: Tensor) -> Tensor:
    """Canny's edges of a clip [frames,3,height,width], as [frames,1,height,width] of 0 and 1.

    Canny 1986: the slope of a Gaussian's blur, its crests, and of these what is steep or hangs on what is. As
    in OpenCV a pixel's slope is that of the channel in which it is steepest.
    """
    steep, across, down = _slopes(clip)
    crest = steep * _is_crest(steep, across, down)
    top = steep.amax().clamp(min=FAINT)
    found, weak = (crest > STRONG * top).float(), (crest > WEAK * top).float()
    while True:
        grown = functional.max_pool2d(found, 3, 1, 1) * weak
        if torch.equal(grown, found):
            return found
        found = grown


def _slopes(clip: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How steep each pixel is, and its slope to the right and downwards, each [frames,1,height,width]."""
    at = torch.arange(-REACH, REACH + 1.0)
    bell = torch.exp(-0.5 * (at / SCALE).square())
    bell = bell / bell.sum()
    right = bell[:, None] * (bell * at / SCALE**2)
    frames, channels, height, width = clip.shape
    wide = functional.pad(clip, [REACH] * 4, mode="replicate").flatten(0, 1)[:, None]
    slopes = functional.conv2d(wide, torch.stack([right, right.T])[:, None])
    slopes = slopes.reshape(frames, channels, 2, height, width)
    channel = slopes.square().sum(2, keepdim=True).argmax(1, keepdim=True).expand(-1, 1, 2, -1, -1)
    across, down = slopes.gather(1, channel)[:, 0].split(1, 1)
    return torch.hypot(across, down), across, down


def _is_crest(steep: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """1 where neither neighbour along the slope is steeper; of two alike, the first."""
    octant = (torch.atan2(down, across) * 4 / torch.pi).round().long() % 4
    wide = functional.pad(steep, [1] * 4)
    height, width = steep.shape[-2:]

    def beside(x: int, y: int) -> Tensor:
        return wide[..., 1 + y : 1 + y + height, 1 + x : 1 + x + width]

    steps = ((1, 0), (1, 1), (0, 1), (-1, 1))
    crests = [(steep > beside(-x, -y)) & (steep >= beside(x, y)) for x, y in steps]
    return torch.stack(crests).gather(0, octant[None])[0].float()

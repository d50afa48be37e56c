"""A video VAE's work a few frames at a time, by core's own code and with the same values (ComfyUI 0.33.0).

Wan's network reads and writes a few frames at a time, but core brings the whole clip to its scale, type and
device first, and joins all that it wrote: three clips in main memory, and whole ones on the GPU. Here it gets
the frames when it asks for them, and what it writes goes straight into the result.

Some VAEs draw random numbers, as LTXV's does since 0.9.1, which core leaves unseeded: here they are the same
each time.
"""

import copy
from collections.abc import Callable

import comfy.ldm.wan.vae
from torch import Tensor, nn

from ...unsampling import UnsamplingError
from .. import seeds
from .core import CORE
from .fields import Kind

CHUNKED = "comfy_has_chunked_io"  # the mark of networks that write into a clip made for them
VAE = Kind(
    CORE,
    "comfy.sd:VAE",
    ("process_input", "latent_channels", "upscale_ratio", "output_channels"),
    own=("first_stage_model",),
    optional=("conv_out_channels",),
)
NETWORK = Kind(CORE, "comfy.ldm.wan.vae:WanVAE", ("decoder", "decode"))
# LTXV's: one of the networks that have it, since 0.17
MARKED = Kind(CORE, "comfy.ldm.lightricks.vae.causal_video_autoencoder:VideoVAE", optional=(CHUNKED,))
Step = Callable[[Tensor], Tensor]
Tick = Callable[[], None]
Ticks = Callable[[int], Tick]


def is_wan_vae(vae) -> bool:
    """Whether it is Wan 2.1's, which Wan 2.2's 14B models and others have too: a network that reads and
    writes a clip a few frames at a time, which core does not use."""
    network = VAE.read(vae, "first_stage_model")
    return isinstance(network, comfy.ldm.wan.vae.WanVAE) and MARKED.read(network, CHUNKED) is None


def encode(vae, pixels: Tensor, ticks: Ticks) -> Tensor:
    """The latent of a clip [frames,height,width,3], as core's VAE Encode makes it.

    ticks: makes the function that is called for each frame, given their number; it may raise to stop.
    """
    if is_wan_vae(vae):
        vae = encoding(vae, ticks(len(pixels)))
    with seeds.apart():
        seeds.seed(0)
        return vae.encode(fitting(vae, pixels))


def fitting(vae, pixels: Tensor) -> Tensor:
    """The frames that the VAE keeps: LTXV's takes 1 + 8n, and drops the rest itself in newer ComfyUI."""
    # Mochi's network has the same name, and 12 channels
    if MARKED.made(VAE.read(vae, "first_stage_model")) and VAE.read(vae, "latent_channels") == 128:
        return pixels[: 1 + (len(pixels) - 1) // 8 * 8]
    return pixels


def decode(vae, latent: Tensor, ticks: Ticks) -> Tensor:
    """The frames [frames,height,width,3] of a latent, as core's VAE Decode makes them.

    Raises: UnsamplingError if the latent is not of that VAE's kind.
    """
    if latent.is_nested:  # a picture and its sound, as core's node takes them
        latent = latent.unbind()[0]
    if is_wan_vae(vae):
        vae = decoding(vae, ticks(frames_of(vae, latent)))
    with seeds.apart():
        seeds.seed(0)
        images = vae.decode(latent)
    return images.flatten(0, 1) if images.ndim == 5 else images


def encoding(vae, tick: Tick):
    """A copy of a VAE whose network reads a clip slice by slice: encode() of it holds nothing of the clip.

    tick: called for each frame that is read; it may raise to stop.
    """
    other = copy.copy(vae)
    steps = [VAE.read(vae, "process_input")]
    VAE.write(other, "process_input", lambda pixels: _Pixels(pixels, steps, tick))
    return other


def decoding(vae, tick: Tick):
    """A copy of a VAE whose network makes a clip slice by slice: decode() of it holds the result alone.

    tick: called for each frame that is made; it may raise to stop.
    """
    other = copy.copy(vae)
    VAE.write(other, "first_stage_model", _Network(vae, tick))
    return other


def frames_of(vae, samples: Tensor) -> int:
    """How many frames a video VAE makes of a latent [clips,channels,frames,height,width].

    Raises: UnsamplingError if the latent is not of that VAE's kind.
    """
    channels = VAE.read(vae, "latent_channels")
    if samples.ndim != 5 or samples.shape[1] != channels:
        raise UnsamplingError(
            f"samples is a latent {list(samples.shape)}, but vae decodes clips of"
            f" {channels} channels [clips, channels, frames, height, width];"
            " connect the VAE of the model that made it"
        )
    return samples.shape[0] * VAE.read(vae, "upscale_ratio")[0](samples.shape[2])


class _Pixels:
    """Frames [clips,channels,frames,height,width] as core hands them to a network, which slices them: each
    slice goes through the steps that core asked for when it is read."""

    def __init__(self, pixels: Tensor, steps: list[Step], tick: Tick):
        self._pixels, self._steps, self._tick, self.shape = pixels, steps, tick, pixels.shape

    def to(self, *to, **how) -> "_Pixels":
        return _Pixels(self._pixels, [*self._steps, lambda part: part.to(*to, **how)], self._tick)

    def __getitem__(self, index) -> Tensor:
        part = self._pixels[index]
        for step in self._steps:
            part = step(part)
        _count(part, self._tick)
        return part


class _Network:
    """A network as core knows those that write into a clip made for them (comfy_has_chunked_io). Where none
    is made, for tiles and in ComfyUI before 0.17, it gives out what it decodes, and counts it."""

    comfy_has_chunked_io = True

    def __init__(self, vae, tick: Tick):
        self._network, self._tick = VAE.read(vae, "first_stage_model"), tick
        self._scale = VAE.read(vae, "upscale_ratio")
        self._channels = VAE.read(vae, "conv_out_channels") or VAE.read(vae, "output_channels")

    def decode_output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        clips, _, frames, height, width = shape
        times, down, across = self._scale
        return clips, self._channels, times(frames), down * height, across * width

    def decode(self, samples: Tensor, output_buffer: Tensor | None = None, **options) -> Tensor:
        other = copy.copy(self._network)
        other._modules = self._network._modules | {
            "decoder": _Into(NETWORK.read(self._network, "decoder"), output_buffer, self._tick)
        }
        return other.decode(samples, **options)


class _Into(nn.Module):
    """A decoder that counts the frames it makes. clip: where it puts them, if anywhere, handing on a pixel of
    each for the network to join."""

    def __init__(self, decoder: nn.Module, clip: Tensor | None, tick: Tick):
        super().__init__()
        self.decoder, self._clip, self._tick, self._done = decoder, clip, tick, 0

    def forward(self, *args, **options) -> Tensor | list[Tensor]:
        parts = self.decoder(*args, **options)
        return [self._put(part) for part in parts] if isinstance(parts, list) else self._put(parts)

    def _put(self, part: Tensor) -> Tensor:
        _count(part, self._tick)
        if self._clip is None:
            return part
        end = self._done + part.shape[2]
        self._clip[:, :, self._done : end] = part
        self._done = end
        return part[..., :1, :1].clone()


def _count(part: Tensor, tick: Tick) -> None:
    for _ in range(part.shape[0] * part.shape[2]):
        tick()

"""A Wan VAE works on a clip a few frames at a time and makes what core makes of the whole clip."""

from types import SimpleNamespace

import comfy_objects as core
import pytest
import torch
from torch import nn

from unsampling_pack.unsampling import UnsamplingError


class Plain(nn.Module):
    """The network of another VAE: all frames at once."""

    def encode(self, pixels):
        return pixels[..., ::2, ::2] * 2

    def decode(self, samples):
        return samples[:, :3].repeat_interleave(2, -1).repeat_interleave(2, -2)


class VAE:
    """Core's VAE as of 0.17, which lets a network write into a clip; old: as before."""

    latent_channels, output_channels, dtype = 4, 3, torch.float64

    def __init__(self, network: nn.Module, old: bool = False):
        self.first_stage_model, self._old = network, old
        self.upscale_ratio = (lambda frames: max(0, 4 * frames - 3), 2, 2)
        self.process_input = lambda pixels: pixels * 2 - 1
        self.handed = []

    def encode(self, pixels):
        """[frames,height,width,3] -> a latent of one clip."""
        clip = self.process_input(pixels.movedim(-1, 0)[None]).to(self.dtype).to("cpu")
        self.handed.append(clip)
        return self.first_stage_model.encode(clip).float()

    def decode(self, samples):
        """A latent of clips -> [clips,frames,height,width,3]."""
        network, samples = self.first_stage_model, samples.to(self.dtype)
        if getattr(network, "comfy_has_chunked_io", False) and not self._old:
            clip = torch.full(network.decode_output_shape(samples.shape), torch.nan)
            network.decode(samples, output_buffer=clip)
        else:
            clip = network.decode(samples).float()
        self.handed.append(clip)
        return clip.add(1).div(2).movedim(1, -1)


class Ticks:
    """What ticks() makes, and how often it was called."""

    def __init__(self, stop: int | None = None):
        self.totals, self.count, self._stop = [], 0, stop

    def __call__(self, total: int):
        self.totals.append(total)
        return self.tick

    def tick(self) -> None:
        self.count += 1
        if self.count == self._stop:
            raise InterruptedError


def clip(frames: int) -> torch.Tensor:
    return torch.rand(frames, 4, 6, 3, generator=torch.Generator().manual_seed(frames))


def latent(frames: int, clips: int = 1, channels: int = 4) -> torch.Tensor:
    return torch.randn(clips, channels, frames, 2, 3, generator=torch.Generator().manual_seed(frames))


@pytest.mark.parametrize("frames", [1, 5, 9, 17])
def test_encoding_is_cores_and_reads_each_frame_once(wan_vae, frames):
    vae, ticks = VAE(core.WanVAE()), Ticks()
    expected = vae.encode(clip(frames))
    assert torch.equal(wan_vae.encode(vae, clip(frames), ticks), expected)
    assert ticks.totals == [frames] and ticks.count == frames
    first, second = vae.handed
    assert isinstance(first, torch.Tensor) and not isinstance(second, torch.Tensor)
    assert second.shape == first.shape


@pytest.mark.parametrize("index", [(slice(None), slice(None), slice(2, 4)), 0, (..., 1)])
def test_a_slice_goes_through_all_steps_in_their_order(wan_vae, index):
    given = clip(5).movedim(-1, 0)[None]
    vae = VAE(core.WanVAE())
    pixels = wan_vae.encoding(vae, lambda: None).process_input(given).to(torch.float64).to("cpu", torch.half)
    found = pixels[index]
    assert torch.equal(found, vae.process_input(given).double().half()[index]) and found.dtype == torch.half


@pytest.mark.parametrize("clips", [1, 2])
@pytest.mark.parametrize("frames", [1, 2, 5])
def test_decoding_is_cores_and_makes_each_frame_once(wan_vae, frames, clips):
    vae, ticks = VAE(core.WanVAE()), Ticks()
    expected = vae.decode(latent(frames, clips)).flatten(0, 1)
    found = wan_vae.decode(vae, latent(frames, clips), ticks)
    assert torch.equal(found, expected) and found.shape == (clips * (4 * frames - 3), 4, 6, 3)
    assert ticks.totals == [len(found)] and ticks.count == len(found)


@pytest.mark.parametrize("frames", [1, 3])
def test_a_comfyui_that_makes_no_clip_gets_what_the_network_gives(wan_vae, frames):
    vae, ticks = VAE(core.WanVAE(), old=True), Ticks()
    expected = vae.decode(latent(frames)).flatten(0, 1)
    assert torch.equal(wan_vae.decode(vae, latent(frames), ticks), expected)
    assert ticks.totals == [len(expected)] and ticks.count == len(expected)


def test_the_vae_is_as_it_was(wan_vae):
    vae = VAE(core.WanVAE())
    network, decoder = vae.first_stage_model, vae.first_stage_model.decoder
    before = vae.decode(latent(3))
    wan_vae.encode(vae, clip(5), Ticks())
    wan_vae.decode(vae, latent(3), Ticks())
    assert vae.first_stage_model is network and network.decoder is decoder
    assert torch.equal(vae.decode(latent(3)), before)


def chunked() -> core.WanVAE:
    network = core.WanVAE()
    network.comfy_has_chunked_io = False
    return network


@pytest.mark.parametrize("network", [Plain(), chunked()])
def test_other_vaes_work_as_in_core(wan_vae, network):
    vae, ticks = VAE(network), Ticks()
    assert not wan_vae.is_wan_vae(vae)
    assert torch.equal(wan_vae.encode(vae, clip(5), ticks), vae.encode(clip(5)))
    assert torch.equal(wan_vae.decode(vae, latent(2), ticks), vae.decode(latent(2)).flatten(0, 1))
    assert ticks.totals == []


def test_a_picture_stays_one(wan_vae):
    vae = SimpleNamespace(decode=lambda samples: samples.movedim(1, -1))
    assert not wan_vae.is_wan_vae(vae)
    assert wan_vae.decode(vae, torch.zeros(2, 3, 4, 5), Ticks()).shape == (2, 4, 5, 3)


def test_of_a_picture_and_its_sound_the_picture(wan_vae):
    both = SimpleNamespace(is_nested=True, unbind=lambda: [latent(3), torch.zeros(1, 8, 4)])
    vae = VAE(core.WanVAE())
    assert torch.equal(wan_vae.decode(vae, both, Ticks()), wan_vae.decode(vae, latent(3), Ticks()))


@pytest.mark.parametrize("shape", [(3, 4, 2, 3), (1, 16, 3, 2, 3), (1, 3, 3, 2, 3), (4,)])
def test_a_latent_of_another_model(wan_vae, shape):
    words = f"samples is a latent {list(shape)}, but vae decodes clips of 4 channels"
    with pytest.raises(UnsamplingError) as refusal:
        wan_vae.decode(VAE(core.WanVAE()), torch.zeros(shape), Ticks())
    assert str(refusal.value).startswith(words)


@pytest.mark.parametrize("stop", [1, 2, 5])
def test_a_tick_may_stop_the_work(wan_vae, stop):
    ticks = Ticks(stop), Ticks(stop)
    with pytest.raises(InterruptedError):
        wan_vae.encode(VAE(core.WanVAE()), clip(9), ticks[0])
    with pytest.raises(InterruptedError):
        wan_vae.decode(VAE(core.WanVAE()), latent(3), ticks[1])
    assert [one.count for one in ticks] == [stop, stop]


@pytest.mark.parametrize("channels", [3, 12])
def test_a_network_may_make_more_channels_than_the_vae_gives_out(wan_vae, channels):
    vae = VAE(core.WanVAE())
    vae.conv_out_channels = channels
    network = wan_vae.decoding(vae, lambda: None).first_stage_model
    assert network.decode_output_shape((2, 4, 5, 2, 3)) == (2, channels, 17, 4, 6)

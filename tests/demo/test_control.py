"""The demo's ControlNet: its edges, that it is off where it should be, and where it acts."""

import pytest
import torch

from demo import control, model, world
from unsampling import resample, unsample

torch.set_num_threads(1)
STEPS = 5
SIGMAS = model.schedule(STEPS)


@pytest.fixture(scope="module")
def unet():
    return model.load()


@pytest.fixture(scope="module")
def net(unet):
    """A ControlNet that adds something everywhere: as training begins it adds nothing."""
    torch.manual_seed(0)
    net = control.begun(unet).eval().requires_grad_(False)
    random = torch.Generator().manual_seed(1)
    for layer in [*net.controlnet_down_blocks, net.controlnet_mid_block]:
        layer.weight.copy_(0.05 * torch.randn(layer.weight.shape, generator=random))
    return net


@pytest.fixture(scope="module")
def clip():
    return world.filmed(world.render(world.content(3), "flat", 4), 3)


def answer(unet, clip, step=0, frames=None, **settings):
    x = clip + 2 * torch.randn(clip.shape, generator=torch.Generator().manual_seed(5))
    return model.denoiser(unet, "ink", **settings)(x, 2.0, step)


@pytest.mark.parametrize("style", world.STYLE_NAMES)
def test_edges_lie_on_the_outlines_in_every_style(style):
    """Most edge pixels are near an outline of a shape, and most outlines have edge pixels near."""
    for seed in (1, 3, 5):
        of = world.content(seed)
        edges = control.edges(world.filmed(world.render(of, style, 4), seed))
        assert set(edges.unique().tolist()) == {0.0, 1.0}
        assert edges.shape == (4, 1, world.SIZE, world.SIZE)
        distance = world.scene(of, 4).distance
        inner = torch.zeros_like(edges, dtype=torch.bool)
        inner[..., 4:-4, 4:-4] = True  # a mosaic's joints are edges at the border
        assert float((distance[(edges > 0) & inner] < 5).float().mean()) > 0.75
        outline = distance < 0.5
        near = torch.nn.functional.max_pool2d(edges, 7, 1, 3) > 0
        assert float(near[outline].float().mean()) > 0.75


def test_edges_are_the_same_in_the_dark_and_for_any_contrast():
    clip = world.render(world.content(4), "flat", 2)
    for other in (-clip, 0.5 * clip, clip * 0.3 - 0.6):
        assert torch.equal(control.edges(other), control.edges(clip))


def test_an_edge_is_one_pixel_wide_and_a_flat_picture_has_none():
    step = torch.zeros(1, 3, 32, 32)
    step[..., 20:] = 1
    edges = control.edges(step)
    assert edges.sum(-1).unique().tolist() == [1.0]
    assert int(edges[0, 0, 16].argmax()) in (19, 20)
    flat = torch.full((4, 3, 64, 64), 0.4)
    assert not control.edges(flat).any()
    assert not control.edges(world.filmed(flat, 1)).any()


def test_what_is_weak_counts_where_it_hangs_on_what_is_strong():
    """A line that fades is one edge as far as WEAK; a faint one by itself is none."""
    fading = torch.zeros(1, 3, 48, 48)
    fading[..., 24:] = torch.linspace(1, 0, 48)[:, None]
    height = control.edges(fading)[0, 0].amax(1).sum()
    assert 48 * (1 - control.STRONG) + 3 < height < 48
    alone = torch.zeros(1, 3, 48, 48)
    alone[..., :16, 24:] = 1
    alone[..., 32:, 24:] = (control.STRONG + control.WEAK) / 2
    assert not control.edges(alone)[..., 40:, :].any()
    alone[..., 32:, 24:] = control.STRONG * 1.2
    assert control.edges(alone)[..., 40:, :].any()


def test_at_strength_0_and_after_its_end_nothing_is_added_to_the_bit(unet, net, clip):
    edges, plain = control.edges(clip), answer(unet, clip, 3)
    for strength, steps in ((0.0, 5), (1.0, 3), (0.4, 0)):
        held = control.controlled(net, edges, strength, steps)
        assert torch.equal(answer(unet, clip, 3, control=held), plain)
    held = control.controlled(net, edges, 0.4, 4)
    assert (answer(unet, clip, 3, control=held) - plain).abs().max() > 0.01
    assert torch.equal(answer(unet, clip, 3, control=held), answer(unet, clip, 3, control=held))


def test_as_training_begins_it_adds_nothing_and_has_the_models_encoder(unet, clip):
    net = control.begun(unet)
    assert torch.equal(
        answer(unet, clip, control=control.controlled(net, control.edges(clip), 1.0, 1)), answer(unet, clip)
    )
    own = unet.state_dict()
    for name in (
        "conv_in.weight",
        "down_blocks.1.resnets.0.conv1.weight",
        "mid_block.resnets.0.conv2.weight",
    ):
        assert torch.equal(net.state_dict()[name], own[name])
    assert sum(weight.numel() for weight in net.parameters()) * 2 < 7e6


def test_more_strength_adds_more_and_other_edges_add_something_else(unet, net, clip):
    plain, edges = answer(unet, clip), control.edges(clip)

    def added(edges, strength):
        return answer(unet, clip, control=control.controlled(net, edges, strength, 1)) - plain

    sizes = [float(added(edges, strength).norm()) for strength in (0.2, 0.4, 0.8)]
    assert sizes == sorted(sizes) and sizes[0] > 0
    assert (added(edges, 0.4) - added(edges.flip(-1), 0.4)).norm() > 0.1 * sizes[1]


def test_control_acts_on_both_rows_of_a_guided_call(unet, net, clip):
    held = control.controlled(net, control.edges(clip), 1.0, 1)
    x = clip + 2 * torch.randn(clip.shape, generator=torch.Generator().manual_seed(5))
    with_style, without = (model.denoiser(unet, s, control=held)(x, 2.0, 0) for s in ("ink", None))
    guided = answer(unet, clip, cfg=3.0, control=held)
    torch.testing.assert_close(guided, without + 3 * (with_style - without), rtol=1e-3, atol=1e-3)


def test_a_window_sees_the_edges_of_its_own_frames(unet, net):
    """Frames 16 to 19 of 20 are in the second window alone, which begins at frame 4."""
    clip = world.filmed(world.render(world.content(3), "flat", 20), 3)
    edges = control.edges(clip)
    whole = answer(unet, clip, control=control.controlled(net, edges, 1.0, 1))
    x = clip + 2 * torch.randn(clip.shape, generator=torch.Generator().manual_seed(5))
    last = model.denoiser(unet, "ink", control=control.controlled(net, edges[4:], 1.0, 1))(x[4:], 2.0, 0)
    assert torch.allclose(whole[16:], last[12:], atol=1e-5)
    wrong = model.denoiser(unet, "ink", control=control.controlled(net, edges[:16], 1.0, 1))(x[4:], 2.0, 0)
    assert not torch.allclose(whole[16:], wrong[12:], atol=1e-3)


@pytest.mark.parametrize("direct", [0.0, 0.4])
def test_the_same_control_in_both_passes_is_exact_and_in_one_is_an_edit(unet, net, clip, direct):
    edges = control.edges(clip)
    held = model.denoiser(unet, "flat", control=control.controlled(net, edges, 0.4, 2))
    plain = model.denoiser(unet, "flat", control=control.controlled(net, edges, 0.0, 2))
    inversion = unsample(held, clip, SIGMAS, direct=direct)
    assert torch.equal(resample(held, inversion, direct=direct), clip)
    assert (resample(plain, inversion, direct=direct) - clip).abs().max() > 0.01
    without = unsample(plain, clip, SIGMAS, direct=direct)
    assert torch.equal(resample(plain, without, direct=direct), clip)
    assert (resample(held, without, direct=direct) - clip).abs().max() > 0.01


def test_saving_and_loading_keeps_the_weights(net, tmp_path):
    model.save(net, tmp_path / "control.safetensors")
    assert (tmp_path / "control.safetensors").stat().st_size < 7e6
    again = control.load(tmp_path / "control.safetensors").state_dict()
    for name, weight in net.state_dict().items():
        torch.testing.assert_close(again[name], weight.half().float(), rtol=0, atol=0)


def test_what_ships_is_what_saving_makes_and_it_heeds_edges(unet, clip, tmp_path):
    """Under much noise the answer with the clip's own edges, in another style, is nearer than without."""
    net = control.load()
    model.save(net, tmp_path / "control.safetensors")
    assert (tmp_path / "control.safetensors").read_bytes() == control.WEIGHTS.read_bytes()
    of, sigma = world.content(12), 30.0
    truth = world.render(of, "neon")
    x = truth + sigma * torch.randn(truth.shape, generator=torch.Generator().manual_seed(2))

    def error(edges):
        held = None if edges is None else control.controlled(net, edges, 1.0, 1)
        return float((model.denoiser(unet, "neon", control=held)(x, sigma, 0) - truth).square().mean())

    own = control.edges(world.filmed(world.render(of, "halftone"), 1))
    assert error(own) < 0.8 * error(None)
    assert error(own.flip(-1)) > error(None)

"""Latents of rank 5, and flow models beyond the Wan workflow: several clips at once, masks, curves, partial
and unrecorded runs, slices, refusals. A small Wan transformer of random weights, through its loader."""

from __future__ import annotations

import pytest
import torch
from family_models import family_model
from host_graphs import Graph, Node
from host_passes import TARGET, Bench
from host_trips import clip
from test_host_flow_models import KINDS
from torch import Tensor

from tools.client import RunError

EXACT = 1e-6
SHIFTED = "ModelSamplingSD3"


def video(frames: int = 3, clips: int = 1) -> Tensor:
    """Latents of Wan's kind, (clips, 16, frames, 8, 12), each clip another one."""
    one = clip(frames, 16, 8, 12, scale=1.0).movedim(0, 1)
    return torch.stack([one * (1 + 0.3 * i) + 0.1 * i for i in range(clips)])


class Wan(Bench):
    """A bench whose model is Wan's, behind its shift, or of another kind of video models."""

    reads: dict  # by the model, of its CONDITIONING

    @classmethod
    def of(cls, comfy, name: str, source: Tensor, kind: str = "wan", **mask: Tensor) -> Wan:
        graph = Graph()
        loaded = graph.add(
            "UNETLoader", unet_name=family_model(comfy.models_dir, kind), weight_dtype="default"
        )
        stored = comfy.put_latent(f"{name}-clip", samples=source, **mask)
        latent = graph.add("UNSTest_LoadLatent", file=stored)
        model = graph.add(SHIFTED, model=loaded, shift=8.0) if kind == "wan" else loaded
        made = cls(comfy, graph, model, source, latent, f"{kind}-{name}")
        made.reads = {"width": 256, **KINDS[kind].reads} if kind in KINDS else {"width": 768}
        return made

    def condition(self, value: float) -> Node:
        return self.graph.add("UNSTest_TokensConditioning", value=value, tokens=10, **self.reads)

    def simple(self) -> Node:
        return self.graph.add("BasicScheduler", model=self.model, scheduler="simple", steps=5, denoise=1.0)

    def up(self, **given) -> Node:
        return self.unsample(given.pop("sigmas", None) or self.simple(), **given)

    def edited(self, noise: Node, **given) -> Node:
        return self.resample(noise, 2.0, TARGET, **given)

    def error(self, samples: Tensor) -> float:
        assert samples.isfinite().all()
        return float((samples - self.clip).norm() / self.clip.norm())


@pytest.mark.parametrize(
    ("source", "given"),
    [
        (video(1), {}),
        (video(3, 2), {}),
        (video(3, 2), {"solver": "dpmpp_2m"}),
        (video(), {"record": "half"}),
        (video(), {"end": 0.5}),
    ],
    ids=["one frame", "two clips", "two clips dpmpp_2m", "half", "partial"],
)
def test_it_comes_back_and_another_prompt_makes_another_clip(comfy, request, source, given):
    wan = Wan.of(comfy, request.node.callspec.id, source)
    noise = wan.up(**given)
    found = wan.run(back=wan.resample(noise), edit=wan.edited(noise))
    assert found["back"].shape == found["edit"].shape == source.shape
    assert wan.error(found["back"]) < EXACT
    assert wan.error(found["edit"]) > 1e-3


def test_without_a_record_it_runs_but_does_not_come_back(comfy):
    wan = Wan.of(comfy, "off", video())
    assert wan.error(wan.run(back=wan.resample(wan.up(record="off")))["back"]) > EXACT


def test_a_curve_runs_over_the_frames_of_each_clip(comfy):
    """Free at the first frame, the source itself at the last one. The model sees all frames together, so a
    free one differs from that of a free run."""
    comfy.needs("CurveEditor")
    wan = Wan.of(comfy, "curve", video(3, 2))
    noise = wan.up()
    points = {"points": [[0.0, 0.0], [1.0, 1.0]], "interpolation": "linear"}
    curve = wan.graph.add("CurveEditor", curve=points)
    found = wan.run(curve=wan.edited(noise, structure=curve), free=wan.edited(noise))
    away, free = ((x - wan.clip).square().mean((1, 3, 4)) for x in (found["curve"], found["free"]))
    assert torch.allclose(found["curve"][:, :, 2], wan.clip[:, :, 2], atol=1e-5)
    assert ((away[:, 0] > away[:, 1]) & (away[:, 1] > 0)).all()
    assert (away[:, 0] > 0.5 * free[:, 0]).all()


@pytest.mark.parametrize("shape", [(1, 64, 96), (9, 64, 96), (3, 1, 8, 12), (1, 1, 3, 8, 12)])
@pytest.mark.parametrize("clips", [1, 2])
def test_outside_a_mask_the_clip_stays_to_the_bit(comfy, shape, clips):
    mask = torch.zeros(shape)
    mask[..., shape[-1] // 2 :] = 1
    wan = Wan.of(comfy, f"mask-{len(shape)}-{shape[0]}-{clips}", video(3, clips), noise_mask=mask)
    edit = wan.run(edit=wan.edited(wan.up()))["edit"]
    assert torch.equal(edit[..., :6], wan.clip[..., :6])
    assert not torch.allclose(edit[..., 6:], wan.clip[..., 6:], atol=1e-3)


@pytest.mark.parametrize(("clips", "masks"), [(1, 3), (2, 2)])
def test_a_clip_of_one_latent_frame_takes_its_own_mask(comfy, clips, masks):
    """Of three frames, of which the VAE kept the first; and each of two clips."""
    mask = torch.zeros(masks, 1, 64, 96)
    mask[0, ..., 48:] = 1
    wan = Wan.of(comfy, f"mask-one-{clips}", video(1, clips), noise_mask=mask)
    edit = wan.run(edit=wan.edited(wan.up()))["edit"]
    assert torch.equal(edit[0, ..., :6], wan.clip[0, ..., :6])
    assert not torch.allclose(edit[0, ..., 6:], wan.clip[0, ..., 6:], atol=1e-3)
    assert torch.equal(edit[1:], wan.clip[1:])


@pytest.mark.parametrize(
    ("kind", "count", "free", "changed"),
    [
        ("wan", 9, 3, 1),
        ("wan", 9, 6, 2),
        ("wan", 9, 0, 0),
        ("hunyuan_video", 9, 4, 1),
        ("hunyuan_video", 7, 5, 2),  # which repeat_last filled up
        ("ltxv", 17, 10, 2),
        ("ltxv", 17, 8, 1),
    ],
)
def test_a_latent_frame_is_free_where_any_of_its_frames_is(comfy, kind, count, free, changed):
    """The others come back to the bit; what is free in one frame of the clip alone does not vanish."""
    mask = torch.zeros(count, 64, 96)
    mask[free] = 1
    source = clip(3, 128 if kind == "ltxv" else 16, 8, 12, 1.0).movedim(0, 1)[None]
    wan = Wan.of(comfy, f"union-{kind}-{count}-{free}", source, kind, noise_mask=mask)
    edit = wan.run(edit=wan.edited(wan.up()))["edit"]
    same = [torch.equal(edit[:, :, i], wan.clip[:, :, i]) for i in range(3)]
    assert same == [i != changed for i in range(3)]


def test_ltxvs_guides_are_refused_and_a_mask_of_theirs_too(comfy):
    source = clip(3, 128, 8, 12, 1.0).movedim(0, 1)[None]
    wan = Wan.of(comfy, "guides", source, "ltxv")
    guided = wan.graph.add(
        "UNSTest_TokensConditioning", value=1.0, tokens=10, width=256, settings='{"keyframe_idxs": [1]}'
    )
    with pytest.raises(RunError, match=r"Exact Unsampler: positive and negative carry LTXV's guides"):
        wan.run(noise=wan.up(positive=guided))
    mask = torch.ones(1, 1, 3, 8, 12)
    mask[..., 2, 1::2, :] = -2
    left_out = Wan.of(comfy, "left-out", source, "ltxv", noise_mask=mask)
    with pytest.raises(
        RunError, match="latent_image carries a noise mask with values down to -2, by which LTXV"
    ):
        left_out.run(noise=left_out.up())


def test_a_clip_of_several_takes_its_record_along_and_a_part_of_the_time_is_refused(comfy):
    wan = Wan.of(comfy, "slices", video(3, 2))
    noise = wan.up()
    second = wan.graph.add("LatentFromBatch", samples=noise, batch_index=1, length=1)
    back = wan.run(back=wan.resample(second))["back"]
    assert float((back - wan.clip[1:]).norm() / wan.clip[1:].norm()) < EXACT
    cut = wan.graph.add("LatentCut", samples=noise, dim="t", index=0, amount=2)
    with pytest.raises(RunError, match="do not resize or cut noise"):
        wan.run(cut=wan.resample(cut))


def test_the_inversion_sampler_is_the_plain_nodes(comfy):
    wan = Wan.of(comfy, "sampler", video())
    sigmas = wan.simple()
    up, custom = wan.up(sigmas=sigmas, record="off"), wan.custom(wan.latent, "unsample", sigmas)
    found = wan.run(up=up, custom=custom, down=wan.resample(up), back=wan.custom(custom, "resample", sigmas))
    assert torch.equal(found["up"], found["custom"])
    assert torch.equal(found["down"], found["back"])


@pytest.mark.parametrize("table", ["SD1", "SDXL"])
@pytest.mark.parametrize("where", ["up", "sampler", "elsewhere"])
def test_a_schedule_of_an_eps_model_is_refused(comfy, table, where):
    """It would come back exactly, and be no noise of this model for any other prompt."""
    wan = Wan.of(comfy, f"ays-{table}-{where}", video())
    sigmas = wan.graph.add("UNS_AYSScheduler", model_type=table, steps=5, denoise=1.0)
    strong = wan.graph.add("LatentMultiply", samples=wan.latent, multiplier=10.0)
    made = {
        "up": lambda: wan.up(sigmas=sigmas),
        "sampler": lambda: wan.custom(wan.latent, "unsample", sigmas),
        "elsewhere": lambda: wan.resample(strong, sigmas=sigmas),
    }
    with pytest.raises(RunError, match=r"sigmas starts at 14.61, but the model is a flow model, .*up to 1"):
        wan.run(x=made[where]())


def test_another_shift_in_the_resampler_is_refused_with_its_own_cure(comfy):
    wan = Wan.of(comfy, "shift", video())
    other = wan.graph.add(SHIFTED, model=wan.model, shift=3.0)
    with pytest.raises(RunError, match=r"use the same shift \(ModelSampling node\) in both passes"):
        wan.run(back=wan.resample(wan.up(), model=other))


def test_windows_that_overlap_wholly_are_told_in_latent_frames(comfy):
    wan = Wan.of(comfy, "overlap", video(7))
    windows = wan.graph.add(
        "WanContextWindowsManual",
        model=wan.model,
        context_length=9,
        context_overlap=12,
        context_stride=1,
        context_schedule="standard_uniform",
        closed_loop=False,
        fuse_method="pyramid",
        freenoise=True,
        retain_first_frame=False,
        split_conds_to_windows=False,
    )
    told = "of 3 latent frames that overlap by 3; set context_overlap to less than 3 latent frames"
    with pytest.raises(RunError, match=told):
        wan.run(noise=wan.up(model=windows))


def test_a_video_beside_the_clip_of_another_length_is_a_sentence(comfy):
    """Where the model reads it: from text alone to video, it is nothing."""
    told = "have a video of 2 latent frames, and the clip has 3: set length of the node"
    for kind, length, refused in (("wan_i2v", 5, True), ("wan_i2v", 9, False), ("wan", 5, False)):
        wan = Wan.of(comfy, f"beside-{kind}-{length}", video(), kind)
        vae = wan.graph.add("VAELoader", vae_name=family_model(comfy.models_dir, "wan_vae"))
        picture = wan.graph.add("EmptyImage", width=96, height=64, batch_size=1, color=128)
        shape = {"width": 96, "height": 64, "length": length, "batch_size": 1}
        texts = {"positive": wan.condition(1.0), "negative": wan.condition(0.0)}
        both = wan.graph.add("WanImageToVideo", **texts, vae=vae, start_image=picture, **shape)
        sides = {"positive": both, "negative": both[1]}
        noise = wan.unsample(wan.simple(), **sides)
        back = wan.graph.add(
            "UNS_NoiselessResampler", model=wan.model, noise=noise, cfg=1.0, structure=0.0, **sides
        )
        if refused:
            with pytest.raises(RunError, match=told):
                wan.run(back=back)
        else:
            assert wan.error(wan.run(back=back)["back"]) < EXACT

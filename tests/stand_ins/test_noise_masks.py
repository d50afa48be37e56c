"""What a noise mask must be, and what it means for the frames of a latent."""

import pytest
import torch

from unsampling_pack.host import masks, places
from unsampling_pack.unsampling import UnsamplingError

FRAMES, VIDEO = (32, 4, 8, 8), (1, 16, 9, 8, 8)


@pytest.mark.parametrize(
    ("shape", "mask", "held"),
    [
        (FRAMES, (1, 64, 64), None),
        (FRAMES, (64, 64), None),
        (FRAMES, (32, 64, 64), None),
        (FRAMES, (32, 1, 64, 64), 1),
        ((1, 4, 8, 8), (1, 1, 8, 8), None),
        (VIDEO, (1, 64, 64), 4),
        (VIDEO, (9, 1, 8, 8), 4),  # one a latent frame
        (VIDEO, (33, 64, 64), 4),  # one a frame of the clip
        (VIDEO, (35, 64, 64), 4),  # of which the VAE dropped two
        (VIDEO, (30, 64, 64), 4),  # or which was filled up
        (VIDEO, (65, 64, 64), 8),
        (VIDEO, (65, 64, 64), None),
        (VIDEO, (1, 1, 9, 8, 8), 4),
        ((2, 16, 9, 8, 8), (2, 1, 9, 8, 8), 4),
        ((2, 16, 9, 8, 8), (1, 1, 33, 8, 8), 4),
    ],
)
def test_one_mask_or_one_a_frame(shape, mask, held):
    masks.check(torch.zeros(mask), shape, "latent_image", held)


@pytest.mark.parametrize(
    ("shape", "mask", "held", "told"),
    [
        (FRAMES, (16, 64, 64), None, "32 frames and 16 noise masks"),  # every second frame has one
        ((16, 4, 8, 8), (32, 64, 64), None, "16 frames and 32 noise masks"),
        (FRAMES, (31, 1, 64, 64), None, "32 frames and 31 noise masks"),
        (FRAMES, (0, 64, 64), None, "32 frames and 0 noise masks"),
        (FRAMES, (2, 4, 64, 64), None, "32 frames and 8 noise masks"),
        ((1, 4, 8, 8), (2, 64, 64), None, "1 frames and 2 noise masks"),
        (VIDEO, (17, 64, 64), 4, "9 latent frames and 17 noise masks"),
        (VIDEO, (29, 64, 64), 4, "9 latent frames and 29 noise masks"),
        (VIDEO, (33, 64, 64), 8, "9 latent frames and 33 noise masks"),
        (VIDEO, (2, 64, 64), None, "9 latent frames and 2 noise masks"),
        ((1, 16, 1, 8, 8), (5, 8, 8), 4, "1 latent frames and 5 noise masks"),
        ((3, 16, 1, 8, 8), (5, 8, 8), 4, "1 latent frames and 5 noise masks"),
        (VIDEO, (1, 1, 5, 8, 8), 4, "9 latent frames and 5 noise masks"),
        ((3, 16, 9, 8, 8), (2, 1, 9, 8, 8), 4, "3 latent frames and 2 noise masks"),
    ],
)
def test_another_number_of_masks_is_told_by_both_numbers(shape, mask, held, told):
    with pytest.raises(UnsamplingError) as refusal:
        masks.check(torch.zeros(mask), shape, "latent_image", held)
    cause = "give one mask, or one a frame: load clip and masks with the same every_nth, start and number"
    assert str(refusal.value).startswith(f"latent_image has {told}; {cause}")


@pytest.mark.parametrize(
    ("numbers", "joined"),
    [
        ([*range(4), *range(4)], True),
        ([0, 1, 2, 0, 1], True),
        ([3, 4, 5, 5], True),
        ([2, 3, 4, 5], False),
        ([0, 2, 4, 6], False),
        (None, False),
        ([None, "a"], False),
    ],
)
def test_clips_that_were_joined_have_the_cure_for_that(numbers, joined):
    latent = {"samples": torch.zeros(8, 4, 8, 8), "batch_index": numbers}
    with pytest.raises(UnsamplingError) as refusal:
        masks.check(torch.zeros(4, 8, 8), (8, 4, 8, 8), "latent_image", None, places.joined(latent))
    cure = "join the masks too (Batch Masks), and set all 8 behind it with Set Latent Noise Mask"
    assert (cure in str(refusal.value)) == joined
    assert ("same every_nth" in str(refusal.value)) != joined
    with pytest.raises(UnsamplingError, match="same every_nth"):  # more masks than frames are no join's
        masks.check(torch.zeros(9, 8, 8), (8, 4, 8, 8), "latent_image", None, joined)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_mask_without_numbers(value):
    mask = torch.zeros(32, 8, 8)
    mask[3, 2, 2] = value
    with pytest.raises(UnsamplingError, match="noise carries a noise mask with NaN or infinite values"):
        masks.check(mask, FRAMES, "noise", None)


@pytest.mark.parametrize(
    ("mask", "what"),
    [
        ([[1.0]], "a list"),
        (torch.zeros(1, 8, 8).numpy(), "a ndarray"),
        ("mask.png", "a str"),
        (torch.zeros(8), "a tensor of float32 and shape (8,)"),
        (torch.tensor(1.0), "a tensor of float32 and shape ()"),
        (torch.zeros(1, 8, 8).to_sparse(), "a sparse_coo tensor of float32 and shape (1, 8, 8)"),
        (torch.zeros(1, 8, 8, dtype=torch.complex64), "a tensor of complex64 and shape (1, 8, 8)"),
    ],
)
def test_what_is_no_mask(mask, what):
    with pytest.raises(UnsamplingError) as refusal:
        masks.check(mask, FRAMES, "noise", None)
    assert str(refusal.value) == (
        f"noise carries a noise_mask that is {what}, which is no mask; set it with Set Latent Noise Mask,"
        " from a MASK"
    )


def painted(
    frames: int = 3, video: bool = False, noise: float = 0.0, hole: bool = True, moving: bool = False
):
    """A clip that is of one colour where its masks leave it free, as VAE Encode (for Inpainting) makes it."""
    random = torch.Generator().manual_seed(5)
    clip, white = torch.randn(frames, 4, 32, 32, generator=random), torch.zeros(frames, 1, 32, 32)
    grey = torch.tensor([0.5, -1.0, 0.2, 2.0]).reshape(4, 1, 1)
    for i in range(frames):
        place = (..., slice(6, 26), slice(4 + 2 * i * moving, 24 + 2 * i * moving))
        white[i][place] = 1
        if hole:
            clip[i][place] = (grey + noise * torch.randn(4, 32, 32, generator=random))[place]
    if video:
        clip, white = (x.movedim(0, 1)[None] for x in (clip, white))
    return clip, white


HOLES = [{}, {"video": True}, {"moving": True}, {"noise": 0.05}, {"frames": 1}]


@pytest.mark.parametrize("how", HOLES)
def test_a_hole_under_the_mask_is_told_and_a_clip_is_none(how):
    said = masks.of_hole(*painted(**how))
    assert "under its noise mask the clip is of one colour" in said
    assert said.endswith(
        "VAE Encode (for Inpainting) paints that part grey; use VAE Encode and Set Latent Noise Mask"
    )
    assert masks.of_hole(*painted(**how | {"hole": False})) == ""


def test_one_mask_for_all_frames_and_masks_without_an_inside():
    clip, white = painted()
    assert masks.of_hole(clip, white[:1]) != ""
    small = torch.zeros_like(white)
    small[..., 8:14, 8:14] = 1  # its edge is all that there is
    for mask in (small, torch.zeros_like(white), white * 0.5):
        assert masks.of_hole(clip, mask) == ""


def test_a_part_that_only_is_calm_is_no_hole():
    assert masks.of_hole(*painted(noise=0.2)) == ""
    clip, white = painted()
    assert masks.of_hole(clip + torch.arange(3.0).reshape(3, 1, 1, 1), white) == ""  # other colours in time


# how many frames a latent frame holds, latent frames, masks, and the masks of each latent frame
GROUPS = [
    (4, 3, 9, [[0], [1, 2, 3, 4], [5, 6, 7, 8]]),
    (4, 3, 11, [[0], [1, 2, 3, 4], [5, 6, 7, 8]]),  # the VAE dropped two
    (4, 3, 7, [[0], [1, 2, 3, 4], [5, 6]]),  # which repeat_last filled up
    (8, 3, 17, [[0], list(range(1, 9)), list(range(9, 17))]),
    (6, 2, 7, [[0], list(range(1, 7))]),
    (None, 3, 17, [[0], list(range(1, 9)), list(range(9, 17))]),  # an older ComfyUI does not tell
    (None, 3, 13, [[0], list(range(1, 7)), list(range(7, 13))]),
    (4, 3, 3, [[0], [1], [2]]),
    (4, 3, 1, [[0], [0], [0]]),
    (4, 1, 1, [[0]]),
    (4, 1, 3, [[0]]),  # the VAE dropped two of three
    (8, 1, 8, [[0]]),
]


@pytest.mark.parametrize(("held", "frames", "count", "groups"), GROUPS)
@pytest.mark.parametrize("ndim", [3, 4, 5])
def test_a_latent_frame_has_the_union_of_its_frames_masks(held, frames, count, groups, ndim):
    """Whichever frame alone is free."""
    shape = (1, 16, frames, 2, 3)
    for free in range(count):
        mask = torch.zeros(count, 2, 3)
        mask[free, 0, 1] = 0.75
        given = mask if ndim == 3 else mask[:, None] if ndim == 4 else mask[None, None]
        masks.check(given, shape, "latent_image", held)
        found = masks.of_latent_frames(given, shape, held).expand(1, 1, frames, 2, 3)
        assert [float(one.max()) for one in found[0, 0]] == [0.75 * (free in group) for group in groups]
        assert found.sum() == found[..., 0, 1].sum()


def test_each_of_several_clips_has_its_own_masks():
    mask = torch.zeros(2, 1, 9, 2, 2)
    mask[0, :, 2], mask[1, :, 8] = 1, 1
    found = masks.of_latent_frames(mask, (2, 16, 3, 2, 2), 4)
    assert found[:, 0, :, 0, 0].tolist() == [[0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize("shape", [(2, 4, 4), (2, 1, 4, 4)])
def test_each_of_several_pictures_of_a_video_model_has_its_own_mask(shape):
    mask = torch.stack([torch.zeros(4, 4), torch.ones(4, 4)]).reshape(shape)
    masks.check(mask, (2, 16, 1, 4, 4), "latent_image", 4)
    found = masks.of_latent_frames(mask, (2, 16, 1, 4, 4), 4)
    assert found.shape == (2, 1, 1, 4, 4) and found[:, 0, 0, 0, 0].tolist() == [0, 1]


def test_frames_that_are_latents_themselves_keep_their_masks():
    mask = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    assert masks.of_latent_frames(mask, (4, 4, 8, 8), None) is mask


@pytest.mark.parametrize("low", [-0.001, -0.6, -1.0, -2.0, -11.0])
@pytest.mark.parametrize("shape", [(9, 64, 96), (1, 1, 3, 8, 12), (1, 8, 12)])
def test_places_that_ltxv_leaves_out_are_refused_by_name(low, shape):
    """LTXVAddGuide's mask less its strength is below 0 at any strength."""
    mask = torch.ones(shape)
    mask[..., 1, 1] = low
    with pytest.raises(
        UnsamplingError, match=f"values down to {low:g}, by which LTXV's guides .*LTXVCropGuides"
    ):
        masks.check(mask, (1, 128, 3, 8, 12), "latent_image", 8)


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.0, 1.0, ""),
        (-0.08, 1.0, "from -0.08 to 1"),
        (0.0, 255.0, "from 0 to 255"),
        (-0.9, 1.1, "from -0.9 to 1.1"),
    ],
)
def test_values_that_are_taken_as_0_or_1_are_told(low, high, told):
    mask = torch.tensor([[low, 0.5, high]])
    masks.check(mask[None], FRAMES, "latent_image", None)
    said = masks.remark(mask, mask.clamp(0, 1))
    assert said.startswith(f"; the noise mask has values {told}: those below 0") if told else said == ""
    assert masks.remark(None, None) == ""


def test_a_mask_that_leaves_nothing_free_is_told():
    speck, nothing = torch.zeros(1, 64, 64), torch.zeros(1, 1, 8, 8)
    assert "leaves nothing free at the latent's size: the clip stays" in masks.remark(speck, nothing)
    speck[0, 1, 1] = 1
    assert "since what is white is smaller than a cell" in masks.remark(speck, nothing)
    assert masks.remark(speck, nothing + 0.1) == ""

"""Which frames of the noise a LATENT has in hand, where frames of equal noise have other masks."""

import pytest
import torch

from unsampling_pack.host import places, record, settings
from unsampling_pack.host.facts import Facts, Family
from unsampling_pack.host.places import Place, placed
from unsampling_pack.unsampling import Inversion, UnsamplingError
from unsampling_pack.unsampling.change import Change
from unsampling_pack.unsampling.direct import Direct
from unsampling_pack.unsampling.record import Record

STILL, TWOS, OTHER = "aaaa", "aabbcc", "abcdef"


class Format:
    latent_channels = 4

    @staticmethod
    def process_in(samples):
        return samples * 0.18215


def told(*numbers: int) -> list[Place]:
    return [Place(n) for n in numbers]


@pytest.mark.parametrize(
    ("clip", "names", "carried", "frames"),
    [
        (STILL, "aa", told(2, 3), [2, 3]),  # a slice of a still clip
        (STILL, "aaaa", told(2, 3, 2, 3), [2, 3, 2, 3]),  # which was repeated
        (STILL, "aaa", told(3, 2, 1), [3, 2, 1]),  # or turned round
        (STILL, "aaaa", told(3, 2, 1, 0), [3, 2, 1, 0]),
        (STILL, "aa", told(0, 2), [0, 2]),  # every second frame
        (STILL, "aaa", told(3, 0, 1), [3, 0, 1]),  # two slices, joined
        (TWOS, "bb", told(3, 2), [3, 2]),
        (STILL, "aaaa", [], [0, 1, 2, 3]),  # the noise as it was
        (STILL, "aaaa", told(1, 1, 1, 1), [0, 1, 2, 3]),  # with one seed for all of it
        (STILL, "aaaaaaaa", [], [0, 1, 2, 3] * 2),  # the noise, repeated
        (OTHER, "aaa", told(0, 0, 0), [0, 0, 0]),  # one frame, repeated
        (TWOS, "abbc", [], [1, 2, 3, 4]),  # nothing else lies at equal distances
        (TWOS, "cbba", [], [4, 3, 2, 1]),
        (OTHER, "ace", [], [0, 2, 4]),
        (OTHER, "fab", [], [5, 0, 1]),
        (OTHER, "aab", [], [0, 0, 1]),
    ],
)
def test_frames_are_known_by_their_places_or_where_only_one_way_leads_there(clip, names, carried, frames):
    found = placed(names, clip, carried)
    assert found.frames == frames and found.others == {}


@pytest.mark.parametrize(
    ("clip", "names", "carried", "others"),
    [
        (STILL, "aa", [], {0: [0, 1, 2, 3], 1: [0, 1, 2, 3]}),
        (STILL, "aa", told(0, 1, 2, 3), {0: [0, 1, 2, 3], 1: [0, 1, 2, 3]}),  # a node forgot to cut them
        (STILL, "aa", told(2, 7), {0: [0, 1, 2, 3], 1: [0, 1, 2, 3]}),
        (STILL, "a", [], {0: [0, 1, 2, 3]}),
        # one place for all of a slice: a frame that was repeated, or a slice with one seed for all of it
        (STILL, "aa", told(2, 2), {0: [0, 1, 2, 3], 1: [0, 1, 2, 3]}),
        (STILL, "aaaaaaaa", told(*[0] * 8), {i: [0, 1, 2, 3] for i in range(8)}),
        (TWOS, "bb", told(2, 2), {0: [2, 3], 1: [2, 3]}),
        (TWOS, "abc", [], {0: [0, 1], 1: [2, 3], 2: [4, 5]}),  # every second, from the first or the second
        (TWOS, "bbbb", [], {i: [2, 3] for i in range(4)}),  # no frame at two places by equal distances
        (TWOS, "abc", told(0, 1, 2), {0: [0, 1], 1: [2, 3], 2: [4, 5]}),  # places of another noise
        ("aabcde", "eda", [], {2: [0, 1]}),
    ],
)
def test_what_stays_open_has_all_that_it_may_be(clip, names, carried, others):
    found = placed(names, clip, carried)
    assert found.others == others
    assert [clip[place] for place in found.frames] == list(names)


@pytest.mark.parametrize("carried", [[], told(0, 1)])
def test_a_frame_of_another_noise_has_no_place(carried):
    assert placed("ax", STILL, carried) is None


def test_a_still_clip_of_a_thousand_frames_takes_no_time():
    assert len(placed("a" * 500, "a" * 1000, []).others) == 500


def test_a_place_stays_itself_where_core_adds_to_it():
    """As Repeat Latent Batch does with what it repeats."""
    assert [one + 4 for one in told(2, 3)] == [2, 3] and all(isinstance(one + 4, Place) for one in told(2))


FACTS = Facts(Family("model", "format", "sampling", "table", 14.6), "", Format(), 4, 1.0)
FRAME = torch.randn(1, 4, 3, 3, generator=torch.Generator().manual_seed(1))
MASKS = torch.tensor([0.0, 0.0, 1.0, 1.0]).reshape(4, 1, 1, 1)


def still(mask=MASKS, direct=None, outputs=None, latent=None, noise=None) -> dict:
    """The noise of a clip that stands still."""
    noise = (FRAME * 14.6).repeat(4, 1, 1, 1) if noise is None else noise
    answers = (noise / 2,) if outputs is None else outputs
    past = Record(noise / 14.6, answers, mask=mask, direct=direct)
    made = Inversion(noise, torch.tensor([14.6, 1.0, 0.0]), "euler", record=past)
    return record.noise_latent(latent or {}, noise / 0.18215, made, FACTS, None)


def cut(latent: dict, *frames: int, keep: bool = True) -> dict:
    """As a node cuts it that carries the places along, or drops them."""
    kept = [latent[places.KEY][i] for i in frames]
    others = {key: value for key, value in latent.items() if key != places.KEY}
    return {**others, "samples": latent["samples"][list(frames)]} | ({places.KEY: kept} if keep else {})


def fitted(latent: dict) -> record.Fit:
    return record.of_latent(latent).fitted(latent["samples"], told=places.of_latent(latent))


@pytest.mark.parametrize("frames", [(2, 3), (0, 1), (3, 2, 1, 0), (0, 2), (3, 0, 1), (1, 1, 2)])
def test_a_slice_takes_the_masks_and_settings_of_its_places(frames):
    latent = cut(still(), *frames)
    fit = fitted(latent)
    assert torch.equal(fit.inversion.record.mask, MASKS[list(frames)])
    settings.check_masks(fit, record.of_latent(latent))
    values, ramp = [0.0, 0.25, 0.5, 1.0], [0.0, 1.0]
    if len(frames) != 4:
        expected = [values[i] for i in frames]
        assert settings.over_clip(values, fit, latent["samples"], "structure").tolist() == expected
    found = settings.over_clip(ramp, fit, latent["samples"], "structure")
    assert found.tolist() == pytest.approx([i / (len(frames) - 1) for i in range(len(frames))])
    own = [0.1 * i for i in range(len(frames))]
    assert settings.over_clip(own, fit, latent["samples"], "structure").tolist() == pytest.approx(own)
    assert settings.over_clip(0.5, fit, latent["samples"], "structure") == 0.5


@pytest.mark.parametrize("frames", [(2, 3), (1, 2), (0,), (3, 1)])
def test_masks_of_unknown_places_are_a_sentence_and_equal_ones_are_not(frames):
    latent = cut(still(), *frames, keep=False)
    words = (
        f"frames of the clip that are equal have other masks, and a node on the way dropped which"
        f" {len(frames)} of its 4 frames noise has; cut the noise with Latent From Batch"
    )
    with pytest.raises(UnsamplingError, match=words):
        settings.check_masks(fitted(latent), record.of_latent(latent))
    for mask in (None, torch.ones(4, 1, 1, 1), torch.full((4, 1, 1, 1), 0.5)):
        latent = cut(still(mask), *frames, keep=False)
        settings.check_masks(fitted(latent), record.of_latent(latent))
        assert "equal frames" not in fitted(latent).remark


@pytest.mark.parametrize("name", ["structure", "fidelity"])
def test_settings_of_unknown_places_are_a_sentence_and_equal_ones_are_not(name):
    latent = cut(still(None), 2, 3, keep=False)
    fit, samples = fitted(latent), latent["samples"]
    with pytest.raises(UnsamplingError, match=f"{name} has other numbers for frames .* or a list of 2"):
        settings.over_clip([0.0, 0.0, 1.0, 1.0], fit, samples, name)
    assert settings.over_clip([0.5] * 4, fit, samples, name).tolist() == [0.5, 0.5]
    assert settings.over_clip([0.0, 1.0], fit, samples, name).tolist() == [0.0, 1.0]


def test_another_record_of_equal_frames_is_said_where_the_place_is_not_known():
    drift = torch.arange(4.0).reshape(4, 1, 1, 1).expand(4, 4, 3, 3)
    direct = Direct((drift * 0,), 1, (0, 1, 2, 3))
    words = "a node on the way dropped which of the clip's equal frames these are: taken for the first"
    for changes in ({"outputs": (drift,)}, {"direct": direct}):
        assert words in fitted(cut(still(None, **changes), 2, 3, keep=False)).remark
        assert words not in fitted(cut(still(None, **changes), 2, 3)).remark


@pytest.mark.parametrize("rounded", [lambda x: x, lambda x: x.half().float()], ids=["cut", "rounded"])
def test_the_report_says_so_too(reports, rounded):
    drift = torch.arange(4.0).reshape(4, 1, 1, 1).expand(4, 4, 3, 3)
    words = "a node on the way dropped which of the clip's equal frames these are: taken for the first"
    for keep in (False, True):
        latent = cut(still(None, outputs=(drift,) * 3), 2, 3, keep=keep)
        latent["samples"] = rounded(latent["samples"])
        assert (words in reports.text(reports.report_on(latent, None, None))) != keep


@pytest.mark.parametrize(
    ("frames", "copies"),
    [
        ((0, 1, 2, 3), False),
        ((1, 2), False),
        ((0, 2), False),
        ((3, 2), True),
        ((0, 0), True),
        ((0, 1, 3), True),
    ],
)
def test_a_slice_tells_whether_its_record_is_held_twice(frames, copies):
    latent = cut(still(), *frames)
    carried = record.of_latent(latent)
    assert carried.copies(latent["samples"], places.of_latent(latent)) == copies
    stored = []
    carried.fitted(latent["samples"], lambda x: stored.append(x) or x, places.of_latent(latent))
    assert bool(stored) == copies


@pytest.mark.parametrize(
    ("before", "frames", "after"),
    [
        ({}, (0, 1, 2, 3), None),
        ({}, (2, 3), [2, 3]),
        ({}, (2, 2), None),
        ({places.KEY: [8, 9, 10, 11]}, (0, 1, 2, 3), [8, 9, 10, 11]),
        ({places.KEY: [8, 9, 10, 11]}, (1, 3), [9, 11]),
        ({places.KEY: [0, 0, 0, 0]}, (1, 3), [0, 0]),
    ],
)
def test_the_restyled_clip_says_of_its_frames_what_the_source_said(before, frames, after):
    latent = cut(still(latent=before), *frames)
    clip = record.of_latent(latent).clip_latent(latent, latent["samples"], list(frames))
    assert clip.get(places.KEY) == after and record.KEY not in clip
    assert not places.of_noise(clip)


ROUNDINGS = {
    "float16": lambda x: x.half().float(),
    "bfloat16": lambda x: x.bfloat16().float(),
    "ulp": lambda x: x.nextafter(x + 1),
    "scale": lambda x: x / 0.18215 * 0.18215 * (1 + 1e-7),
}


@pytest.mark.parametrize("rounded", ROUNDINGS.values(), ids=ROUNDINGS)
def test_noise_changed_by_a_rounding_is_called_that(rounded):
    latent = still()
    whole, part = (one | {"samples": rounded(one["samples"])} for one in (latent, cut(latent, 3, 1)))
    for one, frames in ((whole, [0, 1, 2, 3]), (part, [3, 1])):
        fit = fitted(one)
        assert fit.change is Change.ROUNDED and fit.frames == frames
        assert fit.inversion.noise.numel() == 0 and "rounded on the way" in fit.remark
        assert torch.equal(fit.inversion.record.mask, MASKS[frames])


def moving(mask=MASKS) -> dict:
    """The noise of four frames that differ."""
    return still(mask, noise=torch.randn(4, 4, 3, 3, generator=torch.Generator().manual_seed(3)) * 14.6)


@pytest.mark.parametrize("rounded", ROUNDINGS.values(), ids=ROUNDINGS)
@pytest.mark.parametrize("frames", [(1, 2), (3,), (2, 1), (0, 2, 3), (1, 1), (0, 1, 2, 3, 0, 1, 2, 3)])
@pytest.mark.parametrize("keep", [True, False])
def test_a_slice_that_was_rounded_is_that_whether_its_places_are_known_or_not(rounded, frames, keep):
    latent = cut(moving(), *frames, keep=keep)
    fit = fitted(latent | {"samples": rounded(latent["samples"])})
    assert fit.change is Change.ROUNDED and fit.frames == list(frames) and not fit.unsure
    assert fit.remark.startswith(f"{len(frames)} of 4 frames, rounded on the way")
    assert torch.equal(fit.inversion.record.mask, MASKS[list(frames)])


@pytest.mark.parametrize("frames", [(2, 3), (1,)])
def test_a_rounded_slice_of_a_still_clip_has_the_sentence_of_a_slice(frames):
    latent = cut(still(), *frames, keep=False)
    fit = fitted(latent | {"samples": latent["samples"].half().float()})
    assert fit.change is Change.ROUNDED
    with pytest.raises(UnsamplingError, match="frames of the clip that are equal have other masks"):
        settings.check_masks(fit, record.of_latent(latent))


@pytest.mark.parametrize(
    "changed", [lambda x: x * 1.02, lambda x: x.flip(-1), lambda x: torch.cat([x[:1].half().float(), -x[1:]])]
)
def test_a_slice_that_was_changed_by_more_is_none(changed):
    latent = cut(moving(), 1, 2, 3, keep=False)
    assert fitted(latent | {"samples": changed(latent["samples"])}).change is Change.FRAMES_ADDED


@pytest.mark.parametrize(
    ("ours", "theirs"), [(MASKS, 1 - MASKS), (None, MASKS), (MASKS, None)], ids=["other", "added", "lost"]
)
def test_noises_of_one_clip_with_other_masks_are_not_each_other(ours, theirs):
    """Core's Latent Batch keeps the record of the first."""
    first, second = still(ours), still(theirs)
    both = {key: torch.cat([one[key] for one in (first, second)]) for key in ("samples",)}
    both = first | both | {places.KEY: first[places.KEY] + second[places.KEY]}
    for latent in (both, cut(both, 0, 1, 6, 7)):
        fit = fitted(latent)
        assert fit.change is Change.FRAMES_ADDED and fit.inversion.record is None
        assert "not exact, and the mask is lost" in fit.remark
    assert fitted(cut(both, 0, 1)).change is Change.SLICED
    assert (
        fitted(first | {"samples": both["samples"]} | {places.KEY: first[places.KEY] * 2}).frames
        == [0, 1, 2, 3] * 2
    )


@pytest.mark.parametrize("frames", [(3, 2, 1, 0), (1, 0, 3, 2)])
def test_changed_noise_in_another_order_has_the_record_of_its_places(frames):
    latent = cut(still(), *frames)
    fit = fitted(latent | {"samples": latent["samples"] * 1.1})
    assert fit.change is Change.EDITED and fit.frames == list(frames)
    assert torch.equal(fit.inversion.record.mask, MASKS[list(frames)])


def test_rounded_noise_is_noise_that_was_unsampled_already():
    latent = still()
    for samples in (latent["samples"], latent["samples"].half().float()):
        with pytest.raises(UnsamplingError, match="latent_image is already unsampled noise"):
            record.refuse_noise(latent | {"samples": samples}, samples)
    record.refuse_noise(latent, latent["samples"] * 1.1)


@pytest.mark.parametrize(
    "changed",
    [
        lambda x: x * 1.02,
        lambda x: x.flip(-1),
        lambda x: x.to(torch.float8_e4m3fn).float(),
        lambda x: torch.cat([x[:3], -x[3:]]),
    ],
    ids=["stronger", "flipped", "float8", "one frame"],
)
def test_noise_changed_by_more_is_changed_noise(changed):
    latent = still()
    fit = fitted(latent | {"samples": changed(latent["samples"])})
    assert fit.change is Change.EDITED and fit.frames is None


@pytest.mark.parametrize("name", ["structure", "hold", "steady", "direct"])
def test_a_setting_that_needs_the_record_of_frames_that_were_added(name):
    latent = still()
    fit = fitted({**latent, "samples": latent["samples"].repeat(3, 1, 1, 1) * 1.1})
    given = {"structure": 0.0, "hold": 0.0, "steady": 0.0, "direct": None}
    settings.check_record(fit, given, carried=True)
    words = f"frames were added .*, so its record is lost, which {name} above 0 needs; .* or set {name} to 0"
    for value in (0.5, torch.tensor([0.0, 0.5])) if name == "structure" else (0.5,):
        with pytest.raises(UnsamplingError, match=words):
            settings.check_record(fit, given | {name: value}, carried=True)
